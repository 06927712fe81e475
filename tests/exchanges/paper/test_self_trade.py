"""Self-trade prevention: who loses what, and the record of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.exchanges.paper.placing import events, inside, queried, statuses
from tests.exchanges.paper.venue import Answer, Venue

MATCHES = "/api/v3/myPreventedMatches"


def meet(venue: Venue, mode: str, *, maker: str = "0.01", taker: str = "0.004", **changes: Any) -> Answer:
    """Let a purchase meet our own sale."""
    price = inside(venue)
    assert venue.order("SELL", price=price, quantity=maker).status == 200
    return venue.order("BUY", price=price, quantity=taker, selfTradePreventionMode=mode, **changes)


CASES = [
    ("NONE", ("PARTIALLY_FILLED", "FILLED"), None, None),
    ("EXPIRE_MAKER", ("EXPIRED_IN_MATCH", "NEW"), "0.01000000", None),
    ("EXPIRE_TAKER", ("NEW", "EXPIRED_IN_MATCH"), None, "0.00400000"),
    ("EXPIRE_BOTH", ("EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"), "0.01000000", "0.00400000"),
    ("DECREMENT", ("NEW", "EXPIRED_IN_MATCH"), "0.00400000", "0.00400000"),
    ("TRANSFER", ("NEW", "EXPIRED_IN_MATCH"), "0.00400000", "0.00400000"),
]


@pytest.mark.parametrize(("mode", "expected", "maker_lost", "taker_lost"), CASES)
def test_each_mode(
    venue: Venue, mode: str, expected: tuple[str, str], maker_lost: str | None, taker_lost: str | None
) -> None:
    answer = meet(venue, mode).body
    assert tuple(statuses(venue)) == expected
    lost = [queried(venue, number).get("preventedQuantity") for number in (1, 2)]
    assert lost == [maker_lost, taker_lost]
    if mode == "NONE":
        assert "preventedMatches" not in answer
        return
    sides = {"makerPreventedQuantity": maker_lost, "takerPreventedQuantity": taker_lost}
    row = {name: value for name, value in sides.items() if value is not None}
    assert answer["preventedMatches"] == [
        {"preventedMatchId": 0, "makerOrderId": 1, "price": f"{inside_price(venue)}", **row}
    ]
    (match,) = venue.signed("GET", MATCHES, symbol="BTCUSDT", preventedMatchId=0).body
    assert match == {
        "symbol": "BTCUSDT",
        "preventedMatchId": 0,
        "takerOrderId": 2,
        "makerSymbol": "BTCUSDT",
        "makerOrderId": 1,
        "tradeGroupId": 1,
        "selfTradePreventionMode": mode,
        "price": answer["price"],
        **row,
        "transactTime": venue.wall.now_ms,
    }
    told = [event for event in events(venue) if event.execution == "TRADE_PREVENTION"]
    assert len(told) == len(row)
    assert all(event.prevented is not None for event in told)


def inside_price(venue: Venue) -> str:
    price: str = queried(venue)["price"]
    return price


def test_the_smaller_of_the_two_expires_and_money_follows(venue: Venue) -> None:
    before = venue.balances()
    answer = meet(venue, "DECREMENT", maker="0.004", taker="0.01").body
    assert (answer["status"], answer["preventedQuantity"]) == ("NEW", "0.00400000")
    assert statuses(venue) == ["EXPIRED_IN_MATCH", "NEW"]
    left = Decimal("0.006") * Decimal(answer["price"])
    assert Decimal(venue.balances()["USDT"][1]) == left
    assert venue.balances()["BTC"] == before["BTC"]
    venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert venue.balances() == before


def test_equal_orders_both_expire(venue: Venue) -> None:
    before = venue.balances()
    meet(venue, "DECREMENT", maker="0.004", taker="0.004")
    assert statuses(venue) == ["EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"]
    assert venue.balances() == before


def test_what_is_not_prevented_trades(venue: Venue) -> None:
    """A market order meets our own offer first and the market behind it."""
    price = inside(venue)
    venue.order("SELL", price=price, quantity="0.004")
    for mode, executed in (("DECREMENT", "0.006"), ("EXPIRE_MAKER", "0.01")):
        taker = venue.order("BUY", "MARKET", quantity="0.01", selfTradePreventionMode=mode).body
        assert Decimal(taker["executedQty"]) == Decimal(executed)
        assert taker["status"] == "FILLED"
        venue.order("SELL", price=price, quantity="0.004")
    bought = venue.order("BUY", "MARKET", quoteOrderQty="900", selfTradePreventionMode="DECREMENT").body
    assert bought["status"] == "FILLED"
    assert Decimal(bought["cummulativeQuoteQty"]) < 900 - 4 * 80
    assert venue.balances()["USDT"][1] == "0.00000000"


def test_a_market_order_in_quote_that_meets_itself_ends(venue: Venue) -> None:
    price = inside(venue)
    venue.order("SELL", price=price, quantity="0.004")
    taker = venue.order("BUY", "MARKET", quoteOrderQty="900", selfTradePreventionMode="EXPIRE_TAKER")
    # Nothing traded before it met itself, which is less than the smallest quantity.
    assert taker.refusal == (400, -2010)
    assert statuses(venue) == ["NEW"]


def test_an_iceberg_is_kept_from_trading_as_a_whole(venue: Venue) -> None:
    price = inside(venue)
    venue.order("SELL", price=price, quantity="0.01", icebergQty="0.002")
    taker = venue.order("BUY", price=price, quantity="0.005", selfTradePreventionMode="EXPIRE_MAKER").body
    assert [row["makerPreventedQuantity"] for row in taker["preventedMatches"]] == ["0.01000000"]
    assert statuses(venue) == ["EXPIRED_IN_MATCH", "NEW"]


def test_matches_are_listed_by_order(venue: Venue) -> None:
    meet(venue, "DECREMENT", maker="0.01", taker="0.002")
    price = inside_price(venue)
    for _ in range(2):
        venue.order("BUY", price=price, quantity="0.001", selfTradePreventionMode="DECREMENT")

    def ids(**params: Any) -> list[int]:
        rows = venue.signed("GET", MATCHES, symbol="BTCUSDT", **params)
        return [row["preventedMatchId"] for row in rows.body]

    assert ids(orderId=1) == [0, 1, 2]
    assert ids(orderId=3) == [1]
    assert ids(orderId=1, fromPreventedMatchId=1, limit=1) == [1]
    assert ids(preventedMatchId=9) == []
    assert venue.signed("GET", MATCHES, symbol="BTCUSDT").refusal == (400, -1102)
    both = venue.signed("GET", MATCHES, symbol="BTCUSDT", orderId=1, preventedMatchId=1)
    assert both.refusal == (400, -1128)
    assert venue.signed("GET", MATCHES, symbol="ETHUSDT", orderId=1).body == []
