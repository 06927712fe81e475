"""One account in memory: loaded from the state, changed by the engine, written at commit."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from exchanges.paper.books import Books
from exchanges.paper.locks import needed
from exchanges.paper.records import (
    Account,
    Amendment,
    Event,
    Execution,
    Fill,
    Order,
    OrderList,
    PreventedMatch,
)
from exchanges.paper.schema import LARGEST_INTEGER
from exchanges.paper.state import State
from exchanges.paper.symbols import ASSETS, SYMBOLS


class World:
    """What belongs to one account. Balances change through `post` alone, so they always sum to zero.

    `books`: what it shares with the other accounts of its venue.
    """

    def __init__(self, state: State, account: Account, books: Books) -> None:
        number = account.account
        self._state = state
        self.account = account
        self.books = books
        self.orders: dict[str, dict[int, Order]] = {name: {} for name in SYMBOLS}
        self._open_client_ids: dict[str, tuple[str, int]] = {}
        for order in state.orders.open_orders(number):
            if order.locked < 0:
                order = replace(order, locked=needed(order))
            self.orders[order.symbol][order.order_id] = order
            self._open_client_ids[order.client_order_id] = order.symbol, order.order_id
        self.lists = {each.list_id: each for each in state.lists.open_lists(number)}
        self._balances = state.balances(number, "account")
        self._venue = state.balances(number, "venue")
        self.late_fills = state.late_fills(number)
        self._saved = account
        self._changed_assets: set[str] = set()
        self._changed_lists: dict[int, OrderList] = {}
        self._changed_orders: dict[tuple[str, int], Order] = {}
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

    # orders and trades

    def put_order(self, order: Order) -> None:
        """Remember an order as it now is; closed ones leave the book."""
        if order.is_open:
            self.orders[order.symbol][order.order_id] = order
            self._open_client_ids[order.client_order_id] = order.symbol, order.order_id
        elif self.orders[order.symbol].pop(order.order_id, None):
            del self._open_client_ids[order.client_order_id]
        self._changed_orders[order.symbol, order.order_id] = order
        if order.list_id >= 0:
            self.books.touch(self.account.account, order)

    def rename_order(self, order: Order, client_order_id: str) -> Order:
        """Return an open order under another name, which its old one no longer finds."""
        self._open_client_ids.pop(order.client_order_id, None)
        return replace(order, client_order_id=client_order_id)

    # order lists

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

    def add_fill(self, fill: Fill) -> None:
        self._fills.append(fill)

    def fills_of(self, order: Order) -> list[Fill]:
        """Return the fills of an order, also those of this transaction."""
        written = self._state.fills.page(
            self.account.account, order.symbol, order_id=order.order_id, limit=LARGEST_INTEGER
        )
        return written + [
            each for each in self._fills if each.symbol == order.symbol and each.order_id == order.order_id
        ]

    def has_open_client_id(self, client_order_id: str) -> bool:
        return client_order_id in self._open_client_ids

    def open_order(self, symbol: str, client_order_id: str) -> Order | None:
        found_symbol, order_id = self._open_client_ids.get(client_order_id, ("", 0))
        return self.orders[symbol][order_id] if found_symbol == symbol else None

    # events and writing back

    def emit(self, event: Event) -> None:
        self._events.append(event)

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
        number = self.books.take_execution(order.symbol)
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
        if self._changed_orders:
            self._state.orders.save(number, self._changed_orders.values())
            self._changed_orders.clear()
        if self._changed_lists:
            self._state.lists.save(number, self._changed_lists.values())
            self._changed_lists.clear()
        if self._fills:
            self._state.fills.save(number, self._fills)
            self._fills.clear()
        if self._events:
            if self.books.event_order == "twice":
                self._events = [event for event in self._events for _ in range(2)]
            elif self.books.event_order == "reversed":
                self._events.reverse()
            self._state.append_events(number, self._events)
            self._events.clear()
