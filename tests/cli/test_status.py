"""`trader status` from outside: where am I, from the journal alone."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conversation import Shell
from tests.cli.loopback import serving


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def accounts(shell: Shell, exit_code: int = 0) -> list[dict[str, Any]]:
    got, stdout, stderr = shell.run("trader status --json")
    assert got == exit_code, stderr + stdout
    found: list[dict[str, Any]] = json.loads(stdout)["result"]["accounts"]
    return found


def test_an_empty_home_says_where_it_looked_and_how_to_begin(shell: Shell) -> None:
    exit_code, stdout, stderr = shell.run("trader status")
    assert exit_code == 0, stderr
    assert stdout == f"no account is known in {shell.environ['TRADER_HOME']}: run `trader stage 0`\n"
    assert not Path(shell.environ["TRADER_HOME"]).exists()


def test_the_stage_reached_and_the_day_s_profit(shell: Shell) -> None:
    assert shell.run("trader stage 0")[0] == 0
    (after_dry,) = accounts(shell)
    assert (after_dry["stage_passed"], after_dry["realized_today"]) == (0, {})
    _, stdout, _ = shell.run("BINANCE_DRY_RUN=false trader stage 1 --trades 2 --json")
    trades = json.loads(stdout)["result"]["trades"]
    (after_real,) = accounts(shell)
    assert after_real["stage_passed"] == 1
    assert Decimal(after_real["realized_today"]["USDT"]) == sum(Decimal(trade["pnl"]) for trade in trades)
    assert (after_real["positions"], after_real["open_orders"], after_real["unsettled"]) == ([], [], [])
    assert after_real["trading_state"] == "ACTIVE"


def test_profit_is_shown_with_as_many_digits_as_a_person_reads(shell: Shell) -> None:
    assert shell.run("trader stage 0")[0] == 0
    assert shell.run("BINANCE_DRY_RUN=false trader stage 1")[0] == 0
    _, stdout, _ = shell.run("trader status")
    (line,) = [line for line in stdout.splitlines() if line.startswith("P&L today")]
    number, asset = line.split()[2:]
    assert asset == "USDT"
    assert len(number.partition(".")[2]) <= 8


def test_it_answers_while_the_venue_does_not(shell: Shell, tmp_path: Path) -> None:
    with serving(tmp_path / "venue") as venue:
        shell.environ |= venue.environ()
        assert shell.run("trader stage 0")[0] == 0
        asked = len(venue.requests)
        (known,) = accounts(shell)
        assert len(venue.requests) == asked
    assert known["venue"] == "binance"
    assert accounts(shell) == [known]


def test_accounts_of_both_environments_are_listed_apart(shell: Shell) -> None:
    assert shell.run("trader stage 0")[0] == 0
    assert shell.run("BINANCE_USE_TESTNET=false BINANCE_DRY_RUN=false trader stage 2")[0] == 4
    assert [each["environment"] for each in accounts(shell)] == ["testnet", "mainnet"]


def test_a_file_that_is_no_journal_is_refused_untouched(shell: Shell) -> None:
    home = Path(shell.environ["TRADER_HOME"])
    home.mkdir(mode=0o700)
    (home / "journal.sqlite3").write_bytes(b"not a journal at all" * 100)
    exit_code, stdout, stderr = shell.run("trader status")
    assert exit_code == 5
    assert stdout == ""
    assert "error[JOURNAL_FOREIGN]" in stderr
    assert (home / "journal.sqlite3").read_bytes() == b"not a journal at all" * 100
