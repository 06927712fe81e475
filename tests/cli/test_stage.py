"""Stages from the outside: the real command, the paper exchange's own account, and what is left on disk."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli import wiring
from core.bars import aggregate
from core.clock import DAY_MS, SystemClock
from core.gates import GATES
from core.strategies import MarketView, strategy
from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, serving
from tests.cli.markets import MINUTE_MS, bars_of, write_waves, write_zigzag
from tests.cli.spawned import ended, read_until, spawned

OPENING = {"USDT": Decimal(10_000), "BTC": Decimal(1), "ETH": Decimal(10), "BNB": Decimal(10)}
REAL = "BINANCE_DRY_RUN=false"
LIVE = "BINANCE_USE_TESTNET=false BINANCE_DRY_RUN=false"
EXECUTED = "✅ Trade executed"
# Minutes pass in a tenth of a second.
FAST = "TRADER_PAPER_SPEED=600 TRADER_BAR=1m TRADER_PAPER_MARKET=file:market.csv"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def home(shell: Shell) -> Path:
    return Path(shell.environ["TRADER_HOME"])


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Loopback]:
    with serving(tmp_path / "venue") as loopback:
        yield loopback


def run(shell: Shell, command: str, exit_code: int = 0) -> dict[str, Any]:
    """Run a command with --json and return its document."""
    got, stdout, stderr = shell.run(f"{command} --json")
    assert got == exit_code, stderr + stdout
    document: dict[str, Any] = json.loads(stdout)
    assert document["exit_code"] == exit_code
    return document


def orders_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [order for trade in document["result"]["trades"] for order in (trade["entry"], *trade["exits"])]


def moved(orders: list[dict[str, Any]]) -> dict[str, Decimal]:
    """Return what orders of BTCUSDT move, from their fills and fees alone."""
    change = {"BTC": Decimal(0), "USDT": Decimal(0), "BNB": Decimal(0), "ETH": Decimal(0)}
    for order in orders:
        sign = 1 if order["side"] == "BUY" else -1
        for fill in order["fills"]:
            quantity, price = Decimal(fill["quantity"]), Decimal(fill["price"])
            change["BTC"] += sign * quantity
            change["USDT"] -= sign * quantity * price
            change[fill["fee_asset"]] -= Decimal(fill["fee"])
    return change


def test_a_fresh_home_passes_stage_0_with_the_five_outputs_in_order(shell: Shell, home: Path) -> None:
    exit_code, stdout, stderr = shell.run("trader stage 0")
    assert exit_code == 0, stderr
    lines = stdout.splitlines()
    expected = [
        r"✓ venue    paper testnet API reachable",
        r"✓ balance  10000 USDT free in the dry-run book",
        r"✓ signal   coherence passes its self-test on \d+ 15m bars: Λ [+-]0\.\d{4}, Γ [01]\.\d{4} \(.*\)",
        r"✓ trade    1/1 dry-run BTCUSDT: bought 0\.\d+ at \d+\.?\d*, sold .* P&L -0\.\d{1,8} USDT .*",
        r"✓ audit    2 orders and evidence ev[0-9a-f]{8} in .*/trade_audit\.log",
    ]
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line), line
    assert (home / "trade_audit.log").read_text().count(EXECUTED) == 2
    with serving(home / "paper") as exchange:
        assert exchange.placed() == {}
        assert exchange.balances() == OPENING
    assert stderr.startswith("venue paper, environment testnet, account ")
    assert "\nnext: BINANCE_USE_TESTNET=true BINANCE_DRY_RUN=false trader stage 1 " in stderr
    assert stderr.count("\n") == 2


def test_three_real_round_trips_move_the_account_by_exactly_fills_and_fees(shell: Shell, home: Path) -> None:
    run(shell, "trader stage 0")
    document = run(shell, f"{REAL} trader stage 1 --trades 3")
    trades, orders = document["result"]["trades"], orders_of(document)
    assert len(trades) == 3
    assert all(trade["entry"]["side"] == "BUY" and trade["exit"]["side"] == "SELL" for trade in trades)
    change = moved(orders)
    with serving(home / "paper") as exchange:
        assert exchange.balances() == {asset: OPENING[asset] + change[asset] for asset in OPENING}
        at_venue = exchange.placed()
        stops = [stop for trade in trades for stop in trade["stops"]]
        assert [stop["status"] for stop in stops] == ["CANCELED"] * 3
        assert {order["client_order_id"] for order in (*orders, *stops)} == set(at_venue)
        for order in (*orders, *stops):
            theirs = at_venue[order["client_order_id"]]
            assert (order["venue_order_id"], order["status"]) == (theirs["orderId"], theirs["status"])
        assert {fill["trade_id"] for order in orders for fill in order["fills"]} == exchange.trade_ids()
    # What was earned and what is still held at its cost are all that went in and out.
    dust = Decimal(trades[-1]["dust"])
    assert dust == change["BTC"]
    pnl = sum(Decimal(trade["pnl"]) for trade in trades)
    assert change["USDT"] <= pnl < 0
    assert (home / "trade_audit.log").read_text().count(EXECUTED) == 2 + 2 * 3


def test_the_document_has_the_shape_that_programs_rely_on(shell: Shell, home: Path) -> None:
    document = run(shell, "trader stage 0 --symbol ethusdt")
    assert list(document) == [
        "schema",
        "command",
        "ok",
        "exit_code",
        "venue",
        "environment",
        "account",
        "env_file",
        "result",
        "error",
    ]
    assert (document["schema"], document["command"], document["ok"]) == (1, "stage", True)
    assert (document["venue"], document["environment"], document["error"]) == ("paper", "testnet", None)
    result = document["result"]
    assert {"stage", "symbol", "environment", "dry_run", "free", "signal", "gates", "trades"} <= set(result)
    assert {"evidence_id", "audit_log"} <= set(result)
    assert (result["stage"], result["symbol"], result["dry_run"]) == (0, "ETHUSDT", True)
    assert result["free"] == {"asset": "USDT", "amount": "10000"}
    assert set(result["signal"]) == {"strategy", "lambda", "gamma", "enter", "exit"}
    assert all(set(gate) >= {"name", "result", "detail"} for gate in result["gates"])
    assert {gate["result"] for gate in result["gates"]} == {"pass"}
    order = result["trades"][0]["entry"]
    assert {"client_order_id", "venue_order_id", "side", "type", "quantity", "price"} <= set(order)
    assert {"notional", "status", "fills", "dry_run"} <= set(order)
    assert Decimal(order["notional"]) == Decimal(order["quantity"]) * Decimal(order["price"])
    assert isinstance(order["fills"][0]["time_ms"], int)
    assert result["audit_log"] == str(home / "trade_audit.log")


def test_stage_2_lists_every_gate_and_sends_nothing(shell: Shell, venue: Loopback, tmp_path: Path) -> None:
    shell.environ |= venue.environ()
    run(shell, "trader stage 0")
    run(shell, f"{REAL} trader stage 1 --trades 3")
    with serving(tmp_path / "live", persona="mainnet") as live:
        shell.environ |= live.environ()
        for confirmed in ("", "CONFIRM_LIVE=yes "):
            document = run(shell, f"{confirmed}{LIVE} trader stage 2", exit_code=4)
            assert document["environment"] == "mainnet"
            assert document["error"]["code"] == "GATE_CLOSED"
            gates = {gate["name"]: gate["result"] for gate in document["result"]["gates"]}
            assert list(gates) == list(GATES[2])
            assert gates["settings"] == gates["environment"] == gates["stage-0"] == gates["balance"] == "pass"
            assert gates["confirm-live"] == ("pass" if confirmed else "fail")
            assert "unavailable" in gates.values()
            assert document["result"]["trades"] == []
        assert live.signed
        assert live.orders == []
        assert not [path for _, path in live.requests if path.endswith("order/test")]
        assert live.placed() == {}


def test_a_closed_gate_is_shown_as_a_table_before_the_error(shell: Shell) -> None:
    exit_code, stdout, stderr = shell.run("trader stage 2")
    assert exit_code == 4
    assert stdout.splitlines()[0].split() == ["gate", "result", "detail"]
    assert "BINANCE_USE_TESTNET is true and BINANCE_DRY_RUN is true" in stdout
    assert stderr.splitlines()[-2].startswith("error[GATE_CLOSED]: stage 2 is closed by gate settings")
    assert stderr.splitlines()[-1].startswith("hint: CONFIRM_LIVE=yes BINANCE_USE_TESTNET=false")


VOIDED = [
    ("BINANCE_RISK_FRACTION=0.03", "with other risk, gate or strategy settings"),
    ("BINANCE_RISK_MAX_ORDER_USDT=24", "with other risk, gate or strategy settings"),
    ("GATE_MIN_TRADES=4", "with other risk, gate or strategy settings"),
    ("BINANCE_SYMBOL=ETHUSDT", "for BTCUSDT"),
]


@pytest.mark.parametrize(("setting", "why"), VOIDED, ids=[setting for setting, _ in VOIDED])
def test_evidence_does_not_count_for_other_settings(shell: Shell, setting: str, why: str) -> None:
    run(shell, "trader stage 0")
    document = run(shell, f"{REAL} {setting} trader stage 1", exit_code=4)
    assert why in document["error"]["message"]
    assert "trader stage 0" in document["error"]["hint"]
    run(shell, f"{REAL} trader stage 1")


def test_evidence_does_not_count_for_other_code(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    run(shell, "trader stage 0")
    monkeypatch.setattr(wiring, "code_digest", lambda: "another")
    document = run(shell, f"{REAL} trader stage 1", exit_code=4)
    assert "with another version of the code" in document["error"]["message"]


def test_an_upgrade_during_a_run_has_proven_nothing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = iter(["before", *["after"] * 3])
    monkeypatch.setattr(wiring, "code_digest", lambda: next(versions))
    run(shell, "trader stage 0")
    error = run(shell, f"{REAL} trader stage 1", 4)["error"]
    assert "with another version of the code" in error["message"]


@pytest.mark.parametrize(("days", "why"), [(7.1, "7.1 days ago; 7 is the limit"), (-1, "in the future")])
def test_evidence_grows_old(shell: Shell, monkeypatch: pytest.MonkeyPatch, days: float, why: str) -> None:
    now_ms = SystemClock.now_ms
    if days < 0:
        monkeypatch.setattr(SystemClock, "now_ms", lambda clock: now_ms(clock) - int(days * DAY_MS))
    run(shell, "trader stage 0")
    monkeypatch.setattr(SystemClock, "now_ms", lambda clock: now_ms(clock) + max(0, int(days * DAY_MS)))
    document = run(shell, f"{REAL} trader stage 1", exit_code=4)
    assert why in document["error"]["message"]


def test_evidence_is_the_home_s_own(shell: Shell, tmp_path: Path) -> None:
    run(shell, "trader stage 0")
    document = run(shell, f"{REAL} TRADER_HOME={tmp_path / 'another'} trader stage 1", exit_code=4)
    assert "was not passed in this home" in document["error"]["message"]


def test_a_soak_spreads_the_trades(shell: Shell) -> None:
    write_waves(shell.folder / "market.csv")
    document = run(shell, f"{FAST} trader stage 0 --trades 3 --soak 20m")
    times = [fill["time_ms"] for order in orders_of(document) for fill in order["fills"]]
    assert 20 * 60_000 <= max(times) - min(times) < 40 * 60_000
    middle = document["result"]["trades"][1]["entry"]["fills"][0]["time_ms"]
    assert middle - min(times) >= 10 * 60_000
    assert max(times) - middle >= 10 * 60_000


def test_a_signal_is_waited_for_shown_and_followed(shell: Shell) -> None:
    write_waves(shell.folder / "market.csv")
    exit_code, stdout, stderr = shell.run(f"{FAST} trader stage 0 --entry signal")
    assert exit_code == 0, stderr
    assert "1/1 dry-run BTCUSDT: bought" in stdout
    told = [line for line in stderr.splitlines() if " left: Λ" in line]
    assert any(
        re.match(r"holding, \d+:\d\d:\d\d left: Λ [+-]0\.\d{4}, Γ [01]\.\d{4} ", line) for line in told
    )


def test_a_wait_without_a_signal_passes_no_stage(shell: Shell, home: Path) -> None:
    write_zigzag(shell.folder / "market.csv")
    command = f"{FAST} trader stage 0 --entry signal --wait 3m"
    document = run(shell, command, exit_code=4)
    assert document["error"]["code"] == "WAIT_LIMIT"
    assert "zero trades pass no stage" in document["error"]["message"]
    assert document["result"]["evidence_id"] is None
    assert EXECUTED not in (home / "trade_audit.log").read_text()
    refused = run(shell, f"{REAL} {FAST} trader stage 1", exit_code=4)
    assert "stage 0 was not passed" in refused["error"]["message"]


def test_lambda_and_gamma_come_from_the_recorded_bars(shell: Shell, data_dir: Path) -> None:
    recording = data_dir / "BTCUSD-PERP-1m-2022-01.csv.gz"
    if not recording.is_file():
        pytest.skip("no recorded bars")
    document = run(shell, f"TRADER_PAPER_MARKET=file:{recording} trader stage 0")
    shown = document["result"]["signal"]
    entry_ms = document["result"]["trades"][0]["entry"]["fills"][0]["time_ms"]
    bars = aggregate(bars_of(recording), 15 * MINUTE_MS)
    decided = strategy("coherence").evaluate(MarketView.of(bars))
    # The file is laid on today's clock in whole weeks, so the time of the week tells which bar was last.
    week_ms = 7 * DAY_MS
    ends = bars.open_time_ms + bars.interval_ms
    age_ms = (entry_ms - ends) % week_ms
    candidates = [int(index) for index in np.flatnonzero(age_ms < bars.interval_ms)]
    found = [decided.decide(index) for index in candidates]
    assert any(
        decision.readings == pytest.approx({name: shown[name] for name in ("lambda", "gamma")}, abs=1e-3)
        for decision in found
    ), (shown, [each.readings for each in found])
    assert len(candidates) <= 5


def test_two_stages_at_once_share_one_dry_book(shell: Shell, home: Path) -> None:
    command = " & ".join(f"trader stage 0 --trades 3 --json > {name}" for name in ("one", "two"))
    exit_code, _, stderr = shell.run(f"{command} & wait $! && wait")
    assert exit_code == 0, stderr
    documents = [json.loads((shell.folder / name).read_text()) for name in ("one", "two")]
    assert [document["exit_code"] for document in documents] == [0, 0], documents
    orders = [order for document in documents for order in orders_of(document)]
    names = {order["client_order_id"] for order in orders}
    assert len(names) == len(orders) == 12
    assert documents[0]["account"] == documents[1]["account"]
    free = run(shell, "trader stage 0")["result"]["free"]
    assert Decimal(free["amount"]) == OPENING["USDT"] + moved(orders)["USDT"]


def test_a_second_sender_is_refused_and_named(shell: Shell) -> None:
    run(shell, "trader stage 0")
    soaking = ("stage", "1", "--trades", "2", "--soak", "1h")
    with spawned(shell, *soaking, BINANCE_DRY_RUN="false") as first:
        read_until(first.stderr, "soaking")
        document = run(shell, f"{REAL} trader stage 1", exit_code=4)
        first.send_signal(signal.SIGTERM)
        exit_code, _, stderr = ended(first)
    assert document["error"]["code"] == "LEASE_HELD"
    assert f"pid {first.pid}" in document["error"]["message"]
    assert exit_code == 130, stderr


def test_the_exchange_seen_by_another_client_agrees(shell: Shell, venue: Loopback) -> None:
    """Over a socket and as `binance`: the same account, the same exact change."""
    shell.environ |= venue.environ()
    run(shell, "trader stage 0")
    assert venue.orders == []
    document = run(shell, f"{REAL} trader stage 1 --trades 2")
    assert document["venue"] == "binance"
    assert venue.orders == ["POST", "POST", "DELETE", "POST"] * 2  # buy, stop, cancel the stop, sell
    change = moved(orders_of(document))
    assert venue.balances() == {asset: OPENING[asset] + change[asset] for asset in OPENING}
