"""Where a position ends by itself: its stop and its target, and the seam for rules that move them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from core.instrument import Instrument
from core.positions import Held as PositionHeld
from core.positions import Levels, PositionRules, Seen, entry_levels, follow
from core.strategies.decision import EntryTerms

__all__ = ["Bar", "Held", "Levels", "PositionRule", "entry_levels", "following", "keep"]


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


def following(rules: PositionRules, instrument: Instrument, taker_rate: Decimal) -> PositionRule:
    """Return the rule that moves the stop as live trading does; it ends no position by itself."""

    def move(bar: Bar, held: Held) -> Levels:
        position = PositionHeld(held.entry_price, held.entry_ms, held.levels)  # as on spot, where all is 1x
        seen = Seen(bar.high, bar.low, bar.close, bar.open_time_ms)
        return follow(rules, position, seen, instrument, taker_rate).levels

    return move
