"""Killed between an entry's fill and its stop: every next command shows it, and the line that mends it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.journal import Journal
from exchanges.paper.dialects.binance import HttpAnswer, HttpRequest
from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, nothing_before, serving
from tests.cli.spawned import ended, spawned

REAL = "BINANCE_DRY_RUN=false"
COMMANDS = [
    "trader status",
    "trader check",
    "trader check --only settings",
    "trader stage 0",
    f"{REAL} trader stage 2",
    "trader cancel-all --yes",
    "trader resolve",
    "trader halt",
    'trader resume --yes --reason "a test"',
    "trader status --quiet",
]
SILENT = ["trader --help", "trader status --help", "trader --version", "trader paper keys", "trader init"]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Loopback]:
    with serving(tmp_path / "venue") as loopback:
        yield loopback


@pytest.fixture
def quantity(shell: Shell, venue: Loopback) -> Decimal:
    """Buy, and die before the stop: return what is held."""
    shell.environ |= venue.environ()
    assert shell.run("trader stage 0")[0] == 0
    is_bought = False

    def kill_after_the_entry(request: HttpRequest) -> HttpAnswer | None:
        nonlocal is_bought
        if is_bought:
            stage.kill()
        is_bought = is_bought or (request.method == "POST" and b"side=BUY" in request.body)
        return None

    venue.before = kill_after_the_entry
    with spawned(shell, "stage", "1", BINANCE_DRY_RUN="false") as stage:
        assert ended(stage)[0] == -signal.SIGKILL
    venue.before = nothing_before
    assert venue.orders == ["POST"]
    with journal_of(shell) as journal:
        (account,) = journal.accounts()
        held = journal.position(account, "BTCUSDT").quantity.value
    assert held > 0
    return held


def journal_of(shell: Shell) -> Journal:
    home = Path(shell.environ["TRADER_HOME"])
    return Journal.open(home, clock=SystemClock(), random_bytes=lambda count: bytes(count), read_only=True)


def test_every_command_shows_the_position_and_the_line_that_mends_it(
    shell: Shell, venue: Loopback, quantity: Decimal
) -> None:
    for command in COMMANDS:
        exit_code, _, stderr = shell.run(command)
        assert exit_code == 9, (command, stderr)
        assert f"{quantity} of BTCUSDT on binance:testnet:" in stderr, (command, stderr)
        assert "is protected by nothing" in stderr, (command, stderr)
        assert "`trader flatten --yes`" in stderr, (command, stderr)
        exit_code, stdout, stderr = shell.run(f"{command} --json")
        assert (exit_code, json.loads(stdout)["exit_code"]) == (9, 9), (command, stderr)
        assert "is protected by nothing" in stderr, (command, stderr)
    for command in SILENT:
        exit_code, stdout, stderr = shell.run(command)
        assert exit_code == 0, (command, stderr)
        assert "protected by" not in stdout + stderr, command


def test_what_a_command_says_of_itself_is_not_lost(shell: Shell, venue: Loopback, quantity: Decimal) -> None:
    exit_code, stdout, stderr = shell.run(f"{REAL} trader stage 2")
    assert exit_code == 9
    assert "error[GATE_CLOSED]" in stderr
    assert "warning:" in stderr
    _, stdout, _ = shell.run(f"{REAL} trader stage 2 --json")
    assert json.loads(stdout)["error"]["code"] == "GATE_CLOSED"
    _, stdout, _ = shell.run("trader resolve --json")
    error = json.loads(stdout)["error"]
    assert (error["code"], error["details"]) == ("POSITION_OPEN", {"unprotected": ["BTCUSDT"]})


def test_flatten_mends_it(shell: Shell, venue: Loopback, quantity: Decimal) -> None:
    exit_code, _, stderr = shell.run("trader flatten --yes")
    assert exit_code == 0, stderr
    assert shell.run("trader status")[0] == 0
    assert venue.ask("/api/v3/openOrders") == []


def test_the_next_stage_mends_it(shell: Shell, venue: Loopback, quantity: Decimal) -> None:
    exit_code, _, stderr = shell.run(f"{REAL} trader stage 1")
    assert exit_code == 0, stderr
    assert f"an earlier command left {quantity} of BTCUSDT" in stderr
    assert shell.run("trader status")[0] == 0
    with journal_of(shell) as journal:
        (account,) = journal.accounts()
        assert journal.position(account, "BTCUSDT").cost.value < 5


def test_a_journal_that_cannot_be_read_stops_no_command(
    shell: Shell, venue: Loopback, quantity: Decimal
) -> None:
    (Path(shell.environ["TRADER_HOME"]) / "journal.sqlite3").write_bytes(b"rubbish" * 1_000)
    exit_code, stdout, stderr = shell.run("trader halt")
    assert (exit_code, "HALTED" in stdout) == (0, True), stderr
    assert shell.run("trader status")[0] == 5
