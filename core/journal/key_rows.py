"""The tables of the keys: which one was used where, and which must never be used again. Fingerprints only."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from core.journal.chain import Event

TABLES = (
    """
    CREATE TABLE key_uses (
        fingerprint TEXT NOT NULL,
        account TEXT NOT NULL,
        environment TEXT NOT NULL,
        since_ms INTEGER NOT NULL,
        PRIMARY KEY (fingerprint, account)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE exposed_keys (
        fingerprint TEXT PRIMARY KEY, reason TEXT NOT NULL, since_ms INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
)

USE = "SELECT 1 FROM key_uses WHERE fingerprint = ? AND account = ?"
USES = "SELECT DISTINCT environment FROM key_uses WHERE fingerprint = ? ORDER BY environment"
ACCOUNTS = "SELECT account FROM key_uses WHERE fingerprint = ? ORDER BY account"
ADD_USE = "INSERT INTO key_uses (fingerprint, account, environment, since_ms) VALUES (?, ?, ?, ?)"
EXPOSED = "SELECT fingerprint, reason FROM exposed_keys ORDER BY since_ms, fingerprint"
LAST_EXPOSURE = "SELECT max(since_ms) AS since_ms FROM exposed_keys"
ADD_EXPOSED = "INSERT OR IGNORE INTO exposed_keys (fingerprint, reason, since_ms) VALUES (?, ?, ?)"


def _key_used(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    db.execute(ADD_USE, (told["fingerprint"], event.account, told["environment"], event.time_ms))


def _key_exposed(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    db.execute(ADD_EXPOSED, (told["fingerprint"], told["reason"], event.time_ms))


HANDLERS: Mapping[str, Callable[[sqlite3.Connection, Event], None]] = {
    "KEY_USED": _key_used,
    "KEY_EXPOSED": _key_exposed,
}
