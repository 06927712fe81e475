"""What trades move, asset by asset: the arithmetic of the balance equation."""

from __future__ import annotations

import decimal
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache

from core.reconciliation.records import Trade, TradeRow
from core.values import EXACT

UNIT = Decimal("0.00000001")
"""The smallest amount that a balance can change by."""

ZERO = Decimal(0)

_quantity = lru_cache(maxsize=4_096)(Decimal)
"""Orders are a few steps in size: a million trades have a few hundred quantities."""


def moved_by(trade: Trade, base_asset: str, quote_asset: str) -> dict[str, Decimal]:
    """Return what one trade moved; assets that it did not move are left out."""
    totals = Totals()
    totals.add((trade,), base_asset, quote_asset)
    return {asset: amount for asset, amount in totals.moved.items() if amount}


def difference(theirs: Mapping[str, Decimal], ours: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return theirs - ours per asset, zeros left out."""
    found = {
        asset: EXACT.subtract(theirs.get(asset, ZERO), ours.get(asset, ZERO))
        for asset in sorted(theirs.keys() | ours.keys())
    }
    return {asset: amount for asset, amount in found.items() if amount}


class Totals:
    """Sums over trades. `moved`: asset -> net of fees; `rounded`: asset -> how many trades the venue had to
    round because price × quantity has more decimals than a balance.
    """

    def __init__(self) -> None:
        self.moved: dict[str, Decimal] = {}
        self.rounded: dict[str, int] = {}

    def add(self, trades: Iterable[TradeRow], base_asset: str, quote_asset: str) -> None:
        base = quote = ZERO
        rounded = 0
        fees: dict[str, Decimal] = {}
        with decimal.localcontext(EXACT):
            for _, _, is_buy, price_text, quantity_text, fee, fee_asset, _ in trades:
                quantity = _quantity(quantity_text)
                notional = Decimal(price_text) * quantity
                if is_buy:
                    base += quantity
                    quote -= notional
                else:
                    base -= quantity
                    quote += notional
                if fee != "0":
                    fees[fee_asset] = fees.get(fee_asset, ZERO) + Decimal(fee)
                if notional % UNIT:
                    rounded += 1
            self._move(base_asset, base)
            self._move(quote_asset, quote)
            for asset, amount in fees.items():
                self._move(asset, -amount)
        if rounded:
            self.rounded[quote_asset] = self.rounded.get(quote_asset, 0) + rounded

    def _move(self, asset: str, amount: Decimal) -> None:
        self.moved[asset] = self.moved.get(asset, ZERO) + amount
