"""The markets of all symbols, with what is asked again and again within one step kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from exchanges.paper.market import MINUTE_MS, STEP_MS, Book, Level, Market
from exchanges.paper.symbols import SYMBOLS

DEPTH_MAX = 5_000
_DEPTH_AT_FIRST = 100


class Ambient:
    """What everybody else does: prices, books and averages. All pure functions of time."""

    def __init__(self, markets: Mapping[str, Market]) -> None:
        self.markets = markets
        self._books: dict[str, tuple[int, int, Book]] = {}
        self._averages: dict[str, tuple[int, int]] = {}

    def is_open(self, symbol: str, now_ms: int) -> bool:
        return self.markets[symbol].is_open(now_ms)

    def price(self, symbol: str, now_ms: int) -> int:
        """Return the last price in units."""
        return self.markets[symbol].price(now_ms) * SYMBOLS[symbol].tick

    def book(self, symbol: str, now_ms: int, levels: int) -> Book:
        """Return at least `levels` levels a side, where there are as many."""
        step = now_ms // STEP_MS
        kept_step, kept_levels, book = self._books.get(symbol, (-1, 0, Book((), ())))
        if kept_step != step or kept_levels < levels:
            book = self.markets[symbol].book(now_ms, levels)
            self._books[symbol] = step, levels, book
        return book

    def levels(self, symbol: str, is_bid: bool, now_ms: int) -> Iterator[Level]:
        """Yield one side of the book, best first; the deep part is made only for those who get there."""
        yield from self._side(symbol, is_bid, now_ms, _DEPTH_AT_FIRST)[:_DEPTH_AT_FIRST]
        yield from islice(self._side(symbol, is_bid, now_ms, DEPTH_MAX), _DEPTH_AT_FIRST, None)

    def average_price(self, symbol: str, now_ms: int) -> int:
        """Return the volume-weighted price of the symbol's averaging window, rounded down, in units."""
        step = now_ms // STEP_MS
        kept_step, average = self._averages.get(symbol, (-1, 0))
        if kept_step != step:
            average = self._average_price(symbol, now_ms)
            self._averages[symbol] = step, average
        return average

    def _side(self, symbol: str, is_bid: bool, now_ms: int, levels: int) -> tuple[Level, ...]:
        book = self.book(symbol, now_ms, levels)
        return book.bids if is_bid else book.asks

    def _average_price(self, symbol: str, now_ms: int) -> int:
        rules = SYMBOLS[symbol]
        start_ms = now_ms - rules.average_minutes * MINUTE_MS
        bars = self.markets[symbol].klines(
            "1m", start_ms=start_ms, end_ms=now_ms, limit=rules.average_minutes + 1, now_ms=now_ms
        )
        volume = sum(bar.volume for bar in bars)
        if not volume:
            return self.price(symbol, now_ms)
        return sum(bar.quote_volume for bar in bars) * rules.tick // volume
