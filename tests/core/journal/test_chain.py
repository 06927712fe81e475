"""Any record that was altered, removed, put in or moved is found and named."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.journal.chain import canonical_json, plain
from core.journal.files import DATABASE
from core.journal.schema import PROJECTIONS
from core.journal.verification import verify_home
from core.orders import OrderStatus, Side
from core.ports import DepositAddress
from core.risk.breakers import Breaker, DayOpening
from core.stages import EntryMode, Evidence, TradingState
from core.values import Quote
from tests.core.journal.books import (
    NOW_MS,
    TODAY,
    CountedBytes,
    fill,
    open_account,
    open_journal,
    reconcile,
    record_intent,
    report,
)


@pytest.fixture
def path(own_home: Path) -> Path:
    """A journal in which every table has at least a row, closed."""
    with open_journal(own_home) as journal:
        account = open_account(journal)
        journal.open_dry_run(account, {"USDT": Decimal(100)})
        for _ in range(3):
            intent = record_intent(journal, account).intent
            done = fill(intent, intent.sequence, "0.001", fee="0.001")
            journal.record_report(intent, report(intent, OrderStatus.FILLED, done))
        journal.restores.record(CountedBytes(), "the disk died", {"events": 9})
        journal.record_evidence(
            Evidence(
                evidence_id="e1",
                stage=0,
                account=account,
                official_host=False,
                symbol="BTCUSDT",
                strategy="coherence",
                entry_mode=EntryMode.PROBE,
                trades=1,
                first_fill_ms=NOW_MS,
                last_fill_ms=NOW_MS,
                risk_digest="r",
                code_digest="c",
                key_fingerprint="k",
                checks={"ping": "pass"},
                created_ms=NOW_MS,
            )
        )
        journal.quarantine(account, "BNBBTC", "doubt")
        journal.set_trading_state(account, TradingState.REDUCING, "drill")
        journal.record_never_accepted(record_intent(journal, account).intent, (NOW_MS, NOW_MS + 10_000))
        journal.record_written_off(record_intent(journal, account).intent, "given up")
        reconcile(journal, account)
        journal.keys.record_used("0123456789ab", account)
        journal.pin_address(account, DepositAddress("USDT", "TRX", "TXYZ", "7"))
        book = journal.breakers(account)
        book.open_day("USDT", DayOpening(TODAY, Quote(Decimal(1_000)), Quote(Decimal(0)), NOW_MS))
        book.raise_peak("USDT", Quote(Decimal(5)), NOW_MS)
        book.latch(Breaker.DAILY_DRAWDOWN, "fell", cause_ms=NOW_MS, until_ms=NOW_MS + 1)
        journal.keys.record_exposed("0123456789ab", "a laptop was stolen")
    return own_home / DATABASE


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    """The file in the hands of somebody who knows SQLite."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA writable_schema = ON")
    yield connection
    connection.close()


def unguard(db: sqlite3.Connection) -> list[str]:
    """Drop the triggers; return what makes them again."""
    guards = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in guards:
        db.execute(f"DROP TRIGGER {name}")
    return [made for _, made in guards]


def found(path: Path) -> list[str]:
    with open_journal(path.parent) as journal:
        return [f"{finding.code}: {finding.detail}" for finding in journal.verify()]


def test_untouched_journal_verifies(path: Path) -> None:
    assert found(path) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET payload = '{}' WHERE sequence = 2",
        "DELETE FROM events WHERE sequence = 2",
        "REPLACE INTO events SELECT 2, time_ms, kind, account, '{}', hash FROM events WHERE sequence = 2",
        "INSERT INTO events SELECT 99, time_ms, kind, account, payload, hash FROM events WHERE sequence = 2",
    ],
)
def test_tables_themselves_forbid_changing_the_past(db: sqlite3.Connection, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="events are"):
        db.execute(statement)


@pytest.mark.parametrize(
    "change",
    [
        """payload = replace(payload, '30000', '29999')""",
        "time_ms = time_ms + 1",
        "kind = 'NOTE'",
        "account = 'binance:mainnet:api.binance.com:1:0'",
        "account = NULL",
        "payload = x'00ff'",
        "kind = 7",
        "hash = 'text'",
        "hash = zeroblob(32)",
        "time_ms = 'soon'",
    ],
)
def test_altered_event_is_found(path: Path, db: sqlite3.Connection, change: str) -> None:
    guards = unguard(db)
    db.execute(f"UPDATE events SET {change} WHERE sequence = 6")
    for guard in guards:
        db.execute(guard)
    assert any(line.startswith("EVENT_ALTERED: event 6 ") for line in found(path))


def test_alteration_with_its_own_hash_corrected_is_found_at_the_next_event(
    path: Path, db: sqlite3.Connection
) -> None:
    unguard(db)
    row = db.execute("SELECT time_ms, kind, account, payload FROM events WHERE sequence = 6").fetchone()
    (previous,) = db.execute("SELECT hash FROM events WHERE sequence = 5").fetchone()
    payload = row[3].replace("30000", "29999")
    record = canonical_json(
        {"sequence": 6, "time_ms": row[0], "kind": row[1], "account": row[2], "payload": json.loads(payload)}
    )
    forged = hashlib.sha256(previous + record.encode()).digest()
    db.execute("UPDATE events SET payload = ?, hash = ? WHERE sequence = 6", (payload, forged))
    lines = found(path)
    assert not any(line.startswith("EVENT_ALTERED: event 6 ") for line in lines)
    assert any(line.startswith("EVENT_ALTERED: event 7 ") for line in lines)


def test_removed_event_is_found(path: Path, db: sqlite3.Connection) -> None:
    unguard(db)
    db.execute("DELETE FROM events WHERE sequence = 6")
    assert any("event 6 is missing" in line for line in found(path))


def test_cut_off_end_is_found_by_the_projections(path: Path, db: sqlite3.Connection) -> None:
    unguard(db)
    db.execute("DELETE FROM events WHERE sequence > 12")
    assert any(line.startswith("PROJECTION_ALTERED") for line in found(path))


def test_reordered_events_are_found(path: Path, db: sqlite3.Connection) -> None:
    unguard(db)
    db.execute("UPDATE events SET sequence = -1 WHERE sequence = 6")
    db.execute("UPDATE events SET sequence = 6 WHERE sequence = 7")
    db.execute("UPDATE events SET sequence = 7 WHERE sequence = -1")
    lines = found(path)
    assert any("event 6 " in line for line in lines)
    assert any("event 7 " in line for line in lines)


@pytest.mark.parametrize("table", PROJECTIONS)
def test_altered_projection_is_found_in_every_column(path: Path, db: sqlite3.Connection, table: str) -> None:
    columns = db.execute(f"PRAGMA table_info({table})").fetchall()
    key = ", ".join(column[1] for column in columns if column[5])
    for _, name, *_ in columns:
        if (table, name) == ("installation", "single"):
            continue  # the only value it can have
        (before,) = db.execute(f"SELECT {name} FROM {table} LIMIT 1").fetchone()
        one_row = f"({key}) = (SELECT {key} FROM {table} LIMIT 1)"
        db.execute(f"UPDATE {table} SET {name} = 77 WHERE {one_row}")
        assert any(line.startswith(f"PROJECTION_ALTERED: {table} ") for line in found(path)), name
        db.execute(f"UPDATE {table} SET {name} = ? WHERE {name} = 77", (before,))
        assert found(path) == [], name


@pytest.mark.parametrize("table", ["orders", "fills", "positions", "trading_states"])
def test_removed_row_is_found(path: Path, db: sqlite3.Connection, table: str) -> None:
    db.execute(f"DELETE FROM {table}")
    assert any(f"{table} lacks" in line for line in found(path))


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DROP TRIGGER events_keep", "the trigger events_keep is missing"),
        ("CREATE TABLE notes (text)", "a table notes that no migration made"),
        ("DROP INDEX fills_by_time", "the index fills_by_time is missing"),
        ("ALTER TABLE fills ADD COLUMN more", "the table fills was altered"),
    ],
)
def test_altered_schema_is_found(path: Path, db: sqlite3.Connection, statement: str, expected: str) -> None:
    db.execute(statement)
    assert any(expected in line for line in found(path))


def test_a_schema_that_this_trader_does_not_know_is_found(path: Path, db: sqlite3.Connection) -> None:
    db.execute("PRAGMA user_version = 999")
    (finding,) = verify_home(path.parent, SystemClock()).findings
    assert (finding.code, finding.detail[:17]) == ("SCHEMA_ALTERED", "the schema is 999")


def test_damaged_page_is_a_finding_not_an_error(path: Path) -> None:
    data = bytearray(path.read_bytes())
    with open_journal(path.parent) as journal:
        path.write_bytes(data[:8192] + b"\xff" * 4096 * 3 + data[8192 + 4096 * 3 :])
        assert journal.verify() != ()


def test_record_is_canonical_json_of_the_whole_event(path: Path, db: sqlite3.Connection) -> None:
    previous = bytes(32)
    for sequence, time_ms, kind, account, payload, stored in db.execute("SELECT * FROM events ORDER BY 1"):
        record = {
            "sequence": sequence,
            "time_ms": time_ms,
            "kind": kind,
            "account": account,
            "payload": json.loads(payload),
        }
        text = json.dumps(record, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(previous + text.encode()).digest() == stored
        previous = stored


def test_plain_keeps_floats_out() -> None:
    assert plain({"a": Decimal("1E+3"), "b": (Side.BUY, None, True)}) == {
        "a": "1000",
        "b": ["BUY", None, True],
    }
    assert plain({"gamma": 0.1}, floats_as_text=True) == {"gamma": "0.1"}
    for value in (0.1, [float("nan")], {"a": {1, 2}}, b"bytes"):
        with pytest.raises(TypeError):
            plain(value)
