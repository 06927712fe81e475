"""Recordings from the home's data folder, and from files of trades."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.bars import IntArray
from core.data.series import UNIT, Row, Series
from core.data.sources import read_source
from core.errors import ConfigError
from exchanges.paper.market.model import MINUTE_MS, TRADES_PER_MINUTE, MarketFileError, SymbolSpec
from exchanges.paper.market.recorded import BAR_MINUTES, ROUNDING_LIMIT, Recording
from exchanges.paper.market.trades import Outline

_QUOTE_VOLUME_BITS = 62


def of_series(series: Series, spec: SymbolSpec, path: Path, *, of_trades: bool = False) -> Recording:
    """Return the longest stretch of a series without a gap. Raises MarketFileError."""
    run = max(series.runs(), key=len, default=series)
    bar_minutes, odd = divmod(series.interval_ms, MINUTE_MS)
    if odd or bar_minutes not in BAR_MINUTES:
        raise MarketFileError(path, None, f"bars of {series.interval} are not replayed: 1m to 1d are")
    if not len(run):
        raise MarketFileError(path, None, "holds no bars")
    tick, step = int(spec.tick * UNIT), int(spec.step * UNIT)
    opened, high, low, close = (
        _in_ticks(run.table[row], tick, path) for row in (Row.OPEN, Row.HIGH, Row.LOW, Row.CLOSE)
    )
    volume = np.maximum(run.table[Row.VOLUME] // step, bar_minutes * TRADES_PER_MINUTE)
    if float((high * volume.astype(np.float64)).sum()) >= float(1 << _QUOTE_VOLUME_BITS):
        raise MarketFileError(path, None, "quote volume in ticks × steps does not fit 64 bits")
    outline = Outline(opened, high, low, close, volume)
    return Recording(path, int(run.open_time_ms[0]), bar_minutes, outline, of_trades)


def of_trades(path: Path, spec: SymbolSpec) -> Recording:
    """Read a file of trades, also a zip, as minute bars; the first and last may be partly covered.

    Raises MarketFileError.
    """
    try:
        source = read_source(path, spec.symbol, keeps_partial=True)
    except ConfigError as error:
        raise MarketFileError(path, None, error.message.removeprefix(f"{path}: ")) from None
    return of_series(Series(spec.symbol, source.interval, source.table), spec, path, of_trades=True)


def _in_ticks(prices: IntArray, tick: int, path: Path) -> IntArray:
    """Return prices in ticks, the nearest."""
    ticks: IntArray = (prices + tick // 2) // tick
    moved = np.abs(ticks * tick - prices) > prices * float(ROUNDING_LIMIT)
    if moved.any():
        price = int(prices[np.flatnonzero(moved)[0]]) / UNIT
        reason = (
            f"tick {tick / UNIT:.8f} is too coarse for price {price:.8f}: this is not a file of the symbol"
        )
        raise MarketFileError(path, None, reason)
    return ticks
