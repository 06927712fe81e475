"""What one fill does to balances and to profit, with its fee valued at the time of the fill."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.journal.history import BookedFill
from core.journal.inventory import ZERO, movements
from core.values import EXACT


@dataclass(frozen=True, slots=True)
class Movement:
    """`base` and `quote`: what the balances move by.

    `profit_quote`: `quote` less a valued fee in a third asset. `fee_value`: the fee in quote; None where it
    was paid in a third asset whose price was not recorded.
    """

    base: Decimal
    quote: Decimal
    profit_quote: Decimal
    fee_value: Decimal | None


def movement_of(fill: BookedFill) -> Movement:
    """Value the fee: in quote as it is, in base at the price of the fill, else at its recorded price."""
    in_base, in_quote = fill.fee_asset == fill.base_asset, fill.fee_asset == fill.quote_asset
    base, quote = movements(
        fill.side, fill.quantity, fill.price, fill.fee, fee_in_base=in_base, fee_in_quote=in_quote
    )
    if in_quote or fill.fee == 0:
        return Movement(base, quote, quote, fill.fee)
    if in_base:
        return Movement(base, quote, quote, EXACT.multiply(fill.fee, fill.price))
    if fill.fee_price is None:
        return Movement(base, quote, quote, None)
    value = EXACT.multiply(fill.fee, fill.fee_price)
    return Movement(base, quote, EXACT.subtract(quote, value), value)


def changes(fill: BookedFill, moved: Movement) -> dict[str, Decimal]:
    """Return what the fill changes of each balance: asset -> signed amount."""
    changed = {fill.base_asset: moved.base, fill.quote_asset: moved.quote}
    if fill.fee_asset not in changed:
        changed[fill.fee_asset] = ZERO - fill.fee
    return changed
