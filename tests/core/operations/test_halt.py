"""halt in a home where something is broken; resume only where everything works."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from core.errors import ConfigError, ReconciliationBreak, Refused
from core.ids import system_random
from core.journal.latch import LATCH, is_set
from core.journal.reconciliations import Coverage, Reconciled
from core.journal.store import connect_file
from core.operations.books import open_books
from core.operations.halt import HaltResult, halt, resume, resume_plan
from core.stages import TradingState
from tests.core.journal.books import NOW_MS, CountedBytes, SteppingClock, open_account, open_journal

ACTIVE, HALTED = TradingState.ACTIVE, TradingState.HALTED


@pytest.fixture
def home(own_home: Path) -> Path:
    with open_journal(own_home) as journal:
        open_account(journal)
    return own_home


def halted(home: Path) -> HaltResult:
    result, clock = HaltResult(home), SteppingClock()
    with open_books(home, clock, system_random) as books:
        halt(books, clock, "it looks wrong", result)
    return result


def test_latch_and_journal_both_say_so(home: Path) -> None:
    result = halted(home)
    result.raise_if_running()
    assert result.latched
    assert len(result.accounts) == 1
    assert result.troubles == []
    assert "it looks wrong" in (home / LATCH).read_text()
    (home / LATCH).unlink()
    with open_journal(home) as journal:
        assert journal.trading_state(result.accounts[0]) is HALTED


def test_a_home_without_anything_is_halted(own_home: Path) -> None:
    result = halted(own_home)
    result.raise_if_running()
    assert is_set(own_home)
    assert not (own_home / "journal.sqlite3").exists()


@pytest.mark.parametrize("damage", ["rubbish", "gone", "locked", "a folder"])
def test_a_broken_journal_does_not_stop_it(home: Path, damage: str) -> None:
    database = home / "journal.sqlite3"
    blocker = connect_file(database)
    if damage == "locked":
        blocker.execute("BEGIN IMMEDIATE")
    else:
        blocker.close()
        database.unlink()
        if damage == "rubbish":
            database.write_bytes(b"rubbish" * 1000)
        elif damage == "a folder":
            database.mkdir()
    result = halted(home)
    blocker.close()
    result.raise_if_running()
    assert result.latched
    assert result.accounts == ()
    assert len(result.troubles) == 1


def test_a_journal_that_takes_it_is_enough(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(home: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.journal.latch.set_latch", no_room)
    result = halted(home)
    result.raise_if_running()
    assert not result.latched
    assert "No space left" in result.troubles[0]
    with open_journal(home) as journal:
        assert journal.trading_state(result.accounts[0]) is HALTED


def test_where_nothing_can_be_written_it_is_not_halted(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    result = halted(in_the_way / "home")
    with pytest.raises(ConfigError, match="NOT HALTED") as refused:
        result.raise_if_running()
    assert refused.value.exit_code == 3


def test_resume_names_what_stays_halted(home: Path) -> None:
    halted(home)
    with open_journal(home) as journal:
        mine, other = journal.accounts()[0], open_account(journal, venue="binance")
        plan = resume_plan(journal, [mine])
        assert plan.is_needed
        assert plan.latched
        assert plan.resumed[0].entry is not None
        assert plan.resumed[0].entry.reason == "it looks wrong"
        after = resume(journal, plan, "it was a false alarm")
        assert [each.state for each in after.resumed] == [ACTIVE]
        assert [(each.account, each.state) for each in after.others] == [(other, HALTED)]
        assert not after.is_needed
        entry = journal.state_entry(mine)
    assert entry is not None
    assert entry.reason == "it was a false alarm"


def test_after_a_restore_only_what_was_compared_trades_again(home: Path) -> None:
    with open_journal(home) as journal:
        gone = journal.accounts()[0]
        mine = open_account(journal, uid="8")
        journal.restores.record(CountedBytes(), "a new disk", {})
        with pytest.raises(Refused, match=r"not compared since: .*:7:0, .*:8:0"):
            resume(journal, resume_plan(journal, [gone, mine]), "go on")
        agreed = Reconciled(NOW_MS, NOW_MS, {}, 0, False, {"BTCUSDT": Coverage()}, None)
        journal.reconciliations(mine).record_reconciled(agreed)
        after = resume(journal, resume_plan(journal, [gone, mine]), "the books agree")
        assert after.in_doubt == (gone,)
        assert {key: journal.trading_state(key) for key in (gone, mine)} == {gone: HALTED, mine: ACTIVE}


def test_resume_needs_a_journal_that_writes(home: Path) -> None:
    halted(home)
    blocker = connect_file(home / "journal.sqlite3")
    blocker.execute("BEGIN IMMEDIATE")
    with open_journal(home, busy_timeout_ms=20) as journal:
        plan = resume_plan(journal, journal.accounts())
        with pytest.raises(Refused):
            resume(journal, plan, "go on")
    blocker.close()
    assert is_set(home)


def test_resume_of_a_damaged_journal_is_refused(home: Path) -> None:
    halted(home)
    with sqlite3.connect(home / "journal.sqlite3") as db:
        db.execute("DROP TABLE trading_states")
    db.close()
    with open_journal(home) as journal, pytest.raises((ReconciliationBreak, sqlite3.Error)):
        resume(journal, resume_plan(journal, journal.accounts()), "go on")
    assert is_set(home)
