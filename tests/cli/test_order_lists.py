"""Stop and target as one order list at the venue, from the outside: fills, faults, and killed commands."""

from __future__ import annotations

import json
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exchanges.paper.dialects.binance import HttpAnswer, HttpRequest
from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, nothing_before, serving, untouched
from tests.cli.markets import write_leaps, write_rise, write_waves
from tests.cli.spawned import ended, read_until, spawned
from tests.cli.test_protection import FAST, REAL, assert_books_agree, run, served

OCO = {"method": "POST", "path": "/api/v3/orderList/oco", "times": 1}
SIGNAL = f"{REAL} trader stage 1 --entry signal"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def of_type(orders: dict[str, dict[str, Any]], start: str) -> list[dict[str, Any]]:
    return [order for order in orders.values() if order["type"].startswith(start)]


def test_a_target_that_fills_is_the_exit_and_its_stop_is_gone(shell: Shell) -> None:
    write_leaps(shell.folder / "market.csv")
    shell.environ |= FAST
    run(shell, "trader stage 0")
    trades = run(shell, SIGNAL)["result"]["trades"]
    reached = [trade for trade in trades if trade["exit"]["type"] == "LIMIT_MAKER"]
    assert reached, [[stop["status"] for stop in trade["stops"]] for trade in trades]
    for trade in reached:
        stop, target = trade["stops"]
        assert (stop["status"], target["status"]) == ("EXPIRED", "FILLED")
        assert trade["exits"] == [target]
        assert Decimal(trade["pnl"]) > 0
    with served(shell) as exchange:
        assert_books_agree(exchange, trades)
    assert run(shell, f"{REAL} trader reconcile")["ok"]


PLANS: dict[str, list[dict[str, Any]]] = {
    "answer reset": [{"fault": "reset", "when": OCO}],
    "-1007": [{"fault": "error", "code": -1007, "when": OCO}],
    "entry fills partly": [
        {"fault": "partial", "percent": 70, "when": {"method": "POST", "path": "/api/v3/order", "times": 1}}
    ],
    "not found at first": [{"fault": "drop", "when": OCO}, {"fault": "lag", "seconds": 30}],
    "cancel reset": [
        {"fault": "reset", "when": {"method": "DELETE", "path": "/api/v3/orderList", "times": 1}}
    ],
}


QUICK = "answer reset"


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(rules, id=name, marks=() if name == QUICK else pytest.mark.slow)
        for name, rules in PLANS.items()
    ],
)
def test_a_trade_with_a_fault_at_its_list_ends_flat_and_exact(
    shell: Shell, rules: list[dict[str, Any]]
) -> None:
    write_waves(shell.folder / "market.csv")
    shell.environ |= FAST
    run(shell, "trader stage 0")
    (shell.folder / "plan.json").write_text(json.dumps({"seed": 1, "rules": rules}))
    run(shell, "trader paper faults set plan.json")
    trades = run(shell, SIGNAL)["result"]["trades"]
    faults = run(shell, "trader paper faults")["result"]
    assert all(rule["hit"] for rule in faults["rules"]), faults
    run(shell, "trader paper faults clear")
    with served(shell) as exchange:
        assert exchange.ask("/api/v3/openOrders") == []
        assert exchange.ask("/api/v3/openOrderList") == []
        assert_books_agree(exchange, trades)
    assert run(shell, "trader status")["result"]["accounts"][0]["unsettled"] == []


def test_a_stop_is_moved_up_and_never_down_and_the_books_agree(shell: Shell) -> None:
    # It only rises: on a busy machine the fast clock could pass a stop before it is moved there.
    write_rise(shell.folder / "market.csv")
    moving = {"TRADER_TRAIL_FROM": "0.0005", "TRADER_TRAIL_BY": "0.001", "TRADER_MAX_HOLD": "30m"}
    shell.environ |= FAST | moving
    run(shell, "trader stage 0")
    exit_code, stdout, stderr = shell.run(f"{SIGNAL} --json")
    assert exit_code == 0, stderr
    (trade,) = json.loads(stdout)["result"]["trades"]
    assert "was moved to" in stderr
    with served(shell) as exchange:
        placed = exchange.placed()
        assert_books_agree(exchange, [trade])
    prices = [
        Decimal(placed[stop["client_order_id"]]["stopPrice"])
        for stop in trade["stops"]
        if stop["type"] == "STOP_LOSS"
    ]
    assert len(prices) > 1
    assert prices == sorted(set(prices))
    assert run(shell, f"{REAL} trader reconcile")["ok"]


def test_a_list_outlives_its_command_and_is_known_by_the_next(shell: Shell) -> None:
    write_waves(shell.folder / "market.csv")
    shell.environ |= FAST
    run(shell, "trader stage 0")
    with spawned(shell, "stage", "1", "--entry", "signal", BINANCE_DRY_RUN="false") as stage:
        (held,) = read_until(stage.stderr, "protected by")[-1:]
        stage.send_signal(signal.SIGKILL)
        assert ended(stage)[0] == -signal.SIGKILL
    assert ", target LIMIT_MAKER " in held
    (position,) = run(shell, "trader status")["result"]["accounts"][0]["positions"]
    (stop,), (target,) = position["protection"]["stops"], position["protection"]["targets"]
    assert (stop["type"], target["type"]) == ("STOP_LOSS", "LIMIT_MAKER")
    exit_code, _, stderr = shell.run(f"{REAL} trader check --only positions")
    assert exit_code == 0, stderr
    exit_code, _, stderr = shell.run(f"{REAL} trader stage 1")
    assert exit_code == 0, stderr
    assert "an earlier command left" in stderr
    with served(shell) as exchange:
        assert exchange.ask("/api/v3/openOrders") == []
        placed = exchange.placed()
        ends = {placed[each["client_order_id"]]["status"] for each in (stop, target)}
        assert ends <= {"CANCELED", "FILLED", "EXPIRED"}


@pytest.mark.parametrize("arrives", [False, True], ids=["before it is sent", "before it is answered"])
def test_killed_at_its_list_the_next_command_says_what_protects_and_sells(
    shell: Shell, tmp_path: Path, arrives: bool
) -> None:
    write_rise(shell.folder / "market.csv")
    with serving(tmp_path / "venue", market=shell.folder / "market.csv") as venue:
        shell.environ |= venue.environ() | {"TRADER_BAR": "1m"}
        run(shell, "trader stage 0")
        killed_at_the_list(shell, venue, arrives=arrives)
        bought = of_type(venue.placed(), "LIMIT")[0]
        exit_code, stdout, _ = shell.run("trader status")
        assert (exit_code, "protected by nothing" in stdout) == (8, True)  # nobody has asked yet
        exit_code, stdout, stderr = shell.run(f"{REAL} trader resolve --wait 1s")
        assert (exit_code, (stdout + stderr).count("ACCEPTED")) == ((0, 2) if arrives else (8, 0))
        assert len(venue.ask("/api/v3/openOrders")) == (2 if arrives else 0)
        if arrives:
            assert shell.run("trader cancel-all --keep-stops --yes")[0] == 0
            assert len(venue.ask("/api/v3/openOrders")) == 2
        exit_code, stdout, _ = shell.run("trader flatten --yes")
        assert exit_code == (0 if arrives else 8), stdout
        assert venue.ask("/api/v3/openOrders") == []
        if arrives:
            sold = of_type(venue.placed(), "MARKET")
            assert Decimal(sold[0]["executedQty"]) <= Decimal(bought["executedQty"])


def killed_at_the_list(shell: Shell, venue: Loopback, *, arrives: bool) -> None:
    """Run a stage, and kill it when its list arrives: before the venue serves it, or before it answers."""

    def kill(request: HttpRequest) -> None:
        if request.path == OCO["path"]:
            stage.kill()

    def before(request: HttpRequest) -> HttpAnswer | None:
        if request.path != OCO["path"] or arrives:
            return None
        kill(request)
        return HttpAnswer(503, b"")

    def after(request: HttpRequest, answer: HttpAnswer) -> HttpAnswer:
        kill(request)
        return answer

    venue.before, venue.spoil = before, after
    with spawned(shell, "stage", "1", "--entry", "signal", BINANCE_DRY_RUN="false") as stage:
        assert ended(stage)[0] == -signal.SIGKILL
    venue.before, venue.spoil = nothing_before, untouched
