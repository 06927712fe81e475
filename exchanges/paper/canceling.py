"""Orders taken back: canceled, which always works, or made smaller in their place."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from exchanges.paper import filters, lists, locks, settlement
from exchanges.paper.engine import Engine
from exchanges.paper.records import Amendment, Order, OrderList
from exchanges.paper.refusals import Reason, Refused
from exchanges.paper.symbols import SYMBOLS

CancelRestriction = Literal["ONLY_NEW", "ONLY_PARTIALLY_FILLED"]


def cancel(
    engine: Engine, order: Order, cancel_id: str, restriction: CancelRestriction | None = None
) -> Order:
    """Take an open order off the book, and its list with it. Raises Refused; works while halted."""
    if not order.is_open:
        raise Refused(Reason.UNKNOWN_ORDER)
    if restriction is not None and restriction != f"ONLY_{order.status}":
        raise Refused(Reason.CANCEL_RESTRICTED)
    order_list = engine.world.lists.get(order.list_id)
    if order_list is None:
        return settlement.end(engine, order, "CANCELED", cancel_id=cancel_id)
    canceled, _ = lists.cancel(engine, order_list, cancel_id)
    return next(each for each in canceled if each.order_id == order.order_id)


def amend(
    engine: Engine, order: Order, quantity: int, client_order_id: str
) -> tuple[Order, Amendment, OrderList | None]:
    """Make an open order smaller in its place; `quantity` in units, of the whole order. Raises Refused.

    Both legs of a pair become smaller. One that has traded as much already ends.
    """
    rules = SYMBOLS[order.symbol]
    if engine.status_of(order.symbol) not in ("TRADING", "CANCEL_ONLY"):
        raise Refused(Reason.AMEND_REFUSED, "Market is closed.")
    if not order.is_open:
        raise Refused(Reason.AMEND_REFUSED, "Unknown order sent.")
    steps = quantity // rules.step
    if steps > order.quantity:
        raise Refused(Reason.AMEND_REFUSED, "Order amend (quantity increase) is not supported.")
    filters.check_quantity(rules, quantity)
    if steps == order.quantity:
        raise Refused(Reason.AMEND_REFUSED, "The requested action would change no state; rejecting")
    price = order.price or order.stop_price
    if price:
        filters.check_notional(rules, price * rules.tick * quantity, is_market=False)
    number = engine.world.account.account
    if engine.state.lists.count_amendments(number, order.symbol, order.order_id) >= rules.max_amends:
        raise Refused(Reason.AMEND_REFUSED, "Filter failure: MAX_NUM_ORDER_AMENDS")
    if client_order_id != order.client_order_id and engine.world.has_open_client_id(client_order_id):
        raise Refused(Reason.AMEND_REFUSED, "Duplicate order sent.")

    legs = [order] if (other := lists.other_leg(engine, order)) is None else [order, other]
    names = [client_order_id, *(leg.client_order_id for leg in legs[1:])]
    amended = [_amend_one(engine, leg, steps, name) for leg, name in zip(legs, names, strict=True)]
    _relock(engine, [leg for leg, _ in amended])
    order_list = lists.rename(engine, amended[0][0])
    lists.follow(engine)
    return (*amended[0], order_list)


def _amend_one(engine: Engine, order: Order, quantity: int, client_order_id: str) -> tuple[Order, Amendment]:
    world = engine.world
    amendment = Amendment(
        symbol=order.symbol,
        order_id=order.order_id,
        execution_id=engine.books.next_execution(order.symbol),
        client_id_before=order.client_order_id,
        client_id_after=client_order_id,
        quantity_before=order.quantity,
        quantity_after=quantity,
        time_ms=engine.now_ms,
    )
    engine.state.lists.save_amendment(world.account.account, amendment)
    if quantity <= order.executed + order.prevented:
        return settlement.end(engine, order, "EXPIRED", "EXCHANGE_CANCELED"), amendment
    smaller = replace(world.rename_order(order, client_order_id), quantity=quantity, updated_ms=engine.now_ms)
    smaller = replace(smaller, visible=min(order.visible, smaller.remaining))
    engine.books.touch_book(order.symbol)
    world.put_order(smaller)
    world.report("REPLACED", smaller, engine.now_ms, amendment=amendment)
    return smaller, amendment


def _relock(engine: Engine, legs: list[Order]) -> None:
    """Free what smaller orders no longer need; orders that wait for another have locked nothing."""
    if any(not leg.is_open or leg.is_pending for leg in legs):
        return
    needs = [locks.needed(legs[0])] if len(legs) == 1 else locks.of_pair(legs[0], legs[1])
    for leg, need in zip(legs, needs, strict=True):
        engine.world.put_order(settlement.relock(engine, leg, need))
