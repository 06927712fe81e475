"""One account and its books in memory: loaded from the state, changed by the engine, written at commit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec.structs import replace

from core.matching import Offer
from exchanges.paper.market import STEP_MS, Level
from exchanges.paper.records import (
    Account,
    Amendment,
    Event,
    Execution,
    Fill,
    Order,
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
        self.orders: dict[str, dict[int, Order]] = {name: {} for name in SYMBOLS}
        self._open_client_ids: dict[str, tuple[str, int]] = {}
        for order in state.open_orders(number):
            self.orders[order.symbol][order.order_id] = order
            self._open_client_ids[order.client_order_id] = order.symbol, order.order_id
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

    def put_symbol(self, symbol: SymbolState) -> None:
        self.symbols[symbol.symbol] = symbol
        self._changed_symbols.add(symbol.symbol)

    def add_fill(self, fill: Fill) -> None:
        self._fills.append(fill)

    def resting(self, symbol: str, is_buy: bool) -> list[Offer]:
        """Return the own orders on one book side in price-time order."""
        own = self.orders[symbol].values()
        orders = [order for order in own if order.is_buy is is_buy and not order.is_waiting]
        if not orders:
            return []
        orders.sort(key=lambda order: (-order.price if is_buy else order.price, order.order_id))
        owner = self.account.account
        return [Offer(order.price, order.remaining, order.order_id, owner) for order in orders]

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
        return self.symbols[symbol].executions + 1

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
        number = self.next_execution(order.symbol)
        self.put_symbol(replace(self.symbols[order.symbol], executions=number))
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
            self._state.save_symbols(number, [self.symbols[name] for name in sorted(self._changed_symbols)])
            self._changed_symbols.clear()
        if self._changed_orders:
            self._state.save_orders(number, self._changed_orders.values())
            self._changed_orders.clear()
        if self._fills:
            self._state.save_fills(number, self._fills)
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
