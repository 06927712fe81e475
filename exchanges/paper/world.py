"""One account and its books in memory: loaded from the state, changed by the engine, written at commit."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Literal

from msgspec.structs import replace

from core.matching import Offer
from exchanges.paper.locks import needed
from exchanges.paper.market import STEP_MS, Level
from exchanges.paper.records import (
    Account,
    Amendment,
    Event,
    Execution,
    Fill,
    Order,
    OrderList,
    PreventedMatch,
    SymbolState,
)
from exchanges.paper.state import State
from exchanges.paper.symbols import ASSETS, SYMBOLS

RECOVERY_MS = 60_000
"""How long ambient liquidity that a taker took needs to come back, evenly."""

EventOrder = Literal["as they happened", "twice", "reversed"]


class World:
    """What one account's exchange knows. Balances change through `post` alone, so they always sum to zero."""

    def __init__(self, state: State, account: Account) -> None:
        number = account.account
        self._state = state
        self.account = account
        self.symbols = state.symbols(number)
        self._executions = {name: symbol.executions for name, symbol in self.symbols.items()}
        self.orders: dict[str, dict[int, Order]] = {name: {} for name in SYMBOLS}
        self._open_client_ids: dict[str, tuple[str, int]] = {}
        for order in state.orders.open_orders(number):
            if order.locked < 0:
                order = replace(order, locked=needed(order))
            self.orders[order.symbol][order.order_id] = order
            self._open_client_ids[order.client_order_id] = order.symbol, order.order_id
        self.lists = {each.list_id: each for each in state.lists.open_lists(number)}
        self._last_list = state.lists.last_list(number)
        self._balances = state.balances(number, "account")
        self._venue = state.balances(number, "venue")
        self._consumed: defaultdict[tuple[str, bool], dict[int, tuple[int, int]]] = defaultdict(dict)
        for symbol, is_bid, price, quantity, time_ms in state.consumed(number):
            self._consumed[symbol, is_bid][price] = quantity, time_ms
        self.late_fills = state.late_fills(number)
        self.event_order: EventOrder = "as they happened"
        self._saved = account
        self._changed_symbols: set[str] = set()
        self._changed_assets: set[str] = set()
        self._changed_lists: dict[int, OrderList] = {}
        self._touched: list[Order] = []
        self._changed_orders: dict[tuple[str, int], Order] = {}
        self._changed_levels: set[tuple[str, bool, int]] = set()
        self._fills: list[Fill] = []
        self._events: list[Event] = []

    def change_account(self, account: Account) -> None:
        """Write the account's settings; what an order changes of it is written by `flush`."""
        self.account = account
        self._state.save_account(account)

    # balances

    def free(self, asset: str) -> int:
        return self._balances.get(asset, (0, 0))[0]

    def held(self, asset: str) -> int:
        """Return what is free and what is locked."""
        return sum(self._balances.get(asset, (0, 0)))

    def balances(self) -> Iterator[tuple[str, int, int]]:
        """Yield (asset, free, locked) of every asset the exchange knows."""
        for asset in ASSETS:
            yield (asset, *self._balances.get(asset, (0, 0)))

    def post(self, asset: str, *, free: int = 0, locked: int = 0) -> None:
        """Change a balance, and the venue's by the opposite amount."""
        if not free and not locked:
            return
        had_free, had_locked = self._balances.get(asset, (0, 0))
        if had_free + free < 0 or had_locked + locked < 0:
            raise ArithmeticError(
                f"{asset} balance would become negative: {had_free}{free:+}, {had_locked}{locked:+}"
            )
        self._balances[asset] = had_free + free, had_locked + locked
        self._venue[asset] = self._venue.get(asset, (0, 0))[0] - free - locked, 0
        self._changed_assets.add(asset)

    # orders, symbols, trades

    def put_order(self, order: Order) -> None:
        """Remember an order as it now is; closed ones leave the book."""
        if order.is_open:
            self.orders[order.symbol][order.order_id] = order
            self._open_client_ids[order.client_order_id] = order.symbol, order.order_id
        elif self.orders[order.symbol].pop(order.order_id, None):
            del self._open_client_ids[order.client_order_id]
        self._changed_orders[order.symbol, order.order_id] = order
        if order.list_id >= 0:
            self._touched.append(order)

    def rename_order(self, order: Order, client_order_id: str) -> Order:
        """Return an open order under another name, which its old one no longer finds."""
        self._open_client_ids.pop(order.client_order_id, None)
        return replace(order, client_order_id=client_order_id)

    def put_symbol(self, symbol: SymbolState) -> None:
        self.symbols[symbol.symbol] = symbol
        self._changed_symbols.add(symbol.symbol)

    def touch_book(self, symbol: str) -> None:
        """Count a change of the book by an own action."""
        state = self.symbols[symbol]
        self.put_symbol(replace(state, updates=state.updates + 1))

    # order lists

    def next_list(self) -> int:
        self._last_list += 1
        return self._last_list

    def put_list(self, order_list: OrderList) -> None:
        """Remember a list as it now is; closed ones are no longer followed."""
        if order_list.is_open:
            self.lists[order_list.list_id] = order_list
        else:
            self.lists.pop(order_list.list_id, None)
        self._changed_lists[order_list.list_id] = order_list

    def members(self, order_list: OrderList) -> list[Order]:
        """Return the open orders of a list."""
        own = self.orders[order_list.symbol]
        return [own[order_id] for order_id, _ in order_list.orders if order_id in own]

    def take_touched(self) -> list[Order]:
        """Return the members of lists that changed since the last call, as they then were."""
        touched, self._touched = self._touched, []
        return touched

    def add_fill(self, fill: Fill) -> None:
        self._fills.append(fill)

    def resting(self, symbol: str, is_buy: bool) -> list[Offer]:
        """Return the own orders that show on one book side, in price-time order."""
        owner = self.account.account
        return [
            Offer(order.price, order.visible or order.remaining, order.order_id, owner)
            for order in self._on_book(symbol, is_buy)
        ]

    def queue(self, symbol: str, is_buy: bool) -> list[Offer]:
        """Return all that own orders of one side can trade, in order.

        What an iceberg hides comes part by part, each after everything that then stands at its price.
        """
        orders, owner = self._on_book(symbol, is_buy), self.account.account
        if not any(order.visible for order in orders):
            return [Offer(order.price, order.remaining, order.order_id, owner) for order in orders]
        offers = []
        for price, level in groupby(orders, key=lambda order: order.price):
            line = deque((order, order.visible or order.remaining, order.remaining) for order in level)
            while line:
                order, shown, left = line.popleft()
                offers.append(Offer(price, shown, order.order_id, owner))
                if left > shown:
                    line.append((order, min(order.iceberg, left - shown), left - shown))
        return offers

    def _on_book(self, symbol: str, is_buy: bool) -> list[Order]:
        own = self.orders[symbol].values()
        orders = [order for order in own if order.is_buy is is_buy and not order.is_waiting]
        sign = -1 if is_buy else 1
        orders.sort(key=lambda order: (sign * order.price, order.priority, order.order_id))
        return orders

    def has_open_client_id(self, client_order_id: str) -> bool:
        return client_order_id in self._open_client_ids

    def open_order(self, symbol: str, client_order_id: str) -> Order | None:
        found_symbol, order_id = self._open_client_ids.get(client_order_id, ("", 0))
        return self.orders[symbol][order_id] if found_symbol == symbol else None

    # ambient liquidity

    def consume(self, symbol: str, is_bid: bool, price: int, quantity: int, now_ms: int) -> None:
        """Take ambient liquidity from a level; it comes back over `RECOVERY_MS`."""
        if not quantity:
            return
        gone = self._gone(symbol, is_bid, price, now_ms)
        self._consumed[symbol, is_bid][price] = gone + quantity, now_ms
        self._changed_levels.add((symbol, is_bid, price))

    def remaining(self, symbol: str, is_bid: bool, levels: Iterable[Level], now_ms: int) -> Iterator[Offer]:
        """Yield what is left of ambient levels."""
        consumed = self._consumed[symbol, is_bid]
        for price, quantity in levels:
            left = quantity - self._gone(symbol, is_bid, price, now_ms) if price in consumed else quantity
            if left > 0:
                yield Offer(price, left)

    def _gone(self, symbol: str, is_bid: bool, price: int, now_ms: int) -> int:
        # By whole steps, so that the book stays as it is for as long as its update id does.
        quantity, time_ms = self._consumed[symbol, is_bid].get(price, (0, now_ms))
        still_out_ms = max(0, RECOVERY_MS - (now_ms // STEP_MS - time_ms // STEP_MS) * STEP_MS)
        return -(-quantity * still_out_ms // RECOVERY_MS)

    # events and writing back

    def emit(self, event: Event) -> None:
        self._events.append(event)

    def next_execution(self, symbol: str) -> int:
        """Return the id that the next thing to happen to an order of this symbol gets."""
        return self._executions[symbol] + 1

    def report(
        self,
        execution: Execution,
        order: Order,
        now_ms: int,
        *,
        fill: Fill | None = None,
        prevented: PreventedMatch | None = None,
        amendment: Amendment | None = None,
        cancel_id: str = "",
    ) -> None:
        """Tell what happened to an order."""
        number = self._executions[order.symbol] = self.next_execution(order.symbol)
        self._changed_symbols.add(order.symbol)
        self.emit(
            Event(
                "ORDER",
                now_ms,
                execution,
                order,
                fill,
                cancel_id,
                execution_id=number,
                prevented=prevented,
                amendment=amendment,
            )
        )

    def fill_later(self, order: Order, due_ms: int) -> None:
        """Remember that a closed order is to be filled all the same."""
        self.late_fills.append((order.symbol, order.order_id, due_ms))
        self._state.save_late_fill(self.account.account, order, due_ms)

    def forget_late_fill(self, late_fill: tuple[str, int, int]) -> None:
        self.late_fills.remove(late_fill)
        self._state.forget_late_fill(self.account.account, *late_fill[:2])

    def flush(self, now_ms: int) -> None:
        """Write what changed to the state; the caller commits."""
        number = self.account.account
        if self._changed_assets:
            changed = sorted(self._changed_assets)
            rows = [(asset, *self._balances[asset]) for asset in changed]
            self._state.save_balances(number, "account", rows)
            self._state.save_balances(number, "venue", [(asset, *self._venue[asset]) for asset in changed])
            self.emit(Event("BALANCES", now_ms, balances=tuple(rows)))
            self.account = replace(self.account, updated_ms=now_ms)
            self._changed_assets.clear()
        if self.account is not self._saved:
            self.account = self._saved = replace(self.account, last_ms=now_ms)
            self._state.save_activity(self.account)
        if self._changed_symbols:
            for name in self._changed_symbols:
                self.symbols[name] = replace(self.symbols[name], executions=self._executions[name])
            self._state.save_symbols(number, [self.symbols[name] for name in sorted(self._changed_symbols)])
            self._changed_symbols.clear()
        if self._changed_orders:
            self._state.orders.save(number, self._changed_orders.values())
            self._changed_orders.clear()
        if self._changed_lists:
            self._state.lists.save(number, self._changed_lists.values())
            self._changed_lists.clear()
        if self._fills:
            self._state.fills.save(number, self._fills)
            self._fills.clear()
        if self._changed_levels:
            self._flush_consumed(now_ms)
        if self._events:
            if self.event_order == "twice":
                self._events = [event for event in self._events for _ in range(2)]
            elif self.event_order == "reversed":
                self._events.reverse()
            self._state.append_events(number, self._events)
            self._events.clear()

    def _flush_consumed(self, now_ms: int) -> None:
        rows = [
            (symbol, is_bid, price, *self._consumed[symbol, is_bid][price])
            for symbol, is_bid, price in self._changed_levels
        ]
        self._state.save_consumed(self.account.account, rows)
        self._state.forget_consumed(self.account.account, now_ms - RECOVERY_MS)
        for levels in self._consumed.values():
            for price in [price for price, (_, time_ms) in levels.items() if now_ms - time_ms > RECOVERY_MS]:
                del levels[price]
        self._changed_levels.clear()
