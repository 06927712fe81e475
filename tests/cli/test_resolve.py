"""`trader resolve` after a stage lost an answer and could not ask for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchanges.paper.dialects.binance import HttpAnswer, HttpRequest
from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, edited, serving, untouched, when

ABOUT_ORDERS = ("order", "Orders", "myTrades")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Loopback]:
    with serving(tmp_path / "venue") as loopback:
        yield loopback


def run(shell: Shell, command: str, exit_code: int = 0) -> dict[str, Any]:
    got, stdout, stderr = shell.run(f"{command} --json")
    assert got == exit_code, stdout + stderr
    document: dict[str, Any] = json.loads(stdout)
    return document


@pytest.fixture
def unknown(shell: Shell, venue: Loopback) -> str:
    """Buy without learning of it; return the order's client_order_id."""
    shell.environ |= venue.environ()
    run(shell, "trader stage 0")
    broken: list[str] = []

    def break_off(request: HttpRequest, answer: HttpAnswer) -> HttpAnswer | None:
        if request.method == "POST" and b"side=BUY" in request.body:
            broken.append(request.path)
        return None if broken and request.path.endswith(ABOUT_ORDERS) else answer

    venue.spoil = break_off
    document = run(shell, "BINANCE_DRY_RUN=false trader stage 1", 8)
    venue.spoil = untouched
    return str(document["error"]["details"]["client_order_id"])


def test_nothing_to_settle_says_where_it_looked(shell: Shell) -> None:
    run(shell, "trader stage 0")
    exit_code, stdout, stderr = shell.run("trader resolve")
    assert (exit_code, stdout) == (0, "")
    assert "nothing is unsettled on paper:testnet:paper:" in stderr


def test_a_lost_order_is_found_booked_and_never_sent_again(
    shell: Shell, venue: Loopback, unknown: str
) -> None:
    sent = venue.orders.count("POST")
    document = run(shell, "trader resolve", 9)  # it bought, and no stop protects that yet
    (order,) = document["result"]["orders"]
    assert (order["client_order_id"], order["verdict"], order["status"]) == (unknown, "found", "FILLED")
    assert document["result"]["unsettled"] == []
    assert document["error"]["code"] == "POSITION_OPEN"
    assert venue.orders.count("POST") == sent
    run(shell, "BINANCE_DRY_RUN=false trader stage 1")
    run(shell, "trader resolve")


def test_the_next_stage_settles_by_itself_and_goes_on(shell: Shell, venue: Loopback, unknown: str) -> None:
    exit_code, _, stderr = shell.run("BINANCE_DRY_RUN=false trader stage 1")
    assert exit_code == 0, stderr
    assert f"{unknown} on BTCUSDT: FILLED" in stderr
    assert "an earlier command left" in stderr


def test_a_doubt_waits_for_a_human_who_decides_with_a_reason(
    shell: Shell, venue: Loopback, unknown: str
) -> None:
    mangled = edited(b'"side":"BUY"', b'"side":"SELL"')
    venue.spoil = when("/api/v3/order", mangled, "GET")
    document = run(shell, "trader resolve", 8)
    assert document["result"]["orders"][0]["verdict"] == "quarantined"
    assert [each["symbol"] for each in document["result"]["quarantined"]] == ["BTCUSDT"]
    assert "--import-trades" in document["error"]["hint"]
    assert "quarantined    BTCUSDT since " in shell.run("trader status")[1]
    (held,) = run(shell, "trader status", 8)["result"]["accounts"][0]["quarantined"]
    assert "side SELL, not BUY" in held["reason"]
    sent = venue.orders.count("POST")
    refused = run(shell, "BINANCE_DRY_RUN=false trader stage 1", 4)["error"]
    assert "unsettled" in refused["details"]["gates"]
    assert venue.orders.count("POST") == sent

    venue.spoil = untouched
    decide = f'trader resolve {unknown} --reason "one order on the page, a BUY"'
    assert run(shell, decide, 4)["error"]["code"] == "NOT_CONFIRMED"
    result = run(shell, f"{decide} --yes", 9)["result"]
    assert (result["orders"][0]["verdict"], result["released"]) == ("found", ["BTCUSDT"])
    run(shell, "BINANCE_DRY_RUN=false trader stage 1")
    run(shell, "trader audit verify")


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        ("--import-trades abc", 2, "abc are no trade ids"),
        ("--import-trades 7", 2, "need the ORDER they are about"),
        ("tr1-1 --write-off", 2, "a decision needs its --reason"),
        ("--reason ' '", 2, "--reason was empty"),
        ("--wait soon", 2, "--wait"),
        ("tr1-1", 3, "has no order 'tr1-1'"),
    ],
)
def test_what_was_typed_wrong_is_named(shell: Shell, words: str, exit_code: int, said: str) -> None:
    got, stdout, stderr = shell.run(f"trader resolve {words}")
    assert (got, stdout) == (exit_code, "")
    assert said in stderr
