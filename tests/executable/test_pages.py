"""Every page of the documentation does what it says: each code block is run, and what it shows is compared.

`UPDATE_GOLDEN=1 pytest tests/executable` writes what is printed into the pages, where they show anything;
read the diff like code. A line `?` under a command is replaced by its whole answer.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.digests import code_digest
from tests.conftest import REPOSITORY
from tests.executable.blocks import READ_AS
from tests.executable.pages import Block, Page, read_page
from tests.executable.person import Person
from tests.executable.program import PageTime
from tests.executable.scenes import SCENES
from tests.executable.shown import agrees, difference, renewed

FILES = [
    REPOSITORY / "README.md",
    REPOSITORY / "SECURITY.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    *sorted((REPOSITORY / "runbooks").glob("*.md")),
]
PAGES = [read_page(file, REPOSITORY) for file in FILES]
CONSOLE = "console"
CODE_DIGEST = code_digest()


def by_name(page: Page) -> str:
    return page.name.removesuffix(".md")


@pytest.fixture(autouse=True)
def code_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let evidence count although somebody edits the code while a page is walked."""
    for module in ("core.digests", "cli.wiring"):
        monkeypatch.setattr(f"{module}.code_digest", lambda: CODE_DIGEST)


@pytest.mark.parametrize("page", [page for page in PAGES if page.blocks], ids=by_name)
def test_page(page: Page, tmp_path: Path) -> None:
    renew: list[tuple[int, int, list[str]]] = []
    for number, (scene, blocks) in enumerate(page.scenes()):
        folder = tmp_path / f"scene-{number}"
        folder.mkdir()
        with ExitStack() as ends:
            person = Person(folder, PageTime())
            ends.enter_context(person.time.kept())
            SCENES[scene](person, ends)
            ends.callback(person.leave)
            for block in blocks:
                if "not run" in block.marks:
                    continue
                if event := block.marks.get("meanwhile"):
                    person.events[event]()
                if block.language == CONSOLE:
                    renew += walk(page, block, person)
                else:
                    READ_AS[block.language](block)
    if renew:
        rewrite(page, renew)


def walk(page: Page, block: Block, person: Person) -> list[tuple[int, int, list[str]]]:
    """Type what a block says; return the lines to renew: (first, end, what is to stand there)."""
    commands = list(block.commands())
    renew = []
    answers = tuple(block.marks["typed"].split(" | ")) if "typed" in block.marks else ()
    for command, exit_code in zip(commands, block.exit_codes(len(commands)), strict=True):
        where = f"{page.name}:{command.line + 1}: $ {command.typed}"
        if port := block.marks.get("stays up"):
            answer = person.start(command.typed, port, len(command.shown))
        else:
            answer = person.run(command.typed, answers)
            answers = answer.untyped
        printed = "\n".join(answer.lines)
        if answer.exit_code != exit_code:
            pytest.fail(f"{where}: exit {answer.exit_code}, not {exit_code}\n{printed}", pytrace=False)
        if command.shown and not agrees(command.shown, answer.lines):
            if not os.environ.get("UPDATE_GOLDEN"):
                told = difference(command.shown, answer.lines)
                pytest.fail(f"{where}\n{told}\n(UPDATE_GOLDEN=1 writes what was printed)", pytrace=False)
            lines = [f"{block.indent}{line}".rstrip() for line in renewed(command.shown, answer.lines)]
            renew.append((command.first_shown, command.first_shown + len(command.shown), lines))
    if answers:
        pytest.fail(f"{page.name}:{block.line + 1}: nothing asked for {answers}", pytrace=False)
    return renew


def rewrite(page: Page, renew: list[tuple[int, int, list[str]]]) -> None:
    lines = page.path.read_text(encoding="utf-8").splitlines()
    for first, end, instead in reversed(renew):
        lines[first:end] = instead
    page.path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_every_block_is_run_or_says_why_not() -> None:
    known = {CONSOLE, *READ_AS}
    unknown = [
        f"{page.name}:{block.line + 1}: {block.language or 'no language'}"
        for page in PAGES
        for block in page.blocks
        if block.language not in known
    ]
    assert not unknown
    run = [block for page in PAGES for block in page.blocks if "not run" not in block.marks]
    assert sum(block.language == CONSOLE for block in run) > 100


def test_every_scene_is_there_and_begins_a_page() -> None:
    named = {scene for page in PAGES for scene, _ in page.scenes()}
    assert named == SCENES.keys()
