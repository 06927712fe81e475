"""From table rows to what the journal answers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from core.account import AccountKey, Environment
from core.clock import DAY_MS
from core.journal import statements as sql
from core.journal.records import Order, Position, UnsettledOrder
from core.journal.store import Store
from core.orders import (
    Fill,
    Intent,
    Liquidity,
    OrderRequest,
    OrderStatus,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
)
from core.stages import EntryMode, Evidence
from core.values import EXACT, Base, Money, Quote

ZERO = Decimal(0)


def account_of(row: Mapping[str, Any] | sqlite3.Row) -> AccountKey:
    return AccountKey(row["venue"], Environment(row["environment"]), row["host"], row["uid"], row["epoch"])


def accounts(store: Store) -> tuple[AccountKey, ...]:
    return tuple(account_of(row) for row in store.rows(sql.ACCOUNTS))


def order(store: Store, client_order_id: str) -> Order | None:
    row = store.row(sql.ORDER, (client_order_id,))
    return None if row is None else _order(store, row)


def orders(store: Store, statement: str, key: tuple[object, ...]) -> tuple[Order, ...]:
    return tuple(_order(store, row) for row in store.rows(statement, key))


def open_orders(store: Store, account: AccountKey, symbol: str | None, dry_run: bool) -> tuple[Order, ...]:
    key = (str(account), int(dry_run))
    if symbol is None:
        return orders(store, sql.OPEN_ORDERS, key)
    return orders(store, sql.OPEN_ORDERS_OF_SYMBOL, (*key, symbol))


def in_flight(store: Store, account: AccountKey, symbol: str, dry_run: bool) -> tuple[str, ...]:
    rows = store.rows(sql.IN_FLIGHT, (str(account), symbol, int(dry_run)))
    return tuple(row["client_order_id"] for row in rows)


def _order(store: Store, row: sqlite3.Row) -> Order:
    found = store.row(sql.ACCOUNT, (row["account"],))
    if found is None:
        raise LookupError(f"the order {row['client_order_id']} has no account")
    request = OrderRequest(
        symbol=row["symbol"],
        side=Side(row["side"]),
        order_type=OrderType(row["order_type"]),
        quantity=Base(Decimal(row["quantity"])),
        price=_optional_decimal(row["price"]),
        time_in_force=None if row["time_in_force"] is None else TimeInForce(row["time_in_force"]),
        purpose=Purpose(row["purpose"]),
        decision_price=Decimal(row["decision_price"]),
        stop_price=_optional_decimal(row["stop_price"]),
    )
    intent = Intent(
        client_order_id=row["client_order_id"],
        sequence=row["sequence"],
        account=account_of(found),
        request=request,
        timestamp_ms=row["timestamp_ms"],
        recv_window_ms=row["recv_window_ms"],
        created_ms=row["created_ms"],
        dry_run=bool(row["dry_run"]),
    )
    return Order(
        intent=intent,
        status=OrderStatus(row["status"]),
        venue_order_id=row["venue_order_id"],
        executed_quantity=Base(Decimal(row["executed_quantity"])),
        executed_quote=Quote(Decimal(row["executed_quote"])),
        filled_quantity=Base(Decimal(row["filled_quantity"])),
        outcome=row["outcome"],
        late_fill=bool(row["late_fill"]),
        context=json.loads(row["context"]),
    )


def _optional_decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def unsettled(store: Store, account: AccountKey | None) -> tuple[UnsettledOrder, ...]:
    if account is None:
        found = orders(store, sql.UNSETTLED, ())
    else:
        found = orders(store, sql.UNSETTLED_OF_ACCOUNT, (str(account),))
    return tuple(UnsettledOrder(each, each.intent.created_ms, _what(each)) for each in found)


def _what(order: Order) -> str:
    if order.status is OrderStatus.INITIALIZED:
        return "no outcome was recorded; it may have been sent"
    if order.status is OrderStatus.SUBMITTED:
        return f"outcome unknown: {order.outcome}"
    return f"{order.executed_quantity} executed, but fills of {order.filled_quantity} are recorded"


def fills_of(store: Store, client_order_id: str) -> tuple[Fill, ...]:
    return tuple(_fill(row) for row in store.rows(sql.FILLS_OF_ORDER, (client_order_id,)))


def _fill(row: sqlite3.Row) -> Fill:
    return Fill(
        symbol=row["symbol"],
        trade_id=row["trade_id"],
        venue_order_id=row["venue_order_id"],
        side=Side(row["side"]),
        price=Decimal(row["price"]),
        quantity=Base(Decimal(row["quantity"])),
        fee=Money(Decimal(row["fee"]), row["fee_asset"]),
        liquidity=Liquidity(row["liquidity"]),
        ts_event_ms=row["ts_event_ms"],
    )


def position(store: Store, account: AccountKey, symbol: str, dry_run: bool) -> Position:
    book = (str(account), symbol, int(dry_run))
    row = store.row(sql.POSITION, book)
    fees = {each["asset"]: Decimal(each["amount"]) for each in store.rows(sql.FEES, book)}
    quantity, cost, realized = (ZERO, ZERO, ZERO) if row is None else (Decimal(text) for text in row)
    return Position(account, symbol, Base(quantity), Quote(cost), Quote(realized), fees)


def positions(store: Store, account: AccountKey, dry_run: bool) -> tuple[Position, ...]:
    symbols = [row["symbol"] for row in store.rows(sql.TRADED_SYMBOLS, (str(account), int(dry_run)))]
    return tuple(position(store, account, symbol, dry_run) for symbol in symbols)


def entries_on(store: Store, account: AccountKey, day: int) -> int:
    row = store.row(sql.ENTRIES_BETWEEN, (str(account), *_span(day)))
    return 0 if row is None else int(row["entries"])


def realized_on(store: Store, account: AccountKey, day: int) -> dict[str, Decimal]:
    """Return quote asset -> what real fills of the day earned in it; assets without a fill are left out."""
    totals: dict[str, Decimal] = {}
    for row in store.rows(sql.REALIZED_BETWEEN, (str(account), *_span(day))):
        asset = row["quote_asset"]
        totals[asset] = EXACT.add(totals.get(asset, ZERO), Decimal(row["realized"]))
    return totals


def _span(day: int) -> tuple[int, int]:
    return day * DAY_MS, (day + 1) * DAY_MS


def dry_run_balances(store: Store, account: AccountKey) -> dict[str, Decimal]:
    rows = store.rows(sql.DRY_RUN_BALANCES, (str(account),))
    return {row["asset"]: Decimal(row["amount"]) for row in rows}


def evidence_record(evidence: Evidence) -> dict[str, object]:
    """Return evidence as the journal keeps it."""
    account = evidence.account
    record: dict[str, object] = {
        name: getattr(evidence, name) for name in Evidence.__dataclass_fields__ if name != "account"
    }
    record["account"] = {name: getattr(account, name) for name in AccountKey.__dataclass_fields__}
    return record


def evidence(store: Store) -> tuple[Evidence, ...]:
    return tuple(_evidence(json.loads(row["record"])) for row in store.rows(sql.EVIDENCE))


def _evidence(record: dict[str, Any]) -> Evidence:
    record["account"] = account_of(record["account"])
    record["entry_mode"] = EntryMode(record["entry_mode"])
    return Evidence(**record)
