"""The venue's time by this machine's clock, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from core.clock import Clock, machine_suspended_ms
from core.errors import TraderError
from core.ports import ClockReading, MarketData

READING_AGE_MS_MAX: Final = 5 * 60_000
JUMP_MS: Final = 50
"""The wall clock against the monotonic one: more than this was somebody setting it."""
SUSPENDED_MS: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Mark:
    """The machine's clocks at one moment."""

    wall_ms: int
    monotonic_ms: float
    suspended_ms: float


class VenueClock:
    """Measures the venue's clock again when the last reading can no longer be relied on.

    A new reading serves later requests; nothing is sent again because of it. `speed`: how fast `clock` runs
    against the wall. `suspended_ms`: how long the machine has slept since it was started.
    """

    def __init__(
        self,
        market_data: MarketData,
        clock: Clock,
        reading: ClockReading,
        speed: float = 1.0,
        suspended_ms: Callable[[], float] = machine_suspended_ms,
    ) -> None:
        self._market_data = market_data
        self._clock = clock
        self._speed = speed
        self._suspended_ms = suspended_ms
        self._mark = self._now()
        self.reading = reading

    def now_ms(self) -> int:
        """Return the venue's time, as far as we measured it."""
        return self._clock.now_ms() + round(self.reading.offset_ms)

    @property
    def in_real_time(self) -> ClockReading:
        """Return the reading in milliseconds of the wall, as limits are meant."""
        return replace(
            self.reading,
            offset_ms=self.reading.offset_ms / self._speed,
            bound_ms=self.reading.bound_ms / self._speed,
        )

    @property
    def is_stale(self) -> bool:
        """Tell whether the reading is old, the machine slept, or its clock was set since."""
        now, mark = self._now(), self._mark
        elapsed_ms = now.monotonic_ms - mark.monotonic_ms
        jump_ms = abs(now.wall_ms - mark.wall_ms - elapsed_ms)
        return (
            elapsed_ms > READING_AGE_MS_MAX * self._speed
            or jump_ms > JUMP_MS * self._speed
            or now.suspended_ms - mark.suspended_ms > SUSPENDED_MS
        )

    async def refresh_if_stale(self) -> None:
        """Measure again where that is due. A failure leaves the reading stale: an exit goes on with it."""
        if not self.is_stale:
            return
        mark = self._now()
        try:
            reading = await self._market_data.clock_reading()
        except TraderError:
            return
        self.reading, self._mark = reading, mark

    def _now(self) -> _Mark:
        return _Mark(self._clock.now_ms(), self._clock.monotonic_ms(), self._suspended_ms())
