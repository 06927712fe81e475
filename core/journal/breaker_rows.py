"""The tables of the breakers: which is latched and why, how the day began, and the highest profit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from core.journal.chain import Event

TABLES = (
    # `cause_ms`: venue time of what latched it last; after a reset only later causes count.
    """
    CREATE TABLE breakers (
        account TEXT NOT NULL,
        breaker TEXT NOT NULL,
        latched INTEGER NOT NULL,
        reason TEXT NOT NULL,
        since_ms INTEGER NOT NULL,
        cause_ms INTEGER NOT NULL,
        until_ms INTEGER NOT NULL,
        PRIMARY KEY (account, breaker)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE day_openings (
        account TEXT NOT NULL,
        quote_asset TEXT NOT NULL,
        day INTEGER NOT NULL,
        equity TEXT NOT NULL,
        profit TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (account, quote_asset)
    ) WITHOUT ROWID
    """,
)

PEAK_TABLES = (
    # `profit`: the highest that was seen, realized since ever and unrealized then.
    """
    CREATE TABLE equity_peaks (
        account TEXT NOT NULL,
        quote_asset TEXT NOT NULL,
        profit TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (account, quote_asset)
    ) WITHOUT ROWID
    """,
)

BREAKER = "SELECT latched, cause_ms FROM breakers WHERE account = ? AND breaker = ?"
LATCHED = """
    SELECT breaker, reason, since_ms, until_ms FROM breakers WHERE account = ? AND latched ORDER BY breaker
"""
LATCH = """
    INSERT OR REPLACE INTO breakers (account, breaker, latched, reason, since_ms, cause_ms, until_ms)
    VALUES (?, ?, 1, ?, ?, ?, ?)
"""
RESET = "UPDATE breakers SET latched = 0, reason = ?, since_ms = ? WHERE account = ? AND breaker = ?"
DAY_OPENING = "SELECT day, equity, profit, at_ms FROM day_openings WHERE account = ? AND quote_asset = ?"
OPEN_DAY = """
    INSERT OR REPLACE INTO day_openings (account, quote_asset, day, equity, profit, at_ms)
    VALUES (?, ?, ?, ?, ?, ?)
"""
PEAK = "SELECT profit, at_ms FROM equity_peaks WHERE account = ? AND quote_asset = ?"
RAISE_PEAK = "INSERT OR REPLACE INTO equity_peaks (account, quote_asset, profit, at_ms) VALUES (?, ?, ?, ?)"
REALIZED = """
    SELECT positions.realized FROM positions
    JOIN symbols ON symbols.account = positions.account AND symbols.symbol = positions.symbol
    WHERE positions.account = ? AND positions.dry_run = 0 AND symbols.quote_asset = ?
"""
# A trade is a run of purchases and the sales after it: those since the same purchase belong together.
RECENT_SALES = """
    WITH recent AS (
        SELECT symbol, trade_id, side, realized, ts_event_ms FROM fills
        WHERE account = ? AND dry_run = 0 AND ts_event_ms > ? ORDER BY ts_event_ms DESC LIMIT ?
    ), numbered AS (
        SELECT *, sum(side = 'BUY') OVER (PARTITION BY symbol ORDER BY trade_id) AS purchases FROM recent
    )
    SELECT symbol, purchases, realized, ts_event_ms FROM numbered WHERE side = 'SELL'
    ORDER BY ts_event_ms, trade_id
"""


def _latched(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    values = (told["breaker"], told["reason"], event.time_ms, told["cause_ms"], told["until_ms"])
    db.execute(LATCH, (event.account, *values))


def _reset(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    db.execute(RESET, (told["reason"], event.time_ms, event.account, told["breaker"]))


def _day_opened(db: sqlite3.Connection, event: Event) -> None:
    told = event.payload
    names = ("quote_asset", "day", "equity", "profit", "at_ms")
    db.execute(OPEN_DAY, (event.account, *(told[name] for name in names)))


def _peaked(db: sqlite3.Connection, event: Event) -> None:
    names = ("quote_asset", "profit", "at_ms")
    db.execute(RAISE_PEAK, (event.account, *(event.payload[name] for name in names)))


HANDLERS: Mapping[str, Callable[[sqlite3.Connection, Event], None]] = {
    "BREAKER_LATCHED": _latched,
    "BREAKER_RESET": _reset,
    "DAY_OPENED": _day_opened,
    "EQUITY_PEAK": _peaked,
}
