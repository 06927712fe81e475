"""One request budget for all processes: counted, learned, closed, and never in the way of reducing risk."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.budget import LONGEST_S, MINUTE_MS, ORDINARY_SHARE, WEIGHT_PER_MINUTE, Budget
from tests.core.lease_process import REPOSITORY

NOW_MS = 1_700_000_000_000 // MINUTE_MS * MINUTE_MS
ORDINARY = int(WEIGHT_PER_MINUTE * ORDINARY_SHARE)
HOST = "api.example"


@dataclass
class SetClock:
    """A wall clock that is set by hand."""

    now: int = NOW_MS

    def now_ms(self) -> int:
        return self.now

    def monotonic_ms(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


def shared(folder: Path, clock: SetClock, host: str = HOST) -> Budget:
    budget = Budget.shared(folder / "agreed", host, clock)
    assert budget.warning is None
    return budget


def used(budget: Budget) -> int:
    """Return the weight that is counted in this minute, by asking for more and more."""
    count = budget._read()
    return count.used_in((budget._clock.now_ms() + round(budget.offset_ms)) // MINUTE_MS)


def test_what_one_counts_the_other_sees(tmp_path: Path) -> None:
    clock = SetClock()
    one, other = shared(tmp_path, clock), shared(tmp_path, clock)
    assert one.admit(20) is None
    assert other.admit(80) is None
    one.learn_used(90)
    assert (used(one), used(other)) == (100, 100)
    other.learn_used(250)
    assert used(one) == 250
    assert used(shared(tmp_path, clock, "testnet.example")) == 0


def test_a_request_without_weight_is_looked_at_and_not_counted(tmp_path: Path) -> None:
    budget = shared(tmp_path, SetClock())
    assert budget.admit(0) is None
    assert next((tmp_path / "agreed").iterdir()).stat().st_size == 0


def test_headroom_is_kept_for_what_reduces_risk(tmp_path: Path) -> None:
    clock = SetClock(NOW_MS + 15_500)
    budget, other = shared(tmp_path, clock), shared(tmp_path, clock)
    budget.learn_used(ORDINARY - 20)
    assert budget.admit(20) is None
    wait = other.admit(1)
    assert wait is not None
    assert (wait.left_s, wait.status) == (45, None)
    assert str(ORDINARY) in wait.reason
    assert other.admit(1, reducing=True) is None
    with other.reducing():
        assert other.admit(80) is None
        with other.reducing():
            pass
        other.learn_used(2 * WEIGHT_PER_MINUTE)
        assert other.admit(80) is None
    assert other.admit(0) is not None


def test_minutes_are_the_venues(tmp_path: Path) -> None:
    clock = SetClock(NOW_MS + 59_000)
    budget = shared(tmp_path, clock)
    budget.learn_used(ORDINARY)
    assert budget.admit(1) is not None
    budget.offset_ms = 1_000.0
    assert budget.admit(1) is None
    assert used(budget) == 1
    clock.now += MINUTE_MS
    assert used(budget) == 0


@pytest.mark.parametrize("status", [429, 418])
def test_a_wait_told_to_one_is_kept_by_all(tmp_path: Path, status: int) -> None:
    clock = SetClock()
    told, other = shared(tmp_path, clock), shared(tmp_path, clock)
    told.close_for(30, status)
    clock.now += 29_001
    for budget in (told, other, shared(tmp_path, clock)):
        with budget.reducing():
            wait = budget.admit(0, reducing=True)
        assert wait is not None
        assert (wait.left_s, wait.status) == (1, status)
    clock.now += 999
    assert other.admit(1) is None


def test_a_shorter_wait_does_not_end_a_ban(tmp_path: Path) -> None:
    clock = SetClock()
    budget = shared(tmp_path, clock)
    budget.close_for(120, 418)
    budget.close_for(1, 429)
    clock.now += 60_000
    wait = budget.admit(1)
    assert wait is not None
    assert (wait.left_s, wait.status) == (60, 418)
    budget.close_for(600, 418)
    assert budget.admit(1) == type(wait)(600, 418, wait.reason)


@pytest.mark.parametrize("status", LONGEST_S)
def test_nobody_waits_for_years(tmp_path: Path, status: int) -> None:
    budget = shared(tmp_path, SetClock())
    budget.close_for(10**9, status)
    wait = budget.admit(1)
    assert wait is not None
    assert wait.left_s == LONGEST_S[status]


def test_a_clock_set_back_does_not_make_a_wait_longer(tmp_path: Path) -> None:
    clock = SetClock()
    budget = shared(tmp_path, clock)
    budget.close_for(30, 429)
    clock.now -= 3_600_000
    wait = budget.admit(1)
    assert wait is not None
    assert wait.left_s == 30


@given(rubbish=st.binary(max_size=200))
def test_rubbish_in_the_file_is_no_count_and_is_mended(rubbish: bytes) -> None:
    clock = SetClock()
    descriptor = os.memfd_create("budget")
    os.write(descriptor, rubbish)
    budget = Budget(clock, descriptor)
    try:
        assert budget.admit(5) is None
        assert used(budget) == 5
        assert budget.warning is None
    finally:
        budget.close()


def test_one_flipped_bit_is_noticed(tmp_path: Path) -> None:
    budget = shared(tmp_path, SetClock())
    budget.close_for(60, 418)
    path = next((tmp_path / "agreed").iterdir())
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(bytes(byte ^ (index == position) for index, byte in enumerate(whole)))
        assert budget.admit(1) is None
        path.write_bytes(whole)
        assert budget.admit(1) is not None


def test_without_a_file_a_process_counts_for_itself_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "agreed").write_text("not a folder")
    budget = Budget.shared(tmp_path / "agreed", HOST, SetClock())
    assert budget.warning is not None
    assert "agreed" in budget.warning
    assert budget.admit(ORDINARY) is None
    assert budget.admit(1) is not None
    budget.close_for(30, 418)
    assert budget.admit(0, reducing=True) is not None


def test_a_file_that_stops_working_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "read-only"
    path.touch()
    budget = Budget(SetClock(), os.open(path, os.O_RDONLY))
    assert budget.admit(ORDINARY) is None
    assert budget.warning is not None
    assert budget.admit(1) is not None
    assert budget.admit(1, reducing=True) is None


def test_a_process_stopped_with_the_lock_keeps_nobody_waiting(tmp_path: Path) -> None:
    budget = shared(tmp_path, SetClock())
    with next((tmp_path / "agreed").iterdir()).open("rb") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        assert budget.admit(7, reducing=True) is None
        budget.close_for(30, 418)
        assert budget.admit(0, reducing=True) is not None
    assert used(budget) == 7


def test_many_processes_lose_no_weight(tmp_path: Path) -> None:
    each, processes = 300, 4
    code = (
        "import sys; from pathlib import Path; from tests.core.test_budget import SetClock, shared\n"
        "budget = shared(Path(sys.argv[1]), SetClock())\n"
        f"for _ in range({each}): assert budget.admit(1) is None\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=REPOSITORY)
        for _ in range(processes)
    ]
    assert [process.wait() for process in running] == [0] * processes
    assert used(shared(tmp_path, SetClock())) == each * processes
