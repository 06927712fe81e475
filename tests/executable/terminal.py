"""A terminal and the person at it, in memory: what is printed and what is typed end up on one screen."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence

COPIED = {
    "PHRASE": re.compile(r"Type this to go on: (.*)"),
    "ENDING": re.compile(r"PAPER-\S*(\S{6})"),
}
"""Answers that are copied from the screen: the phrase that is asked for, how a deposit address ends."""
_TAKEN_BACK = re.compile(r".*\n(\x1b\[\?25h)?\r\x1b\[1A\x1b\[2K|.*\r\x1b\[2K")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
_HIDDEN = "not shown"


class Screen(io.StringIO):
    """Takes stdout and stderr, in the order in which they came."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """Return what is left to see: lines that were written over are gone."""
        return _CONTROL.sub("", _TAKEN_BACK.sub("", self.getvalue())).split("\n")


class Keyboard(io.StringIO):
    """Types the answers one by one, as they are `meant` then; after the last one comes the end of input."""

    def __init__(self, answers: Sequence[str], meant: Callable[[str], str], screen: Screen) -> None:
        super().__init__()
        self.left = list(answers)
        self._meant = meant
        self._screen = screen

    def isatty(self) -> bool:
        return True

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]  # as io.StringIO itself
        if not self.left:
            self._screen.write("\n")
            return ""
        answer = self.left.pop(0)
        copied = COPIED[answer].findall(self._screen.getvalue()) if answer in COPIED else ()
        answer = copied[-1] if copied else self._meant(answer)
        if _HIDDEN not in self._screen.getvalue().rpartition("\n")[2]:
            self._screen.write(f"{answer}\n")
        return f"{answer}\n"
