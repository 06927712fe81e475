"""Rows as CSV text that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?\Z", re.ASCII)
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_GUARD = "'"


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as lines of RFC 4180 with bare line feeds; `unguarded` undoes what is done to cells."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([guarded(cell) for cell in row] for row in rows)
    return text.getvalue()


def guarded(cell: str) -> str:
    """Return the cell, with an apostrophe before what a spreadsheet would take for a formula."""
    is_formula = cell.startswith(_STARTS_A_FORMULA) and not _NUMBER.match(cell)
    return _GUARD + cell if is_formula or cell.startswith(_GUARD) else cell


def unguarded(cell: str) -> str:
    """Return what `guarded` was given."""
    return cell[len(_GUARD) :] if cell.startswith(_GUARD) else cell
