"""Every SQL statement of the journal, beside the tables of `schema`."""

from __future__ import annotations

# --- the chain
APPEND_EVENT = (
    "INSERT INTO events (sequence, time_ms, kind, account, payload, hash) VALUES (?, ?, ?, ?, ?, ?)"
)
HEAD = "SELECT sequence, hash FROM events ORDER BY sequence DESC LIMIT 1"
NEWEST_OF = "SELECT max(sequence) FROM events WHERE kind = ? AND account = ?"
NEWEST_OF_KIND = "SELECT payload FROM events WHERE kind = ? ORDER BY sequence DESC LIMIT 1"
NEWEST_PAYLOAD_OF = """
    SELECT payload FROM events WHERE kind = ? AND account = ? ORDER BY sequence DESC LIMIT 1
"""
EVENT_HASH = "SELECT hash FROM events WHERE sequence = ?"
# `orders`: pieces of canonical JSON, one of which the payload must hold.
SELECTED_EVENTS = """
    SELECT sequence, time_ms, kind, account, payload, hash,
        coalesce(
            (SELECT hash FROM events AS before WHERE before.sequence = events.sequence - 1), zeroblob(32)
        ) AS previous
    FROM events
    WHERE sequence > :after AND sequence <= :upto AND time_ms >= :since AND time_ms < :until
    AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
    AND (:orders IS NULL OR EXISTS (SELECT 1 FROM json_each(:orders) WHERE instr(payload, value) > 0))
"""
NEXT_SELECTED_EVENTS = f"{SELECTED_EVENTS} ORDER BY sequence LIMIT :limit"
NEWEST_SELECTED_EVENTS = f"{SELECTED_EVENTS} ORDER BY sequence DESC LIMIT :limit"
LAST_TWO_EVENTS = """
    SELECT sequence, time_ms, kind, account, payload, hash FROM events ORDER BY sequence DESC LIMIT 2
"""
EVENTS_AFTER = """
    SELECT sequence, time_ms, kind, account, payload, hash FROM events
    WHERE sequence > ? ORDER BY sequence LIMIT ?
"""
ALL_EVENTS = "SELECT sequence, time_ms, kind, account, payload, hash FROM events ORDER BY sequence"

# --- installation, accounts, symbols
SET_INSTALLATION = "INSERT OR REPLACE INTO installation (single, id) VALUES (1, ?)"
INSTALLATION = "SELECT id FROM installation"
ADD_ACCOUNT = """
    INSERT INTO accounts
        (account, venue, environment, host, uid, epoch, opened_sequence, server_time_ms, key_fingerprint)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
ACCOUNTS = "SELECT account, venue, environment, host, uid, epoch FROM accounts ORDER BY opened_sequence"
ACCOUNT = "SELECT account, venue, environment, host, uid, epoch FROM accounts WHERE account = ?"
NEWEST_EPOCH = """
    SELECT max(epoch) AS epoch FROM accounts WHERE venue = ? AND environment = ? AND host = ? AND uid = ?
"""
HAS_REAL_VENUE = "SELECT 1 FROM accounts WHERE venue <> ? LIMIT 1"
ADD_SYMBOL = """
    INSERT INTO symbols (account, symbol, base_asset, quote_asset, last_trade_id) VALUES (?, ?, ?, ?, ?)
"""
SYMBOL = "SELECT base_asset, quote_asset FROM symbols WHERE account = ? AND symbol = ?"

# --- orders
# Those of emergencies come from the clock (`core.ids.EMERGENCY_SEQUENCES`), and are none to go on from.
NEWEST_FILL = """
    SELECT max(ts_event_ms) AS ts_event_ms FROM fills WHERE account = ? AND symbol = ? AND dry_run = ?
"""
WAS_USED = """
    SELECT 1 FROM orders UNION ALL SELECT 1 FROM breaks
    UNION ALL SELECT 1 FROM events WHERE kind = 'KEY_ROTATION' LIMIT 1
"""
NEXT_ORDER_SEQUENCE = """
    SELECT coalesce(max(sequence), 0) + 1 AS sequence FROM orders WHERE sequence < 100000000000
"""
ADD_ORDER = """
    INSERT INTO orders (
        sequence, client_order_id, account, symbol, side, order_type, quantity, price, time_in_force, purpose,
        decision_price, stop_price, timestamp_ms, recv_window_ms, created_ms, dry_run, context, status
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'INITIALIZED')
"""
SET_OUTCOME = "UPDATE orders SET status = ?, outcome = ? WHERE client_order_id = ?"
SET_REPORT = """
    UPDATE orders SET
        status = ?, outcome = '', venue_order_id = ?, executed_quantity = ?, executed_quote = ?,
        late_fill = max(late_fill, ?)
    WHERE client_order_id = ?
"""
SET_FILLED_QUANTITY = "UPDATE orders SET filled_quantity = ? WHERE client_order_id = ?"
PURPOSE_AND_FILLED = "SELECT purpose, filled_quantity FROM orders WHERE client_order_id = ?"
_ORDER = "SELECT * FROM orders"
ORDER = f"{_ORDER} WHERE client_order_id = ?"
_GIVEN_UP = "client_order_id IN (SELECT client_order_id FROM write_offs)"
UNSETTLED = f"""
    {_ORDER} INDEXED BY orders_unsettled
    WHERE unsettled AND NOT {_GIVEN_UP} AND dry_run = 0 ORDER BY sequence
"""
UNSETTLED_OF_ACCOUNT = f"""
    {_ORDER} WHERE unsettled AND NOT {_GIVEN_UP} AND dry_run = 0 AND account = ? ORDER BY sequence
"""
IN_FLIGHT = f"""
    SELECT client_order_id FROM orders
    WHERE unsettled AND NOT {_GIVEN_UP} AND account = ? AND symbol = ? AND dry_run = ? ORDER BY sequence
"""  # noqa: S608 - our own words
WRITE_OFF = """
    INSERT OR REPLACE INTO write_offs (client_order_id, reason, since_ms) VALUES (?, ?, ?)
"""
END_WRITE_OFF = "DELETE FROM write_offs WHERE client_order_id = ?"
SET_ASKS_DUE = "INSERT OR REPLACE INTO asks_due (account, client_order_id, asks) VALUES (?, ?, ?)"
COUNT_ASK = "UPDATE asks_due SET asks = asks - 1 WHERE account = ? AND client_order_id = ?"
FORGET_ASKS = "DELETE FROM asks_due WHERE account = ? AND client_order_id = ?"
END_ASKS = "DELETE FROM asks_due WHERE account = ? AND asks <= 0"
ASKS_DUE = """
    SELECT orders.* FROM asks_due JOIN orders ON orders.client_order_id = asks_due.client_order_id
    WHERE asks_due.account = ? ORDER BY orders.sequence
"""
OPEN_ORDERS = f"""
    {_ORDER} WHERE status IN ('ACCEPTED', 'PARTIALLY_FILLED', 'PENDING_CANCEL')
    AND account = ? AND dry_run = ? ORDER BY sequence
"""
OPEN_ORDERS_OF_SYMBOL = f"""
    {_ORDER} WHERE status IN ('ACCEPTED', 'PARTIALLY_FILLED', 'PENDING_CANCEL')
    AND account = ? AND dry_run = ? AND symbol = ? ORDER BY sequence
"""
# An entry that ended with nothing executed cost nothing; one of unknown fate counts.
ENTRIES_BETWEEN = """
    SELECT count(*) AS entries FROM orders
    WHERE account = ? AND timestamp_ms >= ? AND timestamp_ms < ? AND dry_run = 0 AND purpose = 'ENTRY'
    AND NOT (
        executed_quantity = '0' AND filled_quantity = '0'
        AND status IN ('ABANDONED', 'REJECTED', 'CANCELED', 'EXPIRED', 'NEVER_ACCEPTED')
    )
"""

# --- fills, positions, fees
ADD_FILL = """
    INSERT INTO fills (
        account, symbol, dry_run, trade_id, client_order_id, venue_order_id, side, price, quantity,
        fee, fee_asset, liquidity, ts_event_ms, realized
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
FILL = """
    SELECT client_order_id, price, quantity FROM fills
    WHERE account = ? AND symbol = ? AND dry_run = ? AND trade_id = ?
"""
FILLS_OF_ORDER = "SELECT * FROM fills WHERE client_order_id = ? ORDER BY trade_id"
REALIZED_BETWEEN = """
    SELECT symbols.quote_asset, fills.realized FROM fills
    JOIN symbols ON symbols.account = fills.account AND symbols.symbol = fills.symbol
    WHERE fills.account = ? AND fills.dry_run = 0 AND fills.ts_event_ms >= ? AND fills.ts_event_ms < ?
    ORDER BY symbols.quote_asset
"""
POSITION = "SELECT quantity, cost, realized FROM positions WHERE account = ? AND symbol = ? AND dry_run = ?"
SET_POSITION = """
    INSERT OR REPLACE INTO positions (account, symbol, dry_run, quantity, cost, realized)
    VALUES (?, ?, ?, ?, ?, ?)
"""
TRADED_SYMBOLS = "SELECT symbol FROM positions WHERE account = ? AND dry_run = ? ORDER BY symbol"
FEES = "SELECT asset, amount FROM fees WHERE account = ? AND symbol = ? AND dry_run = ? ORDER BY asset"
FEE = "SELECT amount FROM fees WHERE account = ? AND symbol = ? AND dry_run = ? AND asset = ?"
SET_FEE = "INSERT OR REPLACE INTO fees (account, symbol, dry_run, asset, amount) VALUES (?, ?, ?, ?, ?)"

# In the order of venue time, which `fills_by_time` gives without sorting.
FILLS_OF_BOOK = """
    SELECT fills.*, symbols.base_asset, symbols.quote_asset, orders.purpose FROM fills
    JOIN symbols ON symbols.account = fills.account AND symbols.symbol = fills.symbol
    LEFT JOIN orders ON orders.client_order_id = fills.client_order_id
    WHERE fills.account = ? AND fills.dry_run = ? AND fills.ts_event_ms < ?
    ORDER BY fills.ts_event_ms, fills.symbol, fills.trade_id
"""
FEE_PRICES = """
    SELECT payload FROM events WHERE kind = 'FILL' AND account = ? AND instr(payload, '"fee_price":') > 0
"""
OPENING_EVENT = """
    SELECT events.payload FROM accounts JOIN events ON events.sequence = accounts.opened_sequence
    WHERE accounts.account = ?
"""
DRY_RUN_OPENING_EVENT = "SELECT payload FROM events WHERE kind = 'DRY_RUN_OPENED' AND account = ?"
ORDERS_NAMED = "SELECT client_order_id FROM orders WHERE client_order_id = ? OR venue_order_id = ?"

# --- the dry-run book
OPEN_DRY_RUN_BOOK = "INSERT INTO dry_run_books (account, opened_ms) VALUES (?, ?)"
DRY_RUN_BOOK = "SELECT opened_ms FROM dry_run_books WHERE account = ?"
DRY_RUN_BALANCE = "SELECT amount FROM dry_run_balances WHERE account = ? AND asset = ?"
DRY_RUN_BALANCES = "SELECT asset, amount FROM dry_run_balances WHERE account = ? ORDER BY asset"
SET_DRY_RUN_BALANCE = "INSERT OR REPLACE INTO dry_run_balances (account, asset, amount) VALUES (?, ?, ?)"

# --- trading state, quarantine, evidence
SET_TRADING_STATE = """
    INSERT OR REPLACE INTO trading_states (account, state, reason, since_ms) VALUES (?, ?, ?, ?)
"""
TRADING_STATE = "SELECT state FROM trading_states WHERE account = ?"
TRADING_STATE_ENTRY = "SELECT state, reason, since_ms FROM trading_states WHERE account = ?"
SET_QUARANTINE = "INSERT OR REPLACE INTO quarantines (account, symbol, reason, since_ms) VALUES (?, ?, ?, ?)"
QUARANTINE = "SELECT reason FROM quarantines WHERE account = ? AND symbol = ?"
QUARANTINES = "SELECT symbol, reason, since_ms FROM quarantines WHERE account = ? ORDER BY symbol"
END_QUARANTINE = "DELETE FROM quarantines WHERE account = ? AND symbol = ?"
ADD_EVIDENCE = """
    INSERT INTO evidence (evidence_id, account, stage, symbol, created_ms, record) VALUES (?, ?, ?, ?, ?, ?)
"""
EVIDENCE = "SELECT record FROM evidence ORDER BY created_ms, evidence_id"
