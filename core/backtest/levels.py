"""Where a position ends by itself: its stop and its target, and the seam for rules that move them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from core.instrument import Instrument
from core.orders import Side
from core.risk.facts import ONE
from core.risk.sellable import DOWN, UP
from core.strategies.decision import EntryTerms


@dataclass(frozen=True, slots=True)
class Levels:
    """Prices of a long position; `target` None: there is none."""

    stop: Decimal
    target: Decimal | None


@dataclass(frozen=True, slots=True)
class Bar:
    """One closed bar at the finest recorded interval."""

    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass(frozen=True, slots=True)
class Held:
    """The position that a rule looks at: how it was entered, and where it ends as things stand."""

    entry_price: Decimal
    entry_ms: int
    terms: EntryTerms
    levels: Levels


PositionRule = Callable[[Bar, Held], Levels]
"""From a bar that has closed and the position to the levels that hold from the next bar on. Pure."""


def keep(bar: Bar, held: Held) -> Levels:
    """Leave stop and target where the entry put them."""
    return held.levels


def entry_levels(instrument: Instrument, entry_price: Decimal, terms: EntryTerms) -> Levels:
    """Return the levels of a new position, both rounded up to the tick: as `size_stop` rounds a stop."""
    stop = instrument.price_passive(Side.SELL, DOWN.multiply(entry_price, ONE - terms.stop_loss_rate))
    if terms.take_profit_rate is None:
        return Levels(stop, None)
    target = UP.multiply(entry_price, ONE + terms.take_profit_rate)
    return Levels(stop, instrument.price_passive(Side.SELL, target))
