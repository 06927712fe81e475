"""The manual page, made by `tests/test_docs.py`, as those read it who show it."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.cli.conversation import REPOSITORY

PAGE = REPOSITORY / "docs/man/trader.1"


@pytest.mark.parametrize(
    "formatter",
    [
        ["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-z"],
        ["mandoc", "-Tlint", "-Werror"],
        ["man", "--warnings", "-l", "-E", "UTF-8"],
    ],
    ids=lambda command: command[0],
)
def test_formatters_have_nothing_to_say(formatter: list[str]) -> None:
    if shutil.which(formatter[0]) is None:
        pytest.skip(f"no {formatter[0]} here")
    environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "MANWIDTH": "100", "MANPAGER": "cat"}
    done = subprocess.run(
        [*formatter, str(PAGE)], capture_output=True, text=True, env=environ, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    if formatter[0] == "man":
        assert "trader flatten" in done.stdout
