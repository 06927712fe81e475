"""Two homes, one key: two processes of one machine, against an exchange that outlives both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest

from core.ids import client_order_id
from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, serving
from tests.cli.spawned import read_until, spawned


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Loopback]:
    with serving(tmp_path / "exchange") as loopback:
        yield loopback


@pytest.fixture
def homes(tmp_path: Path, exchange: Loopback) -> tuple[Shell, Shell]:
    """Two homes of the same user, with the same key, in both of which stage 0 was passed."""
    homes = Shell(folder(tmp_path / "one")), Shell(folder(tmp_path / "other"))
    for home in homes:
        home.environ |= exchange.environ() | {"TRADER_RUNTIME_DIR": str(tmp_path / "runtime")}
        assert run(home, "trader stage 0")[0] == 0
    return homes


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def run(home: Shell, command: str) -> tuple[int, dict[str, Any]]:
    exit_code, stdout, _ = home.run(f"{command} --json")
    return exit_code, json.loads(stdout)


STAGE_1 = "BINANCE_DRY_RUN=false trader stage 1"


def test_two_homes_with_one_key_do_not_trade_at_once(homes: tuple[Shell, Shell]) -> None:
    one, other = homes
    with spawned(one, "stage", "1", "--trades", "2", "--soak", "1h", BINANCE_DRY_RUN="false") as soaking:
        read_until(soaking.stdout, "1/2")
        exit_code, document = run(other, STAGE_1)
        assert (exit_code, document["error"]["code"]) == (4, "LEASE_HELD")
        assert document["error"]["details"]["pid"] == soaking.pid
        assert "`trader stage`" in document["error"]["message"]
        assert document["result"]["trades"] == []
        # Who only reads needs no lease.
        assert run(other, "trader status")[0] == 0
    exit_code, document = run(other, STAGE_1)
    assert (exit_code, document["error"]) == (0, None)


def test_an_order_of_another_installation_closes_the_stage(
    homes: tuple[Shell, Shell], exchange: Loopback
) -> None:
    stranger = client_order_id("f123456789abcdef", 7)
    with build_opener(ProxyHandler({})).open(f"{exchange.root}/api/v3/avgPrice?symbol=BTCUSDT") as answer:
        price = Decimal(json.loads(answer.read())["price"]) * Decimal("0.9")
    exchange.send(
        "POST",
        "/api/v3/order",
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.001",
        price=f"{price:.2f}",
        newClientOrderId=stranger,
    )
    exit_code, document = run(homes[0], STAGE_1)
    assert (exit_code, document["error"]["code"]) == (4, "GATE_CLOSED")
    closed = [gate["name"] for gate in document["result"]["gates"] if gate["result"] != "pass"]
    assert "second-machine" in closed
    assert stranger in document["error"]["message"]
