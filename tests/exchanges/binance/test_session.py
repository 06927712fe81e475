"""Each thing python-binance does as it comes, and must not do here, on a real socket."""

from __future__ import annotations

import base64
import gc
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from urllib.parse import parse_qs

import aiohttp
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from core.account import Environment
from core.errors import ConfigError
from core.keys.signing import SigningKey
from core.secrets import Secret
from exchanges.binance.errors import Reached, RequestFailed
from exchanges.binance.session import BinanceSession, Timeouts
from tests.exchanges.binance.scripted import (
    API_KEY,
    API_SECRET,
    PATIENT,
    SIGNING_KEY,
    FixedClock,
    Received,
    Reply,
    ScriptedServer,
    answer,
    http,
    open_venue,
    refusal,
    serve,
)

# Published with the API documents as an example; it opens nothing.
EXAMPLE_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
EXAMPLE_ORDER = {
    "symbol": "LTCBTC",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": 1,
    "price": Decimal("0.1"),
    "recvWindow": 5000,
    "timestamp": 1499827319559,
}
STAMP = {"recvWindow": 1234, "timestamp": 1_699_000_000_001}


@asynccontextmanager
async def open_session(
    server: ScriptedServer,
    key: SigningKey | None = SIGNING_KEY,
    *,
    clock: FixedClock | None = None,
    timeouts: Timeouts = PATIENT,
    environment: Environment = Environment.TESTNET,
) -> AsyncIterator[BinanceSession]:
    session = BinanceSession(server.host_as(environment), key, clock or FixedClock(), timeouts)
    try:
        yield session
    finally:
        await session.close_connection()


def signature_of(request: Received) -> str:
    return parse_qs(request.target.partition("?")[2] + request.body.decode())["signature"][0]


@pytest.mark.parametrize(
    ("symbol", "signature"),
    [
        ("LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        ("１２３４５６", "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
    ],
)
async def test_the_published_examples_are_signed_as_published(
    server: ScriptedServer, symbol: str, signature: str
) -> None:
    key = SigningKey(Secret("any"), Secret(EXAMPLE_SECRET))
    async with open_session(server, key) as session:
        await session._post("order", True, data=EXAMPLE_ORDER | {"symbol": symbol})
    assert signature_of(server.received[0]) == signature


async def test_what_is_signed_is_what_is_sent_percent_encoded(server: ScriptedServer) -> None:
    async with open_session(server) as session:
        await session.create_order(newClientOrderId="a b/c&d=é", **STAMP)
        await session.get_order(origClientOrderId='["x,y"]', **STAMP)
    for request in server.received:
        expected = hmac.new(API_SECRET.encode(), request.payload.encode(), hashlib.sha256).hexdigest()
        assert signature_of(request) == expected
    assert "newClientOrderId=a%20b%2Fc%26d%3D%C3%A9" in server.received[0].payload
    assert server.received[1].params["origClientOrderId"] == '["x,y"]'


async def test_the_callers_timestamp_and_window_are_sent_as_given(server: ScriptedServer) -> None:
    async with open_session(server) as session:
        session.timestamp_offset = 99_999
        await session.create_order(newClientOrderId="x", **STAMP)
        await session.get_account(**STAMP)
    for request in server.received:
        assert request.params["timestamp"] == "1699000000001"
        assert request.params["recvWindow"] == "1234"


async def test_a_signed_request_without_a_timestamp_is_a_bug(server: ScriptedServer) -> None:
    async with open_session(server) as session:
        with pytest.raises(ValueError, match="timestamp"):
            await session.get_account()
    assert not server.received


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("0.00001000"), "0.00001000"),
        (Decimal("1E+3"), "1000"),
        (7, "7"),
        (True, "true"),
    ],
)
async def test_values_are_written_without_exponent(server: ScriptedServer, value: object, text: str) -> None:
    async with open_session(server) as session:
        await session.create_order(newClientOrderId="x", quantity=value, **STAMP)
    assert server.received[0].params["quantity"] == text


@pytest.mark.parametrize("value", [0.1, Decimal("NaN"), Decimal("Infinity"), b"1", [1]])
async def test_values_without_exact_text_are_never_sent(server: ScriptedServer, value: object) -> None:
    async with open_session(server) as session:
        with pytest.raises(TypeError, match="quantity"):
            await session.create_order(newClientOrderId="x", quantity=value, **STAMP)
    assert not server.received


async def test_json_numbers_are_read_exactly(server: ScriptedServer) -> None:
    server.otherwise = http(200, '{"a": 0.10000000000000000001, "b": 1e-7, "c": 12}')
    async with open_session(server) as session:
        read = await session.ping()
    assert read == {"a": Decimal("0.10000000000000000001"), "b": Decimal("1e-7"), "c": 12}
    assert not any(isinstance(value, float) for value in read.values())


@pytest.mark.parametrize(
    "body", ["", " ", "null", "<html>", '{"a":', '{"a": NaN}', "[" * 100_000, '{"a": "\ud800"}', "{}{}"]
)
async def test_a_success_that_cannot_be_read_is_no_success(server: ScriptedServer, body: str) -> None:
    server.otherwise = http(200, body.encode("utf-8", "surrogatepass"))
    async with open_session(server) as session:
        with pytest.raises(RequestFailed) as failed:
            await session.ping()
    assert failed.value.reached is Reached.UNREADABLE


@pytest.mark.parametrize("status", [201, 202, 204, 206])
async def test_only_a_200_is_a_success(server: ScriptedServer, status: int) -> None:
    server.otherwise = http(status, "" if status == 204 else "{}")
    async with open_session(server) as session:
        with pytest.raises(RequestFailed, match=f"HTTP {status}"):
            await session.create_order(newClientOrderId="x", **STAMP)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(server: ScriptedServer, status: int) -> None:
    async with serve() as elsewhere, open_session(server) as session:
        for location in (elsewhere.root, "/api/v3/other", f"//127.0.0.1:{elsewhere.port}/x"):
            server.script = [http(status, headers={"Location": location})]
            with pytest.raises(RequestFailed) as failed:
                await session.create_order(newClientOrderId="x", **STAMP)
            assert failed.value.status == status
        assert not elsewhere.received
    assert server.count("POST") == 3
    assert len(server.received) == 3


async def test_a_delete_is_not_sent_again_when_a_kept_connection_breaks(server: ScriptedServer) -> None:
    server.script = [answer({}), Reply(then="close")]
    async with open_session(server) as session:
        await session.ping()
        with pytest.raises(RequestFailed) as failed:
            await session.cancel_order(symbol="BTCUSDT", orderId=1, **STAMP)
    assert failed.value.reached is Reached.LOST
    assert server.count("DELETE") == 1


async def test_aiohttp_left_alone_would_send_the_delete_again(server: ScriptedServer) -> None:
    server.script = [answer({}), Reply(then="close")]
    async with aiohttp.ClientSession() as session:
        await (await session.get(server.root)).read()
        await (await session.delete(server.root)).read()
    assert server.count("DELETE") == 2


async def test_wallet_requests_go_to_the_same_root(server: ScriptedServer) -> None:
    async with open_session(server) as session:
        await session.get_system_status()
        await session.get_account_api_permissions(**STAMP)
    assert [request.path for request in server.received] == [
        "/sapi/v1/system/status",
        "/sapi/v1/account/apiRestrictions",
    ]


async def test_key_administration_asks_nothing_on_a_testnet(server: ScriptedServer) -> None:
    async with open_venue(server, environment=Environment.TESTNET) as venue:
        assert await venue.key_administration.key_facts() is None
        assert await venue.key_administration.account_status() is None
        assert await venue.key_administration.networks("BTC") is None
        assert await venue.key_administration.deposit_address("BTC", "BTC") is None
    assert server.connections == 0


@pytest.mark.parametrize(
    "method", ["futures_account", "futures_coin_account", "options_account_info", "papi_get_account"]
)
async def test_no_other_host_is_ever_asked(server: ScriptedServer, method: str) -> None:
    async with open_session(server) as session:
        with pytest.raises(ValueError, match="was asked for"):
            await getattr(session, method)(**STAMP)
        with pytest.raises(AttributeError):
            await session.ws_create_order(symbol="BTCUSDT", **STAMP)
    assert server.connections == 0


async def test_the_key_travels_with_signed_requests_only(server: ScriptedServer) -> None:
    async with open_session(server) as session:
        await session.ping()
        await session.get_exchange_info(symbol="BTCUSDT")
        await session.get_account(**STAMP)
    assert [request.headers.get("x-mbx-apikey") for request in server.received] == [None, None, API_KEY]


async def test_without_a_key_nothing_signed_is_sent(server: ScriptedServer) -> None:
    async with open_session(server, None) as session:
        await session.ping()
        with pytest.raises(ConfigError) as missing:
            await session.get_account(**STAMP)
    assert missing.value.code == "KEY_MISSING"
    assert len(server.received) == 1


@pytest.mark.parametrize("ending", ["", "\n", "\r\n\r\n  "])
async def test_ed25519_keys_are_taken_as_text(server: ScriptedServer, ending: str) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    pem = pem.strip().replace("\n", "\r\n" if "\r" in ending else "\n") + ending
    async with open_session(server, SigningKey(Secret(API_KEY), None, Secret(pem))) as session:
        await session.create_order(newClientOrderId="x", **STAMP)
        await session.get_account(**STAMP)
    for request in server.received:
        private.public_key().verify(base64.b64decode(signature_of(request)), request.payload.encode())


async def test_rsa_keys_are_taken_as_text(server: ScriptedServer) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    async with open_session(server, SigningKey(Secret(API_KEY), None, Secret(pem))) as session:
        await session.create_order(newClientOrderId="x", **STAMP)
    request = server.received[0]
    private.public_key().verify(
        base64.b64decode(signature_of(request)), request.payload.encode(), padding.PKCS1v15(), hashes.SHA256()
    )


@pytest.mark.parametrize(
    "text", ["/home/me/key.pem", "not a key " * 40, "-----BEGIN PRIVATE KEY-----\nMC4C\n"]
)
async def test_a_private_key_that_is_none_is_refused(server: ScriptedServer, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        async with open_session(server, SigningKey(Secret(API_KEY), None, Secret(text))):
            pass
    assert text not in str(refused.value)


@pytest.mark.parametrize("status", [418, 429])
async def test_a_request_to_wait_is_kept(server: ScriptedServer, status: int) -> None:
    clock = FixedClock()
    server.script = [http(status, '{"code":-1003,"msg":"slow down"}', headers={"Retry-After": "30"})]
    async with open_session(server, clock=clock) as session:
        with pytest.raises(RequestFailed) as first:
            await session.ping()
        await clock.sleep(29.5)
        with pytest.raises(RequestFailed) as second:
            await session.create_order(newClientOrderId="x", **STAMP)
        assert len(server.received) == 1
        await clock.sleep(1)
        await session.ping()
    assert (first.value.retry_after_s, second.value.retry_after_s) == (30, 1)
    assert second.value.reached is Reached.NOT_SENT
    assert len(server.received) == 2


@pytest.mark.parametrize("text", ["", "-1", "1.5", "soon", "٣", "9" * 30])
async def test_a_wait_that_is_no_number_of_seconds_is_passed_over(server: ScriptedServer, text: str) -> None:
    reply = http(429, "{}", headers={"Retry-After": text})
    server.script = [Reply(reply.data.replace(text.encode("latin-1", "replace"), text.encode()))]
    async with open_session(server) as session:
        with pytest.raises(RequestFailed) as failed:
            await session.ping()
        await session.ping()
    assert failed.value.retry_after_s is None


async def test_proxies_of_the_environment_are_not_used(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.root)
        async with open_session(server) as session:
            await session.ping()
        assert proxy.connections == 0
    assert len(server.received) == 1


async def test_cookies_are_not_kept(server: ScriptedServer) -> None:
    server.otherwise = http(200, "{}", headers={"Set-Cookie": "a=b; Path=/"})
    async with open_session(server) as session:
        await session.ping()
        await session.ping()
    assert "cookie" not in server.received[1].headers


async def test_reads_and_orders_have_timeouts_of_their_own(server: ScriptedServer) -> None:
    server.otherwise = Reply(then="hang")
    async with open_session(server, timeouts=Timeouts(1.0, read_s=0.05, order_s=0.1)) as session:
        with pytest.raises(RequestFailed, match=r"no answer within 0\.05 s"):
            await session.ping()
        with pytest.raises(RequestFailed, match=r"no answer within 0\.1 s") as order:
            await session.create_order(newClientOrderId="x", **STAMP)
    assert order.value.reached is Reached.TIMED_OUT


async def test_a_refused_connection_is_provably_not_sent(server: ScriptedServer) -> None:
    async with serve() as gone:
        pass
    async with open_session(gone) as session:
        with pytest.raises(RequestFailed, match="Connect") as failed:
            await session.create_order(newClientOrderId="x", **STAMP)
    assert failed.value.reached is Reached.NOT_SENT


async def test_a_host_without_tls_is_provably_not_sent_to(server: ScriptedServer) -> None:
    host = replace(server.host, root=server.root.replace("http:", "https:"))
    server.script = [Reply(b"HTTP/1.1 400 Bad Request\r\n\r\n", "close", unread=True)]
    session = BinanceSession(host, SIGNING_KEY, FixedClock(), PATIENT)
    with pytest.raises(RequestFailed, match="TLS") as failed:
        await session.create_order(newClientOrderId="x", **STAMP)
    await session.close_connection()
    assert failed.value.reached is Reached.NOT_SENT


async def test_closing_leaves_no_connection_behind(server: ScriptedServer) -> None:
    async with open_session(server) as session:
        await session.ping()
        assert not server.closed_by_client.is_set()
    await server.closed_by_client.wait()
    gc.collect()  # an unclosed session would warn here, and warnings are errors


async def test_connections_are_kept_for_the_next_request(server: ScriptedServer) -> None:
    async with open_session(server) as session:
        await session.ping()
        await session.create_order(newClientOrderId="x", **STAMP)
        await session.get_account(**STAMP)
    assert server.connections == 1


async def test_another_version_of_the_library_is_refused(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exchanges.binance.session.__version__", "1.0.38")
    with pytest.raises(ConfigError, match=r"1\.0\.38"):
        async with open_session(server):
            pass


async def test_a_venue_code_in_a_refusal_is_kept(server: ScriptedServer) -> None:
    server.otherwise = refusal(400, -1013, "Filter failure: LOT_SIZE")
    async with open_session(server) as session:
        with pytest.raises(RequestFailed) as failed:
            await session.ping()
    assert (failed.value.status, failed.value.code, failed.value.text) == (
        400,
        -1013,
        "Filter failure: LOT_SIZE",
    )
