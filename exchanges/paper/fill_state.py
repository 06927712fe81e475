"""The SQL of fills: saved once, listed in pages, counted for the public trade ids."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from msgspec.structs import astuple

from exchanges.paper.records import Fill

_COLUMNS = ", ".join(Fill.__struct_fields__)
_MARKS = ", ".join("?" * (1 + len(Fill.__struct_fields__)))
_SAVE = f"INSERT INTO fills (account, {_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608


class FillState:
    """A part of the open state file; every method belongs inside a transaction of it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database

    def save(self, account: int, fills: Iterable[Fill]) -> None:
        self._db.executemany(_SAVE, [(account, *astuple(fill)) for fill in fills])

    def page(
        self,
        account: int,
        symbol: str,
        *,
        order_id: int | None = None,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int,
    ) -> list[Fill]:
        """Return fills oldest first: from an id or a start on the oldest, otherwise the newest."""
        bounds = (
            ("trade_id >= ?", from_id),
            ("time_ms >= ?", start_ms),
            ("time_ms <= ?", end_ms),
            ("order_id = ?", order_id),
        )
        chosen = [(condition, value) for condition, value in bounds if value is not None]
        where, values = (
            "".join(f" AND {condition}" for condition, _ in chosen),
            [value for _, value in chosen],
        )
        newest = from_id is None and start_ms is None
        direction = "DESC" if newest else "ASC"
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM fills WHERE account = ? AND symbol = ?{where} "  # noqa: S608
            f"ORDER BY trade_id {direction}, is_buy {direction} LIMIT ?",
            (account, symbol, *values, limit),
        )
        found = [_fill(row) for row in rows]
        return found[::-1] if newest else found

    def page_of_all(self, accounts: Iterable[int], symbol: str, from_id: int, limit: int) -> list[Fill]:
        """Return the first fills of all these accounts from a trade id on, oldest first."""
        pages = (self.page(account, symbol, from_id=from_id, limit=limit) for account in accounts)
        return sorted((fill for page in pages for fill in page), key=lambda fill: fill.trade_id)[:limit]

    def count_before(self, accounts: Iterable[int], symbol: str, trade_id: int) -> int:
        """Return how many trades of these accounts have a smaller id."""
        return self._count(accounts, symbol, "trade_id < ? ORDER BY trade_id DESC", trade_id)

    def count_before_time(self, accounts: Iterable[int], symbol: str, time_ms: int) -> int:
        """Return how many trades of these accounts happened before a time."""
        return self._count(accounts, symbol, "time_ms < ? ORDER BY time_ms DESC, trade_id DESC", time_ms)

    def _count(self, accounts: Iterable[int], symbol: str, before: str, value: int) -> int:
        # Each account is asked for its last one before: an index answers that at once.
        rows = (
            self._db.execute(
                f"SELECT own_trades FROM fills WHERE account = ? AND symbol = ? AND {before} LIMIT 1",  # noqa: S608
                (account, symbol, value),
            ).fetchone()
            for account in accounts
        )
        return max((row[0] + 1 for row in rows if row is not None), default=0)


def _fill(row: tuple[Any, ...]) -> Fill:
    values = list(row)
    values[2], values[11] = bool(row[2]), bool(row[11])
    return Fill(*values)
