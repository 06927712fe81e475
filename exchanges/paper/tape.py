"""The public trades of a symbol: the market's and all accounts', under one gapless sequence of ids.

The id of a market trade is its ordinal plus the number of own trades before it; an own trade takes the next
place after the market trades that had happened by then.
"""

from __future__ import annotations

from dataclasses import dataclass

from exchanges.paper.engine import Engine
from exchanges.paper.records import Fill
from exchanges.paper.symbols import SYMBOLS


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """A trade as everybody sees it: ticks, steps, and the quote amount in units."""

    trade_id: int
    time_ms: int
    price: int
    quantity: int
    quote: int
    buyer_is_maker: bool


def end(engine: Engine, symbol: str) -> int:
    """Return the id the next trade will get."""
    market_trades = engine.ambient.markets[symbol].ordinal_at(engine.now_ms)
    return market_trades + engine.books.symbols[symbol].own_trades


def first_at(engine: Engine, symbol: str, time_ms: int) -> int:
    """Return the id of the first trade at or after that time."""
    market = engine.ambient.markets[symbol]
    time_ms = max(time_ms, market.start_ms + 1)
    own = engine.records.fills.count_before_time(engine.venue.worlds, symbol, time_ms)
    return market.ordinal_at(time_ms - 1) + own


def trades(engine: Engine, symbol: str, first: int, limit: int) -> list[PublicTrade]:
    """Return up to `limit` trades from an id on."""
    accounts = engine.venue.worlds
    count = min(limit, end(engine, symbol) - first)
    if count <= 0:
        return []
    fills = engine.records.fills.page_of_all(accounts, symbol, first, 2 * count)
    own = {fill.trade_id: fill for fill in fills if fill.trade_id < first + count}
    ordinal = first - engine.records.fills.count_before(accounts, symbol, first)
    market = iter(engine.ambient.markets[symbol].trades_from(ordinal, count - len(own)))
    scale = SYMBOLS[symbol].scale
    found = []
    for trade_id in range(first, first + count):
        if fill := own.get(trade_id):
            found.append(_own(fill))
        else:
            _, time_ms, price, quantity, buyer_is_maker = next(market)
            quote = scale.quote(price, quantity)
            found.append(PublicTrade(trade_id, time_ms, price, quantity, quote, buyer_is_maker))
    return found


def recent(engine: Engine, symbol: str, limit: int) -> list[PublicTrade]:
    """Return the last `limit` trades, oldest first."""
    return trades(engine, symbol, max(0, end(engine, symbol) - limit), limit)


def _own(fill: Fill) -> PublicTrade:
    buyer_is_maker = fill.is_buy is fill.is_maker
    return PublicTrade(fill.trade_id, fill.time_ms, fill.price, fill.quantity, fill.quote, buyer_is_maker)
