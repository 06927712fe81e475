"""From events to table rows: the only code that writes a projection.

It reads nothing but the event and the projections of the events before it: replaying a journal into an empty
database gives the tables as they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from decimal import Decimal

from core.journal import address_rows, breaker_rows, key_rows, reconciliation_rows, restore_rows
from core.journal import statements as sql
from core.journal.chain import Event, canonical_json
from core.journal.inventory import ZERO, Inventory, after, movements
from core.orders import OrderStatus, Purpose, Side
from core.values import EXACT, decimal_text


def project(db: sqlite3.Connection, event: Event) -> None:
    """Write what an event changes. Kinds that are not listed, notes, change nothing."""
    handler = _HANDLERS.get(event.kind)
    if handler is not None:
        handler(db, event)


def _created(db: sqlite3.Connection, event: Event) -> None:
    db.execute(sql.SET_INSTALLATION, (event.payload["installation_id"],))


def _opened(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    names = ("venue", "environment", "host", "uid", "epoch")
    values = [told[name] for name in names]
    db.execute(
        sql.ADD_ACCOUNT,
        (event.account, *values, event.sequence, told["server_time_ms"], told["key_fingerprint"]),
    )


def _symbol_noted(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    values = (told["symbol"], told["base_asset"], told["quote_asset"], told["last_trade_id"])
    db.execute(sql.ADD_SYMBOL, (event.account, *values))


_INTENT_COLUMNS = (
    "symbol",
    "side",
    "order_type",
    "quantity",
    "price",
    "time_in_force",
    "purpose",
    "decision_price",
    "stop_price",
    "timestamp_ms",
    "recv_window_ms",
)


def _intent(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    values = [told[name] for name in _INTENT_COLUMNS]
    context = canonical_json(told["context"])
    db.execute(
        sql.ADD_ORDER,
        (
            told["sequence"],
            told["client_order_id"],
            event.account,
            *values,
            event.time_ms,
            told["dry_run"],
            context,
        ),
    )


def _abandoned(db: sqlite3.Connection, event: Event) -> None:
    _end(db, event, OrderStatus.ABANDONED, event.payload["reason"])


def _unknown(db: sqlite3.Connection, event: Event) -> None:
    _end(db, event, OrderStatus.SUBMITTED, event.payload["reason"])


def _rejected(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    _end(db, event, OrderStatus.REJECTED, f"{told['venue_code']}: {told['venue_text']}")


def _never_accepted(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    _end(db, event, OrderStatus.NEVER_ACCEPTED, f"not found at {told['asked_ms']}")
    db.execute(sql.SET_ASKS_DUE, (event.account, told["client_order_id"], told["asks"]))


def _asked_again(db: sqlite3.Connection, event: Event) -> None:
    db.execute(sql.COUNT_ASK, (event.account, event.payload["client_order_id"]))
    db.execute(sql.END_ASKS, (event.account,))


def _late_find(db: sqlite3.Connection, event: Event) -> None:
    db.execute(sql.FORGET_ASKS, (event.account, event.payload["client_order_id"]))


def _written_off(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    db.execute(sql.WRITE_OFF, (told["client_order_id"], told["reason"], event.time_ms))


def _end(db: sqlite3.Connection, event: Event, status: OrderStatus, outcome: str) -> None:
    db.execute(sql.SET_OUTCOME, (status, outcome, event.payload["client_order_id"]))


def _report(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    db.execute(
        sql.SET_REPORT,
        (
            told["status"],
            told["venue_order_id"],
            told["executed_quantity"],
            told["executed_quote"],
            told["late"],
            told["client_order_id"],
        ),
    )
    db.execute(sql.END_WRITE_OFF, (told["client_order_id"],))


def _fill(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    account, symbol, dry_run = event.account, told["symbol"], told["dry_run"]
    book = (account, symbol, dry_run)
    price, quantity, fee = (Decimal(told[name]) for name in ("price", "quantity", "fee"))
    assets = db.execute(sql.SYMBOL, (account, symbol)).fetchone()
    base, quote = movements(
        Side(told["side"]),
        quantity,
        price,
        fee,
        fee_in_base=told["fee_asset"] == assets["base_asset"],
        fee_in_quote=told["fee_asset"] == assets["quote_asset"],
    )
    before = held_inventory(db, *book)
    # What the account held before us is not our position, nor our P&L.
    purpose, filled = db.execute(sql.PURPOSE_AND_FILLED, (told["client_order_id"],)).fetchone()
    is_ours = purpose != Purpose.LIQUIDATE
    now = after(before, base, quote) if is_ours else before
    realized = EXACT.subtract(now.realized, before.realized)
    db.execute(
        sql.ADD_FILL,
        (
            *book,
            told["trade_id"],
            told["client_order_id"],
            told["venue_order_id"],
            told["side"],
            told["price"],
            told["quantity"],
            told["fee"],
            told["fee_asset"],
            told["liquidity"],
            told["ts_event_ms"],
            decimal_text(realized),
        ),
    )
    if is_ours:
        values = (decimal_text(each) for each in (now.quantity, now.cost, now.realized))
        db.execute(sql.SET_POSITION, (*book, *values))
    db.execute(sql.SET_FILLED_QUANTITY, (_sum(Decimal(filled), quantity), told["client_order_id"]))
    if fee != 0 and is_ours:
        paid = _number(db, sql.FEE, (*book, told["fee_asset"]))
        db.execute(sql.SET_FEE, (*book, told["fee_asset"], _sum(paid, fee)))
    if dry_run:
        moved = {assets["base_asset"]: base, assets["quote_asset"]: quote}
        if told["fee_asset"] not in moved:
            moved[told["fee_asset"]] = -fee
        _move_dry_run_balances(db, account, moved)


def _move_dry_run_balances(db: sqlite3.Connection, account: str | None, moved: Mapping[str, Decimal]) -> None:
    for asset, amount in moved.items():
        free = _number(db, sql.DRY_RUN_BALANCE, (account, asset))
        db.execute(sql.SET_DRY_RUN_BALANCE, (account, asset, _sum(free, amount)))


def held_inventory(db: sqlite3.Connection, account: str | None, symbol: str, dry_run: int) -> Inventory:
    """Return what one book holds of one symbol."""
    row = db.execute(sql.POSITION, (account, symbol, dry_run)).fetchone()
    if row is None:
        return Inventory()
    return Inventory(Decimal(row["quantity"]), Decimal(row["cost"]), Decimal(row["realized"]))


def _number(db: sqlite3.Connection, statement: str, key: tuple[object, ...]) -> Decimal:
    row = db.execute(statement, key).fetchone()
    return ZERO if row is None else Decimal(row[0])


def _sum(first: Decimal, second: Decimal) -> str:
    return decimal_text(EXACT.add(first, second))


def _dry_run_opened(db: sqlite3.Connection, event: Event) -> None:
    db.execute(sql.OPEN_DRY_RUN_BOOK, (event.account, event.time_ms))
    for asset, amount in event.payload["balances"].items():
        db.execute(sql.SET_DRY_RUN_BALANCE, (event.account, asset, amount))


def _trading_state(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    db.execute(sql.SET_TRADING_STATE, (event.account, told["state"], told["reason"], event.time_ms))


def _quarantined(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    db.execute(sql.SET_QUARANTINE, (event.account, told["symbol"], told["reason"], event.time_ms))


def _quarantine_released(db: sqlite3.Connection, event: Event) -> None:
    db.execute(sql.END_QUARANTINE, (event.account, event.payload["symbol"]))


def _evidence(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    values = (told["evidence_id"], event.account, told["stage"], told["symbol"], told["created_ms"])
    db.execute(sql.ADD_EVIDENCE, (*values, canonical_json(told)))


_HANDLERS: Mapping[str, Callable[[sqlite3.Connection, Event], None]] = {
    "CREATED": _created,
    "OPENED": _opened,
    "SYMBOL_NOTED": _symbol_noted,
    "INTENT": _intent,
    "ABANDONED": _abandoned,
    "UNKNOWN": _unknown,
    "REJECTED": _rejected,
    "NEVER_ACCEPTED": _never_accepted,
    "ASKED_AGAIN": _asked_again,
    "LATE_FIND": _late_find,
    "REPORT": _report,
    "FILL": _fill,
    "DRY_RUN_OPENED": _dry_run_opened,
    "TRADING_STATE": _trading_state,
    "WRITTEN_OFF": _written_off,
    "QUARANTINED": _quarantined,
    "QUARANTINE_RELEASED": _quarantine_released,
    "EVIDENCE": _evidence,
    **reconciliation_rows.HANDLERS,
    **key_rows.HANDLERS,
    **address_rows.HANDLERS,
    **breaker_rows.HANDLERS,
    **restore_rows.HANDLERS,
}

KINDS = frozenset({*_HANDLERS, "DENIED", "LATCH_LIFTED", "IMPORTED"})
"""Kinds that the journal itself writes; notes have others."""
