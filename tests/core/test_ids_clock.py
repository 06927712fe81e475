from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import DAY_MS, ScaledClock, SystemClock, iso_utc, utc_day
from core.ids import client_order_id, is_from_trader, is_ours, new_installation_id, system_random

VENUE_TAKES = re.compile(r"[a-zA-Z0-9-_]{1,36}\Z")  # Binance's rule for newClientOrderId
installations = st.binary(min_size=8, max_size=8).map(bytes.hex)
sequences = st.integers(0, 10**12 - 1)


@given(st.binary(min_size=8, max_size=8), sequences)
def test_ids_fit_the_venue_and_are_recognized(seed: bytes, sequence: int) -> None:
    installation_id = new_installation_id(lambda count: seed[:count])
    name = client_order_id(installation_id, sequence)
    assert VENUE_TAKES.match(name)
    assert is_ours(name, installation_id)
    assert is_from_trader(name)
    assert name == client_order_id(installation_id, sequence)


@given(installations, sequences, installations, sequences)
def test_no_two_orders_share_an_id(one: str, first: int, two: str, second: int) -> None:
    same = (one, first) == (two, second)
    assert (client_order_id(one, first) == client_order_id(two, second)) is same
    assert is_ours(client_order_id(one, first), two) is (one == two)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "tr",
        "web_1",
        "x-HNA2TXFJ00",
        "tr0123456789abcdef-",
        "tr0123456789abcdeg-1",
        "tr0123456789ABCDEF-1",
        "xtr0123456789abcdef-1",
        "tr0123456789abcdef-1\n",
        "tr0123456789abcdef-٣",
        "tr0123456789abcdef-1234567890123",
    ],
)
def test_foreign_ids_are_not_ours(name: str) -> None:
    assert not is_from_trader(name)
    assert not is_ours(name, "0123456789abcdef")


def test_installations_differ() -> None:
    assert len({new_installation_id(system_random) for _ in range(100)}) == 100


@dataclass
class ManualClock:
    time_ms: int = 1_700_000_000_000
    slept_s: list[float] = field(default_factory=list)

    def now_ms(self) -> int:
        return self.time_ms

    def monotonic_ms(self) -> float:
        return float(self.time_ms)

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.time_ms += round(seconds * 1000)


@given(st.sampled_from([1.0, 2.0, 60.0, 1440.0]), st.lists(st.integers(0, 10**7), max_size=5))
def test_a_fast_clock_runs_at_its_speed_from_its_anchor(speed: float, steps: list[int]) -> None:
    base = ManualClock()
    fast = ScaledClock(base, speed, base.now_ms(), 42)
    assert fast.now_ms() == 42
    start_ms = fast.monotonic_ms()
    for step in steps:
        before_ms = fast.now_ms()
        base.time_ms += step
        assert fast.now_ms() - before_ms == step * speed
    assert fast.monotonic_ms() - start_ms == sum(steps) * speed


async def test_a_fast_clock_sleeps_its_own_seconds() -> None:
    base = ManualClock()
    fast = ScaledClock(base, 60, base.now_ms(), 0)
    await fast.sleep(90)
    assert base.slept_s == [1.5]
    assert fast.now_ms() == 90_000


async def test_the_system_clock_moves_on() -> None:
    clock = SystemClock()
    wall_ms, started_ms = clock.now_ms(), clock.monotonic_ms()
    await clock.sleep(0)
    assert clock.now_ms() >= wall_ms > 1_600_000_000_000
    assert clock.monotonic_ms() >= started_ms


@given(st.integers(0, 4_000_000_000_000))
def test_days_are_utc_days(time_ms: int) -> None:
    day = utc_day(time_ms)
    assert day * DAY_MS <= time_ms < (day + 1) * DAY_MS
    assert iso_utc(time_ms)[:10] == iso_utc(day * DAY_MS)[:10]
    assert iso_utc(day * DAY_MS).endswith("T00:00:00.000Z")


def test_times_are_shown_in_utc() -> None:
    assert iso_utc(1_795_220_707_123) == "2026-11-21T00:25:07.123Z"
