"""Market data, and the shapes of every answer against the venue's published samples."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exchanges.paper import admin
from exchanges.paper.market import STEP_MS
from exchanges.paper.symbols import SYMBOLS
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.venue import START_MS, Answer, Venue, Wall

DAY_MS = 86_400_000
RESTING = {"quantity": "0.001", "price": "50000.00"}


def shape(value: Any) -> Any:
    """Return names in order and kinds of values; of a list, those of its first element."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value and isinstance(value[0], dict) else [type(each) for each in value]
    return type(value)


def _orders(venue: Venue, path: str) -> Answer:
    venue.order(**RESTING)
    return venue.signed("GET", path, symbol="BTCUSDT")


def _canceled(venue: Venue) -> Answer:
    venue.order(**RESTING)
    return venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=1)


def _one_order(venue: Venue) -> Answer:
    venue.order(**RESTING)
    return venue.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=1)


def _all_canceled(venue: Venue) -> Answer:
    venue.order(**RESTING)
    return venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")


def _my_trades(venue: Venue) -> Answer:
    venue.order("BUY", "MARKET", quantity="0.001")
    return venue.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT")


SAMPLES: dict[str, Callable[[Venue], Answer]] = {
    "account_response": lambda venue: venue.signed("GET", "/api/v3/account"),
    "account_trades_response": _my_trades,
    "all_orders_response": lambda venue: _orders(venue, "/api/v3/allOrders"),
    "avg_price_response": lambda venue: venue.public("/api/v3/avgPrice", symbol="BTCUSDT"),
    "book_ticker_response": lambda venue: venue.public("/api/v3/ticker/bookTicker", symbol="BTCUSDT"),
    "cancel_open_orders_response": _all_canceled,
    "cancel_order_response": _canceled,
    "depth_response": lambda venue: venue.public("/api/v3/depth", symbol="BTCUSDT", limit=1),
    "klines_response": lambda venue: venue.public("/api/v3/klines", symbol="BTCUSDT", interval="1w", limit=1),
    "new_order_full_response": lambda venue: venue.order("BUY", "MARKET", quantity="0.001"),
    "open_orders_response": lambda venue: _orders(venue, "/api/v3/openOrders"),
    "order_response": _one_order,
    "ping_response": lambda venue: venue.public("/api/v3/ping"),
    "server_time_response": lambda venue: venue.public("/api/v3/time"),
    "ticker_24hr_response": lambda venue: venue.public("/api/v3/ticker/24hr", symbol="BTCUSDT"),
    "ticker_price_response": lambda venue: venue.public("/api/v3/ticker/price", symbol="BTCUSDT"),
    "trades_response": lambda venue: venue.public("/api/v3/trades", symbol="BTCUSDT"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_answers_have_the_fields_and_types_of_the_published_samples(
    venue: Venue, data_dir: Path, name: str
) -> None:
    sample = json.loads((data_dir / "binance-spot-json" / "http_json" / f"{name}.json").read_text())
    answer = SAMPLES[name](venue)
    assert answer.status == 200
    expected, found = shape(sample), shape(answer.body)
    if name == "klines_response":
        expected, found = shape(sample[0]), shape(answer.body[0])
    assert found == expected


def test_exchange_info_has_every_field_of_the_sample(venue: Venue, data_dir: Path) -> None:
    path = data_dir / "binance-spot-json" / "http_json" / "exchange_info_response.json"
    sample = json.loads(path.read_text())
    answer = venue.public("/api/v3/exchangeInfo").body
    assert set(answer) == set(sample) - {"sors"}
    (expected,) = sample["symbols"]
    for symbol in answer["symbols"]:
        assert list(symbol) == list(expected)
        assert [type(value) for value in symbol.values()] == [type(value) for value in expected.values()]


def test_filters_come_in_the_order_of_a_live_sample(venue: Venue) -> None:
    (symbol,) = venue.public("/api/v3/exchangeInfo", symbol="BTCUSDT").body["symbols"]
    names = [each["filterType"] for each in symbol["filters"]]
    assert names == [
        "PRICE_FILTER",
        "LOT_SIZE",
        "ICEBERG_PARTS",
        "MARKET_LOT_SIZE",
        "TRAILING_DELTA",
        "PERCENT_PRICE_BY_SIDE",
        "NOTIONAL",
        "MAX_NUM_ORDERS",
        "MAX_NUM_ORDER_LISTS",
        "MAX_NUM_ALGO_ORDERS",
        "MAX_NUM_ORDER_AMENDS",
    ]
    filters = {each.pop("filterType"): each for each in symbol["filters"]}
    assert filters["PRICE_FILTER"] == {
        "minPrice": "0.01000000",
        "maxPrice": "1000000.00000000",
        "tickSize": "0.01000000",
    }
    assert filters["PERCENT_PRICE_BY_SIDE"] == {
        "bidMultiplierUp": "5",
        "bidMultiplierDown": "0.2",
        "askMultiplierUp": "5",
        "askMultiplierDown": "0.2",
        "avgPriceMins": 5,
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", list(SYMBOLS)),
        ("symbol=BTCUSDT", ["BTCUSDT"]),
        ('symbols=["ETHBTC","BTCUSDT"]', ["ETHBTC", "BTCUSDT"]),
        ("symbols=%5B%22ETHBTC%22%5D", ["ETHBTC"]),
        ("permissions=SPOT", list(SYMBOLS)),
        ('permissions=["LEVERAGED"]', []),
        ("symbolStatus=TRADING", [name for name in SYMBOLS if name != "SOLUSDT"]),
        ("symbolStatus=HALT", ["SOLUSDT"]),
        ("symbolStatus=OPEN", -1122),
        ("symbol=BTCUSDT&permissions=SPOT", -1128),
        ("symbol=BTCUSDT&symbolStatus=TRADING", -1128),
        ("symbol=NOSUCH", -1121),
        ('symbols=["BTCUSDT","NOSUCH"]', -1121),
        ("symbols=BTCUSDT", -1100),
        ("symbols=[]", -1102),
        ('symbols=["BTCUSDT","BTCUSDT"]', -1151),
        ("symbol=", -1105),
        ("symbol=BTCUSDT&symbol=ETHBTC", -1101),
        ("price=1", -1104),
    ],
)
def test_exchange_info_selectors(venue: Venue, query: str, expected: list[str] | int) -> None:
    admin.set_symbol_status(venue.exchange, "SOLUSDT", "HALT")
    answer = venue.send("GET", "/api/v3/exchangeInfo", query=query)
    if isinstance(expected, int):
        assert answer.refusal == (400, expected)
    else:
        assert [each["symbol"] for each in answer.body["symbols"]] == expected


@pytest.mark.parametrize("path", ["ticker/24hr", "ticker/price", "ticker/bookTicker"])
def test_tickers_answer_one_some_or_all(venue: Venue, path: str) -> None:
    path = f"/api/v3/{path}"
    one = venue.public(path, symbol="BTCUSDT").body
    assert one["symbol"] == "BTCUSDT"
    assert [each["symbol"] for each in venue.public(path, symbols='["LTCBTC","BTCUSDT"]').body] == [
        "LTCBTC",
        "BTCUSDT",
    ]
    assert [each["symbol"] for each in venue.public(path).body] == list(SYMBOLS)
    assert venue.public(path, symbol="BTCUSDT", symbols='["LTCBTC"]').refusal == (400, -1128)
    assert venue.public(path, symbol="BTCUSDT", symbolStatus="HALT").refusal == (400, -1220)
    assert venue.public(path, symbolStatus="HALT").body == []


def test_the_mini_ticker_leaves_the_book_out(venue: Venue) -> None:
    mini = venue.public("/api/v3/ticker/24hr", symbol="BTCUSDT", type="MINI").body
    prices = ["openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume"]
    assert list(mini) == ["symbol", *prices, "openTime", "closeTime", "firstId", "lastId", "count"]
    assert venue.public("/api/v3/ticker/24hr", type="SMALL").refusal == (400, -1139)


def test_the_day_ticker_agrees_with_the_klines(venue: Venue) -> None:
    day = venue.public("/api/v3/ticker/24hr", symbol="BTCUSDT").body
    bars = venue.public(
        "/api/v3/klines", symbol="BTCUSDT", interval="1m", startTime=day["openTime"] - 60_000, limit=1000
    ).body
    more = venue.public(
        "/api/v3/klines", symbol="BTCUSDT", interval="1m", startTime=bars[-1][0] + 60_000, limit=1000
    ).body
    within = [bar for bar in bars + more if bar[6] >= day["openTime"]]
    assert Decimal(day["highPrice"]) == max(Decimal(bar[2]) for bar in within)
    assert Decimal(day["volume"]) == sum(Decimal(bar[5]) for bar in within)
    assert day["lastPrice"] == within[-1][4]
    assert day["closeTime"] - day["openTime"] == DAY_MS


def test_klines_follow_the_list_rules(venue: Venue) -> None:
    def opens(**params: Any) -> list[int]:
        bars = venue.public("/api/v3/klines", symbol="BTCUSDT", interval="15m", **params).body
        return [bar[0] for bar in bars]

    newest = opens(limit=4)
    assert newest[-1] <= venue.exchange.now_ms() < newest[-1] + 900_000
    assert opens(startTime=newest[1], limit=2) == newest[1:3]
    assert opens(endTime=newest[2], limit=2) == newest[1:3]
    assert opens(startTime=newest[0], endTime=newest[0]) == newest[:1]
    assert len(opens()) == 500
    assert len(opens(limit=5000)) == 1000
    assert opens(startTime=0, limit=1) != []  # times before the market begins are cut, not refused


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("klines", {"symbol": "BTCUSDT"}, -1102),
        ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "0"}, -1130),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "startTime": "-1"}, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1d", "timeZone": "15"}, -1130),
        ("depth", {"symbol": "BTCUSDT", "limit": "x"}, -1100),
        ("depth", {}, -1102),
        ("aggTrades", {"symbol": "BTCUSDT", "fromId": "1", "startTime": "1"}, -1128),
        ("ping", {"x": "1"}, -1101),
    ],
)
def test_market_data_refusals(venue: Venue, path: str, params: dict[str, str], code: int) -> None:
    assert venue.public(f"/api/v3/{path}", **params).refusal == (400, code)


def test_depth_shows_own_orders_and_its_id_grows_with_every_change(venue: Venue, wall: Wall) -> None:
    def depth() -> dict[str, Any]:
        body: dict[str, Any] = venue.public("/api/v3/depth", symbol="BTCUSDT", limit=5).body
        return body

    bid, ask = venue.best()
    inside = f"{Decimal(bid) + Decimal('0.01'):.8f}"
    assert Decimal(inside) < Decimal(ask)
    ids = [depth()["lastUpdateId"]]
    assert depth()["lastUpdateId"] == ids[0]
    venue.order("BUY", quantity="0.002", price=inside)
    after = depth()
    assert after["bids"][0] == [inside, "0.00200000"]
    ids.append(after["lastUpdateId"])
    venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=1)
    ids.append(depth()["lastUpdateId"])
    venue.order("BUY", "MARKET", quantity="0.001")
    ids.append(depth()["lastUpdateId"])
    wall.forward(STEP_MS)
    ids.append(depth()["lastUpdateId"])
    assert ids == sorted(set(ids))


def test_deep_books_are_cut_to_what_the_venue_gives(venue: Venue) -> None:
    body = venue.public("/api/v3/depth", symbol="BTCUSDT", limit=9999).body
    assert len(body["asks"]) == 5000
    prices = [Decimal(price) for price, _ in body["asks"]]
    assert prices == sorted(set(prices))


def test_own_and_market_trades_share_one_gapless_sequence(venue: Venue, wall: Wall) -> None:
    own = []
    for pause in (0, 0, STEP_MS, 3 * STEP_MS, 1):
        wall.forward(pause)
        own += [fill["tradeId"] for fill in venue.order("BUY", "MARKET", quantity="0.001").body["fills"]]
    wall.forward(2 * STEP_MS)
    tape = venue.public("/api/v3/trades", symbol="BTCUSDT", limit=30).body
    ids = [trade["id"] for trade in tape]
    assert ids == list(range(ids[0], ids[0] + 30))
    assert set(own) <= set(ids)
    times = [trade["time"] for trade in tape]
    assert times == sorted(times)
    for first in (ids[0], own[0], own[0] + 1, own[-1], ids[-1]):
        page = venue.public("/api/v3/historicalTrades", symbol="BTCUSDT", fromId=first, limit=5).body
        assert page == [trade for trade in tape if trade["id"] >= first][:5]
    beyond = venue.public("/api/v3/historicalTrades", symbol="BTCUSDT", fromId=ids[-1] + 1).body
    assert beyond == []


def test_agg_trades_page_by_id_and_by_time(venue: Venue, wall: Wall) -> None:
    wall.forward(1)
    venue.order("BUY", "MARKET", quantity="0.001")
    wall.forward(5 * STEP_MS)
    path = "/api/v3/aggTrades"
    recent = venue.public(path, symbol="BTCUSDT", limit=10).body
    assert [trade["a"] for trade in recent] == [trade["f"] for trade in recent]
    start, end = recent[2]["T"], recent[7]["T"]
    between = venue.public(path, symbol="BTCUSDT", startTime=start, endTime=end).body
    assert between == [trade for trade in recent if start <= trade["T"] <= end]
    assert venue.public(path, symbol="BTCUSDT", fromId=recent[3]["a"], limit=2).body == recent[3:5]
    assert venue.public(path, symbol="BTCUSDT", endTime=end, limit=2).body == recent[6:8]


def test_times_come_in_microseconds_when_asked_for(venue: Venue) -> None:
    now_ms = venue.exchange.now_ms()
    time = venue.send("GET", "/api/v3/time", X_MBX_TIME_UNIT="microsecond")
    assert time.body == {"serverTime": now_ms * 1000}
    bars = venue.send(
        "GET", "/api/v3/klines", query="symbol=BTCUSDT&interval=1m&limit=1", X_MBX_TIME_UNIT="MICROSECOND"
    )
    assert bars.body[0][0] % 60_000_000 == 0
    assert bars.body[0][6] - bars.body[0][0] == 59_999_999
    assert venue.send("GET", "/api/v3/time", X_MBX_TIME_UNIT="DAY").refusal == (400, -1194)


def test_both_personas_see_the_same_market(venues: OpenVenue) -> None:
    query = {"symbol": "BTCUSDT", "interval": "1h", "limit": 3}
    testnet, mainnet = venues(), venues(persona="mainnet")
    assert testnet.public("/api/v3/klines", **query).body == mainnet.public("/api/v3/klines", **query).body


def test_a_deep_book_is_the_market_s_own(venue: Venue) -> None:
    rows = venue.public("/api/v3/depth", symbol="BTCUSDT", limit=5000).body["asks"]
    market = venue.exchange.ambient.markets["BTCUSDT"]
    book = market.book(venue.exchange.now_ms(), 5000)
    assert [Decimal(quantity) for _, quantity in rows] == [
        level.quantity * market.spec.step for level in book.asks
    ]


def test_seconds_hold_each_trade_once_and_nothing_between(venue: Venue, wall: Wall) -> None:
    wall.now_ms = wall.now_ms // 60_000 * 60_000 + 30_500
    trades = venue.public("/api/v3/trades", symbol="BTCUSDT", limit=10).body
    bars = venue.public("/api/v3/klines", symbol="BTCUSDT", interval="1s", limit=30).body
    assert [bar[0] for bar in bars] == list(range(bars[0][0], bars[0][0] + 30_000, 1000))
    assert all(bar[6] == bar[0] + 999 for bar in bars)
    traded = {bar[0]: bar for bar in bars if bar[8]}
    assert [traded[trade["time"]][5] for trade in trades] == [trade["qty"] for trade in trades]
    assert len(traded) == 10
    for before, bar in itertools.pairwise(bars):
        if not bar[8]:
            assert bar[1:6] == [before[4]] * 4 + ["0.00000000"]


@pytest.mark.parametrize(("zone", "hours"), [("8", 8), ("-05:00", -5), ("+05:30", 5.5)])
def test_days_of_a_time_zone_are_whole_days_of_its_hours(venue: Venue, zone: str, hours: float) -> None:
    day = venue.public(
        "/api/v3/klines",
        symbol="BTCUSDT",
        interval="1d",
        timeZone=zone,
        endTime=START_MS - 86_400_000,
        limit=1,
    ).body[0]
    assert (day[0] + int(hours * 3_600_000)) % 86_400_000 == 0
    assert day[6] == day[0] + 86_400_000 - 1
    quarters = venue.public(
        "/api/v3/klines", symbol="BTCUSDT", interval="15m", startTime=day[0], endTime=day[6]
    ).body
    assert len(quarters) == 96
    assert (day[1], day[4]) == (quarters[0][1], quarters[-1][4])
    assert Decimal(day[2]) == max(Decimal(bar[2]) for bar in quarters)
    assert Decimal(day[5]) == sum(Decimal(bar[5]) for bar in quarters)
    assert day[8] == sum(bar[8] for bar in quarters)
