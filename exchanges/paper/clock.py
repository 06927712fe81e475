"""The exchange's clock: the wall clock, shifted and perhaps running fast; the same in every process.

Its three numbers live in the state, so that processes which serve one exchange agree on the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

MAX_SPEED = 100_000


@dataclass(frozen=True, slots=True)
class ExchangeClock:
    """`anchor_wall_ms` on the wall is `anchor_ms` here; from there this clock runs `speed` times as fast."""

    anchor_wall_ms: int
    anchor_ms: int
    speed: Fraction

    def at(self, wall_ms: int) -> int:
        """Return this clock's time at a wall time, rounded down to the millisecond."""
        elapsed = wall_ms - self.anchor_wall_ms
        return self.anchor_ms + elapsed * self.speed.numerator // self.speed.denominator

    def with_speed(self, speed: Fraction, wall_ms: int) -> ExchangeClock:
        """Return a clock that shows the same time now and goes on at another speed."""
        return ExchangeClock(wall_ms, self.at(wall_ms), speed)

    def shifted(self, by_ms: int) -> ExchangeClock:
        """Return a clock that is ahead of this one, or behind it when negative."""
        return ExchangeClock(self.anchor_wall_ms, self.anchor_ms + by_ms, self.speed)


def speed_of(value: Fraction | float) -> Fraction:
    """Return a speed as a small fraction. Raises ValueError unless 0 < speed <= 100,000."""
    speed = Fraction(value).limit_denominator(1000)
    if not 0 < speed <= MAX_SPEED:
        raise ValueError(f"speed was {value}, must be above 0 and at most {MAX_SPEED}")
    return speed
