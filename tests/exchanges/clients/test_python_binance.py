"""python-binance, unmodified but for its addresses: REST, market and user sockets, the WebSocket API."""

from __future__ import annotations

import asyncio
import itertools
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from tests.exchanges.clients.conftest import Venue, check_transcript
from tests.exchanges.clients.recorder import Recorder

with warnings.catch_warnings():
    # The library imports names that websockets has deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import binance
    from binance.ws.depthcache import DepthCacheManager
    from binance.ws.reconnecting_websocket import ReconnectingWebsocket

LOW = "50000.00"


@pytest.fixture(autouse=True)
def _sockets_that_close_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library notices only after this time that it was told to close a socket."""
    monkeypatch.setattr(ReconnectingWebsocket, "TIMEOUT", 0.3)


@asynccontextmanager
async def connected(recorder: Recorder) -> AsyncIterator[Any]:
    class Client(binance.AsyncClient):  # type: ignore[misc]  # the library has no types
        API_URL = f"{recorder.rest}/api"
        MARGIN_API_URL = f"{recorder.rest}/sapi"
        WS_API_URL = recorder.ws_api

    class Sockets(binance.BinanceSocketManager):  # type: ignore[misc]  # the library has no types
        STREAM_URL = f"{recorder.stream}/"

    client = await Client.create(recorder.endpoint.api_key, recorder.endpoint.api_secret)
    client.sockets = Sockets(client)
    try:
        yield client
    finally:
        await client.close_connection()


async def heard(socket: Any) -> Any:
    async with asyncio.timeout(5):
        return await socket.recv()


async def test_rest(venue: Venue) -> None:
    async with venue() as recorder, connected(recorder) as api:
        info = await api.get_exchange_info()
        assert {"BTCUSDT", "ETHBTC"} <= {symbol["symbol"] for symbol in info["symbols"]}
        assert len(await api.get_klines(symbol="BTCUSDT", interval="1h", limit=3)) == 3
        assert len(await api.get_recent_trades(symbol="BTCUSDT", limit=3)) == 3
        assert len(await api.get_aggregate_trades(symbol="BTCUSDT", limit=3)) == 3
        assert (await api.get_ticker(symbol="BTCUSDT"))["symbol"] == "BTCUSDT"
        assert (await api.get_avg_price(symbol="BTCUSDT"))["mins"] == 5
        before = (await api.get_asset_balance("USDT"))["free"]
        bought = await api.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100")
        assert bought["status"] == "FILLED"
        assert float((await api.get_asset_balance("USDT"))["free"]) < float(before)
        bid = await api.create_order(
            symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.0002", price=LOW
        )
        stop = await api.create_order(
            symbol="BTCUSDT",
            side="SELL",
            type="STOP_LOSS_LIMIT",
            timeInForce="GTC",
            quantity="0.0002",
            price=LOW,
            stopPrice=LOW,
        )
        assert {order["orderId"] for order in await api.get_open_orders(symbol="BTCUSDT")} == {
            bid["orderId"],
            stop["orderId"],
        }
        assert (await api.cancel_order(symbol="BTCUSDT", orderId=bid["orderId"]))["status"] == "CANCELED"
        assert len(await api.cancel_all_open_orders(symbol="BTCUSDT")) == 1
        assert await api.get_my_trades(symbol="BTCUSDT")
        assert len(await api.get_all_orders(symbol="BTCUSDT")) == 3
        assert (await api.get_current_order_count())[0]["rateLimitType"] == "ORDERS"
        assert (await api.get_account_api_permissions())["enableWithdrawals"] is False
        check_transcript("python_binance_rest", recorder)


HIGH = "200000.00"
WAITING: dict[str, dict[str, str]] = {
    "LIMIT_MAKER": {"side": "BUY", "price": LOW},
    "STOP_LOSS": {"side": "SELL", "stopPrice": LOW},
    "STOP_LOSS_LIMIT": {"side": "SELL", "stopPrice": LOW, "price": LOW, "timeInForce": "GTC"},
    "TAKE_PROFIT": {"side": "SELL", "stopPrice": HIGH},
    "TAKE_PROFIT_LIMIT": {"side": "SELL", "stopPrice": HIGH, "price": HIGH, "timeInForce": "GTC"},
}


async def test_every_order_type(venue: Venue) -> None:
    """Placed, found, canceled or replaced; and the lists of several orders."""
    async with venue() as recorder, connected(recorder) as api:
        await api.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.004")
        for kind, fields in WAITING.items():
            placed = await api.create_order(symbol="BTCUSDT", type=kind, quantity="0.0002", **fields)
            found = await api.get_order(symbol="BTCUSDT", orderId=placed["orderId"])
            assert (found["type"], found["status"]) == (kind, "NEW")
            await api.cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])
        trailing = await api.create_order(
            symbol="BTCUSDT", side="SELL", type="STOP_LOSS", quantity="0.0002", trailingDelta="200"
        )
        iceberg = await api.create_order(
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            quantity="0.001",
            icebergQty="0.0002",
            price=LOW,
        )
        assert (await api.get_order(symbol="BTCUSDT", orderId=iceberg["orderId"]))[
            "icebergQty"
        ] == "0.00020000"
        replaced = await api.cancel_replace_order(
            symbol="BTCUSDT",
            side="SELL",
            type="STOP_LOSS",
            quantity="0.0002",
            stopPrice=LOW,
            cancelOrderId=trailing["orderId"],
            cancelReplaceMode="STOP_ON_FAILURE",
        )
        assert (replaced["cancelResult"], replaced["newOrderResult"]) == ("SUCCESS", "SUCCESS")
        oco = await api.create_oco_order(
            symbol="BTCUSDT",
            side="SELL",
            quantity="0.0002",
            aboveType="LIMIT_MAKER",
            abovePrice=HIGH,
            belowType="STOP_LOSS_LIMIT",
            belowPrice=LOW,
            belowStopPrice=LOW,
            belowTimeInForce="GTC",
        )
        assert (await api.get_open_oco_orders())[0]["orderListId"] == oco["orderListId"]
        gone = await api.v3_delete_order_list(symbol="BTCUSDT", orderListId=oco["orderListId"])
        assert gone["listOrderStatus"] == "ALL_DONE"
        working = {"workingType": "LIMIT", "workingSide": "BUY", "workingTimeInForce": "GTC"}
        working |= {"workingPrice": LOW, "workingQuantity": "0.001"}
        oto = await api.v3_post_order_list_oto(
            symbol="BTCUSDT",
            **working,
            pendingType="STOP_LOSS",
            pendingSide="SELL",
            pendingQuantity="0.0009",
            pendingStopPrice="40000.00",
        )
        assert {report["status"] for report in oto["orderReports"]} == {"NEW", "PENDING_NEW"}
        await api.cancel_all_open_orders(symbol="BTCUSDT")
        assert await api.get_open_orders(symbol="BTCUSDT") == []
        assert (await api.v3_get_account_commission(symbol="BTCUSDT"))["standardCommission"]
        check_transcript("python_binance_orders", recorder)


async def test_market_sockets(venue: Venue) -> None:
    async with venue() as recorder, connected(recorder) as api:
        sockets = api.sockets
        async with (
            sockets.trade_socket("BTCUSDT") as trades,
            sockets.kline_socket("BTCUSDT", "1m") as klines,
            sockets.symbol_ticker_socket("BTCUSDT") as ticker,
            sockets.depth_socket("BTCUSDT", depth=5) as depth,
            sockets.multiplex_socket(["btcusdt@aggTrade", "btcusdt@bookTicker"]) as several,
        ):
            assert (await heard(klines))["k"]["i"] == "1m"
            assert (await heard(ticker))["e"] == "24hrTicker"
            assert len((await heard(depth))["bids"]) == 5
            assert (await heard(several))["stream"] == "btcusdt@bookTicker"
            placed = await api.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")
            told = await heard(trades)
            while told["t"] != placed["fills"][0]["tradeId"]:
                told = await heard(trades)
            assert told["q"] == placed["fills"][0]["qty"]
        check_transcript("python_binance_sockets", recorder)


async def test_the_depth_cache_is_the_book(venue: Venue) -> None:
    """The library rebuilds the book from the diff stream; it must be the exchange's, number for number."""
    async with venue() as recorder, connected(recorder) as api:
        manager = DepthCacheManager(
            api, "LTCUSDT", bm=api.sockets, limit=1000, conv_type=Decimal, ws_interval=100
        )
        # The library asks for the other addresses' sockets unless it is given its own afterwards.
        manager._bm = api.sockets
        compared = 0
        turns = itertools.cycle([("BUY", "0.5"), ("SELL", "0.4")])  # the money lasts for many
        async with asyncio.timeout(10), manager as cache:
            while compared < 3:
                side, quantity = next(turns)
                await api.create_order(symbol="LTCUSDT", side=side, type="MARKET", quantity=quantity)
                book = await cache.recv()
                listed = await api.get_order_book(symbol="LTCUSDT", limit=500)
                if listed["lastUpdateId"] != manager._last_update_id:
                    continue  # the market went on between the two
                compared += 1
                assert book.get_bids()[:500] == _rows(listed["bids"])
                assert book.get_asks()[:500] == _rows(listed["asks"])


def _rows(listed: list[list[str]]) -> list[list[Decimal]]:
    return [[Decimal(price), Decimal(quantity)] for price, quantity in listed]


async def test_the_user_socket(venue: Venue) -> None:
    async with venue() as recorder, connected(recorder) as api, api.sockets.user_socket() as account:
        await asyncio.sleep(0)
        bought = await api.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")
        told = [await heard(account) for _ in range(3)]
        assert [event.get("x") for event in told] == ["NEW", "TRADE", None]
        assert told[1]["t"] == bought["fills"][0]["tradeId"]
        check_transcript("python_binance_user", recorder)


async def test_the_websocket_api(venue: Venue) -> None:
    async with venue() as recorder, connected(recorder) as api:
        assert (await api.ws_get_time())["serverTime"] > 0
        assert len((await api.ws_get_order_book(symbol="BTCUSDT", limit=5))["bids"]) == 5
        placed = await api.ws_create_order(
            symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001", price=LOW
        )
        found = await api.ws_get_order(symbol="BTCUSDT", orderId=placed["orderId"])
        assert found["status"] == "NEW"
        canceled = await api.ws_cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])
        assert canceled["status"] == "CANCELED"
        assert (await api.ws_get_account())["accountType"] == "SPOT"
        check_transcript("python_binance_ws_api", recorder)
