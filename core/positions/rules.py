"""The rules of a position as an operator or a strategy states them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from core.risk.facts import ZERO
from core.risk.sellable import DOWN, UP
from core.strategies.parameters import check, parameter

_FIVE_BASIS_POINTS = Decimal("0.0005")


@dataclass(frozen=True, slots=True)
class PositionRules:
    """What moves the stop of a position, and how long it may last. 0 switches a rule off.

    Rates are fractions of a price: where they are meant as fractions of the margin, see `divided`. `locks`:
    pairs (trigger, lock) of gains after fees. Raises ValueError naming every bad value.
    """

    break_even_from: Decimal = parameter(
        ZERO, "gain from which the stop covers entry and fees", low=0, below=1
    )
    break_even_buffer: Decimal = parameter(
        _FIVE_BASIS_POINTS, "what the stop earns beyond the fees then", low=0, below=1
    )
    trail_from: Decimal = parameter(ZERO, "gain from which the stop follows the price", low=0, below=1)
    trail_by: Decimal = parameter(ZERO, "distance at which it follows the best price", low=0, below=1)
    locks: tuple[tuple[Decimal, Decimal], ...] = ()
    max_hold_ms: int = parameter(0, "time after which the position ends", low=0)
    extend_losing_ms: int = parameter(0, "how much longer a losing position may last, each time", low=0)
    extensions_max: int = parameter(1, "how often", low=0)
    cooldown_ms: int = parameter(0, "time between the newest entry or exit and the next entry", low=0)
    liquidation_buffer: Decimal = parameter(
        Decimal("0.05"), "distance to liquidation at which a leveraged position ends", low=0, below=1
    )

    def __post_init__(self) -> None:
        check(self, "position", *self._findings())

    @property
    def moves_stop(self) -> bool:
        return bool(self.break_even_from or self.trail_by or self.locks)

    def _findings(self) -> Iterator[str]:
        for trigger, lock in self.locks:
            if not ZERO <= lock < trigger < 1:
                yield f"a lock must lie from 0 to below its trigger, and that below 1: {trigger}:{lock}"
        if self.trail_from and not self.trail_by:
            yield f"trail_by must be above 0 where trail_from is, was {self.trail_by}"


NO_RULES = PositionRules()


def divided(rules: PositionRules, leverage: int) -> PositionRules:
    """Return rules stated as returns on the margin (ROI), as rates of the price: divided by the leverage.

    What starts a rule or must be earned is rounded up, at the 28th digit; distances are rounded down, which
    is toward the tighter stop.
    """
    if leverage < 1:
        raise ValueError(f"leverage was {leverage}; it is at least 1")
    by = Decimal(leverage)
    return replace(
        rules,
        break_even_from=UP.divide(rules.break_even_from, by),
        break_even_buffer=UP.divide(rules.break_even_buffer, by),
        trail_from=UP.divide(rules.trail_from, by),
        trail_by=DOWN.divide(rules.trail_by, by),
        locks=tuple((UP.divide(trigger, by), UP.divide(lock, by)) for trigger, lock in rules.locks),
    )
