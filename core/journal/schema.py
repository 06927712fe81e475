"""The tables of the journal, as numbered migrations.

`events` is the journal; everything else is a projection of it, kept in the same transaction and reproducible
from it. Money is text, times are integer milliseconds UTC.
"""

from __future__ import annotations

import sqlite3

from core.journal.address_rows import TABLES as _FIFTH
from core.journal.breaker_rows import PEAK_TABLES as _EIGHTH
from core.journal.breaker_rows import TABLES as _SIXTH
from core.journal.key_rows import TABLES as _FOURTH
from core.journal.reconciliation_rows import TABLES as _THIRD
from core.journal.restore_rows import TABLES as _SEVENTH

APPLICATION_ID = 0x74724A4C  # "trJL"

_FIRST = (
    """
    CREATE TABLE events (
        sequence INTEGER PRIMARY KEY,
        time_ms INTEGER NOT NULL,
        kind TEXT NOT NULL,
        account TEXT,
        payload TEXT NOT NULL,
        hash BLOB NOT NULL
    )
    """,
    # INSERT OR REPLACE removes a row without a DELETE trigger; only the next sequence may come in.
    """
    CREATE TRIGGER events_append BEFORE INSERT ON events
    WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM events)
    BEGIN SELECT raise(ABORT, 'events are appended in order'); END
    """,
    """
    CREATE TRIGGER events_keep BEFORE UPDATE ON events
    BEGIN SELECT raise(ABORT, 'events are never changed'); END
    """,
    """
    CREATE TRIGGER events_stay BEFORE DELETE ON events
    BEGIN SELECT raise(ABORT, 'events are never deleted'); END
    """,
    "CREATE TABLE installation (single INTEGER PRIMARY KEY CHECK (single = 1), id TEXT NOT NULL)",
    """
    CREATE TABLE accounts (
        account TEXT PRIMARY KEY,
        venue TEXT NOT NULL,
        environment TEXT NOT NULL,
        host TEXT NOT NULL,
        uid TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        opened_sequence INTEGER NOT NULL,
        server_time_ms INTEGER NOT NULL,
        key_fingerprint TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE symbols (
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        base_asset TEXT NOT NULL,
        quote_asset TEXT NOT NULL,
        last_trade_id INTEGER,
        PRIMARY KEY (account, symbol)
    ) WITHOUT ROWID
    """,
    # An order is unsettled while it may be at the venue without our knowing, or while fills that the venue
    # counted are not recorded: until then the position is not known.
    """
    CREATE TABLE orders (
        sequence INTEGER PRIMARY KEY,
        client_order_id TEXT NOT NULL UNIQUE,
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        side TEXT NOT NULL,
        order_type TEXT NOT NULL,
        quantity TEXT NOT NULL,
        price TEXT,
        time_in_force TEXT,
        purpose TEXT NOT NULL,
        decision_price TEXT NOT NULL,
        stop_price TEXT,
        timestamp_ms INTEGER NOT NULL,
        recv_window_ms INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        dry_run INTEGER NOT NULL,
        context TEXT NOT NULL,
        status TEXT NOT NULL,
        venue_order_id INTEGER,
        executed_quantity TEXT NOT NULL DEFAULT '0',
        executed_quote TEXT NOT NULL DEFAULT '0',
        filled_quantity TEXT NOT NULL DEFAULT '0',
        outcome TEXT NOT NULL DEFAULT '',
        late_fill INTEGER NOT NULL DEFAULT 0,
        unsettled INTEGER GENERATED ALWAYS AS (
            status IN ('INITIALIZED', 'SUBMITTED') OR executed_quantity <> filled_quantity
        ) VIRTUAL
    )
    """,
    "CREATE INDEX orders_unsettled ON orders (account, symbol) WHERE unsettled",
    """
    CREATE INDEX orders_open ON orders (account, symbol)
    WHERE status IN ('ACCEPTED', 'PARTIALLY_FILLED', 'PENDING_CANCEL')
    """,
    """
    CREATE INDEX orders_entries ON orders (account, timestamp_ms) WHERE purpose = 'ENTRY' AND dry_run = 0
    """,
    # `realized`: quote earned by this fill, by average cost, after fees paid in quote.
    """
    CREATE TABLE fills (
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        dry_run INTEGER NOT NULL,
        trade_id INTEGER NOT NULL,
        client_order_id TEXT NOT NULL,
        venue_order_id INTEGER NOT NULL,
        side TEXT NOT NULL,
        price TEXT NOT NULL,
        quantity TEXT NOT NULL,
        fee TEXT NOT NULL,
        fee_asset TEXT NOT NULL,
        liquidity TEXT NOT NULL,
        ts_event_ms INTEGER NOT NULL,
        realized TEXT NOT NULL,
        PRIMARY KEY (account, symbol, dry_run, trade_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX fills_by_order ON fills (client_order_id)",
    "CREATE INDEX fills_by_time ON fills (account, dry_run, ts_event_ms)",
    """
    CREATE TABLE positions (
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        dry_run INTEGER NOT NULL,
        quantity TEXT NOT NULL,
        cost TEXT NOT NULL,
        realized TEXT NOT NULL,
        PRIMARY KEY (account, symbol, dry_run)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE fees (
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        dry_run INTEGER NOT NULL,
        asset TEXT NOT NULL,
        amount TEXT NOT NULL,
        PRIMARY KEY (account, symbol, dry_run, asset)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE dry_run_books (account TEXT PRIMARY KEY, opened_ms INTEGER NOT NULL)",
    """
    CREATE TABLE dry_run_balances (
        account TEXT NOT NULL,
        asset TEXT NOT NULL,
        amount TEXT NOT NULL,
        PRIMARY KEY (account, asset)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE trading_states (
        account TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, since_ms INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE quarantines (
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        reason TEXT NOT NULL,
        since_ms INTEGER NOT NULL,
        PRIMARY KEY (account, symbol)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE evidence (
        evidence_id TEXT PRIMARY KEY,
        account TEXT NOT NULL,
        stage INTEGER NOT NULL,
        symbol TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        record TEXT NOT NULL
    )
    """,
)

_SECOND = (
    # An order that a human wrote off is no longer asked about; news of it from the venue ends that.
    """
    CREATE TABLE write_offs (
        client_order_id TEXT PRIMARY KEY, reason TEXT NOT NULL, since_ms INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    # Orders that the venue never accepted, so it seemed: how many reconciliations ask once more.
    """
    CREATE TABLE asks_due (
        account TEXT NOT NULL,
        client_order_id TEXT NOT NULL,
        asks INTEGER NOT NULL,
        PRIMARY KEY (account, client_order_id)
    ) WITHOUT ROWID
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    _FIRST,
    _SECOND,
    _THIRD,
    _FOURTH,
    _FIFTH,
    _SIXTH,
    _SEVENTH,
    _EIGHTH,
)
"""Migration n (counted from 1) leads from schema n - 1 to schema n. One that was released is never edited."""

VERSION = len(MIGRATIONS)

PROJECTIONS: tuple[str, ...] = (
    "installation",
    "accounts",
    "symbols",
    "orders",
    "fills",
    "positions",
    "fees",
    "dry_run_books",
    "dry_run_balances",
    "trading_states",
    "quarantines",
    "evidence",
    "write_offs",
    "asks_due",
    "coverage",
    "breaks",
    "adjustments",
    "reconciliations",
    "key_uses",
    "exposed_keys",
    "pinned_addresses",
    "breakers",
    "day_openings",
    "equity_peaks",
    "restores",
)


def version_of(db: sqlite3.Connection) -> int:
    """Return the schema's number; 0 for an empty database."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def migrate(db: sqlite3.Connection, version: int = VERSION) -> None:
    """Bring the tables up to a version, within the caller's transaction."""
    for number in range(version_of(db) + 1, min(version, VERSION) + 1):
        for statement in MIGRATIONS[number - 1]:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {number}")
