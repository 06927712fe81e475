"""Time is passed in: this module alone reads the machine's clocks."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

HOUR_MS = 3_600_000
DAY_MS = 86_400_000


class Clock(Protocol):
    """Where the program takes its time from. Times are UTC, in milliseconds since 1970."""

    def now_ms(self) -> int:
        """Return the time of day; it may jump when the machine's clock is set."""
        ...

    def monotonic_ms(self) -> float:
        """Return a time that only grows, for measuring intervals; it counts while the machine sleeps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait this many seconds of this clock."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> float:
        # CLOCK_MONOTONIC stops while a laptop sleeps; an intent must not look young after that.
        boot_time: int | None = getattr(time, "CLOCK_BOOTTIME", None)
        return (time.monotonic_ns() if boot_time is None else time.clock_gettime_ns(boot_time)) / 1e6

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def machine_suspended_ms() -> float:
    """Return how long the machine has slept since it was started; always 0 where it cannot say."""
    boot_time: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    if boot_time is None:
        return 0.0
    return (time.clock_gettime_ns(boot_time) - time.monotonic_ns()) / 1e6


@dataclass(frozen=True)
class ScaledClock:
    """A clock that runs `speed` times as fast as another, from a common anchor.

    For the paper exchange on loopback only: its time can run fast so that a day is rehearsed in minutes.
    """

    base: Clock
    speed: float
    anchor_base_ms: int
    anchor_ms: int

    def now_ms(self) -> int:
        return self.anchor_ms + int((self.base.now_ms() - self.anchor_base_ms) * self.speed)

    def monotonic_ms(self) -> float:
        return self.base.monotonic_ms() * self.speed

    async def sleep(self, seconds: float) -> None:
        await self.base.sleep(seconds / self.speed)


def speed_of(clock: Clock) -> float:
    """Return how fast a clock runs against the wall."""
    return clock.speed if isinstance(clock, ScaledClock) else 1.0


def utc_day(time_ms: int) -> int:
    """Return the number of the UTC day, counted from 1970-01-01."""
    return time_ms // DAY_MS


def iso_utc(time_ms: int) -> str:
    """Return a time for display: `2026-11-21T00:25:07.123Z`."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"
