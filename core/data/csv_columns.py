"""The columns of a CSV of numbers, with the line of the first one that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from core.bars import IntArray
from core.data.files import unreadable
from core.data.numbers import counts

Column = Sequence[str]
T = TypeVar("T")

_FIRST_MICROSECOND_TIME = 10**15


class Columns:
    """The fields of a file's lines by column; a first line without a number in front is a header."""

    def __init__(self, path: Path, lines: Sequence[str]) -> None:
        """Raises ConfigError where there is no row, or one of another length."""
        has_header = bool(lines) and not lines[0].split(",")[0].strip().lstrip("-").isdigit()
        self.path = path
        self.header = [name.strip().lower() for name in lines[0].split(",")] if has_header else []
        self._skipped = 1 if has_header else 0
        rows = lines[self._skipped :]
        if not rows:
            raise unreadable(path, "holds no rows")
        self.width = rows[0].count(",") + 1
        for number, row in enumerate(rows):
            if row.count(",") != self.width - 1:
                reason = f"has {row.count(',') + 1} columns, the line before has {self.width}"
                raise unreadable(path, reason, number + 1 + self._skipped)
        # All at once: a list for each of a million rows costs more than all the rest of an import.
        fields = ",".join(rows).split(",")
        self._columns = [fields[index :: self.width] for index in range(self.width)]

    def read(self, index: int, parse: Callable[[Column], T]) -> T:
        """Return a column parsed. Raises ConfigError naming the first line that cannot be."""
        column = self._columns[index]
        try:
            return parse(column)
        except ValueError as error:
            for number, field in enumerate(column):
                try:
                    parse((field,))
                except ValueError:
                    reason = f"column {index + 1} is {field[:40]!r}"
                    raise unreadable(self.path, reason, number + 1 + self._skipped) from None
            raise unreadable(self.path, str(error)) from None

    def times_ms(self, index: int) -> IntArray:
        """Return a column of times in milliseconds, whether it has those or microseconds."""
        times = self.read(index, counts)
        return np.where(times >= _FIRST_MICROSECOND_TIME, times // 1000, times)
