"""The four ports over a socket: what is asked, how often, and what comes back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.account import Environment
from core.errors import ConfigError, Refused, TraderError, VenueRejected, VenueUnavailable
from exchanges.binance.client import open_binance
from exchanges.registry import VENUE_NAMES, venue_factory
from tests.exchanges.binance.scripted import (
    NOW_MS,
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
from tests.exchanges.binance.test_wire import ACCOUNT, COINS, COMMISSION, DEPTH, KEY, QUERY, SYMBOL, TRADE

MINUTE_MS = 60_000
FIRST_MS = NOW_MS - NOW_MS % MINUTE_MS


def kline(open_ms: int) -> list[object]:
    return [open_ms, "2", "4", "1", "3", "9", open_ms + MINUTE_MS - 1, "27", 5, "1", "1", "0"]


def klines_until_now(request: Received) -> Reply:
    """Answer as the venue does: the newest `limit` bars up to endTime, the forming one included."""
    end_ms = int(request.params.get("endTime", NOW_MS))
    newest = end_ms - end_ms % MINUTE_MS
    count = min(int(request.params["limit"]), 1000)
    return answer([kline(newest - back * MINUTE_MS) for back in reversed(range(count))])


def tape_of(trades: int, apart_ms: int) -> Callable[[Received], Reply]:
    """Answer as the venue does for a tape of so many trades, the last of them now: numbered from 0."""

    def reply(request: Received) -> Reply:
        limit = int(request.params["limit"])
        first = int(request.params.get("fromId", max(0, trades - limit)))
        return answer(
            [
                {
                    "a": n,
                    "p": "2",
                    "q": "1",
                    "f": n,
                    "l": n,
                    "T": NOW_MS - (trades - 1 - n) * apart_ms,
                    "m": n % 2 == 0,
                }
                for n in range(first, min(trades, first + limit))
            ]
        )

    return reply


@pytest.mark.parametrize(
    ("trades", "apart_ms", "seen", "requests"),
    [
        (0, 1, 0, 1),
        (7, 1, 7, 1),
        (1_000, 1, 1_000, 1),
        (2_500, 1, 2_500, 3),
        (5_000, 20, 3_001, 4),
        (1_000_000, 1, 10_000, 10),
    ],
)
async def test_the_tape_is_read_from_its_end(
    server: ScriptedServer, trades: int, apart_ms: int, seen: int, requests: int
) -> None:
    server.otherwise = tape_of(trades, apart_ms)
    async with open_venue(server) as venue:
        flow = await venue.market_data.taker_flow("BTCUSDT", 60_000)
    assert flow.trades == seen
    assert flow.bought + flow.sold == 2 * seen
    assert abs(flow.bought - flow.sold) <= 2
    assert len(server.received) == requests


@pytest.mark.parametrize("count", [1, 2, 999, 1000, 1001, 2500])
async def test_bars_are_the_newest_closed_ones(server: ScriptedServer, count: int) -> None:
    server.otherwise = klines_until_now
    async with open_venue(server) as venue:
        bars = await venue.market_data.bars("BTCUSDT", "1m", count)
    assert len(bars) == count
    assert bars.end_ms <= NOW_MS < bars.end_ms + MINUTE_MS
    assert set(bars.volume) == {27.0}
    assert len(server.received) == count // 1000 + 1
    assert all(int(request.params["limit"]) <= 1000 for request in server.received)


@pytest.mark.parametrize("there_ms", [0, 12], ids=["in flight", "clock taken for ahead"])
async def test_a_bar_that_was_forming_when_it_was_asked_for_is_not_closed(
    server: ScriptedServer, there_ms: int
) -> None:
    clock = FixedClock(FIRST_MS)

    def while_time_passes(request: Received) -> Reply:
        if request.path == "/api/v3/time":
            clock.time_ms += there_ms
            return answer({"serverTime": int(clock.time_ms)})
        clock.time_ms += 50
        return klines_until_now(request)

    server.otherwise = while_time_passes
    async with open_venue(server, clock=clock) as venue:
        await venue.market_data.clock_reading()
        clock.time_ms = FIRST_MS + MINUTE_MS - 3
        bars = await venue.market_data.bars("BTCUSDT", "1m", 7)
    assert len(bars) == 7
    assert bars.end_ms == FIRST_MS


async def test_fewer_bars_come_where_the_venue_has_no_more(server: ScriptedServer) -> None:
    server.otherwise = answer([kline(FIRST_MS - 2 * MINUTE_MS), kline(FIRST_MS - MINUTE_MS), kline(FIRST_MS)])
    async with open_venue(server) as venue:
        bars = await venue.market_data.bars("BTCUSDT", "1m", 100)
    assert bars.end_ms == FIRST_MS
    assert len(bars) == 2


async def test_paging_ends_with_a_server_that_repeats_itself(server: ScriptedServer) -> None:
    future = [kline(FIRST_MS + minute * MINUTE_MS) for minute in range(1000)]
    server.otherwise = answer(future)
    async with open_venue(server) as venue:
        assert len(await venue.market_data.bars("BTCUSDT", "1m", 3000)) == 0
    assert len(server.received) < 10


@pytest.mark.parametrize("times", [[0, 2], [0, 0], [1, 0]], ids=["gap", "twice", "unsorted"])
async def test_bars_that_cannot_be_are_unreadable(server: ScriptedServer, times: list[int]) -> None:
    server.otherwise = answer([kline(FIRST_MS - MINUTE_MS * (9 - minute)) for minute in times])
    async with open_venue(server) as venue:
        with pytest.raises(VenueUnavailable) as refused:
            await venue.market_data.bars("BTCUSDT", "1m", 5)
    assert refused.value.code == "VENUE_UNREADABLE"


@settings(max_examples=50)
@given(venue_ahead_ms=st.integers(-10_000, 10_000), there_ms=st.floats(0, 400), back_ms=st.floats(0, 400))
async def test_the_offset_is_true_to_within_its_bound(
    venue_ahead_ms: int, there_ms: float, back_ms: float
) -> None:
    clock = FixedClock(NOW_MS + 0.25)

    def tell(request: Received) -> Reply:
        clock.time_ms += there_ms
        venue_ms = int(clock.time_ms + venue_ahead_ms)
        clock.time_ms += back_ms
        return answer({"serverTime": venue_ms})

    async with serve() as server, open_venue(server, clock=clock) as venue:
        server.otherwise = tell
        reading = await venue.market_data.clock_reading()
    assert abs(reading.offset_ms - venue_ahead_ms) <= reading.bound_ms
    assert reading.bound_ms <= (there_ms + back_ms) / 2 + 1.001
    assert abs(reading.venue_ms - reading.local_ms - reading.offset_ms) <= 1


async def test_the_quickest_sample_counts(server: ScriptedServer) -> None:
    clock = FixedClock()
    delays = iter([300.0, 4.0, 80.0])

    def tell(request: Received) -> Reply:
        clock.time_ms += next(delays)
        return answer({"serverTime": int(clock.time_ms) + 7})

    server.otherwise = tell
    async with open_venue(server, clock=clock) as venue:
        reading = await venue.market_data.clock_reading()
    assert reading.bound_ms == 3.0
    assert reading.offset_ms == pytest.approx(9.0)


async def test_a_measured_offset_stamps_later_requests(server: ScriptedServer) -> None:
    server.script = [answer(ACCOUNT), *[answer({"serverTime": NOW_MS + 4_000})] * 3, answer(ACCOUNT)]
    async with open_venue(server) as venue:
        await venue.account.snapshot()
        await venue.market_data.clock_reading()
        await venue.account.snapshot()
    assert server.received[0].params["timestamp"] == str(NOW_MS)
    assert server.received[-1].params["timestamp"] == str(NOW_MS + 4_000)
    assert server.received[-1].params["recvWindow"] == "5000"


async def test_a_clock_that_is_off_is_named(server: ScriptedServer) -> None:
    server.otherwise = refusal(400, -1021, "Timestamp for this request is outside of the recvWindow.")
    async with open_venue(server) as venue:
        with pytest.raises(ConfigError) as refused:
            await venue.account.snapshot()
    assert refused.value.code == "CLOCK_OFFSET"
    assert "NTP" in (refused.value.hint or "")


async def test_one_instrument_is_asked_for(server: ScriptedServer) -> None:
    server.otherwise = answer({"symbols": [SYMBOL]})
    async with open_venue(server) as venue:
        instrument = await venue.market_data.instrument("BTCUSDT")
    assert instrument.symbol == "BTCUSDT"
    assert server.received[0].params == {"symbol": "BTCUSDT"}


@pytest.mark.parametrize("reply", [refusal(400, -1121, "Invalid symbol."), answer({"symbols": []})])
async def test_an_unknown_symbol(server: ScriptedServer, reply: Reply) -> None:
    server.otherwise = reply
    async with open_venue(server) as venue:
        with pytest.raises(ConfigError) as refused:
            await venue.market_data.instrument("NOSUCH")
    assert refused.value.code == "SYMBOL_UNKNOWN"


async def test_books_and_average_prices(server: ScriptedServer) -> None:
    server.script = [answer(DEPTH), answer({"mins": 5, "price": "9.35"}), answer({"bids": [], "asks": []})]
    async with open_venue(server) as venue:
        book = await venue.market_data.book("BTCUSDT", 5)
        average = await venue.market_data.average_price("BTCUSDT")
        with pytest.raises(Refused):
            await venue.market_data.book("BTCUSDT", 5)
    assert book.bids[0] == (Decimal("4.00"), Decimal("431.0"))
    assert book.ts_recv_ms == NOW_MS
    assert average == Decimal("9.35")
    assert server.received[0].params == {"symbol": "BTCUSDT", "limit": "5"}


async def test_account_and_commission(server: ScriptedServer) -> None:
    server.script = [answer(ACCOUNT), answer(COMMISSION)]
    async with open_venue(server) as venue:
        snapshot = await venue.account.snapshot()
        rates = await venue.account.commission("BTCUSDT")
    assert snapshot.uid == "354937868"
    assert rates.taker_rate > rates.maker_rate
    assert [request.path for request in server.received] == ["/api/v3/account", "/api/v3/account/commission"]


async def test_an_order_that_the_venue_does_not_know_is_none(server: ScriptedServer) -> None:
    server.script = [
        refusal(400, -2013, "Order does not exist."),
        answer(QUERY),
        refusal(400, -2026, "Order was archived."),
        answer(QUERY),
    ]
    async with open_venue(server) as venue:
        assert await venue.account.order("LTCBTC", "myOrder1") is None
        found = await venue.account.order("LTCBTC", "myOrder1")
        with pytest.raises(VenueRejected):
            await venue.account.order("LTCBTC", "myOrder1")
        with pytest.raises(VenueUnavailable) as other:
            await venue.account.order("LTCBTC", "another")
    assert found is not None
    assert found.client_order_id == "myOrder1"
    assert other.value.code == "VENUE_UNREADABLE"


async def test_open_orders_of_one_symbol_or_of_all(server: ScriptedServer) -> None:
    foreign = QUERY | {"orderId": 2, "clientOrderId": "web_1", "type": "TAKE_PROFIT_LIMIT"}
    server.otherwise = answer([QUERY, foreign])
    async with open_venue(server) as venue:
        assert len(await venue.account.open_orders("LTCBTC")) == 2
        await venue.account.open_orders(None)
    assert server.received[0].params["symbol"] == "LTCBTC"
    assert "symbol" not in server.received[1].params


async def test_all_fills_of_an_order_are_paged(server: ScriptedServer) -> None:
    def page(request: Received) -> Reply:
        assert request.params["orderId"] == "100234"
        first = int(request.params.get("fromId", 1))
        return answer([TRADE | {"id": number} for number in range(first, min(first + 1000, 2501))])

    server.otherwise = page
    async with open_venue(server) as venue:
        fills = await venue.account.order_fills("BNBBTC", 100234)
    assert [fill.trade_id for fill in fills] == list(range(1, 2501))
    assert len(server.received) == 3


async def test_paging_of_fills_ends_with_a_server_that_repeats_itself(server: ScriptedServer) -> None:
    server.otherwise = answer([TRADE | {"id": number} for number in range(1000)])
    async with open_venue(server) as venue:
        assert len(await venue.account.order_fills("BNBBTC", 100234)) == 1000
    assert len(server.received) == 2


async def test_all_orders_of_a_span_are_paged(server: ScriptedServer) -> None:
    def page(request: Received) -> Reply:
        assert (request.params["startTime"], request.params["endTime"]) == ("1000", "2000")
        first = int(request.params.get("orderId", 1))
        return answer([QUERY | {"orderId": number} for number in range(first, min(first + 1000, 2501))])

    server.otherwise = page
    async with open_venue(server) as venue:
        orders = await venue.account.all_orders("LTCBTC", 1_000, 2_000)
    assert [order.venue_order_id for order in orders] == list(range(1, 2501))
    assert len(server.received) == 3


async def test_fills_of_a_span_go_on_by_id_after_a_full_page(server: ScriptedServer) -> None:
    def page(request: Received) -> Reply:
        if "startTime" in request.params:
            return answer([TRADE | {"id": number, "time": 1_000 + number} for number in range(1000)])
        assert request.params["fromId"] == "1000"
        return answer([TRADE | {"id": number, "time": 1_000 + number} for number in range(1000, 1200)])

    server.otherwise = page
    async with open_venue(server) as venue:
        fills = await venue.account.fills_between("BNBBTC", 1_000, 2_100)
    assert [fill.trade_id for fill in fills] == list(range(1101))
    assert len(server.received) == 2


@pytest.mark.parametrize("wrong", [{"symbol": "ETHBTC"}, {"orderId": 2}])
async def test_another_order_than_was_asked_for_by_id_is_unreadable(
    server: ScriptedServer, wrong: dict[str, object]
) -> None:
    server.otherwise = answer(QUERY | wrong)
    async with open_venue(server) as venue:
        with pytest.raises(VenueUnavailable, match="understood"):
            await venue.account.order_by_id("LTCBTC", 1)


async def test_the_last_trade_id(server: ScriptedServer) -> None:
    server.script = [answer([TRADE]), answer([])]
    async with open_venue(server) as venue:
        assert await venue.account.last_trade_id("BNBBTC") == 28457
        assert await venue.account.last_trade_id("BNBBTC") is None


async def test_pages_of_statements_are_read_by_id(server: ScriptedServer) -> None:
    trades = [TRADE | {"id": number} for number in range(5, 1005)]
    server.script = [answer(trades), answer([TRADE]), answer([QUERY])]
    async with open_venue(server) as venue:
        full = await venue.statements.trades("BNBBTC", 5)
        last = await venue.statements.trades("BNBBTC", None)
        orders = await venue.statements.orders("LTCBTC", 7)
    assert [trade.trade_id for trade in full.rows] == list(range(5, 1005))
    assert (full.is_last, last.is_last, orders.is_last) == (False, True, True)
    assert [order.client_order_id for order in orders.rows] == ["myOrder1"]
    asked = [{**request.params} for request in server.received]
    assert [each.get("fromId", each.get("orderId")) for each in asked] == ["5", None, "7"]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (http(200, "<html>"), "VENUE_UNREADABLE"),
        (answer([TRADE | {"id": "5"}]), "VENUE_UNREADABLE"),
        (answer([TRADE, TRADE | {"id": 5}]), "VENUE_UNREADABLE"),
        (answer({"code": -1000, "msg": "?"}), "VENUE_UNREADABLE"),
        (refusal(400, -1121, "Invalid symbol."), "SYMBOL_UNKNOWN"),
    ],
)
async def test_a_page_that_is_none_is_told_apart_from_a_refusal(
    server: ScriptedServer, reply: Reply, code: str
) -> None:
    server.otherwise = reply
    async with open_venue(server) as venue:
        with pytest.raises(TraderError) as refused:
            await venue.statements.trades("BNBBTC", None)
    assert refused.value.code == code


async def test_keys_and_addresses_of_the_live_venue(server: ScriptedServer) -> None:
    address = {"coin": "BTC", "address": "1HPn", "tag": "", "url": ""}
    server.script = [answer(KEY), answer({"data": "Normal"}), answer(COINS), answer(address)]
    async with open_venue(server, environment=Environment.MAINNET) as venue:
        keys = venue.key_administration
        facts = await keys.key_facts()
        assert await keys.account_status() == "Normal"
        networks = await keys.networks("BTC")
        found = await keys.deposit_address("BTC", "BTC")
    assert facts is not None
    assert not facts.withdrawals
    assert [each.network for each in networks or ()] == ["BSC", "BTC"]
    assert found is not None
    assert (found.network, found.address) == ("BTC", "1HPn")
    assert server.received[3].params["network"] == "BTC"


@pytest.mark.parametrize(
    "reply", [http(200), http(200, "<html>"), answer([1]), answer({"serverTime": "soon"})]
)
async def test_an_unreadable_answer_to_a_read(server: ScriptedServer, reply: Reply) -> None:
    server.otherwise = reply
    async with open_venue(server) as venue:
        with pytest.raises(VenueUnavailable) as refused:
            await venue.market_data.clock_reading()
    assert refused.value.code == "VENUE_UNREADABLE"
    assert len(server.received) == 1


async def test_a_venue_opened_by_its_address_is_classified(server: ScriptedServer) -> None:
    server.script = [http(404)]
    async with open_binance(f"{server.root}/api", None, FixedClock(), name="paper") as venue:
        await venue.market_data.ping()
    assert venue.name == "paper"
    assert venue.host.environment is Environment.TESTNET
    assert venue.host.root == server.root


async def test_venues_open_by_name(server: ScriptedServer) -> None:
    for name in VENUE_NAMES:
        async with venue_factory(name)(server.host, SIGNING_KEY, FixedClock(), name=name) as venue:
            await venue.market_data.ping()
        assert venue.name == name
    with pytest.raises(ConfigError, match="mtgox"):
        venue_factory("mtgox")


def test_nothing_heavy_loads_before_a_venue_is_opened() -> None:
    code = "import sys, exchanges.registry; print({'binance', 'aiohttp', 'numpy'} & set(sys.modules))"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "set()"
