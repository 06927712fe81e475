"""Icebergs: a part shows, the next part goes to the end of the queue."""

from __future__ import annotations

from decimal import Decimal

from tests.exchanges.paper.placing import LOW, inside, own_trades, queried, statuses
from tests.exchanges.paper.venue import Venue, Wall


def best_ask(venue: Venue) -> tuple[Decimal, Decimal]:
    price, quantity = venue.public("/api/v3/depth", symbol="BTCUSDT", limit=1).body["asks"][0]
    return Decimal(price), Decimal(quantity)


def take(venue: Venue, quantity: str, price: str) -> None:
    answer = venue.order(
        "BUY", price=price, quantity=quantity, timeInForce="IOC", selfTradePreventionMode="NONE"
    )
    assert answer.body["executedQty"] == f"{Decimal(quantity):.8f}", answer


def test_only_a_part_shows_and_all_of_it_is_locked(venue: Venue) -> None:
    price = inside(venue)
    placed = venue.order("SELL", price=price, quantity="0.01", icebergQty="0.002").body
    assert placed["icebergQty"] == "0.00200000"
    assert queried(venue)["icebergQty"] == "0.00200000"
    assert best_ask(venue) == (Decimal(price), Decimal("0.002"))
    assert venue.balances()["BTC"][1] == "0.01000000"


def test_the_next_part_loses_its_place(venue: Venue) -> None:
    price = inside(venue)
    venue.order("SELL", price=price, quantity="0.01", icebergQty="0.002")
    venue.order("SELL", price=price, quantity="0.003")
    take(venue, "0.0015", price)
    assert best_ask(venue) == (Decimal(price), Decimal("0.0035"))
    take(venue, "0.0005", price)
    assert best_ask(venue) == (Decimal(price), Decimal("0.005"))
    take(venue, "0.003", price)
    assert statuses(venue)[:2] == ["PARTIALLY_FILLED", "FILLED"]
    assert queried(venue)["executedQty"] == "0.00200000"


def test_a_large_taker_takes_part_after_part_in_the_order_of_the_queue(venue: Venue) -> None:
    price = inside(venue)
    venue.order("SELL", price=price, quantity="0.005", icebergQty="0.002")
    venue.order("SELL", price=price, quantity="0.003", icebergQty="0.0015")
    take(venue, "0.008", price)
    makers = [(row["orderId"], row["qty"]) for row in own_trades(venue) if row["isMaker"]]
    assert makers == [
        (1, "0.00200000"),
        (2, "0.00150000"),
        (1, "0.00200000"),
        (2, "0.00150000"),
        (1, "0.00100000"),
    ]
    assert statuses(venue)[:2] == ["FILLED", "FILLED"]


def test_what_is_left_of_a_taker_shows_in_parts(venue: Venue) -> None:
    price = inside(venue)
    venue.order("SELL", price=price, quantity="0.004")
    taker = venue.order(
        "BUY", price=price, quantity="0.01", icebergQty="0.005", selfTradePreventionMode="NONE"
    ).body
    assert (taker["status"], taker["executedQty"]) == ("PARTIALLY_FILLED", "0.00400000")
    bids = venue.public("/api/v3/depth", symbol="BTCUSDT", limit=1).body["bids"]
    assert Decimal(bids[0][1]) == Decimal("0.005")


def test_an_iceberg_the_market_passes_is_filled(venue: Venue, wall: Wall) -> None:
    price = f"{Decimal(venue.best()[1]) * Decimal('1.0003'):.2f}"
    venue.order("SELL", price=price, quantity="0.01", icebergQty="0.001")
    wall.forward(3 * 24 * 3_600_000)
    assert queried(venue)["status"] == "FILLED"
    assert venue.balances()["BTC"] == ("0.99000000", "0.00000000")


def test_a_maker_that_shows_in_parts_is_posted_too(venue: Venue) -> None:
    fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "price": LOW}
    placed = venue.signed("POST", "/api/v3/order", **fields, quantity="0.01", icebergQty="0.001")
    assert placed.status == 200
