"""Whole conversations at a terminal, as golden files: what was typed, what was answered, how it ended.

A file is a series of `$ command` lines, as `tests.cli.conversation` has them. `<` lines below one are what
was typed at its questions; `exit 4` after them is how it ended, where that was not 0. What is shown is
compared as in the pages of the documentation: times, ids and prices may differ. `UPDATE_GOLDEN=1 pytest
tests/cli` writes what was printed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from pathlib import Path

from tests.executable.person import Person
from tests.executable.shown import agrees, difference

TYPED, ANSWERED, ENDED = "$ ", "< ", "exit "


@dataclass(frozen=True)
class Turn:
    """One command. `answers`: words of `tests.executable.terminal.COPIED`, or what is typed literally."""

    command: str
    answers: tuple[str, ...]
    exit_code: int
    shown: tuple[str, ...]

    @property
    def text(self) -> str:
        ended = [f"{ENDED}{self.exit_code}"] if self.exit_code else []
        answers = [f"{ANSWERED}{each}" for each in self.answers]
        return "\n".join([f"{TYPED}{self.command}", *answers, *ended, *self.shown]) + "\n"


def turns_of(text: str) -> Iterator[Turn]:
    """Yield the turns of a conversation in their order."""
    lines = text.splitlines()
    begun = [number for number, line in enumerate(lines) if line.startswith(TYPED)]
    for first, end in pairwise([*begun, len(lines)]):
        rest = lines[first + 1 : end]
        answers = [each[len(ANSWERED) :] for each in takewhile(lambda each: each.startswith(ANSWERED), rest)]
        rest = rest[len(answers) :]
        ended = [int(each[len(ENDED) :]) for each in rest[:1] if each.startswith(ENDED)]
        shown = _without_end(rest[len(ended) :])
        yield Turn(lines[first][len(TYPED) :], tuple(answers), sum(ended), shown)


def assert_conversation(file: Path, person: Person) -> None:
    """Type a golden file's commands and compare the whole conversation."""
    turns = list(turns_of(file.read_text(encoding="utf-8")))
    assert turns, f"{file.name} holds no command"
    held = []
    for turn in turns:
        answer = person.run(turn.command, turn.answers)
        assert not answer.untyped, f"{turn.command}: nothing asked for {answer.untyped}"
        lines = _without_end(answer.lines)
        same = answer.exit_code == turn.exit_code and agrees(turn.shown, lines)
        if not os.environ.get("UPDATE_GOLDEN"):
            told = difference(turn.shown, lines)
            assert same, f"{file.name}: {turn.command}: exit {answer.exit_code}\n{told}"
        held.append(turn if same else Turn(turn.command, turn.answers, answer.exit_code, lines))
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text("\n".join(turn.text for turn in held), encoding="utf-8")


def _without_end(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the lines without the empty ones at their end, and without spaces at the end of each."""
    return tuple("\n".join(map(str.rstrip, lines)).rstrip("\n").splitlines())
