"""Several processes share one account; a killed one loses nothing it acknowledged."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from exchanges.paper import PaperConfig, admin
from exchanges.paper.dialects.binance import wire
from exchanges.paper.engine import Engine
from tests.conftest import REPOSITORY
from tests.exchanges.paper.books import check_money
from tests.exchanges.paper.serving import ACCOUNTS, wall_clock_ms
from tests.exchanges.paper.venue import sign


@dataclass
class Server:
    """A server process, with a key pair of each account."""

    process: subprocess.Popen[str]
    rest: str
    ws_api: str
    keys: list[tuple[str, str]]

    async def ask(
        self, session: aiohttp.ClientSession, method: str, path: str, *, of: int = 0, **params: Any
    ) -> Any:
        api_key, secret = self.keys[of]
        query = "&".join(f"{name}={value}" for name, value in params.items())
        query += f"{'&' if query else ''}timestamp={wall_clock_ms()}&recvWindow=60000"
        url = URL(f"{self.rest}{path}?{query}&signature={sign(secret, query)}", encoded=True)
        async with session.request(method, url, headers={"X-MBX-APIKEY": api_key}) as response:
            return await response.json()

    async def hear(self, session: aiohttp.ClientSession, of: int, told: list[Any]) -> None:
        """Listen to what happens to an account until the server is gone."""
        api_key, secret = self.keys[of]
        payload = f"apiKey={api_key}&timestamp={wall_clock_ms()}"
        params = dict(pair.split("=") for pair in payload.split("&")) | {"signature": sign(secret, payload)}
        async with session.ws_connect(self.ws_api) as socket:
            await socket.send_json(
                {"id": 1, "method": "userDataStream.subscribe.signature", "params": params}
            )
            told += [message.json()["event"] async for message in socket if "event" in message.json()]


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


PAIR = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.001",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "300000",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "20000",
}


async def test_two_servers_share_one_account(tmp_path: Path) -> None:
    with server(tmp_path) as one, server(tmp_path) as other:
        assert one.keys == other.keys
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


@dataclass
class Acknowledged:
    """What an account was told before its server was killed: answers, and events."""

    orders: list[dict[str, Any]] = field(default_factory=list)
    canceled_lists: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


async def trade_until_killed(directory: Path, accounts: Sequence[Acknowledged]) -> None:
    """Trade with six clients of two accounts who listen, and kill the server amid that."""
    enough, count = asyncio.Event(), itertools.count()
    with server(directory) as victim:

        async def trade(session: aiohttp.ClientSession, client: int) -> None:
            of, own = client % 2, accounts[client % 2]
            for number in itertools.count(client // 2):
                if number % 5 == 4:
                    placed = await victim.ask(session, "POST", "/api/v3/orderList/oco", of=of, **PAIR)
                    own.orders += placed["orderReports"]
                    which = {"symbol": "BTCUSDT", "orderListId": placed["orderListId"]}
                    done = await victim.ask(session, "DELETE", "/api/v3/orderList", of=of, **which)
                    own.canceled_lists.append(done)
                else:
                    placed = await victim.ask(session, "POST", "/api/v3/order", of=of, **order(number))
                    own.orders.append(placed)
                if next(count) == 50:
                    enough.set()

        async with aiohttp.ClientSession() as session:
            ears = [victim.hear(session, of, accounts[of].events) for of in range(2)]
            clients = [trade(session, client) for client in range(6)]
            running = [asyncio.create_task(each) for each in (*clients, *ears)]
            await enough.wait()
            os.kill(victim.process.pid, signal.SIGKILL)
            ended = await asyncio.gather(*running, return_exceptions=True)
        assert all(isinstance(end, aiohttp.ClientError) for end in ended[:6]), ended
        assert ended[6:] == [None, None]


async def test_sigkill_loses_nothing_acknowledged(tmp_path: Path) -> None:
    accounts = [Acknowledged() for _ in ACCOUNTS]
    for _ in range(2):
        await trade_until_killed(tmp_path, accounts)
    config = PaperConfig(tmp_path)
    ids: defaultdict[str, set[int]] = defaultdict(set)
    with admin.opened(config, wall_clock_ms=wall_clock_ms, random_bytes=random.Random(1).randbytes) as left:
        for name, own in zip(ACCOUNTS, accounts, strict=True):
            with admin.as_account(left, name) as engine:
                check_money(engine)
                kept = {
                    (order.symbol, order.order_id): order
                    for symbol in ("BTCUSDT", "LTCUSDT")
                    for order in engine.state.orders.page(number_of(engine), symbol, limit=10_000)
                }
                fills = engine.state.fills.page(number_of(engine), "BTCUSDT", limit=10_000)
            for symbol, order_id in kept:
                ids[symbol].add(order_id)
            for answer in own.orders:
                found = kept[answer["symbol"], answer["orderId"]]
                assert found.client_order_id == answer["clientOrderId"]
                assert wire.quantity(found.symbol, found.executed) == answer["executedQty"]
            for done in own.canceled_lists:
                assert {kept["BTCUSDT", each["orderId"]].status for each in done["orders"]} == {"CANCELED"}
            reports = [event for event in own.events if event["e"] == "executionReport"]
            assert {(event["s"], event["i"]) for event in reports} <= kept.keys()
            heard = {event["t"] for event in reports if event["x"] == "TRADE"}
            assert heard <= {fill.trade_id for fill in fills}
            assert len(heard) > 20
            assert len(own.canceled_lists) > 3
    assert all(found == set(range(1, len(found) + 1)) for found in ids.values())


def number_of(engine: Engine) -> int:
    return engine.world.account.account
