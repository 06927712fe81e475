"""Bring the book of resting orders forward in time, step by step of the market.

The result depends on the market and the orders alone, not on how often somebody looks: an order that a dead
process left resting yesterday is filled when and where the market passed it. Long idle spans are skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace as at

from msgspec.structs import replace

from exchanges.paper import lists, settlement, stops
from exchanges.paper.ambient import Ambient
from exchanges.paper.engine import Engine
from exchanges.paper.market import STEP_MS, Market, queue
from exchanges.paper.records import Order
from exchanges.paper.venue import Venue

_FIRST_SPAN = 1_024
"""Steps looked at first, about an hour."""


def advance(engine: Engine) -> None:
    """Fill and wake what the market passed since the last time, over all symbols in the order it happened."""
    venue, books, ambient = engine.venue, engine.books, engine.ambient
    last_step = engine.now_ms // STEP_MS
    hits: dict[str, int] = {}
    for symbol in venue.symbols_with_orders():
        if books.symbols[symbol].step < last_step:
            _find_hit(venue, ambient, symbol, last_step, hits)
    while hits:
        symbol = min(hits, key=lambda name: (hits[name], name))
        step = hits.pop(symbol)
        books.put_symbol(replace(books.symbols[symbol], step=step))
        then = at(engine, now_ms=step * STEP_MS)
        _meet(then, symbol)
        _wake(then, symbol)
        _find_hit(venue, ambient, symbol, last_step, hits)


def _find_hit(venue: Venue, ambient: Ambient, symbol: str, last_step: int, hits: dict[str, int]) -> None:
    """Note the next step that can fill something; without one the symbol has arrived at `last_step`."""
    state = venue.books.symbols[symbol]
    orders = [order for order in venue.open_orders(symbol) if not order.is_pending]
    step = None
    if orders and state.status == "TRADING":
        step = next_hit(ambient.markets[symbol], orders, state.step + 1, last_step)
    if step is None:
        venue.books.put_symbol(replace(state, step=last_step))
    else:
        hits[symbol] = step


def next_hit(market: Market, orders: Sequence[Order], first: int, last: int) -> int | None:
    """Return the first step in [first, last] that something happens at to one of the orders."""
    if first > last:
        return None
    trailing = [order for order in orders if order.is_waiting and order.trailing_delta]
    if any(order.trailing_ms < 0 and not order.stop_price for order in trailing):
        return first
    fixed = [order for order in orders if not order.is_waiting or order.trailing_ms < 0]
    hit = _next_passage(market, fixed, first, last) if fixed else None
    for order in trailing:
        if order.trailing_ms >= 0:
            turn = stops.first_turn(market, order, first, last if hit is None else hit)
            hit = hit if turn is None else turn
    return hit


def _next_passage(market: Market, orders: Iterable[Order], first: int, last: int) -> int | None:
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
    """Wake the orders of a symbol that the trade of this step has reached, oldest first."""
    market = engine.ambient.markets[symbol]
    last_price = market.price(engine.now_ms)
    waiting = [
        (order.order_id, account)
        for account, world in engine.venue.worlds.items()
        for order in world.orders[symbol].values()
        if order.is_waiting and not order.is_pending
    ]
    for order_id, account in sorted(waiting):
        own = engine.of_owner(account)
        order = own.world.orders[symbol].get(order_id)
        if order is None:
            continue  # the other leg of its pair woke before it
        if not order.trailing_delta:
            if stops.is_reached(order, last_price):
                lists.wake(own, order)
        elif stops.starts_trailing(order, last_price):
            own.world.put_order(replace(order, trailing_ms=engine.now_ms))
        elif order.trailing_ms >= 0 and stops.has_turned(order, market, engine.now_ms):
            lists.wake(own, order)


def _meet(engine: Engine, symbol: str) -> None:
    """Let the orders of a symbol meet the market now, in price-time order.

    Those the price passed are filled in full: everything resting there was. Those it touched share, first
    come first served, what a taker traded at their price beyond the others in the queue before them, and
    what the other side now offers at it.
    """
    time_ms = engine.now_ms
    market = engine.ambient.markets[symbol]
    (trade,) = market.trades_from(market.ordinal_at(time_ms) - 1, 1)
    for is_buy in (True, False):
        printed = trade.quantity if trade.buyer_is_maker is is_buy else 0
        offered = _offered(engine, symbol, not is_buy, trade.price)
        for offer in engine.venue.queue(symbol, is_buy):
            own = engine.of_owner(offer.owner)
            order = own.world.orders[symbol].get(offer.order_id or 0)
            if order is None or order.working_ms >= time_ms:
                continue
            passed_by = order.price - trade.price if is_buy else trade.price - order.price
            if passed_by < 0:
                break
            quantity = order.remaining
            if not passed_by:
                before = queue.ahead(
                    market, is_bid=is_buy, price=order.price, since_ms=order.working_ms, now_ms=time_ms
                )
                from_prints = min(offer.quantity, max(0, printed - before))
                from_book = min(offer.quantity - from_prints, offered)
                quantity = from_prints + from_book
                printed, offered = printed - from_prints, offered - from_book
                engine.books.consume(symbol, not is_buy, order.price, from_book, time_ms)
            if not quantity:
                continue
            place = settlement.next_trade(engine, symbol)
            settlement.fill(own, order, place, price=order.price, quantity=quantity, is_maker=True)
    lists.follow(engine)


def _offered(engine: Engine, symbol: str, is_bid: bool, price: int) -> int:
    """Return what the best level of an ambient book side has to give at exactly this price."""
    levels = engine.ambient.levels(symbol, is_bid, engine.now_ms)
    best = next(engine.books.remaining(symbol, is_bid, levels, engine.now_ms), None)
    return best.quantity if best is not None and best.price == price else 0
