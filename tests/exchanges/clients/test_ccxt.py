"""ccxt and ccxt.pro, unmodified: configured as their users would, with addresses of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.exchanges.clients.conftest import Venue, check_transcript
from tests.exchanges.clients.recorder import Recorder

LOW = 50_000


@asynccontextmanager
async def connected(recorder: Recorder) -> AsyncIterator[Any]:
    from ccxt.pro import binance  # takes a second and a half

    rest, stream = recorder.rest, recorder.stream
    api = {
        "public": f"{rest}/api/v3",
        "private": f"{rest}/api/v3",
        "v1": f"{rest}/api/v1",
        "sapi": f"{rest}/sapi/v1",
        "sapiV2": f"{rest}/sapi/v2",
        "sapiV3": f"{rest}/sapi/v3",
        "sapiV4": f"{rest}/sapi/v4",
        "fapiPublic": f"{rest}/fapi/v1",
        "dapiPublic": f"{rest}/dapi/v1",
        "ws": {"spot": f"{stream}/ws", "ws-api": {"spot": recorder.ws_api}},
    }
    client = binance(
        {
            "apiKey": recorder.endpoint.api_key,
            "secret": recorder.endpoint.api_secret,
            "urls": {"api": api},
            "options": {"warnOnFetchOpenOrdersWithoutSymbol": False},
            "enableRateLimit": False,
        }
    )
    try:
        yield client
    finally:
        await client.close()


async def heard(watching: Any) -> Any:
    return await asyncio.wait_for(watching, 8)


async def test_rest_with_default_options(venue: Venue) -> None:
    async with venue() as recorder, connected(recorder) as api:
        markets = await api.load_markets()
        market = markets["BTC/USDT"]
        assert (market["active"], market["spot"], market["precision"]["price"]) == (True, True, 0.01)
        assert (await api.fetch_balance())["USDT"]["free"] == 1000
        assert len(await api.fetch_ohlcv("BTC/USDT", "15m", limit=3)) == 3
        assert len((await api.fetch_order_book("BTC/USDT", 5))["bids"]) == 5
        assert (await api.fetch_ticker("BTC/USDT"))["last"] > 0
        assert len(await api.fetch_tickers(["BTC/USDT", "ETH/BTC"])) == 2
        assert await api.fetch_trades("BTC/USDT", limit=3)
        bought = await api.create_order("BTC/USDT", "market", "buy", 0.001)
        assert bought["status"] == "closed"
        bid = await api.create_order("BTC/USDT", "limit", "buy", 0.0002, LOW)
        stop = await api.create_order("BTC/USDT", "limit", "sell", 0.0002, LOW, {"stopLossPrice": LOW})
        assert {order["id"] for order in await api.fetch_open_orders()} == {bid["id"], stop["id"]}
        assert (await api.fetch_order(bid["id"], "BTC/USDT"))["status"] == "open"
        assert (await api.cancel_order(bid["id"], "BTC/USDT"))["status"] == "canceled"
        await api.cancel_all_orders("BTC/USDT")
        assert await api.fetch_open_orders("BTC/USDT") == []
        trades = await api.fetch_my_trades("BTC/USDT")
        assert sum(trade["amount"] for trade in trades) == pytest.approx(0.001)
        assert (await api.fetch_trading_fees())["BTC/USDT"]["taker"] == 0.001
        with pytest.raises(Exception, match="insufficient balance"):
            await api.create_order("BTC/USDT", "market", "buy", 1)
        check_transcript("ccxt_rest", recorder)


async def test_streams_and_the_user_s_orders(venue: Venue) -> None:
    async with venue() as recorder, connected(recorder) as api:
        await api.load_markets()
        orders = asyncio.create_task(api.watch_orders("BTC/USDT"))
        balance = asyncio.create_task(api.watch_balance())
        trades = asyncio.create_task(api.watch_trades("BTC/USDT"))
        assert (await heard(api.watch_ticker("BTC/USDT")))["symbol"] == "BTC/USDT"
        assert len(await heard(api.watch_ohlcv("BTC/USDT", "1m"))) == 1
        placed = await heard(_bought_once(api, orders))
        told = (await heard(orders))[-1]
        assert told["id"] == placed["id"]
        assert (await heard(balance))["USDT"]["total"] < 1000
        assert (await heard(trades))[-1]["amount"] == 0.001
        over_socket = await heard(api.create_order_ws("BTC/USDT", "limit", "buy", 0.0002, LOW))
        assert over_socket["status"] == "open"
        canceled = await heard(api.cancel_order_ws(over_socket["id"], "BTC/USDT"))
        assert canceled["status"] == "canceled"
        check_transcript("ccxt_pro", recorder)


async def test_the_watched_book_is_the_listed_one(venue: Venue) -> None:
    async with venue() as recorder, connected(recorder) as api:
        await api.load_markets()
        compared = 0
        async with asyncio.timeout(15):
            book = await api.watch_order_book("LTC/USDT", 500)
            while compared < 3:
                await api.create_order("LTC/USDT", "market", "buy", 0.1)
                book = await api.watch_order_book("LTC/USDT", 500)
                listed = await api.fetch_order_book("LTC/USDT", 500)
                if listed["nonce"] != book["nonce"]:
                    continue  # the market went on between the two
                compared += 1
                assert [list(row) for row in book["bids"][:300]] == listed["bids"][:300]
                assert [list(row) for row in book["asks"][:300]] == listed["asks"][:300]


async def _bought_once(api: Any, orders: asyncio.Task[Any]) -> Any:
    """Buy, once the account is listened to: until then nothing would be told."""
    while not any("userDataStream" in url or url.endswith("/ws-api/v3") for url in api.clients):
        await asyncio.sleep(0)
    client = next(each for url, each in api.clients.items() if url.endswith("/ws-api/v3"))
    await client.connected
    while not client.subscriptions:
        await asyncio.sleep(0)
    return await api.create_order("BTC/USDT", "market", "buy", 0.001)
