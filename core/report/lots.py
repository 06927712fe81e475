"""What the position of one symbol cost, first in first out. `core.journal.inventory` has the average cost.

Nothing is lost to rounding: realized - cost always equals the exact sum of all quote that came in and went
out.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import NamedTuple

from core.journal.inventory import ZERO, share
from core.values import EXACT


class Lot(NamedTuple):
    """What one movement added. Both are negative where more was sold than had been bought."""

    quantity: Decimal
    cost: Decimal


class Fifo:
    """The lots of one symbol, oldest first; all of one sign."""

    def __init__(self) -> None:
        self.realized = ZERO
        self._lots: deque[Lot] = deque()

    @property
    def lots(self) -> tuple[Lot, ...]:
        return tuple(self._lots)

    @property
    def cost(self) -> Decimal:
        total = ZERO
        for lot in self._lots:
            total = EXACT.add(total, lot.cost)
        return total

    def move(self, base: Decimal, quote: Decimal) -> Decimal:
        """Book a movement, fees taken off already, and return what it realized in quote."""
        before = self.realized
        while base != 0 and self._lots and (self._lots[0].quantity > 0) != (base > 0):
            lot = self._lots[0]
            if abs(lot.quantity) <= abs(base):
                closing = share(quote, lot.quantity, base)
                self._realize(closing, lot.cost)
                base, quote = EXACT.add(base, lot.quantity), EXACT.subtract(quote, closing)
                self._lots.popleft()
            else:
                closed = share(lot.cost, base, lot.quantity)
                self._realize(quote, closed)
                self._lots[0] = Lot(EXACT.add(lot.quantity, base), EXACT.subtract(lot.cost, closed))
                base, quote = ZERO, ZERO
        if base == 0:
            self._realize(quote, ZERO)  # a fee took all that was bought
        else:
            self._lots.append(Lot(base, -quote))
        return EXACT.subtract(self.realized, before)

    def _realize(self, proceeds: Decimal, cost: Decimal) -> None:
        self.realized = EXACT.add(self.realized, EXACT.subtract(proceeds, cost))
