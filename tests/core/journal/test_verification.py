"""Findings name what happened; the audit log is compared; nothing that is looked at is changed."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.journal.audit_log import AUDIT_LOG
from core.journal.files import DATABASE
from core.journal.schema import VERSION
from core.journal.store import scratch
from core.journal.verification import verify_home
from core.orders import OrderStatus
from tests.core.journal.books import SteppingClock, fill, open_account, open_journal, record_intent, report

ORDERS = 3
EVENTS = 4 + 3 * ORDERS
Lines = list[str]


@pytest.fixture
def home(own_home: Path) -> Path:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        for _ in range(ORDERS):
            intent = record_intent(journal, account).intent
            done = fill(intent, intent.sequence, "0.001", fee="0.001")
            journal.record_report(intent, report(intent, OrderStatus.FILLED, done))
    return own_home


@contextmanager
def forging(home: Path) -> Iterator[sqlite3.Connection]:
    """Give the file to somebody who takes the triggers away, and puts them back when done."""
    db = sqlite3.connect(home / DATABASE, isolation_level=None)
    guards = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in guards:
        db.execute(f"DROP TRIGGER {name}")
    yield db
    for _, made in guards:
        db.execute(made)
    db.close()


def found(home: Path, *, only: str = "") -> list[str]:
    findings = verify_home(home, SteppingClock()).findings
    return [f"{each.code}: {each.detail}" for each in findings if each.code.startswith(only)]


def events(home: Path) -> list[str]:
    """Return what is said of which event, shortly: `ALTERED 6`."""
    return [re.sub(r"EVENT_([A-Z]+): event ([0-9]+).*", r"\1 \2", line) for line in found(home, only="EVENT")]


def renumber(db: sqlite3.Connection, first: int, by: int) -> None:
    db.execute("UPDATE events SET sequence = -sequence - ? WHERE sequence >= ?", (by, first))
    db.execute("UPDATE events SET sequence = -sequence WHERE sequence < 0")


def copy(db: sqlite3.Connection, number: int, to: int, payload: str = "payload") -> None:
    columns = f"time_ms, kind, account, {payload}, hash"
    db.execute(f"INSERT INTO events SELECT ?, {columns} FROM events WHERE sequence = ?", (to, number))


def test_an_untouched_home_verifies_and_stays_as_it_is(home: Path) -> None:
    before = {file.name: file.read_bytes() for file in home.iterdir()}
    result = verify_home(home, SteppingClock())
    assert (result.findings, result.events, result.log_behind) == ((), EVENTS, 0)
    after = {file.name: file.read_bytes() for file in home.iterdir()}
    assert {name: after[name] for name in before} == before


def test_an_event_put_in_between_is_named_and_those_after_it_are_not(home: Path) -> None:
    with forging(home) as db:
        renumber(db, 6, 1)
        copy(db, 5, to=6, payload="'{}'")
    assert events(home) == ["ALTERED 6", "MOVED 7"]


def test_an_event_that_stands_twice(home: Path) -> None:
    with forging(home) as db:
        renumber(db, 6, 1)
        copy(db, 5, to=6)
    assert events(home) == ["MOVED 6"]


def test_an_event_taken_out_with_the_rest_renumbered(home: Path) -> None:
    with forging(home) as db:
        db.execute("DELETE FROM events WHERE sequence = 6")
        renumber(db, 7, -1)
    assert events(home) == ["ALTERED 6", "MOVED 7"]


def test_events_taken_out(home: Path) -> None:
    with forging(home) as db:
        db.execute("DELETE FROM events WHERE sequence IN (6, 7)")
    assert found(home, only="EVENT") == [
        "EVENT_MISSING: events 6 to 7 are missing, and so event 8 cannot be proven"
    ]


def test_an_event_put_before_the_first(home: Path) -> None:
    with forging(home) as db:
        copy(db, 5, to=0)
    assert "EVENT_INSERTED: event 0 was put in before the first" in found(home)


def test_two_events_that_changed_places(home: Path) -> None:
    with forging(home) as db:
        for old, new in ((6, -1), (7, 6), (-1, 7)):
            db.execute("UPDATE events SET sequence = ? WHERE sequence = ?", (new, old))
    assert events(home) == ["ALTERED 6", "MOVED 7", "MOVED 8"]


def test_a_wrong_hash_alone_is_one_finding(home: Path) -> None:
    with forging(home) as db:
        db.execute("UPDATE events SET hash = zeroblob(32) WHERE sequence = 6")
    assert events(home) == ["ALTERED 6"]


def test_an_altered_row_is_named_with_its_column(home: Path) -> None:
    with forging(home) as db:
        db.execute("UPDATE fills SET fee = '0' WHERE trade_id = 2")
    (line,) = found(home)
    assert line.startswith("PROJECTION_ALTERED: fills (account 'paper:")
    assert line.endswith("trade_id 2): fee is '0', by the events '0.001'")


def test_thousands_of_findings_are_counted_not_listed(home: Path) -> None:
    with forging(home) as db:
        for number in range(1_000):
            db.execute("INSERT INTO quarantines VALUES ('a', ?, 'r', 1)", (f"S{number}",))
    lines = found(home)
    assert len(lines) == 21
    assert lines[-1] == "PROJECTION_ALTERED: 980 more findings of this kind"


def test_a_journal_too_damaged_for_use_is_still_examined(home: Path) -> None:
    with forging(home) as db:
        db.execute("UPDATE events SET payload = '{' WHERE sequence = ?", (EVENTS,))
    assert [line.partition(":")[0] for line in found(home)] == ["EVENT_ALTERED", "UNREADABLE"]


def test_verifying_beside_a_writer_finds_nothing(home: Path) -> None:
    """Whatever was committed between two looks is in neither or in both."""
    with open_journal(home) as journal:
        (account,) = journal.accounts()
        for _ in range(20):
            record_intent(journal, account)
            assert found(home) == []


def test_a_journal_of_an_older_program_is_compared_with_the_tables_of_its_time(home: Path) -> None:
    former, latest = scratch(1), scratch()
    tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
    with forging(home) as db:
        for name in {row[0] for row in latest.execute(tables)} - {row[0] for row in former.execute(tables)}:
            db.execute(f"DROP TABLE {name}")
        assert VERSION > 1
        db.execute("PRAGMA user_version = 1")
    assert [line for line in found(home) if "missing" in line] == []


# --- the audit log


def drop(number: int) -> Callable[[Lines], Lines]:
    return lambda lines: [line for line in lines if f" #{number} " not in line]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (drop(6), ["LOG_MISSING: the line of event 6 is missing in trade_audit.log"]),
        (drop(1), ["LOG_MISSING: the line of event 1 is missing in trade_audit.log"]),
        (
            lambda lines: [line.replace("30000", "29999") if " #5 " in line else line for line in lines],
            ["LOG_ALTERED: the line of event 5 was altered in trade_audit.log"],
        ),
        (
            lambda lines: [*lines[:5], "2026-11-21 all is well", *lines[5:]],
            ["LOG_ALTERED: line 6 of trade_audit.log is not a line of trader"],
        ),
        (
            lambda lines: [*lines[:6], lines[5], *lines[6:]],
            ["LOG_ALTERED: line 6 of trade_audit.log tells of event 6 out of place"],
        ),
        (
            lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]],
            [
                "LOG_ALTERED: line 6 of trade_audit.log tells of event 7 out of place",
                "LOG_MISSING: the line of event 7 is missing in trade_audit.log",
            ],
        ),
        (
            lambda lines: [line.replace(" #6 ", " #999 ") for line in lines],
            [
                "LOG_ALTERED: line 6 of trade_audit.log tells of event 999 out of place",
                "LOG_MISSING: the line of event 6 is missing in trade_audit.log",
            ],
        ),
        (
            lambda lines: [*lines, lines[-1].replace(f" #{EVENTS} ", " #99 ")],
            [
                "LOG_AHEAD: trade_audit.log tells of event 99, but the journal ends at event 13:"
                " its end was cut off, or the log is of another journal"
            ],
        ),
    ],
    ids=["missing", "first missing", "altered", "foreign line", "twice", "swapped", "renumbered", "ahead"],
)
def test_the_log_is_compared_line_by_line(
    home: Path, change: Callable[[Lines], Lines], expected: list[str]
) -> None:
    path = home / AUDIT_LOG
    path.write_text("".join(f"{line}\n" for line in change(path.read_text().splitlines())))
    assert found(home) == expected
    if not expected[0].startswith("LOG_AHEAD"):
        with open_journal(home) as journal:
            journal.rebuild_audit_log()
        assert found(home) == []


def test_a_line_of_an_earlier_program_stands_as_it_was_written(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        journal.record_note("GATE_CLOSED", account, {"stage": 1, "gates": ["stage-0"]})
        journal.record_note("GATE_CLOSED", account, {"stage": 2, "gates": ["stage-1"]})
    path = own_home / AUDIT_LOG
    text = path.read_text()
    before = text.replace("[WARNING]", "[INFO]", 1).replace("Stage refused by a gate", "GATE_CLOSED", 1)
    assert before != text
    path.write_text(before)
    assert found(own_home) == []
    path.write_text(text.replace("[WARNING]", "[INFO]"))
    assert [line.partition(":")[0] for line in found(own_home)] == ["LOG_ALTERED"] * 2


@pytest.mark.parametrize(("kept", "behind"), [(10, 3), (0, 13)])
def test_lines_that_lack_at_the_end_are_no_finding(home: Path, kept: int, behind: int) -> None:
    path = home / AUDIT_LOG
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:kept]))
    result = verify_home(home, SteppingClock())
    assert (result.findings, result.log_behind) == ((), behind)


def test_a_line_that_is_being_written_is_no_finding(home: Path) -> None:
    path = home / AUDIT_LOG
    path.write_bytes(path.read_bytes()[:-20])
    assert verify_home(home, SteppingClock()).log_behind == 1
    path.unlink()
    assert verify_home(home, SteppingClock()).log_behind == 13


def test_a_pipe_in_place_of_the_log_holds_nothing_up(home: Path) -> None:
    (home / AUDIT_LOG).unlink()
    os.mkfifo(home / AUDIT_LOG)
    assert [line.partition(":")[0] for line in found(home)] == ["LOG_ALTERED"]
