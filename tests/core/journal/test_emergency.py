"""Orders that reduce are written down without a journal, and the journal learns of them later."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from core.account import AccountKey
from core.ids import is_ours
from core.journal import Journal
from core.journal.emergency import EMERGENCY, EmergencyJournal, take_in
from core.journal.store import connect_file
from core.orders import OrderStatus, Purpose, SendOnce, Side
from core.stages import TradingState
from tests.core.journal.books import (
    NOW_MS,
    SteppingClock,
    Verdict,
    fill,
    open_account,
    open_journal,
    record_intent,
    report,
    request,
)

if TYPE_CHECKING:
    from core.risk.approval import Approved


class Approval(Verdict):
    @property
    def purpose(self) -> Purpose:
        return self.request.purpose


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def blocked(journal: Journal, account: AccountKey) -> Iterator[Journal]:
    """The journal of a home, while another process holds its write lock."""
    intent = record_intent(journal, account).spend()
    journal.record_report(intent, report(intent, OrderStatus.FILLED, fill(intent, 50, "0.001")))
    blocker = connect_file(journal.home / "journal.sqlite3")
    blocker.execute("BEGIN IMMEDIATE")
    with open_journal(journal.home, busy_timeout_ms=20) as other:
        yield other
    blocker.close()


def emergency(
    journal: Journal | None, said: list[str], *folders: Path, installation: str = "00" * 8
) -> EmergencyJournal:
    name = journal.installation_id if journal else installation
    return EmergencyJournal(journal, folders, name, SteppingClock(), said.append)


def sell(books: EmergencyJournal, account: AccountKey, wanted: Purpose = Purpose.FLATTEN) -> SendOnce:
    side = Side.BUY if wanted.increases_risk else Side.SELL
    approved = cast("Approved", Approval(request(side, purpose=wanted)))
    return books.record_intent(approved, account, timestamp_ms=NOW_MS, recv_window_ms=5_000, dry_run=False)


def test_a_good_journal_is_used(journal: Journal, account: AccountKey, said: list[str]) -> None:
    books = emergency(journal, said, journal.home)
    intent = sell(books, account).spend()
    assert journal.order(intent.client_order_id) is not None
    assert not (journal.home / EMERGENCY).exists()
    assert said == []


def test_what_a_locked_journal_cannot_take_goes_to_the_file(
    blocked: Journal, account: AccountKey, said: list[str]
) -> None:
    books = emergency(blocked, said, blocked.home)
    intent = sell(books, account).spend()
    books.record_report(intent, report(intent, OrderStatus.FILLED, fill(intent, 60, "0.001", price="31000")))
    assert is_ours(intent.client_order_id, blocked.installation_id)
    assert len(said) == 1
    kept = (blocked.home / EMERGENCY).read_text().split()
    assert [json.loads(line)["kind"] for line in kept] == ["INTENT", "REPORT"]


def test_taking_in_gives_the_position_and_repeats_nothing(own_home: Path, said: list[str]) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        bought = record_intent(journal, account).spend()
        journal.record_report(bought, report(bought, OrderStatus.FILLED, fill(bought, 50, "0.001")))
        books = emergency(None, said, own_home, installation=journal.installation_id)
        intent = sell(books, account).spend()
        books.record_report(
            intent, report(intent, OrderStatus.FILLED, fill(intent, 60, "0.001", price="31000"))
        )
        lost = sell(books, account).spend()
        books.record_unknown(lost, "no answer")
        with (own_home / EMERGENCY).open("a") as file:
            file.write('{"kind": "INTENT", "cut o')
        for _ in range(2):
            assert take_in(journal, own_home / EMERGENCY) == ()
        assert journal.position(account, "BTCUSDT").is_flat
        assert [each.order.client_order_id for each in journal.unsettled(account)] == [lost.client_order_id]
        assert journal.verify() == ()
        following = record_intent(journal, account).intent
        assert following.sequence == bought.sequence + 1


def test_what_cannot_be_taken_in_is_said(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        assert take_in(journal, own_home / EMERGENCY) == ()
        line = {"kind": "INTENT", "account": str(account)}
        name = f"tr{journal.installation_id}-100000000001"
        (own_home / EMERGENCY).write_text(json.dumps({**line, "payload": {"client_order_id": name}}))
        findings = take_in(journal, own_home / EMERGENCY)
        assert len(findings) == 1
        assert "INTENT" in findings[0]
        assert journal.verify() == ()
        (own_home / EMERGENCY).unlink()
        (own_home / EMERGENCY).mkdir()
        assert len(take_in(journal, own_home / EMERGENCY)) == 1


def test_an_intent_without_an_outcome_is_unsettled(own_home: Path, said: list[str]) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        intent = sell(emergency(None, said, own_home, installation=journal.installation_id), account).intent
        take_in(journal, own_home / EMERGENCY)
        assert [each.order.intent for each in journal.unsettled()] != []
        kept = journal.order(intent.client_order_id)
        assert kept is not None
        assert kept.intent.request == intent.request
        assert kept.intent.timestamp_ms == intent.timestamp_ms


def test_other_installations_and_accounts_are_not_taken_in(own_home: Path, said: list[str]) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        sell(emergency(None, said, own_home, installation="ab" * 8), account)
        unknown = AccountKey("binance", account.environment, "api.binance.com", "1")
        sell(emergency(None, said, own_home, installation=journal.installation_id), unknown)
        take_in(journal, own_home / EMERGENCY)
        assert journal.unsettled() == ()


def test_the_next_folder_is_used_then_the_screen(
    account: AccountKey, tmp_path: Path, said: list[str]
) -> None:
    nowhere, spare = tmp_path / "absent", tmp_path / "spare"
    spare.mkdir()
    sell(emergency(None, said, nowhere, spare), account)
    assert (spare / EMERGENCY).read_text().count("INTENT") == 1
    said.clear()
    name = sell(emergency(None, said, nowhere), account).spend().client_order_id
    assert "NOWHERE ON DISK" in said[-1]
    assert name in said[-1]


def test_nothing_that_adds_risk_is_an_emergency(account: AccountKey, tmp_path: Path, said: list[str]) -> None:
    with pytest.raises(ValueError, match="emergency"):
        sell(emergency(None, said, tmp_path), account, Purpose.ENTRY)
    assert not (tmp_path / EMERGENCY).exists()


def test_without_a_journal_trading_is_halted(account: AccountKey, said: list[str]) -> None:
    assert emergency(None, said).trading_state(account) is TradingState.HALTED


def test_names_differ_within_one_moment(account: AccountKey, tmp_path: Path, said: list[str]) -> None:
    books = emergency(None, said, tmp_path)
    assert len({sell(books, account).intent.client_order_id for _ in range(20)}) == 20


def test_the_symbol_is_noted_before_its_fills(own_home: Path, said: list[str]) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        books = emergency(None, said, own_home, installation=journal.installation_id)
        books.note_symbol(account, "ETHUSDT", "ETH", "USDT", 7)
        take_in(journal, own_home / EMERGENCY)
        with sqlite3.connect(own_home / "journal.sqlite3") as db:
            noted = db.execute("SELECT base_asset FROM symbols WHERE symbol = 'ETHUSDT'").fetchone()
        db.close()
    assert noted == ("ETH",)


def test_selling_what_was_there_before_leaves_our_position(journal: Journal, account: AccountKey) -> None:
    bought = record_intent(journal, account).spend()
    journal.record_report(bought, report(bought, OrderStatus.FILLED, fill(bought, 50, "0.001")))
    before = journal.position(account, "BTCUSDT")
    wanted = request(Side.SELL, "0.5", purpose=Purpose.LIQUIDATE)
    intent = record_intent(journal, account, wanted).spend()
    told = report(
        intent, OrderStatus.FILLED, fill(intent, 51, "0.5", price="90000", fee="45", fee_asset="USDT")
    )
    journal.record_report(intent, told)
    assert journal.position(account, "BTCUSDT") == before
    assert journal.fills(intent) == told.fills
    assert journal.unsettled(account) == ()
    assert journal.verify() == ()
