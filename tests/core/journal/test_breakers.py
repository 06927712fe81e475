"""Breakers are latched for every process and across restarts, until they lapse or a human resets them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.account import AccountKey
from core.clock import DAY_MS
from core.journal import Journal
from core.orders import OrderStatus, Side
from core.risk.breakers import UNTIL_RESET_MS, Breaker, DayOpening
from core.values import Quote
from tests.core.journal.books import (
    NOW_MS,
    TODAY,
    fill,
    open_account,
    open_journal,
    record_intent,
    report,
    request,
)

DRAWDOWN, PEAK, LOSSES = Breaker.DAILY_DRAWDOWN, Breaker.PEAK_DRAWDOWN, Breaker.CONSECUTIVE_LOSSES
MIDNIGHT_MS = (TODAY + 1) * DAY_MS


def opening(day: int, at_ms: int, equity: str = "1000", profit: str = "0") -> DayOpening:
    return DayOpening(day, Quote(Decimal(equity)), Quote(Decimal(profit)), at_ms)


def trade(
    journal: Journal, account: AccountKey, *parts: tuple[Side, str, str], symbol: str = "BTCUSDT"
) -> None:
    """Fill orders of (side, quantity, price), one after another."""
    for side, quantity, price in parts:
        intent = record_intent(journal, account, request(side, quantity, price=price, symbol=symbol)).intent
        number, ts_event_ms = intent.sequence, NOW_MS + intent.sequence
        fills = fill(intent, number, quantity, price=price, fee="0", ts_event_ms=ts_event_ms)
        journal.record_report(intent, report(intent, OrderStatus.FILLED, fills))


def earned(journal: Journal, account: AccountKey, since_ms: int = 0) -> list[int]:
    return [int(amount) for _, amount in journal.breakers(account).trades_since(since_ms)]


def test_a_latch_outlives_the_process_and_binds_another(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal, open_journal(tmp_path) as other:
        account = open_account(journal)
        assert journal.breakers(account).latch(DRAWDOWN, "fell", cause_ms=NOW_MS, until_ms=MIDNIGHT_MS)
        (latched,) = other.breakers(account).latched(NOW_MS)
        assert (latched.breaker, latched.reason, latched.until_ms) == (DRAWDOWN, "fell", MIDNIGHT_MS)
        assert not other.breakers(account).latch(DRAWDOWN, "again", cause_ms=NOW_MS + 9, until_ms=MIDNIGHT_MS)
    with open_journal(tmp_path) as journal:
        assert journal.breakers(account).latched(NOW_MS) == (latched,)
        assert journal.verify() == ()


def test_another_process_latches(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        account = open_account(journal)
        program = f"""
import sys
from pathlib import Path
from core.clock import SystemClock
from core.ids import system_random
from core.journal import Journal
from core.risk.breakers import Breaker
with Journal.open(Path(sys.argv[1]), clock=SystemClock(), random_bytes=system_random) as journal:
    book = journal.breakers(journal.accounts()[0])
    book.latch(Breaker.DAILY_DRAWDOWN, "there", cause_ms=1, until_ms={MIDNIGHT_MS})
"""
        root = Path(__file__).resolve().parents[3]
        subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=root)
        assert [each.reason for each in journal.breakers(account).latched(NOW_MS)] == ["there"]


@pytest.mark.parametrize(("now_ms", "binds"), [(MIDNIGHT_MS - 1, True), (MIDNIGHT_MS, False)])
def test_it_binds_until_its_time_is_over(tmp_path: Path, now_ms: int, binds: bool) -> None:
    with open_journal(tmp_path) as journal:
        book = journal.breakers(open_account(journal))
        book.latch(LOSSES, "three", cause_ms=NOW_MS, until_ms=MIDNIGHT_MS)
        assert bool(book.latched(now_ms)) is binds
        assert len(book.all_latched()) == 1


def test_a_peak_outlives_the_process_and_never_falls(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal, open_journal(tmp_path) as other:
        account = open_account(journal)
        seen = [("5", "5"), ("4.99", "5"), ("5", "5"), ("5.01", "5.01"), ("-9", "5.01")]
        for number, (profit, highest) in enumerate(seen):
            book = (journal, other)[number % 2].breakers(account)
            assert book.raise_peak("USDT", Quote(Decimal(profit)), NOW_MS + number) == Quote(Decimal(highest))
        assert book.raise_peak("BTC", Quote(Decimal("-1")), NOW_MS) == Quote(Decimal("-1"))
    with open_journal(tmp_path) as journal:
        book = journal.breakers(account)
        assert book.raise_peak("USDT", Quote(Decimal(0)), NOW_MS + 9) == Quote(Decimal("5.01"))
        assert journal.verify() == ()
    assert (tmp_path / "trade_audit.log").read_text().count("Equity higher than ever") == 3


def test_a_reset_peak_drawdown_is_counted_from_where_it_stands(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        book = journal.breakers(open_account(journal))
        book.raise_peak("USDT", Quote(Decimal(100)), NOW_MS)
        book.latch(PEAK, "fell", cause_ms=NOW_MS + 5, until_ms=UNTIL_RESET_MS)
        assert book.latched(MIDNIGHT_MS * 2), "no day ends it"
        assert book.raise_peak("USDT", Quote(Decimal(0)), NOW_MS + 5) == Quote(Decimal(100)), "still latched"
        book.reset(PEAK, "a human says so")
        assert book.raise_peak("USDT", Quote(Decimal(0)), NOW_MS + 6) == Quote(Decimal(0))
        assert book.raise_peak("USDT", Quote(Decimal(-1)), NOW_MS + 7) == Quote(Decimal(0))


def test_a_reset_is_journaled_and_the_same_cause_does_not_latch_again(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal, open_journal(tmp_path) as late:
        account = open_account(journal)
        book = journal.breakers(account)
        assert not book.reset(LOSSES, "nothing was latched")
        book.latch(LOSSES, "three", cause_ms=NOW_MS, until_ms=MIDNIGHT_MS)
        assert book.reset(LOSSES, "looked at each of them")
        assert not book.reset(LOSSES, "twice")
        assert not late.breakers(account).latch(LOSSES, "three", cause_ms=NOW_MS, until_ms=MIDNIGHT_MS)
        assert book.all_latched() == ()
        assert book.latch(LOSSES, "three more", cause_ms=NOW_MS + 1, until_ms=MIDNIGHT_MS)
        assert journal.verify() == ()
    log = (tmp_path / "trade_audit.log").read_text()
    assert log.count("Breaker latched") == 2
    assert log.count("looked at each of them") == 1


def test_each_account_has_its_own(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        one, other = open_account(journal), open_account(journal, uid="8")
        journal.breakers(one).latch(LOSSES, "three", cause_ms=NOW_MS, until_ms=MIDNIGHT_MS)
        assert journal.breakers(other).all_latched() == ()


def test_the_first_look_of_a_day_counts_in_every_process(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal, open_journal(tmp_path) as other:
        account = open_account(journal)
        first = opening(TODAY, NOW_MS)
        assert journal.breakers(account).open_day("USDT", first) == first
        assert other.breakers(account).open_day("USDT", opening(TODAY, NOW_MS + 1, "900")) == first
        assert other.breakers(account).open_day("BTC", opening(TODAY, NOW_MS + 1, "2")).equity.value == 2
        later = opening(TODAY + 1, MIDNIGHT_MS, "900", "-100")
        assert other.breakers(account).open_day("USDT", later) == later
        assert journal.breakers(account).open_day("USDT", first) == later, "a clock behind brings no day back"
        assert journal.verify() == ()


def test_after_a_reset_the_drawdown_is_counted_anew(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        book = journal.breakers(open_account(journal))
        first = book.open_day("USDT", opening(TODAY, NOW_MS))
        book.latch(DRAWDOWN, "fell", cause_ms=NOW_MS + 5, until_ms=MIDNIGHT_MS)
        assert book.open_day("USDT", opening(TODAY, NOW_MS + 6, "950")) == first
        book.reset(DRAWDOWN, "known")
        anew = opening(TODAY, NOW_MS + 7, "950", "-50")
        assert book.open_day("USDT", anew) == anew
        assert book.open_day("USDT", opening(TODAY, NOW_MS + 8, "940")) == anew


def test_a_trade_is_what_was_bought_until_it_is_sold(tmp_path: Path) -> None:
    buy, sell = Side.BUY, Side.SELL
    with open_journal(tmp_path) as journal:
        account = open_account(journal)
        trade(journal, account, (buy, "0.002", "30000"), (buy, "0.002", "30000"))
        assert earned(journal, account) == []
        trade(journal, account, (sell, "0.003", "29000"))
        assert earned(journal, account) == [-3]
        trade(journal, account, (sell, "0.001", "34000"))
        assert earned(journal, account) == [1], "its last part made the trade a profit"
        trade(journal, account, (buy, "0.001", "30000"), (sell, "0.001", "29000"))
        assert earned(journal, account) == [-1, 1]
        newest_ms = journal.breakers(account).trades_since(0)[0][0]
        assert earned(journal, account, newest_ms) == []
        assert journal.breakers(account).realized("USDT") == Quote(Decimal(0))


def test_a_dry_run_makes_no_trade(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        account = open_account(journal)
        journal.open_dry_run(account, {"USDT": Decimal(1_000)})
        for side in Side:
            intent = record_intent(journal, account, request(side, "0.001"), dry_run=True).intent
            fills = fill(intent, intent.sequence, "0.001", fee="0")
            journal.record_report(intent, report(intent, OrderStatus.FILLED, fills))
        assert earned(journal, account) == []


def test_a_journal_that_is_older_than_the_breakers_is_read(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        account = open_account(journal)
        journal._store._db.execute("DROP TABLE breakers")
    with open_journal(tmp_path, read_only=True) as journal:
        assert journal.breakers(account).latched(NOW_MS) == ()


legs = st.tuples(st.sampled_from(["BTCUSDT", "ETHUSDT"]), st.sampled_from(Side), st.integers(20_000, 40_000))


@settings(max_examples=12)
@given(st.lists(legs, max_size=10))
def test_trades_are_told_apart_whatever_came_between(orders: list[tuple[str, Side, int]]) -> None:
    """A model that goes through the fills one by one, in fractions."""
    held: dict[str, list[Fraction]] = {"BTCUSDT": [], "ETHUSDT": []}
    is_over, trades = dict.fromkeys(held, True), dict[str, list[Fraction]]()
    ended: list[tuple[str, int]] = []
    with tempfile.TemporaryDirectory() as folder, open_journal(Path(folder)) as journal:
        account = open_account(journal)
        journal.note_symbol(account, "ETHUSDT", "ETH", "USDT", None)
        for symbol, side, price in orders:
            bought = held[symbol]
            if side is Side.SELL and not bought:
                continue
            trade(journal, account, (side, "0.001", str(price)), symbol=symbol)
            if side is Side.BUY:
                bought.append(Fraction(price))
                is_over[symbol] = True
                continue
            average = sum(bought, Fraction(0)) / len(bought)
            held[symbol] = [average] * (len(bought) - 1)
            if is_over[symbol]:
                trades.setdefault(symbol, []).append(Fraction(0))
                is_over[symbol] = False
            trades[symbol][-1] += (price - average) / 1000
            key = (symbol, len(trades[symbol]) - 1)
            ended = [each for each in ended if each != key] + [key]
        expected = [float(trades[symbol][index]) for symbol, index in reversed(ended)]
        found = [float(amount) for _, amount in journal.breakers(account).trades_since(0)]
    assert found == pytest.approx(expected, abs=1e-9)
