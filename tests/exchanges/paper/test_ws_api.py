"""The WebSocket API and the account's events, over real sockets, on a clock that the test moves."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from exchanges.paper import ApiKey, PaperConfig, PaperEndpoint, admin, serve
from exchanges.paper.dialects.binance.routes import ROUTES
from exchanges.paper.dialects.binance.ws_methods import METHODS
from exchanges.paper.faults import Plan
from exchanges.paper.faults.plan import Error, When
from tests.exchanges.paper.rest import Rest
from tests.exchanges.paper.venue import START_MS, Wall, sign

Serve = Callable[..., AbstractAsyncContextManager[PaperEndpoint]]
LOW = "50000.00"


@pytest.fixture
def wall() -> Wall:
    return Wall(START_MS)


@pytest.fixture
def config(tmp_path: Path) -> PaperConfig:
    return PaperConfig(tmp_path / "state", seed=7)


@pytest.fixture
def served(config: PaperConfig, wall: Wall) -> Serve:
    @asynccontextmanager
    async def serve_one(**options: Any) -> AsyncIterator[PaperEndpoint]:
        chosen = options.pop("config", config)
        randomness = random.Random(1).randbytes
        async with serve(chosen, wall_clock_ms=wall, random_bytes=randomness, **options) as endpoint:
            yield endpoint

    return serve_one


class Api:
    """A client of the WebSocket API that keeps answers and events apart."""

    def __init__(self, endpoint: PaperEndpoint, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.endpoint = endpoint
        self.socket = socket
        self.events: list[Any] = []
        self._ids = itertools.count(1)

    async def next(self) -> Any:
        async with asyncio.timeout(5):
            return json.loads(await self.socket.receive_str())

    async def ask(self, method: str, **params: Any) -> Any:
        """Send a request and return its answer; events that come before it are kept."""
        request_id = next(self._ids)
        message = {"id": request_id, "method": method, **({"params": params} if params else {})}
        await self.socket.send_str(json.dumps(message))
        while (answer := await self.next()).get("id") != request_id:
            self.events.append(answer)
        return answer

    async def signed(self, method: str, key: ApiKey | None = None, **params: Any) -> Any:
        """Ask as the owner of a key, by default the endpoint's."""
        api_key, secret = self.endpoint.api_key, self.endpoint.api_secret
        if key is not None:
            api_key, secret = key.api_key, key.secret
        params |= {"apiKey": api_key, "timestamp": self.endpoint.now_ms()}
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        return await self.ask(method, **params, signature=sign(secret, payload))

    async def told(self, count: int) -> list[Any]:
        """Return the next events of the account, taken out of their wrapping."""
        while len(self.events) < count:
            self.events.append(await self.next())
        taken, self.events = self.events[:count], self.events[count:]
        assert {event["subscriptionId"] for event in taken} == {0}
        return [event["event"] for event in taken]


@asynccontextmanager
async def connected(endpoint: PaperEndpoint, query: str = "") -> AsyncIterator[Api]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(endpoint.ws_api + query) as socket,
    ):
        yield Api(endpoint, socket)


async def test_an_answer_holds_what_rest_answers_and_the_limits(served: Serve) -> None:
    async with served() as endpoint, connected(endpoint) as api, Rest(endpoint) as rest:
        answer = await api.ask("depth", symbol="BTCUSDT", limit=5)
        assert answer["status"] == 200
        assert answer["result"] == await rest.public("depth", symbol="BTCUSDT", limit=5)
        assert answer["rateLimits"] == [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": 6000,
                "count": 7,  # connecting costs 2
            }
        ]


def test_every_endpoint_that_trades_or_reads_has_its_method() -> None:
    without = {"/api/v3/userDataStream"}
    twins = set(METHODS.values())
    assert [route for route in ROUTES if route not in twins and route[1] not in without] == []


@pytest.mark.parametrize("request_id", [7, "7", "b5c1e1c2-9a5c-4b4e-8b0d-2f6f2c8f1a11", None, -1])
async def test_the_id_comes_back_as_it_was_sent(served: Serve, request_id: Any) -> None:
    async with served() as endpoint, connected(endpoint) as api:
        await api.socket.send_str(json.dumps({"id": request_id, "method": "v3/ping"}))
        answer = await api.next()
        assert (answer["id"], answer["status"], answer["result"]) == (request_id, 200, {})


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "1", '{"id":1}', '{"id":1,"method":5}', '{"id":1,"method":"ping","params":[]}', "{}"],
)
async def test_what_is_no_request_is_refused_and_the_connection_stays(served: Serve, text: str) -> None:
    async with served() as endpoint, connected(endpoint) as api:
        await api.socket.send_str(text)
        assert (await api.next())["error"] == {"code": -1135, "msg": "Invalid JSON Request"}
        assert (await api.ask("ping"))["status"] == 200


async def test_limits_can_be_left_out_for_a_connection_or_a_request(served: Serve) -> None:
    async with served() as endpoint:
        async with connected(endpoint, "?returnRateLimits=false") as api:
            assert "rateLimits" not in await api.ask("time")
            assert "rateLimits" in await api.ask("time", returnRateLimits=True)
        async with connected(endpoint) as api:
            assert "rateLimits" not in await api.ask("time", returnRateLimits=False)


async def test_an_order_lives_and_dies_over_the_socket(served: Serve) -> None:
    async with served() as endpoint, connected(endpoint) as api:
        placed = await api.signed(
            "order.place",
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            price=LOW,
            quantity="0.001",
        )
        assert placed["result"]["status"] == "NEW"
        assert [limit["rateLimitType"] for limit in placed["rateLimits"]] == [
            "ORDERS",
            "ORDERS",
            "REQUEST_WEIGHT",
        ]
        order_id = placed["result"]["orderId"]
        found = await api.signed("order.status", symbol="BTCUSDT", orderId=order_id)
        assert found["result"]["price"] == f"{LOW}000000"
        canceled = await api.signed("order.cancel", symbol="BTCUSDT", orderId=order_id)
        assert canceled["result"]["status"] == "CANCELED"
        refused = await api.signed("order.cancel", symbol="BTCUSDT", orderId=order_id)
        assert (refused["status"], refused["error"]["code"]) == (400, -2011)


async def test_a_wrong_signature_and_an_unknown_method_are_refused(served: Serve) -> None:
    async with served() as endpoint, connected(endpoint) as api:
        params = {"apiKey": endpoint.api_key, "timestamp": endpoint.now_ms()}
        refused = await api.ask("account.status", **params, signature="00")
        assert (refused["status"], refused["error"]["code"]) == (400, -1022)
        assert (await api.ask("orders.everything"))["error"]["code"] == -1020
        assert (await api.ask("account.status"))["error"]["code"] == -1102


async def test_a_full_limit_says_until_when_as_an_instant(
    served: Serve, config: PaperConfig, wall: Wall
) -> None:
    limits = {"weight_per_minute": 3, "requests_per_five_minutes": 100, "orders_per_ten_seconds": 1}
    with admin.opened(config, wall_clock_ms=wall, random_bytes=random.Random(2).randbytes) as exchange:
        admin.set_limits(exchange, admin.Limits(**limits))
    async with served() as endpoint, connected(endpoint) as api:
        await api.ask("ping")
        refused = await api.ask("ping")
        assert (refused["status"], refused["error"]["code"]) == (429, -1003)
        data = refused["error"]["data"]
        assert data["serverTime"] == wall.now_ms
        assert 0 < data["retryAfter"] - wall.now_ms <= 60_000
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with connected(endpoint):
                pass


async def test_a_limit_that_stops_half_of_a_replacement_says_what_became_of_the_other(
    served: Serve, config: PaperConfig, wall: Wall
) -> None:
    with admin.opened(config, wall_clock_ms=wall, random_bytes=random.Random(2).randbytes) as exchange:
        admin.set_limits(exchange, admin.Limits(orders_per_ten_seconds=1))
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    order |= {"price": LOW, "quantity": "0.001"}
    modes = {"cancelReplaceMode": "STOP_ON_FAILURE", "orderRateLimitExceededMode": "CANCEL_ONLY"}
    async with served() as endpoint, connected(endpoint) as api:
        await api.signed("order.place", **order)
        refused = await api.signed("order.cancelReplace", **order, **modes, cancelOrderId=1)
        assert (refused["status"], refused["error"]["code"]) == (429, -2021)
        data = refused["error"]["data"]
        assert (data["cancelResult"], data["newOrderResult"]) == ("SUCCESS", "FAILURE")
        assert data["newOrderResponse"]["code"] == -1015
        assert data["retryAfter"] > wall.now_ms


async def test_the_account_hears_what_happens_to_a_resting_order(served: Serve) -> None:
    async with served() as endpoint, connected(endpoint) as api, Rest(endpoint) as rest:
        assert (await api.signed("userDataStream.subscribe.signature"))["result"] == {"subscriptionId": 0}
        placed = await rest.order(
            side="BUY", type="LIMIT", timeInForce="GTC", price=LOW, quantity="0.001", newClientOrderId="rests"
        )
        new, locked = await api.told(2)
        assert (new["e"], new["x"], new["X"], new["w"], new["c"], new["C"]) == (
            "executionReport",
            "NEW",
            "NEW",
            True,
            "rests",
            "",
        )
        assert (new["i"], new["t"], new["N"], new["n"], new["g"]) == (placed["orderId"], -1, None, "0", -1)
        assert new["W"] == placed["workingTime"]
        (usdt,) = locked["B"]
        assert (locked["e"], usdt["a"], usdt["l"]) == ("outboundAccountPosition", "USDT", "50.00000000")
        await rest.signed("DELETE", "order", symbol="BTCUSDT", orderId=placed["orderId"])
        canceled, freed = await api.told(2)
        assert (canceled["x"], canceled["X"], canceled["C"], canceled["w"]) == (
            "CANCELED",
            "CANCELED",
            "rests",
            False,
        )
        assert canceled["c"] != "rests"
        assert canceled["I"] > new["I"]
        assert freed["B"][0]["l"] == "0.00000000"


async def test_a_taker_s_fills_come_one_by_one_and_the_balances_once(served: Serve) -> None:
    async with served() as endpoint, connected(endpoint) as api, Rest(endpoint) as rest:
        await api.signed("userDataStream.subscribe.signature")
        book = await rest.public("depth", symbol="BNBUSDT", limit=1)
        quantity = Decimal(book["asks"][0][1]) + Decimal("0.5")
        placed = await rest.order(symbol="BNBUSDT", side="BUY", type="MARKET", quantity=f"{quantity:.3f}")
        assert len(placed["fills"]) > 1
        events = await api.told(2 + len(placed["fills"]))
        assert [event.get("x") for event in events] == ["NEW", *["TRADE"] * len(placed["fills"]), None]
        trades = events[1:-1]
        assert [event["X"] for event in trades] == ["PARTIALLY_FILLED"] * (len(trades) - 1) + ["FILLED"]
        for event, fill in zip(trades, placed["fills"], strict=True):
            assert (event["t"], event["L"], event["l"]) == (fill["tradeId"], fill["price"], fill["qty"])
            assert (event["n"], event["N"]) == (fill["commission"], fill["commissionAsset"])
            assert (event["m"], event["w"]) == (False, False)
        assert trades[-1]["Z"] == placed["cummulativeQuoteQty"]
        assert len({event["I"] for event in events[:-1]}) == len(events) - 1
        assert {row["a"] for row in events[-1]["B"]} == {"BNB", "USDT"}


async def test_what_the_market_fills_and_another_process_does_is_heard(
    served: Serve, config: PaperConfig, wall: Wall
) -> None:
    async with served() as endpoint, connected(endpoint) as api, Rest(endpoint) as rest:
        await api.signed("userDataStream.subscribe.signature")
        best = await rest.public("ticker/bookTicker", symbol="BTCUSDT")
        await rest.order(
            side="BUY", type="LIMIT", timeInForce="GTC", price=best["bidPrice"][:-6], quantity="0.001"
        )
        await api.told(2)
        for _ in range(200):
            wall.forward(60_000)
            if api.events or (await rest.signed("GET", "openOrders", symbol="BTCUSDT")) == []:
                break
        seen = await api.told(2)
        while seen[-1].get("X") != "FILLED" and seen[-2].get("X") != "FILLED":
            seen += await api.told(2)
        filled = next(event for event in seen if event.get("X") == "FILLED")
        assert (filled["x"], filled["m"]) == ("TRADE", True)
        with admin.opened(config, wall_clock_ms=wall, random_bytes=random.Random(2).randbytes) as other:
            admin.deposit(other, "BTC", Decimal("0.5"))
        deposit, balances = await api.told(2)
        assert (deposit["e"], deposit["a"], deposit["d"]) == ("balanceUpdate", "BTC", "0.50000000")
        assert balances["e"] == "outboundAccountPosition"


async def test_subscriptions_are_one_an_account_and_end_with_a_word(served: Serve) -> None:
    async with served() as endpoint, connected(endpoint) as api:
        assert (await api.ask("userDataStream.unsubscribe"))["error"]["code"] == -2036
        await api.signed("userDataStream.subscribe.signature")
        again = await api.signed("userDataStream.subscribe.signature")
        assert again["error"]["code"] == -2035
        assert (await api.ask("session.subscriptions"))["result"] == [{"subscriptionId": 0}]
        assert (await api.ask("userDataStream.unsubscribe", subscriptionId=0))["result"] == {}
        (ended,) = await api.told(1)
        assert ended["e"] == "eventStreamTerminated"
        assert (await api.signed("userDataStream.subscribe.signature"))["result"] == {"subscriptionId": 1}


async def test_one_connection_hears_several_accounts(served: Serve, config: PaperConfig, wall: Wall) -> None:
    with admin.opened(config, wall_clock_ms=wall, random_bytes=random.Random(2).randbytes) as exchange:
        key = admin.create_key(exchange, "k", account="other")
    async with served() as endpoint, connected(endpoint) as api:
        numbers = [
            (await api.signed("userDataStream.subscribe.signature", each))["result"]["subscriptionId"]
            for each in (None, key)
        ]
        again = await api.signed("userDataStream.subscribe.signature", key)
        assert (numbers, again["error"]["code"]) == ([0, 1], -2035)
        await api.signed("order.place", key, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")
        told = [await api.next() for _ in range(3)]
        assert {event["subscriptionId"] for event in told} == {1}
        assert (await api.ask("userDataStream.unsubscribe", subscriptionId=0))["result"] == {}
        assert (await api.next())["event"]["e"] == "eventStreamTerminated"
        assert (await api.ask("session.subscriptions"))["result"] == [{"subscriptionId": 1}]


async def test_the_limits_of_the_socket_count_connections_instead_of_requests(served: Serve) -> None:
    async with served() as endpoint, connected(endpoint) as api, Rest(endpoint) as rest:
        own = (await api.ask("exchangeInfo", symbol="BTCUSDT"))["result"]["rateLimits"]
        theirs = (await rest.public("exchangeInfo", symbol="BTCUSDT"))["rateLimits"]
        assert own[:-1] == theirs[:-1]
        assert (own[-1]["rateLimitType"], own[-1]["limit"]) == ("CONNECTIONS", 300)
        assert theirs[-1]["rateLimitType"] == "RAW_REQUESTS"


async def test_a_ban_ends_the_connection_after_it_was_told(
    served: Serve, config: PaperConfig, wall: Wall
) -> None:
    with admin.opened(config, wall_clock_ms=wall, random_bytes=random.Random(2).randbytes) as exchange:
        admin.set_limits(exchange, admin.Limits(weight_per_minute=2))
    async with served() as endpoint, connected(endpoint) as api:
        statuses = [(await api.ask("ping"))["status"] for _ in range(11)]
        assert statuses == [*10 * [429], 418]
        assert (await api.socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_an_unknown_time_unit_is_refused_at_the_door(served: Serve) -> None:
    async with served() as endpoint:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with connected(endpoint, "?timeUnit=HOUR"):
                pass
        assert refused.value.status == 400


async def test_a_session_is_logged_on_with_an_ed25519_key(
    served: Serve, config: PaperConfig, wall: Wall
) -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with admin.opened(config, wall_clock_ms=wall, random_bytes=random.Random(2).randbytes) as exchange:
        key = admin.create_key(exchange, "ed", kind="ED25519", public_key=pem)
    async with served() as endpoint, connected(endpoint) as api, Rest(endpoint) as rest:
        assert (await api.ask("userDataStream.subscribe"))["status"] == 401
        params = {"apiKey": key.api_key, "timestamp": wall.now_ms}
        payload = f"apiKey={key.api_key}&timestamp={wall.now_ms}"
        signature = base64.b64encode(private.sign(payload.encode())).decode()
        on = (await api.ask("session.logon", **params, signature=signature))["result"]
        assert (on["apiKey"], on["authorizedSince"]) == (key.api_key, wall.now_ms)
        assert (await api.ask("userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
        assert (await api.ask("session.status"))["result"]["userDataStream"] is True
        placed = await api.ask(
            "order.place",
            symbol="BTCUSDT",
            side="BUY",
            type="MARKET",
            quantity="0.001",
            timestamp=wall.now_ms,
        )
        assert placed["result"]["status"] == "FILLED"
        assert [event["x"] for event in (await api.told(3))[:2]] == ["NEW", "TRADE"]
        assert (await api.ask("account.status"))["error"]["code"] == -1102  # a timestamp is still needed
        off = await api.ask("session.logout")
        assert off["result"]["apiKey"] is None
        assert (await api.told(1))[0]["e"] == "eventStreamTerminated"
        assert (await api.ask("account.status", timestamp=wall.now_ms))["error"]["code"] == -1102
        await rest.order(side="SELL", type="MARKET", quantity="0.0005")
        assert (await api.ask("ping"))["status"] == 200
        assert api.events == []


async def test_a_key_deleted_in_mid_session_opens_nothing_any_more(
    served: Serve, config: PaperConfig, wall: Wall
) -> None:
    async with served(hmac_may_log_on=True) as endpoint, connected(endpoint) as api:
        assert (await api.signed("session.logon"))["status"] == 200
        assert (await api.ask("account.status", timestamp=wall.now_ms))["status"] == 200
        with admin.opened(config, wall_clock_ms=wall, random_bytes=random.Random(2).randbytes) as exchange:
            admin.delete_key(exchange, endpoint.api_key)
        refused = await api.ask("account.status", timestamp=wall.now_ms)
        assert (refused["status"], refused["error"]["code"]) == (401, -2015)


async def test_hmac_keys_log_on_only_where_that_is_switched_on(served: Serve) -> None:
    async with served() as endpoint, connected(endpoint) as api:
        assert (await api.signed("session.logon"))["error"] == {
            "code": -4056,
            "msg": "HMAC_SHA256 API key is not supported.",
        }


async def test_faults_strike_here_as_over_http(served: Serve, config: PaperConfig, wall: Wall) -> None:
    once = When(method="POST", path="/api/v3/order", times=1)
    plan = Plan(rules=(Error(code=-1007, execute=True, when=once),))
    with admin.opened(config, wall_clock_ms=wall, random_bytes=random.Random(2).randbytes) as exchange:
        admin.set_faults(exchange, plan)
    async with served() as endpoint, connected(endpoint) as api:
        lost = await api.signed(
            "order.place",
            symbol="BTCUSDT",
            side="BUY",
            type="MARKET",
            quantity="0.001",
            newClientOrderId="lost",
        )
        assert (lost["status"], lost["error"]["code"]) == (504, -1007)
        found = await api.signed("order.status", symbol="BTCUSDT", origClientOrderId="lost")
        assert found["result"]["status"] == "FILLED"


async def test_old_clients_hear_their_account_under_a_listen_key(
    served: Serve, config: PaperConfig, tmp_path: Path
) -> None:
    legacy = PaperConfig(tmp_path / "state", seed=7, legacy_listen_key=True)
    async with served(config=legacy) as endpoint, Rest(endpoint) as rest, aiohttp.ClientSession() as session:
        headers = {"X-MBX-APIKEY": endpoint.api_key}
        url = f"{endpoint.rest}/api/v3/userDataStream"
        async with session.post(url, headers=headers) as response:
            listen_key = (await response.json())["listenKey"]
        bare = await session.ws_connect(f"{endpoint.stream}/ws/{listen_key}")
        wrapped = await session.ws_connect(f"{endpoint.stream}/stream?streams={listen_key}")
        await rest.order(side="BUY", type="MARKET", quantity="0.001")
        assert (await bare.receive_json())["e"] == "executionReport"
        assert (await wrapped.receive_json())["stream"] == listen_key
        async with session.put(url, params={"listenKey": listen_key}, headers=headers) as response:
            assert await response.json() == {}
        async with session.delete(url, params={"listenKey": listen_key}, headers=headers) as response:
            assert response.status == 200
        async with session.put(url, params={"listenKey": listen_key}, headers=headers) as response:
            assert (await response.json())["code"] == -1125
        await bare.close()
        await wrapped.close()


SAMPLES = {
    "execution_report_new": {"x": "NEW", "o": "LIMIT"},
    "execution_report_trade": {"x": "TRADE", "X": "FILLED"},
    "execution_report_canceled": {"x": "CANCELED"},
    "execution_report_expired": {"x": "EXPIRED"},
    "execution_report_stop_loss": {"x": "NEW", "o": "STOP_LOSS_LIMIT"},
    "account_position": {"e": "outboundAccountPosition"},
}


async def test_events_have_the_form_of_recorded_ones(served: Serve, data_dir: Path) -> None:
    """Every name a recorded sample has, with a value of the same JSON type."""
    async with served() as endpoint, connected(endpoint) as api, Rest(endpoint) as rest:
        await api.signed("userDataStream.subscribe.signature")
        limit = {"side": "BUY", "type": "LIMIT", "price": LOW, "quantity": "0.001"}
        await rest.order(**limit, timeInForce="GTC")
        await rest.order(side="BUY", type="MARKET", quantity="0.001")
        await rest.order(**limit, timeInForce="IOC")
        stop = {"type": "STOP_LOSS_LIMIT", "stopPrice": LOW, "timeInForce": "GTC"}
        await rest.order(side="SELL", price=LOW, quantity="0.001", **stop)
        await rest.signed("DELETE", "openOrders", symbol="BTCUSDT")
        events: list[Any] = []
        while sum(event.get("x") == "CANCELED" for event in events) < 2:
            events += await api.told(1)
    for name, wanted in SAMPLES.items():
        sample = json.loads((data_dir / "binance-spot-json/user_data_json" / f"{name}.json").read_text())
        event = next(each for each in events if wanted.items() <= each.items())
        for field, value in sample.items():
            assert type(event[field]) is type(value), (name, field)


async def test_the_events_of_a_busy_session_add_up_to_its_account(served: Serve) -> None:
    """Several clients at once: what was heard is every fill once, in order, and ends at the balances."""
    async with served() as endpoint, connected(endpoint) as api, Rest(endpoint) as rest:
        await api.signed("userDataStream.subscribe.signature")

        async def trade(client: int) -> None:
            for number in range(15):
                side = "BUY" if (client + number) % 2 else "SELL"
                kind = (
                    {"type": "MARKET"}
                    if number % 3
                    else {"type": "LIMIT", "timeInForce": "GTC", "price": LOW}
                )
                await rest.order(side="BUY" if "price" in kind else side, quantity="0.001", **kind)

        await asyncio.gather(*(trade(client) for client in range(5)))
        account = await rest.signed("GET", "account")
        trades = await rest.signed("GET", "myTrades", symbol="BTCUSDT", limit=1000)
        assert (await api.ask("ping"))["status"] == 200  # everything said before that was heard
        events = await api.told(len(api.events))
    fills = [event for event in events if event.get("x") == "TRADE"]
    assert [(fill["t"], fill["l"], fill["L"], fill["n"]) for fill in fills] == [
        (trade["id"], trade["qty"], trade["price"], trade["commission"]) for trade in trades
    ]
    executions = [event["I"] for event in events if event["e"] == "executionReport"]
    assert executions == sorted(set(executions))
    heard = {row["a"]: row for event in events for row in event.get("B", [])}
    for row in account["balances"]:
        if row["asset"] in heard:
            last = heard[row["asset"]]
            assert (last["f"], last["l"]) == (row["free"], row["locked"])


async def test_an_order_list_is_told_beside_its_orders(served: Serve) -> None:
    async with served() as endpoint, connected(endpoint) as api, Rest(endpoint) as rest:
        await api.signed("userDataStream.subscribe.signature")
        placed = await rest.signed(
            "POST",
            "orderList/oco",
            symbol="BTCUSDT",
            side="SELL",
            quantity="0.001",
            aboveType="LIMIT_MAKER",
            abovePrice="200000.00",
            belowType="STOP_LOSS",
            belowStopPrice=LOW,
        )
        begun = await api.told(4)
        assert sorted(event["e"] for event in begun) == [
            "executionReport",
            "executionReport",
            "listStatus",
            "outboundAccountPosition",
        ]
        status = next(event for event in begun if event["e"] == "listStatus")
        assert (status["g"], status["c"], status["l"], status["L"]) == (
            placed["orderListId"],
            "OCO",
            "EXEC_STARTED",
            "EXECUTING",
        )
        assert {order["i"] for order in status["O"]} == {order["orderId"] for order in placed["orders"]}
        assert {event["g"] for event in begun if event["e"] == "executionReport"} == {placed["orderListId"]}
        leg = placed["orders"][0]
        await rest.signed("DELETE", "order", symbol="BTCUSDT", orderId=leg["orderId"])
        ended = await api.told(4)
        assert [event["x"] for event in ended if event["e"] == "executionReport"] == ["CANCELED", "CANCELED"]
        status = next(event for event in ended if event["e"] == "listStatus")
        assert (status["l"], status["L"]) == ("ALL_DONE", "ALL_DONE")
