"""Coverage, breaks with identity and age, acceptances and whole runs, as the journal keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.account import AccountKey
from core.journal import Journal
from core.journal import own_books as own_sql
from core.journal import reconciliation_rows as sql
from core.journal.own_books import NO_END
from core.journal.reconciliations import Coverage, Reconciled, Reconciliations, break_id
from core.journal.store import scratch
from core.orders import OrderStatus
from core.reconciliation import Break, BreakClass
from tests.core.journal.books import NOW_MS, fill, open_account, open_journal, record_intent, report

D = Decimal
SYMBOL = "BTCUSDT"
LATE = Break(
    BreakClass.TIMING,
    "trade:BTCUSDT:42:BUY",
    "late",
    {},
    {"price": "1"},
    {"BTC": D(1)},
    BreakClass.MISSING_LOCAL,
)
MISSING = replace(LATE, break_class=BreakClass.MISSING_LOCAL, became=None, explanation="missing")


@pytest.fixture
def journal(own_home: Path) -> Iterator[Journal]:
    with open_journal(own_home) as opened:
        yield opened


@pytest.fixture
def account(journal: Journal) -> AccountKey:
    return open_account(journal)


@pytest.fixture
def book(journal: Journal, account: AccountKey) -> Reconciliations:
    return journal.reconciliations(account)


def test_saying_the_same_again_writes_nothing(book: Reconciliations) -> None:
    book.record_covered(SYMBOL, Coverage(1, 2), [MISSING])
    before = book.head()
    book.record_covered(SYMBOL, Coverage(1, 2), [MISSING])
    book.record_breaks([MISSING])
    assert book.head() == before
    assert book.coverage() == {SYMBOL: Coverage(1, 2)}


def test_a_break_keeps_its_name_and_its_age_when_it_grows_up(book: Reconciliations) -> None:
    book.record_breaks([LATE])
    [young] = book.breaks()
    book.record_breaks([MISSING])
    [grown] = book.breaks()
    assert (grown.break_id, grown.first_seen_ms) == (young.break_id, young.first_seen_ms)
    assert grown.found == MISSING


def test_what_is_no_more_is_forgotten_and_its_age_with_it(book: Reconciliations) -> None:
    book.record_breaks([MISSING])
    [known] = book.breaks()
    book.record_breaks([], ended=[known.break_id])
    assert book.breaks() == ()
    book.record_breaks([MISSING])
    assert book.breaks()[0].first_seen_ms > known.first_seen_ms


def test_an_accepted_break_stays_accepted_until_its_numbers_change(book: Reconciliations) -> None:
    book.record_breaks([MISSING])
    book.accept(book.breaks()[0], "seen on the venue's page")
    assert book.adjustments() == {book.breaks()[0].break_id: {"BTC": D(1)}}
    before = book.head()
    book.record_breaks([MISSING])
    assert book.head() == before
    assert not book.breaks()[0].is_open
    book.record_breaks([replace(MISSING, theirs={"price": "2"})])
    assert book.breaks()[0].is_open


def test_accepting_one_residue_after_another_adds_up(book: Reconciliations) -> None:
    for amount in (D(5), D(-2)):
        found = Break(BreakClass.BALANCE, "balance:USDT", "", {}, {"residue": str(amount)}, {"USDT": amount})
        book.record_breaks([found])
        book.accept(book.breaks()[0], "mine")
    assert book.adjustments() == {break_id_of(book): {"USDT": D(3)}}


def test_a_residue_that_was_accepted_is_another_one_when_it_is_there_again(book: Reconciliations) -> None:
    found = Break(BreakClass.BALANCE, "balance:USDT", "", {}, {"residue": "-5"}, {"USDT": D(-5)})
    book.record_breaks([found])
    book.accept(book.breaks()[0], "mine")
    book.record_breaks([found])
    assert book.breaks()[0].is_open


def test_an_alarm_stands_beside_what_it_is_about_once(journal: Journal, book: Reconciliations) -> None:
    stranger = replace(MISSING, break_class=BreakClass.UNAUTHORIZED)
    told = "SELECT payload FROM events WHERE kind = 'INTRUDER_ALARM'"
    book.record_covered(SYMBOL, Coverage(1, 2), [stranger, replace(MISSING, subject="trade:BTCUSDT:43:BUY")])
    book.record_covered(SYMBOL, Coverage(1, 2), [replace(stranger, theirs={"price": "2"})])
    [alarm] = journal._store.rows(told)
    assert list(json.loads(alarm["payload"])["breaks"]) == [break_id(book._account, stranger.subject)]
    book.accept(next(each for each in book.breaks() if each.found.is_alarming), "mine")
    book.record_covered(SYMBOL, Coverage(1, 2), [replace(stranger, theirs={"price": "3"})])
    assert len(journal._store.rows(told)) == 2


def break_id_of(book: Reconciliations) -> str:
    return book.breaks()[0].break_id


def test_what_was_booked_needs_no_adjustment(book: Reconciliations) -> None:
    book.record_breaks([MISSING])
    book.accept(book.breaks()[0], "booked", booked=True)
    assert book.adjustments() == {}


def test_the_newest_run_is_found_also_as_of_a_time(book: Reconciliations) -> None:
    assert book.newest() is None
    for until_ms in (NOW_MS, NOW_MS + 10):
        book.record_reconciled(Reconciled(NOW_MS, until_ms, {"FEE": 1}, 2, True, {SYMBOL: Coverage(1, 2)}, 7))
    newest, earlier = book.newest(), book.newest(NOW_MS + 9)
    assert newest is not None
    assert newest.until_ms == NOW_MS + 10
    assert earlier is not None
    assert earlier.until_ms == NOW_MS
    assert (earlier.coverage, earlier.transfers_to_ms) == ({SYMBOL: Coverage(1, 2)}, 7)
    assert not earlier.is_clean
    assert replace(earlier, open_breaks={"TIMING": 3}).is_clean


def test_accounts_do_not_mix(journal: Journal, account: AccountKey, book: Reconciliations) -> None:
    other = open_account(journal, uid="8")
    book.record_covered(SYMBOL, Coverage(1, 2), [MISSING])
    assert journal.reconciliations(other).breaks() == ()
    assert journal.reconciliations(other).coverage() == {}
    assert break_id(account, MISSING.subject) != break_id(other, MISSING.subject)


def test_our_side_is_read_in_stretches(
    journal: Journal, account: AccountKey, book: Reconciliations, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = record_intent(journal, account).intent
    parts = [fill(intent, number, "0.0002") for number in (50, 51, 52)]
    journal.record_report(intent, report(intent, OrderStatus.PARTIALLY_FILLED, *parts))
    record_intent(journal, account, dry_run=True)
    waiting = record_intent(journal, account).intent
    own = book.own
    assert [trade.trade_id for trade in own.trades(SYMBOL, 50, 51)] == [51]
    monkeypatch.setattr(own_sql, "_STRETCH", 2)
    whole = own.trades(SYMBOL, -1)
    assert list(own.stretches(SYMBOL, -1)) == [whole[:2], whole[2:]]
    assert list(own.stretches(SYMBOL, 50)) == [whole[1:]]
    [mine] = own.orders_named([intent.client_order_id, "web_1"])
    assert mine.venue_order_id is not None
    assert own.order_of(SYMBOL, mine.venue_order_id) == mine
    assert own.orders(SYMBOL, mine.venue_order_id - 1) == [mine]
    assert own.orders(SYMBOL, mine.venue_order_id) == []
    assert own.witnesses(SYMBOL, 3, archived_before_ms=NO_END) == [mine]
    pending = {order.client_order_id: order.is_settled for order in own.orders_pending(SYMBOL)}
    assert pending == {intent.client_order_id: True, waiting.client_order_id: False}
    journal.record_written_off(waiting.client_order_id, "gone")
    assert all(order.is_settled for order in own.orders_pending(SYMBOL))


def test_the_opening_is_read_back(book: Reconciliations) -> None:
    opened = book.own.opened()
    assert (opened.server_time_ms, opened.balances) == (NOW_MS, {"USDT": D("1000.5")})
    assert sorted(book.own.markets()) == ["BNBBTC", "BTCUSDT"]


@pytest.mark.parametrize(
    "statement", [own_sql._TRADES, own_sql._ORDERS_BETWEEN, own_sql._ORDERS_NAMED, own_sql._OF_VENUE_ID]
)
def test_a_stretch_is_found_by_index(statement: str) -> None:
    with scratch() as db:
        plan = db.execute(f"EXPLAIN QUERY PLAN {statement}", (0,) * statement.count("?")).fetchall()
    db.close()
    steps = [row["detail"] for row in plan]
    assert not any(step in ("SCAN fills", "SCAN orders") for step in steps), steps


def test_the_newest_run_is_found_by_index() -> None:
    with scratch() as db:
        plan = db.execute(f"EXPLAIN QUERY PLAN {sql.NEWEST_RECONCILIATION}", (0, 0)).fetchall()
    db.close()
    assert all("SEARCH" in row["detail"] for row in plan)
