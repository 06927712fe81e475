"""The official SDK, unmodified: REST with its strict models, the WebSocket API, streams."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import pytest

from tests.exchanges.clients.conftest import Venue, check_transcript
from tests.exchanges.clients.recorder import Recorder

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
LOW = 50_000.0
BID = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "time_in_force": "GTC"}


def sdk(recorder: Recorder) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from binance_common.configuration import (
            ConfigurationRestAPI,
            ConfigurationWebSocketAPI,
            ConfigurationWebSocketStreams,
        )
        from binance_sdk_spot.spot import Spot

    keys = {"api_key": recorder.endpoint.api_key, "api_secret": recorder.endpoint.api_secret}
    return Spot(
        config_rest_api=ConfigurationRestAPI(**keys, base_path=recorder.rest, timeout=10_000),
        config_ws_api=ConfigurationWebSocketAPI(**keys, stream_url=recorder.ws_api),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=recorder.stream),
    )


def _trade_over_rest(api: Any) -> None:
    assert api.exchange_info(symbol="BTCUSDT").data().symbols[0].base_asset == "BTC"
    assert len(api.klines(symbol="BTCUSDT", interval="1h", limit=3).data()) == 3
    assert len(api.depth(symbol="BTCUSDT", limit=5).data().bids) == 5
    bought = api.new_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.001).data()
    assert bought.status == "FILLED"
    assert bought.fills[0].commission_asset == "BTC"
    bid = api.new_order(**BID, quantity=0.0002, price=LOW).data()
    stop = api.new_order(
        symbol="BTCUSDT",
        side="SELL",
        type="STOP_LOSS_LIMIT",
        time_in_force="GTC",
        quantity=0.0002,
        price=LOW,
        stop_price=LOW,
    ).data()
    found = api.get_open_orders(symbol="BTCUSDT").data()
    assert {order.order_id for order in found} == {bid.order_id, stop.order_id}
    assert api.get_order(symbol="BTCUSDT", order_id=bid.order_id).data().status == "NEW"
    assert api.delete_order(symbol="BTCUSDT", order_id=bid.order_id).data().status == "CANCELED"
    working = {"working_type": "LIMIT", "working_side": "BUY", "working_time_in_force": "GTC"}
    sale = {"pending_type": "MARKET", "pending_side": "SELL"}
    paid = api.order_list_opo(
        symbol="BTCUSDT", **working, working_price=LOW, working_quantity=0.0002, **sale
    ).data()
    assert (paid.contingency_type, paid.order_reports[1].status) == ("OTO", "PENDING_NEW")
    api.delete_open_orders(symbol="BTCUSDT")
    assert api.my_trades(symbol="BTCUSDT").data()[0].is_buyer is True
    balances = {row.asset: row.free for row in api.get_account(omit_zero_balances=True).data().balances}
    assert float(balances["BTC"]) > 0
    from binance_common.errors import BadRequestError

    with pytest.raises(BadRequestError, match="insufficient balance"):
        api.new_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=1)


async def test_rest(venue: Venue) -> None:
    async with venue() as recorder:
        await asyncio.to_thread(_trade_over_rest, sdk(recorder).rest_api)
        check_transcript("official_sdk_rest", recorder)


async def test_the_websocket_api(venue: Venue) -> None:
    async with venue() as recorder:
        client = sdk(recorder)
        connection = await client.websocket_api.create_connection()
        try:
            placed = (
                await connection.order_place(
                    symbol="BTCUSDT",
                    side="BUY",
                    type="LIMIT",
                    time_in_force="GTC",
                    quantity=0.0002,
                    price=LOW,
                )
            ).data()
            assert placed.result.status == "NEW"
            found = (await connection.order_status(symbol="BTCUSDT", order_id=placed.result.order_id)).data()
            assert found.result.executed_qty == "0.00000000"
            canceled = await connection.order_cancel(symbol="BTCUSDT", order_id=placed.result.order_id)
            assert canceled.data().result.status == "CANCELED"
        finally:
            await connection.close_connection(close_session=True)
        check_transcript("official_sdk_ws_api", recorder)


async def test_streams(venue: Venue) -> None:
    async with venue() as recorder:
        client = sdk(recorder)
        connection = await client.websocket_streams.create_connection()
        told: asyncio.Queue[Any] = asyncio.Queue()
        try:
            ticker = await connection.book_ticker(symbol="btcusdt")
            ticker.on("message", told.put_nowait)
            kline = await connection.kline(symbol="btcusdt", interval="1m")
            kline.on("message", told.put_nowait)
            async with asyncio.timeout(8):
                seen: set[str] = set()
                while len(seen) < 2:
                    seen.add(type(await told.get()).__name__)
            assert seen == {"BookTickerResponse", "KlineResponse"}
        finally:
            await connection.close_connection(close_session=True)
        check_transcript("official_sdk_streams", recorder)
