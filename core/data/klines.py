"""Bars from Binance's kline columns, and from freqtrade's feather files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.bars import IntArray
from core.data.csv_columns import Columns
from core.data.files import unreadable
from core.data.numbers import counts, units_of_floats, units_of_texts
from core.data.series import NOT_RECORDED, Row
from core.errors import ConfigError
from core.intervals import INTERVALS_MS

if TYPE_CHECKING:
    import pyarrow as pa

KLINE_COLUMNS = 12
_CLOSE_TIME = 6
_FEATHER_COLUMNS = ("open", "high", "low", "close", "volume")


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
    return table, _interval(columns.path, int(lengths[len(lengths) // 2]))


def feather_table(path: Path) -> tuple[IntArray, str]:
    """Return the bars of a feather file as freqtrade writes it, and their interval. Raises ConfigError."""
    frame = _read_feather(path)
    if missing := {"date", *_FEATHER_COLUMNS} - set(frame.column_names):
        raise unreadable(path, f"has no column {', '.join(sorted(missing))}")
    try:
        rows = [_times_ms(frame)]
        rows += [units_of_floats(frame.column(name).cast("float64").to_numpy()) for name in _FEATHER_COLUMNS]
    except (ValueError, TypeError) as error:
        raise unreadable(path, str(error)) from None
    table = np.full((len(Row), frame.num_rows), NOT_RECORDED, dtype=np.int64)
    table[: len(rows)] = rows
    distances = np.diff(np.unique(table[Row.OPEN_TIME]))
    if not len(distances):
        raise unreadable(path, "holds fewer than two bars")
    return table, _interval(path, int(distances.min()))


def _times_ms(frame: pa.Table) -> IntArray:
    times: IntArray = frame.column("date").to_numpy().astype("datetime64[ms]").astype(np.int64)
    return times


def _read_feather(path: Path) -> pa.Table:
    try:
        import pyarrow as pa
    except ImportError:
        raise ConfigError(
            f"{path} is a feather file, and the package that reads those is not installed",
            code="EXTRA_MISSING",
            hint="install trader with the extra `data`: pip install 'trader[data]'",
        ) from None
    try:
        with pa.OSFile(str(path)) as file:
            return pa.ipc.open_file(file).read_all()
    except (OSError, pa.ArrowException) as error:
        raise unreadable(path, f"is no feather file (version 2): {str(error).splitlines()[0]}") from None


def _interval(path: Path, length_ms: int) -> str:
    for name, known_ms in INTERVALS_MS.items():
        if known_ms == length_ms:
            return name
    raise unreadable(path, f"its bars last {length_ms} ms, which is none of {', '.join(INTERVALS_MS)}")
