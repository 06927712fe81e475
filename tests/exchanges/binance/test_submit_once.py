"""An order is written exactly once, whatever the server does with it, and its fate is named honestly."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import ConfigError, OutcomeUnknown, TraderError, VenueRejected, VenueUnavailable
from core.orders import AlreadySent, OrderStatus, SendOnce
from exchanges.binance.session import Timeouts
from tests.exchanges.binance.scripted import (
    FILLED_REPLY,
    FixedClock,
    Reply,
    ScriptedServer,
    answer,
    http,
    make_intent,
    open_venue,
    refusal,
    serve,
)

WHOLE = answer(FILLED_REPLY).data

UNKNOWN_FATES = {
    "closed after reading": Reply(then="close"),
    "half a head": Reply(WHOLE[:20], "close"),
    "half a body": Reply(WHOLE[:-40], "close"),
    "half a body, then silence": Reply(WHOLE[:-40], "hang"),
    "no answer": Reply(then="hang"),
    "not http": Reply(b"\x00\x01\x02 what?\r\n\r\n", "close"),
    "longer than its length": Reply(WHOLE.replace(b"Content-Length: ", b"Content-Length: 1"), "close"),
    "shorter than its length": http(200, '{"symbol":"BTCUSDT"}', headers={"Content-Length": "5"}),
    "garbage gzip": http(200, b"\x1f\x8b garbage", headers={"Content-Encoding": "gzip"}),
    "gzip that is plain": http(200, "{}", headers={"Content-Encoding": "gzip"}),
    "empty 200": http(200),
    "empty object": answer({}),
    "html": http(200, "<html>welcome</html>", headers={"Content-Type": "text/html"}),
    "truncated json": http(200, WHOLE.partition(b"\r\n\r\n")[2][:-10]),
    "list": answer([]),
    "202": answer(FILLED_REPLY, 202),
    "204": http(204),
    "301": http(301, headers={"Location": "/api/v3/order"}),
    "303": http(303, headers={"Location": "/api/v3/order"}),
    "307": http(307, headers={"Location": "/api/v3/order"}),
    "308": http(308, headers={"Location": "/api/v3/order"}),
    "400 without a code": http(400, "bad request"),
    "409": http(409, "{}"),
    "500": http(500, "oops"),
    "502 html": http(502, "<html>bad gateway</html>"),
    "503 overloaded": refusal(503, -1008, "Server is currently overloaded with other requests."),
    "504": http(504),
    "definite code in a 5xx": refusal(502, -1013, "Filter failure: LOT_SIZE"),
    "-1000": refusal(400, -1000, "An unknown error occurred while processing the request."),
    "-1001": refusal(400, -1001, "Internal error; unable to process your request. Please try again."),
    "-1006": refusal(400, -1006, "An unexpected response was received from the message bus."),
    "-1007": refusal(408, -1007, "Timeout waiting for response from backend server."),
    "-1021": refusal(400, -1021, "Timestamp for this request is outside of the recvWindow."),
    "duplicate": refusal(400, -2010, "Duplicate order sent."),
    "unlisted code": refusal(400, -9999, "Something new."),
    "another order": answer(FILLED_REPLY | {"clientOrderId": "tr0123456789abcdef-6"}),
    "another symbol": answer(FILLED_REPLY | {"symbol": "ETHUSDT"}),
    "another quantity": answer(FILLED_REPLY | {"origQty": "1.00000000"}),
    "another side": answer(FILLED_REPLY | {"side": "SELL"}),
    "only acknowledged": answer({k: FILLED_REPLY[k] for k in ("symbol", "orderId", "clientOrderId")}),
    "unknown status": answer(FILLED_REPLY | {"status": "PONDERING"}),
    "fills that do not add up": answer(FILLED_REPLY | {"executedQty": "0.00050000"}),
}

NOT_EXECUTED: dict[str, tuple[Reply, type[TraderError], str]] = {
    "filter": (refusal(400, -1013, "Filter failure: NOTIONAL"), VenueRejected, "VENUE_REJECTED"),
    "balance": (
        refusal(400, -2010, "Account has insufficient balance for requested action."),
        VenueRejected,
        "VENUE_REJECTED",
    ),
    "signature": (
        refusal(400, -1022, "Signature for this request is not valid."),
        ConfigError,
        "KEY_REFUSED",
    ),
    "key": (refusal(401, -2015, "Invalid API-key, IP, or permissions."), ConfigError, "KEY_REFUSED"),
    "key of another place": (refusal(400, -2008, "Invalid Api-Key ID."), ConfigError, "KEY_REFUSED"),
    "401": (http(401), ConfigError, "KEY_REFUSED"),
    "symbol": (refusal(400, -1121, "Invalid symbol."), ConfigError, "SYMBOL_UNKNOWN"),
    "firewall": (http(403, "<html>WAF</html>"), VenueUnavailable, "VENUE_UNREACHABLE"),
    "wrong path": (http(404, "<html>nginx</html>"), ConfigError, "SETTINGS_INVALID"),
    "location": (http(451), VenueUnavailable, "VENUE_UNREACHABLE"),
    "banned": (http(418, headers={"Retry-After": "120"}), VenueUnavailable, "VENUE_BANNED"),
    "weight": (refusal(429, -1003, "Too many requests queued."), VenueUnavailable, "VENUE_BUSY"),
    "order count": (refusal(429, -1015, "Too many new orders."), VenueUnavailable, "VENUE_BUSY"),
}


@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
@pytest.mark.parametrize("name", UNKNOWN_FATES)
async def test_an_unknown_fate_is_written_once(server: ScriptedServer, name: str, kept: bool) -> None:
    reply = UNKNOWN_FATES[name]
    server.script = [answer({})] * kept + [reply, answer(FILLED_REPLY)]
    permission = SendOnce(make_intent())
    async with open_venue(server, timeouts=reply.timeouts) as venue:
        if kept:
            await venue.market_data.ping()
        with pytest.raises(OutcomeUnknown) as unknown:
            await venue.trading.submit(permission)
    assert server.count("POST") == 1
    assert unknown.value.exit_code == 8
    assert unknown.value.hint


@pytest.mark.parametrize("name", NOT_EXECUTED)
async def test_a_definite_no_is_written_once(server: ScriptedServer, name: str) -> None:
    reply, error_class, code = NOT_EXECUTED[name]
    server.script = [reply, answer(FILLED_REPLY)]
    async with open_venue(server) as venue:
        with pytest.raises(error_class) as refused:
            await venue.trading.submit(SendOnce(make_intent()))
    assert refused.value.code == code
    assert server.count("POST") == 1


async def test_a_connection_closed_before_reading_is_not_tried_again(server: ScriptedServer) -> None:
    server.script = [Reply(then="close", unread=True)]
    async with open_venue(server) as venue:
        with pytest.raises(OutcomeUnknown):
            await venue.trading.submit(SendOnce(make_intent()))
    assert server.connections == 1
    assert server.count("POST") == 0


async def test_a_connection_never_made_is_provably_unsent() -> None:
    async with serve() as gone:
        pass
    async with open_venue(gone) as venue:
        with pytest.raises(VenueUnavailable) as refused:
            await venue.trading.submit(SendOnce(make_intent()))
    assert refused.value.code == "VENUE_UNREACHABLE"


async def test_a_slow_answer_that_arrives_in_time_counts(server: ScriptedServer) -> None:
    server.script = [answer(FILLED_REPLY)]
    async with open_venue(server, timeouts=Timeouts(read_s=0.001, order_s=15)) as venue:
        report = await venue.trading.submit(SendOnce(make_intent()))
    assert report.status is OrderStatus.FILLED


async def test_the_permission_is_spent_once(server: ScriptedServer) -> None:
    server.script = [Reply(then="close"), answer(FILLED_REPLY)]
    permission = SendOnce(make_intent())
    async with open_venue(server) as venue:
        with pytest.raises(OutcomeUnknown):
            await venue.trading.submit(permission)
        with pytest.raises(AlreadySent):
            await venue.trading.submit(permission)
    assert server.count("POST") == 1


async def test_a_dry_run_intent_is_never_sent(server: ScriptedServer) -> None:
    permission = SendOnce(make_intent(dry_run=True))
    async with open_venue(server) as venue:
        with pytest.raises(ValueError, match="dry-run"):
            await venue.trading.submit(permission)
    assert server.connections == 0


async def test_the_intent_is_sent_as_recorded(server: ScriptedServer) -> None:
    server.script = [answer(FILLED_REPLY)]
    async with open_venue(server) as venue:
        report = await venue.trading.submit(SendOnce(make_intent()))
    (request,) = server.received
    sent = request.params
    assert len(sent.pop("signature")) == 64
    assert (request.method, request.target) == ("POST", "/api/v3/order")
    assert sent == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "IOC",
        "quantity": "0.00100",
        "price": "25000.10",
        "newOrderRespType": "FULL",
        "newClientOrderId": "tr0123456789abcdef-7",
        "recvWindow": "4321",
        "timestamp": "1699999999123",
    }
    assert report.client_order_id == "tr0123456789abcdef-7"
    assert report.fills[0].trade_id == 56


async def test_validation_places_nothing(server: ScriptedServer) -> None:
    async with open_venue(server) as venue:
        await venue.trading.validate(make_intent(dry_run=True))
    (request,) = server.received
    assert request.path == "/api/v3/order/test"
    assert request.params["newClientOrderId"] == "tr0123456789abcdef-7"
    assert request.params["timestamp"] == "1699999999123"


@pytest.mark.parametrize(
    ("reply", "error_class"),
    [
        (refusal(400, -1013, "Filter failure: LOT_SIZE"), VenueRejected),
        (refusal(400, -1021, "Timestamp for this request is outside of the recvWindow."), ConfigError),
        (http(200), VenueUnavailable),
        (http(200, "<html>"), VenueUnavailable),
        (http(502), VenueUnavailable),
        (Reply(then="close"), VenueUnavailable),
        (http(307, headers={"Location": "/api/v3/order"}), VenueUnavailable),
    ],
)
async def test_validation_never_leaves_an_unknown(
    server: ScriptedServer, reply: Reply, error_class: type[TraderError]
) -> None:
    server.otherwise = reply
    async with open_venue(server) as venue:
        with pytest.raises(error_class):
            await venue.trading.validate(make_intent(dry_run=True))
    assert all(request.path == "/api/v3/order/test" for request in server.received)


CANCEL_REPLY: dict[str, Any] = FILLED_REPLY | {
    "origClientOrderId": "tr0123456789abcdef-7",
    "clientOrderId": "theirs",
    "status": "CANCELED",
    "executedQty": "0",
    "fills": [],
}


async def test_a_cancel_reports_the_order_it_canceled(server: ScriptedServer) -> None:
    server.script = [answer(CANCEL_REPLY)]
    async with open_venue(server) as venue:
        report = await venue.trading.cancel("BTCUSDT", "tr0123456789abcdef-7")
    assert (report.client_order_id, report.status) == ("tr0123456789abcdef-7", OrderStatus.CANCELED)
    assert server.received[0].params["origClientOrderId"] == "tr0123456789abcdef-7"


@pytest.mark.parametrize(
    ("reply", "error_class"),
    [
        (refusal(400, -2011, "Unknown order sent."), VenueRejected),
        (refusal(400, -1021, "Timestamp for this request is outside of the recvWindow."), OutcomeUnknown),
        (refusal(400, -9999, "Something new."), OutcomeUnknown),
        (http(502), OutcomeUnknown),
        (http(200), OutcomeUnknown),
        (Reply(then="close"), OutcomeUnknown),
        (answer(CANCEL_REPLY | {"origClientOrderId": "another"}), OutcomeUnknown),
        (http(403, "<html>WAF</html>"), VenueUnavailable),
        (http(429), VenueUnavailable),
    ],
)
async def test_a_cancel_is_written_once(
    server: ScriptedServer, reply: Reply, error_class: type[TraderError]
) -> None:
    server.script = [answer({}), reply]
    async with open_venue(server) as venue:
        await venue.market_data.ping()
        with pytest.raises(error_class):
            await venue.trading.cancel("BTCUSDT", "tr0123456789abcdef-7")
    assert server.count("DELETE") == 1


async def test_reads_are_repeated_twice_and_no_more(server: ScriptedServer) -> None:
    clock = FixedClock()
    server.otherwise = http(503)
    async with open_venue(server, clock=clock) as venue:
        with pytest.raises(VenueUnavailable):
            await venue.account.snapshot()
    assert server.count("GET") == 3
    assert clock.slept_s == [0.25, 1.0]
    stamps = [int(request.params["timestamp"]) for request in server.received]
    assert [stamp - stamps[0] for stamp in stamps] == [0, 250, 1250]


@pytest.mark.parametrize("reply", [http(429), http(418), http(403), refusal(400, -1121, "Invalid symbol.")])
async def test_reads_that_were_refused_are_not_repeated(server: ScriptedServer, reply: Reply) -> None:
    server.otherwise = reply
    async with open_venue(server) as venue:
        with pytest.raises(TraderError):
            await venue.account.snapshot()
    assert server.count("GET") == 1
