"""The order book as streams tell it: the best prices, the top, and every change.

A client rebuilds the book from a REST snapshot and the changes that follow it, told apart by update ids; the
book changes only when its id does.
"""

from __future__ import annotations

from dataclasses import dataclass

from exchanges.paper.dialects.binance import tickers
from exchanges.paper.dialects.binance.market import levels, side, update_id
from exchanges.paper.dialects.binance.wire import Json, price, quantity
from exchanges.paper.engine import Engine
from exchanges.paper.symbols import Symbol

Levels = dict[int, int]


@dataclass
class BestPrices:
    """Best bid and ask, whenever one of them changed."""

    symbol: Symbol
    period_s: float = 0.0
    _told: tuple[list[str], list[str]] | None = None

    def news(self, engine: Engine) -> list[Json]:
        now = tickers.best(engine, self.symbol)
        if now == self._told:
            return []
        self._told = now
        bid, ask = now
        return [
            {
                "u": update_id(engine, self.symbol.name),
                "s": self.symbol.name,
                "b": bid[0],
                "B": bid[1],
                "a": ask[0],
                "A": ask[1],
            }
        ]


@dataclass
class TopOfBook:
    """The best levels of both sides, whenever the book changed."""

    symbol: Symbol
    levels: int
    period_s: float
    _told_id: int | None = None

    def news(self, engine: Engine) -> list[Json]:
        now_id = update_id(engine, self.symbol.name)
        if now_id == self._told_id:
            return []
        self._told_id = now_id
        return [
            {
                "lastUpdateId": now_id,
                "bids": side(engine, self.symbol, is_bid=True, limit=self.levels),
                "asks": side(engine, self.symbol, is_bid=False, limit=self.levels),
            }
        ]


@dataclass
class Changes:
    """Every level that changed since the last time, quantity 0 for one that is gone."""

    symbol: Symbol
    period_s: float
    _told_id: int | None = None
    _bids: Levels | None = None
    _asks: Levels | None = None

    def news(self, engine: Engine) -> list[Json]:
        last_id, now_id = self._told_id, update_id(engine, self.symbol.name)
        if now_id == last_id:
            return []
        bids, asks = self._bids, self._asks
        self._told_id = now_id
        self._bids, self._asks = (levels(engine, self.symbol, is_bid=is_bid) for is_bid in (True, False))
        if last_id is None or bids is None or asks is None:
            return []
        return [
            {
                "e": "depthUpdate",
                "E": engine.now_ms,
                "s": self.symbol.name,
                "U": last_id + 1,
                "u": now_id,
                "b": self._changed(bids, self._bids),
                "a": self._changed(asks, self._asks),
            }
        ]

    def _changed(self, before: Levels, now: Levels) -> list[list[str]]:
        name = self.symbol.name
        gone = [(ticks, 0) for ticks in before if ticks not in now]
        changed = [(ticks, steps) for ticks, steps in now.items() if before.get(ticks) != steps]
        return [[price(name, ticks), quantity(name, steps)] for ticks, steps in (*changed, *gone)]
