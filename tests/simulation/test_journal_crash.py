"""The journal under SIGKILL at random instants, and under several processes at once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

from core.journal.audit_log import AUDIT_LOG, EXECUTED
from core.orders import OrderStatus
from tests.conftest import REPOSITORY
from tests.core.journal.books import open_account, open_journal

ROUNDS = 20
SEED = 20_261_121
PROCESSES, SHARE = 3, 25


def start(home: Path, *share: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.simulation.journal_worker", str(home), *share],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def run_until_killed(home: Path, chance: random.Random) -> list[str]:
    """Let a process append and kill it in the middle; return what it told."""
    process = start(home)
    assert process.stdout is not None
    assert process.stdin is not None
    told: list[str] = []
    operations = chance.randint(1, 30)
    while sum(line.startswith("begin") for line in told) < operations:
        told.append(process.stdout.readline().strip())
        assert told[-1], f"the worker ended by itself with {process.wait()}"
    until = time.perf_counter() + chance.random() * 0.002
    while time.perf_counter() < until:
        pass
    process.kill()
    told += [line.strip() for line in process.stdout]
    assert process.wait() == -signal.SIGKILL
    process.stdin.close()
    process.stdout.close()
    return told


def test_nothing_acknowledged_is_lost_by_sigkill(own_home: Path) -> None:
    chance = random.Random(SEED)
    acknowledged: dict[str, set[str]] = {"INTENT": set(), "REPORT": set()}
    in_the_window = 0
    for number in range(ROUNDS):
        replay = f"random.Random({SEED}), round {number}"
        told = run_until_killed(own_home, chance)
        in_the_window += told[-1].startswith("begin")
        for line in told:
            if line.startswith("done"):
                _, kind, name = line.split()
                acknowledged[kind].add(name)
        with open_journal(own_home) as journal:
            assert journal.verify() == (), replay
            assert journal.warnings == (), replay
            for name in acknowledged["INTENT"]:
                assert journal.order(name) is not None, replay
            for name in acknowledged["REPORT"]:
                order = journal.order(name)
                assert order is not None, replay
                assert order.status is OrderStatus.FILLED, replay
                assert len(journal.fills(name)) == 1, replay
            unsettled = {each.order.client_order_id for each in journal.unsettled()}
            assert unsettled.isdisjoint(acknowledged["REPORT"]), replay
    assert in_the_window > 0, "no kill hit an operation: this run proves nothing"
    assert_log_is_complete(own_home)


def test_processes_at_once_share_one_chain(own_home: Path) -> None:
    workers = [start(own_home, str(SHARE)) for _ in range(PROCESSES)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    told = [line for worker in workers for line in worker.communicate()[0].splitlines()]
    assert [worker.returncode for worker in workers] == [0] * PROCESSES
    names = [line.split()[2] for line in told if line.startswith("done INTENT")]
    assert len(names) == PROCESSES * SHARE
    assert len(set(names)) == len(names)
    with open_journal(own_home) as journal:
        assert journal.verify() == ()
        assert journal.unsettled() == ()
        account = open_account(journal)
        assert len(journal.accounts()) == 1
        assert all(journal.order(name) is not None for name in names)
        bought, sold = PROCESSES * ((SHARE + 1) // 2), PROCESSES * (SHARE // 2)
        expected = Decimal("0.001") * (bought - sold) - Decimal("0.000001") * (bought + sold)
        assert journal.position(account, "BTCUSDT").quantity.value == expected
    assert_log_is_complete(own_home)
    assert (own_home / AUDIT_LOG).read_text().count(EXECUTED) == PROCESSES * SHARE


def assert_log_is_complete(home: Path) -> None:
    lines = (home / AUDIT_LOG).read_text().splitlines()
    assert [int(line.split(" ")[2][1:]) for line in lines] == list(range(1, len(lines) + 1))
