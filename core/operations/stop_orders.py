"""The orders that protect a position: a stop, or a stop and a target as one order list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.desk import Desk
from core.errors import ReconciliationBreak
from core.operations.holding import Book
from core.operations.order_path import place, place_pair
from core.orders import TERMINAL, OrderReport, OrderRequest, Purpose
from core.risk.facts import RiskFacts

if TYPE_CHECKING:
    from core.journal import Order


@dataclass(slots=True)
class Stop:
    """One protective stop, or the target that rests beside it as one order list.

    `report`: the venue's last word; None when it gave none to this command. `is_confirmed`: whether the venue
    ever had it. `booked`: trade ids that the holding has taken in.
    """

    client_order_id: str
    request: OrderRequest
    is_confirmed: bool = False
    report: OrderReport | None = None
    booked: set[int] = field(default_factory=set)

    @property
    def is_target(self) -> bool:
        return self.request.purpose is Purpose.TARGET

    @property
    def is_over(self) -> bool:
        return self.report is not None and self.report.status in TERMINAL

    @property
    def has_sold(self) -> bool:
        return self.report is not None and self.report.executed_quantity.value > 0


async def send(
    desk: Desk, book: Book, requests: tuple[OrderRequest, ...], facts: RiskFacts
) -> list[tuple[OrderRequest, OrderReport]]:
    """Send a stop, or a stop and its target as one order list; return each with the venue's answer."""
    if len(requests) == 1:
        report = await place(desk, requests[0], facts, dry_run=book.dry_run, context=book.context)
        return [(requests[0], report)]
    stop, target = requests
    reports = await place_pair(desk, stop, target, facts, dry_run=book.dry_run, context=book.context)
    return list(zip(requests, reports, strict=True))


def protective_orders(desk: Desk, symbol: str) -> tuple[Order, ...]:
    """Return our stops on a symbol, with their targets, that rest at the venue or may, by the journal."""
    journal, account = desk.journal, desk.account
    orders = {order.client_order_id: order for order in journal.open_orders(account, symbol=symbol)}
    orders |= {each.order.client_order_id: each.order for each in journal.unsettled(account)}
    return tuple(
        order
        for order in orders.values()
        if order.symbol == symbol and order.intent.request.purpose in (Purpose.PROTECT, Purpose.TARGET)
    )


def missing(reason: str) -> ReconciliationBreak:
    return ReconciliationBreak(f"no protective stop: {reason}", code="STOP_MISSING")
