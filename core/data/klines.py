"""Bars from Binance's kline columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.bars import IntArray
from core.data.csv_columns import Columns
from core.data.files import unreadable
from core.data.numbers import counts, units_of_texts
from core.data.series import NOT_RECORDED, Row
from core.intervals import INTERVALS_MS

KLINE_COLUMNS = 12
_CLOSE_TIME = 6


def kline_table(columns: Columns) -> tuple[IntArray, str]:
    """Return the bars of a file of klines, and their interval. Raises ConfigError."""
    if columns.width != KLINE_COLUMNS:
        raise unreadable(columns.path, f"has {columns.width} columns, klines have {KLINE_COLUMNS}")
    opened = columns.times_ms(0)
    rows = [opened, *(columns.read(index, units_of_texts) for index in range(1, 6))]
    rows.append(columns.read(7, units_of_texts))
    rows.append(columns.read(8, counts))
    rows += [columns.read(index, units_of_texts) for index in (9, 10)]
    table = np.array(rows, dtype=np.int64)
    if table[Row.VOLUME].any():
        for row in (Row.QUOTE_VOLUME, Row.TRADES, Row.TAKER_BASE, Row.TAKER_QUOTE):
            # All zero where something was traded: that recorder wrote a column it did not have.
            if not table[row].any():
                table[row] = NOT_RECORDED
    # Not the first bar's: a bar may be shorter, where the venue halted or the recording began.
    lengths = np.sort(columns.times_ms(_CLOSE_TIME) + 1 - opened)
    return table, interval_of(columns.path, int(lengths[len(lengths) // 2]))


def interval_of(path: Path, length_ms: int) -> str:
    """Return the name of an interval. Raises ConfigError for one that is none."""
    for name, known_ms in INTERVALS_MS.items():
        if known_ms == length_ms:
            return name
    raise unreadable(path, f"its bars last {length_ms} ms, which is none of {', '.join(INTERVALS_MS)}")
