"""Order lists after they were placed: one leg's fate decides about the others.

A pair (OCO) are two legs of which only one may trade: as soon as one trades or wakes, the other ends, within
the same step, and what both need is locked once. The orders that wait for a working order (OTO) come into
the market when that is filled completely, and end with it otherwise. They may sell what that buys, however
much it is (OPO): it is locked for them as it comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from msgspec.structs import replace

from exchanges.paper import filters, locks, settlement, stops, taking
from exchanges.paper.engine import Engine
from exchanges.paper.records import Event, Order, OrderList
from exchanges.paper.refusals import Reason, Refused
from exchanges.paper.symbols import SYMBOLS
from exchanges.paper.taking import Placed

_TRIGGERED = "OCO_TRIGGER"
"""Why a leg ended whose other leg trades: it takes nobody with it."""


def check_prices(legs: Sequence[Order], last_price: int | None) -> None:
    """Raise Refused unless the leg that is reached by a rise is above the last price and the other below.

    A leg that trails from now on has no price of its own. `last_price` None: it is not known yet.
    """
    levels = [(_is_above(leg), leg.stop_price if leg.is_algo else leg.price) for leg in legs]
    above = [level for is_above, level in levels if is_above and level]
    below = [level for is_above, level in levels if not is_above and level]
    middle = [] if last_price is None else [last_price]
    ordered = [*below, *middle, *above]
    if any(lower >= higher for lower, higher in pairwise(ordered)):
        raise Refused(Reason.BAD_PRICES)


def check_pair(engine: Engine, legs: Sequence[Order]) -> None:
    """Raise Refused where a pair cannot come into the market now."""
    check_prices(legs, engine.ambient.markets[legs[0].symbol].price(engine.now_ms))
    for leg in legs:
        taking.look(engine, leg)
    taking.check_funds(engine, legs[0], sum(locks.of_pair(legs[0], legs[1])))


def enter_pair(engine: Engine, legs: Sequence[Order]) -> list[Placed]:
    """Put a pair that was checked into the market."""
    shares = locks.of_pair(legs[0], legs[1])
    entered = [taking.enter(engine, leg, share) for leg, share in zip(legs, shares, strict=True)]
    for leg in entered:
        engine.world.put_order(leg)
    return [Placed(leg) for leg in entered]


def claim(engine: Engine, order: Order) -> Order:
    """Let one leg of a pair trade alone from now on: the other ends, and what was locked is this one's."""
    other = other_leg(engine, order)
    if other is None:
        return order
    settlement.end(engine, other, "EXPIRED", _TRIGGERED)
    return settlement.relock(engine, order, locks.needed(order))


def wake(engine: Engine, order: Order) -> Placed:
    """Let an order whose price was reached meet the book, and its list follow."""
    placed = taking.wake(engine, claim(engine, order))
    follow(engine)
    return placed


def tell(engine: Engine, order_list: OrderList) -> None:
    """Remember a list as it now is, and tell of it."""
    engine.world.put_list(order_list)
    engine.world.emit(Event("LIST", engine.now_ms, order_list=order_list))


def cancel(engine: Engine, order_list: OrderList, cancel_id: str) -> tuple[list[Order], OrderList]:
    """Cancel every open order of a list; return these, and the list as it then is."""
    canceled = [
        settlement.end(engine, order, "CANCELED", cancel_id=cancel_id)
        for order in engine.world.members(order_list)
    ]
    done = _finish(engine, order_list)
    follow(engine)
    return canceled, done


def rename(engine: Engine, order: Order) -> OrderList | None:
    """Note the new name of an order in its list, and tell; None where it is in none."""
    order_list = engine.world.lists.get(order.list_id)
    if order_list is None:
        return None
    names = dict(order_list.orders) | {order.order_id: order.client_order_id}
    if tuple(names.items()) != order_list.orders:
        order_list = replace(
            order_list, orders=tuple(names.items()), updated_ms=engine.now_ms, status_type="UPDATED"
        )
        tell(engine, order_list)
    return order_list


def other_leg(engine: Engine, order: Order) -> Order | None:
    """Return the open order that shares the quantity and the money of this one; None: it has its own."""
    order_list = engine.world.lists.get(order.list_id)
    if order_list is None or order.order_id == order_list.working_id:
        return None
    legs = [each for each in engine.world.members(order_list) if each.order_id != order_list.working_id]
    return next((leg for leg in legs if leg.order_id != order.order_id), None)


def follow(engine: Engine) -> None:
    """Let every account's lists do what follows from what happened to their orders, until nothing does."""
    while touched := engine.books.take_touched():
        for account, order in touched:
            own = engine.of_owner(account)
            order_list = own.world.lists.get(order.list_id)
            if order_list is not None:
                _follow_one(own, order_list, order)


def _follow_one(engine: Engine, order_list: OrderList, order: Order) -> None:
    members = engine.world.members(order_list)
    if order.order_id == order_list.working_id:
        pending = [each for each in members if each.is_pending]
        if pending and pending[0].is_unsized:
            pending[0] = _set_aside(engine, order, pending[0])
        if order.status == "FILLED" and pending:
            _activate(engine, pending)
        elif not order.is_open:
            for each in pending:
                settlement.end(engine, each, "EXPIRED", "OTO_PHASE_ONE_EXPIRED")
    elif (order.executed or order.prevented or not order.is_open) and order.expiry_reason != _TRIGGERED:
        other = other_leg(engine, order)
        if other is not None:
            settlement.end(engine, other, "EXPIRED", _TRIGGERED)
    if not engine.world.members(order_list):
        _finish(engine, order_list)


def _finish(engine: Engine, order_list: OrderList) -> OrderList:
    done = replace(order_list, status_type="ALL_DONE", updated_ms=engine.now_ms)
    tell(engine, done)
    return done


def _activate(engine: Engine, pending: Sequence[Order]) -> None:
    """Bring the orders that waited for another into the market; they end if they cannot come in now."""
    is_paid = pending[0].is_unsized
    if is_paid:
        pending = _sized(engine, pending)
    try:
        if is_paid:
            for each in pending:
                filters.check_size(
                    SYMBOLS[each.symbol], each, engine.ambient.average_price(each.symbol, engine.now_ms)
                )
        if len(pending) > 1:
            check_pair(engine, pending)
        else:
            (order,) = pending
            matched = taking.look(engine, order)
            payment = taking.payment(order, matched)
            taking.check_funds(engine, order, payment)
    except Refused:
        for each in pending:
            settlement.end(engine, each, "EXPIRED", "REJECTED")
        return
    if len(pending) > 1:
        enter_pair(engine, pending)
    else:
        taking.trade(engine, taking.enter(engine, order, payment), matched)


def _set_aside(engine: Engine, working: Order, pending: Order) -> Order:
    """Lock for a sale that waits what its purchase has received.

    That is all it bought: the fee is taken from what else is free, unless there is less, or it is BNB.
    """
    rules, fills = SYMBOLS[working.symbol], engine.world.fills_of(working)
    bought = rules.scale.base(sum(fill.quantity for fill in fills))
    fees = sum(fill.commission for fill in fills if fill.commission_asset == rules.base)
    at_hand = engine.world.free(rules.base) + pending.locked
    if rules.base == "BNB" or at_hand < bought:
        bought = min(bought - fees, at_hand)
    pending = settlement.relock(engine, pending, bought)
    engine.world.put_order(pending)
    return pending


def _sized(engine: Engine, pending: Sequence[Order]) -> list[Order]:
    """Return sales with the quantity that was set aside for them, as much of it as one order may have."""
    rules = SYMBOLS[pending[0].symbol]
    freed = settlement.relock(engine, pending[0], 0)
    is_market = any(each.type == "MARKET" for each in pending)
    most = rules.market_max_quantity if is_market else rules.max_quantity
    steps = min(pending[0].locked, most) // rules.step
    return [replace(each, quantity=steps) for each in (freed, *pending[1:])]


def _is_above(leg: Order) -> bool:
    """Tell whether the price has to rise to reach this leg."""
    return stops.wakes_on_rise(leg) if leg.is_algo else not leg.is_buy
