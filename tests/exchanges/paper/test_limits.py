"""Request weight, raw requests and bans, in windows aligned to the clock."""

from __future__ import annotations

from typing import Any

import pytest

from exchanges.paper import admin
from exchanges.paper.limits import MINUTE_MS, IpUsage, Limits, OrderCount, charge
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.venue import Venue, Wall

WEIGHTS = [
    ("ping", {}, 1),
    ("exchangeInfo", {}, 20),
    ("depth", {"symbol": "BTCUSDT"}, 5),
    ("depth", {"symbol": "BTCUSDT", "limit": 101}, 25),
    ("depth", {"symbol": "BTCUSDT", "limit": 1000}, 50),
    ("depth", {"symbol": "BTCUSDT", "limit": 1001}, 250),
    ("depth", {"symbol": "BTCUSDT", "limit": "rubbish"}, 5),
    ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1}, 2),
    ("ticker/24hr", {"symbol": "BTCUSDT"}, 2),
    ("ticker/24hr", {"symbols": '["BTCUSDT","ETHUSDT"]'}, 2),
    ("ticker/24hr", {}, 80),
    ("ticker/price", {}, 4),
    ("ticker/price", {"symbol": "NOSUCH"}, 2),
]


@pytest.mark.parametrize(("path", "params", "weight"), WEIGHTS)
def test_weights(venue: Venue, path: str, params: dict[str, Any], weight: int) -> None:
    answer = venue.public(f"/api/v3/{path}", **params)
    assert answer.headers["X-MBX-USED-WEIGHT"] == answer.headers["X-MBX-USED-WEIGHT-1M"] == str(weight)


def test_placing_and_canceling_cost_weight_only_when_they_fail(venue: Venue) -> None:
    def used(answer: Any) -> int:
        return int(answer.headers["X-MBX-USED-WEIGHT-1M"])

    assert used(venue.order(quantity="0.001", price="50000")) == 0
    assert used(venue.order(quantity="1", price="50000")) == 1
    assert used(venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=1)) == 1
    assert used(venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=1)) == 2
    assert used(venue.signed("GET", "/api/v3/openOrders")) == 82


def test_a_full_minute_is_429_and_the_next_one_is_empty(venue: Venue, wall: Wall) -> None:
    admin.set_limits(venue.exchange, Limits(weight_per_minute=50))
    for _ in range(2):
        assert venue.public("/api/v3/exchangeInfo").status == 200
    refused = venue.public("/api/v3/exchangeInfo")
    assert refused.refusal == (429, -1003)
    assert refused.body["msg"].startswith(
        "Too much request weight used; current limit is 50 request weight per 1 MINUTE."
    )
    wait_s = int(refused.headers["Retry-After"])
    assert (venue.exchange.now_ms() + 1000 * wait_s) // MINUTE_MS == venue.exchange.now_ms() // MINUTE_MS + 1
    assert venue.public("/api/v3/ping").status == 200  # it still fits
    wall.forward(1000 * wait_s)
    assert venue.public("/api/v3/exchangeInfo").status == 200


def test_ignoring_429_leads_to_a_ban_that_grows(venue: Venue, wall: Wall) -> None:
    admin.set_limits(venue.exchange, Limits(weight_per_minute=20))

    def until_banned() -> int:
        for _ in range(30):
            answer = venue.public("/api/v3/exchangeInfo")
            if answer.status == 418:
                assert answer.body["msg"].startswith("Way too much request weight used; IP banned until ")
                return int(answer.headers["Retry-After"])
        raise AssertionError("never banned")

    first = until_banned()
    assert venue.public("/api/v3/ping").status == 418
    venue.ip = "127.0.0.2"
    assert venue.public("/api/v3/ping").status == 200  # bans are per address
    venue.ip = "127.0.0.1"
    wall.forward(1000 * first)
    assert venue.public("/api/v3/ping").status == 200
    assert until_banned() > 2 * first


def test_two_processes_share_one_budget(venues: OpenVenue) -> None:
    one, other = venues(), venues()
    one.public("/api/v3/exchangeInfo")
    assert other.public("/api/v3/ping").headers["X-MBX-USED-WEIGHT"] == "21"
    assert one.public("/api/v3/ping").headers["X-MBX-USED-WEIGHT"] == "22"


def test_exchange_info_reports_the_limits_in_force(venue: Venue) -> None:
    admin.set_limits(venue.exchange, Limits(1, 2, 3, 4))
    admin.set_limits(venue.exchange, Limits(weight_per_minute=1234))
    limits = venue.public("/api/v3/exchangeInfo", symbol="BTCUSDT").body["rateLimits"]
    assert [
        (each["rateLimitType"], each["interval"], each["intervalNum"], each["limit"]) for each in limits
    ] == [
        ("REQUEST_WEIGHT", "MINUTE", 1, 1234),
        ("ORDERS", "SECOND", 10, 100),
        ("ORDERS", "DAY", 1, 200000),
        ("RAW_REQUESTS", "MINUTE", 5, 300000),
    ]


def test_raw_requests_are_limited_too() -> None:
    usage, limits = IpUsage("ip"), Limits(requests_per_five_minutes=2)
    for _ in range(2):
        usage, refusal = charge(usage, 1, 5, limits)
        assert refusal is None
    usage, refusal = charge(usage, 1, 5, limits)
    assert refusal is not None
    assert refusal.retry_after_s == 300
    _, refusal = charge(usage, 1, 300_000, limits)
    assert refusal is None


def test_order_counts_never_fall_below_zero() -> None:
    count = OrderCount().at(5).plus(1).plus(-5)
    assert (count.in_ten_seconds, count.in_day) == (0, 0)
