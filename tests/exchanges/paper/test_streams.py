"""Market streams over real sockets, on a clock that the test moves."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from exchanges.paper import PaperConfig, PaperEndpoint, serve
from exchanges.paper.sockets.connection import SocketRules
from tests.exchanges.paper.rest import Rest
from tests.exchanges.paper.venue import START_MS, Wall

STEP_MS = 3_000
LIST = json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 2}).ljust(126)
MINUTE_MS = 60_000
Serve = Callable[..., AbstractAsyncContextManager[PaperEndpoint]]


@pytest.fixture
def wall() -> Wall:
    return Wall(START_MS // MINUTE_MS * MINUTE_MS + 1)


@pytest.fixture
def served(tmp_path: Path, wall: Wall) -> Serve:
    @asynccontextmanager
    async def serve_one(**options: Any) -> AsyncIterator[PaperEndpoint]:
        config = PaperConfig(tmp_path / "state", seed=7)
        randomness = random.Random(1).randbytes
        async with serve(config, wall_clock_ms=wall, random_bytes=randomness, **options) as endpoint:
            yield endpoint

    return serve_one


class Socket:
    """A stream client that knows nothing but frames."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self) -> Any:
        async with asyncio.timeout(5):
            return json.loads(await self.socket.receive_str())

    async def ask(self, **message: Any) -> Any:
        """Send a control message and return its answer, which no event may come between here."""
        await self.socket.send_str(json.dumps(message))
        return await self.next()


@asynccontextmanager
async def connected(endpoint: PaperEndpoint, path: str) -> AsyncIterator[Socket]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(endpoint.stream + path, autoping=False) as socket,
    ):
        yield Socket(socket)


async def test_trades_come_as_the_tape_has_them(served: Serve, wall: Wall) -> None:
    async with (
        served() as endpoint,
        connected(endpoint, "/ws/btcusdt@trade") as client,
        Rest(endpoint) as rest,
    ):
        assert await client.ask(method="LIST_SUBSCRIPTIONS", id=1) == {"result": ["btcusdt@trade"], "id": 1}
        wall.forward(2 * STEP_MS)
        events = [await client.next() for _ in range(2)]
        listed = await rest.public("trades", symbol="BTCUSDT", limit=2)
        for event, trade in zip(events, listed, strict=True):
            assert list(event) == ["e", "E", "s", "t", "p", "q", "T", "m", "M"]
            assert (event["e"], event["s"], event["M"]) == ("trade", "BTCUSDT", True)
            assert [event[name] for name in "tpqTm"] == [
                trade[name] for name in ("id", "price", "qty", "time", "isBuyerMaker")
            ]


async def test_own_trades_are_told_as_well_and_ids_have_no_gap(served: Serve, wall: Wall) -> None:
    async with (
        served() as endpoint,
        connected(endpoint, "/ws/btcusdt@aggTrade") as client,
        Rest(endpoint) as rest,
    ):
        await client.ask(method="LIST_SUBSCRIPTIONS", id=1)
        placed = await rest.order(side="BUY", type="MARKET", quantity="0.001")
        wall.forward(STEP_MS)
        first, second = await client.next(), await client.next()
        assert first["a"] == placed["fills"][0]["tradeId"]
        assert (first["q"], first["m"]) == ("0.00100000", False)
        assert second["a"] == first["a"] + 1
        assert (first["f"], first["l"]) == (first["a"], first["a"])


async def test_a_kline_is_told_open_and_once_more_when_it_closed(served: Serve, wall: Wall) -> None:
    async with (
        served() as endpoint,
        connected(endpoint, "/ws/ethusdt@kline_1m") as client,
        Rest(endpoint) as rest,
    ):
        opened = await client.next()
        assert opened["k"]["x"] is False
        wall.forward(MINUTE_MS)
        closed = await client.next()
        now = await client.next()
        (row, _) = await rest.public("klines", symbol="ETHUSDT", interval="1m", limit=2)
        bar = closed["k"]
        assert bar["x"] is True
        assert [bar[name] for name in "tohlcvTqnVQB"] == row
        assert bar["L"] - bar["f"] + 1 == bar["n"] == 20
        assert (now["k"]["x"], now["k"]["t"]) == (False, bar["T"] + 1)


async def test_the_book_is_rebuilt_from_its_changes(served: Serve, wall: Wall) -> None:
    """By the documents' recipe: buffer, snapshot, drop what is older, apply; then both books are the same."""
    async with (
        served() as endpoint,
        connected(endpoint, "/ws/ltcusdt@depth@100ms") as client,
        Rest(endpoint) as rest,
    ):
        await client.ask(method="LIST_SUBSCRIPTIONS", id=1)
        wall.forward(STEP_MS)
        buffered = [await client.next()]
        snapshot = await rest.public("depth", symbol="LTCUSDT", limit=5000)
        book = {side: dict(snapshot[f"{side}s"]) for side in ("bid", "ask")}
        last = snapshot["lastUpdateId"]
        for turn in range(12):
            if turn % 5 == 1:
                await rest.order(symbol="LTCUSDT", side="BUY", type="MARKET", quantity=f"{turn}.5")
            if turn % 5 == 3:
                low = f"{Decimal(max(book['bid'], key=Decimal)) - turn:.2f}"
                await rest.order(
                    symbol="LTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", price=low, quantity="0.5"
                )
            wall.forward(STEP_MS if turn % 2 else STEP_MS * 7)
            buffered.append(await client.next())
            while buffered:
                event = buffered.pop(0)
                if event["u"] <= last:
                    continue
                assert event["U"] <= last + 1 <= event["u"]
                for side, changes in (("bid", event["b"]), ("ask", event["a"])):
                    for price, quantity in changes:
                        book[side].pop(price, None)
                        if Decimal(quantity):
                            book[side][price] = quantity
                last = event["u"]
            now = await rest.public("depth", symbol="LTCUSDT", limit=5000)
            while last < now["lastUpdateId"]:  # what the order itself changed may be told in pieces
                event = await client.next()
                for side, changes in (("bid", event["b"]), ("ask", event["a"])):
                    for price, quantity in changes:
                        book[side].pop(price, None)
                        if Decimal(quantity):
                            book[side][price] = quantity
                last = event["u"]
            assert last == now["lastUpdateId"]
            for side in ("bid", "ask"):
                assert set(book[side].items()) ^ {tuple(row) for row in now[f"{side}s"]} == set()


@pytest.mark.parametrize("levels", [5, 10, 20])
async def test_the_top_of_the_book_agrees_with_rest(served: Serve, levels: int) -> None:
    async with (
        served() as endpoint,
        connected(endpoint, f"/ws/bnbusdt@depth{levels}@100ms") as client,
        Rest(endpoint) as rest,
    ):
        assert await client.next() == await rest.public("depth", symbol="BNBUSDT", limit=levels)


async def test_combined_streams_are_wrapped(served: Serve) -> None:
    path = "/stream?streams=btcusdt@bookTicker%2Fethusdt@avgPrice/btcusdt@miniTicker"
    async with served() as endpoint, connected(endpoint, path) as client, Rest(endpoint) as rest:
        told = {event["stream"]: event["data"] for event in [await client.next() for _ in range(3)]}
        best = await rest.public("ticker/bookTicker", symbol="BTCUSDT")
        depth = await rest.public("depth", symbol="BTCUSDT", limit=1)
        assert told["btcusdt@bookTicker"] == {
            "u": depth["lastUpdateId"],
            "s": "BTCUSDT",
            "b": best["bidPrice"],
            "B": best["bidQty"],
            "a": best["askPrice"],
            "A": best["askQty"],
        }
        average = await rest.public("avgPrice", symbol="ETHUSDT")
        assert (told["ethusdt@avgPrice"]["w"], told["ethusdt@avgPrice"]["i"]) == (average["price"], "5m")
        day = await rest.public("ticker/24hr", symbol="BTCUSDT")
        mini = told["btcusdt@miniTicker"]
        assert [mini[name] for name in "cohlvq"] == [
            day[name] for name in ("lastPrice", "openPrice", "highPrice", "lowPrice", "volume", "quoteVolume")
        ]


async def test_full_and_rolling_tickers_agree_with_rest(served: Serve) -> None:
    names = "symbol priceChange priceChangePercent weightedAvgPrice lastPrice openPrice highPrice lowPrice"
    async with (
        served() as endpoint,
        connected(endpoint, "/ws/btcusdt@ticker") as full,
        connected(endpoint, "/ws/btcusdt@ticker_4h") as rolling,
        Rest(endpoint) as rest,
    ):
        day = await rest.public("ticker/24hr", symbol="BTCUSDT")
        told = await full.next()
        assert (told["e"], told["x"], told["Q"]) == ("24hrTicker", day["prevClosePrice"], day["lastQty"])
        assert [told[name] for name in "spPwcohl"] == [day[name] for name in names.split()]
        assert [told[name] for name in ("F", "L", "n")] == [day["firstId"], day["lastId"], day["count"]]
        window = await rest.public("ticker", symbol="BTCUSDT", windowSize="4h")
        told = await rolling.next()
        assert told["e"] == "4hTicker"
        assert [told[name] for name in "spPwcohl"] == [window[name] for name in names.split()]
        assert not {"x", "Q", "b", "B", "a", "A"} & set(told)


async def test_the_list_of_all_holds_only_what_changed(served: Serve, wall: Wall) -> None:
    async with (
        served() as endpoint,
        connected(endpoint, "/ws/!miniTicker@arr") as client,
        Rest(endpoint) as rest,
    ):
        first = await client.next()
        assert len(first) == len((await rest.public("exchangeInfo"))["symbols"])
        await rest.order(side="BUY", type="MARKET", quantity="0.001")
        assert [ticker["s"] for ticker in await client.next()] == ["BTCUSDT"]


async def test_control_messages(served: Serve) -> None:
    async with served() as endpoint, connected(endpoint, "/ws") as client:
        ask = client.ask
        assert await ask(method="SUBSCRIBE", params=["nosuch@trade", "!ticker@arr"], id=None) == {
            "result": None,
            "id": None,
        }
        listed = await ask(method="LIST_SUBSCRIPTIONS", id="b5c1e1c2-9a5c-4b4e-8b0d-000000000000")
        assert listed["result"] == ["nosuch@trade", "!ticker@arr"]
        assert listed["id"] == "b5c1e1c2-9a5c-4b4e-8b0d-000000000000"
        assert await ask(method="UNSUBSCRIBE", params=["nosuch@trade"], id=-3) == {"result": None, "id": -3}
        assert (await ask(method="GET_PROPERTY", params=["combined"], id=4))["result"] is False


async def test_the_form_of_events_can_be_changed_on_the_way(served: Serve) -> None:
    async with served() as endpoint, connected(endpoint, "/ws") as client:
        changed = await client.ask(method="SET_PROPERTY", params=["combined", True], id=5)
        assert changed == {"result": None, "id": 5}
        await client.socket.send_str('{"method":"SUBSCRIBE","params":["btcusdt@bookTicker"],"id":1}')
        told = [await client.next(), await client.next()]
        assert {"result": None, "id": 1} in told
        assert "btcusdt@bookTicker" in [each.get("stream") for each in told]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("{", {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 2", "id": None}),
        ("[1]", {"code": 2, "msg": "Invalid request: expected an object", "id": None}),
        (
            '{"id":1}',
            {"code": 2, "msg": "Invalid request: missing field `method` at line 1 column 8", "id": 1},
        ),
        (
            '{"method":"SUBSCRIBE","params":[1],"id":1}',
            {"code": 2, "msg": "Invalid request: a stream name must be a string", "id": 1},
        ),
        (
            '{"method":"GET_PROPERTY","params":["speed"],"id":1}',
            {"code": 0, "msg": "Unknown property", "id": 1},
        ),
        (
            '{"method":"SET_PROPERTY","params":["combined","yes"],"id":1}',
            {"code": 1, "msg": "Invalid value type: expected Boolean", "id": 1},
        ),
        (
            '{"method":"LIST_SUBSCRIPTIONS","id":1.5}',
            {"code": 2, "msg": "Invalid request: request ID must be an unsigned integer", "id": None},
        ),
    ],
)
async def test_what_cannot_be_followed_is_said(served: Serve, text: str, answer: dict[str, Any]) -> None:
    async with served() as endpoint, connected(endpoint, "/ws") as client:
        await client.socket.send_str(text)
        assert await client.next() == answer


async def test_an_unknown_method_names_the_known_ones(served: Serve) -> None:
    async with served() as endpoint, connected(endpoint, "/ws") as client:
        refused = await client.ask(method="HELLO", id=1)
        assert refused["code"] == 2
        assert "unknown variant `HELLO`, expected one of `SUBSCRIBE`" in refused["msg"]


@pytest.mark.parametrize("path", ["/ws/", "/ws/0", "/ws/17", "/stream"])
async def test_paths_without_a_stream_are_open_for_one(served: Serve, path: str) -> None:
    async with served() as endpoint, connected(endpoint, path) as client:
        assert await client.ask(method="LIST_SUBSCRIPTIONS", id=1) == {"result": [], "id": 1}


async def test_times_come_in_microseconds_to_those_who_want_them(served: Serve, wall: Wall) -> None:
    path = "/ws/btcusdt@kline_1m?timeUnit=MICROSECOND"
    async with served() as endpoint, connected(endpoint, path) as client:
        event = await client.next()
        assert event["E"] == wall.now_ms * 1000
        bar = event["k"]
        assert bar["T"] - bar["t"] == 60_000_000 - 1


async def test_who_talks_too_much_is_cut_off(served: Serve) -> None:
    async with served() as endpoint, connected(endpoint, "/ws") as client:
        for number in range(8):
            await client.socket.send_str(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        received = [await client.socket.receive() for _ in range(7)]
        answers = [message for message in received if message.type is aiohttp.WSMsgType.TEXT]
        assert len(answers) <= 5
        assert client.socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_a_client_that_answers_no_ping_is_cut_off_and_one_that_does_is_not(served: Serve) -> None:
    rules = SocketRules(ping_every=0.05, pong_within=0.12, messages_per_second=None)
    async with served(socket_rules=rules) as endpoint:
        async with connected(endpoint, "/ws") as client:
            while (message := await client.socket.receive()).type is aiohttp.WSMsgType.PING:
                pass
            assert message.type is aiohttp.WSMsgType.CLOSE
            assert message.extra == "Pong timeout"
        async with connected(endpoint, "/ws") as client:
            for _ in range(6):
                ping = await client.socket.receive()
                assert ping.type is aiohttp.WSMsgType.PING
                await client.socket.pong(ping.data)
        async with connected(endpoint, "/ws") as client:
            for _ in range(4):  # answering every second one is enough: an answer is to all before it
                await client.socket.receive()
                await client.socket.pong((await client.socket.receive()).data)


async def test_a_connection_ends_when_its_day_is_over(served: Serve) -> None:
    async with (
        served(socket_rules=SocketRules(life=0.05)) as endpoint,
        connected(endpoint, "/ws") as client,
    ):
        message = await client.socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)


async def test_a_stopping_server_says_so(served: Serve, wall: Wall) -> None:
    async with aiohttp.ClientSession() as session:
        async with served() as endpoint:
            bare = await session.ws_connect(f"{endpoint.stream}/ws")
            wrapped = await session.ws_connect(f"{endpoint.stream}/stream")
            api = await session.ws_connect(endpoint.ws_api)
        gone = {"e": "serverShutdown", "E": wall.now_ms}
        assert await bare.receive_json() == gone
        assert await wrapped.receive_json() == {"stream": "!serverShutdown", "data": gone}
        assert await api.receive_json() == {"event": gone}
        assert (await bare.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_too_many_connections_are_refused(served: Serve) -> None:
    async with served(socket_rules=SocketRules(connections_per_five_minutes=2)) as endpoint:
        async with connected(endpoint, "/ws"), connected(endpoint, "/ws"):
            pass
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with connected(endpoint, "/ws"):
                pass
        assert refused.value.status == 429


async def test_a_reader_that_sleeps_is_dropped_and_costs_nobody_else(served: Serve, wall: Wall) -> None:
    async with served(socket_rules=SocketRules(backlog=2)) as endpoint:
        async with connected(endpoint, "/ws/btcusdt@trade") as sleeper:
            await sleeper.ask(method="LIST_SUBSCRIPTIONS", id=1)
            wall.forward(20 * STEP_MS)
            received = []
            while (message := await sleeper.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                received.append(message)
            assert len(received) < 20
        async with connected(endpoint, "/ws/btcusdt@bookTicker") as other:
            assert (await other.next())["s"] == "BTCUSDT"


@asynccontextmanager
async def deaf(endpoint: PaperEndpoint) -> AsyncIterator[asyncio.StreamWriter]:
    """Connect, ask for far more than the sockets between hold, and read none of it."""
    _, writer = await asyncio.open_connection("127.0.0.1", URL(endpoint.rest).port, limit=1)
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    names = [f"{number:050}" for number in range(1000)]
    for text in (json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}), *300 * [LIST]):
        writer.write(b"\x81\xfe" + len(text).to_bytes(2) + bytes(4) + text.encode())
    await writer.drain()
    yield writer
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_client_that_reads_nothing_does_not_keep_the_server_from_stopping(served: Serve) -> None:
    rules = SocketRules(messages_per_second=None, goodbye_within=0.1)
    async with (
        asyncio.timeout(5),
        served(socket_rules=rules) as endpoint,
        deaf(endpoint),
        connected(endpoint, "/ws") as other,
    ):
        await other.ask(method="LIST_SUBSCRIPTIONS", id=1)


async def test_a_client_that_reads_nothing_is_cut_off_as_one_that_answers_no_ping(served: Serve) -> None:
    rules = SocketRules(messages_per_second=None, pong_within=0.1)
    async with served(socket_rules=rules) as endpoint, deaf(endpoint) as writer:
        with pytest.raises(ConnectionError):
            await _talking_on(writer)


async def _talking_on(writer: asyncio.StreamWriter) -> None:
    async with asyncio.timeout(5):
        while True:
            writer.write(b"\x8a\x80" + bytes(4))  # a pong nobody asked for
            await writer.drain()
            await asyncio.sleep(0.01)
