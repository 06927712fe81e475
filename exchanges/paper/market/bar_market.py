"""A market made of trades, and everything that can be asked of these.

Time is counted in steps of `STEP_MS` since 1970; each step of the market begins with one trade. A run of
steps is covered by whole hours, whole minutes and single trades, as few as possible, so a long span
costs little and is still exact. Computed blocks are kept in bounded caches, on which no answer depends.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import NamedTuple, Protocol

import numpy as np

from exchanges.paper.market import book, hashing, klines
from exchanges.paper.market.model import (
    STEP_MS,
    TRADES_PER_MINUTE,
    Bars,
    Book,
    Extremes,
    Ints,
    Kline,
    MarketTrade,
    SymbolSpec,
)
from exchanges.paper.market.trades import Trades, to_minutes, to_single

_TRADE, _MINUTE, _HOUR = 1, TRADES_PER_MINUTE, 60 * TRADES_PER_MINUTE
_FINER = {_HOUR: _MINUTE, _MINUTE: _TRADE}
_BLOCK_STEPS = {_TRADE: 60 * _MINUTE, _MINUTE: 3 * 24 * _HOUR, _HOUR: 8 * 24 * _HOUR}
_BLOCKS_KEPT = {_TRADE: 8, _MINUTE: 16, _HOUR: 512}
_EMPTY = Book(bids=(), asks=())


class TradeSource(Protocol):
    """Yields the trades of consecutive whole bars, from step `first` to step `end`, piece by piece."""

    @property
    def bar_steps(self) -> int: ...
    def __call__(self, first: int, end: int) -> Iterator[Trades]: ...


class _Run(NamedTuple):
    """Consecutive bars of `size` steps each."""

    first_step: int
    size: int
    bars: Bars

    def steps(self) -> Ints:
        return self.first_step + self.size * np.arange(len(self.bars))


class BarMarket:
    """The `Market` of the trades from a source; a bar of the source is a divisor of a day long."""

    def __init__(
        self,
        spec: SymbolSpec,
        source: TradeSource,
        *,
        seed: int,
        start_ms: int,
        end_ms: int | None = None,
    ) -> None:
        self.spec = spec
        self.start_ms = start_ms
        self.end_ms = end_ms
        self._source = source
        self._first_step = start_ms // STEP_MS
        self._end_step = None if end_ms is None else end_ms // STEP_MS
        self._book_stream = hashing.key(seed, spec.symbol, "book")
        self._sizes = {"base_ticks": spec.base_ticks, "typical_steps": spec.typical_steps}
        self._blocks = {
            size: lru_cache(kept)(partial(self._compute_block, size)) for size, kept in _BLOCKS_KEPT.items()
        }
        self._trade = lru_cache(256)(self._compute_trade)
        self._book = lru_cache(16)(self._compute_book)

    def is_open(self, time_ms: int) -> bool:
        """Return whether the market trades at that time."""
        return self.start_ms <= time_ms and (self.end_ms is None or time_ms < self.end_ms)

    def minutes(self, first_minute: int, count: int) -> Bars:
        """Return `count` minute bars; `first_minute` counts minutes since 1970."""
        return self._bars(_MINUTE, *self._steps_of(first_minute, count))

    def path(self, minute: int) -> tuple[MarketTrade, ...]:
        """Return the trades of a minute, one a step."""
        return tuple(self._trades(*self._steps_of(minute, 1)))

    def price(self, time_ms: int) -> int:
        """Return the price of the last trade at or before that time."""
        return self._trade(self._last_step(time_ms)).price

    def trades_from(self, ordinal: int, limit: int) -> list[MarketTrade]:
        """Return up to `limit` trades from that ordinal on."""
        first = self._first_step + max(0, ordinal)
        end = first + limit if self._end_step is None else min(first + limit, self._end_step)
        return list(self._trades(first, end)) if first < end else []

    def ordinal_at(self, time_ms: int) -> int:
        """Return how many trades there were at or before that time."""
        if time_ms < self.start_ms:
            return 0
        return self._last_step(time_ms) - self._first_step + 1

    def extremes(self, from_ms: int, to_ms: int) -> Extremes | None:
        """Return what traded in (from_ms, to_ms], None if nothing did."""
        bar = self.bar(from_ms, to_ms)
        return None if bar is None else Extremes(bar.low, bar.high, bar.volume)

    def bar(self, from_ms: int, to_ms: int) -> Kline | None:
        """Return what traded in (from_ms, to_ms] as one bar, None if nothing did."""
        first, end = (self._first_step + self.ordinal_at(time_ms) for time_ms in (from_ms, to_ms))
        if first >= end:
            return None
        bars = klines.join([run.bars for run in self._cover(_HOUR, first, end)])
        whole = klines.aggregate(bars, np.zeros(1, dtype=np.int64))
        return Kline(from_ms + 1, to_ms, *(int(column[0]) for column in whole.columns))

    def klines(
        self, interval: str, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Kline]:
        """Return the bars that Binance would list at `now_ms`, oldest first; the last may still be open."""
        end = self._first_step + self.ordinal_at(now_ms)
        last_ms = (end - 1) * STEP_MS
        chosen = klines.chosen(interval, self.start_ms, last_ms, start_ms, end_ms, limit)
        if last_ms < self.start_ms or not chosen:
            return []
        opens = np.array([klines.open_ms(interval, index) for index in (*chosen, chosen.stop)]) // STEP_MS
        edges = np.clip(opens, self._first_step, end)
        coarsest = _MINUTE if klines.is_intraday(interval) else _HOUR
        runs = self._cover(coarsest, int(edges[0]), int(edges[-1]))
        bars = klines.join([run.bars for run in runs])
        steps = np.concatenate([run.steps() for run in runs])
        return klines.listed(interval, chosen, klines.aggregate(bars, np.searchsorted(steps, edges[:-1])))

    def book(self, time_ms: int, levels: int) -> Book:
        """Return up to `levels` levels a side of the ambient book; the same object all through a step."""
        step = self._last_step(time_ms)
        return self._book(step, levels) if self.is_open(time_ms) else _EMPTY

    def resting(self, price: int, *, is_bid: bool, time_ms: int) -> int:
        """Return what the ambient book holds at one price of a side."""
        if not self.is_open(time_ms):
            return 0
        step = self._last_step(time_ms)
        return book.quantity_at(
            self._trade(step), step // _MINUTE, price, is_bid=is_bid, stream=self._book_stream, **self._sizes
        )

    def _steps_of(self, first_minute: int, count: int) -> tuple[int, int]:
        """Return the first step of some minutes and the first after them."""
        first, end = first_minute * _MINUTE, (first_minute + count) * _MINUTE
        if count < 1:
            raise ValueError(f"count of minutes must be at least 1, was {count}")
        if first < self._first_step or (self._end_step is not None and end > self._end_step):
            raise ValueError(f"{self.spec.symbol} does not trade in all {count} minutes from {first_minute}")
        return first, end

    def _last_step(self, time_ms: int) -> int:
        """Return the step of the last trade at or before that time."""
        if time_ms < self.start_ms:
            raise ValueError(f"{self.spec.symbol} begins at {self.start_ms}, time was {time_ms}")
        step = time_ms // STEP_MS
        return step if self._end_step is None else min(step, self._end_step - 1)

    def _compute_trade(self, step: int) -> MarketTrade:
        (trade,) = self._trades(step, step + 1)
        return trade

    def _trades(self, first: int, end: int) -> Iterator[MarketTrade]:
        bars = self._bars(_TRADE, first, end)
        numbers = zip(bars.close.tolist(), bars.volume.tolist(), bars.taker_buy_volume.tolist(), strict=True)
        for step, (price, quantity, bought) in enumerate(numbers, first):
            yield MarketTrade(step - self._first_step, step * STEP_MS, price, quantity, bought == 0)

    def _compute_book(self, step: int, levels: int) -> Book:
        return book.around(
            self._trade(step),
            step // _MINUTE,
            levels,
            stream=self._book_stream,
            **self._sizes,
        )

    def _cover(self, size: int, first: int, end: int) -> list[_Run]:
        """Return runs of bars of at most `size` steps that hold exactly the steps from `first` to `end`."""
        whole_first, whole_end = -(-first // size) * size, end // size * size
        if whole_first >= whole_end:
            return self._cover(_FINER[size], first, end) if first < end else []
        runs = [_Run(whole_first, size, self._bars(size, whole_first, whole_end))]
        if first < whole_first:
            runs = self._cover(_FINER[size], first, whole_first) + runs
        if whole_end < end:
            runs += self._cover(_FINER[size], whole_end, end)
        return runs

    def _bars(self, size: int, first: int, end: int) -> Bars:
        """Return the bars of `size` steps from step `first` to step `end`, whole ones."""
        block_steps = self._block_steps(size)
        parts = []
        for number in range(first // block_steps, (end - 1) // block_steps + 1):
            # Where the market begins inside a block, the block begins with its first whole bar of this size.
            begin = max(number * block_steps, -(-self._first_step // size) * size)
            bars = self._blocks[size](number)
            parts.append(klines.cut(bars, (max(first, begin) - begin) // size, (end - begin) // size))
        return klines.join(parts)

    def _block_steps(self, size: int) -> int:
        return max(_BLOCK_STEPS[size], self._source.bar_steps)

    def _compute_block(self, size: int, number: int) -> Bars:
        block_steps = self._block_steps(size)
        first, end = number * block_steps, (number + 1) * block_steps
        first = max(first, -(-self._first_step // size) * size)
        if self._end_step is not None:
            end = min(end, self._end_step // size * size)
        if size == _HOUR:
            minutes = self._bars(_MINUTE, first, end)
            bars = klines.aggregate(minutes, np.arange(0, len(minutes), _HOUR // _MINUTE))
        else:
            convert = to_single if size == _TRADE else to_minutes
            bars = klines.join([convert(trades) for trades in self._source(first, end)])
        for column in bars.columns:
            column.setflags(write=False)  # answers are views of this block
        return bars
