"""Bring the book of resting orders forward in time, step by step of the market.

The result depends on the market and the orders alone, not on how often somebody looks: an order that a dead
process left resting yesterday is filled when and where the market passed it. Long idle spans are skipped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace as at

from msgspec.structs import replace

from exchanges.paper import settlement, stops
from exchanges.paper.ambient import Ambient
from exchanges.paper.engine import Engine
from exchanges.paper.market import STEP_MS, Market
from exchanges.paper.records import Order
from exchanges.paper.world import World

_FIRST_SPAN = 1_024
"""Steps looked at first, about an hour."""


def advance(engine: Engine) -> None:
    """Fill and wake what the market passed since the last time, over all symbols in the order it happened."""
    world, ambient = engine.world, engine.ambient
    last_step = engine.now_ms // STEP_MS
    hits: dict[str, int] = {}
    for symbol, orders in world.orders.items():
        if orders and world.symbols[symbol].step < last_step:
            _find_hit(world, ambient, symbol, last_step, hits)
    while hits:
        symbol = min(hits, key=lambda name: (hits[name], name))
        step = hits.pop(symbol)
        world.put_symbol(replace(world.symbols[symbol], step=step))
        _meet(world, ambient, symbol, step)
        _wake(at(engine, now_ms=step * STEP_MS), symbol)
        _find_hit(world, ambient, symbol, last_step, hits)


def _find_hit(world: World, ambient: Ambient, symbol: str, last_step: int, hits: dict[str, int]) -> None:
    """Note the next step that can fill something; without one the symbol has arrived at `last_step`."""
    state = world.symbols[symbol]
    orders = world.orders[symbol].values()
    step = None
    if orders and state.status == "TRADING":
        step = next_hit(ambient.markets[symbol], orders, state.step + 1, last_step)
    if step is None:
        world.put_symbol(replace(state, step=last_step))
    else:
        hits[symbol] = step


def next_hit(market: Market, orders: Iterable[Order], first: int, last: int) -> int | None:
    """Return the first step in [first, last] whose price reaches an order.

    Spans that double are asked first, so that a hit soon after the start does not cost a look at years.
    """
    highest_below = max((_level(order) for order in orders if not _reached_by_rise(order)), default=None)
    lowest_above = min((_level(order) for order in orders if _reached_by_rise(order)), default=None)

    def reached(low_step: int, high_step: int) -> bool:
        span = market.extremes(low_step * STEP_MS - 1, high_step * STEP_MS)
        if span is None:
            return False
        return (highest_below is not None and span.low <= highest_below) or (
            lowest_above is not None and span.high >= lowest_above
        )

    length = _FIRST_SPAN
    while first <= last and not reached(first, min(first + length - 1, last)):
        first += length
        length *= 2
    if first > last:
        return None
    last = min(first + length - 1, last)
    while first < last:
        middle = (first + last) // 2
        if reached(first, middle):
            last = middle
        else:
            first = middle + 1
    return first


def _level(order: Order) -> int:
    return order.stop_price if order.is_waiting else order.price


def _reached_by_rise(order: Order) -> bool:
    return stops.wakes_on_rise(order) if order.is_waiting else not order.is_buy


def _wake(engine: Engine, symbol: str) -> None:
    """Wake the orders of a symbol whose stop price the trade of this step has reached, oldest first."""
    last_price = engine.ambient.markets[symbol].price(engine.now_ms)
    waiting = [order for order in engine.world.orders[symbol].values() if order.is_waiting]
    for order in waiting:
        if stops.is_reached(order, order.stop_price, last_price):
            engine.wake(order)


def _meet(world: World, ambient: Ambient, symbol: str, step: int) -> None:
    """Let the orders of a symbol meet the market at one step, in price-time order.

    Those the price passed are filled in full: everything resting there was. Those it touched share, first
    come first served, what traded at their price and what the other side now offers at it.
    """
    time_ms = step * STEP_MS
    market = ambient.markets[symbol]
    (trade,) = market.trades_from(market.ordinal_at(time_ms) - 1, 1)
    for is_buy in (True, False):
        printed, offered = trade.quantity, _offered(world, ambient, symbol, not is_buy, trade.price, time_ms)
        for offer in world.resting(symbol, is_buy):
            order = world.orders[symbol][offer.order_id or 0]
            passed_by = order.price - trade.price if is_buy else trade.price - order.price
            quantity = order.remaining if passed_by > 0 else min(order.remaining, printed + offered)
            if passed_by < 0 or not quantity or order.working_ms >= time_ms:
                continue
            if passed_by == 0:
                from_book = max(0, quantity - printed)
                printed, offered = printed - (quantity - from_book), offered - from_book
                world.consume(symbol, not is_buy, order.price, from_book, time_ms)
            place = settlement.next_trade(world, ambient, symbol, time_ms)
            settlement.fill(
                world,
                ambient,
                order,
                place,
                price=order.price,
                quantity=quantity,
                is_maker=True,
                now_ms=time_ms,
            )


def _offered(world: World, ambient: Ambient, symbol: str, is_bid: bool, price: int, time_ms: int) -> int:
    """Return what the best level of an ambient book side has to give at exactly this price."""
    best = next(world.remaining(symbol, is_bid, ambient.levels(symbol, is_bid, time_ms), time_ms), None)
    return best.quantity if best is not None and best.price == price else 0
