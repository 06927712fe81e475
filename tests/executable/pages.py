"""Pages of Markdown as what a test runs: code blocks, and what stands in comments before them.

The comments (`<!-- exit: 4 -->`) each belong to the next code block:

    scene     begins anew: another operator, in the situation of that name (scenes.py)
    meanwhile what happens before it, typed nowhere (scenes.py)
    exit      the exit code of the block's last command, or of all of them (`0, 4`); otherwise each is 0
    typed     what is answered to its questions, ` | ` between answers; PHRASE: the phrase that is asked for
    stays up  the command goes on until the page ends; the value is the port it names, where it names one
    not run   why the block cannot run here; nothing else is left out
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from core.runbooks import BLOCK_MARKS

_COMMENT = re.compile(r"<!-- *(.*?) *-->")
_FENCE = re.compile(r"( *)```(\S*)")
_PROMPT = "$ "
_HERE = re.compile(r"<<-?'?([A-Z]+)'?")


class PageWrong(AssertionError):
    """A page that cannot be read; the text names file and line."""


@dataclass(frozen=True)
class Command:
    """What is typed and what the page shows of its answer. `line`: where it is typed, counted from 0."""

    line: int
    typed: str
    shown: tuple[str, ...]

    @property
    def first_shown(self) -> int:
        """The line where the answer begins."""
        return self.line + self.typed.count("\n") + 1


@dataclass(frozen=True)
class Block:
    """A fenced block. `line`: of its fence, counted from 0; `lines`: without its indentation."""

    line: int
    language: str
    indent: str
    lines: tuple[str, ...]
    marks: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def commands(self) -> Iterator[Command]:
        """Yield the commands of a `console` block in their order. Raises PageWrong."""
        if not self.lines or not self.lines[0].startswith(_PROMPT):
            raise PageWrong(f"line {self.line + 1}: a console block begins with a command, `$ …`")
        rest = list(enumerate(self.lines, start=self.line + 1))
        while rest:
            number, first = rest.pop(0)
            typed = [first.removeprefix(_PROMPT)]
            here = _HERE.search(first)
            while rest and (typed[-1].endswith("\\") or (here and typed[-1] != here[1])):
                typed.append(rest.pop(0)[1])
            shown = []
            while rest and not rest[0][1].startswith(_PROMPT):
                shown.append(rest.pop(0)[1])
            yield Command(number, "\n".join(typed), tuple(shown))

    def exit_codes(self, count: int) -> list[int]:
        """Return the exit code that the page promises of each command. Raises PageWrong."""
        said = [int(code) for code in self.marks.get("exit", "0").split(",")]
        codes = [0] * (count - 1) + said if len(said) == 1 else said
        if len(codes) != count:
            raise PageWrong(f"line {self.line + 1}: {len(said)} exit codes for {count} commands")
        return codes


@dataclass(frozen=True)
class Page:
    """A file and its blocks. `name`: relative to the repository."""

    name: str
    path: Path
    blocks: tuple[Block, ...]

    def scenes(self) -> Iterator[tuple[str, list[Block]]]:
        """Yield the page's scenes: "" for an empty home, and the blocks that one operator walks through."""
        scene = ""
        scenes: list[tuple[int, str, Block]] = []
        for block in self.blocks:
            scene = block.marks.get("scene", scene)
            begins = "scene" in block.marks or not scenes
            scenes.append((len(scenes) if begins else scenes[-1][0], scene, block))
        for _, together in groupby(scenes, key=lambda each: each[0]):
            blocks = list(together)
            yield blocks[0][1], [block for _, _, block in blocks]


def read_page(path: Path, root: Path) -> Page:
    """Read a page. Raises PageWrong."""
    name = str(path.relative_to(root))
    try:
        return Page(name, path, tuple(_blocks(path.read_text(encoding="utf-8").splitlines())))
    except PageWrong as wrong:
        raise PageWrong(f"{name}: {wrong}") from None


def _blocks(lines: list[str]) -> Iterator[Block]:
    marks: dict[str, str] = {}
    rest = iter(enumerate(lines))
    for number, line in rest:
        fence = _FENCE.match(line)
        if fence is None:
            marks |= dict(_marks(number, line))
            continue
        indent, language = fence.groups()
        yield Block(number, language, indent, tuple(_inside(number, indent, rest)), marks)
        marks = {}
    if marks:
        raise PageWrong(f"after its last code block stands {', '.join(marks)}")


def _inside(begun: int, indent: str, rest: Iterable[tuple[int, str]]) -> Iterator[str]:
    for number, line in rest:
        if line.strip() == "```":
            return
        if line.strip() and not line.startswith(indent):
            raise PageWrong(f"line {number + 1} is indented less than its code block")
        yield line.removeprefix(indent)
    raise PageWrong(f"line {begun + 1}: this code block has no end")


def _marks(number: int, line: str) -> Iterator[tuple[str, str]]:
    for comment in _COMMENT.findall(line):
        kind, _, value = comment.partition(":")
        if kind in BLOCK_MARKS:
            if not value.strip():
                raise PageWrong(f"line {number + 1}: `{kind}` says nothing")
            yield kind, value.strip()
