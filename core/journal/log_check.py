"""Does trade_audit.log say what the events say? Line by line, in one pass beside the chain."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from core.journal.audit_log import SEQUENCE, is_line_of
from core.journal.chain import Event
from core.journal.records import Finding

MENDABLE = frozenset({"LOG_ALTERED", "LOG_MISSING"})
"""Findings that only concern the human's view; making the log again from the events ends them."""


class LogCheck:
    """Compares the log, as long as it is now, with the line of each event.

    Whatever is in the log by now was committed before, so a journal that is read from here on must know it.
    Lines that lack at the end are no finding: the next process that writes adds them; `behind` counts them.
    Nor are those of events before `begin`, from which on the log was kept when it was rotated.
    """

    def __init__(self, path: Path, begin: int = 1) -> None:
        self.behind = 0
        self._begin = begin
        self._file, self._left = _open(path)
        self._name = path.name
        self._newest = 0
        self._line_number = 0
        self._line: _Line | None = None
        self._following = self._read()
        self._advance()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def wrong_with(self, sequence: int, event: Event | None) -> Iterator[Finding]:
        """Yield what is wrong with the line of the next event, and with strange lines before it.

        `event`: None where it cannot be read; then its line may say anything.
        """
        self._newest = sequence
        yield from self._out_of_place(below=sequence)
        if sequence < self._begin and (self._line is None or self._line.event != sequence):
            return
        if self._line is None:
            self.behind += 1
        elif self._line.event != sequence:
            yield Finding("LOG_MISSING", f"the line of event {sequence} is missing in {self._name}")
        else:
            if event is not None and not is_line_of(event, self._line.text):
                yield Finding("LOG_ALTERED", f"the line of event {sequence} was altered in {self._name}")
            self._advance()

    def rest(self) -> Iterator[Finding]:
        """Yield what stands after the line of the last event."""
        yield from self._out_of_place(below=self._newest + 1)
        if self._line is not None:
            yield Finding(
                "LOG_AHEAD",
                f"{self._name} tells of event {self._line.event}, but the journal ends at event"
                f" {self._newest}: its end was cut off, or the log is of another journal",
            )

    def _out_of_place(self, below: int) -> Iterator[Finding]:
        """Pass over lines that no event made: with no number, of an earlier event, or before a lower one."""
        while self._line is not None:
            number = self._line.event
            after = None if self._following is None else self._following.event
            if number is not None and number >= below and (after is None or number < after):
                return
            what = "is not a line of trader" if number is None else f"tells of event {number} out of place"
            yield Finding("LOG_ALTERED", f"line {self._line_number} of {self._name} {what}")
            self._advance()

    def _advance(self) -> None:
        self._line, self._following = self._following, self._read()
        self._line_number += 1

    def _read(self) -> _Line | None:
        """Return the next whole line; None at the end, and for one that is being written."""
        text = b"" if self._file is None or self._left <= 0 else self._file.readline(self._left)
        self._left -= len(text)
        if not text.endswith(b"\n"):
            return None
        match = SEQUENCE.match(text)
        return _Line(text, None if match is None else int(match[1]))


class _Line(NamedTuple):
    """`event`: the number of the event that the line tells of, None when it tells of none."""

    text: bytes
    event: int | None


def _open(path: Path) -> tuple[BinaryIO | None, int]:
    """Return the log and its length; an absent one is empty."""
    try:
        # Without O_NONBLOCK a pipe put in its place would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None, 0
    file = os.fdopen(descriptor, "rb")
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        file.close()
        raise OSError(f"{path.name} is not a regular file")
    return file, status.st_size
