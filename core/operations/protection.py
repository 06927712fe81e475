"""What protects each position right now, as far as the journal knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from core.account import AccountKey
from core.errors import PositionOpen
from core.operations.exposure import exposures
from core.operations.positions import DUST_VALUE
from core.orders import Purpose
from core.values import Base, decimal_text

if TYPE_CHECKING:
    from core.journal import Journal, Order, Position

MENDS = "trader flatten --yes"
"""Sells every position of ours, whatever state the home is in."""


@dataclass(frozen=True, slots=True)
class Protection:
    """The stops of ours that rest at the venue for one position. `bare`: the part that none covers.

    `is_whole`: nothing is bare but what could not be sold anyway. `targets`: what takes profit beside the
    stops; it protects nothing.
    """

    stops: tuple[Order, ...]
    bare: Base
    is_whole: bool
    targets: tuple[Order, ...] = ()

    def __str__(self) -> str:
        targets = "".join(f", target {_stop_text(target)}" for target in self.targets)
        if not self.stops:
            return f"protected by nothing{targets}"
        stops = ", ".join(map(_stop_text, self.stops))
        return f"protected by {stops}{targets}" + ("" if self.is_whole else f", but not {self.bare} of it")


def _stop_text(stop: Order) -> str:
    request = stop.intent.request
    price = request.decision_price if request.stop_price is None else request.stop_price
    return f"{stop.order_type} {_remaining(stop)} at {decimal_text(price)} ({stop.client_order_id})"


def _remaining(stop: Order) -> Base:
    return stop.quantity - stop.executed_quantity


def protection(journal: Journal, account: AccountKey, symbol: str) -> Protection:
    """Return what protects our position on a symbol."""
    held = journal.position(account, symbol)
    resting = journal.open_orders(account, symbol=symbol)
    stops = tuple(order for order in resting if order.intent.request.purpose is Purpose.PROTECT)
    targets = tuple(order for order in resting if order.intent.request.purpose is Purpose.TARGET)
    covered = sum((_remaining(stop).value for stop in stops), Decimal(0))
    bare = max(held.quantity - Base(covered), Base(Decimal(0)))
    average = held.average_cost
    return Protection(stops, bare, average is None or bare.value * average < DUST_VALUE, targets)


def unprotected(journal: Journal) -> Iterator[tuple[Position, Protection]]:
    """Yield every position of this home, on any account, of which more than dust is bare."""
    for exposed in exposures(journal):
        for held in exposed.positions:
            found = protection(journal, exposed.account, held.symbol)
            if not found.is_whole:
                yield held, found


def position_open(journal: Journal) -> PositionOpen | None:
    """Return the error that names every unprotected position of this home, and what mends it."""
    found = list(unprotected(journal))
    if not found:
        return None
    return PositionOpen(
        "; ".join(f"{held.quantity} of {held.symbol} on {held.account} is {cover}" for held, cover in found),
        hint=f"`{MENDS}` sells it",
        details={"unprotected": [held.symbol for held, _ in found]},
    )
