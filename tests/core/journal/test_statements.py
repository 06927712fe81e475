"""The questions asked before each order stay quick however long the journal gets."""

from __future__ import annotations

import contextlib

import pytest

from core.journal import statements as sql
from core.journal.store import scratch


@pytest.mark.parametrize(
    "statement",
    [
        sql.ORDER,
        sql.UNSETTLED,
        sql.UNSETTLED_OF_ACCOUNT,
        sql.IN_FLIGHT,
        sql.ASKS_DUE,
        sql.OPEN_ORDERS,
        sql.OPEN_ORDERS_OF_SYMBOL,
        sql.ENTRIES_BETWEEN,
        sql.REALIZED_BETWEEN,
        sql.FILL,
        sql.FILLS_OF_ORDER,
        sql.POSITION,
        sql.FEES,
    ],
)
def test_statement_uses_an_index(statement: str) -> None:
    with contextlib.closing(scratch()) as db:
        plan = db.execute(f"EXPLAIN QUERY PLAN {statement}", (0,) * statement.count("?")).fetchall()
    steps = [row["detail"] for row in plan]
    assert all("SEARCH" in step or "USING INDEX" in step or "ORDER BY" in step for step in steps), steps
