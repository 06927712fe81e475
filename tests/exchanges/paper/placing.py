"""What the tests of orders say again and again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from exchanges.paper.market import STEP_MS
from exchanges.paper.records import Event
from exchanges.paper.symbols import SYMBOLS
from tests.exchanges.paper.venue import START_MS, Venue

ORDER = "/api/v3/order"
LOW, HIGH = "50000.00", "150000.00"
STEPS_A_DAY = 24 * 3_600_000 // STEP_MS


def last_price(venue: Venue) -> Decimal:
    return Decimal(venue.public("/api/v3/ticker/price", symbol="BTCUSDT").body["price"])


def near(venue: Venue, share: str) -> str:
    """Return a price at a share of the last one."""
    return f"{last_price(venue) * Decimal(share):.2f}"


def inside(venue: Venue, ticks: int = 1) -> str:
    """Return a price so many ticks below the best ask, where nobody stands."""
    bid, ask = (Decimal(price) for price in venue.best())
    price = ask - ticks * Decimal("0.01")
    assert price > bid
    return f"{price:.2f}"


def queried(venue: Venue, order_id: int = 1) -> dict[str, Any]:
    row: dict[str, Any] = venue.signed("GET", ORDER, symbol="BTCUSDT", orderId=order_id).body
    return row


def statuses(venue: Venue) -> list[str]:
    rows = venue.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT").body
    return [row["status"] for row in rows]


def own_trades(venue: Venue) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = venue.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT").body
    return rows


def events(venue: Venue, account: str = "main") -> list[Event]:
    """Return everything told of an account so far."""
    with venue.exchange.transaction() as engine:
        number = engine.venue.named(account).account.account
        return [event for _, batch in engine.records.events_after(number, 0, 1000) for event in batch]


def told(venue: Venue) -> list[tuple[Any, ...]]:
    """Return what was told of orders and lists: (execution, order_id, status), (list status,)."""
    found: list[tuple[Any, ...]] = []
    for event in events(venue):
        if event.order is not None:
            found.append((event.execution, event.order.order_id, event.order.status))
        if event.order_list is not None:
            found.append((event.order_list.status_type,))
    return found


def first_passage_ms(venue: Venue, price: str, *, rising: bool) -> int:
    """Return when the market first trades at a price or beyond, looking at every single trade."""
    market = venue.exchange.ambient.markets["BTCUSDT"]
    ticks = int(Decimal(price) * 10**8) // SYMBOLS["BTCUSDT"].tick
    first = market.ordinal_at(START_MS)
    for start in range(first, first + 60 * STEPS_A_DAY, STEPS_A_DAY):
        for trade in market.trades_from(start, STEPS_A_DAY):
            if trade.price >= ticks if rising else trade.price <= ticks:
                return trade.time_ms
    raise AssertionError(f"the market never reached {price}")
