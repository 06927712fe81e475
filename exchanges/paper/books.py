"""What the accounts of one venue share: how far its symbols are, the sequences, and what was taken.

Loaded from the state, changed by the engine, written at commit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec.structs import replace

from core.matching import Offer
from exchanges.paper.market import STEP_MS, Level
from exchanges.paper.records import Order, SymbolState
from exchanges.paper.state import State

RECOVERY_MS = 60_000
"""How long ambient liquidity that a taker took needs to come back, evenly."""

EventOrder = Literal["as they happened", "twice", "reversed"]


class Books:
    """The books of one venue, but for the orders: those belong to accounts."""

    def __init__(self, state: State, venue: int, last_list: int) -> None:
        self._state = state
        self._number = venue
        self.symbols = state.symbols(venue)
        # Kept apart from the rest of a symbol: it changes with every single thing that happens.
        self._executions = {name: symbol.executions for name, symbol in self.symbols.items()}
        self.event_order: EventOrder = "as they happened"
        self._last_list = last_list
        self._touched: list[tuple[int, Order]] = []
        self._consumed: defaultdict[tuple[str, bool], dict[int, tuple[int, int]]] = defaultdict(dict)
        for symbol, is_bid, price, quantity, time_ms in state.consumed(venue):
            self._consumed[symbol, is_bid][price] = quantity, time_ms
        self._changed_symbols: set[str] = set()
        self._changed_levels: set[tuple[str, bool, int]] = set()

    # symbols and sequences

    def put_symbol(self, symbol: SymbolState) -> None:
        self.symbols[symbol.symbol] = symbol
        self._changed_symbols.add(symbol.symbol)

    def touch_book(self, symbol: str) -> None:
        """Count a change of the book by an own action."""
        state = self.symbols[symbol]
        self.put_symbol(replace(state, updates=state.updates + 1))

    def next_execution(self, symbol: str) -> int:
        """Return the id that the next thing to happen to an order of this symbol gets."""
        return self._executions[symbol] + 1

    def take_execution(self, symbol: str) -> int:
        """Take that id."""
        number = self._executions[symbol] = self._executions[symbol] + 1
        self._changed_symbols.add(symbol)
        return number

    def next_list(self) -> int:
        self._last_list += 1
        return self._last_list

    # members of order lists

    def touch(self, account: int, order: Order) -> None:
        """Note that a member of one of this account's lists changed."""
        self._touched.append((account, order))

    def take_touched(self) -> list[tuple[int, Order]]:
        """Return (account, order) of the members that changed since the last call, as they then were."""
        touched, self._touched = self._touched, []
        return touched

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

    # writing back

    def flush(self, now_ms: int) -> None:
        """Write what changed to the state; the caller commits."""
        if self._changed_symbols:
            for name in self._changed_symbols:
                self.symbols[name] = replace(self.symbols[name], executions=self._executions[name])
            self._state.save_symbols(
                self._number, [self.symbols[name] for name in sorted(self._changed_symbols)]
            )
            self._changed_symbols.clear()
        if self._changed_levels:
            self._flush_consumed(now_ms)

    def _flush_consumed(self, now_ms: int) -> None:
        rows = [
            (symbol, is_bid, price, *self._consumed[symbol, is_bid][price])
            for symbol, is_bid, price in self._changed_levels
        ]
        self._state.save_consumed(self._number, rows)
        self._state.forget_consumed(self._number, now_ms - RECOVERY_MS)
        for levels in self._consumed.values():
            for price in [price for price, (_, time_ms) in levels.items() if now_ms - time_ms > RECOVERY_MS]:
                del levels[price]
        self._changed_levels.clear()
