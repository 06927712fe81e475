"""Every golden conversation, replayed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conversation import Shell, assert_golden

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.txt"))


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_conversation(file: Path, tmp_path: Path) -> None:
    assert_golden(file, Shell(tmp_path))
