"""Lists in which one order pays for the others (OPO, OPOCO): these sell what it bought."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchanges.paper import admin
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.placing import HIGH, LOW, inside, queried, statuses
from tests.exchanges.paper.venue import Answer, Venue, customer

OPO, OPOCO = "/api/v3/orderList/opo", "/api/v3/orderList/opoco"
AT_ONCE = "100000"
"""A price that the whole purchase is made below."""


def opo(**changes: Any) -> dict[str, Any]:
    """Return a purchase far below, and the sale of what it brings."""
    fields = {
        "symbol": "BTCUSDT",
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingPrice": LOW,
        "workingQuantity": "0.01",
        "workingTimeInForce": "GTC",
        "pendingType": "LIMIT",
        "pendingSide": "SELL",
        "pendingPrice": HIGH,
        "pendingTimeInForce": "GTC",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def opoco(**changes: Any) -> dict[str, Any]:
    legs = {"pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": HIGH}
    legs |= {"pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": LOW}
    alone = dict.fromkeys(("pendingType", "pendingPrice", "pendingTimeInForce"))
    return opo(**{**alone, **legs, **changes})


def placed(venue: Venue, path: str, fields: dict[str, Any]) -> Answer:
    answer = venue.signed("POST", path, **fields)
    assert answer.status == 200, answer
    return answer


def test_the_sale_has_no_quantity_before_its_purchase_is_filled(venue: Venue) -> None:
    before = venue.balances()
    answer = placed(venue, OPO, opo())
    working, pending = answer.body["orderReports"]
    assert (answer.body["contingencyType"], working["origQty"]) == ("OTO", "0.01000000")
    assert (pending["status"], "origQty" in pending) == ("PENDING_NEW", False)
    assert answer.headers["X-MBX-ORDER-COUNT-10S"] == "2"
    assert venue.balances()["BTC"] == before["BTC"]
    more = venue.signed(
        "PUT", "/api/v3/order/amend/keepPriority", symbol="BTCUSDT", orderId=2, newQty="0.001"
    )
    assert more.refusal == (400, -2038)


def test_it_sells_all_that_was_bought_where_the_fee_can_be_paid_otherwise(venue: Venue) -> None:
    placed(venue, OPO, opo(workingPrice=AT_ONCE))
    assert statuses(venue) == ["FILLED", "NEW"]
    assert queried(venue, 2)["origQty"] == "0.01000000"
    assert venue.balances()["BTC"] == ("0.99999000", "0.01000000")


def test_it_sells_what_the_fee_left_where_there_is_nothing_else(venues: OpenVenue) -> None:
    venue = venues(persona="mainnet")  # which begins without bitcoin
    placed(venue, OPO, opo(workingPrice=AT_ONCE, workingQuantity="0.00555"))
    assert queried(venue, 2)["origQty"] == "0.00554000"
    assert venue.balances()["BTC"] == ("0.00000445", "0.00554000")


@pytest.mark.parametrize("pays_in_bnb", [False, True])
def test_what_was_bought_of_bnb_is_less_by_the_fee(venue: Venue, pays_in_bnb: bool) -> None:
    admin.set_bnb_fees(venue.exchange, pays_in_bnb)
    fields = opo(symbol="BNBUSDT", workingPrice="1200", workingQuantity="1", pendingPrice="2000")
    placed(venue, OPO, fields)
    (_, sale) = venue.signed("GET", "/api/v3/allOrders", symbol="BNBUSDT").body
    assert sale["origQty"] == "0.99900000"


def test_what_came_in_parts_is_locked_until_the_rest_comes_or_the_list_ends(venue: Venue) -> None:
    other = customer(venue)
    price = inside(venue)
    placed(venue, OPO, opo(workingPrice=price))
    other.order("SELL", timeInForce="IOC", price=price, quantity="0.004")
    assert venue.balances()["BTC"] == ("0.99999600", "0.00400000")
    assert queried(venue, 2)["status"] == "PENDING_NEW"
    with pytest.raises(ValueError, match="are free"):
        admin.deposit(venue.exchange, "BTC", Decimal(-1))
    assert venue.signed("DELETE", "/api/v3/orderList", symbol="BTCUSDT", orderListId=1).status == 200
    assert venue.balances()["BTC"] == ("1.00399600", "0.00000000")


def test_a_pair_shares_what_was_bought(venue: Venue) -> None:
    placed(venue, OPOCO, opoco(workingPrice=AT_ONCE))
    assert statuses(venue) == ["FILLED", "NEW", "NEW"]
    assert {queried(venue, number)["origQty"] for number in (2, 3)} == {"0.01000000"}
    assert venue.balances()["BTC"] == ("0.99999000", "0.01000000")


def test_a_sale_at_any_price_follows_at_once(venue: Venue) -> None:
    at_any = dict.fromkeys(("pendingPrice", "pendingTimeInForce"))
    placed(venue, OPO, opo(workingPrice=AT_ONCE, pendingType="MARKET", **at_any))
    assert statuses(venue) == ["FILLED", "FILLED"]
    assert venue.balances()["BTC"] == ("0.99999000", "0.00000000")


def test_what_is_too_little_to_be_sold_is_free_again(venue: Venue) -> None:
    """Five dollars at the least: the purchase is above that, the sale at its price below."""
    placed(venue, OPO, opo(workingPrice=AT_ONCE, workingQuantity="0.00006", pendingPrice="50000.00"))
    assert statuses(venue) == ["FILLED", "EXPIRED"]
    assert queried(venue, 2)["expiryReason"] == "REJECTED"
    assert venue.balances()["BTC"] == ("1.00005994", "0.00000000")


@pytest.mark.parametrize(
    ("path", "changes", "code"),
    [
        (OPO, {"workingSide": "SELL"}, -1222),
        (OPO, {"pendingSide": "BUY"}, -1223),
        (OPO, {"pendingQuantity": "0.01"}, -1104),
        (OPO, {"pendingType": None}, -1102),
        (OPOCO, {"workingSide": "SELL"}, -1222),
        (OPOCO, {"pendingBelowType": None}, -1102),
        (OPOCO, {"pendingAboveType": "LIMIT"}, -1158),
    ],
)
def test_refusals_change_nothing(venue: Venue, path: str, changes: dict[str, Any], code: int) -> None:
    fields = (opo if path == OPO else opoco)(**changes)
    assert venue.signed("POST", path, **fields).refusal == (400, code)
    assert statuses(venue) == []
