"""How much a stop and its target can sell, so that nothing sellable is left bare and nothing is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from core.instrument import Instrument
from core.orders import OrderType
from core.risk.sellable import one_step, smallest_order
from core.values import Base, Quote

NOTHING = Base(Decimal(0))
_NO_MINIMUM = Quote(Decimal(0))


@dataclass(frozen=True, slots=True)
class StopQuantity:
    """`quantity`: what the orders sell, 0 when the venue would take none. `bare`: the rest of what is held.

    `is_dust`: the rest could not be sold by itself either.
    """

    quantity: Base
    bare: Base
    is_dust: bool


def stop_quantity(
    instrument: Instrument, held: Base, lowest_price: Decimal, order_types: Iterable[OrderType]
) -> StopQuantity:
    """Return the largest quantity that orders of all these types take, priced no lower than `lowest_price`.

    Rounded down to whole steps: no order sells more than is held.
    """
    types = tuple(order_types)
    quantity = min(instrument.quantity_down(held.value, each) for each in types)
    largest = [limit for each in types if (limit := instrument.largest_quantity(each)) is not None]
    if largest and quantity.value > min(largest):
        quantity = min(instrument.quantity_down(min(largest), each) for each in types)
    smallest = max(smallest_order(instrument, lowest_price, _NO_MINIMUM, each) for each in types)
    if quantity < smallest:
        quantity = NOTHING
    bare = held - quantity
    return StopQuantity(quantity, bare, bare < max(smallest, *(one_step(instrument, each) for each in types)))
