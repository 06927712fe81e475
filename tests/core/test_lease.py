"""One sender per account: real processes, killed, suspended and taken over."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from core.account import AccountKey, Environment
from core.errors import ConfigError, Refused
from core.lease import LOCK_WAIT_S, Lease
from tests.core.lease_process import ACCOUNT, Sender

NOW_MS = 1_700_000_000_000
StartSender = Callable[..., Sender]


@dataclass
class CountedClock:
    """A clock that counts how long somebody waited for it."""

    slept_s: list[float] = field(default_factory=list)

    def now_ms(self) -> int:
        return NOW_MS

    def monotonic_ms(self) -> float:
        return NOW_MS

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agreed"


@pytest.fixture
def start(folder: Path) -> Iterator[StartSender]:
    senders: list[Sender] = []

    def start_one(command: str = "trader stage 2") -> Sender:
        senders.append(Sender(folder, command))
        return senders[-1]

    yield start_one
    for sender in senders:
        sender.end()


def lease_in(
    folder: Path,
    account: AccountKey = ACCOUNT,
    command: str = "trader flatten",
    clock: CountedClock | None = None,
) -> Lease:
    return Lease(folder, account, command=command, clock=clock or CountedClock())


def test_a_second_sender_is_refused_and_told_who_sends(folder: Path, start: StartSender) -> None:
    holder = start("trader stage 2")
    assert holder.ask("acquire") == "token 1"
    assert start().ask("acquire") == f"LEASE_HELD {holder.pid}"
    with pytest.raises(Refused, match="`trader stage 2`") as refused, lease_in(folder).acquired():
        pytest.fail("two senders")
    assert refused.value.exit_code == 4
    assert refused.value.details["pid"] == holder.pid
    assert f"pid {holder.pid}" in refused.value.message


def test_a_killed_holder_frees_the_lease_and_tokens_grow(start: StartSender) -> None:
    tokens = []
    for _ in range(3):
        holder = start()
        tokens.append(holder.ask("acquire"))
        assert holder.ask("begin") == "held True"
        holder.kill()
    assert tokens == ["token 1", "token 2", "token 3"]


def test_a_released_lease_can_be_taken_again(folder: Path) -> None:
    lease = lease_in(folder)
    assert not lease.is_held()
    assert "does not hold" in lease.why_not_held()
    for token in (1, 2):
        with lease.acquired():
            assert lease.is_held()
            assert lease.token == token
        assert not lease.is_held()


@pytest.mark.parametrize(
    "other",
    [
        replace(ACCOUNT, uid="43"),
        replace(ACCOUNT, environment=Environment.TESTNET),
        replace(ACCOUNT, venue="paper"),
    ],
)
def test_other_accounts_have_their_own_lease(folder: Path, other: AccountKey) -> None:
    with lease_in(folder).acquired(), lease_in(folder, other).acquired() as lease:
        assert lease.is_held()


@pytest.mark.parametrize("same", [replace(ACCOUNT, host="relay.example"), replace(ACCOUNT, epoch=1)])
def test_another_way_to_the_account_has_the_same_lease(folder: Path, same: AccountKey) -> None:
    with lease_in(folder).acquired(), pytest.raises(Refused), lease_in(folder, same).acquired():
        pytest.fail("two senders")


async def test_a_take_over_fences_the_holder_off_at_once(folder: Path, start: StartSender) -> None:
    holder = start("trader stage 2")
    holder.ask("acquire")
    with lease_in(folder).taken_over() as lease:
        assert lease.is_held()
        assert lease.token == 2
        assert lease.warning is None
        assert lease.displaced is not None
        assert (lease.displaced.pid, lease.displaced.command) == (holder.pid, "trader stage 2")
        assert await lease.displaced_is_idle()
        assert holder.ask("begin") == "held False"
        assert holder.ask("why").startswith(f"`trader flatten` (pid {os.getpid()}")
        assert start().ask("acquire") == f"LEASE_HELD {os.getpid()}"
    # The fenced holder still runs; the lease is free all the same, and never its own again.
    assert start().ask("acquire") == "token 3"
    assert holder.ask("held?") == "held False"


async def test_a_take_over_lets_the_request_in_flight_finish(folder: Path, start: StartSender) -> None:
    holder, clock = start(), CountedClock()
    holder.ask("acquire")
    assert holder.ask("begin") == "held True"
    with lease_in(folder, clock=clock).taken_over() as lease:
        assert not await lease.displaced_is_idle()
        assert sum(clock.slept_s) == pytest.approx(LOCK_WAIT_S)
        holder.ask("finish")
        assert await lease.displaced_is_idle()


async def test_a_holder_killed_in_mid_request_is_not_waited_for(folder: Path, start: StartSender) -> None:
    holder, clock = start(), CountedClock()
    holder.ask("acquire")
    holder.ask("begin")
    holder.kill()
    with lease_in(folder, clock=clock).taken_over() as lease:
        assert lease.displaced is None
        assert await lease.displaced_is_idle()
    assert clock.slept_s == []


def test_a_suspended_holder_is_fenced_off_and_stays_so(folder: Path, start: StartSender) -> None:
    holder = start()
    holder.ask("acquire")
    holder.stop()
    assert start().ask("acquire") == f"LEASE_HELD {holder.pid}"
    with lease_in(folder).taken_over() as lease:
        holder.go_on()
        assert holder.ask("begin") == "held False"
        assert lease.is_held()


def test_of_two_take_overs_the_later_one_holds(folder: Path, start: StartSender) -> None:
    first, second = start("trader flatten"), start("trader flatten")
    assert first.ask("take over") == "token 1"
    assert second.ask("take over") == "token 2"
    assert (first.ask("held?"), second.ask("held?")) == ("held False", "held True")
    second.kill()
    assert first.ask("held?") == "held False"
    assert start().ask("acquire") == "token 3"


def test_nobody_waits_for_a_process_stopped_while_the_name_changed_hands(folder: Path) -> None:
    with lease_in(folder).acquired():
        pass
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with lease_in(folder).taken_over() as lease:
            assert lease.is_held()
            assert lease.warning is None
    finally:
        os.close(descriptor)


def test_a_lease_whose_file_was_removed_is_lost(folder: Path) -> None:
    with lease_in(folder).acquired() as lease:
        next(folder.glob("*.lease")).unlink()
        assert not lease.is_held()
        with lease_in(folder).acquired() as other:
            assert other.is_held()
        assert not lease.is_held()


def test_rubbish_in_the_lease_file_stops_nobody(folder: Path) -> None:
    with lease_in(folder).acquired():
        pass
    next(folder.glob("*.lease")).write_bytes(b"\xff{nothing")
    with lease_in(folder).acquired() as lease:
        assert lease.token == 1
        next(folder.glob("*.lease")).write_bytes(b"")
        with pytest.raises(Refused, match="left no name"), lease_in(folder).acquired():
            pytest.fail("two senders")


def linked(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(folder.parent / "elsewhere")


def open_to_all(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)


def somebody_elses(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(folder, 12345, 12345)


def no_folder(folder: Path) -> None:
    folder.write_text("a file")


@pytest.mark.parametrize("spoil", [linked, open_to_all, somebody_elses, no_folder])
async def test_a_folder_that_is_not_ours_alone_stops_senders_but_not_reducing(
    folder: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(folder)
    with pytest.raises(ConfigError) as unusable, lease_in(folder).acquired():
        pytest.fail("no lease to hold")
    assert unusable.value.code == "RUNTIME_UNUSABLE"
    with lease_in(folder).taken_over() as lease:
        assert lease.is_held()
        assert await lease.displaced_is_idle()
        assert lease.warning is not None
        assert str(folder) in lease.warning
        with lease.request():
            assert lease.is_held()
    assert not lease.is_held()


def test_a_link_in_the_place_of_the_lease_is_not_followed(folder: Path) -> None:
    with lease_in(folder).acquired():
        pass
    path = next(folder.glob("*.lease"))
    path.unlink()
    path.symlink_to(folder.parent / "target")
    with pytest.raises(ConfigError) as unusable, lease_in(folder).acquired():
        pytest.fail("no lease to hold")
    assert unusable.value.code == "RUNTIME_UNUSABLE"
    assert not (folder.parent / "target").exists()


def test_where_no_file_can_be_made_a_take_over_still_fences(folder: Path, start: StartSender) -> None:
    holder = start()
    holder.ask("acquire")
    path = next(folder.glob("*.lease"))
    (folder / f"{path.name}.{os.getpid()}").mkdir()
    with lease_in(folder).taken_over() as lease:
        assert lease.warning is not None
        assert lease.is_held()
        assert holder.ask("held?") == "held False"


def test_requests_may_overlap(folder: Path) -> None:
    with lease_in(folder).acquired() as lease:
        path = next(folder.glob("*.lease"))
        with lease.request():
            with lease.request():
                assert path.read_bytes().startswith(b"*")
            assert path.read_bytes().startswith(b"*")
        assert path.read_bytes().startswith(b"-")
