"""Faults over real sockets: what the client sees, and what became of its request."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exchanges.paper import PaperConfig, PaperEndpoint, serve
from exchanges.paper.faults import (
    Ban,
    CancelRace,
    Clock,
    Delay,
    Drop,
    DuplicateEvents,
    Empty,
    Error,
    Fault,
    Half,
    Hold,
    Html,
    Lag,
    LateFill,
    Partial,
    Permission,
    Plan,
    RateLimit,
    Redirect,
    ReorderEvents,
    Reset,
    Silence,
    Slow,
    Twice,
    When,
    Wipe,
)
from tests.exchanges.paper.serving import wall_clock_ms
from tests.exchanges.paper.venue import sign

ORDER = "/api/v3/order"
LOW = "50000.00"
PLACING = When(method="POST", path=ORDER)
QUERYING = When(method="GET", path=ORDER)
CANCELING = When(method="DELETE", path=ORDER)


@dataclass(frozen=True)
class Seen:
    """What a client saw on its socket until it was closed. `status` 0: no answer at all."""

    status: int
    head: str
    body: bytes
    was_reset: bool
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def promised(self) -> int:
        """The length of the body that the head promises."""
        return int(self.header("content-length"))

    def header(self, name: str) -> str:
        lines = (line.partition(":") for line in self.head.lower().splitlines())
        return next(value.strip() for key, _, value in lines if key == name.lower())


@dataclass
class Client:
    """A client that opens a socket for each request and signs as the venue asks."""

    endpoint: PaperEndpoint
    clock_ms: int = 0

    async def ask(self, method: str, path: str, **params: Any) -> Seen:
        query = "&".join(f"{name}={value}" for name, value in params.items())
        if path.startswith("/api") and not path.endswith(("/ping", "/time")):
            query += f"{'&' if query else ''}timestamp={wall_clock_ms() + self.clock_ms}"
            query += f"&signature={sign(self.endpoint.api_secret, query)}"
        return await self.raw(method, f"{path}?{query}")

    async def raw(self, method: str, target: str, body: bytes = b"") -> Seen:
        start = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", int(self.endpoint.rest.rsplit(":")[-1]))
        head = f"{method} {target} HTTP/1.1\r\nHost: paper\r\nX-MBX-APIKEY: {self.endpoint.api_key}\r\n"
        head += f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        received, was_reset = b"", False
        try:
            while piece := await reader.read(4096):
                received += piece
        except ConnectionResetError:
            was_reset = True
        finally:
            writer.close()
        lines, _, payload = received.partition(b"\r\n\r\n")
        status = int(lines.split()[1]) if lines else 0
        return Seen(status, lines.decode(), payload, was_reset, time.monotonic() - start)

    async def set(self, *rules: Fault, seed: int = 0) -> None:
        answer = await self.raw("POST", "/paper/faults", Plan(rules=rules, seed=seed).text().encode())
        assert answer.status == 200, answer

    async def clear(self) -> None:
        assert (await self.raw("DELETE", "/paper/faults")).status == 200

    async def place(self, **changes: Any) -> Seen:
        fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        fields |= {"quantity": "0.001", "price": LOW, "newClientOrderId": "mine", **changes}
        return await self.ask(
            "POST", ORDER, **{name: value for name, value in fields.items() if value is not None}
        )

    async def buy_now(self, **changes: Any) -> Seen:
        return await self.place(**{"price": await self.above(), "timeInForce": "IOC", **changes})

    async def above(self) -> str:
        """Return a price that takes what the book offers."""
        answer = await self.raw("GET", "/api/v3/ticker/price?symbol=BTCUSDT")
        return f"{Decimal(answer.json['price']) * Decimal('1.01'):.2f}"

    async def query(self, name: str = "mine") -> Seen:
        return await self.ask("GET", ORDER, symbol="BTCUSDT", origClientOrderId=name)

    async def listed(self, path: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await self.ask("GET", path, symbol="BTCUSDT")).json
        return rows

    async def orders(self) -> list[str]:
        """Return the states of all orders, without the faults at work."""
        await self.clear()
        return [row["status"] for row in await self.listed("/api/v3/allOrders")]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    config = PaperConfig(tmp_path / "state", seed=7)
    async with serve(config, wall_clock_ms=wall_clock_ms, random_bytes=random.Random(1).randbytes) as at:
        yield Client(at)


@pytest.mark.parametrize("executed", [True, False])
async def test_a_reset_connection_says_nothing_about_the_order(client: Client, executed: bool) -> None:
    await client.set(Reset(when=PLACING, execute=executed))
    seen = await client.place()
    assert (seen.status, seen.was_reset) == (0, True)
    assert await client.orders() == ["NEW"] * executed


@pytest.mark.parametrize("executed", [True, False])
async def test_a_dropped_reply_says_nothing_about_the_order(client: Client, executed: bool) -> None:
    await client.set(Drop(when=PLACING, execute=executed))
    seen = await client.place()
    assert (seen.status, seen.was_reset) == (0, False)
    assert await client.orders() == ["NEW"] * executed


async def test_half_a_reply_is_cut_in_its_body(client: Client) -> None:
    await client.set(Half(when=PLACING))
    seen = await client.place()
    assert seen.status == 200
    assert 0 < len(seen.body) == seen.promised // 2
    with pytest.raises(json.JSONDecodeError):
        _ = seen.json
    assert await client.orders() == ["NEW"]


@pytest.mark.parametrize("executed", [True, False])
async def test_an_empty_200_says_nothing_about_the_order(client: Client, executed: bool) -> None:
    await client.set(Empty(when=PLACING, execute=executed))
    seen = await client.place()
    assert (seen.status, seen.body) == (200, b"")
    assert await client.orders() == ["NEW"] * executed


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("status", [200, 403, 500, 502, 503, 504])
async def test_a_page_comes_with_any_status(client: Client, status: int, executed: bool) -> None:
    await client.set(Html(when=PLACING, status=status, execute=executed))
    seen = await client.place()
    assert (seen.status, seen.header("content-type")) == (status, "text/html")
    assert seen.body.startswith(b"<html>")
    assert await client.orders() == ["NEW"] * executed


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize(
    ("code", "status", "shown"),
    [(-1000, 0, 500), (-1001, 0, 500), (-1006, 0, 500), (-1007, 0, 504), (-1008, 0, 503), (-1007, 408, 408)],
)
async def test_a_failure_of_the_venue_says_nothing_about_the_order(
    client: Client, code: int, status: int, shown: int, executed: bool
) -> None:
    await client.set(Error(when=PLACING, code=code, status=status, execute=executed))
    seen = await client.place()
    assert (seen.status, seen.json["code"]) == (shown, code)
    assert await client.orders() == ["NEW"] * executed


async def test_a_redirect_sends_a_follower_to_the_same_place(client: Client) -> None:
    await client.set(Redirect(when=PLACING))
    seen = await client.place()
    assert seen.status == 307
    assert seen.header("location").startswith(f"{ORDER}?symbol=")
    assert await client.orders() == []


async def test_an_order_delivered_twice_buys_twice(client: Client) -> None:
    await client.set(Twice(when=PLACING))
    answer = await client.buy_now()
    assert answer.json["orderId"] == 2
    assert await client.orders() == ["FILLED", "FILLED"]


async def test_a_resting_order_delivered_twice_is_answered_as_a_duplicate(client: Client) -> None:
    """The order stands, although the client reads a refusal."""
    await client.set(Twice(when=PLACING))
    assert (await client.place()).json == {"code": -2010, "msg": "Duplicate order sent."}
    assert await client.orders() == ["NEW"]


async def test_a_delayed_reply_is_of_a_request_carried_out_at_once(client: Client) -> None:
    await client.set(Delay(when=PLACING, seconds=0.3))
    placing = asyncio.create_task(client.place())
    async with asyncio.timeout(5):
        while (await client.query()).status != 200:
            pass
    assert not placing.done()
    assert (await placing).seconds >= 0.3


async def test_a_held_request_is_carried_out_later(client: Client) -> None:
    await client.set(Hold(when=PLACING, seconds=0.3))
    placing = asyncio.create_task(client.place())
    assert (await client.query()).json["code"] == -2013
    seen = await placing
    assert seen.status == 200
    assert seen.seconds >= 0.3
    assert await client.orders() == ["NEW"]


async def test_a_held_request_is_carried_out_although_its_client_gave_up(client: Client) -> None:
    await client.set(Hold(when=PLACING, seconds=0.3))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await client.place()
    assert (await client.query()).json["code"] == -2013
    async with asyncio.timeout(5):
        while (await client.query()).status != 200:
            await asyncio.sleep(0.02)


async def test_a_request_held_beyond_its_window_is_refused(client: Client) -> None:
    await client.set(Hold(when=PLACING, seconds=0.3))
    assert (await client.place(recvWindow=100)).json["code"] == -1021
    assert await client.orders() == []


async def test_a_slow_body_arrives_whole(client: Client) -> None:
    await client.set(Slow(when=PLACING, seconds=0.2))
    seen = await client.place()
    assert seen.seconds >= 0.2
    assert len(seen.body) == seen.promised
    assert seen.json["status"] == "NEW"


async def test_a_silent_venue_takes_everything_in_and_answers_nothing(client: Client) -> None:
    await client.set(Silence(when=PLACING, seconds=0.4))
    first = asyncio.create_task(client.place())
    while not (await client.raw("GET", "/paper/faults")).json["tallies"][0]["seen"]:
        pass
    other = await client.query()  # fits no rule, but the venue is silent
    assert (other.status, (await first).status) == (0, 0)
    assert await client.orders() == []


async def test_a_full_limit_is_refused_for_as_long_as_it_says(client: Client) -> None:
    await client.set(RateLimit(when=PLACING, retry_after_s=30))
    seen = await client.place()
    assert (seen.status, seen.json["code"], seen.header("retry-after")) == (429, -1003, "30")
    assert "Too much request weight used" in seen.json["msg"]
    assert (await client.query()).status == 429  # everybody
    await client.clear()
    assert (await client.query()).json["code"] == -2013


async def test_a_ban_refuses_everything(client: Client) -> None:
    await client.set(Ban(when=PLACING))
    seen = await client.place()
    assert (seen.status, seen.json["code"], seen.header("retry-after")) == (418, -1003, "120")
    assert "IP banned until" in seen.json["msg"]
    assert (await client.raw("GET", "/api/v3/ping")).status == 418
    assert await client.orders() == []


@pytest.mark.parametrize(
    ("offset_ms", "text"),
    [
        (-2_000, "Timestamp for this request was 1000ms ahead of the server's time."),
        (6_000, "Timestamp for this request is outside of the recvWindow."),
    ],
)
async def test_a_clock_that_is_off_refuses_what_is_on_time(client: Client, offset_ms: int, text: str) -> None:
    await client.set(Clock(offset_ms=offset_ms))
    assert (await client.place()).json == {"code": -1021, "msg": text}
    told_ms = (await client.raw("GET", "/api/v3/time")).json["serverTime"]
    assert abs(told_ms - wall_clock_ms() - offset_ms) < 1_000
    client.clock_ms = offset_ms  # measured anew
    assert (await client.place()).status == 200


async def test_a_clock_drifts_from_when_the_plan_was_set(client: Client) -> None:
    await client.set(Clock(drift_ppm=500_000_000))  # 500 s a second
    await asyncio.sleep(0.05)
    assert (await client.place()).json["code"] == -1021


async def test_reads_lag_behind_an_order_one_by_one(client: Client) -> None:
    await client.set(Lag(when=QUERYING, seconds=60))
    await client.buy_now()
    assert (await client.query()).json == {"code": -2013, "msg": "Order does not exist."}
    assert len(await client.listed("/api/v3/allOrders")) == 1  # another read, not lagged
    for path in ("/api/v3/openOrders", "/api/v3/allOrders", "/api/v3/myTrades"):
        await client.clear()
        await client.place(newClientOrderId=f"rests-{path.rsplit('/')[-1]}")
        assert await client.listed(path)
        await client.set(Lag(when=When(path=path), seconds=60))
        assert await client.listed(path) == []
    assert (await client.query()).json["status"] == "FILLED"


async def test_a_lagged_order_can_be_canceled_and_appears_in_time(client: Client) -> None:
    await client.set(Lag(seconds=0.3))
    await client.place()
    assert (await client.query()).json["code"] == -2013
    async with asyncio.timeout(5):
        while (await client.query()).status != 200:
            pass
    await client.set(Lag(seconds=60))
    assert (await client.ask("DELETE", ORDER, symbol="BTCUSDT", orderId=1)).json["status"] == "CANCELED"


async def test_a_share_of_the_orders_lags_in_every_read(client: Client) -> None:
    await client.set(Lag(when=When(probability=0.5), seconds=60), seed=3)
    for number in range(20):
        await client.place(newClientOrderId=f"n{number}")
    seen = {row["clientOrderId"] for row in await client.listed("/api/v3/openOrders")}
    assert 3 < len(seen) < 17
    found = {f"n{number}" for number in range(20) if (await client.query(f"n{number}")).status == 200}
    assert found == seen == {row["clientOrderId"] for row in await client.listed("/api/v3/allOrders")}


async def test_a_new_order_meets_part_of_the_book_and_the_rest_expires(client: Client) -> None:
    await client.set(Partial(when=PLACING, percent=40))
    seen = await client.buy_now()
    assert (seen.json["status"], seen.json["executedQty"]) == ("EXPIRED", "0.00040000")
    market = {"price": None, "timeInForce": None, "type": "MARKET", "side": "SELL"}
    seen = await client.place(newClientOrderId="out", **market)
    assert (seen.json["status"], seen.json["executedQty"]) == ("EXPIRED", "0.00040000")
    seen = await client.buy_now(newClientOrderId="rest", timeInForce="GTC")
    assert (seen.json["status"], seen.json["executedQty"]) == ("PARTIALLY_FILLED", "0.00040000")


async def test_an_order_fills_while_it_is_canceled(client: Client) -> None:
    await client.place()
    await client.set(CancelRace(when=CANCELING))
    seen = await client.ask("DELETE", ORDER, symbol="BTCUSDT", orderId=1)
    assert seen.json == {"code": -2011, "msg": "Unknown order sent."}
    assert (await client.query()).json["executedQty"] == "0.00100000"
    assert await client.orders() == ["FILLED"]


async def test_an_order_fills_in_part_while_it_is_canceled(client: Client) -> None:
    await client.place()
    await client.set(CancelRace(when=CANCELING, percent=30))
    seen = await client.ask("DELETE", ORDER, symbol="BTCUSDT", orderId=1)
    assert (seen.json["status"], seen.json["executedQty"]) == ("CANCELED", "0.00030000")


@pytest.mark.parametrize(("percent", "ends"), [(100, ["EXPIRED", "FILLED"]), (40, ["EXPIRED", "CANCELED"])])
async def test_a_leg_fills_while_its_list_is_canceled(client: Client, percent: int, ends: list[str]) -> None:
    legs = {"aboveType": "LIMIT_MAKER", "abovePrice": await client.above()}
    legs |= {"belowType": "STOP_LOSS", "belowStopPrice": LOW}
    fields = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.001", **legs}
    assert (await client.ask("POST", "/api/v3/orderList/oco", **fields)).status == 200
    await client.set(CancelRace(when=When(path="/api/v3/orderList", method="DELETE"), percent=percent))
    seen = await client.ask("DELETE", "/api/v3/orderList", symbol="BTCUSDT", orderListId=1)
    if percent == 100:
        assert seen.json == {"code": -2011, "msg": "Unknown order sent."}
    else:
        assert [report["executedQty"] for report in seen.json["orderReports"]] == ["0.00040000"]
    assert await client.orders() == ends


async def test_a_stop_fires_while_it_is_canceled(client: Client) -> None:
    stop = {"type": "STOP_LOSS", "side": "SELL", "stopPrice": LOW, "price": None, "timeInForce": None}
    await client.place(**stop)
    await client.set(CancelRace(when=When(path="/api/v3/openOrders", method="DELETE")))
    seen = await client.ask("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert seen.json == {"code": -2011, "msg": "Unknown order sent."}
    assert await client.orders() == ["FILLED"]


@pytest.mark.parametrize("kind", ["LIMIT", "MARKET"])
async def test_an_expired_order_is_filled_all_the_same(client: Client, kind: str) -> None:
    await client.set(Partial(when=PLACING, percent=0), LateFill(when=PLACING, seconds=0.2))
    changes = {} if kind == "LIMIT" else {"type": kind, "price": None, "timeInForce": None}
    seen = await client.buy_now(**changes)
    assert (seen.json["status"], seen.json["executedQty"], seen.json["fills"]) == (
        "EXPIRED",
        "0.00000000",
        [],
    )
    assert await client.listed("/api/v3/myTrades") == []
    async with asyncio.timeout(5):
        while not (trades := await client.listed("/api/v3/myTrades")):
            pass
    assert [(trade["orderId"], trade["qty"]) for trade in trades] == [(1, "0.00100000")]
    row = (await client.query()).json
    assert (row["status"], row["executedQty"]) == ("EXPIRED", "0.00100000")
    held = (await client.ask("GET", "/api/v3/account", omitZeroBalances="true")).json["balances"]
    bitcoin = next(row for row in held if row["asset"] == "BTC")
    assert bitcoin["free"] == "1.00099900"
    assert all(row["locked"] == "0.00000000" for row in held)


async def test_a_late_fill_takes_no_more_than_is_free(client: Client) -> None:
    await client.set(Partial(when=PLACING, percent=0), LateFill(when=PLACING, seconds=0))
    everything = {"side": "SELL", "quantity": "1", "price": "100000.00", "timeInForce": "IOC"}
    assert (await client.place(**everything)).json["status"] == "EXPIRED"
    assert (await client.place(newClientOrderId="again", **everything)).json["code"] == -2010
    assert [row["executedQty"] for row in await client.listed("/api/v3/allOrders")] == ["1.00000000"]


async def test_a_key_loses_its_rights_in_mid_run(client: Client) -> None:
    await client.set(Permission(when=When(path=ORDER, method="POST", nth=(2,)), trading=False))
    assert (await client.place()).status == 200
    seen = await client.place(newClientOrderId="second")
    assert (seen.status, seen.json["code"]) == (401, -2015)
    assert (await client.query()).status == 200
    await client.set(Permission(trading=True, ip_list=("10.0.0.1",)))
    assert (await client.query()).json["code"] == -2015
    await client.set(Permission(ip_list=()))
    assert (await client.place(newClientOrderId="third")).status == 200


async def test_a_testnet_is_wiped_in_mid_run(client: Client) -> None:
    await client.set(Wipe(when=When(path=ORDER, method="POST", nth=(2,))))
    for name in ("first", "second"):
        assert (await client.place(newClientOrderId=name)).status == 200
    assert (await client.query("second")).json["code"] == -2013
    assert (await client.place(newClientOrderId="third")).json["orderId"] == 1


async def test_events_are_told_twice_or_in_reverse(client: Client, tmp_path: Path) -> None:
    from exchanges.paper import admin

    await client.set(
        DuplicateEvents(when=When(method="POST", path=ORDER, nth=(1,))),
        ReorderEvents(when=When(method="POST", path=ORDER, nth=(2,))),
    )
    for name in ("twice", "reversed", "plain"):
        await client.place(newClientOrderId=name)
    config = PaperConfig(tmp_path / "state", seed=7)
    with (
        admin.opened(config, wall_clock_ms=wall_clock_ms, random_bytes=random.Random(2).randbytes) as other,
        other.transaction() as engine,
    ):
        batches = engine.state.events_after(engine.world.account.account, 0, 100)
    kinds = [[event.kind for event in batch] for _, batch in batches]
    assert kinds == [["ORDER", "ORDER", "BALANCES", "BALANCES"], ["BALANCES", "ORDER"], ["ORDER", "BALANCES"]]
