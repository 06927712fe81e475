"""A history made at once is like one that was traded: gapless ids, prices of the market, money kept."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from exchanges.paper import history
from tests.exchanges.paper.venue import Venue, Wall, open_venue

D = Decimal
HOUR_MS = 3_600_000


def made(tmp_path: Path, orders: int) -> tuple[Venue, int]:
    wall = Wall()
    venue = open_venue(tmp_path, wall)
    since_ms = venue.exchange.now_ms()
    wall.forward(HOUR_MS)
    history.make(venue.exchange, "BTCUSDT", orders, since_ms=since_ms, name=lambda number: f"web_{number}")
    return venue, since_ms


def test_it_reads_like_one_that_was_traded(tmp_path: Path) -> None:
    venue, since_ms = made(tmp_path, 1_500)  # more than the market had trades
    orders = venue.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT", orderId=1, limit=1000).body
    assert [(each["orderId"], each["clientOrderId"]) for each in orders] == [
        (number, f"web_{number}") for number in range(1, 1_001)
    ]
    trades = venue.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT", fromId=0, limit=1000).body
    ids, times = [each["id"] for each in trades], [each["time"] for each in trades]
    assert ids == sorted(set(ids))
    assert times == sorted(times)
    assert since_ms <= times[0]
    assert [each["isBuyer"] for each in trades[:4]] == [True, False, True, False]
    public = venue.public("/api/v3/historicalTrades", symbol="BTCUSDT", fromId=ids[0], limit=1000)
    known = {each["id"]: each for each in trades}
    assert [each["id"] for each in public.body] == list(range(ids[0], ids[0] + 1000))
    for before, each in zip(public.body, public.body[1:], strict=False):
        assert before["time"] <= each["time"]
        if each["id"] in known:
            assert each["price"] == known[each["id"]]["price"] == before["price"]


def test_the_balances_are_what_it_moved(tmp_path: Path) -> None:
    venue, _ = made(tmp_path, 101)
    held = {"USDT": D(10_000), "BTC": D(1), "ETH": D(10), "BNB": D(10)}
    for trade in venue.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT", fromId=0, limit=1000).body:
        sign = 1 if trade["isBuyer"] else -1
        held["BTC"] += sign * D(trade["qty"])
        held["USDT"] -= sign * D(trade["quoteQty"])
        held[trade["commissionAsset"]] -= D(trade["commission"])
    assert {asset: D(free) for asset, (free, _) in venue.balances().items()} == held


def test_trading_goes_on_after_it(tmp_path: Path) -> None:
    venue, _ = made(tmp_path, 3)
    order = venue.order("BUY", "MARKET", quantity="0.001").body
    assert order["orderId"] == 4
    newest = venue.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT", fromId=0).body
    assert [each["orderId"] for each in newest][:4] == [1, 2, 3, 4]


def test_what_cannot_be_made_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    venue, since_ms = made(tmp_path, 1)
    now_ms = venue.exchange.now_ms()
    refusals = [
        ("BTCUSDT", 1, since_ms, "BTCUSDT was traded already"),
        ("SHIBUSDT", 1, since_ms, "the symbol was 'SHIBUSDT'"),
        ("ETHUSDT", 0, since_ms, "the number of orders was 0"),
        ("ETHUSDT", 1, now_ms, "since_ms was"),
        ("ETHUSDT", 1, 0, "since_ms was"),
    ]
    before = venue.balances()
    for symbol, orders, start_ms, text in refusals:
        with pytest.raises(ValueError, match=text):
            history.make(venue.exchange, symbol, orders, since_ms=start_ms, name=str)
    assert venue.balances() == before
    assert venue.signed("GET", "/api/v3/allOrders", symbol="ETHUSDT").body == []
