"""When the venue's clock is measured again, and when not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from core.errors import VenueUnavailable
from core.ports import ClockReading, MarketData
from core.venue_clock import JUMP_MS, READING_AGE_MS_MAX, VenueClock

NOW_MS = 1_700_000_000_000


@dataclass
class Machine:
    """A machine whose clocks move by hand, and a venue that is `ahead_ms` of them."""

    wall_ms: float = NOW_MS
    up_ms: float = 5_000.0
    asleep_ms: float = 0.0
    ahead_ms: float = 20.0
    measured: int = 0
    down: list[Exception] = field(default_factory=list)

    def now_ms(self) -> int:
        return int(self.wall_ms)

    def monotonic_ms(self) -> float:
        return self.up_ms

    def suspended_ms(self) -> float:
        return self.asleep_ms

    async def sleep(self, seconds: float) -> None:
        self.run(seconds * 1000)

    def run(self, milliseconds: float) -> None:
        self.wall_ms += milliseconds
        self.up_ms += milliseconds

    def suspend(self, milliseconds: float) -> None:
        self.run(milliseconds)
        self.asleep_ms += milliseconds

    def set_clock(self, milliseconds: float) -> None:
        self.wall_ms += milliseconds
        self.ahead_ms -= milliseconds

    async def clock_reading(self) -> ClockReading:
        self.measured += 1
        if self.down:
            raise self.down.pop()
        local_ms = self.now_ms()
        return ClockReading(local_ms + round(self.ahead_ms), local_ms, self.ahead_ms, 3.0)


async def opened(machine: Machine, speed: float = 1.0) -> VenueClock:
    reading = await machine.clock_reading()
    machine.measured = 0
    return VenueClock(cast(MarketData, machine), machine, reading, speed, machine.suspended_ms)


@pytest.mark.parametrize(
    "happens",
    [
        lambda machine: machine.run(READING_AGE_MS_MAX),
        lambda machine: machine.set_clock(JUMP_MS),
        lambda machine: machine.set_clock(-JUMP_MS),
    ],
    ids=["not yet old", "slewed forward", "slewed back"],
)
async def test_a_reading_that_holds_is_kept(happens: Callable[[Machine], None]) -> None:
    machine = Machine()
    clock = await opened(machine)
    happens(machine)
    await clock.refresh_if_stale()
    assert not clock.is_stale
    assert machine.measured == 0


@pytest.mark.parametrize(
    "happens",
    [
        lambda machine: machine.run(READING_AGE_MS_MAX + 1),
        lambda machine: machine.suspend(2_000),
        lambda machine: machine.set_clock(700),
        lambda machine: machine.set_clock(-3_600_000),
    ],
    ids=["old", "slept", "set forward", "set back"],
)
async def test_a_reading_that_no_longer_holds_is_taken_again(happens: Callable[[Machine], None]) -> None:
    machine = Machine()
    clock = await opened(machine)
    happens(machine)
    assert clock.is_stale
    await clock.refresh_if_stale()
    await clock.refresh_if_stale()
    assert machine.measured == 1
    assert clock.reading.offset_ms == machine.ahead_ms
    assert clock.now_ms() == machine.now_ms() + round(machine.ahead_ms)


async def test_while_the_venue_does_not_answer_the_reading_stays_stale() -> None:
    machine = Machine()
    clock = await opened(machine)
    machine.suspend(60_000)
    machine.down = [VenueUnavailable("down")]
    await clock.refresh_if_stale()
    assert clock.is_stale
    assert clock.now_ms() == machine.now_ms() + 20
    await clock.refresh_if_stale()
    assert not clock.is_stale


async def test_a_suspend_while_measuring_is_not_overlooked() -> None:
    machine = Machine()
    clock = await opened(machine)
    machine.suspend(60_000)
    measure = machine.clock_reading

    async def sleeps_then_measures() -> ClockReading:
        reading = await measure()
        machine.suspend(10_000)
        return reading

    machine.clock_reading = sleeps_then_measures  # type: ignore[method-assign]  # one answer, overtaken
    await clock.refresh_if_stale()
    assert clock.is_stale


async def test_limits_are_of_real_time_where_the_clock_runs_fast() -> None:
    machine = Machine(ahead_ms=600.0)
    clock = await opened(machine, speed=60.0)
    assert (clock.in_real_time.offset_ms, clock.in_real_time.bound_ms) == (10.0, 0.05)
    machine.run(READING_AGE_MS_MAX * 59)
    machine.set_clock(JUMP_MS * 59)
    assert not clock.is_stale
