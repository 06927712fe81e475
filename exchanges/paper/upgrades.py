"""What makes a state file of an earlier version one of the next."""

from __future__ import annotations

_FAULTS = (
    """CREATE TABLE fault_plan (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  plan TEXT NOT NULL, began_ms INTEGER NOT NULL, tallies TEXT NOT NULL
)""",
    """CREATE TABLE late_fills (
  account INTEGER NOT NULL, symbol TEXT NOT NULL, order_id INTEGER NOT NULL, due_ms INTEGER NOT NULL,
  PRIMARY KEY (account, symbol, order_id)
) WITHOUT ROWID""",
)
_TRANSFERS = (
    """CREATE TABLE transfers (
  account INTEGER NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, asset TEXT NOT NULL,
  amount INTEGER NOT NULL, in_bnb INTEGER NOT NULL, time_ms INTEGER NOT NULL,
  PRIMARY KEY (account, number)
) WITHOUT ROWID""",
)
_ORDER_LISTS = (
    *(
        f"ALTER TABLE orders ADD COLUMN {column} INTEGER NOT NULL DEFAULT {default}"
        for column, default in (
            ("list_id", -1),
            ("trailing_delta", 0),
            ("trailing_ms", -1),
            ("reserve_price", 0),
            ("iceberg", 0),
            ("visible", 0),
            ("priority", 0),
            ("prevented", 0),
            ("prevented_match_id", -1),
            ("locked", -1),
        )
    ),
    "ALTER TABLE fills ADD COLUMN list_id INTEGER NOT NULL DEFAULT -1",
    "ALTER TABLE symbols ADD COLUMN executions INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE symbols ADD COLUMN prevented INTEGER NOT NULL DEFAULT 0",
    "DROP INDEX open_orders",
    "CREATE INDEX open_orders ON orders (account) WHERE status IN ('PENDING_NEW', 'NEW', 'PARTIALLY_FILLED')",
    """CREATE TABLE order_lists (
  account INTEGER NOT NULL, list_id INTEGER NOT NULL, symbol TEXT NOT NULL, contingency TEXT NOT NULL,
  client_id TEXT NOT NULL, working_id INTEGER NOT NULL, orders TEXT NOT NULL,
  created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, status_type TEXT NOT NULL,
  PRIMARY KEY (account, list_id)
) WITHOUT ROWID""",
    "CREATE INDEX open_lists ON order_lists (account) WHERE status_type != 'ALL_DONE'",
    "CREATE INDEX order_lists_by_client_id ON order_lists (account, client_id, list_id)",
    """CREATE TABLE prevented_matches (
  account INTEGER NOT NULL, symbol TEXT NOT NULL, prevented_match_id INTEGER NOT NULL,
  taker_order_id INTEGER NOT NULL, maker_order_id INTEGER NOT NULL, self_trade TEXT NOT NULL,
  price INTEGER NOT NULL, maker_quantity INTEGER NOT NULL, taker_quantity INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  PRIMARY KEY (account, symbol, prevented_match_id)
) WITHOUT ROWID""",
    """CREATE TABLE amendments (
  account INTEGER NOT NULL, symbol TEXT NOT NULL, order_id INTEGER NOT NULL, execution_id INTEGER NOT NULL,
  client_id_before TEXT NOT NULL, client_id_after TEXT NOT NULL,
  quantity_before INTEGER NOT NULL, quantity_after INTEGER NOT NULL, time_ms INTEGER NOT NULL,
  PRIMARY KEY (account, symbol, order_id, execution_id)
) WITHOUT ROWID""",
)
_ACCOUNT_COLUMNS = """account, persona, market, uid, epoch, began_ms, last_ms, updated_ms,
  maker_rate, taker_rate, pays_in_bnb, limits, ten_seconds, in_ten_seconds, day, in_day"""
_SEVERAL_ACCOUNTS = (
    "ALTER TABLE accounts RENAME TO single_accounts",
    """CREATE TABLE accounts (
  account INTEGER PRIMARY KEY, persona TEXT NOT NULL, market TEXT NOT NULL, uid INTEGER NOT NULL,
  epoch INTEGER NOT NULL, began_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
  maker_rate INTEGER NOT NULL, taker_rate INTEGER NOT NULL, pays_in_bnb INTEGER NOT NULL,
  limits TEXT NOT NULL,
  ten_seconds INTEGER NOT NULL, in_ten_seconds INTEGER NOT NULL,
  day INTEGER NOT NULL, in_day INTEGER NOT NULL,
  name TEXT NOT NULL DEFAULT 'main',
  UNIQUE (persona, market, name)
)""",
    f"INSERT INTO accounts ({_ACCOUNT_COLUMNS}) SELECT {_ACCOUNT_COLUMNS} FROM single_accounts",  # noqa: S608
    "DROP TABLE single_accounts",
    "ALTER TABLE api_keys ADD COLUMN account TEXT NOT NULL DEFAULT 'main'",
    # The first account of a venue gives the venue its number.
    "ALTER TABLE symbols RENAME COLUMN account TO venue",
    "ALTER TABLE consumed RENAME COLUMN account TO venue",
)
UPGRADES: dict[int, tuple[str, ...]] = {
    1: ("ALTER TABLE orders ADD COLUMN stop_price INTEGER NOT NULL DEFAULT 0",),
    2: _FAULTS,
    3: _TRANSFERS,
    4: _ORDER_LISTS,
    5: _SEVERAL_ACCOUNTS,
}
"""By the version they begin from."""
