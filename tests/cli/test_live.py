"""Stage 2 on the live venue of paper: it opens when everything holds; one thing missing keeps it shut."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock
from core.gates import GATES
from core.ids import system_random
from core.journal import Journal
from core.risk.breakers import Breaker
from core.secrets import key_fingerprint
from core.stages import TradingState
from exchanges.binance.market_data import CLOCK_SAMPLES
from exchanges.paper import admin
from exchanges.paper.dialects.binance import HttpAnswer
from exchanges.paper.keys import Permissions
from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, body, edited, serving, when
from tests.cli.spawned import at_terminal

LIVE = {"BINANCE_USE_TESTNET": "false", "BINANCE_DRY_RUN": "false", "CONFIRM_LIVE": "yes"}
LIMITS = {"GATE_MIN_SOAK": "0s", "LIVE_MAX_TRADES_PER_DAY": "2"}


@dataclass
class Rehearsed:
    """A home in which everything was done that stage 2 asks for, and the venue it is about to trade on."""

    shell: Shell
    venue: Loopback

    @property
    def home(self) -> Path:
        return Path(self.shell.environ["TRADER_HOME"])

    def run(self, command: str, exit_code: int = 0) -> dict[str, Any]:
        got, stdout, stderr = self.shell.run(f"{command} --json")
        assert got == exit_code, stdout + stderr
        document: dict[str, Any] = json.loads(stdout)
        return document

    def phrase(self, words: str = "") -> str:
        """Return what stage 2 wants to be typed."""
        error = self.run(f"trader stage 2 {words}", 4)["error"]
        assert error["details"]["gates"] == ["phrase"], error
        return str(error["hint"].split('"')[1])

    def journal(self) -> Journal:
        return Journal.open(self.home, clock=SystemClock(), random_bytes=system_random)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pass stages 0 and 1, confirm the address and reconcile, once for all; give the folder."""
    folder = tmp_path_factory.mktemp("prepared")
    shell = Shell(folder)
    shell.environ |= LIMITS
    with serving(folder / "testnet") as testnet:
        shell.environ |= testnet.environ() | {"TRADER_VENUE": "paper"}
        assert shell.run("trader stage 0")[0] == 0
        assert shell.run("BINANCE_DRY_RUN=false trader stage 1 --trades 3")[0] == 0
    with serving(folder / "mainnet", persona="mainnet") as venue:
        rehearsed = Rehearsed(shell, venue)
        shell.environ |= venue.environ() | {"TRADER_VENUE": "paper"} | LIVE
        address = rehearsed.run("trader address USDT", 4)["error"]
        assert address["code"] == "NOT_CONFIRMED"
        ending = venue.ask("/sapi/v1/capital/deposit/address", coin="USDT")["address"][-6:]
        rehearsed.run(f"trader address USDT --confirm {ending}")
        rehearsed.run("trader reconcile")
    return folder


@pytest.fixture
def rehearsed(prepared: Path, tmp_path: Path) -> Iterator[Rehearsed]:
    """Give a copy of the prepared home, at a copy of its venue."""
    shell = Shell(tmp_path)
    shutil.copytree(prepared / "home", tmp_path / "home")
    shutil.copytree(prepared / "mainnet", tmp_path / "mainnet")
    with serving(tmp_path / "mainnet", persona="mainnet") as venue:
        shell.environ |= venue.environ() | {"TRADER_VENUE": "paper"} | LIMITS | LIVE
        yield Rehearsed(shell, venue)


def test_stage_2_trades_with_real_money_when_everything_holds(rehearsed: Rehearsed) -> None:
    venue = rehearsed.venue
    before = venue.balances()
    phrase = rehearsed.phrase()
    assert phrase.startswith("live paper …")
    assert " BTCUSDT 1 trade cap 25 USDT " in phrase
    assert venue.orders == []

    result = rehearsed.run(f'trader stage 2 --confirm "{phrase}"')["result"]
    (trade,) = result["trades"]
    assert Decimal(trade["entry"]["notional"]) < 10  # the smallest that can be sold again
    assert result["evidence_id"]
    assert [gate["name"] for gate in result["gates"] if gate["result"] != "pass"] == []
    by_type = [order["type"] for order in venue.placed().values()]
    assert by_type == ["LIMIT", "STOP_LOSS", "LIMIT"]
    spent = before["USDT"] - venue.balances()["USDT"]
    assert Decimal(0) < spent < 1

    # The phrase of an earlier run does not open a second one.
    sent = len(venue.orders)
    error = rehearsed.run(f'trader stage 2 --confirm "{phrase}"', 4)["error"]
    assert error["details"]["gates"] == ["phrase"]
    assert error["hint"] != f'--confirm "{phrase}"'
    assert len(venue.orders) == sent
    rehearsed.run("trader reconcile")
    rehearsed.run("trader audit verify")


def test_who_halts_while_the_phrase_is_typed_is_heard(rehearsed: Rehearsed) -> None:
    shell = rehearsed.shell
    phrase = rehearsed.phrase()
    with at_terminal(shell, "stage", "2") as terminal:
        terminal.read_until("Type this to go on")
        assert "asked for now" in terminal.said.decode()
        assert shell.run("trader halt")[0] == 0
        terminal.type(phrase)
        assert terminal.end() == 4
    assert "closed by gate trading-state: HALTED" in terminal.said.decode()
    assert rehearsed.venue.orders == []


def test_the_live_venue_behind_a_tunnel_is_no_paper_exchange(rehearsed: Rehearsed) -> None:
    rehearsed.venue.spoil = when("/paper/faults", body(b'{"code":0,"msg":"no such path"}', 404))
    rehearsed.venue.requests.clear()
    for command in ("stage 2", "cancel-all --yes", "address USDT"):
        error = rehearsed.run(f"trader {command}", 3)["error"]
        assert "is no paper exchange" in error["message"]
    assert rehearsed.venue.signed == []


def test_the_phrase_may_be_typed_with_three_dots(rehearsed: Rehearsed) -> None:
    typed = rehearsed.phrase().replace("…", "...")
    rehearsed.run(f'trader stage 2 --confirm "{typed}"')


def test_daily_limits_count_across_processes(rehearsed: Rehearsed) -> None:
    for _ in range(2):
        rehearsed.run(f'trader stage 2 --confirm "{rehearsed.phrase()}"')
    sent = len(rehearsed.venue.orders)
    error = rehearsed.run("trader stage 2", 4)["error"]
    assert error["message"].startswith("stage 2 is closed by gate daily-limits: 2 of 2 entries")
    assert len(rehearsed.venue.orders) == sent


def test_the_ladder_begins_with_one_probe(rehearsed: Rehearsed) -> None:
    for words in ("--trades 2", "--entry signal"):
        error = rehearsed.run(f"trader stage 2 {words}", 4)["error"]
        assert "ladder" in error["details"]["gates"]


def setting(**changed: str) -> Callable[[Rehearsed], None]:
    def change(rehearsed: Rehearsed) -> None:
        rehearsed.shell.environ |= changed

    return change


def at_venue(change: Callable[[Any, str], object]) -> Callable[[Rehearsed], None]:
    def act(rehearsed: Rehearsed) -> None:
        venue = rehearsed.venue
        with admin.opened(
            venue.config, wall_clock_ms=venue.now_ms, random_bytes=lambda count: bytes(count)
        ) as exchange:
            change(exchange, venue.api_key)

    return act


def in_books(change: Callable[[Journal], object]) -> Callable[[Rehearsed], None]:
    def act(rehearsed: Rehearsed) -> None:
        with rehearsed.journal() as journal:
            change(journal)

    return act


def live_account(journal: Journal) -> Any:
    return next(each for each in journal.accounts() if each.environment == "mainnet")


def latch_breaker(journal: Journal) -> None:
    book = journal.breakers(live_account(journal))
    book.latch(Breaker.CONSECUTIVE_LOSSES, "a test", cause_ms=1, until_ms=4_000_000_000_000)


def exposed_key(rehearsed: Rehearsed) -> None:
    with rehearsed.journal() as journal:
        journal.keys.record_exposed(key_fingerprint(rehearsed.venue.api_key), "shown on a screen")


def other_home(rehearsed: Rehearsed) -> None:
    other = rehearsed.home.parent / "other"
    rehearsed.shell.run(f"TRADER_HOME={other} trader check --only account")
    rehearsed.shell.run(f"TRADER_HOME={other} trader check --only key-alone")


def foreign_order(rehearsed: Rehearsed) -> None:
    rehearsed.venue.send(
        "POST",
        "/api/v3/order",
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.001",
        price="30000",
        newClientOrderId="tr0123456789abcdef-7",
    )


def foreign_trade(rehearsed: Rehearsed) -> None:
    rehearsed.venue.send(
        "POST", "/api/v3/order", symbol="ETHUSDT", side="BUY", type="MARKET", quoteOrderQty="20"
    )
    assert rehearsed.shell.run("trader reconcile -q")[0] == 5


def no_evidence_of(stage: int) -> Callable[[Rehearsed], None]:
    def act(rehearsed: Rehearsed) -> None:
        with contextlib.closing(sqlite3.connect(rehearsed.home / "journal.sqlite3")) as db, db:
            db.execute("DELETE FROM evidence WHERE stage = ?", (stage,))

    return act


def spoiled(path: str, change: Callable[[HttpAnswer], HttpAnswer | None]) -> Callable[[Rehearsed], None]:
    def act(rehearsed: Rehearsed) -> None:
        rehearsed.venue.spoil = when(path, change)

    return act


def drifting_clock(rehearsed: Rehearsed) -> None:
    """Let the venue's clock run away after the first look, by which a paper exchange sets ours."""
    asked: list[int] = []

    def later(answer: HttpAnswer) -> HttpAnswer:
        asked.append(json.loads(answer.body)["serverTime"])
        away_ms = 900 if len(asked) > CLOCK_SAMPLES else 0
        return replace(answer, body=json.dumps({"serverTime": asked[-1] + away_ms}).encode())

    rehearsed.venue.spoil = when("/api/v3/time", later)


def no_room_for_stops(rehearsed: Rehearsed) -> None:
    for number in range(5):
        rehearsed.venue.send(
            "POST",
            "/api/v3/order",
            symbol="BTCUSDT",
            side="BUY",
            type="STOP_LOSS",
            quantity="0.0005",
            stopPrice=f"{90_000 + number}",
        )


def altered_journal(rehearsed: Rehearsed) -> None:
    with contextlib.closing(sqlite3.connect(rehearsed.home / "journal.sqlite3")) as db, db:
        db.execute("DROP TRIGGER events_keep")
        db.execute("UPDATE events SET time_ms = time_ms + 1 WHERE sequence = 9")


DAY_MS = 86_400_000
TAKEN_AWAY: list[tuple[str, str, Callable[[Rehearsed], None]]] = [
    ("settings", "testnet settings", setting(BINANCE_USE_TESTNET="true")),
    ("settings", "a dry run", setting(BINANCE_DRY_RUN="true")),
    ("stage-0", "no stage 0", no_evidence_of(0)),
    ("stage-1", "no stage 1", no_evidence_of(1)),
    ("stage-0", "other risk settings", setting(BINANCE_RISK_MAX_ORDER_USDT="24")),
    (
        "key-rights",
        "it may withdraw",
        at_venue(lambda e, k: admin.restrict_key(e, k, permissions=Permissions(withdrawals=True))),
    ),
    ("key-ip", "it works anywhere", at_venue(lambda e, k: admin.restrict_key(e, k, ip_list=()))),
    (
        "key-age",
        "it is old",
        at_venue(lambda e, k: admin.restrict_key(e, k, created_ms=e.now_ms() - 91 * DAY_MS)),
    ),
    (
        "key-expiry",
        "it ends today",
        at_venue(lambda e, k: admin.restrict_key(e, k, expires_ms=e.now_ms() + 3_600_000)),
    ),
    ("key-exposure", "it is exposed", exposed_key),
    ("key-alone", "it is shared", other_home),
    ("balance", "no money", at_venue(lambda e, k: admin.deposit(e, "USDT", Decimal("-999")))),
    ("second-machine", "another machine", foreign_order),
    (
        "trading-state",
        "halted",
        in_books(lambda j: j.set_trading_state(live_account(j), TradingState.HALTED, "a test")),
    ),
    ("unsettled", "a quarantine", in_books(lambda j: j.quarantine(live_account(j), "ETHUSDT", "a test"))),
    ("breakers", "a breaker latched", in_books(latch_breaker)),
    ("reconciliation", "an open break", foreign_trade),
    ("environment", "no wallet API", spoiled("/system/status", lambda answer: replace(answer, status=404))),
    ("account-status", "a locked account", spoiled("/account/status", body(b'{"data":"Locked"}'))),
    ("deposit-address", "another address", spoiled("/deposit/address", edited(b"PAPER-", b"PAPEX-"))),
    ("clock", "a clock 0.9 s off", drifting_clock),
    ("protective-stop", "no room for a stop", no_room_for_stops),
    ("journal", "an altered event", altered_journal),
    (
        "pre-flight",
        "an order the venue refuses",
        spoiled("/order/test", body(b'{"code":-1013,"msg":"Filter failure: NOTIONAL"}', 400)),
    ),
    ("confirm-live", "not confirmed", setting(CONFIRM_LIVE="no")),
]


@pytest.mark.parametrize(
    ("gate", "change"),
    [pytest.param(gate, change, id=f"{gate}: {name}") for gate, name, change in TAKEN_AWAY],
)
def test_one_condition_taken_away_keeps_stage_2_shut(
    rehearsed: Rehearsed, gate: str, change: Callable[[Rehearsed], None]
) -> None:
    phrase = rehearsed.phrase()
    change(rehearsed)
    sent = len(rehearsed.venue.orders)
    document = rehearsed.run(f'trader stage 2 --confirm "{phrase}"', 4)
    assert document["error"]["code"] == "GATE_CLOSED"
    assert gate in document["error"]["details"]["gates"]
    # What was passed before a key was exposed does not count any more.
    first = "stage-0" if gate == "key-exposure" else gate
    assert document["error"]["message"].startswith(f"stage 2 is closed by gate {first}: ")
    assert len(rehearsed.venue.orders) == sent


def test_every_gate_was_taken_away_once() -> None:
    elsewhere = {"ladder", "phrase", "daily-limits"}  # the tests above
    only_for_real_money = {"home", "drills"}  # tests/core/test_gates.py
    assert {gate for gate, _, _ in TAKEN_AWAY} | elsewhere | only_for_real_money == set(GATES[2])


def test_confirm_live_in_a_settings_file_does_not_count(rehearsed: Rehearsed) -> None:
    phrase = rehearsed.phrase()
    del rehearsed.shell.environ["CONFIRM_LIVE"]
    (rehearsed.shell.folder / ".env").write_text("CONFIRM_LIVE=yes\n")
    error = rehearsed.run(f'trader stage 2 --confirm "{phrase}"', 4)["error"]
    assert "in a settings file it does not count" in error["message"]
