"""The table of pinned deposit addresses: what a human compared with the venue's page."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from core.journal.chain import Event

TABLES = (
    """
    CREATE TABLE pinned_addresses (
        account TEXT NOT NULL,
        coin TEXT NOT NULL,
        network TEXT NOT NULL,
        address TEXT NOT NULL,
        tag TEXT NOT NULL,
        since_ms INTEGER NOT NULL,
        PRIMARY KEY (account, coin, network)
    ) WITHOUT ROWID
    """,
)

PINNED = "SELECT coin, network, address, tag FROM pinned_addresses WHERE account = ? ORDER BY coin, network"
PIN = """
    INSERT OR REPLACE INTO pinned_addresses (account, coin, network, address, tag, since_ms)
    VALUES (?, ?, ?, ?, ?, ?)
"""


def _pinned(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    values = (told["coin"], told["network"], told["address"], told["tag"])
    db.execute(PIN, (event.account, *values, event.time_ms))


HANDLERS: Mapping[str, Callable[[sqlite3.Connection, Event], None]] = {"ADDRESS_PINNED": _pinned}
