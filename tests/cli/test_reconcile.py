"""`trader reconcile` as cron and an operator run it, against a paper exchange that others trade on too."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import warnings
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock
from core.journal import Journal
from core.orders import OrderStatus
from core.run_lock import only_run
from core.stages import TradingState
from exchanges.paper import admin
from tests.cli.conversation import REPOSITORY, Shell
from tests.cli.loopback import Loopback, body, serving, untouched
from tests.core.journal.books import record_intent, report

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports a name that websockets is giving up
    from binance import AsyncClient

STAGE_1 = "BINANCE_DRY_RUN=false trader stage 1"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Loopback]:
    with serving(tmp_path / "venue") as loopback:
        yield loopback


@pytest.fixture
def traded(shell: Shell, venue: Loopback) -> Shell:
    """Give a home that passed stage 1 at the venue."""
    shell.environ |= venue.environ()
    for command in ("trader stage 0", STAGE_1):
        exit_code, stdout, stderr = shell.run(command)
        assert exit_code == 0, stderr + stdout
    return shell


def document(shell: Shell, command: str) -> tuple[int, dict[str, Any]]:
    exit_code, stdout, stderr = shell.run(f"{command} --json")
    found = json.loads(stdout)
    assert found["exit_code"] == exit_code, stderr
    return exit_code, found


def place_foreign(venue: Loopback, **order: Any) -> dict[str, Any]:
    """Place an order as somebody else with the key would: with python-binance, as it comes."""

    async def place() -> dict[str, Any]:
        client = AsyncClient(venue.api_key, venue.api_secret)
        client.API_URL = f"{venue.root}/api"
        try:
            placed: dict[str, Any] = await client.create_order(**order)
            return placed
        finally:
            await client.close_connection()

    return asyncio.run(place())


def test_an_intruder_is_found_named_accepted_and_then_silent(traded: Shell, venue: Loopback) -> None:
    assert traded.run("trader reconcile") == (0, "", "")
    foreign = place_foreign(venue, symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="20")

    exit_code, stdout, stderr = traded.run("trader reconcile")
    assert exit_code == 5
    assert "UNAUTHORIZED" in stdout
    assert str(foreign["orderId"]) in stdout
    assert "ALARM" in stderr
    assert "error[BOOKS_DIFFER]" in stderr
    exit_code, found = document(traded, "trader reconcile")
    assert exit_code == 5
    classes = {each["class"] for each in found["result"]["breaks"]}
    assert classes == {"UNAUTHORIZED"}
    (order,) = (each for each in found["result"]["breaks"] if each["trade_id"] is None)
    assert order["theirs"]["executed"] == foreign["executedQty"].rstrip("0")
    assert order["ours"] == {}
    assert found["error"]["code"] == "BOOKS_DIFFER"

    accept = f'trader reconcile --accept {order["break_id"]} --reason "bought by hand on the page"'
    exit_code, stdout, stderr = traded.run(accept)
    assert (exit_code, stdout) == (4, "")
    assert f"error[NOT_CONFIRMED]: not confirmed: Accept UNAUTHORIZED {order['break_id']} (" in stderr
    assert traded.run(f"{accept} --yes")[0] == 0
    assert traded.run("trader reconcile") == (0, "", "")
    assert traded.run("trader reconcile --full") == (0, "", "")
    assert traded.run("trader audit verify")[0] == 0


def test_a_break_keeps_its_name_and_grows_old(traded: Shell, venue: Loopback) -> None:
    place_foreign(
        venue, symbol="ETHUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="2000"
    )
    first, second = (document(traded, "trader reconcile")[1]["result"]["breaks"] for _ in range(2))
    assert [(each["break_id"], each["first_seen_ms"]) for each in first] == [
        (each["break_id"], each["first_seen_ms"]) for each in second
    ]
    assert {each["symbol"] for each in first} == {"ETHUSDT"}


def test_an_intruder_halts_where_the_operator_wants_that(traded: Shell, venue: Loopback) -> None:
    place_foreign(venue, symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="20")
    exit_code, found = document(traded, "RECONCILE_HALT_ON_INTRUDER=true trader reconcile")
    assert (exit_code, found["result"]["halted"]) == (5, True)
    with _journal(traded) as journal:
        (account,) = journal.accounts()
        assert journal.trading_state(account) is TradingState.HALTED
        assert journal.verify() == ()
    exit_code, _, stderr = traded.run(STAGE_1)
    assert exit_code == 4
    assert "gate trading-state" in stderr


def wipe(venue: Loopback) -> None:
    with admin.opened(
        venue.config, wall_clock_ms=venue.now_ms, random_bytes=lambda count: bytes(count)
    ) as exchange:
        exchange.reset()


def test_a_symbol_that_is_gone_for_good_does_not_close_the_books_for_ever(
    traded: Shell, venue: Loopback
) -> None:
    command = 'trader reconcile --delisted BTCUSDT --reason "its page says so" --yes'
    exit_code, _, stderr = traded.run(command)
    assert exit_code == 3
    assert "--delisted BTCUSDT: the venue tells of every order and trade of it" in stderr
    assert traded.run("trader reconcile") == (0, "", "")

    gone = body(b'{"code":-1121,"msg":"Invalid symbol."}', 400)
    venue.spoil = lambda request, answer: (
        gone(answer) if request.path.endswith(("myTrades", "allOrders")) else answer
    )
    exit_code, _, stderr = traded.run("trader reconcile")
    assert (exit_code, "BOOKS_NOT_COVERED" in stderr) == (5, True)
    assert '`trader reconcile --delisted BTCUSDT --reason "…"`' in stderr
    exit_code, _, stderr = traded.run(command.removesuffix(" --yes"))
    assert (exit_code, "NOT_CONFIRMED" in stderr) == (4, True)

    assert traded.run(command)[0] == 0
    assert traded.run("trader reconcile") == (0, "", "")
    exit_code, found = document(traded, "trader reconcile")
    assert (found["result"]["delisted"], found["result"]["agrees"]) == (["BTCUSDT"], True)

    venue.spoil = untouched  # it is back, and so are its books
    place_foreign(venue, symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="20")
    assert traded.run("trader reconcile")[0] == 5


def test_a_wiped_testnet_is_one_reset_and_begins_new_books(traded: Shell, venue: Loopback) -> None:
    wipe(venue)
    exit_code, found = document(traded, "trader reconcile")
    assert exit_code == 5
    assert [each["class"] for each in found["result"]["breaks"]] == ["RESET"]
    with _journal(traded) as journal:
        assert sorted(each.epoch for each in journal.accounts()) == [0, 1]
        assert journal.verify() == ()
    assert traded.run("trader reconcile") == (0, "", "")
    # What was proven before the wipe does not count any more.
    assert "before the testnet was wiped" in traded.run(STAGE_1)[2]
    for command in ("trader stage 0", STAGE_1, "trader reconcile"):
        assert traded.run(command)[0] == 0


def test_a_live_venue_that_forgot_everything_is_an_error_never_a_reset(shell: Shell, tmp_path: Path) -> None:
    with serving(tmp_path / "live", persona="mainnet") as venue:
        shell.environ |= venue.environ() | {"BINANCE_USE_TESTNET": "false"}
        shell.run("trader check --only account")  # opens the books
        with Journal.open(
            Path(shell.environ["TRADER_HOME"]), clock=SystemClock(), random_bytes=os.urandom
        ) as journal:
            (account,) = journal.accounts()
            intent = record_intent(journal, account, timestamp_ms=SystemClock().now_ms()).intent
            journal.record_report(intent, report(intent, OrderStatus.CANCELED))
        exit_code, found = document(shell, "trader reconcile")
        assert exit_code == 5, found
        assert found["error"]["code"] == "HISTORY_GONE"
        assert found["result"]["breaks"] == []
        with _journal(shell) as journal:
            assert [each.epoch for each in journal.accounts()] == [0]


def test_a_key_of_another_account_is_an_error(traded: Shell, tmp_path: Path) -> None:
    with serving(tmp_path / "other") as other:
        traded.environ |= other.environ()
        exit_code, found = document(traded, "trader reconcile")
    assert (exit_code, found["error"]["code"]) == (3, "WRONG_ACCOUNT")


def test_every_run_leaves_a_report_by_date(traded: Shell, venue: Loopback) -> None:
    assert traded.run("trader reconcile -q")[0] == 0
    place_foreign(venue, symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="20")
    _, found = document(traded, "trader reconcile")
    clean, differing = sorted((Path(traded.environ["TRADER_HOME"]) / "reports/reconcile").glob("*/*.txt"))
    assert differing == Path(found["result"]["report"])
    assert "✓ the books agree" in clean.read_text()
    assert "UNAUTHORIZED since" in differing.read_text()
    record = json.loads(differing.with_suffix(".json").read_text())
    assert record["breaks"] == found["result"]["breaks"]
    assert stat.S_IMODE(differing.stat().st_mode) == stat.S_IMODE(clean.stat().st_mode) == 0o600
    assert record["started_ms"] // 86_400_000 == _day(differing.parent.name)


def test_a_report_that_cannot_be_written_hides_nothing(traded: Shell, venue: Loopback) -> None:
    Path(traded.environ["TRADER_HOME"], "reports").write_text("in the way")
    exit_code, _, stderr = traded.run("trader reconcile")
    assert (exit_code, "error[FILE_UNWRITABLE]" in stderr) == (3, True)
    place_foreign(venue, symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="20")
    exit_code, stdout, stderr = traded.run("trader reconcile")
    assert (exit_code, "UNAUTHORIZED" in stdout) == (5, True)
    assert "not complete: FILE_UNWRITABLE" in stderr
    assert "error[BOOKS_DIFFER]" in stderr


def _day(date: str) -> int:
    from datetime import date as calendar

    return (calendar.fromisoformat(date) - calendar(1970, 1, 1)).days


def test_two_runs_do_not_overlap(traded: Shell) -> None:
    with only_run(Path(traded.environ["TRADER_HOME"]), "reconcile", "RECONCILE_RUNNING"):
        exit_code, stdout, stderr = traded.run("trader reconcile")
    assert (exit_code, stdout) == (4, "")
    assert "error[RECONCILE_RUNNING]" in stderr
    assert traded.run("trader reconcile")[0] == 0


def test_a_venue_out_of_reach_is_7_and_reported(traded: Shell) -> None:
    exit_code, found = document(traded, "BINANCE_BASE_URL=http://127.0.0.1:9 trader reconcile")
    assert (exit_code, found["error"]["code"]) == (7, "VENUE_UNREACHABLE")
    assert "NOT COMPLETE: VENUE_UNREACHABLE" in Path(found["result"]["report"]).read_text()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("trader reconcile --accept 12345678", "--accept needs its --reason"),
        ('trader reconcile --accept 12345678 --reason " "', "--accept needs its --reason"),
        ("trader reconcile --reason why", "--reason is for --accept BREAK"),
        ("trader reconcile --full --since 24h", "give one of them"),
        ("trader reconcile --since yesterday", "--since was yesterday, which is no time"),
    ],
)
def test_what_was_typed_wrong_is_named(shell: Shell, command: str, said: str) -> None:
    exit_code, stdout, stderr = shell.run(command)
    assert (exit_code, stdout) == (2, "")
    assert said in stderr


def test_a_break_of_another_name_is_not_accepted(traded: Shell) -> None:
    exit_code, _, stderr = traded.run("trader reconcile --accept 12345678 --reason why")
    assert exit_code == 3
    assert "error[BREAK_UNKNOWN]: no open break is called '12345678'; open: none" in stderr


def test_a_home_without_books_is_never_clean(shell: Shell) -> None:
    exit_code, stdout, stderr = shell.run("trader reconcile")
    assert (exit_code, stdout) == (3, "")
    assert f"error[NO_BOOKS]: the journal in {shell.environ['TRADER_HOME']} knows no account" in stderr


@pytest.mark.parametrize(("command", "ended"), [("trader check", 0), (STAGE_1, 4)])
def test_a_home_that_never_traded_is_never_clean(shell: Shell, command: str, ended: int) -> None:
    assert shell.run(command)[0] == ended
    exit_code, stdout, stderr = shell.run("trader reconcile")
    assert (exit_code, stdout) == (3, "")
    assert f"error[NO_BOOKS]: no order was ever made from {shell.environ['TRADER_HOME']}" in stderr


def test_the_books_of_the_other_environment_are_not_these(traded: Shell) -> None:
    exit_code, _, stderr = traded.run("BINANCE_USE_TESTNET=false trader reconcile")
    assert exit_code == 3
    assert "knows no account on binance mainnet; it knows binance:testnet:" in stderr


CRON = "env -i PATH=/usr/bin:/bin {settings} {program} reconcile"


@pytest.mark.parametrize(
    "settings", ["", "HOME=/nonexistent", "HOME={folder}", "HOME={folder} LOGNAME=nobody"]
)
def test_cron_without_the_operators_environment_is_never_clean(traded: Shell, settings: str) -> None:
    """No home of the operator, no settings file, another working directory."""
    given = settings.format(folder=traded.folder)
    runtime = (
        f"TRADER_RUNTIME_DIR={traded.environ['TRADER_RUNTIME_DIR']} PYTHONPATH={traded.environ['PYTHONPATH']}"
    )
    program = traded.program
    exit_code, stdout, stderr = traded.bash(
        f"cd / && {CRON.format(settings=f'{given} {runtime}', program=program)}"
    )
    assert exit_code == 3, stderr
    assert stdout == ""
    assert "error[" in stderr


def test_cron_with_the_home_and_without_the_settings_is_never_clean(traded: Shell) -> None:
    """The home has seen a real venue: the toy in the box must not stand in for it."""
    keys = ("TRADER_VENUE", "BINANCE_BASE_URL", "BINANCE_API_KEY", "BINANCE_API_SECRET")
    for name in keys:
        del traded.environ[name]
    exit_code, stdout, stderr = traded.run("trader reconcile")
    assert (exit_code, stdout) == (3, "")
    assert "error[VENUE_NOT_CHOSEN]" in stderr


@pytest.mark.parametrize(
    "scheduled",
    [
        re.compile(r"^17 3 \* \* \* (?P<command>/.+)$", re.MULTILINE),
        re.compile(r"^ExecStart=(?P<command>/.+)$", re.MULTILINE),
    ],
    ids=["crontab", "systemd"],
)
def test_the_scheduled_line_of_the_runbook_is_silent(traded: Shell, scheduled: re.Pattern[str]) -> None:
    """The very line, with an operator's paths, in the environment of cron."""
    line = scheduled.search((REPOSITORY / "runbooks/reconcile.md").read_text(encoding="utf-8"))
    assert line
    settings = traded.folder / ".env"
    needed = (
        "TRADER_VENUE",
        "BINANCE_BASE_URL",
        "BINANCE_API_KEY",
        "BINANCE_API_SECRET",
        "TRADER_RUNTIME_DIR",
    )
    settings.write_text("".join(f"{name}={traded.environ[name]}\n" for name in needed))
    settings.chmod(0o600)
    command = line["command"]
    for example, real in {
        "/home/operator/.venv/bin/trader": traded.program,
        "/home/operator/.local/state/trader": traded.environ["TRADER_HOME"],
        "/home/operator/.env": settings,
    }.items():
        assert example in command
        command = command.replace(example, str(real))
    cron = f"env -i PATH=/usr/bin:/bin PYTHONPATH={REPOSITORY} /bin/sh -c '{command}'"
    assert traded.bash(f"cd / && {cron}") == (0, "", "")


def test_the_timer_and_the_service_of_the_runbook_can_be_read() -> None:
    page = (REPOSITORY / "runbooks/reconcile.md").read_text(encoding="utf-8")
    units = [ConfigParser(), ConfigParser()]
    for unit, text in zip(units, re.findall(r"```ini\n(.+?)```", page, re.DOTALL), strict=True):
        unit.read_string(text)
    service, timer = units
    assert service["Service"]["Type"] == "oneshot"
    assert timer["Timer"]["OnCalendar"]
    assert timer["Install"]["WantedBy"] == "timers.target"


def _journal(shell: Shell) -> Journal:
    home = Path(shell.environ["TRADER_HOME"])
    return Journal.open(home, clock=SystemClock(), random_bytes=lambda count: bytes(count), read_only=True)
