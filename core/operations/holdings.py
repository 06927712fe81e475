"""What the account should hold by our books, for the balance equation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from core.journal.reconciliations import Reconciliations
from core.reconciliation.balances import Equation
from core.reconciliation.movements import Totals
from core.reconciliation.records import TradeRow
from core.reconciliation.trades import Market


class Moved:
    """What all our fills moved. What a comparison has read of them is not read again, and nothing is read
    twice unless there are new ones.
    """

    def __init__(self, book: Reconciliations) -> None:
        self._book = book
        self._start_over()

    def _start_over(self) -> None:
        self._head = self._book.head()  # before reading: what comes in meanwhile is new
        self._totals = Totals()
        self._counted_to: dict[str, int] = {}

    def count(self, market: Market, after: int, upto: int, ours: Sequence[TradeRow]) -> None:
        """Take all our fills of a market with after < trade_id <= upto, unless some before are missing."""
        if after == self._counted_to.get(market.symbol, -1):
            self._totals.add(ours, market.base_asset, market.quote_asset)
            self._counted_to[market.symbol] = upto

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
        if self._book.filled_since(self._head):
            self._start_over()
        own = self._book.own
        for symbol, market in own.markets().items():
            after = self._counted_to.get(symbol, -1)
            for stretch in own.stretches(symbol, after):
                upto = stretch[-1][0]
                self.count(market, after, upto, stretch)
                after = upto
        return self._totals
