"""Several processes share one account; a killed one loses nothing it acknowledged."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from tests.conftest import REPOSITORY
from tests.exchanges.paper.serving import wall_clock_ms
from tests.exchanges.paper.venue import sign


@dataclass
class Server:
    """A server process."""

    process: subprocess.Popen[str]
    rest: str
    api_key: str
    secret: str

    async def ask(self, session: aiohttp.ClientSession, method: str, path: str, **params: Any) -> Any:
        query = "&".join(f"{name}={value}" for name, value in params.items())
        query += f"{'&' if query else ''}timestamp={wall_clock_ms()}&recvWindow=60000"
        url = URL(f"{self.rest}{path}?{query}&signature={sign(self.secret, query)}", encoded=True)
        async with session.request(method, url, headers={"X-MBX-APIKEY": self.api_key}) as response:
            return await response.json()


@contextmanager
def server(directory: Path) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.exchanges.paper.serving", str(directory)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Server(process, *json.loads(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


def order(number: int) -> dict[str, Any]:
    """Return a small order: every fourth rests, the others trade."""
    if number % 4 == 0:
        resting = {"type": "LIMIT", "timeInForce": "GTC", "price": "20.00", "side": "BUY"}
        return {"symbol": "LTCUSDT", "quantity": "0.300", **resting}
    side = "BUY" if number % 4 < 3 else "SELL"
    return {"symbol": "BTCUSDT", "quantity": "0.001", "type": "MARKET", "side": side}


async def test_two_servers_share_one_account(tmp_path: Path) -> None:
    with server(tmp_path) as one, server(tmp_path) as other:
        assert (one.api_key, one.secret) == (other.api_key, other.secret)
        async with aiohttp.ClientSession() as session:
            before = await one.ask(session, "GET", "/api/v3/account")

            async def trade(on: Server, client: int) -> list[Any]:
                return [
                    await on.ask(session, "POST", "/api/v3/order", **order(client + number))
                    for number in range(20)
                ]

            placed = await asyncio.gather(
                *(trade(each, client) for client in range(4) for each in (one, other))
            )
            accounts = [await each.ask(session, "GET", "/api/v3/account") for each in (one, other)]
            assert accounts[0] == accounts[1]
            orders = {
                symbol: await other.ask(session, "GET", "/api/v3/allOrders", symbol=symbol, limit=1000)
                for symbol in ("BTCUSDT", "LTCUSDT")
            }
            trades = await one.ask(session, "GET", "/api/v3/myTrades", symbol="BTCUSDT", limit=1000)
    acknowledged = [answer for answers in placed for answer in answers]
    assert all("orderId" in answer for answer in acknowledged)
    for symbol, rows in orders.items():
        ids = sorted(answer["orderId"] for answer in acknowledged if answer["symbol"] == symbol)
        assert ids == [row["orderId"] for row in rows] == list(range(1, len(rows) + 1))
    assert len({trade["id"] for trade in trades}) == len(trades)
    assert held(accounts[0], "BTC") == held(before, "BTC") + sum(map(base_change, trades))


def held(account: dict[str, Any], asset: str) -> Decimal:
    row = next(row for row in account["balances"] if row["asset"] == asset)
    return Decimal(row["free"]) + Decimal(row["locked"])


def base_change(trade: dict[str, Any]) -> Decimal:
    fee = Decimal(trade["commission"]) if trade["commissionAsset"] == "BTC" else Decimal(0)
    return (1 if trade["isBuyer"] else -1) * Decimal(trade["qty"]) - fee


async def acknowledged_until_killed(directory: Path) -> list[dict[str, Any]]:
    """Trade with six clients, kill the server amid that, and return what it had acknowledged."""
    acknowledged: list[dict[str, Any]] = []
    enough = asyncio.Event()
    with server(directory) as victim:

        async def trade(session: aiohttp.ClientSession, number: int) -> None:
            while True:
                acknowledged.append(await victim.ask(session, "POST", "/api/v3/order", **order(number)))
                number += 1
                if len(acknowledged) == 40:
                    enough.set()

        async with aiohttp.ClientSession() as session:
            clients = [asyncio.create_task(trade(session, client)) for client in range(6)]
            await enough.wait()
            os.kill(victim.process.pid, signal.SIGKILL)
            ended = await asyncio.gather(*clients, return_exceptions=True)
        assert all(isinstance(end, aiohttp.ClientError) for end in ended), ended
    return acknowledged


async def test_sigkill_loses_nothing_acknowledged(tmp_path: Path) -> None:
    acknowledged = [answer for kills in range(3) for answer in await acknowledged_until_killed(tmp_path)]
    with server(tmp_path) as survivor:
        async with aiohttp.ClientSession() as session:
            for symbol in ("BTCUSDT", "LTCUSDT"):
                rows = await survivor.ask(session, "GET", "/api/v3/allOrders", symbol=symbol, limit=1000)
                found = {row["orderId"]: row for row in rows}
                assert list(found) == list(range(1, len(found) + 1))
                for answer in acknowledged:
                    if answer["symbol"] == symbol:
                        row = found[answer["orderId"]]
                        assert row["clientOrderId"] == answer["clientOrderId"]
                        assert row["executedQty"] == answer["executedQty"]
    assert len(acknowledged) > 100
