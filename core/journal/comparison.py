"""Two databases with the same tables, compared row by row in the order of their keys."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from core.journal.records import Finding

Row = tuple[Any, ...]


def differences(table: str, found: sqlite3.Connection, expected: sqlite3.Connection) -> Iterator[Finding]:
    """Name every row of a table that is altered, missing or made by no event; both are read once, in step."""
    names, key = _columns(expected, table)
    query = f"SELECT {', '.join(names)} FROM {table} ORDER BY {', '.join(names[i] for i in key)}"  # noqa: S608
    for wrong, right in _in_step(found.execute(query), expected.execute(query), _order_of(key)):
        row = wrong or right or ()
        name = f"{table} ({', '.join(f'{names[i]} {row[i]!r}' for i in key)})"
        if wrong is None:
            yield Finding("PROJECTION_ALTERED", f"{table} lacks {tuple(right or ())!r}")
        elif right is None:
            yield Finding("PROJECTION_ALTERED", f"{table} holds {tuple(wrong)!r}, which no event made")
        else:
            what = [
                f"{column} is {is_!r}, by the events {should!r}"
                for column, is_, should in zip(names, wrong, right, strict=True)
                if is_ != should
            ]
            yield Finding("PROJECTION_ALTERED", f"{name}: {'; '.join(what)}")


def _columns(db: sqlite3.Connection, table: str) -> tuple[list[str], list[int]]:
    """Return the names of the columns that are stored, and which of them make the key."""
    columns = db.execute(f"PRAGMA table_info({table})").fetchall()
    keys = sorted((column["pk"], at) for at, column in enumerate(columns) if column["pk"])
    return [column["name"] for column in columns], [at for _, at in keys]


def _in_step(
    found: Iterator[Any], expected: Iterator[Any], order: Callable[[Row], Row]
) -> Iterator[tuple[Row | None, Row | None]]:
    """Yield (row that is there, row that should be there) where they differ; None where one is missing."""
    wrong, right = next(found, None), next(expected, None)
    while wrong is not None or right is not None:
        if wrong is not None and right is not None and tuple(wrong) == tuple(right):
            wrong, right = next(found, None), next(expected, None)
            continue
        is_missing = wrong is None or (right is not None and order(right) < order(wrong))
        is_extra = right is None or (wrong is not None and order(wrong) < order(right))
        yield (None if is_missing else wrong), (None if is_extra else right)
        wrong = wrong if is_missing else next(found, None)
        right = right if is_extra else next(expected, None)


def _order_of(key: Sequence[int]) -> Callable[[Row], Row]:
    """Return SQLite's order of rows by these columns: no value, then numbers, then text, then bytes."""

    def order(row: Row) -> Row:
        return tuple((_RANK[type(row[at])], row[at] if row[at] is not None else 0) for at in key)

    return order


_RANK = {type(None): 0, int: 1, float: 1, str: 2, bytes: 3}
