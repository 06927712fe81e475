"""Runbook pages as data: Markdown that a person reads, with steps that can be ticked off.

A page is a procedure when it says how long a tick by hand holds, `<!-- ticks hold: 12h -->`; then its
numbered lines are steps, counted through over all sections. What a step is ticked off against stands in
comments of its own: `<!-- gate: key-rights -->` (a check or a gate, any number of them),
`<!-- drill: halt -->` (as many), `<!-- evidence: stage 1 -->`, and `<!-- command: trader reconcile -->` for
what is to be typed. A step with neither gate, drill nor evidence is manual.
Comments of BLOCK_MARKS are for the tests, which run every code block.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import dedent

from core.drills.incidents import INCIDENTS
from core.setting_values import positive_duration_ms

_COMMENT = re.compile(r" *<!-- *(.*?) *-->")
_STEP = re.compile(r"(\d+)\.( +)(?=\S)")
_EVIDENCE = re.compile(r"stage ([0-2])")
_FENCE = "```"
_SENTENCE_END = re.compile(r"(?<=[.:?]) ")
_KINDS = ("gate", "evidence", "drill", "command", "ticks hold")
_SEVERAL = ("gate", "drill")

BLOCK_MARKS = ("scene", "meanwhile", "exit", "typed", "stays up", "not run")
"""Comments that say how the next code block is run by the tests (tests/executable/pages.py)."""


class PageError(ValueError):
    """A page that cannot be read; the text names file and line."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `text`: its Markdown without comments and indentation, and of a console only what is typed:
    what the page shows below is somebody else's. `evidence`: of which stage, if any.
    """

    number: int
    section: str
    text: str
    gates: tuple[str, ...] = ()
    evidence: int | None = None
    drills: tuple[str, ...] = ()
    command: str = ""

    @property
    def is_manual(self) -> bool:
        """Whether only a person can say that it is done."""
        return not self.gates and self.evidence is None and not self.drills

    @property
    def headline(self) -> str:
        """The first sentence, on one line."""
        paragraph = self.text.partition(f"\n{_FENCE}")[0].partition("\n\n")[0]
        return _SENTENCE_END.split(" ".join(paragraph.split()))[0].rstrip(":")

    @property
    def digest(self) -> str:
        """Names this text: what was ticked under another text does not count."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Page:
    """A runbook. `parts`: Markdown and steps in their order; `ticks_hold_ms`: None where none are steps."""

    name: str
    title: str
    summary: str
    ticks_hold_ms: int | None
    parts: tuple[str | Step, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(part for part in self.parts if isinstance(part, Step))


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Lines that belong together, comments taken out. `comments`: (line, kind, value)."""

    line: int
    text: str
    section: str
    comments: tuple[tuple[int, str, str], ...]


def parse_page(name: str, markdown: str) -> Page:
    """Return a page by its Markdown. Raises PageError."""
    file = f"{name}.md"
    chunks = list(_chunks(file, markdown.splitlines()))
    holds = [(line, value) for each in chunks for line, kind, value in each.comments if kind == "ticks hold"]
    parts: list[str | Step] = []
    for chunk in chunks:
        steps = sum(isinstance(part, Step) for part in parts)
        if holds and _STEP.match(chunk.text):
            parts.append(_step(file, chunk, due=steps + 1))
        else:
            _refuse_loose(file, chunk)
            parts += [text] if (text := chunk.text.strip()) else []
    if not parts or not str(parts[0]).startswith("# "):
        raise PageError(f"{file}:1: a page begins with its title, `# …`")
    if holds and not any(isinstance(part, Step) for part in parts):
        raise PageError(f"{file}:{holds[0][0]}: ticks hold, but there is no step")
    title, _, rest = str(parts[0]).partition("\n")
    summary = " ".join(rest.strip().partition("\n\n")[0].split())
    return Page(name, title[2:], summary, _hold_ms(file, *holds[0]) if holds else None, tuple(parts))


def _chunks(file: str, lines: Sequence[str]) -> Iterator[_Chunk]:
    """Yield steps and what stands between them. A step ends where a line is not indented."""
    begun, kept, section = 1, list[str](), ""
    comments: list[tuple[int, str, str]] = []
    fence: int | None = None
    for number, line in enumerate(lines, start=1):
        if fence is None:
            is_step = _STEP.match(line) is not None
            ends_step = bool(kept and _STEP.match(kept[0]) and line and not line.startswith(" "))
            if kept and (is_step or ends_step):
                yield _Chunk(begun, "\n".join(kept), section, tuple(comments))
                begun, kept, comments = number, [], []
            if line.startswith("## "):
                section = line[3:]
            comments += _comments(file, number, line)
            bare = _COMMENT.sub("", line)
            if bare == line or bare:
                kept.append(bare)
        else:
            kept.append(line)
        if line.strip().startswith(_FENCE):
            fence = number if fence is None else None
    if fence is not None:
        raise PageError(f"{file}:{fence}: this code block has no end")
    yield _Chunk(begun, "\n".join(kept), section, tuple(comments))


def _comments(file: str, number: int, line: str) -> Iterator[tuple[int, str, str]]:
    for text in _COMMENT.findall(line):
        kind, colon, value = text.partition(":")
        if kind in BLOCK_MARKS:
            continue
        if not colon or kind not in _KINDS or not value.strip():
            known = ", ".join(_KINDS)
            raise PageError(f"{file}:{number}: `{text}` names nothing; it takes `KIND: VALUE`, of {known}")
        yield number, kind, value.strip()


def _refuse_loose(file: str, chunk: _Chunk) -> None:
    for line, kind, _ in chunk.comments:
        if kind != "ticks hold":
            raise PageError(f"{file}:{line}: this {kind} belongs to no step")


def _step(file: str, chunk: _Chunk, *, due: int) -> Step:
    found = _STEP.match(chunk.text)
    if found is None or int(found[1]) != due:
        raise PageError(f"{file}:{chunk.line}: step {due} is due here; steps count through the whole page")
    told: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for line, kind, value in chunk.comments:
        if kind == "evidence" and not _EVIDENCE.fullmatch(value):
            raise PageError(f"{file}:{line}: evidence is of `stage 0`, `stage 1` or `stage 2`, not `{value}`")
        if kind == "drill" and value not in INCIDENTS:
            raise PageError(f"{file}:{line}: a drill is one of {', '.join(INCIDENTS)}, not `{value}`")
        if kind not in _SEVERAL and told[kind]:
            raise PageError(f"{file}:{line}: a step has one {kind}")
        told[kind].append(value)
    indented = " " * len(found[0]) + chunk.text[len(found[0]) :]
    return Step(
        number=due,
        section=chunk.section,
        text=_without_answers(dedent(indented).strip()),
        gates=tuple(told["gate"]),
        evidence=int(told["evidence"][0][-1]) if told["evidence"] else None,
        drills=tuple(told["drill"]),
        command="".join(told["command"]),
    )


def _without_answers(text: str) -> str:
    """Return the text with nothing in its consoles but commands, each with the lines that it goes on over."""
    kept: list[str] = []
    in_console = goes_on = False
    for line in text.split("\n"):
        if line.startswith(_FENCE):
            in_console = line == f"{_FENCE}console"
        elif in_console and not line.startswith("$ ") and not goes_on:
            continue
        kept.append(line)
        goes_on = in_console and line.endswith("\\")
    return "\n".join(kept)


def _hold_ms(file: str, line: int, value: str) -> int:
    try:
        return positive_duration_ms(value)
    except ValueError as error:
        raise PageError(f"{file}:{line}: ticks hold {error}") from None
