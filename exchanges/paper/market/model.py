"""The vocabulary of a market: what it is asked and what it answers, in whole ticks and steps.

Prices are integer ticks, quantities integer steps, quote amounts integer ticks × steps, times integer
milliseconds UTC on the exchange's clock. Nothing here is a float, so nothing has to be rounded later.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Hashes = NDArray[np.uint64]

MINUTE_MS = 60_000
TRADES_PER_MINUTE = 20
"""Market trades in every minute, one at the start of each step. A fixed number makes trade ids countable."""
STEP_MS = MINUTE_MS // TRADES_PER_MINUTE
"""Length of a step: price and book change only at whole multiples of it."""


class MarketFileError(Exception):
    """A recorded file cannot be a market; `line` counts from 1, None when the whole file is at fault."""

    def __init__(self, path: Path, line: int | None, reason: str) -> None:
        self.path = path
        self.line = line
        self.reason = reason
        where = f"{path}" if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {reason}")


@dataclass(frozen=True)
class SymbolSpec:
    """What the market needs to know of a symbol.

    `base_price` (quote per base) is the level a synthetic price keeps returning to, `typical_quantity` the
    base quantity of a usual minute, `volatility` the standard deviation of a year's log return. `loadings`:
    (factor, weight) of what it shares with other symbols; the squares of the weights sum to at most 1.
    """

    symbol: str
    tick: Decimal
    step: Decimal
    base_price: Decimal
    typical_quantity: Decimal
    volatility: float = 0.5
    loadings: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        for name in ("tick", "step", "base_price", "typical_quantity"):
            value = getattr(self, name)
            if not (value.is_finite() and value > 0):
                raise ValueError(f"{name} of {self.symbol} must be above zero, was {value}")
        if not 0 < self.volatility <= 2:
            raise ValueError(f"volatility of {self.symbol} must be in (0, 2] a year, was {self.volatility}")
        if sum(weight * weight for _, weight in self.loadings) > 1:
            raise ValueError(f"loadings of {self.symbol} are more than its volatility: {self.loadings}")

    @property
    def base_ticks(self) -> int:
        """`base_price` in ticks, at least 1."""
        return max(1, round(self.base_price / self.tick))

    @property
    def typical_steps(self) -> int:
        """`typical_quantity` in steps, at least 1."""
        return max(1, round(self.typical_quantity / self.step))

    def check_size(self) -> None:
        """Raise ValueError where the sums of a market of this size do not fit 64 bits."""
        if self.base_ticks * self.typical_steps > 1 << 43:
            raise ValueError(f"{self.symbol}: a month's quote volume in ticks × steps does not fit 64 bits")


@dataclass(frozen=True)
class Bars:
    """Consecutive bars, oldest first; every array has shape (n_bars,)."""

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    quote_volume: Ints
    trades: Ints
    taker_buy_volume: Ints
    taker_buy_quote: Ints

    def __len__(self) -> int:
        return len(self.open)

    @property
    def columns(self) -> tuple[Ints, ...]:
        """The arrays in the order of the fields, which is Binance's."""
        return (
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            self.quote_volume,
            self.trades,
            self.taker_buy_volume,
            self.taker_buy_quote,
        )


@dataclass(frozen=True)
class Kline:
    """One bar of any interval, as Binance lists it; still open when `close_ms` has not passed."""

    open_ms: int
    close_ms: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    trades: int
    taker_buy_volume: int
    taker_buy_quote: int


class MarketTrade(NamedTuple):
    """A trade between two others; `ordinal` counts from 0 at the market's start, without gaps."""

    ordinal: int
    time_ms: int
    price: int
    quantity: int
    buyer_is_maker: bool


class Level(NamedTuple):
    """A price of the ambient book and the quantity resting there."""

    price: int
    quantity: int


@dataclass(frozen=True)
class Book:
    """The ambient order book during one step, best level first; both sides are empty where nobody trades."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Extremes(NamedTuple):
    """What traded in a span of time: lowest and highest price, and the quantity."""

    low: int
    high: int
    volume: int


class Market(Protocol):
    """The market of one symbol, a pure function of time.

    It is defined from `start_ms` (inclusive) to `end_ms` (exclusive; None: for ever). At `end_ms` it halts:
    the price stays the last one, nothing trades and the book is empty. Asking about a time before `start_ms`
    raises ValueError, except in the lists `klines` and `extremes`, where nothing is there to be found.
    """

    @property
    def spec(self) -> SymbolSpec: ...
    @property
    def start_ms(self) -> int: ...
    @property
    def end_ms(self) -> int | None: ...

    def is_open(self, time_ms: int) -> bool:
        """Return whether the market trades at that time."""
        ...

    def minutes(self, first_minute: int, count: int) -> Bars:
        """Return `count` minute bars; `first_minute` counts minutes since 1970.

        Raises ValueError where the market is not defined.
        """
        ...

    def path(self, minute: int) -> tuple[MarketTrade, ...]:
        """Return the trades of a minute, one a step: their prices are the path of the price through it."""
        ...

    def price(self, time_ms: int) -> int:
        """Return the price of the last trade at or before that time."""
        ...

    def klines(
        self, interval: str, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Kline]:
        """Return the bars that Binance would list at `now_ms`, oldest first; the last may still be open.

        Bars are chosen by their open time, both bounds inclusive: the oldest `limit` from `start_ms` on, or
        without it the newest. Raises ValueError for an interval that is not in `INTERVALS`.
        """
        ...

    def extremes(self, from_ms: int, to_ms: int) -> Extremes | None:
        """Return what traded in (from_ms, to_ms], None if nothing did. Quick over long spans."""
        ...

    def bar(self, from_ms: int, to_ms: int) -> Kline | None:
        """Return what traded in (from_ms, to_ms] as one bar, None if nothing did: tickers and averages."""
        ...

    def trades_from(self, ordinal: int, limit: int) -> list[MarketTrade]:
        """Return up to `limit` trades from that ordinal on; it looks ahead, so bound it by `ordinal_at`."""
        ...

    def ordinal_at(self, time_ms: int) -> int:
        """Return how many trades there were at or before that time."""
        ...

    def book(self, time_ms: int, levels: int) -> Book:
        """Return up to `levels` levels a side of the ambient book."""
        ...

    def resting(self, price: int, *, is_bid: bool, time_ms: int) -> int:
        """Return what the ambient book holds at one price of a side, however deep; 0 where nothing rests."""
        ...
