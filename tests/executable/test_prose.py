"""What stands between the code blocks: commands that sentences name, and code that is only indented."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
import typer

from tests.executable.pages import Page
from tests.executable.test_pages import PAGES, by_name
from tests.test_runbook_pages import commands_of, parse

CODE = re.compile(r" {4,}(?!\d+\. |[-*] |<!--|\|)\S.*[=(→]")
INLINE = re.compile(r"`((?:[A-Z_]+=\S+ )*trader [^`]+)`")
PLACEHOLDER = re.compile(r"…|\.\.\.|\||\[|\bCOMMAND\b")


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_code_is_fenced(page: Page) -> None:
    """Code that is only indented would be run by nobody."""
    lines = ["", *page.path.read_text(encoding="utf-8").splitlines()]
    fenced = {line for block in page.blocks for line in range(block.line, block.line + len(block.lines) + 2)}
    bare = [
        f"{page.name}:{number}: {line}"
        for number, (before, line) in enumerate(pairwise(lines), start=1)
        if number - 1 not in fenced and not before.strip() and CODE.match(line)
    ]
    assert not bare


def fault(typed: str) -> str:
    """Return what is wrong with a command line. A sentence may name a command without what it takes."""
    try:
        for arguments in commands_of(" ".join(typed.split())):
            parse(arguments)
    except typer.Exit:
        return ""
    except typer.TyperException as wrong:
        said = wrong.format_message()
        return "" if said.startswith("Missing") else f"{typed}: {said}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_a_command_in_a_sentence_is_one(page: Page) -> None:
    named = INLINE.findall(page.path.read_text(encoding="utf-8"))
    assert not [told for typed in named if not PLACEHOLDER.search(typed) and (told := fault(typed))]


def test_a_command_that_is_none_is_found() -> None:
    assert "No such option: --hard" in fault("trader halt --reason x --hard")
    assert "No such command" in fault("trader stop")
    assert not fault("trader resume")
    assert CODE.match("    equity = cash + position")
