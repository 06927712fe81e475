"""What becomes of an open position, at each bar that closes or price that is seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from core.instrument import Instrument
from core.positions.entry import liquidation_price, net_price
from core.positions.levels import Levels, away, in_ticks, reaches, tighter
from core.positions.rules import PositionRules
from core.strategies.decision import Direction


class ExitReason(StrEnum):
    """Why a position ends, in the order of precedence within one bar."""

    LIQUIDATION_NEAR = "LIQUIDATION_NEAR"
    STOP_TOUCHED = "STOP_TOUCHED"
    TARGET_TOUCHED = "TARGET_TOUCHED"
    HELD_TOO_LONG = "HELD_TOO_LONG"


@dataclass(frozen=True, slots=True)
class Held:
    """An open position. `levels`: where it ends as things stand."""

    entry_price: Decimal
    entry_ms: int
    levels: Levels
    direction: Direction = Direction.LONG
    leverage: int = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """What prices did since the last look, up to `end_ms`: a closed bar, or one price."""

    high: Decimal
    low: Decimal
    close: Decimal
    end_ms: int

    @classmethod
    def price(cls, price: Decimal, now_ms: int) -> Seen:
        return cls(price, price, price, now_ms)

    def best(self, direction: Direction) -> Decimal:
        return self.high if direction is Direction.LONG else self.low

    def worst(self, direction: Direction) -> Decimal:
        return self.low if direction is Direction.LONG else self.high


@dataclass(frozen=True, slots=True)
class Outlook:
    """The levels from here on, and why the position ends now; None: it does not."""

    levels: Levels
    exit: ExitReason | None = None


def follow(
    rules: PositionRules, held: Held, seen: Seen, instrument: Instrument, taker_rate: Decimal
) -> Outlook:
    """Return where the position ends from here on, or why it ends now.

    What was seen first meets the levels as they stood before it: in one bar the stop counts as touched
    before the target, and the bar's best price moves the stop only for what comes later. A stop never
    loosens. `rules`: rates of the price; `taker_rate`: the fee of each side, a fraction.
    """
    reason = _exit_reason(rules, held, seen)
    if reason is not None:
        return Outlook(held.levels, reason)
    best, direction = seen.best(held.direction), held.direction
    stop = held.levels.stop
    for price in _candidates(rules, held, best, taker_rate):
        level = in_ticks(instrument, price, direction)
        # At the best price or beyond it a stop would end the position at once, whatever the rule meant.
        if not reaches(level, best, direction):
            stop = tighter(stop, level, direction)
    return Outlook(replace(held.levels, stop=stop))


def _exit_reason(rules: PositionRules, held: Held, seen: Seen) -> ExitReason | None:
    direction, levels = held.direction, held.levels
    worst = seen.worst(direction)
    if held.leverage > 1:
        liquidation = liquidation_price(held.entry_price, held.leverage, direction)
        if (worst - liquidation) * direction < rules.liquidation_buffer * worst:
            return ExitReason.LIQUIDATION_NEAR
    if reaches(levels.stop, worst, direction):
        return ExitReason.STOP_TOUCHED
    if levels.target is not None and reaches(seen.best(direction), levels.target, direction):
        return ExitReason.TARGET_TOUCHED
    return ExitReason.HELD_TOO_LONG if _is_too_long(rules, held, seen) else None


def _is_too_long(rules: PositionRules, held: Held, seen: Seen) -> bool:
    """A losing position may be given more time; one that has come back ends as soon as that is seen."""
    if not rules.max_hold_ms:
        return False
    is_losing = (seen.close - held.entry_price) * held.direction < 0
    extended_ms = rules.extend_losing_ms * rules.extensions_max if is_losing else 0
    return seen.end_ms - held.entry_ms >= rules.max_hold_ms + extended_ms


def _candidates(rules: PositionRules, held: Held, best: Decimal, taker_rate: Decimal) -> Iterator[Decimal]:
    """Yield every stop that the rules ask for now, unrounded."""
    entry, direction = held.entry_price, held.direction
    if rules.break_even_from and reaches(best, away(entry, rules.break_even_from, direction), direction):
        yield net_price(entry, rules.break_even_buffer, taker_rate, direction)
    for trigger, lock in rules.locks:
        if reaches(best, net_price(entry, trigger, taker_rate, direction), direction):
            yield net_price(entry, lock, taker_rate, direction)
    if rules.trail_by and reaches(best, away(entry, rules.trail_from, direction), direction):
        yield away(best, -rules.trail_by, direction)
