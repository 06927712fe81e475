"""The prices at which a position ends by itself, and how they are rounded."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.instrument import Instrument
from core.orders import Side
from core.risk.facts import ONE
from core.risk.sellable import DOWN, UP
from core.strategies.decision import Direction, EntryTerms


@dataclass(frozen=True, slots=True)
class Levels:
    """Prices, quote per base, in whole ticks; `target` None: there is none."""

    stop: Decimal
    target: Decimal | None


def exit_side(direction: Direction) -> Side:
    return Side.SELL if direction is Direction.LONG else Side.BUY


def away(price: Decimal, rate: Decimal, direction: Direction) -> Decimal:
    """Return the price that lies `rate` of it further in the position's favor; a negative rate, against it.

    Rounded at the 28th digit only, toward more money for whoever closes the position.
    """
    toward = UP if direction is Direction.LONG else DOWN
    return toward.multiply(price, ONE + direction * rate)


def in_ticks(instrument: Instrument, price: Decimal, direction: Direction) -> Decimal:
    """Round a price at which the position is closed: up where it is sold, down where it is bought back.

    So a stop never waits for a larger loss than was asked for, and a target never takes less.
    """
    return instrument.price_passive(exit_side(direction), price)


def tighter(one: Decimal, other: Decimal, direction: Direction) -> Decimal:
    """Return the stop that the price reaches first."""
    return max(one, other) if direction is Direction.LONG else min(one, other)


def reaches(price: Decimal, level: Decimal, direction: Direction) -> bool:
    """Tell whether a price is at a level or further in the position's favor."""
    return (price - level) * direction >= 0


def entry_levels(
    instrument: Instrument, entry_price: Decimal, terms: EntryTerms, direction: Direction = Direction.LONG
) -> Levels:
    """Return the levels of a new position."""
    stop = in_ticks(instrument, away(entry_price, -terms.stop_loss_rate, direction), direction)
    if terms.take_profit_rate is None:
        return Levels(stop, None)
    return Levels(stop, in_ticks(instrument, away(entry_price, terms.take_profit_rate, direction), direction))
