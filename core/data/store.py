"""The data folder: `TRADER_HOME/data/SYMBOL/INTERVAL.npy`, one file a series (docs/data.md).

A file is NumPy's own format, little-endian int64 of shape (10, n_bars): the table of a `Series`. It is
replaced whole, so a reader sees the old bars or the new ones.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import numpy as np

from core.bars import Bars, IntArray, aggregate
from core.clock import iso_utc
from core.data.series import Row, Series
from core.errors import ConfigError
from core.intervals import INTERVALS_MS, interval_ms

FOLDER = "data"
SYMBOL_PATTERN = re.compile(r"[A-Z0-9]{2,30}")
_SUFFIX = ".npy"
_ROWS = len(Row)


def read_bars(
    home: Path, symbol: str, interval: str, start_ms: int | None = None, end_ms: int | None = None
) -> Bars:
    """Return the bars that open in [start_ms, end_ms); None: as far as there are any.

    They are made of the imported interval that covers most of the span, the asked one or one that divides it.
    Raises ConfigError DATA_MISSING, DATA_GAP naming the first gap, or DATA_DAMAGED.
    """
    series = _source(home, symbol, interval, start_ms, end_ms)
    if not len(series):
        raise ConfigError(
            f"there are no {interval} bars of {symbol} in that span in {home / FOLDER}",
            code="DATA_MISSING",
            hint="`trader data list` shows what there is",
        )
    if gaps := series.gaps():
        raise ConfigError(
            f"the {series.interval} bars of {symbol} have {len(gaps)} gap(s), the first from "
            f"{iso_utc(gaps[0].start_ms)} to {iso_utc(gaps[0].end_ms)}",
            code="DATA_GAP",
            hint="choose a span without a gap, or import the missing bars; `trader data list` shows gaps",
        )
    try:
        bars = series.bars()
        return bars if series.interval == interval else aggregate(bars, interval_ms(interval))
    except ValueError as error:
        raise _damaged(path_of(home, symbol, series.interval), str(error)) from None


def read_series(home: Path, symbol: str, interval: str) -> Series | None:
    """Return what was imported, None for nothing. Raises ConfigError DATA_DAMAGED."""
    path = path_of(home, symbol, interval)
    try:
        # Mapped, not read: a back-test of a week does not pay for the years in the file.
        table = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(path, str(error)) from None
    if table.dtype != np.dtype("<i8") or table.ndim != 2 or table.shape[0] != _ROWS:
        raise _damaged(path, f"holds {table.dtype} of shape {table.shape}")
    series = Series(symbol, interval, table)
    if len(series) and (np.diff(series.open_time_ms) <= 0).any():
        raise _damaged(path, "its bars are not in order")
    return series


def stored(home: Path) -> list[tuple[str, str]]:
    """Return (symbol, interval) of every series in the data folder, intervals from short to long."""
    found = []
    for path in (home / FOLDER).glob(f"*/*{_SUFFIX}"):
        symbol, interval = path.parent.name, path.name.removesuffix(_SUFFIX)
        if interval in INTERVALS_MS and SYMBOL_PATTERN.fullmatch(symbol):
            found.append((symbol, interval))
    return sorted(found, key=lambda each: (each[0], INTERVALS_MS[each[1]]))


def write_series(home: Path, series: Series) -> Path:
    """Write a series in place of the one that is there, durably. Raises ConfigError FILE_UNWRITABLE."""
    path = path_of(home, series.symbol, series.interval)
    table: IntArray = np.ascontiguousarray(series.table, dtype="<i8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                np.save(file, table, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(path)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror or error}", code="FILE_UNWRITABLE"
        ) from None
    return path


def path_of(home: Path, symbol: str, interval: str) -> Path:
    """Return where a series lies. Raises ConfigError for what cannot be the name of one."""
    check_names(symbol, interval)
    return home / FOLDER / symbol / f"{interval}{_SUFFIX}"


def check_names(symbol: str, interval: str) -> None:
    """Raise ConfigError for what cannot be the symbol and interval of a series."""
    if not SYMBOL_PATTERN.fullmatch(symbol) or interval not in INTERVALS_MS:
        raise ConfigError(
            f"{symbol!r} at {interval!r} is no symbol and interval",
            hint=f"a symbol is like BTCUSDT, an interval one of {', '.join(INTERVALS_MS)}",
        )


def _source(home: Path, symbol: str, interval: str, start_ms: int | None, end_ms: int | None) -> Series:
    """Return the series that covers most of the span; of those that cover the same, the longest interval."""
    wanted_path, wanted = path_of(home, symbol, interval), interval_ms(interval)
    usable = [
        series.between(start_ms, end_ms)
        for known, name in stored(home)
        if known == symbol
        and wanted % interval_ms(name) == 0
        and (series := read_series(home, symbol, name)) is not None
    ]
    if not usable:
        raise ConfigError(
            f"no bars of {symbol} at {interval} were imported: {wanted_path} does not exist",
            code="DATA_MISSING",
            hint="`trader data import PATH` brings them in; `trader data list` shows what there is",
        )
    return max(usable, key=lambda series: (len(series) * series.interval_ms, series.interval_ms))


def _damaged(path: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"{path} is not a file of bars: {reason}",
        code="DATA_DAMAGED",
        hint="move it away and import the bars again",
    )
