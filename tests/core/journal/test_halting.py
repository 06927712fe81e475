"""HALTED holds without a database, and whatever cannot be read is HALTED."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from core.account import AccountKey
from core.errors import Refused
from core.journal import Journal
from core.journal.latch import LATCH
from core.journal.store import connect_file
from core.stages import TradingState
from tests.core.journal.books import open_account, open_journal

ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED


def test_state_is_per_account_and_survives(journal: Journal, account: AccountKey) -> None:
    other = open_account(journal, uid="8")
    assert journal.trading_state(account) is ACTIVE
    journal.set_trading_state(account, REDUCING, "three losses in a row")
    with open_journal(journal.home) as again:
        assert again.trading_state(account) is REDUCING
        assert again.trading_state(other) is ACTIVE


def test_halt_sets_the_latch_and_is_seen_by_other_processes(journal: Journal, account: AccountKey) -> None:
    with open_journal(journal.home) as other:
        assert other.trading_state(account) is ACTIVE
        journal.set_trading_state(account, HALTED, "operator\nHALTED by hand")
        assert other.trading_state(account) is HALTED
    text = (journal.home / LATCH).read_text()
    assert text.count("\n") == 1
    assert str(account) in text


def test_halted_outlives_the_latch(journal: Journal, account: AccountKey) -> None:
    journal.set_trading_state(account, HALTED, "drill")
    (journal.home / LATCH).unlink()
    assert journal.trading_state(account) is HALTED


def test_latch_made_by_hand_halts_every_account(journal: Journal, account: AccountKey) -> None:
    (journal.home / LATCH).touch()
    assert journal.trading_state(account) is HALTED
    assert journal.trading_state(replace(account, uid="never opened")) is HALTED


@pytest.mark.parametrize("kind", ["folder", "broken link"])
def test_latch_of_any_kind_counts(journal: Journal, account: AccountKey, kind: str) -> None:
    latch = journal.home / LATCH
    latch.mkdir() if kind == "folder" else latch.symlink_to("nowhere")
    assert journal.trading_state(account) is HALTED


def test_resuming_one_account_leaves_the_others_halted(journal: Journal, account: AccountKey) -> None:
    other = open_account(journal, uid="8")
    journal.set_trading_state(account, HALTED, "drill")
    journal.set_trading_state(account, ACTIVE, "drill is over")
    assert not (journal.home / LATCH).exists()
    assert journal.trading_state(account) is ACTIVE
    assert journal.trading_state(other) is HALTED
    journal.set_trading_state(other, ACTIVE, "this one too")
    assert journal.trading_state(account) is ACTIVE
    assert journal.trading_state(other) is ACTIVE


def test_halt_holds_when_the_database_is_locked(journal: Journal, account: AccountKey) -> None:
    blocker = connect_file(journal.home / "journal.sqlite3")
    blocker.execute("BEGIN IMMEDIATE")
    with open_journal(journal.home, busy_timeout_ms=20) as other:
        with pytest.raises(Refused) as refused:
            other.set_trading_state(account, HALTED, "now")
        assert other.trading_state(account) is HALTED
    blocker.close()
    assert refused.value.code == "JOURNAL_UNWRITABLE"
    assert journal.trading_state(account) is HALTED


def test_resume_that_cannot_be_written_leaves_the_latch(journal: Journal, account: AccountKey) -> None:
    journal.set_trading_state(account, HALTED, "drill")
    blocker = connect_file(journal.home / "journal.sqlite3")
    blocker.execute("BEGIN IMMEDIATE")
    with open_journal(journal.home, busy_timeout_ms=20) as other, pytest.raises(Refused):
        other.set_trading_state(account, ACTIVE, "go on")
    blocker.close()
    assert (journal.home / LATCH).exists()


def test_latch_that_cannot_be_made_still_leaves_the_state(journal: Journal, account: AccountKey) -> None:
    (journal.home / LATCH).symlink_to("nowhere/at/all")
    journal.set_trading_state(account, HALTED, "drill")
    (journal.home / LATCH).unlink()
    assert journal.trading_state(account) is HALTED


def test_unreadable_state_is_halted(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        db = sqlite3.connect(own_home / "journal.sqlite3", isolation_level=None)
        db.execute("INSERT INTO trading_states VALUES (?, 'SLEEPING', '', 0)", (str(account),))
        assert journal.trading_state(account) is HALTED
        db.execute("DROP TABLE trading_states")
        assert journal.trading_state(account) is HALTED
        db.close()


def test_all_accounts_halt_in_one_event_each_and_resume_as_named(
    journal: Journal, account: AccountKey
) -> None:
    other, third = open_account(journal, uid="8"), open_account(journal, uid="9")
    assert set(journal.halt_all("night watch")) == {account, other, third}
    assert not (journal.home / LATCH).exists()
    assert {journal.trading_state(each) for each in (account, other, third)} == {HALTED}
    entry = journal.state_entry(other)
    assert entry is not None
    assert (entry.state, entry.reason) == ("HALTED", "night watch")
    journal.resume((account, other), "seen and understood")
    assert [journal.trading_state(each) for each in (account, other, third)] == [ACTIVE, ACTIVE, HALTED]


def test_latch_of_a_home_without_accounts_is_lifted(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        (own_home / LATCH).touch()
        journal.resume((), "a drill")
        assert not (own_home / LATCH).exists()
        assert journal.verify() == ()
    assert "Halt lifted" in (own_home / "trade_audit.log").read_text()


def test_quarantine_is_per_symbol_and_account(journal: Journal, account: AccountKey) -> None:
    journal.quarantine(account, "BTCUSDT", "two answers that differ")
    assert journal.is_quarantined(account, "BTCUSDT")
    assert not journal.is_quarantined(account, "BNBBTC")
    assert not journal.is_quarantined(replace(account, uid="8"), "BTCUSDT")
    assert journal.quarantined(account) == ("BTCUSDT",)
