"""Our position as the venue's own records tell it, for when our journal cannot.

What we bought is known by the names of our orders. What the account held before us is never counted: where
we sold more than we bought, the rest came from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from core.instrument import Instrument
from core.journal.inventory import movements
from core.orders import Fill
from core.ports import Venue
from core.values import EXACT, Base

ZERO = Decimal(0)


async def rebuilt_position(venue: Venue, instrument: Instrument, is_ours: Callable[[str], bool]) -> Base:
    """Return what our orders on a symbol left, after fees paid in base. Raises what reads raise."""
    names = await venue.account.order_names(instrument.symbol)
    fills = await venue.account.fill_history(instrument.symbol)
    ours = (fill for fill in fills if is_ours(names.get(fill.venue_order_id, "")))
    return net_position(ours, instrument)


def net_position(fills: Iterable[Fill], instrument: Instrument) -> Base:
    """Return what fills, oldest first, leave of the base asset; never below zero on the way."""
    held = ZERO
    for fill in fills:
        base, _ = movements(
            fill.side,
            fill.quantity.value,
            fill.price,
            fill.fee.amount,
            fee_in_base=fill.fee.currency == instrument.base_asset,
            fee_in_quote=fill.fee.currency == instrument.quote_asset,
        )
        held = max(ZERO, EXACT.add(held, base))
    return Base(held)
