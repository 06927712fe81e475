"""New orders and order lists: what they must fulfill, and how they come into the market.

A refused request changes nothing: everything is checked before the first change is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from core.matching import Matched
from exchanges.paper import filters, lists, taking
from exchanges.paper.engine import Engine
from exchanges.paper.filters import WHOLE_BIPS, OrderRequest
from exchanges.paper.market import STEP_MS
from exchanges.paper.records import Order, OrderList
from exchanges.paper.refusals import Reason, Refused
from exchanges.paper.symbols import SYMBOLS
from exchanges.paper.taking import Placed


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list as asked for: a pair of `legs` (OCO), or one or a pair that wait for `working` (OTO)."""

    client_id: str
    legs: tuple[OrderRequest, ...]
    working: OrderRequest | None = None

    @property
    def orders(self) -> tuple[OrderRequest, ...]:
        return self.legs if self.working is None else (self.working, *self.legs)


@dataclass(frozen=True, slots=True)
class PlacedList:
    """A list and its orders as they were placed: those that wait for another show no fate of theirs yet."""

    order_list: OrderList
    orders: tuple[Placed, ...]


def check(engine: Engine, *requests: OrderRequest) -> None:
    """Check orders against their symbol's rules, as a validate-only request does. Raises Refused."""
    symbol = SYMBOLS[requests[0].symbol]
    average_price = engine.ambient.average_price(symbol.name, engine.now_ms)
    for request in requests:
        filters.check(symbol, request, average_price)
    world = engine.world
    filters.check_counts(
        symbol,
        requests,
        world.orders[symbol.name].values(),
        lists=sum(each.symbol == symbol.name for each in world.lists.values()),
        held=world.held(symbol.base),
    )


def check_order_count(engine: Engine, orders: int = 1) -> None:
    """Raise Refused where the account may not place so many orders more now."""
    account = engine.world.account
    count = account.order_count.at(engine.now_ms)
    if limit := count.exceeded(account.limits, orders):
        wait_s = count.retry_after_s(account.limits, engine.now_ms, orders)
        raise Refused(Reason.TOO_MANY_ORDERS, limit, retry_after_s=wait_s)


def count_orders(engine: Engine, orders: int = 1) -> None:
    """Add to the unfilled orders of the account."""
    world = engine.world
    world.account = replace(
        world.account, order_count=world.account.order_count.at(engine.now_ms).plus(orders)
    )


def place(engine: Engine, request: OrderRequest, match_percent: int = 100) -> Placed:
    """Match an order against the book; the rest stands or expires as its type says. Raises Refused.

    An order that waits for a price only waits. `match_percent`: the part of it that finds liquidity.
    """
    _check_all(engine, (request,))
    draft = _draft(engine, request)
    matched = taking.look(engine, draft, match_percent)
    order = _sized(draft, matched)
    payment = taking.payment(order, matched)
    taking.check_funds(engine, order, payment)

    count_orders(engine)
    _take_order_ids(engine, order.symbol, 1)
    placed = taking.trade(engine, taking.enter(engine, order, payment), matched)
    lists.follow(engine)
    return placed


def place_list(engine: Engine, request: ListRequest) -> PlacedList:
    """Place the orders of a list, all or none. Raises Refused."""
    _check_all(engine, request.orders)
    if any(each.client_id == request.client_id for each in engine.world.lists.values()):
        raise Refused(Reason.DUPLICATE_ORDER)
    if request.working is None:
        return _place_pair(engine, request)
    return _place_working(engine, request, request.working)


def _place_pair(engine: Engine, request: ListRequest) -> PlacedList:
    legs = [_draft(engine, leg, place) for place, leg in enumerate(request.legs)]
    lists.check_pair(engine, legs)
    order_list = _begun(engine, request, legs)
    placed = lists.enter_pair(engine, [replace(leg, list_id=order_list.list_id) for leg in legs])
    lists.tell(engine, order_list)
    return PlacedList(order_list, tuple(placed))


def _place_working(engine: Engine, request: ListRequest, working: OrderRequest) -> PlacedList:
    first = _draft(engine, working)
    legs = [_draft(engine, leg, place) for place, leg in enumerate(request.legs, 1)]
    matched = taking.look(engine, first)
    payment = taking.payment(first, matched)
    taking.check_funds(engine, first, payment)
    if len(legs) > 1:
        lists.check_prices(legs, None)
    order_list = _begun(engine, request, [first, *legs])
    entered = taking.enter(engine, replace(first, list_id=order_list.list_id), payment)
    pending = [replace(leg, list_id=order_list.list_id, status="PENDING_NEW", working_ms=-1) for leg in legs]
    for order in pending:
        engine.world.put_order(order)
        engine.world.report("NEW", order, engine.now_ms)
    lists.tell(engine, order_list)
    placed = taking.trade(engine, entered, matched)
    lists.follow(engine)
    return PlacedList(order_list, (placed, *map(Placed, pending)))


def _check_all(engine: Engine, requests: Sequence[OrderRequest]) -> None:
    """Check what is asked of all new orders. Raises Refused."""
    check(engine, *requests)
    check_order_count(engine, len(requests))
    if engine.status_of(requests[0].symbol) != "TRADING":
        raise Refused(Reason.MARKET_CLOSED)
    names = [request.client_order_id for request in requests]
    if len(set(names)) < len(names) or any(map(engine.world.has_open_client_id, names)):
        raise Refused(Reason.DUPLICATE_ORDER)


def _begun(engine: Engine, request: ListRequest, orders: Sequence[Order]) -> OrderList:
    """Take the ids of a list and its orders; nothing can be refused any more."""
    symbol = orders[0].symbol
    count_orders(engine, len(orders))
    _take_order_ids(engine, symbol, len(orders))
    return OrderList(
        list_id=engine.books.next_list(),
        symbol=symbol,
        contingency="OCO" if request.working is None else "OTO",
        client_id=request.client_id,
        working_id=0 if request.working is None else orders[0].order_id,
        orders=tuple((order.order_id, order.client_order_id) for order in orders),
        created_ms=engine.now_ms,
        updated_ms=engine.now_ms,
    )


def _draft(engine: Engine, request: OrderRequest, place: int = 0) -> Order:
    """Return the order that a request will be; `place`: how many others of its list come before it."""
    rules = SYMBOLS[request.symbol]
    order = Order(
        symbol=rules.name,
        order_id=engine.books.symbols[rules.name].last_order_id + 1 + place,
        client_order_id=request.client_order_id,
        is_buy=request.is_buy,
        type=request.type,
        time_in_force=request.time_in_force,
        price=request.price // rules.tick,
        quantity=request.quantity // rules.step,
        quote_quantity=request.quote_quantity,
        executed=0,
        quote_executed=0,
        status="NEW",
        self_trade=request.self_trade,
        created_ms=engine.now_ms,
        updated_ms=engine.now_ms,
        working_ms=-1,
        strategy_id=request.strategy_id,
        strategy_type=request.strategy_type,
        stop_price=request.stop_price // rules.tick,
        trailing_delta=request.trailing_delta,
        iceberg=request.iceberg // rules.step,
        locked=0,
    )
    if order.is_buy and order.trailing_delta and not (order.price or order.stop_price):
        last_price = engine.ambient.markets[rules.name].price(engine.now_ms)
        order = replace(order, reserve_price=last_price * (WHOLE_BIPS + order.trailing_delta) // WHOLE_BIPS)
    return order


def _sized(order: Order, matched: Matched) -> Order:
    """Return an order sized in quote with the quantity that this buys, also of what it did not meet."""
    if not order.quote_quantity:
        return order
    scale = SYMBOLS[order.symbol].scale
    spent = sum(scale.quote(each.offer.price, each.quantity) for each in matched.meetings)
    last_price = matched.meetings[-1].offer.price
    return replace(order, quantity=matched.used + scale.affordable(last_price, order.quote_quantity - spent))


def _take_order_ids(engine: Engine, symbol: str, orders: int) -> None:
    state = engine.books.symbols[symbol]
    step = engine.now_ms // STEP_MS  # a resting order meets the market from the next step on
    state = replace(
        state, last_order_id=state.last_order_id + orders, updates=state.updates + orders, step=step
    )
    engine.books.put_symbol(state)
