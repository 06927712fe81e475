"""Trades, klines and tickers as streams tell them (Spot API documents, "Web Socket Streams")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from exchanges.paper import tape
from exchanges.paper.dialects.binance import bars, tickers
from exchanges.paper.dialects.binance.tickers import Figures
from exchanges.paper.dialects.binance.wire import Json, amount, price, quantity
from exchanges.paper.engine import Engine
from exchanges.paper.market import Kline
from exchanges.paper.symbols import SYMBOLS, Symbol

AT_ONCE = 1000


@dataclass
class Trades:
    """Every trade, or every aggregate: here each trade is an aggregate of its own."""

    symbol: Symbol
    aggregated: bool
    period_s: float = 0.0
    _next_id: int | None = None

    def news(self, engine: Engine) -> list[Json]:
        name = self.symbol.name
        end = tape.end(engine, name)
        if self._next_id is None:
            self._next_id = end
        told = []
        while self._next_id < end:
            found = tape.trades(engine, name, self._next_id, AT_ONCE)
            told += [self._told(engine, trade) for trade in found]
            self._next_id += len(found)
        return told

    def _told(self, engine: Engine, trade: tape.PublicTrade) -> Json:
        name, number = self.symbol.name, trade.trade_id
        ids = {"a": number} if self.aggregated else {"t": number}
        span = {"f": number, "l": number} if self.aggregated else {}
        return {
            "e": "aggTrade" if self.aggregated else "trade",
            "E": engine.now_ms,
            "s": name,
            **ids,
            "p": price(name, trade.price),
            "q": quantity(name, trade.quantity),
            **span,
            "T": trade.time_ms,
            "m": trade.buyer_is_maker,
            "M": True,
        }


@dataclass
class Klines:
    """The bar that is open, whenever it changed, and each bar once more when it has closed."""

    symbol: Symbol
    interval: str
    offset_ms: int = 0
    _open_ms: int | None = None
    _told: Kline | None = None

    @property
    def period_s(self) -> float:
        return 1.0 if self.interval == "1s" else 2.0

    def news(self, engine: Engine) -> list[Json]:
        now_ms = engine.now_ms
        found = bars.listed(
            engine.ambient.markets[self.symbol.name],
            self.interval,
            start_ms=self._open_ms,
            end_ms=None,
            limit=1 if self._open_ms is None else AT_ONCE,
            now_ms=now_ms,
            offset_ms=self.offset_ms,
        )
        told = []
        for bar in found:
            is_closed = bar.close_ms < now_ms
            self._open_ms = bar.close_ms + 1 if is_closed else bar.open_ms
            if is_closed or bar != self._told:
                told.append(self._bar(engine, bar, is_closed=is_closed))
            self._told = bar
        return told

    def _bar(self, engine: Engine, bar: Kline, *, is_closed: bool) -> Json:
        name, scale = self.symbol.name, self.symbol.scale
        first = tape.first_at(engine, name, bar.open_ms)
        last = min(tape.first_at(engine, name, bar.close_ms + 1), tape.end(engine, name)) - 1
        return {
            "e": "kline",
            "E": engine.now_ms,
            "s": name,
            "k": {
                "t": bar.open_ms,
                "T": bar.close_ms,
                "s": name,
                "i": self.interval,
                "f": first if last >= first else -1,
                "L": last if last >= first else -1,
                "o": price(name, bar.open),
                "c": price(name, bar.close),
                "h": price(name, bar.high),
                "l": price(name, bar.low),
                "v": quantity(name, bar.volume),
                "n": bar.trades,
                "x": is_closed,
                "q": amount(scale.quote(bar.quote_volume, 1)),
                "V": quantity(name, bar.taker_buy_volume),
                "Q": amount(scale.quote(bar.taker_buy_quote, 1)),
                "B": "0",
            },
        }


TickerMaker = Callable[[Engine, Symbol], Json]


@dataclass
class Tickers:
    """Figures of one symbol, or of all that changed as one list."""

    symbols: tuple[Symbol, ...]
    make: TickerMaker
    as_list: bool = False
    period_s: float = 1.0
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def news(self, engine: Engine) -> list[Any]:
        changed = [symbol for symbol in self.symbols if self._has_changed(engine, symbol)]
        told = [self.make(engine, symbol) for symbol in changed]
        return [told] if told and self.as_list else told

    def _has_changed(self, engine: Engine, symbol: Symbol) -> bool:
        now = tape.end(engine, symbol.name), engine.books.symbols[symbol.name].updates
        if self._seen.get(symbol.name) == now:
            return False
        self._seen = {**self._seen, symbol.name: now}
        return True


def mini_ticker(engine: Engine, symbol: Symbol) -> Json:
    found = tickers.day(engine, symbol)
    return {"e": "24hrMiniTicker", "E": engine.now_ms, "s": symbol.name, **_prices(symbol, found)}


def full_ticker(engine: Engine, symbol: Symbol) -> Json:
    found = tickers.day(engine, symbol)
    (trade,) = tape.recent(engine, symbol.name, 1)
    bid, ask = tickers.best(engine, symbol)
    return {
        "e": "24hrTicker",
        "E": engine.now_ms,
        "s": symbol.name,
        **_changes(found),
        "x": amount(found.opened),
        "Q": quantity(symbol.name, trade.quantity),
        "b": bid[0],
        "B": bid[1],
        "a": ask[0],
        "A": ask[1],
        **_prices(symbol, found),
        **_extent(found),
    }


def window_ticker(window: str) -> TickerMaker:
    """Return what tells the figures of a rolling window."""

    def make(engine: Engine, symbol: Symbol) -> Json:
        found = tickers.figures(engine, symbol, engine.now_ms - tickers.window_ms(window))
        return {
            "e": f"{window}Ticker",
            "E": engine.now_ms,
            "s": symbol.name,
            **_changes(found),
            **_prices(symbol, found),
            **_extent(found),
        }

    return make


def average_price(engine: Engine, symbol: Symbol) -> Json:
    (trade,) = tape.recent(engine, symbol.name, 1)
    return {
        "e": "avgPrice",
        "E": engine.now_ms,
        "s": symbol.name,
        "i": f"{symbol.average_minutes}m",
        "w": amount(engine.ambient.average_price(symbol.name, engine.now_ms)),
        "T": trade.time_ms,
    }


def _prices(symbol: Symbol, found: Figures) -> Json:
    return {
        "c": amount(found.last),
        "o": amount(found.opened),
        "h": amount(found.high),
        "l": amount(found.low),
        "v": quantity(symbol.name, found.volume),
        "q": amount(found.quote_volume),
    }


def _changes(found: Figures) -> Json:
    return {"p": amount(found.change), "P": found.percent, "w": amount(found.average)}


def _extent(found: Figures) -> Json:
    return {
        "O": found.open_ms,
        "C": found.close_ms,
        "F": found.first_id,
        "L": found.last_id,
        "n": found.last_id - found.first_id + 1,
    }


ALL_SYMBOLS = tuple(SYMBOLS.values())
