"""The tables of the reconciliation: how far the venue was compared, what differs, what a human accepted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from core.journal.chain import Event, canonical_json

TABLES = (
    # How far the books of a symbol agree with the venue's, without a gap since OPENED.
    """
    CREATE TABLE coverage (
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        orders_to INTEGER NOT NULL,
        trades_to INTEGER NOT NULL,
        PRIMARY KEY (account, symbol)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE breaks (
        account TEXT NOT NULL,
        break_id TEXT NOT NULL,
        first_seen_ms INTEGER NOT NULL,
        accepted_ms INTEGER,
        reason TEXT NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (account, break_id)
    ) WITHOUT ROWID
    """,
    # What the balance equation counts in because a human accepted it.
    """
    CREATE TABLE adjustments (
        account TEXT NOT NULL,
        break_id TEXT NOT NULL,
        asset TEXT NOT NULL,
        amount TEXT NOT NULL,
        PRIMARY KEY (account, break_id, asset)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE reconciliations (
        sequence INTEGER PRIMARY KEY,
        account TEXT NOT NULL,
        until_ms INTEGER NOT NULL,
        record TEXT NOT NULL
    )
    """,
    "CREATE INDEX reconciliations_by_account ON reconciliations (account, sequence)",
    "CREATE INDEX orders_by_venue_id ON orders (account, symbol, venue_order_id) WHERE dry_run = 0",
)

COVERAGE = "SELECT symbol, orders_to, trades_to FROM coverage WHERE account = ? ORDER BY symbol"
SET_COVERAGE = "INSERT OR REPLACE INTO coverage (account, symbol, orders_to, trades_to) VALUES (?, ?, ?, ?)"
BREAK = "SELECT * FROM breaks WHERE account = ? AND break_id = ?"
BREAKS = "SELECT * FROM breaks WHERE account = ? ORDER BY first_seen_ms, break_id"
SET_BREAK = """
    INSERT OR REPLACE INTO breaks (account, break_id, first_seen_ms, accepted_ms, reason, record)
    VALUES (?, ?, ?, NULL, '', ?)
"""
SINCE = "SELECT first_seen_ms FROM breaks WHERE account = ? AND break_id = ? AND accepted_ms IS NULL"
ACCEPT_BREAK = "UPDATE breaks SET accepted_ms = ?, reason = ? WHERE account = ? AND break_id = ?"
END_BREAK = "DELETE FROM breaks WHERE account = ? AND break_id = ?"
ADJUSTMENTS = "SELECT break_id, asset, amount FROM adjustments WHERE account = ? ORDER BY break_id, asset"
SET_ADJUSTMENT = "INSERT INTO adjustments (account, break_id, asset, amount) VALUES (?, ?, ?, ?)"
END_ADJUSTMENTS = "DELETE FROM adjustments WHERE account = ? AND break_id = ?"
DELISTED = "SELECT payload FROM events WHERE kind = 'SYMBOL_DELISTED' AND account = ?"
FILLED_SINCE = "SELECT 1 FROM events WHERE sequence > ? AND account = ? AND kind = 'FILL' LIMIT 1"
ADD_RECONCILIATION = "INSERT INTO reconciliations (sequence, account, until_ms, record) VALUES (?, ?, ?, ?)"
NEWEST_RECONCILIATION = """
    SELECT record FROM reconciliations WHERE account = ? AND until_ms <= ? ORDER BY sequence DESC LIMIT 1
"""


def _covered(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    db.execute(SET_COVERAGE, (event.account, told["symbol"], told["orders_to"], told["trades_to"]))


def _break(db: sqlite3.Connection, event: Event) -> None:
    name = event.payload["break_id"]
    known = db.execute(SINCE, (event.account, name)).fetchone()
    since_ms = event.time_ms if known is None else known[0]
    db.execute(SET_BREAK, (event.account, name, since_ms, canonical_json(event.payload)))


def _break_ended(db: sqlite3.Connection, event: Event) -> None:
    key = (event.account, event.payload["break_id"])
    db.execute(END_BREAK, key)
    db.execute(END_ADJUSTMENTS, key)


def _break_accepted(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    key = (event.account, told["break_id"])
    db.execute(ACCEPT_BREAK, (event.time_ms, told["reason"], *key))
    db.execute(END_ADJUSTMENTS, key)
    for asset, amount in told["adjustments"].items():
        db.execute(SET_ADJUSTMENT, (*key, asset, amount))


def _reconciled(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    db.execute(ADD_RECONCILIATION, (event.sequence, event.account, told["until_ms"], canonical_json(told)))


HANDLERS: Mapping[str, Callable[[sqlite3.Connection, Event], None]] = {
    "COVERED": _covered,
    "BREAK": _break,
    "BREAK_ENDED": _break_ended,
    "BREAK_ACCEPTED": _break_accepted,
    "RECONCILED": _reconciled,
}
