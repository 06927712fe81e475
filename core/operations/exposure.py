"""What the journal knows to be held, open or unsettled, account by account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.account import AccountKey
from core.operations.positions import open_positions

if TYPE_CHECKING:
    from core.journal import Journal, Order, Position, UnsettledOrder


@dataclass(frozen=True, slots=True)
class Exposure:
    """One account, as the journal knows it. Dust and dry runs are left out."""

    account: AccountKey
    positions: tuple[Position, ...] = ()
    open_orders: tuple[Order, ...] = ()
    unsettled: tuple[UnsettledOrder, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.positions or self.open_orders or self.unsettled)

    def __str__(self) -> str:
        parts = [f"{held.quantity} of {held.symbol}" for held in self.positions]
        parts += [f"open order {order.client_order_id} on {order.symbol}" for order in self.open_orders]
        parts += [f"unsettled order {each.order.client_order_id}" for each in self.unsettled]
        return f"{self.account}: {', '.join(parts) or 'nothing'}"


def exposure(journal: Journal, account: AccountKey) -> Exposure:
    return Exposure(
        account=account,
        positions=open_positions(journal, account),
        open_orders=journal.open_orders(account),
        unsettled=journal.unsettled(account),
    )


def exposures(journal: Journal) -> tuple[Exposure, ...]:
    """Return every account with something on it; of wiped ones (an older epoch) nothing is left."""
    newest = newest_epochs(journal.accounts())
    return tuple(found for key in newest if (found := exposure(journal, key)))


def newest_epochs(known: Sequence[AccountKey]) -> list[AccountKey]:
    """Leave out accounts as they were before a wipe."""
    return [
        key
        for key in known
        if not any(same_account(key, other) and other.epoch > key.epoch for other in known)
    ]


def same_account(one: AccountKey, other: AccountKey) -> bool:
    """Tell whether two keys name one account, whatever their epochs."""
    return replace(one, epoch=0) == replace(other, epoch=0)
