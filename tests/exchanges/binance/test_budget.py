"""What the session counts, and what it keeps back: on a real socket, for two sessions at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from core.budget import ORDINARY_SHARE, WEIGHT_PER_MINUTE, Budget
from core.errors import TraderError, VenueUnavailable
from core.ports import Venue
from exchanges.binance.client import open_binance
from exchanges.binance.weights import UNLISTED, weight_of
from tests.exchanges.binance.scripted import (
    FILLED_REPLY,
    PATIENT,
    SIGNING_KEY,
    FixedClock,
    Reply,
    ScriptedServer,
    answer,
    http,
    make_intent,
    refusal,
)

ORDINARY = int(WEIGHT_PER_MINUTE * ORDINARY_SHARE)
BANNED = '{"code":-1003,"msg":"Way too much request weight used; IP banned until 1700000090000."}'


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def budgets(tmp_path: Path, clock: FixedClock) -> Iterator[tuple[Budget, Budget]]:
    one, other = (Budget.shared(tmp_path / "agreed", "host", clock) for _ in range(2))
    yield one, other
    one.close()
    other.close()


async def open_two(
    stack: AsyncExitStack, server: ScriptedServer, clock: FixedClock, budgets: tuple[Budget, Budget]
) -> tuple[Venue, Venue]:
    opened = [
        await stack.enter_async_context(
            open_binance(server.host, SIGNING_KEY, clock, timeouts=PATIENT, budget=budget)
        )
        for budget in budgets
    ]
    return opened[0], opened[1]


async def test_what_the_venue_counted_is_known_to_both(
    server: ScriptedServer, clock: FixedClock, budgets: tuple[Budget, Budget]
) -> None:
    async with AsyncExitStack() as stack:
        one, other = await open_two(stack, server, clock, budgets)
        server.script = [http(200, "{}", headers={"x-mbx-used-weight-1m": str(ORDINARY)})]
        await one.market_data.ping()
        with pytest.raises(VenueUnavailable) as refused:
            await other.market_data.ping()
        assert refused.value.code == "VENUE_BUSY"
        assert refused.value.details["retry_after_s"] == 40
        assert len(server.received) == 1
        with other.budget.reducing():
            await other.market_data.ping()
        clock.time_ms += 40_000
        await other.market_data.ping()
    assert len(server.received) == 3


@pytest.mark.parametrize(
    ("reply", "code", "left_s"),
    [
        (http(429, "{}", headers={"Retry-After": "30"}), "VENUE_BUSY", 30),
        (http(418, BANNED, headers={"Retry-After": "3600"}), "VENUE_BANNED", 3600),
        (http(418, BANNED.replace("1700000090000", "1700000900000")), "VENUE_BANNED", 900),
        (http(418), "VENUE_BANNED", 120),
    ],
    ids=["429", "418", "418 with its end in words", "418 without an end"],
)
async def test_after_a_limit_or_ban_nobody_sends_anything(
    server: ScriptedServer,
    clock: FixedClock,
    budgets: tuple[Budget, Budget],
    reply: Reply,
    code: str,
    left_s: int,
) -> None:
    async with AsyncExitStack() as stack:
        one, other = await open_two(stack, server, clock, budgets)
        server.script = [reply]
        with pytest.raises(VenueUnavailable):
            await one.market_data.ping()
        for ask in (
            other.market_data.ping,
            lambda: other.trading.cancel("BTCUSDT", "tr0123456789abcdef-7"),
            lambda: other.account.open_orders(None),
        ):
            with other.budget.reducing(), pytest.raises(TraderError) as refused:
                await ask()
            assert refused.value.code == code
            assert f"{left_s} s" in str(refused.value)
            assert refused.value.details["retry_after_s"] == left_s
        assert clock.slept_s == []
        assert len(server.received) == 1
        clock.time_ms += left_s * 1000
        await other.market_data.ping()


async def test_a_banned_address_is_not_even_probed(
    server: ScriptedServer, clock: FixedClock, budgets: tuple[Budget, Budget]
) -> None:
    budgets[0].close_for(60, 418)
    with pytest.raises(VenueUnavailable) as refused:
        async with open_binance(server.root, None, clock, budget=budgets[1]):
            pytest.fail("a venue that may not be asked")
    assert refused.value.code == "VENUE_BANNED"
    assert server.received == []


async def test_an_order_limit_stops_orders_and_not_cancels(
    server: ScriptedServer, clock: FixedClock, budgets: tuple[Budget, Budget]
) -> None:
    async with AsyncExitStack() as stack:
        one, other = await open_two(stack, server, clock, budgets)
        limited = refusal(429, -1015, "Too many new orders; current limit is 100 orders per 10 SECOND.")
        limited = http(429, limited.data.partition(b"\r\n\r\n")[2], headers={"Retry-After": "10"})
        server.script = [limited]
        with pytest.raises(VenueUnavailable):
            await one.trading.validate(make_intent())
        server.otherwise = answer(
            {**FILLED_REPLY, "origClientOrderId": "tr0123456789abcdef-7", "status": "CANCELED"}
        )
        await other.trading.cancel("BTCUSDT", "tr0123456789abcdef-7")
    assert len(server.received) == 2


@pytest.mark.parametrize(
    ("request_line", "params", "weight"),
    [
        ("get /api/v3/ping", {}, 1),
        ("get /api/v3/exchangeInfo", {"symbol": "BTCUSDT"}, 20),
        ("get /api/v3/depth", {"symbol": "BTCUSDT", "limit": 5}, 5),
        ("get /api/v3/depth", {"symbol": "BTCUSDT"}, 5),
        ("get /api/v3/depth", {"symbol": "BTCUSDT", "limit": 101}, 25),
        ("get /api/v3/depth", {"symbol": "BTCUSDT", "limit": 1000}, 50),
        ("get /api/v3/depth", {"symbol": "BTCUSDT", "limit": 5000}, 250),
        ("get /api/v3/openOrders", {"symbol": "BTCUSDT"}, 6),
        ("get /api/v3/openOrders", {"symbol": None}, 80),
        ("get /api/v3/myTrades", {"symbol": "BTCUSDT", "orderId": 7}, 5),
        ("get /api/v3/myTrades", {"symbol": "BTCUSDT", "orderId": None}, 20),
        ("get /api/v3/account/commission", {"symbol": "BTCUSDT"}, 20),
        ("post /api/v3/order/test", {"symbol": "BTCUSDT"}, 1),
        ("post /api/v3/order/test", {"symbol": "BTCUSDT", "computeCommissionRates": True}, 20),
        ("post /api/v3/order", {"symbol": "BTCUSDT"}, 0),
        ("delete /api/v3/order", {"symbol": "BTCUSDT"}, 0),
        ("delete /api/v3/openOrders", {"symbol": "BTCUSDT"}, 0),
        ("get /sapi/v1/account/apiRestrictions", {}, 0),
        ("get /api/v3/somethingNew", {}, UNLISTED),
    ],
)
def test_weights_are_those_of_the_documents(
    request_line: str, params: dict[str, object], weight: int
) -> None:
    method, path = request_line.split()
    assert weight_of(method, path, params) == weight
