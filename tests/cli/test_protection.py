"""Protective stops from the outside: on the paper exchange, under its faults, and in what commands say."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.values import decimal_text
from exchanges.paper.dialects.binance import HttpAnswer, HttpRequest
from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, edited, nothing_before, serving, when
from tests.cli.markets import write_gaps, write_waves
from tests.cli.orders_by_hand import place
from tests.cli.spawned import ended, read_until, spawned

OPENING = {"USDT": Decimal(10_000), "BTC": Decimal(1), "ETH": Decimal(10), "BNB": Decimal(10)}
REAL = "BINANCE_DRY_RUN=false"
# These markets leap and fall as no breaker would let pass.
UNBROKEN = {
    "LIVE_MAX_MINUTE_SIGMAS": "1000",
    "LIVE_MAX_FIVE_MINUTE_MOVE": "1",
    "LIVE_MAX_LOSSES_IN_A_ROW": "99",
}
FAST = {"TRADER_PAPER_SPEED": "600", "TRADER_BAR": "1m", "TRADER_PAPER_MARKET": "file:market.csv", **UNBROKEN}
EXECUTED = "✅ Trade executed"


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
    got, stdout, stderr = shell.run(f"{command} --json")
    assert got == exit_code, stderr + stdout
    document: dict[str, Any] = json.loads(stdout)
    return document


def served(shell: Shell) -> AbstractContextManager[Loopback]:
    """Serve the exchange that the commands had in their own process."""
    return serving(Path(shell.environ["TRADER_HOME"]) / "paper", market=shell.folder / "market.csv")


def assert_books_agree(exchange: Loopback, trades: list[dict[str, Any]]) -> None:
    """Compare the account with the fills of the trades, and the stops with the venue's orders."""
    expected = dict(OPENING)
    for order in [order for trade in trades for order in (trade["entry"], *trade["exits"])]:
        sign = 1 if order["side"] == "BUY" else -1
        for fill in order["fills"]:
            quantity, price = Decimal(fill["quantity"]), Decimal(fill["price"])
            expected["BTC"] += sign * quantity
            expected["USDT"] -= sign * quantity * price
            expected[fill["fee_asset"]] -= Decimal(fill["fee"])
    assert exchange.balances() == expected
    placed = exchange.placed()
    told = [stop["client_order_id"] for trade in trades for stop in trade["stops"]]
    assert sorted(told) == sorted(
        name for name, order in placed.items() if order["type"].startswith(("STOP_LOSS", "LIMIT_MAKER"))
    )
    assert exchange.ask("/api/v3/openOrders") == []


def test_a_stop_that_fires_is_the_exit_of_the_trade(shell: Shell, home: Path) -> None:
    write_gaps(shell.folder / "market.csv")
    shell.environ |= FAST
    run(shell, "trader stage 0")
    document = run(shell, f"{REAL} trader stage 1 --entry signal --trades 3")
    trades = document["result"]["trades"]
    fired = [trade for trade in trades if "FILLED" in [stop["status"] for stop in trade["stops"]]]
    # On a busy machine the fast clock may pass the gap before the stop is placed: refused, and sold at once.
    assert fired or not any(trade["stops"] for trade in trades)
    for trade in fired:
        stop, *targets = trade["stops"]
        assert trade["exits"] == [stop]
        assert [target["status"] for target in targets] in ([], ["EXPIRED"])
        assert trade["exit"]["type"] == "STOP_LOSS"
        assert Decimal(trade["pnl"]) < 0
    log = (home / "trade_audit.log").read_text()
    for trade in fired:
        assert any(EXECUTED in line and trade["exit"]["client_order_id"] in line for line in log.splitlines())
    with served(shell) as exchange:
        assert_books_agree(exchange, trades)
    assert run(shell, "trader status")["result"]["accounts"][0]["positions"] == []


STOP = {"method": "POST", "path": "/api/v3/order", "params": {"type": "STOP_LOSS"}, "times": 1}
CANCEL = {"method": "DELETE", "path": "/api/v3/order", "times": 1}
QUERY = {"path": "/api/v3/order", "method": "GET"}
PLANS: dict[str, list[dict[str, Any]]] = {
    "answer reset": [{"fault": "reset", "when": STOP}],
    "-1007": [{"fault": "error", "code": -1007, "when": STOP}],
    "sent twice by a proxy": [{"fault": "twice", "when": STOP}],
    "never arrived": [{"fault": "reset", "execute": False, "when": STOP}],
    "not found at first": [{"fault": "drop", "when": STOP}, {"fault": "lag", "seconds": 30}],
    "fills with the cancel": [{"fault": "cancel_race", "when": CANCEL}],
    "fills partly with the cancel": [{"fault": "cancel_race", "percent": 40, "when": CANCEL}],
    "fills with the cancel, unseen": [
        {"fault": "cancel_race", "when": CANCEL},
        {"fault": "lag", "seconds": 30},
    ],
    "cancel reset": [{"fault": "reset", "when": CANCEL}],
    "cancel never arrived": [{"fault": "reset", "execute": False, "when": CANCEL}],
    "query fails": [{"fault": "drop", "when": STOP}, {"fault": "error", "when": QUERY | {"times": 2}}],
}


@pytest.mark.parametrize("rules", PLANS.values(), ids=list(PLANS))
def test_a_trade_with_a_fault_at_its_stop_ends_flat_and_exact(
    shell: Shell, rules: list[dict[str, Any]]
) -> None:
    """Seconds of the exchange's clock are milliseconds here, so what takes it half a minute is soon over."""
    write_waves(shell.folder / "market.csv")
    shell.environ |= FAST
    run(shell, "trader stage 0")
    (shell.folder / "plan.json").write_text(json.dumps({"seed": 1, "rules": rules}))
    run(shell, "trader paper faults set plan.json")
    trades = run(shell, f"{REAL} trader stage 1")["result"]["trades"]
    faults = run(shell, "trader paper faults")["result"]
    assert all(rule["hit"] for rule in faults["rules"]), faults
    run(shell, "trader paper faults clear")
    (trade,) = trades
    assert len(trade["stops"]) == 1
    assert trade["stops"][0]["status"] in ("CANCELED", "FILLED")
    with served(shell) as exchange:
        assert_books_agree(exchange, trades)
    assert run(shell, "trader status")["result"]["accounts"][0]["unsettled"] == []


def test_the_line_of_a_trade_says_what_its_stop_sold(shell: Shell) -> None:
    run(shell, "trader stage 0")
    (shell.folder / "plan.json").write_text(json.dumps({"rules": PLANS["fills with the cancel"]}))
    run(shell, "trader paper faults set plan.json")
    exit_code, stdout, stderr = shell.run(f"{REAL} trader stage 1")
    assert exit_code == 0, stderr
    assert " by its stop, P&L " in stdout


def test_a_stop_that_the_venue_refuses_sells_the_position_and_fails_the_run(
    shell: Shell, venue: Loopback
) -> None:
    shell.environ |= venue.environ()
    run(shell, "trader stage 0")
    venue.before = refuse_stops(-1013, b"Filter failure: MAX_NUM_ALGO_ORDERS")
    document = run(shell, f"{REAL} trader stage 1", exit_code=6)
    assert "MAX_NUM_ALGO_ORDERS" in document["error"]["message"]
    assert document["error"]["message"].endswith("; the position was sold at once")
    assert document["result"]["evidence_id"] is None
    assert_books_agree(venue, document["result"]["trades"])
    assert venue.orders == ["POST"] * 3


def test_a_price_that_is_through_the_stop_already_is_an_exit(shell: Shell, venue: Loopback) -> None:
    shell.environ |= venue.environ()
    run(shell, "trader stage 0")
    venue.before = refuse_stops(-2010, b"Order would trigger immediately.")
    exit_code, _, stderr = shell.run(f"{REAL} trader stage 1")
    assert exit_code == 0, stderr
    assert "through the stop" in stderr
    assert "selling at once" in stderr
    assert venue.ask("/api/v3/openOrders") == []


def refuse_stops(code: int, text: bytes) -> Any:
    def refuse(request: HttpRequest) -> HttpAnswer | None:
        if request.path != "/api/v3/order" or b"type=STOP_LOSS" not in request.body:
            return None
        return HttpAnswer(400, b'{"code":%d,"msg":"%s"}' % (code, text))

    return refuse


def test_where_only_stops_with_a_limit_are_listed_they_protect(shell: Shell, venue: Loopback) -> None:
    shell.environ |= venue.environ()
    venue.spoil = when("exchangeInfo", edited(b'"STOP_LOSS",', b""))
    run(shell, "trader stage 0")
    trades = run(shell, f"{REAL} trader stage 1")["result"]["trades"]
    assert [stop["type"] for stop in trades[0]["stops"]] == ["STOP_LOSS_LIMIT"]
    assert_books_agree(venue, trades)


def test_a_bare_acknowledgement_is_no_answer_and_is_asked_about(shell: Shell, venue: Loopback) -> None:
    def acknowledge(request: HttpRequest, answer: HttpAnswer) -> HttpAnswer:
        if request.method != "POST" or b"type=STOP_LOSS" not in request.body or answer.status != 200:
            return answer
        told = json.loads(answer.body)
        names = ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")
        return HttpAnswer(200, json.dumps({name: told[name] for name in names if name in told}).encode())

    shell.environ |= venue.environ()
    run(shell, "trader stage 0")
    venue.spoil = acknowledge
    trades = run(shell, f"{REAL} trader stage 1")["result"]["trades"]
    assert_books_agree(venue, trades)
    assert venue.orders == ["POST", "POST", "DELETE", "POST"]


def test_a_symbol_without_room_for_a_stop_closes_the_gate(shell: Shell, venue: Loopback) -> None:
    shell.environ |= venue.environ()
    run(shell, "trader stage 0")
    for number in range(5):
        place(
            venue,
            f"by-hand-{number}",
            side="SELL",
            type="STOP_LOSS",
            price="",
            timeInForce="",
            stopPrice="20000",
        )
    document = run(shell, f"{REAL} trader stage 1", exit_code=4)
    gate = next(gate for gate in document["result"]["gates"] if gate["name"] == "protective-stop")
    assert (gate["result"], gate["detail"]) == ("fail", "5 of 5 stops are open on BTCUSDT")
    assert document["error"]["details"]["gates"] == ["protective-stop"]


def test_what_protects_a_position_is_shown_and_outlives_the_command(shell: Shell) -> None:
    write_waves(shell.folder / "market.csv")
    shell.environ |= FAST
    run(shell, "trader stage 0")
    with spawned(shell, "stage", "1", "--entry", "signal", BINANCE_DRY_RUN="false") as stage:
        (held,) = read_until(stage.stderr, "protected by")[-1:]
        stage.send_signal(signal.SIGKILL)
        assert ended(stage)[0] == -signal.SIGKILL
    cover = held.partition(", ")[2].strip()
    assert cover.startswith("protected by STOP_LOSS 0.0")
    exit_code, stdout, stderr = shell.run("trader status")
    assert (exit_code, stderr.count("error")) == (0, 0)
    assert cover in stdout
    (position,) = run(shell, "trader status")["result"]["accounts"][0]["positions"]
    (stop,) = position["protection"]["stops"]
    assert (stop["type"], stop["status"], position["protection"]["whole"]) == ("STOP_LOSS", "ACCEPTED", True)
    assert stop["client_order_id"] in cover
    assert Decimal(position["quantity"]) >= Decimal(stop["quantity"])
    (gate,) = run(shell, f"{REAL} trader check --only positions")["result"]["gates"]
    assert cover in gate["detail"]

    # The next stage takes the stop away and sells what it guarded, before it buys.
    exit_code, _, stderr = shell.run(f"{REAL} trader stage 1")
    assert exit_code == 0, stderr
    assert "an earlier command left" in stderr
    with served(shell) as exchange:
        assert exchange.ask("/api/v3/openOrders") == []
        assert exchange.placed()[stop["client_order_id"]]["status"] in ("CANCELED", "FILLED")


def test_check_asks_the_venue_whether_the_stop_still_rests(shell: Shell, venue: Loopback) -> None:
    shell.environ |= venue.environ()
    run(shell, "trader stage 0")
    leave_a_protected_position(shell, venue)
    assert shell.run("trader status")[0] == 0
    assert shell.run(f"{REAL} trader check --only positions")[0] == 0
    (stop,) = venue.ask("/api/v3/openOrders")
    venue.send("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId=stop["clientOrderId"])
    document = run(shell, f"{REAL} trader check --only positions", exit_code=5)
    assert f"no longer open at the venue: {stop['clientOrderId']}" in document["result"]["gates"][0]["detail"]


def test_selling_that_fails_leaves_the_stop_where_it_is_and_says_so(shell: Shell, venue: Loopback) -> None:
    shell.environ |= venue.environ()
    run(shell, "trader stage 0")
    document = leave_a_protected_position(shell, venue)
    (stop,) = venue.ask("/api/v3/openOrders")
    message = document["error"]["message"]
    quantity = decimal_text(Decimal(stop["origQty"]))
    assert f"is left open, protected by STOP_LOSS {quantity} at " in message
    assert stop["clientOrderId"] in message
    assert document["error"]["details"]["protection"] in message


def leave_a_protected_position(shell: Shell, venue: Loopback) -> dict[str, Any]:
    """Run a stage whose cancels the venue does not take."""

    def refuse_cancels(request: HttpRequest) -> HttpAnswer | None:
        return HttpAnswer(403, b"<html>not now</html>") if request.method == "DELETE" else None

    venue.before = refuse_cancels
    document = run(shell, f"{REAL} trader stage 1", exit_code=9)
    venue.before = nothing_before
    return document
