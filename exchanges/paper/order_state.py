"""The SQL of orders: saved as they change, found by their names, listed in pages."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

from msgspec.structs import astuple

from exchanges.paper.records import Order
from exchanges.paper.schema import LARGEST_INTEGER

_COLUMNS = ", ".join(Order.__struct_fields__)
_MARKS = ", ".join("?" * (1 + len(Order.__struct_fields__)))
_SAVE = f"INSERT OR REPLACE INTO orders (account, {_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608


class OrderState:
    """A part of the open state file; every method belongs inside a transaction of it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database

    def save(self, account: int, orders: Iterable[Order]) -> None:
        self._db.executemany(_SAVE, [(account, *astuple(order)) for order in orders])

    def open_orders(self, account: int) -> list[Order]:
        return self._orders(
            "INDEXED BY open_orders WHERE account = ? "
            "AND status IN ('PENDING_NEW', 'NEW', 'PARTIALLY_FILLED') ORDER BY symbol, order_id",
            (account,),
        )

    def find(self, account: int, symbol: str, order_id: int) -> Order | None:
        return self._one_order(
            "WHERE account = ? AND symbol = ? AND order_id = ?", (account, symbol, order_id)
        )

    def find_by_client_id(self, account: int, symbol: str, client_order_id: str) -> Order | None:
        """Return the newest order of that name; a name may be used again once its order is closed."""
        return self._one_order(
            "WHERE account = ? AND symbol = ? AND client_order_id = ? ORDER BY order_id DESC LIMIT 1",
            (account, symbol, client_order_id),
        )

    def page(
        self,
        account: int,
        symbol: str,
        *,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int,
    ) -> list[Order]:
        """Return orders oldest first: from an id or a start on the oldest, otherwise the newest."""
        first, last = from_id or 1, LARGEST_INTEGER
        if start_ms is not None:
            first = max(first, self._first_order_at(account, symbol, start_ms))
        if end_ms is not None:
            last = self._first_order_at(account, symbol, end_ms + 1) - 1
        newest = from_id is None and start_ms is None
        found = self._orders(
            "WHERE account = ? AND symbol = ? AND order_id BETWEEN ? AND ? "
            f"ORDER BY order_id {'DESC' if newest else 'ASC'} LIMIT ?",
            (account, symbol, first, last, limit),
        )
        return found[::-1] if newest else found

    def _first_order_at(self, account: int, symbol: str, time_ms: int) -> int:
        """Return an id that parts the orders before a time from those at or after it: ids grow with time.

        An account's ids have gaps, where others placed orders.
        """

        def created_ms(order_id: int) -> int:
            time: int = self._db.execute(
                "SELECT created_ms FROM orders WHERE account = ? AND symbol = ? AND order_id >= ? "
                "ORDER BY order_id LIMIT 1",
                (account, symbol, order_id),
            ).fetchone()[0]
            return time

        last: int | None = self._db.execute(
            "SELECT max(order_id) FROM orders WHERE account = ? AND symbol = ?", (account, symbol)
        ).fetchone()[0]
        return 1 + bisect_left(range(1, (last or 0) + 1), time_ms, key=created_ms)

    def _orders(self, where: str, values: tuple[Any, ...]) -> list[Order]:
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM orders {where}", values)  # noqa: S608
        return [_order(row) for row in rows]

    def _one_order(self, where: str, values: tuple[Any, ...]) -> Order | None:
        found = self._orders(where, values)
        return found[0] if found else None


def _order(row: tuple[Any, ...]) -> Order:
    values = list(row)
    values[3] = bool(row[3])
    return Order(*values)
