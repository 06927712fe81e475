"""Recorded bars of one symbol at one interval, as exact integers; gaps are allowed here and are counted."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from core.bars import Bars, BoolArray, FloatArray, IntArray
from core.intervals import INTERVALS_MS, interval_ms

DECIMALS = 8
UNIT = 10**DECIMALS
"""Prices and amounts are counted in units of 1e-8, the finest that Binance's spot market knows."""
NOT_RECORDED = -1
"""In a row from QUOTE_VOLUME on: the source of this bar did not tell."""

_WEEK_MS = INTERVALS_MS["1w"]
_FIRST_MONDAY_MS = 4 * INTERVALS_MS["1d"]


class Row(IntEnum):
    """The rows of a series' table."""

    OPEN_TIME = 0
    OPEN = 1
    HIGH = 2
    LOW = 3
    CLOSE = 4
    VOLUME = 5
    QUOTE_VOLUME = 6
    TRADES = 7
    TAKER_BASE = 8
    TAKER_QUOTE = 9


class Gap(NamedTuple):
    """Bars that are missing: from `start_ms` up to `end_ms`, where the next bar opens."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Bars, oldest first, each once; `table` has shape (10, n_bars), its rows are those of `Row`.

    Times are ms UTC, `TRADES` is a count, all else is in units of 1e-8.
    """

    symbol: str
    interval: str
    table: IntArray

    def __len__(self) -> int:
        return int(self.table.shape[1])

    @property
    def interval_ms(self) -> int:
        return interval_ms(self.interval)

    @property
    def open_time_ms(self) -> IntArray:
        times: IntArray = self.table[Row.OPEN_TIME]
        return times

    @property
    def end_ms(self) -> int:
        """When the last bar closed. Raises IndexError when there are no bars."""
        return int(self.open_time_ms[-1]) + self.interval_ms

    def decimal(self, row: Row, index: int) -> Decimal:
        """Return one price or amount exactly."""
        return Decimal(int(self.table[row, index])).scaleb(-DECIMALS)

    def between(self, start_ms: int | None, end_ms: int | None) -> Series:
        """Return the bars that open in [start_ms, end_ms); None: no bound."""
        times = self.open_time_ms
        first = 0 if start_ms is None else int(np.searchsorted(times, start_ms))
        end = len(self) if end_ms is None else int(np.searchsorted(times, end_ms))
        return Series(self.symbol, self.interval, self.table[:, first : max(first, end)])

    def gaps(self) -> list[Gap]:
        times = self.open_time_ms
        after = np.flatnonzero(np.diff(times) != self.interval_ms)
        return [Gap(int(times[index]) + self.interval_ms, int(times[index + 1])) for index in after]

    def runs(self) -> list[Series]:
        """Return the stretches without a gap, oldest first."""
        after = np.flatnonzero(np.diff(self.open_time_ms) != self.interval_ms) + 1
        edges = [0, *after.tolist(), len(self)]
        return [
            Series(self.symbol, self.interval, self.table[:, first:end])
            for first, end in pairwise(edges)
            if first < end
        ]

    def bars(self) -> Bars:
        """Return the bars as float64 arrays, each number the nearest to the recorded decimal.

        Volume is turnover in quote where every bar has it, else base volume. Raises ValueError at a gap.
        """
        quote = self.table[Row.QUOTE_VOLUME]
        volume = quote if len(self) and int(quote.min()) != NOT_RECORDED else self.table[Row.VOLUME]
        opened, high, low, close = (
            _floats(self.table[row]) for row in (Row.OPEN, Row.HIGH, Row.LOW, Row.CLOSE)
        )
        return Bars(self.open_time_ms, opened, high, low, close, _floats(volume), self.interval_ms)


def is_aligned(times: IntArray, interval: str) -> BoolArray:
    """Tell for each time whether a bar of that interval can open then; weeks open on Monday, UTC."""
    length = interval_ms(interval)
    aligned: BoolArray = (times - (_FIRST_MONDAY_MS if length % _WEEK_MS == 0 else 0)) % length == 0
    return aligned


def _floats(units: IntArray) -> FloatArray:
    # Below 2**53 units both operands are exact, so the quotient is the float nearest to the decimal.
    return units / np.float64(UNIT)
