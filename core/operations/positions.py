"""Which positions are worth speaking of."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from core.account import AccountKey

if TYPE_CHECKING:
    from core.journal import Journal, Position

DUST_VALUE = Decimal(5)
"""Below this cost, in quote, a remainder cannot be sold anywhere; it stays in inventory and in the P&L."""


def open_positions(journal: Journal, account: AccountKey) -> tuple[Position, ...]:
    """Return our real positions on the account, dust left out."""
    return tuple(position for position in journal.positions(account) if position.cost.value >= DUST_VALUE)
