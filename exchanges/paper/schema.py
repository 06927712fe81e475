"""The state file: its tables, its version, and how it is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from exchanges.paper.upgrades import UPGRADES

STATE_FILE = "paper.sqlite3"
APPLICATION_ID = 0x70617072
SCHEMA_VERSION = 6
BUSY_TIMEOUT_MS = 10_000
LARGEST_INTEGER = 2**63 - 1

SCHEMA = """
CREATE TABLE clock (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  anchor_wall_ms INTEGER NOT NULL, anchor_ms INTEGER NOT NULL,
  speed_numerator INTEGER NOT NULL, speed_denominator INTEGER NOT NULL
);
CREATE TABLE fault_plan (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  plan TEXT NOT NULL, began_ms INTEGER NOT NULL, tallies TEXT NOT NULL
);
CREATE TABLE api_keys (
  api_key TEXT NOT NULL, persona TEXT NOT NULL, kind TEXT NOT NULL, secret TEXT NOT NULL,
  label TEXT NOT NULL, created_ms INTEGER NOT NULL, ip_list TEXT NOT NULL, permissions TEXT NOT NULL,
  expires_ms INTEGER, account TEXT NOT NULL DEFAULT 'main',
  PRIMARY KEY (persona, api_key)
) WITHOUT ROWID;
CREATE TABLE ip_usage (
  ip TEXT PRIMARY KEY, minute INTEGER NOT NULL, weight INTEGER NOT NULL,
  refusals INTEGER NOT NULL, bans INTEGER NOT NULL, banned_until_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE accounts (
  account INTEGER PRIMARY KEY, persona TEXT NOT NULL, market TEXT NOT NULL, uid INTEGER NOT NULL,
  epoch INTEGER NOT NULL, began_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
  maker_rate INTEGER NOT NULL, taker_rate INTEGER NOT NULL, pays_in_bnb INTEGER NOT NULL,
  limits TEXT NOT NULL,
  ten_seconds INTEGER NOT NULL, in_ten_seconds INTEGER NOT NULL,
  day INTEGER NOT NULL, in_day INTEGER NOT NULL,
  name TEXT NOT NULL DEFAULT 'main',
  UNIQUE (persona, market, name)
);
-- The first account of a venue gives the venue its number.
CREATE TABLE symbols (
  venue INTEGER NOT NULL, symbol TEXT NOT NULL, status TEXT NOT NULL, step INTEGER NOT NULL,
  last_order_id INTEGER NOT NULL, own_trades INTEGER NOT NULL, updates INTEGER NOT NULL,
  executions INTEGER NOT NULL DEFAULT 0, prevented INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (venue, symbol)
) WITHOUT ROWID;
CREATE TABLE consumed (
  venue INTEGER NOT NULL, symbol TEXT NOT NULL, is_bid INTEGER NOT NULL, price INTEGER NOT NULL,
  quantity INTEGER NOT NULL, time_ms INTEGER NOT NULL,
  PRIMARY KEY (venue, symbol, is_bid, price)
) WITHOUT ROWID;
-- The venue's side of every posting is kept as well: per asset, all rows of an account sum to zero.
CREATE TABLE balances (
  account INTEGER NOT NULL, holder TEXT NOT NULL CHECK (holder IN ('account', 'venue')), asset TEXT NOT NULL,
  free INTEGER NOT NULL, locked INTEGER NOT NULL,
  PRIMARY KEY (account, holder, asset),
  CHECK (holder = 'venue' OR (free >= 0 AND locked >= 0))
) WITHOUT ROWID;
CREATE TABLE orders (
  account INTEGER NOT NULL, symbol TEXT NOT NULL, order_id INTEGER NOT NULL, client_order_id TEXT NOT NULL,
  is_buy INTEGER NOT NULL, type TEXT NOT NULL, time_in_force TEXT NOT NULL,
  price INTEGER NOT NULL, quantity INTEGER NOT NULL, quote_quantity INTEGER NOT NULL,
  executed INTEGER NOT NULL, quote_executed INTEGER NOT NULL, status TEXT NOT NULL, self_trade TEXT NOT NULL,
  created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, working_ms INTEGER NOT NULL,
  expiry_reason TEXT NOT NULL, strategy_id INTEGER, strategy_type INTEGER,
  stop_price INTEGER NOT NULL DEFAULT 0, list_id INTEGER NOT NULL DEFAULT -1,
  trailing_delta INTEGER NOT NULL DEFAULT 0, trailing_ms INTEGER NOT NULL DEFAULT -1,
  reserve_price INTEGER NOT NULL DEFAULT 0,
  iceberg INTEGER NOT NULL DEFAULT 0, visible INTEGER NOT NULL DEFAULT 0, priority INTEGER NOT NULL DEFAULT 0,
  prevented INTEGER NOT NULL DEFAULT 0, prevented_match_id INTEGER NOT NULL DEFAULT -1,
  locked INTEGER NOT NULL DEFAULT -1,
  PRIMARY KEY (account, symbol, order_id)
) WITHOUT ROWID;
CREATE INDEX orders_by_client_id ON orders (account, symbol, client_order_id, order_id);
CREATE INDEX open_orders ON orders (account) WHERE status IN ('PENDING_NEW', 'NEW', 'PARTIALLY_FILLED');
CREATE TABLE order_lists (
  account INTEGER NOT NULL, list_id INTEGER NOT NULL, symbol TEXT NOT NULL, contingency TEXT NOT NULL,
  client_id TEXT NOT NULL, working_id INTEGER NOT NULL, orders TEXT NOT NULL,
  created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, status_type TEXT NOT NULL,
  PRIMARY KEY (account, list_id)
) WITHOUT ROWID;
CREATE INDEX open_lists ON order_lists (account) WHERE status_type != 'ALL_DONE';
CREATE INDEX order_lists_by_client_id ON order_lists (account, client_id, list_id);
CREATE TABLE prevented_matches (
  account INTEGER NOT NULL, symbol TEXT NOT NULL, prevented_match_id INTEGER NOT NULL,
  taker_order_id INTEGER NOT NULL, maker_order_id INTEGER NOT NULL, self_trade TEXT NOT NULL,
  price INTEGER NOT NULL, maker_quantity INTEGER NOT NULL, taker_quantity INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  PRIMARY KEY (account, symbol, prevented_match_id)
) WITHOUT ROWID;
CREATE TABLE amendments (
  account INTEGER NOT NULL, symbol TEXT NOT NULL, order_id INTEGER NOT NULL, execution_id INTEGER NOT NULL,
  client_id_before TEXT NOT NULL, client_id_after TEXT NOT NULL,
  quantity_before INTEGER NOT NULL, quantity_after INTEGER NOT NULL, time_ms INTEGER NOT NULL,
  PRIMARY KEY (account, symbol, order_id, execution_id)
) WITHOUT ROWID;
CREATE TABLE fills (
  account INTEGER NOT NULL, symbol TEXT NOT NULL, trade_id INTEGER NOT NULL, is_buy INTEGER NOT NULL,
  order_id INTEGER NOT NULL, own_trades INTEGER NOT NULL, market_trades INTEGER NOT NULL,
  price INTEGER NOT NULL, quantity INTEGER NOT NULL, quote INTEGER NOT NULL,
  commission INTEGER NOT NULL, commission_asset TEXT NOT NULL, is_maker INTEGER NOT NULL,
  time_ms INTEGER NOT NULL, list_id INTEGER NOT NULL DEFAULT -1,
  PRIMARY KEY (account, symbol, trade_id, is_buy)
) WITHOUT ROWID;
CREATE INDEX fills_by_order ON fills (account, symbol, order_id, trade_id);
CREATE INDEX fills_by_time ON fills (account, symbol, time_ms, trade_id);
CREATE TABLE late_fills (
  account INTEGER NOT NULL, symbol TEXT NOT NULL, order_id INTEGER NOT NULL, due_ms INTEGER NOT NULL,
  PRIMARY KEY (account, symbol, order_id)
) WITHOUT ROWID;
CREATE TABLE transfers (
  account INTEGER NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, asset TEXT NOT NULL,
  amount INTEGER NOT NULL, in_bnb INTEGER NOT NULL, time_ms INTEGER NOT NULL,
  PRIMARY KEY (account, number)
) WITHOUT ROWID;
-- Never deleted from, so that sequence numbers only grow. One row holds what one transaction did.
CREATE TABLE events (sequence INTEGER PRIMARY KEY, account INTEGER NOT NULL, payload BLOB NOT NULL);
"""
"""The tables of the present version: a new state is made of these, an older one by the upgrades."""


class StateError(Exception):
    """The state file cannot be used; the text says why and what to do."""


def connect(directory: Path) -> sqlite3.Connection:
    """Open the state file in a directory, making both when absent. Raises StateError for a file not ours."""
    # The home above it is often made here first, and the journal refuses one that others can write.
    for folder in (directory.parent, directory):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / STATE_FILE
    path.touch(mode=0o600)  # it holds the secrets of toy keys, which nobody should learn to leave open
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, cached_statements=256
        )
    except sqlite3.OperationalError as error:
        raise StateError(f"{path} cannot be opened: {error}") from error
    try:
        _prepare(connection, path)
    except sqlite3.OperationalError as error:
        connection.close()
        raise StateError(f"{path} cannot be opened: {error}") from error
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StateError(
            f"{path} is not a paper exchange state: {error}; move it away to start afresh"
        ) from error
    except StateError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # First: a file that is not ours stays untouched. In one view, since another process may just make it.
    connection.execute("BEGIN")
    try:
        _version(connection, path)
    finally:
        connection.execute("ROLLBACK")
    # What a killed process committed is the kernel's and safe. A power cut may cost the toy its state: to
    # wait for the disk would more than double the price of every order.
    connection.execute("PRAGMA synchronous = OFF")
    # Small pages: an order changes a few bytes in nine places, and a commit writes whole pages.
    connection.execute("PRAGMA page_size = 1024")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection, path)
        if version < SCHEMA_VERSION:
            for statement in _statements_after(version):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _statements_after(version: int) -> list[str]:
    if not version:
        return SCHEMA.split(";\n")
    return [statement for step in range(version, SCHEMA_VERSION) for statement in UPGRADES[step]]


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of a state, 0 for an empty file. Raises StateError for what is neither."""
    application_id: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application_id == APPLICATION_ID and 0 < version <= SCHEMA_VERSION:
        return version
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return 0
    if application_id != APPLICATION_ID:
        raise StateError(f"{path} belongs to another program; move it away to start afresh")
    raise StateError(
        f"{path} is a state of version {version}, this program knows {SCHEMA_VERSION}; "
        "move it away to start afresh"
    )
