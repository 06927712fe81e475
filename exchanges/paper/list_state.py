"""The SQL of what only some orders have: lists, prevented matches, amendments."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import astuple

from exchanges.paper.records import Amendment, OrderList, PreventedMatch

_LIST_COLUMNS = ", ".join(OrderList.__struct_fields__)
_MATCH_COLUMNS = ", ".join(PreventedMatch.__struct_fields__)
_AMENDMENT_COLUMNS = ", ".join(Amendment.__struct_fields__)


class ListState:
    """A part of the open state file; every method belongs inside a transaction of it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database

    # order lists

    def save(self, account: int, lists: Iterable[OrderList]) -> None:
        self._db.executemany(
            f"INSERT OR REPLACE INTO order_lists (account, {_LIST_COLUMNS}) VALUES "  # noqa: S608
            "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(account, *_list_row(each)) for each in lists],
        )

    def open_lists(self, account: int) -> list[OrderList]:
        return self._lists(
            "INDEXED BY open_lists WHERE account = ? AND status_type != 'ALL_DONE' ORDER BY list_id",
            (account,),
        )

    def last_list(self, account: int) -> int:
        """Return the highest list id, 0 before the first."""
        last: int | None = self._db.execute(
            "SELECT max(list_id) FROM order_lists WHERE account = ?", (account,)
        ).fetchone()[0]
        return last or 0

    def find(self, account: int, list_id: int | None, client_id: str | None) -> OrderList | None:
        """Look a list up by its id, or the newest of that name."""
        if list_id is not None:
            found = self._lists("WHERE account = ? AND list_id = ?", (account, list_id))
        else:
            found = self._lists(
                "WHERE account = ? AND client_id = ? ORDER BY list_id DESC LIMIT 1", (account, client_id)
            )
        return found[0] if found else None

    def list_page(
        self, account: int, *, from_id: int | None, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[OrderList]:
        """Return lists oldest first: from an id or a start on the oldest, otherwise the newest."""
        newest = from_id is None and start_ms is None
        found = self._lists(
            "WHERE account = ? AND list_id >= ? AND created_ms BETWEEN ? AND coalesce(?, created_ms) "
            f"ORDER BY list_id {'DESC' if newest else 'ASC'} LIMIT ?",
            (account, from_id or 0, start_ms or 0, end_ms, limit),
        )
        return found[::-1] if newest else found

    def _lists(self, where: str, values: tuple[Any, ...]) -> list[OrderList]:
        rows = self._db.execute(f"SELECT {_LIST_COLUMNS} FROM order_lists {where}", values)  # noqa: S608
        return [_list(row) for row in rows]

    # prevented matches

    def save_match(self, account: int, match: PreventedMatch) -> None:
        self._db.execute(
            f"INSERT INTO prevented_matches (account, {_MATCH_COLUMNS}) VALUES "  # noqa: S608
            "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (account, *astuple(match)),
        )

    def matches(
        self, account: int, symbol: str, *, match_id: int | None, order_id: int | None, first: int, limit: int
    ) -> list[PreventedMatch]:
        """Return the match of an id, or those of an order from an id on, oldest first."""
        rows = self._db.execute(
            f"SELECT {_MATCH_COLUMNS} FROM prevented_matches "  # noqa: S608
            "WHERE account = ? AND symbol = ? AND prevented_match_id = coalesce(?, prevented_match_id) "
            "AND (? IS NULL OR ? IN (taker_order_id, maker_order_id)) AND prevented_match_id >= ? "
            "ORDER BY prevented_match_id LIMIT ?",
            (account, symbol, match_id, order_id, order_id, first, limit),
        )
        return [PreventedMatch(*row) for row in rows]

    # amendments

    def save_amendment(self, account: int, amendment: Amendment) -> None:
        self._db.execute(
            f"INSERT INTO amendments (account, {_AMENDMENT_COLUMNS}) VALUES "  # noqa: S608
            "(?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (account, *astuple(amendment)),
        )

    def count_amendments(self, account: int, symbol: str, order_id: int) -> int:
        count: int = self._db.execute(
            "SELECT count(*) FROM amendments WHERE account = ? AND symbol = ? AND order_id = ?",
            (account, symbol, order_id),
        ).fetchone()[0]
        return count

    def amendments(
        self, account: int, symbol: str, order_id: int, *, first: int, limit: int
    ) -> list[Amendment]:
        """Return the amendments of an order from an execution id on, oldest first."""
        rows = self._db.execute(
            f"SELECT {_AMENDMENT_COLUMNS} FROM amendments "  # noqa: S608
            "WHERE account = ? AND symbol = ? AND order_id = ? AND execution_id >= ? "
            "ORDER BY execution_id LIMIT ?",
            (account, symbol, order_id, first, limit),
        )
        return [Amendment(*row) for row in rows]


def _list_row(order_list: OrderList) -> tuple[Any, ...]:
    values = list(astuple(order_list))
    values[5] = msgspec.json.encode(order_list.orders).decode()
    return tuple(values)


def _list(row: tuple[Any, ...]) -> OrderList:
    values = list(row)
    values[5] = msgspec.json.decode(row[5], type=tuple[tuple[int, str], ...])
    return OrderList(*values)
