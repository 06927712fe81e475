"""The market as a strategy sees it: bars closed by now, and what only a live venue tells.

Nothing here loads numpy: bars bring it along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from core.intervals import interval_ms

if TYPE_CHECKING:
    from core.bars import Bars, FloatArray, IntArray


class Series(NamedTuple):
    """Bars of one symbol at one interval, as `Series("BTCUSDT", "15m")`."""

    symbol: str
    interval: str


@dataclass(frozen=True, slots=True)
class Headline:
    """A piece of news. `score`: in [−1, 1] from a scorer, None: read the words of the title."""

    published_ms: int
    title: str
    source: str = ""
    url: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """What a strategy looks at beside bars; 0: not at all.

    `book_levels`: of each side of the order book. `flow_ms`: the span of time of which it wants to know what
    takers did. `news_ms`: the age up to which headlines count.
    """

    book_levels: int = 0
    flow_ms: int = 0
    news_ms: int = 0


@dataclass(frozen=True, slots=True)
class LiveMarket:
    """What a venue tells beside bars, as it was known at `ts_ms`; None and empty: not known there.

    `bid_quantities`, `ask_quantities`: of the best levels, best first, base. `taker_buys`, `taker_sells`:
    value in quote over the last 60 s, in `trades` trades. `funding_rate`: a fraction per 8 hours. The times
    say when each part was measured, None: never.
    """

    ts_ms: int
    book_ts_ms: int | None = None
    bid: float | None = None
    ask: float | None = None
    bid_quantities: tuple[float, ...] = ()
    ask_quantities: tuple[float, ...] = ()
    tape_ts_ms: int | None = None
    taker_buys: float = 0.0
    taker_sells: float = 0.0
    trades: int = 0
    mark_ts_ms: int | None = None
    mark: float | None = None
    index: float | None = None
    funding_ts_ms: int | None = None
    funding_rate: float | None = None

    def is_fresh(self, measured_ms: int | None, age_ms_max: int) -> bool:
        """Tell whether a part was measured, and not too long ago."""
        return measured_ms is not None and self.ts_ms - measured_ms <= age_ms_max


@dataclass(frozen=True, slots=True)
class MarketView:
    """What is known at the close of the last bar of `traded`; nothing later can be reached from here.

    `series`: bars by what they are of, closed by then; `traded` is always among them. `live`: None in a
    back-test. `headlines`: any order; those of the future are not looked at.

    A view of a whole history serves a back-test: `until` and `window` take an earlier one from it in a few
    microseconds, sharing its arrays.
    """

    traded: Series
    series: Mapping[Series, Bars]
    live: LiveMarket | None = None
    headlines: tuple[Headline, ...] = ()

    def __post_init__(self) -> None:
        if self.traded not in self.series:
            raise ValueError(f"the view has no bars of {self.traded.symbol} {self.traded.interval}")

    @classmethod
    def of(cls, bars: Bars, symbol: str = "", interval: str | None = None) -> MarketView:
        """Return a view of one series; without a name, a strategy cannot ask for others."""
        from core.intervals import interval_name

        traded = Series(symbol, interval or interval_name(bars.interval_ms))
        return cls(traded, {traded: bars})

    @property
    def bars(self) -> Bars:
        """The bars of what is traded."""
        return self.series[self.traded]

    @property
    def now_ms(self) -> int:
        """The close of the last bar of what is traded. Raises ValueError when there is none."""
        return self.bars.end_ms

    def until(self, index: int) -> MarketView:
        """Return the view at the close of bar `index` of what is traded. `live` is not kept."""
        return self._up_to(index, None)

    def window(self, index: int, needs: Mapping[Series, int]) -> MarketView:
        """Return `until(index)` with no more bars of each series than `needs` says: as live."""
        return self._up_to(index, needs)

    def last(self, needs: Mapping[Series, int]) -> MarketView:
        """Return this view with no more bars of each series than `needs` says.

        A decision made of it does not depend, to the last bit, on how many bars came before.
        """
        series = {key: bars[max(0, len(bars) - needs.get(key, 0)) :] for key, bars in self.series.items()}
        return replace(self, series=series)

    def told(self, headlines: Iterable[Headline], age_ms_max: int) -> MarketView:
        """Return this view with the headlines that were published by now, and not longer ago."""
        first_ms, now_ms = self.now_ms - age_ms_max, self.now_ms
        heard = tuple(each for each in headlines if first_ms <= each.published_ms <= now_ms)
        return replace(self, headlines=heard)

    def aligned(self, series: Series) -> IntArray:
        """Return, for each bar of what is traded, the index of the last bar of `series` closed by its close.

        −1 where there is none, or where it is not the newest there should be: stale bars are no bars.
        Shape (n,) of the traded bars.
        """
        import numpy as np

        closes_ms = self.bars.open_time_ms + self.bars.interval_ms
        other = self.series.get(series)
        if other is None or not len(other):
            return np.full(len(closes_ms), -1, dtype=np.int64)
        index = (closes_ms - other.open_time_ms[0]) // other.interval_ms - 1
        return np.where((index >= 0) & (index < len(other)), index, -1)

    def _up_to(self, index: int, needs: Mapping[Series, int] | None) -> MarketView:
        bars = self.bars
        if not 0 <= index < len(bars):
            raise ValueError(f"no bar {index} among {len(bars)}")
        now_ms = int(bars.open_time_ms[index]) + bars.interval_ms
        series = {}
        for key, each in self.series.items():
            # Bars have no gaps: where one lies is arithmetic.
            end = (now_ms - int(each.open_time_ms[0])) // each.interval_ms if len(each) else 0
            end = min(max(end, 0), len(each))
            series[key] = each[0 if needs is None else max(0, end - needs.get(key, 0)) : end]
        return MarketView(self.traded, series, None, self.headlines)


def spread_in(values: FloatArray, index: IntArray) -> FloatArray:
    """Return a series' values where another's bars are: NaN where `index` (of `MarketView.aligned`) is −1."""
    import numpy as np

    if not len(values):
        return np.full(len(index), np.nan)
    return np.where(index >= 0, values[index], np.nan)


def same_interval(traded: Series, intervals: tuple[str, ...]) -> tuple[str, ...]:
    """Return the intervals with the traded one among them, shortest first, each once."""
    return tuple(sorted({traded.interval, *intervals}, key=interval_ms))
