"""What a running command may sell of a symbol: not what other commands of this home bought meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from core.desk import Desk
from core.instrument import Instrument
from core.journal.inventory import Inventory, after, movements
from core.orders import Fill
from core.risk.facts import RiskFacts
from core.values import Base, Quote


@dataclass(frozen=True, slots=True)
class Book:
    """Which of the two books an order belongs to, and what the audit log says beside it."""

    dry_run: bool
    context: Mapping[str, object]


@dataclass(slots=True)
class Holding:
    """The part of the journal's position that is this command's to sell, by average cost.

    Commands at work at the same time share one position in the journal; none may sell what another holds.
    """

    instrument: Instrument
    _inventory: Inventory = field(default_factory=Inventory)

    @property
    def quantity(self) -> Base:
        return Base(self._inventory.quantity)

    @property
    def cost(self) -> Quote:
        return Quote(self._inventory.cost)

    @property
    def average_cost(self) -> Decimal | None:
        """Return quote per base; None when nothing is held."""
        held = self._inventory
        return held.cost / held.quantity if held.quantity > 0 else None

    @property
    def realized(self) -> Quote:
        """Return what was earned so far, after fees paid in base and quote."""
        return Quote(self._inventory.realized)

    def book(self, fills: Iterable[Fill]) -> None:
        """Take fills of this command's orders in."""
        for fill in fills:
            base, quote = movements(
                fill.side,
                fill.quantity.value,
                fill.price,
                fill.fee.amount,
                fee_in_base=fill.fee.currency == self.instrument.base_asset,
                fee_in_quote=fill.fee.currency == self.instrument.quote_asset,
            )
            self._inventory = after(self._inventory, base, quote)

    def limit(self, facts: RiskFacts) -> RiskFacts:
        """Return the facts with a position no larger than what is ours to sell."""
        return replace(facts, position=min(facts.position, self.quantity))


def holding_at_start(desk: Desk, instrument: Instrument, *, dry_run: bool) -> Holding:
    """Return what this command may sell before its first trade.

    Who is alone takes over what earlier commands left: dust, or the position of one that was killed. Dry
    runs at the same time share one book, and nothing in it is real.
    """
    if not desk.alone:
        return Holding(instrument)
    left = desk.journal.position(desk.account, instrument.symbol, dry_run=dry_run)
    if left.quantity.value <= 0:
        return Holding(instrument)
    return Holding(instrument, Inventory(left.quantity.value, left.cost.value))
