"""Two homes, one key: the real program, twice, against an exchange that outlives both."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock
from core.ids import client_order_id
from core.secrets import Secret
from core.signing_key import SigningKey
from exchanges.binance.client import open_binance

TRADER = (sys.executable, "-m", "cli.main")
REPOSITORY = Path(__file__).resolve().parent.parent.parent
PATIENCE_S = 60


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[dict[str, str]]:
    command = [*TRADER, "paper", "serve", "--state", str(tmp_path / "exchange"), "--json"]
    served = subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert served.stdout is not None
    yield json.loads(served.stdout.readline())
    served.send_signal(signal.SIGTERM)
    served.communicate()


class Home:
    """One home of the same user, with the same key."""

    def __init__(self, folder: Path, exchange: dict[str, str]) -> None:
        self.environ = os.environ | {
            "TRADER_HOME": str(folder),
            "TRADER_VENUE": "binance",
            "BINANCE_BASE_URL": exchange["rest"],
            "BINANCE_TESTNET_API_KEY": exchange["api_key"],
            "BINANCE_TESTNET_API_SECRET": exchange["api_secret"],
        }

    def start(self, *words: str, dry_run: bool = False) -> subprocess.Popen[str]:
        environ = self.environ | {"BINANCE_DRY_RUN": str(dry_run).lower()}
        return subprocess.Popen(
            [*TRADER, *words],
            cwd=REPOSITORY,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, dict[str, Any]]:
        process = self.start(*words, "--json")
        stdout, _ = process.communicate(timeout=PATIENCE_S)
        return process.returncode, json.loads(stdout)


@pytest.fixture
def homes(tmp_path: Path, exchange: dict[str, str]) -> tuple[Home, Home]:
    homes = Home(tmp_path / "one", exchange), Home(tmp_path / "other", exchange)
    rehearsals = [home.start("stage", "0", dry_run=True) for home in homes]
    for rehearsal in rehearsals:
        _, stderr = rehearsal.communicate(timeout=PATIENCE_S)
        assert rehearsal.returncode == 0, stderr
    return homes


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Read what the program says, past Python's buffers, until the words come."""
    assert process.stdout is not None
    said = b""
    while words.encode() not in said:
        assert select.select([process.stdout], [], [], PATIENCE_S)[0], f"it only said {said!r}"
        new = os.read(process.stdout.fileno(), 4_096)
        assert new, f"it ended after {said!r}"
        said += new


def test_two_homes_with_one_key_do_not_trade_at_once(homes: tuple[Home, Home]) -> None:
    one, other = homes
    soaking = one.start("stage", "1", "--trades", "2", "--soak", "1h")
    try:
        wait_for(soaking, "1/2")
        exit_code, document = other.run("stage", "1")
        assert (exit_code, document["error"]["code"]) == (4, "LEASE_HELD")
        assert document["error"]["details"]["pid"] == soaking.pid
        assert "`trader stage`" in document["error"]["message"]
        assert document["result"]["trades"] == []
        # Who only reads needs no lease.
        assert other.run("status")[0] == 0
    finally:
        soaking.kill()
        soaking.communicate()
    exit_code, document = other.run("stage", "1")
    assert (exit_code, document["error"]) == (0, None)


async def test_an_order_of_another_installation_closes_the_stage(
    homes: tuple[Home, Home], exchange: dict[str, str]
) -> None:
    key = SigningKey(Secret(exchange["api_key"]), Secret(exchange["api_secret"]))
    stranger = client_order_id("f123456789abcdef", 7)
    async with open_binance(exchange["rest"], key, SystemClock()) as venue:
        await venue.trading._session.create_order(  # type: ignore[attr-defined]  # what another machine sent
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            quantity="0.001",
            price=round((await venue.market_data.average_price("BTCUSDT")) * Decimal("0.9"), 2),
            newClientOrderId=stranger,
            recvWindow=5_000,
            timestamp=SystemClock().now_ms(),
        )
    exit_code, document = homes[0].run("stage", "1")
    assert (exit_code, document["error"]["code"]) == (4, "GATE_CLOSED")
    closed = [gate["name"] for gate in document["result"]["gates"] if gate["result"] != "pass"]
    assert "second-machine" in closed
    assert stranger in document["error"]["message"]
