"""Price bars as arrays: checked once when they are made, read-only from then on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from core.intervals import INTERVALS_MS, interval_ms

__all__ = ["Bars", "BoolArray", "FloatArray", "IntArray", "Row", "aggregate", "closed", "interval_ms"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

Row: TypeAlias = tuple[int, float, float, float, float, float]
"""One bar: (open_time_ms, open, high, low, close, volume)."""

_COLUMNS = ("open", "high", "low", "close", "volume")
_PRICES = _COLUMNS[:4]
_WEEK_MS = INTERVALS_MS["1w"]
_FIRST_MONDAY_MS = 4 * INTERVALS_MS["1d"]


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Closed bars of one instrument at one interval, oldest first, without gaps.

    All arrays: shape (n,), n may be 0; they are copied and made read-only. Prices: quote per base. Volume:
    turnover in quote currency where the venue offers it, otherwise base volume; only ratios of volume are
    used. A bar covers [open_time_ms, open_time_ms + interval_ms).

    Raises ValueError naming every kind of fault found, each with its first index and the values there.
    """

    open_time_ms: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    interval_ms: int

    def __post_init__(self) -> None:
        for name in _COLUMNS:
            object.__setattr__(self, name, np.array(getattr(self, name), dtype=np.float64))
        times = np.asarray(self.open_time_ms)
        if times.size and times.dtype.kind not in "iu":
            raise ValueError(f"open_time_ms must be integers, was {times.dtype}")
        object.__setattr__(self, "open_time_ms", times.astype(np.int64))

        findings = list(_shape_findings(self)) or list(_value_findings(self))
        if findings:
            raise ValueError("malformed bars: " + "; ".join(findings))
        for name in ("open_time_ms", *_COLUMNS):
            getattr(self, name).setflags(write=False)

    def __len__(self) -> int:
        return len(self.open_time_ms)

    def __getitem__(self, key: slice) -> Bars:
        """Return a contiguous run of these bars, as `bars[:-1]` or `bars[-200:]`.

        The arrays are shared, not copied, and not checked again: a back-test takes one a bar. Raises
        ValueError for a step other than 1: what is left would have gaps.
        """
        if key.step not in (None, 1):
            raise ValueError(f"bars are taken without gaps, step was {key.step}")
        part = object.__new__(Bars)
        put = object.__setattr__
        put(part, "open_time_ms", self.open_time_ms[key])
        put(part, "open", self.open[key])
        put(part, "high", self.high[key])
        put(part, "low", self.low[key])
        put(part, "close", self.close[key])
        put(part, "volume", self.volume[key])
        put(part, "interval_ms", self.interval_ms)
        return part

    @classmethod
    def from_rows(cls, rows: Iterable[Row], interval_ms: int) -> Bars:
        """Make bars of rows (open_time_ms, open, high, low, close, volume), oldest first.

        Raises ValueError as the class does.
        """
        columns = list(zip(*rows, strict=True)) or [()] * 6
        if len(columns) != 6:
            raise ValueError(f"malformed bars: a row has 6 values, was {len(columns)}")
        times, opens, highs, lows, closes, volumes = (np.array(column) for column in columns)
        return cls(times, opens, highs, lows, closes, volumes, interval_ms)

    @property
    def end_ms(self) -> int:
        """The instant the last bar closed. Raises ValueError when there are no bars."""
        if not len(self):
            raise ValueError("no bars")
        return int(self.open_time_ms[-1]) + self.interval_ms


def closed(bars: Bars, now_ms: int) -> Bars:
    """Return the bars that had ended by `now_ms`: venues send the bar still forming as the last one."""
    count = int(np.searchsorted(bars.open_time_ms, now_ms - bars.interval_ms, side="right"))
    return bars[:count]


def aggregate(bars: Bars, interval_ms: int) -> Bars:
    """Return coarser bars: left-closed, left-labeled, aligned to UTC (weeks start on Monday, as at Binance).

    A first or last group that is not complete is dropped: it would be a bar that never existed. Raises
    ValueError when `interval_ms` is no multiple of the bars' interval, or the bars are not aligned to theirs.
    """
    size, remainder = divmod(interval_ms, bars.interval_ms)
    if size < 1 or remainder:
        raise ValueError(f"{interval_ms} ms is not a multiple of the bars' {bars.interval_ms} ms")
    offset_ms = _FIRST_MONDAY_MS if interval_ms % _WEEK_MS == 0 else 0
    if len(bars) and (bars.open_time_ms[0] - offset_ms) % bars.interval_ms:
        raise ValueError(f"bars open at {bars.open_time_ms[0]}, not aligned to {bars.interval_ms} ms")

    starts = np.flatnonzero((bars.open_time_ms - offset_ms) % interval_ms == 0)
    starts = starts[starts + size <= len(bars)]
    if not len(starts):
        return Bars.from_rows((), interval_ms)
    whole = slice(starts[0], starts[-1] + size)

    def groups(values: FloatArray) -> FloatArray:
        return values[whole].reshape(-1, size)

    return Bars(
        open_time_ms=bars.open_time_ms[starts],
        open=bars.open[starts],
        high=groups(bars.high).max(axis=1),
        low=groups(bars.low).min(axis=1),
        close=bars.close[starts + size - 1],
        volume=groups(bars.volume).sum(axis=1),
        interval_ms=interval_ms,
    )


def _shape_findings(bars: Bars) -> Iterator[str]:
    if bars.interval_ms <= 0:
        yield f"interval_ms must be positive, was {bars.interval_ms}"
    shapes = {name: getattr(bars, name).shape for name in ("open_time_ms", *_COLUMNS)}
    if len(set(shapes.values())) > 1:
        yield "lengths differ: " + ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    elif len(shapes["close"]) != 1:
        yield f"arrays must have one dimension, shape was {shapes['close']}"


def _value_findings(bars: Bars) -> Iterator[str]:
    times = bars.open_time_ms
    step = np.diff(times)
    yield from _finding(np.append(False, step <= 0), "times not increasing", bars, "open_time_ms")
    yield from _finding(
        np.append(False, (step > 0) & (step != bars.interval_ms)),
        f"gap: not {bars.interval_ms} ms after the bar before",
        bars,
        "open_time_ms",
    )
    for name in _COLUMNS:
        yield from _finding(~np.isfinite(getattr(bars, name)), f"{name} is not a finite number", bars, name)
    for name in _PRICES:
        yield from _finding(getattr(bars, name) <= 0, f"{name} is not positive", bars, name)
    yield from _finding(bars.volume < 0, "volume is negative", bars, "volume")
    yield from _finding(bars.high < bars.low, "high below low", bars, "high", "low")
    # Comparisons with NaN are false, so a value reported above is not reported again here.
    outside = (bars.high >= bars.low) & (
        (np.maximum(bars.open, bars.close) > bars.high) | (np.minimum(bars.open, bars.close) < bars.low)
    )
    yield from _finding(outside, "open or close outside low..high", bars, *_PRICES)


def _finding(faulty: BoolArray, what: str, bars: Bars, *names: str) -> Iterator[str]:
    indexes = np.flatnonzero(faulty)
    if len(indexes):
        first = int(indexes[0])
        values = ", ".join(f"{name} {getattr(bars, name)[first]}" for name in names)
        more = f" (and {len(indexes) - 1} more)" if len(indexes) > 1 else ""
        yield f"{what} at index {first}: {values}{more}"
