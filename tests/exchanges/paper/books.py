"""What must be true of an account's books at any time, whatever was done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from exchanges.paper.engine import Engine
from exchanges.paper.records import Event, Fill, Order
from exchanges.paper.symbols import SYMBOLS

UNIT = 10**8


def need(order: Order) -> int:
    """Return what an order has to keep locked, worked out anew."""
    rules = SYMBOLS[order.symbol]
    left = (order.quantity - order.executed - order.prevented) * rules.step
    if not order.is_buy:
        return left
    price = (order.price or order.stop_price or order.reserve_price) * rules.tick
    return -(-price * left // UNIT)


def check_money(engine: Engine) -> None:
    """Nothing is created or lost, nothing negative, and locked is what the open orders need: a pair once."""
    number = engine.world.account.account
    own, theirs = (engine.records.balances(number, holder) for holder in ("account", "venue"))
    assert all(free >= 0 and locked >= 0 for free, locked in own.values()), own
    for asset, (free, locked) in own.items():
        assert free + locked + sum(theirs[asset]) == 0, asset
    expected: dict[str, int] = dict.fromkeys(own, 0)
    for orders in groups(engine.state.orders.open_orders(number)):
        needs = [order.locked if order.is_pending else need(order) for order in orders]
        assert all(order.locked == 0 or order.is_unsized for order in orders if order.is_pending)
        asset = SYMBOLS[orders[0].symbol].quote if orders[0].is_buy else SYMBOLS[orders[0].symbol].base
        expected[asset] = expected.get(asset, 0) + max(needs, default=0)
    assert {asset: locked for asset, (_, locked) in own.items()} == {**dict.fromkeys(own, 0), **expected}


def groups(orders: Iterable[Order]) -> list[list[Order]]:
    """Return the orders alone, those of a pair together: an order that others wait for has no partner."""
    found: defaultdict[tuple[str, int], list[Order]] = defaultdict(list)
    for order in orders:
        found[order.symbol, order.list_id if order.list_id >= 0 else -1 - order.order_id].append(order)
    alone = [[order] for group in found.values() if not _is_pair(group) for order in group]
    return alone + [group for group in found.values() if _is_pair(group)]


def _is_pair(group: list[Order]) -> bool:
    return len(group) == 2 and not any(order.is_pending for order in group)


def check_book(engine: Engine, symbol: str) -> None:
    """No side reaches into the other."""
    best = {is_bid: next(engine.book_side(symbol, is_bid=is_bid), None) for is_bid in (True, False)}
    bid, ask = best[True], best[False]
    assert bid is None or ask is None or bid.price < ask.price, (bid, ask)


def check_fills(fills: Sequence[Fill]) -> None:
    """An own trade has two sides of one price and quantity, or one if the market took the other."""
    trades: defaultdict[tuple[str, int], list[Fill]] = defaultdict(list)
    for fill in fills:
        trades[fill.symbol, fill.trade_id].append(fill)
    for sides in trades.values():
        assert len(sides) <= 2
        if len(sides) == 2:
            one, other = sides
            assert one.is_buy is not other.is_buy
            assert one.is_maker is not other.is_maker
            assert (one.price, one.quantity, one.quote) == (other.price, other.quantity, other.quote)


def check_orders(orders: Iterable[Order], fills: Sequence[Fill]) -> None:
    """What an order executed is what its fills say, and its status fits."""
    executed: defaultdict[tuple[str, int], int] = defaultdict(int)
    for fill in fills:
        executed[fill.symbol, fill.order_id] += fill.quantity
    for order in orders:
        assert executed[order.symbol, order.order_id] == order.executed
        assert order.executed + order.prevented <= order.quantity
        assert (order.status == "FILLED") <= (order.remaining == 0)
        assert order.is_open or order.locked == 0
        assert (order.status == "NEW") <= (order.executed == 0)


def check_lists(engine: Engine, orders: Iterable[Order]) -> None:
    """A list is open as long as one of its orders is; two legs stand only as long as neither traded."""
    for each in engine.world.lists.values():
        members = engine.world.members(each)
        legs = [order for order in members if order.order_id != each.working_id]
        assert members
        assert len(legs) < 2 or not any(leg.executed or leg.prevented for leg in legs)
    triggered: defaultdict[int, int] = defaultdict(int)
    for order in orders:
        triggered[order.list_id] += order.expiry_reason == "OCO_TRIGGER"
    assert max(triggered.values(), default=0) <= 1  # one leg ends the other, not both each other


class Queue:
    """Follows the events, and asserts that who trades as maker is the first of his side."""

    def __init__(self) -> None:
        self._book: dict[tuple[str, int], Order] = {}
        self._executions: defaultdict[str, int] = defaultdict(int)

    def follow(self, events: Iterable[Event]) -> None:
        for event in events:
            order = event.order
            if order is None:
                continue
            assert event.execution_id == self._executions[order.symbol] + 1
            self._executions[order.symbol] = event.execution_id
            if event.fill is not None and event.fill.is_maker:
                self._check_first(order, event.time_ms)
            if order.is_open and not order.is_waiting:
                self._book[order.symbol, order.order_id] = order
            else:
                self._book.pop((order.symbol, order.order_id), None)

    def _check_first(self, trades: Order, time_ms: int) -> None:
        before = self._book[trades.symbol, trades.order_id]
        for other in self._book.values():
            if other.symbol != before.symbol or other.is_buy is not before.is_buy or other is before:
                continue
            if other.working_ms < time_ms or before.working_ms >= time_ms:
                assert _place(before) < _place(other) or not other.price, (before, other)


def _place(order: Order) -> tuple[int, int]:
    return (-order.price if order.is_buy else order.price), order.priority
