"""Every golden conversation, replayed."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from core.digests import code_digest
from tests.cli.conversation import Shell, assert_golden
from tests.cli.terminal_conversation import assert_conversation
from tests.executable.person import Person
from tests.executable.program import PageTime
from tests.executable.scenes import SCENES

FOLDER = Path(__file__).parent / "golden"
AT_A_TERMINAL = {"newcomer": "newcomer", "newcomer-rotation": "rotating"}
"""Conversation -> the scene in which it begins."""
GOLDEN = sorted(file for file in FOLDER.glob("*.txt") if file.stem not in AT_A_TERMINAL)
CODE_DIGEST = code_digest()


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_conversation(file: Path, tmp_path: Path) -> None:
    assert_golden(file, Shell(tmp_path))


@pytest.mark.parametrize("name", AT_A_TERMINAL)
def test_conversation_at_a_terminal(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("core.digests", "cli.wiring"):
        monkeypatch.setattr(f"{module}.code_digest", lambda: CODE_DIGEST)
    with ExitStack() as ends:
        person = Person(tmp_path, PageTime())
        ends.enter_context(person.time.kept())
        SCENES[AT_A_TERMINAL[name]](person, ends)
        ends.callback(person.leave)
        assert_conversation(FOLDER / f"{name}.txt", person)
