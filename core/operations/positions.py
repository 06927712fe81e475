"""Which positions are worth speaking of."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from core.account import AccountKey

if TYPE_CHECKING:
    from core.journal import Journal, Position

DUST_VALUE = Decimal(5)
"""Below this cost, in quote, a remainder cannot be sold anywhere; it stays in inventory and in the P&L."""


def open_positions(journal: Journal, account: AccountKey, *, dry_run: bool = False) -> tuple[Position, ...]:
    """Return our positions on the account, dust left out; real ones unless the dry-run book is asked for."""
    held = journal.positions(account, dry_run=dry_run)
    return tuple(position for position in held if position.cost.value >= DUST_VALUE)
