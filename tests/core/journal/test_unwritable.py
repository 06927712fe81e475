"""A journal that cannot be written: nothing that adds risk gets a permission, and nothing is half written."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from core.account import AccountKey
from core.errors import ReconciliationBreak, Refused
from core.journal import Journal
from core.journal.files import RESERVE
from core.journal.store import connect_file
from core.orders import OrderStatus, Purpose, Side
from core.stages import TradingState
from tests.core.journal.books import fill, open_account, open_journal, record_intent, report, request

SELL = request(Side.SELL, purpose=Purpose.EXIT)


def connect_read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)


def sqlite_error(code: int, text: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


def fill_up(journal: Journal, account: AccountKey) -> None:
    while True:
        record_intent(journal, account)


class Disk:
    """A disk that is full for as long as the reserve takes the rest of its space."""

    def __init__(self, home: Path) -> None:
        self.reserve = home / RESERVE
        self.full = False

    def connect(self, path: Path) -> sqlite3.Connection:
        disk = self

        class Connection(sqlite3.Connection):
            def execute(self, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
                if disk.full and statement == "COMMIT" and disk.reserve.exists():
                    raise sqlite_error(sqlite3.SQLITE_FULL, "database or disk is full")
                return super().execute(statement, parameters)

        uri = f"file:{path}?mode=rw"
        return sqlite3.connect(uri, uri=True, isolation_level=None, factory=Connection)


@pytest.fixture
def disk(own_home: Path) -> Disk:
    return Disk(own_home)


def refuse_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def fallocate(descriptor: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", fallocate)


def assert_unwritable(caught: pytest.ExceptionInfo[Refused]) -> None:
    assert caught.value.code == "JOURNAL_UNWRITABLE"
    assert caught.value.exit_code == 4


def test_read_only_file_gives_no_permission_but_can_be_read(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
    with open_journal(own_home, connect=connect_read_only) as journal:
        for wanted in (request(), SELL):
            with pytest.raises(Refused) as caught:
                record_intent(journal, account, wanted)
            assert_unwritable(caught)
        assert journal.accounts() == (account,)
        assert journal.trading_state(account) is TradingState.ACTIVE


def test_where_no_file_can_be_made_the_journal_can_still_be_read(own_home: Path) -> None:
    """SQLite needs a file beside a database with a log, even to read; a full or read-only disk gives none."""

    class Connection(sqlite3.Connection):
        def execute(self, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
            if statement.startswith("SELECT"):
                raise sqlite_error(sqlite3.SQLITE_CANTOPEN, "unable to open database file")
            return super().execute(statement, parameters)

    def connect(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None, factory=Connection)

    with open_journal(own_home) as journal:
        account = open_account(journal)
        intent = record_intent(journal, account).intent
        with pytest.raises(Refused) as caught:  # what was committed last is in the log
            open_journal(own_home, connect=connect, read_only=True)
        assert_unwritable(caught)
    with open_journal(own_home, connect=connect, read_only=True) as journal:
        assert [each.order.client_order_id for each in journal.unsettled()] == [intent.client_order_id]


def test_full_disk_stops_entries_and_keeps_the_reserve(own_home: Path, disk: Disk) -> None:
    with open_journal(own_home, connect=disk.connect) as journal:
        account = open_account(journal)
        disk.full = True
        with pytest.raises(Refused) as caught:
            record_intent(journal, account)
        assert_unwritable(caught)
        assert disk.reserve.exists()
        assert journal.unsettled() == ()
        disk.full = False
        assert record_intent(journal, account).intent.sequence == 1


def test_full_disk_gives_its_reserve_to_exits_and_to_outcomes(own_home: Path, disk: Disk) -> None:
    with open_journal(own_home, connect=disk.connect) as journal:
        account = open_account(journal)
        disk.full = True
        exit_intent = record_intent(journal, account, SELL).intent
        assert not disk.reserve.exists()
        journal.record_report(
            exit_intent, report(exit_intent, OrderStatus.FILLED, fill(exit_intent, 50, "0.001"))
        )
        assert journal.verify() == ()


def test_outcome_of_an_entry_is_worth_the_reserve(own_home: Path, disk: Disk) -> None:
    with open_journal(own_home, connect=disk.connect) as journal:
        account = open_account(journal)
        entry = record_intent(journal, account).intent
        disk.full = True
        journal.record_unknown(entry, "timeout")
        assert not disk.reserve.exists()


def test_entries_wait_until_there_is_room_for_the_reserve_again(
    own_home: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_journal(own_home, connect=disk.connect) as journal:
        account = open_account(journal)
        disk.full = True
        record_intent(journal, account, SELL)
        with monkeypatch.context() as patched:
            refuse_room(patched)
            with pytest.raises(Refused) as caught:
                record_intent(journal, account)
            assert_unwritable(caught)
            record_intent(journal, account, SELL)
        disk.full = False
        record_intent(journal, account)
        assert disk.reserve.exists()


def test_no_room_for_a_reserve_is_a_warning(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_room(monkeypatch)
    with open_journal(own_home) as journal:
        assert any("reserve" in warning for warning in journal.warnings)
        account = open_account(journal)
        record_intent(journal, account, SELL)
        with pytest.raises(Refused):
            record_intent(journal, account)


def test_full_database_rolls_back_whole(own_home: Path) -> None:
    """SQLite's own error, in the middle of a transaction."""
    made: list[sqlite3.Connection] = []

    def connect(path: Path) -> sqlite3.Connection:
        made.append(connect_file(path))
        return made[-1]

    with open_journal(own_home, connect=connect) as journal:
        account = open_account(journal)
        (pages,) = made[-1].execute("PRAGMA page_count").fetchone()
        made[-1].execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(Refused) as caught:
            fill_up(journal, account)
        assert_unwritable(caught)
        recorded = len(journal.unsettled())
        assert recorded > 0
        made[-1].execute("PRAGMA max_page_count = 1000000")
        assert record_intent(journal, account).intent.sequence == recorded + 1
        assert journal.verify() == ()


def test_lock_held_by_another_process_is_waited_for_briefly(own_home: Path) -> None:
    with open_journal(own_home, busy_timeout_ms=20) as journal:
        account = open_account(journal)
        blocker = connect_file(own_home / "journal.sqlite3")
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(Refused) as caught:
            record_intent(journal, account)
        assert_unwritable(caught)
        assert "locked" in caught.value.message
        assert (own_home / RESERVE).exists()
        assert journal.accounts() == (account,)
        blocker.close()
        record_intent(journal, account)


def test_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused) as caught:
        open_journal(tmp_path / "file" / "home")
    assert_unwritable(caught)


def test_failed_creation_leaves_nothing(own_home: Path) -> None:
    def connect(path: Path) -> sqlite3.Connection:
        raise sqlite_error(sqlite3.SQLITE_CANTOPEN, "unable to open database file")

    with pytest.raises(Refused) as caught:
        open_journal(own_home, connect=connect)
    assert_unwritable(caught)
    assert list(own_home.iterdir()) == []
    with open_journal(own_home) as journal:
        assert journal.verify() == ()


def test_reserve_is_given_back_when_a_full_disk_cannot_even_open(own_home: Path) -> None:
    open_journal(own_home).close()
    attempts: list[bool] = []

    def connect(path: Path) -> sqlite3.Connection:
        attempts.append((own_home / RESERVE).exists())
        if attempts[-1]:
            raise sqlite_error(sqlite3.SQLITE_CANTOPEN, "unable to open database file")
        return connect_file(path)

    with open_journal(own_home, connect=connect) as journal:
        assert isinstance(journal, Journal)
    assert attempts == [True, False]


def test_damage_found_while_running_is_named(own_home: Path) -> None:
    broken = False

    class Connection(sqlite3.Connection):
        def execute(self, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
            if broken:
                raise sqlite_error(sqlite3.SQLITE_CORRUPT, "database disk image is malformed")
            return super().execute(statement, parameters)

    def connect(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None, factory=Connection)

    with open_journal(own_home, connect=connect) as journal:
        account = open_account(journal)
        broken = True
        with pytest.raises(ReconciliationBreak) as caught:
            record_intent(journal, account)
        assert caught.value.code == "JOURNAL_DAMAGED"
        assert journal.trading_state(account) is TradingState.HALTED
        assert [finding.code for finding in journal.verify()] == ["UNREADABLE"]
        broken = False
