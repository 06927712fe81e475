"""Account, own trades and their paging, order counts, wallet endpoints of the mainnet persona."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchanges.paper import admin
from exchanges.paper.limits import Limits
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.venue import START_MS, Venue, Wall

DAY_MS = 86_400_000
MY_TRADES, ALL_ORDERS = "/api/v3/myTrades", "/api/v3/allOrders"


def test_a_new_account_holds_its_personas_opening_balances(venues: OpenVenue) -> None:
    testnet, mainnet = venues(), venues(persona="mainnet")
    assert {asset: free for asset, (free, _) in testnet.balances().items()} == {
        "USDT": "10000.00000000",
        "BTC": "1.00000000",
        "ETH": "10.00000000",
        "BNB": "10.00000000",
    }
    assert {asset: free for asset, (free, _) in mainnet.balances().items()} == {
        "USDT": "1000.00000000",
        "BNB": "1.00000000",
    }
    uids = {venue.signed("GET", "/api/v3/account").body["uid"] for venue in (testnet, mainnet)}
    assert len(uids) == 2
    assert testnet.api_key != mainnet.api_key


def test_zero_balances_can_be_left_out(venue: Venue) -> None:
    full = venue.signed("GET", "/api/v3/account").body["balances"]
    assert {"asset": "LTC", "free": "0.00000000", "locked": "0.00000000"} in full
    short = venue.signed("GET", "/api/v3/account", omitZeroBalances="true").body["balances"]
    assert [row for row in full if row["free"] != "0.00000000"] == short
    assert venue.signed("GET", "/api/v3/account", omitZeroBalances="maybe").refusal == (400, -1130)


@pytest.fixture
def traded(venue: Venue, wall: Wall) -> list[dict[str, Any]]:
    """Seven trades of seven orders, ten hours apart; return them as the venue lists them."""
    for _ in range(7):
        venue.order("BUY", "MARKET", quantity="0.001")
        wall.forward(10 * 3_600_000)
    rows: list[dict[str, Any]] = venue.signed("GET", MY_TRADES, symbol="BTCUSDT").body
    assert len(rows) == 7
    return rows


def test_trades_are_paged_by_id_until_a_page_is_short(venue: Venue, traded: list[dict[str, Any]]) -> None:
    pages, first = [], 0
    while True:
        page = venue.signed("GET", MY_TRADES, symbol="BTCUSDT", fromId=first, limit=3).body
        pages.append(page)
        if len(page) < 3:
            break
        first = page[-1]["id"] + 1
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [row for page in pages for row in page] == traded


def test_trades_selectors(venue: Venue, traded: list[dict[str, Any]]) -> None:
    def listed(**params: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = venue.signed("GET", MY_TRADES, symbol="BTCUSDT", **params).body
        return rows

    times = [row["time"] for row in traded]
    assert listed(limit=2) == traded[-2:]
    assert listed(startTime=times[2]) == traded[2:]
    assert listed(startTime=times[2], limit=2) == traded[2:4]
    assert listed(endTime=times[4], limit=2) == traded[3:5]
    assert listed(startTime=times[1], endTime=times[3]) == traded[1:4]
    assert listed(startTime=times[1], endTime=times[1]) == traded[1:2]
    assert listed(orderId=3) == traded[2:3]
    assert listed(orderId=3, fromId=traded[2]["id"] + 1) == []
    assert listed(startTime=START_MS * 1000, endTime=START_MS * 1000) == traded[:1]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"startTime": START_MS, "endTime": START_MS + DAY_MS}, None),
        ({"startTime": START_MS, "endTime": START_MS + DAY_MS + 1}, -1127),
        ({"startTime": START_MS + 1, "endTime": START_MS}, -1128),
        ({"orderId": 1, "startTime": START_MS}, -1128),
        ({"fromId": 1, "startTime": START_MS}, -1128),
        ({"fromId": 1, "endTime": START_MS}, -1128),
        ({"orderId": 1, "fromId": 1, "startTime": START_MS}, -1128),
        ({"fromId": "x"}, -1100),
    ],
)
def test_combinations_of_trade_selectors(
    venue: Venue, traded: list[dict[str, Any]], params: dict[str, Any], code: int | None
) -> None:
    assert traded
    answer = venue.signed("GET", MY_TRADES, symbol="BTCUSDT", **params)
    assert (None if answer.status == 200 else answer.code) == code


def test_trades_need_a_symbol(venue: Venue) -> None:
    assert venue.signed("GET", MY_TRADES).refusal == (400, -1102)


def test_orders_are_listed_by_id_and_time(venue: Venue, wall: Wall) -> None:
    for number in range(6):
        venue.order(quantity="0.001", price=f"{50000 + number}")
        wall.forward(3_600_000)

    def listed(**params: Any) -> list[int]:
        return [row["orderId"] for row in venue.signed("GET", ALL_ORDERS, symbol="BTCUSDT", **params).body]

    hour = 3_600_000
    assert listed() == [1, 2, 3, 4, 5, 6]
    assert listed(limit=2) == [5, 6]
    assert listed(orderId=3, limit=2) == [3, 4]
    assert listed(startTime=START_MS + hour, limit=2) == [2, 3]
    assert listed(startTime=START_MS + hour - 1, endTime=START_MS + 3 * hour) == [2, 3, 4]
    assert listed(endTime=START_MS + 3 * hour - 1, limit=2) == [2, 3]
    assert listed(startTime=START_MS + 6 * hour) == []
    too_long = venue.signed(
        "GET", ALL_ORDERS, symbol="BTCUSDT", startTime=START_MS - DAY_MS - 1, endTime=START_MS
    )
    assert too_long.body == {"code": -1127, "msg": "More than 24 hours between startTime and endTime."}


def test_commission_rates(venue: Venue) -> None:
    admin.set_fees(venue.exchange, Decimal("0.0002"), Decimal("0.0004"))
    body = venue.signed("GET", "/api/v3/account/commission", symbol="BTCUSDT").body
    assert body["standardCommission"]["maker"] == "0.00020000"
    assert body["standardCommission"]["taker"] == "0.00040000"
    assert body["discount"] == {
        "enabledForAccount": False,
        "enabledForSymbol": True,
        "discountAsset": "BNB",
        "discount": "0.75000000",
    }
    fill = venue.order("BUY", "MARKET", quantity="0.01").body["fills"][0]
    assert fill["commission"] == "0.00000400"


def test_order_counts_grow_with_orders_and_shrink_with_fills(venue: Venue, wall: Wall) -> None:
    def counts() -> list[int]:
        return [row["count"] for row in venue.signed("GET", "/api/v3/rateLimit/order").body]

    for number in range(3):
        answer = venue.order(quantity="0.001", price=f"{50000 + number}")
        assert answer.headers["X-MBX-ORDER-COUNT-10S"] == str(number + 1)
    assert counts() == [3, 3]
    venue.order("BUY", "MARKET", quantity="0.001")
    assert counts() == [3, 3]
    venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert counts() == [3, 3]
    wall.forward(10_000)
    assert counts() == [0, 3]
    wall.forward(DAY_MS)
    assert counts() == [0, 0]


def test_too_many_orders_are_refused_until_the_window_ends(venue: Venue, wall: Wall) -> None:
    admin.set_limits(venue.exchange, Limits(orders_per_ten_seconds=2))
    for number in range(2):
        venue.order(quantity="0.001", price=f"{50000 + number}")
    refused = venue.order(quantity="0.001", price="50005")
    assert refused.refusal == (429, -1015)
    assert refused.body["msg"] == "Too many new orders; current limit is 2 orders per 10 SECOND."
    wall.forward(1000 * int(refused.headers["Retry-After"]))
    assert venue.order(quantity="0.001", price="50005").status == 200


def test_wallet_endpoints_of_the_mainnet_persona(venues: OpenVenue) -> None:
    venue = venues(persona="mainnet")
    assert venue.public("/sapi/v1/system/status").body == {"status": 0, "msg": "normal"}
    restrictions = venue.signed("GET", "/sapi/v1/account/apiRestrictions").body
    assert restrictions["ipRestrict"] is True
    assert restrictions["createTime"] == START_MS
    granted = {name for name, value in restrictions.items() if value is True}
    assert granted == {"ipRestrict", "enableReading", "enableSpotAndMarginTrading"}
    assert len(restrictions) == 13
    assert venue.signed("GET", "/sapi/v1/account/status").body == {"data": "Normal"}
    assert venue.signed("GET", "/sapi/v1/account/apiTradingStatus").body["data"]["isLocked"] is False
    fees = venue.signed("GET", "/sapi/v1/asset/tradeFee", symbol="BTCUSDT").body
    assert fees == [{"symbol": "BTCUSDT", "makerCommission": "0.001", "takerCommission": "0.001"}]
    coins = venue.signed("GET", "/sapi/v1/capital/config/getall").body
    assert {coin["coin"] for coin in coins} == {
        "BTC",
        "ETH",
        "BNB",
        "USDT",
        "SOL",
        "LTC",
        "XRP",
        "ADA",
        "DOGE",
    }
    assert venue.public("/sapi/v1/system/status").headers["X-SAPI-USED-IP-WEIGHT-1M"]


def test_deposit_addresses_are_invalid_by_construction(venues: OpenVenue) -> None:
    venue = venues(persona="mainnet")
    path = "/sapi/v1/capital/deposit/address"
    address = venue.signed("GET", path, coin="USDT", network="TRX").body
    assert list(address) == ["address", "coin", "tag", "url"]
    assert address["address"].startswith("PAPER-USDT-TRX-")
    assert address == venue.signed("GET", path, coin="USDT").body
    assert venue.signed("GET", path, coin="USDT", network="BTC").refusal == (400, -1130)
    assert venue.signed("GET", path, coin="SHIB").refusal == (400, -1130)
    assert venue.signed("GET", path).refusal == (400, -1102)

    listed = venue.signed("GET", f"{path}/list", coin="USDT").body
    assert listed == [{name: address[name] for name in ("coin", "address", "tag")} | {"isDefault": 1}]


def test_the_wallet_switches_fees_to_bnb_and_back(venues: OpenVenue) -> None:
    venue = venues(persona="mainnet")
    path = "/sapi/v1/bnbBurn"
    on = {"spotBNBBurn": True, "interestBNBBurn": False}
    assert venue.signed("POST", path, spotBNBBurn="true").body == on
    assert venue.signed("GET", path).body == on
    bought = venue.order("BUY", "MARKET", quantity="0.001").body["fills"]
    assert [fill["commissionAsset"] for fill in bought] == ["BNB"]
    assert venue.signed("POST", path, spotBNBBurn="false").body == {**on, "spotBNBBurn": False}
    assert venue.signed("POST", path, spotBNBBurn="yes").refusal == (400, -1130)


@pytest.mark.parametrize(
    ("path", "wanted", "found"),
    [
        ("deposit/hisrec", {}, 2),
        ("deposit/hisrec", {"coin": "SOL"}, 1),
        ("deposit/hisrec", {"status": "1"}, 2),
        ("deposit/hisrec", {"status": "0"}, 0),
        ("deposit/hisrec", {"txId": "PAPER-1"}, 1),
        ("deposit/hisrec", {"offset": "1", "includeSource": "true"}, 1),
        ("withdraw/history", {"status": "6"}, 1),
        ("withdraw/history", {"idList": "2,3"}, 1),
        ("withdraw/history", {"idList": "1"}, 0),
        ("withdraw/history", {"withdrawOrderId": "mine"}, 0),
    ],
)
def test_transfers_are_found_by_what_is_known_of_them(
    venues: OpenVenue, path: str, wanted: dict[str, str], found: int
) -> None:
    venue = venues(persona="mainnet")
    for asset, change in (("SOL", 2), ("LTC", 3), ("SOL", -1)):
        admin.deposit(venue.exchange, asset, Decimal(change))
    assert len(venue.signed("GET", f"/sapi/v1/capital/{path}", **wanted).body) == found


def test_an_unrestricted_key_tells_when_its_trading_right_ends(venues: OpenVenue) -> None:
    venue = venues(persona="mainnet")
    key = admin.create_key(venue.exchange, "loose", expires_ms=START_MS + DAY_MS)
    venue.api_key, venue.secret = key.api_key, key.secret
    restrictions = venue.signed("GET", "/sapi/v1/account/apiRestrictions").body
    assert restrictions["tradingAuthorityExpirationTime"] == START_MS + DAY_MS
    assert restrictions["ipRestrict"] is False


def test_deposits_change_the_free_balance(venue: Venue) -> None:
    admin.deposit(venue.exchange, "SOL", Decimal("2.5"))
    assert venue.balances()["SOL"] == ("2.50000000", "0.00000000")
    with pytest.raises(ValueError, match="free"):
        admin.deposit(venue.exchange, "SOL", Decimal(-3))
    with pytest.raises(ValueError, match="known"):
        admin.deposit(venue.exchange, "SHIB", Decimal(1))
    with pytest.raises(ValueError, match="decimals"):
        admin.deposit(venue.exchange, "SOL", Decimal("0.000000001"))
