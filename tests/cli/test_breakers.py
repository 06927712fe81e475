"""A latched breaker is shown with the line that resets it, and that line resets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.account import AccountKey, Environment
from core.clock import DAY_MS, SystemClock
from core.ids import system_random
from core.journal import Journal, Opening
from core.risk.breakers import Breaker
from core.stages import TradingState
from tests.cli.conversation import Shell

LIVE = {"TRADER_VENUE": "paper", "BINANCE_USE_TESTNET": "false"}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    made.environ |= LIVE
    return made


def opened(shell: Shell) -> Journal:
    home = Path(shell.environ["TRADER_HOME"])
    return Journal.open(home, clock=SystemClock(), random_bytes=system_random)


def latch(journal: Journal) -> AccountKey:
    account = journal.open_account(
        "paper", Environment.MAINNET, "paper", "7", Opening({}, (), {}, 0, "k" * 12)
    )
    until_ms = SystemClock().now_ms() + DAY_MS
    journal.breakers(account).latch(
        Breaker.CONSECUTIVE_LOSSES, "3 losing trades in a row", cause_ms=1, until_ms=until_ms
    )
    return account


def test_it_is_shown_and_reset_by_name_and_a_halt_is_left_alone(shell: Shell) -> None:
    with opened(shell) as journal:
        account = latch(journal)
        journal.set_trading_state(account, TradingState.HALTED, "a test")
    _, shown, _ = shell.run("trader status")
    (line,) = [line for line in shown.splitlines() if line.startswith("breaker")]
    assert "consecutive-losses since " in line
    assert line.endswith(
        '3 losing trades in a row; to reset it: trader resume --breaker consecutive-losses --reason "…"'
    )
    exit_code, _, stderr = shell.run("trader resume --breaker consecutive-losses --reason why")
    assert exit_code == 4, "off a terminal nobody was asked"
    assert "consecutive-losses since" in stderr
    exit_code, stdout, stderr = shell.run(
        'trader resume --breaker consecutive-losses --reason "looked at each of them" --yes'
    )
    assert (exit_code, stdout) == (0, "consecutive-losses is reset at paper mainnet: 1 account(s)\n"), stderr
    with opened(shell) as journal:
        assert journal.breakers(account).all_latched() == ()
        assert journal.trading_state(account) is TradingState.HALTED
        assert journal.verify() == ()
    log = (Path(shell.environ["TRADER_HOME"]) / "trade_audit.log").read_text()
    assert "looked at each of them" in log
    exit_code, stdout, _ = shell.run("trader resume --breaker consecutive-losses --reason again --yes --json")
    assert (exit_code, json.loads(stdout)["result"]["reset"]) == (0, [])


def test_status_tells_a_program_what_binds_until_when(shell: Shell) -> None:
    with opened(shell) as journal:
        latch(journal)
    _, stdout, _ = shell.run("trader status --json")
    (found,) = json.loads(stdout)["result"]["accounts"][0]["breakers"]
    assert found["breaker"] == "consecutive-losses"
    assert found["since_ms"] < found["until_ms"]


def test_resuming_resets_no_breaker(shell: Shell) -> None:
    with opened(shell) as journal:
        account = latch(journal)
        journal.set_trading_state(account, TradingState.HALTED, "a test")
    assert shell.run("trader resume --reason calm --yes")[0] == 0
    with opened(shell) as journal:
        assert len(journal.breakers(account).all_latched()) == 1
