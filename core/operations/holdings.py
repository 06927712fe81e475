"""What the account should hold by our books, for the balance equation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

from core.journal.reconciliations import Reconciliations
from core.reconciliation.balances import Equation
from core.reconciliation.movements import Totals


def equation(book: Reconciliations, holds: Mapping[str, Decimal], found_again: Collection[str]) -> Equation:
    """Join opening, every fill since and what a human accepted with what the venue holds.

    `found_again`: names of breaks that this run found as they are, so that they explain themselves.
    """
    totals = Totals()
    for symbol, market in book.own.markets().items():
        for stretch in book.own.every_movement(symbol):
            totals.add(stretch, market.base_asset, market.quote_asset)
    adjusted: dict[str, Decimal] = {}
    for name, amounts in book.adjustments().items():
        if name not in found_again:
            for asset, amount in amounts.items():
                adjusted[asset] = adjusted.get(asset, Decimal(0)) + amount
    return Equation(book.own.opened().balances, totals.moved, holds, totals.rounded, adjusted)
