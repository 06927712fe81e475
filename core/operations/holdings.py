"""What the account should hold by our books, for the balance equation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

from core.journal.reconciliations import Reconciliations
from core.reconciliation.balances import Equation
from core.reconciliation.movements import Totals


class Moved:
    """What all our fills moved; they are read again only when there are new ones."""

    def __init__(self, book: Reconciliations) -> None:
        self._book = book
        self._totals: Totals | None = None
        self._head = 0

    def equation(self, holds: Mapping[str, Decimal], found_again: Collection[str]) -> Equation:
        """Join opening, every fill since and what a human accepted with what the venue holds.

        `found_again`: names of breaks that this run found as they are, so that they explain themselves.
        """
        totals = self._summed()
        adjusted: dict[str, Decimal] = {}
        for name, amounts in self._book.adjustments().items():
            if name not in found_again:
                for asset, amount in amounts.items():
                    adjusted[asset] = adjusted.get(asset, Decimal(0)) + amount
        return Equation(self._book.own.opened().balances, totals.moved, holds, totals.rounded, adjusted)

    def _summed(self) -> Totals:
        if self._totals is None or self._book.filled_since(self._head):
            self._head = self._book.head()  # before reading: what comes in meanwhile is new
            self._totals = Totals()
            for symbol, market in self._book.own.markets().items():
                for stretch in self._book.own.every_movement(symbol):
                    self._totals.add(stretch, market.base_asset, market.quote_asset)
        return self._totals
