"""A long past, made at once: orders that filled as the market went, as many as somebody wants to read back.

What an account looks like after months of trading, without the months: orders buy and sell in turn the
smallest quantity that can be sold, as takers, at prices that the market had then, and pay their fees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from core.matching import commission
from exchanges.paper.engine import Engine
from exchanges.paper.exchange import Exchange
from exchanges.paper.market import MarketTrade
from exchanges.paper.records import Fill, Order
from exchanges.paper.symbols import SYMBOLS, Symbol

_BATCH = 10_000
_HEADROOM = 2
"""Prices may halve, and the smallest order must still be sellable."""


@dataclass(frozen=True, slots=True)
class _Past:
    """`first`: ordinal of the market trade that the history begins at; it follows `span` of them, evenly."""

    rules: Symbol
    quantity: int
    first: int
    span: int
    orders: int


def make(exchange: Exchange, symbol: str, orders: int, *, since_ms: int, name: Callable[[int], str]) -> None:
    """Give the account `orders` filled orders of one fill each, from `since_ms` until now.

    `name`: number of the order, from 1 -> its client_order_id. Raises ValueError for a symbol that was traded
    already, a time before the market began, and more orders than the balances pay for.
    """
    with exchange.transaction() as engine:
        past = _past(engine, symbol, orders, since_ms)
        number = engine.world.account.account
        moved = {past.rules.base: 0, past.rules.quote: 0}
        batch: list[tuple[Order, Fill]] = []
        for order, fill in _trades(engine, past, name):
            _count(moved, past.rules, fill)
            batch.append((order, fill))
            if len(batch) == _BATCH or order.order_id == orders:
                engine.state.orders.save(number, [each for each, _ in batch])
                engine.state.fills.save(number, [each for _, each in batch])
                batch.clear()
        for asset, change in moved.items():
            if engine.world.free(asset) + change < 0:
                raise ValueError(f"{orders} orders cost more {asset} than is free: deposit some first")
            engine.world.post(asset, free=change)
        state = engine.books.symbols[symbol]
        engine.books.put_symbol(
            replace(state, last_order_id=orders, own_trades=orders, updates=state.updates + orders)
        )


def _past(engine: Engine, symbol: str, orders: int, since_ms: int) -> _Past:
    if symbol not in SYMBOLS:
        raise ValueError(f"the symbol was {symbol!r}, known: {', '.join(SYMBOLS)}")
    if orders < 1:
        raise ValueError(f"the number of orders was {orders}; at least 1")
    if engine.books.symbols[symbol].last_order_id:
        raise ValueError(f"{symbol} was traded already: a history can only be made before")
    market, rules = engine.ambient.markets[symbol], SYMBOLS[symbol]
    if not market.start_ms < since_ms < engine.now_ms:
        raise ValueError(f"since_ms was {since_ms}, not between the market's beginning and now")
    first = market.ordinal_at(since_ms - 1)
    span = market.ordinal_at(engine.now_ms) - first
    if not span:
        raise ValueError(f"nothing traded on {symbol} since {since_ms}")
    worth_of_step = rules.scale.quote(market.price(engine.now_ms), 1) or 1
    quantity = max(1, _HEADROOM * rules.min_notional // worth_of_step)
    return _Past(rules, quantity, first, span, orders)


def _trades(engine: Engine, past: _Past, name: Callable[[int], str]) -> Iterator[tuple[Order, Fill]]:
    account, rules = engine.world.account, past.rules
    scale = rules.scale
    for index, (market_trades, (_, time_ms, price, _, _)) in enumerate(_moments(engine, past)):
        is_buy = index % 2 == 0
        base, quote = scale.base(past.quantity), scale.quote(price, past.quantity)
        yield (
            Order(
                symbol=rules.name,
                order_id=index + 1,
                client_order_id=name(index + 1),
                is_buy=is_buy,
                type="LIMIT",
                time_in_force="IOC",
                price=price,
                quantity=past.quantity,
                quote_quantity=0,
                executed=past.quantity,
                quote_executed=quote,
                status="FILLED",
                self_trade="EXPIRE_MAKER",
                created_ms=time_ms,
                updated_ms=time_ms,
                working_ms=time_ms,
            ),
            Fill(
                symbol=rules.name,
                trade_id=market_trades + index,
                is_buy=is_buy,
                order_id=index + 1,
                own_trades=index,
                market_trades=market_trades,
                price=price,
                quantity=past.quantity,
                quote=quote,
                commission=commission(base if is_buy else quote, account.taker_rate),
                commission_asset=rules.base if is_buy else rules.quote,
                is_maker=False,
                time_ms=time_ms,
            ),
        )


def _moments(engine: Engine, past: _Past) -> Iterator[tuple[int, MarketTrade]]:
    """Yield for each order (how many market trades came before it, the last of them)."""
    market = engine.ambient.markets[past.rules.name]
    start, trades = 0, market.trades_from(past.first, _BATCH)
    for index in range(past.orders):
        at = index * past.span // past.orders
        if at - start >= len(trades):
            start, trades = at, market.trades_from(past.first + at, _BATCH)
        yield past.first + at + 1, trades[at - start]


def _count(moved: dict[str, int], rules: Symbol, fill: Fill) -> None:
    sign = 1 if fill.is_buy else -1
    moved[rules.base] += sign * rules.scale.base(fill.quantity)
    moved[rules.quote] -= sign * fill.quote
    moved[fill.commission_asset] -= fill.commission
