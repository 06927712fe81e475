"""A journal that goes on as another installation, and what of the earlier one is still ours."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from core.journal import Journal
from core.journal.reconciliations import Coverage, Reconciled
from core.orders import OrderReport, OrderStatus, OrderType, Purpose, Side
from core.stages import TradingState
from core.values import Base, Quote
from tests.core.journal.books import (
    NOW_MS,
    CountedBytes,
    fill,
    open_account,
    open_journal,
    record_intent,
    report,
    request,
)


def restored(home: Path) -> tuple[str, str]:
    """Restore a journal in place; return the ids before and after."""
    with open_journal(home) as journal:
        before = journal.installation_id
        return before, journal.restores.record(CountedBytes(), "a new disk", {})


def compared(journal: Journal, breaks: dict[str, int], until_ms: int) -> None:
    (account,) = journal.accounts()
    run = Reconciled(until_ms, until_ms, breaks, 0, False, {"BTCUSDT": Coverage()}, None)
    journal.reconciliations(account).record_reconciled(run)


def test_ids_after_a_restore_are_of_another_installation_and_the_numbers_go_on(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        first = record_intent(journal, open_account(journal)).intent
    before, now = restored(own_home)
    with open_journal(own_home) as journal:
        (account,) = journal.accounts()
        second = record_intent(journal, account).intent
        assert first.client_order_id == f"tr{before}-1"
        assert second.client_order_id == f"tr{now}-2"
        assert journal.verify() == ()


def test_every_account_is_halted_and_evidence_is_of_another_machine(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        assert journal.trading_state(account) is TradingState.ACTIVE
    restored(own_home)
    with open_journal(own_home) as journal:
        assert journal.trading_state(account) is TradingState.HALTED
        assert journal.evidence() == ()


@pytest.mark.parametrize("breaks", [{"MISSING_LOCAL": 1}, {"TIMING": 1}])
def test_only_a_comparison_without_any_difference_ends_the_doubt(
    own_home: Path, breaks: dict[str, int]
) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        compared(journal, {}, NOW_MS)
        assert not journal.restores.awaits_reconciliation(account)
    restored(own_home)
    with open_journal(own_home) as journal:
        assert journal.restores.awaits_reconciliation(account)
        compared(journal, breaks, NOW_MS + 1)
        assert journal.restores.awaits_reconciliation(account)
        compared(journal, {}, NOW_MS + 2)
        assert not journal.restores.awaits_reconciliation(account)


def test_orders_of_the_earlier_installation_are_ours_up_to_the_first_comparison(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        assert journal.restores.earlier(account, NOW_MS) == {}
    first, second = restored(own_home)
    with open_journal(own_home) as journal:
        assert journal.restores.earlier(account, NOW_MS + 7) == {first: NOW_MS + 7}
        compared(journal, {"MISSING_LOCAL": 1}, NOW_MS + 9)
        assert journal.restores.earlier(account, NOW_MS + 99) == {first: NOW_MS + 9}
    restored(own_home)
    with open_journal(own_home) as journal:
        assert journal.restores.earlier(account, NOW_MS + 50) == {first: NOW_MS + 9, second: NOW_MS + 50}


@pytest.mark.parametrize(
    ("side", "order_type", "purpose"),
    [
        (Side.BUY, OrderType.LIMIT, Purpose.ENTRY),
        (Side.SELL, OrderType.MARKET, Purpose.EXIT),
        (Side.SELL, OrderType.STOP_LOSS_LIMIT, Purpose.PROTECT),
    ],
)
def test_an_order_sent_after_the_backup_is_adopted_once_as_what_it_does(
    own_home: Path, side: Side, order_type: OrderType, purpose: Purpose
) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
    before, _ = restored(own_home)
    told = OrderReport(
        symbol="BTCUSDT",
        client_order_id=f"tr{before}-9",
        venue_order_id=77,
        side=side,
        order_type=order_type,
        status=OrderStatus.CANCELED,
        quantity=Base(Decimal("0.5")),
        price=Decimal(30_000),
        executed_quantity=Base(Decimal(0)),
        executed_quote=Quote(Decimal(0)),
        ts_event_ms=NOW_MS,
    )
    with open_journal(own_home) as journal:
        for _ in range(2):
            journal.restores.adopt(account, told, "seen at the venue")
        journal.record_report(told.client_order_id, told)
        adopted = journal.order(told.client_order_id)
        assert adopted is not None
        assert adopted.intent.request.purpose is purpose
        assert adopted.status is OrderStatus.CANCELED
        assert record_intent(journal, account).intent.sequence == adopted.intent.sequence + 1
        assert journal.verify() == ()


def test_fills_of_an_adopted_order_are_our_position(own_home: Path) -> None:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        sent = record_intent(journal, account, request(quantity="0.001")).intent
    restored(own_home)
    bought = fill(sent, 50, "0.001")
    told = report(sent, OrderStatus.FILLED, bought)
    with open_journal(own_home) as journal:
        journal.restores.adopt(account, told, "known already")  # changes nothing
        journal.record_imported(told.client_order_id, told, [bought], "seen at the venue")
        assert journal.position(account, "BTCUSDT").quantity == Base(Decimal("0.001"))
