"""The trades of a run as the journal has them, to be held against a back-test."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from core.backtest.attribution import Leg, LegName, Trip
from core.decisions.book import RUN
from core.journal.history import Selection
from core.orders import OrderType, Purpose
from core.stages import STAGES
from core.values import EXACT

if TYPE_CHECKING:
    from core.journal import Journal
    from core.operations.replay import FoundRun

_NOTHING = Decimal(0)


def live_trips(journal: Journal, found: FoundRun) -> list[Trip]:
    """Return the trades that a run made, oldest first.

    The middle is that of the book the order was sized on. For a stop, which rests at the venue, nobody saw
    the book as it filled: it is taken to be as wide as at the entry. Fees in base are valued at the price of
    their fill, those in a third asset at the price that was recorded with it, or not at all.
    """
    trips: list[Trip] = []
    for orders in _by_trade(_orders(journal, found)):
        (entry, *exits) = orders
        sold = [each for each in exits if each["fills"]]
        trips.append((_leg(LegName.ENTRY, entry, [entry]), _exit(entry, sold)))
    return trips


def _exit(entry: dict[str, Any], sold: list[dict[str, Any]]) -> Leg | None:
    return _leg(LegName.EXIT, entry, sold) if sold else None


def _leg(name: LegName, entry: dict[str, Any], orders: list[dict[str, Any]]) -> Leg:
    quantity = value = fee = _NOTHING
    for fill in (fill for order in orders for fill in order["fills"]):
        price, filled = Decimal(fill["price"]), Decimal(fill["quantity"])
        quantity = EXACT.add(quantity, filled)
        value = EXACT.add(value, EXACT.multiply(price, filled))
        fee = EXACT.add(fee, _fee_in_quote(fill, price))
    first = orders[0]
    if first["order_type"] in (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT):
        half = (_number(entry, "best_ask") - _number(entry, "best_bid")) / 2
        middle = value / quantity + half
    elif first["order_type"] == OrderType.LIMIT_MAKER:
        middle = value / quantity
    else:
        middle = (_number(first, "best_bid") + _number(first, "best_ask")) / 2
    return Leg(name, middle, quantity, value, fee)


def _number(order: dict[str, Any], name: str) -> Decimal:
    return Decimal(order["approved_on"][name])


def _fee_in_quote(fill: dict[str, Any], price: Decimal) -> Decimal:
    amount, asset, symbol = Decimal(fill["fee"]), fill["fee_asset"], fill["symbol"]
    if symbol.endswith(asset):
        return amount
    if symbol.startswith(asset):
        return EXACT.multiply(amount, price)
    return EXACT.multiply(amount, Decimal(fill.get("fee_price", 0)))


def _by_trade(orders: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the orders of each trade: an entry that filled, and what followed up to the next."""
    trade: list[dict[str, Any]] = []
    for order in orders:
        if order["purpose"] == Purpose.ENTRY:
            if trade:
                yield trade
            trade = [order] if order["fills"] else []
        elif trade:
            trade.append(order)
    if trade:
        yield trade


def _orders(journal: Journal, found: FoundRun) -> Iterator[dict[str, Any]]:
    """Yield the orders of a run on its symbol, in the order they were sent, with their fills."""
    orders: dict[str, dict[str, Any]] = {}
    run = found.run
    chosen = Selection(kinds=("INTENT", "FILL", "EVIDENCE", RUN))
    for link in journal.history.events(chosen, after=found.sequence):
        event = link.stored.event()
        told = event.payload
        if event.kind == RUN and told["stage"] == run.stage:
            break
        if event.kind == "EVIDENCE" and told["evidence_id"] == run.id:
            break
        if event.kind in (RUN, "EVIDENCE") or told["symbol"] != run.traded.symbol:
            continue
        if told["dry_run"] != STAGES[run.stage].dry_run:
            continue
        if event.kind == "INTENT":
            orders[told["client_order_id"]] = {**told, "fills": []}
        elif told["client_order_id"] in orders:
            orders[told["client_order_id"]]["fills"].append(told)
    yield from orders.values()
