"""Cancel open orders at the venue, read back until none is left, and learn what became of each.

Needs two endpoints: the list of open orders, and the cancel. A cancel that the venue refuses means only that
the order is no longer open; what became of it is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from core.clock import ScaledClock
from core.errors import TraderError
from core.orders import AT_VENUE, OrderReport, OrderStatus, OrderType, filled_quantity
from core.ports import Venue

LIMIT_S: Final = 30.0
PAUSE_S: Final = 0.5
LOOKS_MAX: Final = 4
AT_ONCE: Final = 10
STOP_TYPES: Final = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT})
"""What protects a position; a take-profit does not."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which open orders to cancel. `symbol`: None is every one; `everybody`: not only ours."""

    symbol: str | None = None
    everybody: bool = False
    keep_stops: bool = False


class Fate(StrEnum):
    """What became of an order that was to be canceled."""

    CANCELED = "canceled"
    FILLED = "filled"
    ENDED = "ended"
    OPEN = "open"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OrderFate:
    """`order`: the venue's last word about it. `reason`: why its fate is not the one wanted."""

    order: OrderReport
    fate: Fate
    reason: str = ""


def _key(order: OrderReport) -> str:
    return f"{order.symbol} {order.venue_order_id}"


@dataclass(slots=True)
class Sweep:
    """What canceling came to, filled while it runs. `left`: open orders that were none of ours to cancel.

    `unread`: why open orders could not be read back; "" when they were.
    """

    fates: dict[str, OrderFate] = field(default_factory=dict)
    kept: tuple[OrderReport, ...] = ()
    left: tuple[OrderReport, ...] = ()
    unread: str = ""

    def note(self, found: OrderFate) -> None:
        self.fates[_key(found.order)] = found

    def with_fate(self, *fates: Fate) -> list[OrderFate]:
        return [each for each in self.fates.values() if each.fate in fates]


class Canceler:
    """Cancels what `is_ours` says, or everybody's, within a scope."""

    def __init__(self, venue: Venue, scope: Scope, is_ours: Callable[[str], bool], sweep: Sweep) -> None:
        self._venue = venue
        self.scope = scope
        self._is_ours = is_ours
        self._sweep = sweep
        self._turn = asyncio.Semaphore(AT_ONCE)
        clock = venue.clock
        speed = clock.speed if isinstance(clock, ScaledClock) else 1.0
        self._pause_s = PAUSE_S * speed
        self._deadline_ms = clock.monotonic_ms() + LIMIT_S * speed * 1000

    async def run(self, listed: Sequence[OrderReport]) -> None:
        """Cancel what is listed, and whatever turns up until nothing is left or the time is over."""
        told: dict[str, OrderReport | str] = {}
        wanted, rest = self._split(listed)
        while wanted:
            for order in wanted:
                self._sweep.fates.setdefault(_key(order), OrderFate(order, Fate.OPEN))
            if self._is_late():
                break
            if told:
                await self._venue.clock.sleep(self._pause_s)
            await self._cancel(wanted, {order.symbol for order in rest}, told)
            try:
                wanted, rest = self._split(await self._venue.account.open_orders(self.scope.symbol))
            except TraderError as error:
                self._sweep.unread = error.message
                wanted, rest = [], []
        await self._settle({_key(order): order for order in wanted}, told)
        self._sweep.kept = tuple(order for order in rest if self._is_in_scope(order))
        self._sweep.left = tuple(order for order in rest if not self._is_in_scope(order))

    async def ask(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Ask what became of one order, with its fills; the venue may not know it for a moment."""
        for look in range(LOOKS_MAX):
            if look:
                await self._venue.clock.sleep(self._pause_s)
            found = await self._venue.account.order(symbol, client_order_id)
            if found is not None:
                return found
        return None

    def _is_in_scope(self, order: OrderReport) -> bool:
        return self.scope.everybody or self._is_ours(order.client_order_id)

    def _split(self, listed: Iterable[OrderReport]) -> tuple[list[OrderReport], list[OrderReport]]:
        """Return what is to be canceled, and the rest."""
        wanted: list[OrderReport] = []
        rest: list[OrderReport] = []
        listed = tuple(listed)
        # A list ends with any of its orders: canceling the target would take the stop away.
        lists = {order.order_list for order in listed if order.order_type in STOP_TYPES} - {None}
        for order in listed:
            is_stop = order.order_type in STOP_TYPES or order.order_list in lists
            is_kept = self.scope.keep_stops and is_stop
            (wanted if self._is_in_scope(order) and not is_kept else rest).append(order)
        return wanted, rest

    def _is_whole(self, order: OrderReport) -> bool:
        """Tell whether nothing more has to be asked: all its fills are there, or it is not ours."""
        if order.executed_quantity.value == 0 or not self._is_ours(order.client_order_id):
            return True
        return filled_quantity(order.fills) >= order.executed_quantity

    def _is_late(self) -> bool:
        return self._venue.clock.monotonic_ms() >= self._deadline_ms

    async def _cancel(
        self, wanted: Sequence[OrderReport], spared: Set[str], told: dict[str, OrderReport | str]
    ) -> None:
        """Send the cancels: one for a whole symbol only where nothing is open that is to be spared."""
        by_symbol: dict[str, list[OrderReport]] = {}
        for order in wanted:
            by_symbol.setdefault(order.symbol, []).append(order)
        cancels: list[Coroutine[Any, Any, None]] = []
        for symbol, orders in by_symbol.items():
            if len(orders) > 1 and symbol not in spared:
                cancels.append(self._cancel_symbol(symbol, orders, told))
            else:
                cancels += [self._cancel_one(order, told) for order in orders]
        await asyncio.gather(*cancels)

    async def _cancel_symbol(
        self, symbol: str, orders: Sequence[OrderReport], told: dict[str, OrderReport | str]
    ) -> None:
        try:
            async with self._turn:
                replies = await self._venue.trading.cancel_all(symbol)
        except TraderError as error:
            told |= {_key(order): error.message for order in orders}
        else:
            told |= {_key(reply): reply for reply in replies}

    async def _cancel_one(self, order: OrderReport, told: dict[str, OrderReport | str]) -> None:
        try:
            async with self._turn:
                told[_key(order)] = await self._venue.trading.cancel(order.symbol, order.client_order_id)
        except TraderError as error:
            told[_key(order)] = error.message

    async def _settle(
        self, still_open: Mapping[str, OrderReport], told: Mapping[str, OrderReport | str]
    ) -> None:
        """Give every order its fate; ask about those whose replies do not tell it all."""
        asked: list[str] = []
        for key in self._sweep.fates:
            reply = told.get(key)
            if key in still_open:
                reason = reply if isinstance(reply, str) else ""
                self._sweep.fates[key] = OrderFate(still_open[key], Fate.OPEN, reason)
            elif isinstance(reply, OrderReport) and self._is_whole(reply):
                self._sweep.fates[key] = fate_of(reply)
            else:
                asked.append(key)
        fates = await asyncio.gather(*(self._fate(key, told.get(key)) for key in asked))
        self._sweep.fates |= dict(zip(asked, fates, strict=True))

    async def _fate(self, key: str, reply: OrderReport | str | None) -> OrderFate:
        order = self._sweep.fates[key].order
        async with self._turn:
            try:
                if isinstance(reply, OrderReport):
                    return fate_of(await self.with_fills(reply))
                return await self._asked(order, reply or "it is not listed any more")
            except TraderError as error:
                return OrderFate(order, Fate.UNKNOWN, error.message)

    async def _asked(self, order: OrderReport, reason: str) -> OrderFate:
        found = await self.ask(order.symbol, order.client_order_id)
        if found is None:
            return OrderFate(order, Fate.UNKNOWN, f"{reason}; the venue does not know it")
        return fate_of(await self.with_fills(found), reason)

    async def with_fills(self, order: OrderReport) -> OrderReport:
        """Return an order of ours with the fills that the reply left out, if they can be asked for now."""
        if self._is_whole(order):
            return order
        try:
            fills = await self._venue.account.order_fills(order.symbol, order.venue_order_id)
        except TraderError:
            return order
        return replace(order, fills=fills)


def fate_of(order: OrderReport, reason: str = "") -> OrderFate:
    """Return the fate that an order's status means."""
    if order.status in AT_VENUE:
        return OrderFate(order, Fate.OPEN, reason)
    if order.status is OrderStatus.FILLED:
        return OrderFate(order, Fate.FILLED, "it filled before the cancel came")
    if order.status is OrderStatus.CANCELED:
        return OrderFate(order, Fate.CANCELED)
    return OrderFate(order, Fate.ENDED, f"the venue calls it {order.status}")
