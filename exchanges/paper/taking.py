"""How an order meets the market: what it finds there, what it trades, what becomes of the rest."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from core.matching import Execution, Matched, Prevention, match
from exchanges.paper import self_trade, settlement, stops
from exchanges.paper.engine import Engine
from exchanges.paper.locks import needed, payment_asset
from exchanges.paper.records import Fill, Order, PreventedMatch
from exchanges.paper.refusals import Reason, Refused
from exchanges.paper.symbols import SYMBOLS


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as it stands after meeting the book, its trades, and those it was kept from."""

    order: Order
    fills: tuple[Fill, ...] = ()
    prevented: tuple[PreventedMatch, ...] = ()


def look(engine: Engine, order: Order, percent: int = 100) -> Matched:
    """Return what an order that is yet to come would meet; one that waits for a price meets nothing.

    `percent`: the part of the quantity that finds liquidity. Raises Refused for what the venue turns down.
    """
    if order.is_algo:
        last_price = engine.ambient.markets[order.symbol].price(engine.now_ms)
        if order.stop_price and stops.is_reached(order, last_price):
            raise Refused(Reason.WOULD_TRIGGER)
        return Matched()
    matched = meet(engine, order, percent)
    if order.type == "LIMIT_MAKER" and matched.meetings:
        raise Refused(Reason.WOULD_TAKE)
    return matched


def meet(engine: Engine, order: Order, percent: int = 100) -> Matched:
    """Return what an order meets on the book now."""
    rules = SYMBOLS[order.symbol]
    budget = order.quote_quantity * percent // 100 if order.quote_quantity else None
    matched = match(
        engine.queue(order.symbol, is_bid=not order.is_buy),
        rules.scale,
        is_buy=order.is_buy,
        quantity=None if budget is not None else order.remaining * percent // 100,
        budget=budget,
        limit=order.price or None,
        owner=engine.world.account.account,
        self_trade=order.self_trade,
    )
    if budget is not None and matched.quantity < rules.min_quantity // rules.step:
        raise Refused(Reason.NO_LIQUIDITY)
    if order.time_in_force == "FOK" and matched.quantity < order.remaining:
        return Matched()
    return matched


def payment(order: Order, matched: Matched) -> int:
    """Return what an order has to lock: its worst case, or its exact cost if it takes any price now."""
    if order.price or order.is_algo:
        return needed(order)
    scale = SYMBOLS[order.symbol].scale
    return matched.cost(scale) if order.is_buy else scale.base(matched.quantity)


def check_funds(engine: Engine, order: Order, amount: int) -> None:
    if amount > engine.world.free(payment_asset(order)):
        raise Refused(Reason.INSUFFICIENT_BALANCE)


def enter(engine: Engine, order: Order, locked: int) -> Order:
    """Put an order into the market: it locks that much and is told as new. What it met comes after."""
    more = locked - order.locked
    engine.world.post(payment_asset(order), free=-more, locked=more)
    entered = replace(
        order,
        locked=locked,
        status="NEW",
        updated_ms=engine.now_ms,
        working_ms=-1 if order.is_algo else engine.now_ms,
        visible=0 if order.is_algo else min(order.iceberg, order.remaining),
        priority=engine.books.next_execution(order.symbol),
    )
    engine.world.report("NEW", entered, engine.now_ms)
    return entered


def wake(engine: Engine, order: Order) -> Placed:
    """Let an order whose price was reached meet the book, as a limit or a market order does.

    A purchase at any price now locks what it costs: more than before may be taken from the free balance,
    and when that does not hold enough, the order expires.
    """
    woken = replace(
        order,
        working_ms=engine.now_ms,
        updated_ms=engine.now_ms,
        visible=min(order.iceberg, order.remaining),
        priority=engine.books.next_execution(order.symbol),
    )
    matched = meet(engine, woken)
    if woken.is_buy and not woken.price:
        rules = SYMBOLS[order.symbol]
        cost = matched.cost(rules.scale)
        if cost - woken.locked > engine.world.free(rules.quote):
            matched = Matched()
        else:
            woken = settlement.relock(engine, woken, cost)
    engine.world.put_order(woken)
    engine.books.touch_book(order.symbol)
    engine.world.report("NEW", woken, engine.now_ms)
    return trade(engine, woken, matched)


def trade(engine: Engine, order: Order, matched: Matched) -> Placed:
    """Carry out what was matched, for an order that has locked its payment."""
    if order.is_waiting:
        engine.world.put_order(order)
        return Placed(order)
    fills: list[Fill] = []
    prevented: list[PreventedMatch] = []
    for meeting in matched.meetings:
        match meeting:
            case Execution():
                order, fill = _execute(engine, order, meeting)
                fills.append(fill)
            case Prevention():
                order, kept_from = self_trade.prevent(engine, order, meeting)
                prevented.append(kept_from)
    return Placed(_settle_rest(engine, order, matched), tuple(fills), tuple(prevented))


def _execute(engine: Engine, order: Order, execution: Execution) -> tuple[Order, Fill]:
    offer = execution.offer
    place = settlement.next_trade(engine, order.symbol)
    price, quantity = offer.price, execution.quantity
    if offer.order_id is None:
        engine.books.consume(order.symbol, not order.is_buy, price, quantity, engine.now_ms)
    else:
        other = engine.of_owner(offer.owner)
        maker = other.world.orders[order.symbol][offer.order_id]
        settlement.fill(other, maker, place, price=price, quantity=quantity, is_maker=True)
    return settlement.fill(engine, order, place, price=price, quantity=quantity, is_maker=False)


def _settle_rest(engine: Engine, order: Order, matched: Matched) -> Order:
    """Decide what becomes of the part that met nothing."""
    if not order.is_open:
        return order
    if not order.price:
        return settlement.end(engine, order, "EXPIRED", "INSUFFICIENT_LIQUIDITY")
    if order.time_in_force == "FOK":
        return settlement.end(engine, order, "EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED")
    if order.time_in_force == "IOC":
        return settlement.end(engine, order, "EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")
    if order.iceberg:
        order = replace(order, visible=min(order.iceberg, order.remaining))
    engine.world.put_order(order)
    return order
