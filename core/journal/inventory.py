"""Average-cost bookkeeping of one symbol: what is held, what it cost, what was earned. Pure arithmetic.

Nothing is lost to rounding: realized - cost always equals the exact sum of all quote that came in and went
out. Only how it divides between the two is rounded, at 1e-18 quote.
"""

from __future__ import annotations

import decimal
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from core.orders import Side
from core.values import EXACT

ZERO = Decimal(0)
_COST_STEP = Decimal("1e-18")
_DIVIDING = decimal.Context(prec=120, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Inventory:
    """`quantity` may be negative (more sold than bought); then `cost` is negative too."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO


def movements(
    side: Side,
    quantity: Decimal,
    price: Decimal,
    fee: Decimal,
    *,
    fee_in_base: bool,
    fee_in_quote: bool,
) -> tuple[Decimal, Decimal]:
    """Return what one fill moves: (base, quote), signed, after the fee where it was paid in one of them."""
    notional = EXACT.multiply(quantity, price)
    base, quote = (quantity, -notional) if side is Side.BUY else (-quantity, notional)
    if fee_in_base:
        base = EXACT.subtract(base, fee)
    if fee_in_quote:
        quote = EXACT.subtract(quote, fee)
    return base, quote


def after(held: Inventory, base: Decimal, quote: Decimal) -> Inventory:
    """Return the inventory after a movement: enlarging adds cost, reducing realizes a share of it."""
    quantity = EXACT.add(held.quantity, base)
    if held.quantity == 0 or base == 0 or (held.quantity > 0) == (base > 0):
        return _settled(quantity, EXACT.subtract(held.cost, quote), held.realized)
    if abs(base) <= abs(held.quantity):
        closed_cost = share(held.cost, base, held.quantity)
        gain = EXACT.subtract(quote, closed_cost)
        return _settled(quantity, EXACT.subtract(held.cost, closed_cost), EXACT.add(held.realized, gain))
    closing_quote = share(quote, held.quantity, base)
    gain = EXACT.subtract(closing_quote, held.cost)
    opening_quote = EXACT.subtract(quote, closing_quote)
    return _settled(quantity, -opening_quote, EXACT.add(held.realized, gain))


def share(total: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return total x |part| / |whole|, rounded at the cost step; exactly `total` when part is the whole."""
    if abs(part) == abs(whole):
        return total
    share = _DIVIDING.divide(_DIVIDING.multiply(total, abs(part)), abs(whole))
    return share.quantize(_COST_STEP, context=_DIVIDING)


def _settled(quantity: Decimal, cost: Decimal, realized: Decimal) -> Inventory:
    """Realize what is left of the cost when nothing is held any more."""
    if quantity == 0:
        return Inventory(ZERO, ZERO, EXACT.subtract(realized, cost))
    return Inventory(quantity, cost, realized)
