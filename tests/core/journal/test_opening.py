"""Making, opening and sharing a journal; first contact with accounts."""

from __future__ import annotations

import sqlite3
import stat
from decimal import Decimal
from pathlib import Path

import pytest

from core.account import AccountKey, Environment
from core.errors import ConfigError, ReconciliationBreak, Refused
from core.journal import Journal
from core.journal.files import installations
from core.journal.store import connect_file
from tests.core.journal.books import OPENING, open_account, open_journal, record_intent


def test_new_home_is_private(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        open_account(journal)
        assert stat.S_IMODE(own_home.stat().st_mode) == 0o700
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in own_home.iterdir()}
    assert set(modes.values()) == {0o600}
    assert modes.keys() == {
        "journal.sqlite3",
        "journal.sqlite3-wal",
        "journal.sqlite3-shm",
        "journal.reserve",
        "installation",
        "trade_audit.log",
    }


def test_installation_id_stands_beside_the_journal(own_home: Path) -> None:
    assert installations(own_home) == ()
    with open_journal(own_home) as journal:
        first = journal.installation_id
        assert installations(own_home) == (first,)
    (own_home / "installation").write_text(first[:7])  # cut off by a full disk
    with open_journal(own_home, read_only=True):
        assert installations(own_home) == ()
    with open_journal(own_home):
        assert installations(own_home) == (first,)
    with open_journal(own_home):
        assert installations(own_home) == (first,)


def test_earlier_installation_ids_are_remembered(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        first = journal.installation_id
    (own_home / "journal.sqlite3").unlink()
    with open_journal(own_home) as journal:
        assert journal.installation_id != first
        assert installations(own_home) == (first, journal.installation_id)


def test_installation_id_is_minted_once(own_home: Path) -> None:
    with open_journal(own_home) as first:
        minted = first.installation_id
    with open_journal(own_home) as second:
        assert second.installation_id == minted
    with open_journal(own_home.with_name("other")) as other:
        assert other.installation_id != minted


def test_commits_are_flushed_to_the_disk(own_home: Path) -> None:
    made: list[sqlite3.Connection] = []

    def connect(path: Path) -> sqlite3.Connection:
        made.append(connect_file(path))
        return made[-1]

    with open_journal(own_home, connect=connect):
        full = 2
        assert made[-1].execute("PRAGMA synchronous").fetchone()[0] == full
        assert made[-1].execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_absent_journal_read_only_is_empty_and_makes_nothing(own_home: Path) -> None:
    with open_journal(own_home, read_only=True) as journal:
        assert journal.accounts() == ()
        assert journal.unsettled() == ()
        assert journal.evidence() == ()
        assert journal.verify() == ()
        assert not journal.seen_real_venue()
        with pytest.raises(Refused) as refused:
            journal.record_note("CHECK", None, {})
    assert refused.value.code == "JOURNAL_UNWRITABLE"
    assert not own_home.exists()


def test_read_only_sees_and_does_not_write(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        with open_journal(own_home, read_only=True) as view:
            assert view.accounts() == (account,)
            (own_home / "journal.reserve").unlink()
            with pytest.raises(Refused):
                record_intent(view, account)
            assert not (own_home / "journal.reserve").exists()
        record_intent(journal, account)


def test_account_is_opened_once(journal: Journal, account: AccountKey) -> None:
    lines = journal.audit_log_path.read_text()
    assert open_account(journal) == account
    assert journal.audit_log_path.read_text() == lines
    assert lines.count("Account opened") == 1
    assert journal.accounts() == (account,)


def test_epoch_follows_the_newest(journal: Journal, account: AccountKey) -> None:
    identity = ("paper", Environment.TESTNET, "127.0.0.1:8080", "7")
    wiped = journal.open_account(*identity, OPENING, epoch=1)
    assert (account.epoch, wiped.epoch) == (0, 1)
    assert journal.open_account(*identity, OPENING) == wiped
    journal.note_symbol(account, "BTCUSDT", "BTC", "USDT", None)
    assert journal.accounts() == (account, wiped)


@pytest.mark.parametrize("uid", ["", "a:b", "a b", "a\nb", "é"])
def test_uid_that_makes_keys_ambiguous_is_refused(journal: Journal, uid: str) -> None:
    with pytest.raises(ValueError, match="cannot name an account"):
        journal.open_account("paper", Environment.TESTNET, "127.0.0.1", uid, OPENING)


def test_real_venue_is_remembered(journal: Journal, account: AccountKey) -> None:
    assert not journal.seen_real_venue()
    open_account(journal, venue="binance")
    assert journal.seen_real_venue()


def test_symbol_must_be_noted_before_an_order(journal: Journal) -> None:
    account = journal.open_account("paper", Environment.TESTNET, "127.0.0.1", "9", OPENING)
    with pytest.raises(ValueError, match="note_symbol first"):
        record_intent(journal, account)


def test_home_that_others_can_write_is_refused(own_home: Path) -> None:
    own_home.mkdir()
    own_home.chmod(0o777)
    with pytest.raises(ConfigError) as refused:
        open_journal(own_home)
    assert refused.value.code == "HOME_UNUSABLE"
    assert list(own_home.iterdir()) == []


def test_home_that_is_a_file_is_refused(own_home: Path) -> None:
    own_home.write_text("mine")
    for read_only in (False, True):
        with pytest.raises(ConfigError):
            open_journal(own_home, read_only=read_only)
    assert own_home.read_text() == "mine"


def test_home_with_odd_characters(tmp_path: Path) -> None:
    home = tmp_path / "a?b#c%20d é"
    with open_journal(home) as journal:
        open_account(journal)
    with open_journal(home) as again:
        assert len(again.accounts()) == 1
    assert (home / "journal.sqlite3").exists()


def test_log_without_its_database_is_refused(own_home: Path) -> None:
    own_home.mkdir(mode=0o700)
    (own_home / "journal.sqlite3-wal").write_bytes(b"x")
    with pytest.raises(ReconciliationBreak) as refused:
        open_journal(own_home)
    assert refused.value.code == "JOURNAL_DAMAGED"
    assert [path.name for path in own_home.iterdir()] == ["journal.sqlite3-wal"]


def test_balances_at_opening_are_kept_as_text(journal: Journal, account: AccountKey) -> None:
    assert '"free":"1000.5"' in journal.audit_log_path.read_text()
    assert OPENING.balances["USDT"].free == Decimal("1000.50")
