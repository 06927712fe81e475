"""The served exchange: its socket, its life, its clients, and rubbish."""

from __future__ import annotations

import asyncio
import random
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.paper import PaperConfig, PaperEndpoint, serve
from exchanges.paper.dialects.binance import HttpRequest, answer
from exchanges.paper.dialects.binance.routes import ROUTES, SAPI_ROUTES
from tests.exchanges.paper.serving import wall_clock_ms
from tests.exchanges.paper.venue import Venue, Wall, open_venue, sign

with warnings.catch_warnings():
    # The library imports names that websockets has deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import binance
    from binance.exceptions import BinanceAPIException

Serve = Callable[..., AbstractAsyncContextManager[PaperEndpoint]]


@pytest.fixture
def served(tmp_path: Path) -> Serve:
    """Serve the state of this test on the machine's clock, which real clients keep to."""

    @asynccontextmanager
    async def serve_one(**changes: Any) -> AsyncIterator[PaperEndpoint]:
        config = PaperConfig(tmp_path / "state", **changes)
        randomness = random.Random(1).randbytes
        async with serve(config, wall_clock_ms=wall_clock_ms, random_bytes=randomness) as endpoint:
            yield endpoint

    return serve_one


async def client(endpoint: PaperEndpoint) -> binance.AsyncClient:
    class PaperClient(binance.AsyncClient):  # type: ignore[misc]  # the library has no types
        API_URL = f"{endpoint.rest}/api"
        MARGIN_API_URL = f"{endpoint.rest}/sapi"

    return await PaperClient.create(endpoint.api_key, endpoint.api_secret)


async def test_an_unmodified_python_binance_client_trades_a_round_trip(served: Serve) -> None:
    async with served(persona="mainnet") as endpoint:
        api = await client(endpoint)
        try:
            info = await api.get_symbol_info("BTCUSDT")
            assert info["quoteAsset"] == "USDT"
            book = await api.get_order_book(symbol="BTCUSDT", limit=5)
            assert float(book["asks"][0][0]) > float(book["bids"][0][0])
            bought = await api.create_order(
                symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100", newClientOrderId="entry-1"
            )
            assert bought["status"] == "FILLED"
            found = await api.get_order(symbol="BTCUSDT", origClientOrderId="entry-1")
            assert found["executedQty"] == bought["executedQty"]
            rests = await api.create_order(
                symbol="BTCUSDT",
                side="BUY",
                type="LIMIT",
                timeInForce="GTC",
                quantity="0.001",
                price="50000.00",
            )
            assert [each["orderId"] for each in await api.get_open_orders(symbol="BTCUSDT")] == [
                rests["orderId"]
            ]
            canceled = await api.cancel_order(symbol="BTCUSDT", orderId=rests["orderId"])
            assert canceled["status"] == "CANCELED"
            free = (await api.get_asset_balance("BTC"))["free"]
            quantity = f"{int(float(free) * 1e5) / 1e5:.5f}"
            sold = await api.create_order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity=quantity)
            assert sold["status"] == "FILLED"
            trades = await api.get_my_trades(symbol="BTCUSDT")
            assert [trade["isBuyer"] for trade in trades] == [True] * len(bought["fills"]) + [False] * len(
                sold["fills"]
            )
            assert (await api.get_account_api_permissions())["enableWithdrawals"] is False
            assert (await api.get_deposit_address(coin="BTC"))["address"].startswith("PAPER-")
            assert (
                await api.create_test_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")
                == {}
            )
            with pytest.raises(BinanceAPIException, match="insufficient balance") as refused:
                await api.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="1")
            assert refused.value.code == -2010
            with pytest.raises(BinanceAPIException, match="410 Gone"):
                await api.stream_get_listen_key()
        finally:
            await api.close_connection()


async def test_state_outlives_the_server(served: Serve) -> None:
    async with served() as first:
        api = await client(first)
        await api.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")
        await api.close_connection()
    async with served() as second:
        assert (first.api_key, first.api_secret) == (second.api_key, second.api_secret)
        api = await client(second)
        assert len(await api.get_my_trades(symbol="BTCUSDT")) > 0
        await api.close_connection()


async def test_headers_of_a_served_answer(served: Serve) -> None:
    async with (
        served() as endpoint,
        aiohttp.ClientSession() as session,
        session.get(f"{endpoint.rest}/api/v3/time") as response,
    ):
        assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
        assert response.headers["x-mbx-used-weight-1m"] == "1"
        assert abs((await response.json())["serverTime"] - endpoint.now_ms()) < 5_000
    assert endpoint.api_secret not in repr(endpoint)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "example.com", "::"])
async def test_only_loopback_is_served(tmp_path: Path, host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        async with serve(
            PaperConfig(tmp_path),
            host=host,
            wall_clock_ms=wall_clock_ms,
            random_bytes=random.Random(1).randbytes,
        ):
            pass
    assert list(tmp_path.glob("*.sqlite3")) == []


async def test_whoever_knows_may_listen_beyond_loopback(served: Serve, tmp_path: Path) -> None:
    async with (
        serve(
            PaperConfig(tmp_path),
            host="0.0.0.0",
            wall_clock_ms=wall_clock_ms,
            random_bytes=random.Random(1).randbytes,
            beyond_loopback=True,
        ) as endpoint,
        aiohttp.ClientSession() as session,
        session.get(endpoint.rest.replace("0.0.0.0", "127.0.0.1") + "/api/v3/ping") as response,
    ):
        assert response.status == 200


async def test_a_taken_port_is_an_os_error_and_leaves_nothing_open(served: Serve, tmp_path: Path) -> None:
    async with served() as endpoint:
        port = int(endpoint.rest.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="in use"):
            async with serve(
                PaperConfig(tmp_path / "other"),
                port=port,
                wall_clock_ms=wall_clock_ms,
                random_bytes=random.Random(1).randbytes,
            ):
                pass


async def test_a_slow_client_blocks_nobody(served: Serve) -> None:
    async with served() as endpoint, aiohttp.ClientSession() as session:
        port = int(endpoint.rest.rsplit(":", 1)[1])
        writers = []
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nsymbol=")
            await writer.drain()
            writers.append(writer)
        async with asyncio.timeout(10), session.get(f"{endpoint.rest}/api/v3/ping") as response:
            assert response.status == 200
        for writer in writers:
            writer.close()
            await writer.wait_closed()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 400),
        (b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\xff\xfe\x00=", 400),
        (b"POST /api/v3/order HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 400),
        (b"GET /api/v3/depth?symbol=%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /api/v3/depth?&&==&=&symbol HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://elsewhere/api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"PATCH /api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"BREW /api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (
            b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + b"a" * 2_000_000,
            413,
        ),
        (b"rubbish\r\n\r\n", 400),
    ],
)
async def test_raw_rubbish_is_answered_with_4xx(served: Serve, raw: bytes, status: int) -> None:
    async with served() as endpoint:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(endpoint.rest.rsplit(":", 1)[1]))
        writer.write(raw)
        line = await reader.readline()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        assert int(line.split()[1]) == status, line


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Venue:
    """A venue for many examples; what they leave behind is part of the next one's input."""
    wall = Wall()
    return open_venue(tmp_path_factory.mktemp("fuzz"), wall, persona="mainnet")


NAMES = sorted({name for route in (*ROUTES.values(), *SAPI_ROUTES.values()) for name in route.known})
values = st.one_of(
    st.sampled_from(
        ["BTCUSDT", "BUY", "SELL", "LIMIT", "MARKET", "GTC", "IOC", "1", "0.001", "50000", "true"]
    ),
    st.text(max_size=12),
    st.integers(-(2**70), 2**70).map(str),
    st.decimals(allow_nan=True).map(str),
)


@settings(max_examples=300)
@given(
    st.sampled_from([*ROUTES, *SAPI_ROUTES, ("PATCH", "/api/v3/order"), ("GET", "/../etc/passwd")]),
    st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=6)), values, max_size=7),
    st.booleans(),
    st.booleans(),
)
def test_any_parameters_give_an_answer_the_venue_could_give(
    fuzzed: Venue, endpoint: tuple[str, str], params: dict[str, str], signed: bool, in_body: bool
) -> None:
    fuzzed.wall.forward(60_000)
    method, path = endpoint
    route = ROUTES.get(endpoint) or SAPI_ROUTES.get(endpoint)
    if route is not None and signed:
        for name in route.mandatory:
            params.setdefault(name, "BTCUSDT")
    text = urlencode(params)
    if signed:
        params_ = {**params, "timestamp": str(fuzzed.exchange.now_ms())}
        params_.pop("signature", None)
        text = urlencode(params_)
        text += f"&signature={sign(fuzzed.secret, text)}"
    query, body = ("", text) if in_body and method != "GET" else (text, "")
    answered = fuzzed.send(method, path, query=query, body=body, X_MBX_APIKEY=fuzzed.api_key)
    assert answered.status in (200, 400, 401, 404, 418, 429), answered
    if answered.status not in (200, 404):
        assert set(answered.body) == {"code", "msg"}
        assert answered.code < 0


@settings(max_examples=200)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_give_an_answer(fuzzed: Venue, query: bytes, body: bytes) -> None:
    fuzzed.wall.forward(60_000)
    for method, path in (("GET", "/api/v3/klines"), ("POST", "/api/v3/order"), ("DELETE", "/api/v3/order")):
        request = HttpRequest(method, path, query, body, {}, "127.0.0.1")
        with fuzzed.exchange.transaction() as engine:
            assert answer(fuzzed.exchange, engine, request).status in (400, 401)
