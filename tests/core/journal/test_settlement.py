"""How orders of unknown fate end in the journal: never accepted, found late, imported, written off."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.account import AccountKey
from core.journal import Journal, Order
from core.journal.audit_log import EXECUTED
from core.journal.files import DATABASE
from core.journal.schema import MIGRATIONS
from core.orders import IllegalTransition, Intent, OrderStatus, Side
from tests.core.journal.books import NOW_MS, TODAY, fill, open_account, open_journal, record_intent, report

S = OrderStatus
ROUNDS = (NOW_MS + 36_000, NOW_MS + 46_000)


@pytest.fixture
def intent(journal: Journal, account: AccountKey) -> Intent:
    """An order of unknown fate."""
    sent = record_intent(journal, account).intent
    journal.record_unknown(sent, "no answer within 10 s")
    return sent


def known(journal: Journal, intent: Intent) -> Order:
    order = journal.order(intent.client_order_id)
    assert order is not None
    return order


def test_never_accepted_settles_and_costs_no_daily_entry(
    journal: Journal, account: AccountKey, intent: Intent
) -> None:
    journal.record_never_accepted(intent, ROUNDS)
    assert known(journal, intent).status is S.NEVER_ACCEPTED
    assert journal.unsettled(account) == ()
    assert journal.in_flight(account, "BTCUSDT") == ()
    assert journal.entries_today(account, TODAY) == 0
    assert f"not found at [{ROUNDS[0]}, {ROUNDS[1]}]" in known(journal, intent).outcome


def test_never_accepted_twice_is_written_once(journal: Journal, intent: Intent) -> None:
    journal.record_never_accepted(intent, ROUNDS)
    before = journal.audit_log_path.read_text()
    journal.record_never_accepted(intent, ROUNDS)
    assert journal.audit_log_path.read_text() == before


@pytest.mark.parametrize("status", [S.FILLED, S.CANCELED, S.EXPIRED, S.ACCEPTED])
def test_an_order_that_the_venue_had_was_accepted(
    journal: Journal, intent: Intent, status: OrderStatus
) -> None:
    journal.record_report(intent, report(intent, status))
    with pytest.raises(IllegalTransition):
        journal.record_never_accepted(intent, ROUNDS)


def test_two_reconciliations_ask_once_more(journal: Journal, account: AccountKey, intent: Intent) -> None:
    journal.record_never_accepted(intent, ROUNDS)
    for _ in range(2):
        (due,) = journal.asks_due(account)
        assert due.intent == intent
        journal.record_asked_again(intent)
    assert journal.asks_due(account) == ()
    assert journal.asks_due(replace(account, uid="other")) == ()


def test_late_find_alarms_and_its_fills_become_our_position(
    journal: Journal, account: AccountKey, intent: Intent
) -> None:
    journal.record_never_accepted(intent, ROUNDS)
    told = report(intent, S.FILLED, fill(intent, 77, "0.001"))
    journal.record_late_find(intent, told)
    journal.record_report(intent, told)
    order = known(journal, intent)
    assert (order.status, order.late_fill) == (S.NEVER_ACCEPTED, True)
    assert journal.position(account, "BTCUSDT").quantity.value == Decimal("0.001")
    (quarantine,) = journal.quarantines(account)
    assert journal.asks_due(account) == ()
    assert (quarantine.symbol, "never accepted" in quarantine.reason) == ("BTCUSDT", True)
    assert "[ERROR]" in journal.audit_log_path.read_text().split("Order found after all")[0].splitlines()[-1]
    assert journal.verify() == ()


def test_finding_an_order_that_was_never_given_up_is_no_late_find(journal: Journal, intent: Intent) -> None:
    with pytest.raises(IllegalTransition, match="no surprise"):
        journal.record_late_find(intent, report(intent, S.ACCEPTED))


def test_released_quarantine_is_gone_and_stays_in_the_history(journal: Journal, account: AccountKey) -> None:
    journal.quarantine(account, "BTCUSDT", "doubt")
    journal.release_quarantine(account, "BTCUSDT", "looked at the venue's page")
    assert journal.quarantined(account) == ()
    assert not journal.is_quarantined(account, "BTCUSDT")
    assert "looked at the venue's page" in journal.audit_log_path.read_text()


def test_releasing_what_is_not_quarantined_writes_nothing(journal: Journal, account: AccountKey) -> None:
    before = journal.audit_log_path.read_text()
    journal.release_quarantine(account, "BTCUSDT", "why not")
    assert journal.audit_log_path.read_text() == before


def test_imported_trades_settle_the_order_they_are_assigned_to(
    journal: Journal, account: AccountKey, intent: Intent
) -> None:
    """Also twice what was asked for: a proxy may have sent the request twice."""
    fills = (fill(intent, 71, "0.001"), fill(intent, 72, "0.001"))
    told = report(intent, S.FILLED, fills[1])
    assert journal.record_imported(intent, told, fills, "both are ours") == fills
    order = known(journal, intent)
    assert (order.status, order.executed_quantity.value) == (S.FILLED, Decimal("0.002"))
    assert order.executed_quote.value == Decimal(60)
    assert journal.position(account, "BTCUSDT").quantity.value == Decimal("0.002")
    assert journal.unsettled(account) == ()
    assert journal.audit_log_path.read_text().count(EXECUTED) == 1
    assert journal.record_imported(intent, told, fills, "again") == ()
    assert journal.position(account, "BTCUSDT").quantity.value == Decimal("0.002")


def test_imported_trades_that_are_too_few_leave_the_order_unsettled(
    journal: Journal, account: AccountKey, intent: Intent
) -> None:
    told = report(intent, S.FILLED, executed=("0.001", "30"))
    journal.record_report(intent, told)
    journal.record_imported(intent, told, (fill(intent, 71, "0.0004"),), "the venue shows no more")
    assert len(journal.unsettled(account)) == 1
    journal.record_imported(intent, told, (fill(intent, 72, "0.0006"),), "and now the rest")
    assert journal.unsettled(account) == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda done: replace(done, side=Side.SELL),
        lambda done: replace(done, symbol="BNBBTC"),
        lambda done: replace(done, quantity=done.quantity - done.quantity),
    ],
)
def test_a_trade_that_cannot_be_the_order_s_is_refused(
    journal: Journal, account: AccountKey, intent: Intent, change: Callable[..., object]
) -> None:
    told = report(intent, S.FILLED, fill(intent, 71, "0.001"))
    with pytest.raises(IllegalTransition):
        journal.record_imported(intent, told, [change(told.fills[0])], "hm")  # type: ignore[list-item]
    assert journal.fills(intent) == ()
    assert len(journal.unsettled(account)) == 1


def test_a_trade_of_another_order_is_refused(journal: Journal, account: AccountKey, intent: Intent) -> None:
    other = record_intent(journal, account).intent
    journal.record_report(other, report(other, S.FILLED, fill(other, 71, "0.001")))
    told = report(intent, S.FILLED, fill(intent, 71, "0.001"))
    with pytest.raises(IllegalTransition, match="was recorded as"):
        journal.record_imported(intent, told, told.fills, "hm")


def test_a_written_off_order_is_settled_without_a_fill(
    journal: Journal, account: AccountKey, intent: Intent
) -> None:
    journal.record_written_off(intent, "the testnet was wiped")
    assert journal.unsettled(account) == ()
    assert journal.unsettled() == ()
    assert journal.in_flight(account, "BTCUSDT") == ()
    assert known(journal, intent).status is S.SUBMITTED, "nobody knows more than before"
    assert journal.position(account, "BTCUSDT").is_flat
    assert journal.entries_today(account, TODAY) == 1, "it may have cost something"
    with pytest.raises(IllegalTransition, match="nothing about"):
        journal.record_written_off(intent, "again")


def test_missing_fills_can_be_written_off(journal: Journal, account: AccountKey, intent: Intent) -> None:
    told = report(intent, S.FILLED, executed=("0.001", "30"))
    journal.record_report(intent, told)
    journal.record_written_off(intent, "the venue shows no trades")
    journal.record_report(intent, told)
    assert journal.unsettled(account) == (), "saying the same again is no news"


def test_news_from_the_venue_end_a_write_off(journal: Journal, account: AccountKey, intent: Intent) -> None:
    journal.record_written_off(intent, "looks dead")
    journal.record_report(intent, report(intent, S.FILLED, executed=("0.001", "30")))
    assert len(journal.unsettled(account)) == 1


def test_settled_orders_cannot_be_written_off(journal: Journal, intent: Intent) -> None:
    journal.record_report(intent, report(intent, S.FILLED, fill(intent, 71, "0.001")))
    with pytest.raises(IllegalTransition, match="nothing about"):
        journal.record_written_off(intent, "why not")


@pytest.mark.parametrize(
    "decide",
    [
        lambda journal: journal.record_never_accepted("tr-nobody-1", ROUNDS),
        lambda journal: journal.record_written_off("tr-nobody-1", "why not"),
        lambda journal: journal.record_asked_again("tr-nobody-1"),
    ],
)
def test_an_order_that_the_journal_does_not_have_is_an_error(
    journal: Journal, decide: Callable[[Journal], None]
) -> None:
    with pytest.raises(LookupError):
        decide(journal)


def test_a_journal_of_the_first_schema_is_brought_up(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        intent = record_intent(journal, open_account(journal)).intent
    with sqlite3.connect(own_home / DATABASE, isolation_level=None) as db:
        later = ("write_offs", "asks_due", "coverage", "breaks", "adjustments", "reconciliations")
        later += ("key_uses", "exposed_keys", "pinned_addresses", "breakers", "day_openings", "equity_peaks")
        later += ("restores",)
        for table in later:
            db.execute(f"DROP TABLE {table}")
        db.execute("DROP INDEX orders_by_venue_id")
        db.execute("PRAGMA user_version = 1")
    db.close()
    with open_journal(own_home, read_only=True) as journal:
        (account,) = journal.accounts()
        assert journal.breakers(account).all_latched() == ()
        assert not journal.restores.awaits_reconciliation(account)
    with open_journal(own_home) as journal:
        journal.record_written_off(intent, "looks dead")
        assert journal.verify() == ()
    assert len(MIGRATIONS) == 8
