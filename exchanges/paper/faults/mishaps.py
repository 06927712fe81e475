"""Trades that come at a bad moment: while an order is being canceled, or after it was reported closed."""

from __future__ import annotations

from msgspec.structs import replace

from exchanges.paper import lists, locks, settlement
from exchanges.paper.engine import Engine
from exchanges.paper.records import Order
from exchanges.paper.symbols import SYMBOLS


def fill_resting(engine: Engine, order: Order, percent: int) -> Order:
    """Fill part of an open order at its price, rounded up to a step; one that waits for a price wakes."""
    if order.is_waiting and not order.is_pending:
        order = lists.wake(engine, order).order
    if not order.is_open or order.is_pending:
        return order
    filled = _fill(engine, order, -(-order.remaining * percent // 100), order.price, is_maker=True)
    lists.follow(engine)
    return filled


def fill_late(engine: Engine) -> None:
    """Fill the closed orders that are due, as far as the free balance goes."""
    world = engine.world
    for late_fill in [each for each in world.late_fills if each[2] <= engine.now_ms]:
        symbol, order_id, _ = late_fill
        world.forget_late_fill(late_fill)
        order = engine.find(symbol, order_id, None)
        if order is None:
            continue
        rules = SYMBOLS[symbol]
        price = order.price or engine.ambient.markets[symbol].price(engine.now_ms)
        asset = locks.payment_asset(order)
        free = world.free(asset)
        affordable = rules.scale.affordable(price, free) if order.is_buy else free // rules.step
        quantity = min(order.remaining, affordable)
        if quantity:
            payment = _payment(order, quantity, price)
            order = settlement.relock(engine, replace(order, locked=0), payment)
            _fill(engine, order, quantity, price, is_maker=False)


def _payment(order: Order, quantity: int, price: int) -> int:
    """Return what a fill takes from the locked balance."""
    if order.is_buy and not order.price:
        return SYMBOLS[order.symbol].scale.quote(price, quantity)
    filled = replace(order, executed=order.executed + quantity)
    return locks.needed(order) - locks.needed(filled)


def _fill(engine: Engine, order: Order, quantity: int, price: int, *, is_maker: bool) -> Order:
    place = settlement.next_trade(engine, order.symbol)
    filled, _ = settlement.fill(engine, order, place, price=price, quantity=quantity, is_maker=is_maker)
    return filled
