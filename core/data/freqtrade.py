"""Bars as freqtrade writes them: feather, parquet, or JSON; columns date, open, high, low, close, volume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.bars import IntArray
from core.data.files import unreadable
from core.data.klines import interval_of
from core.data.numbers import counts, units_of_floats, units_of_texts
from core.data.series import NOT_RECORDED, Row
from core.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

FEATHER, PARQUET, JSON = ".feather", ".parquet", ".json"
_COLUMNS = ("open", "high", "low", "close", "volume")


def frame_table(path: Path) -> tuple[IntArray, str]:
    """Return the bars of a feather or parquet file, and their interval. Raises ConfigError."""
    frame = _read_frame(path)
    if missing := {"date", *_COLUMNS} - set(frame.column_names):
        raise unreadable(path, f"has no column {', '.join(sorted(missing))}")
    try:
        times: IntArray = frame.column("date").to_numpy().astype("datetime64[ms]").astype(np.int64)
        columns = [units_of_floats(frame.column(name).cast("float64").to_numpy()) for name in _COLUMNS]
    except (ValueError, TypeError) as error:
        raise unreadable(path, str(error)) from None
    return _table(path, times, columns)


def json_table(path: Path, text: str) -> tuple[IntArray, str]:
    """Return the bars of a JSON file, and their interval. Raises ConfigError."""
    try:
        rows = json.loads(text, parse_float=str, parse_int=str)
        times, *columns = zip(*rows, strict=True)
        if len(columns) != len(_COLUMNS):
            raise ValueError(f"its rows have {len(columns) + 1} numbers, not {len(_COLUMNS) + 1}")  # noqa: TRY301
        return _table(path, counts(times), [units_of_texts(column) for column in columns])
    except (ValueError, TypeError) as error:
        raise unreadable(
            path, f"is not a list of rows of date, open, high, low, close, volume: {error}"
        ) from None


def _table(path: Path, times: IntArray, columns: list[IntArray]) -> tuple[IntArray, str]:
    table = np.full((len(Row), len(times)), NOT_RECORDED, dtype=np.int64)
    table[: 1 + len(columns)] = [times, *columns]
    distances = np.diff(np.unique(times))
    if not len(distances):
        raise unreadable(path, "holds fewer than two bars")
    return table, interval_of(path, int(distances.min()))


def _read_frame(path: Path) -> pa.Table:
    try:
        import pyarrow as pa
        import pyarrow.parquet as parquet
    except ImportError:
        raise ConfigError(
            f"{path} is a {path.suffix[1:]} file, and the package that reads those is not installed",
            code="EXTRA_MISSING",
            hint="install trader with the extra `data`: pip install 'trader[data]'",
        ) from None
    try:
        with pa.OSFile(str(path)) as file:
            if path.suffix.lower() == PARQUET:
                return parquet.ParquetFile(file).read()
            return pa.ipc.open_file(file).read_all()
    except (OSError, pa.ArrowException) as error:
        kind = "parquet file" if path.suffix.lower() == PARQUET else "feather file (version 2)"
        raise unreadable(path, f"is no {kind}: {str(error).splitlines()[0]}") from None
