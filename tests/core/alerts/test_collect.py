"""What is queued of a real journal: what is new, what lasts, and nothing of a long history."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.account import AccountKey, Environment
from core.alerts.heartbeat import Heartbeat
from core.alerts.queue import Queue
from core.alerts.queue_file import QueueFile
from core.alerts.standing import UNWATCHED_AFTER_MS, Wanted
from core.alerts.watching import STALE_AFTER_MS, is_watched, watched
from core.clock import DAY_MS, HOUR_MS, SystemClock
from core.journal import Journal
from core.journal.reconciliations import Reconciled
from core.operations.alerts import FIRST_LOOK_MS, collect
from core.orders import OrderStatus, Purpose, Side
from tests.core.journal.books import (
    NOW_MS,
    CountedBytes,
    SteppingClock,
    fill,
    open_account,
    reconcile,
    record_intent,
    report,
    request,
)

WANTED = Wanted("paper", Environment.TESTNET, 26 * HOUR_MS, 48 * HOUR_MS, 90 * DAY_MS)


@dataclass
class Place:
    """A home whose journal and alerts share a clock."""

    home: Path
    journal: Journal
    clock: SteppingClock
    account: AccountKey
    file: QueueFile

    def collected(self, wanted: Wanted = WANTED) -> Queue:
        return collect(self.file, self.journal, self.clock, wanted, has_receivers=True)

    def codes(self, wanted: Wanted = WANTED) -> list[str]:
        """Collect, and return what waits since the last time it was told."""
        found = self.collected(wanted).waiting
        self.file.change(lambda queue: _emptied(queue))
        return [each.code for each in found]


def _emptied(queue: Queue | None) -> Queue:
    return replace(queue or Queue(), waiting=())


@pytest.fixture
def place(own_home: Path) -> Iterator[Place]:
    clock = SteppingClock()
    with Journal.open(own_home, clock=clock, random_bytes=CountedBytes()) as journal:
        yield Place(own_home, journal, clock, open_account(journal), QueueFile(own_home))


def buy(place: Place) -> None:
    intent = record_intent(place.journal, place.account).intent
    place.journal.record_report(intent, report(intent, OrderStatus.FILLED, fill(intent, 50, "0.001")))


def test_of_a_long_history_only_the_last_minutes_are_told(place: Place) -> None:
    for number in range(50):
        place.journal.quarantine(place.account, "BTCUSDT", f"old {number}")
    place.clock.now += FIRST_LOOK_MS
    place.journal.quarantine(place.account, "BNBBTC", "new")
    (only,) = place.collected().waiting
    assert only.text.startswith("BNBBTC is in quarantine, nothing is bought there: new")


def test_each_entry_is_told_once(place: Place) -> None:
    intent = record_intent(place.journal, place.account).intent
    place.journal.record_unknown(intent, "timeout")
    assert place.codes() == ["OUTCOME_UNKNOWN"]
    place.clock.now += HOUR_MS
    assert place.codes() == []


def test_a_journal_that_is_away_for_a_moment_brings_no_history_back(place: Place, tmp_path: Path) -> None:
    place.journal.quarantine(place.account, "BTCUSDT", "once")
    assert place.codes() == ["QUARANTINED"]
    place.clock.now += HOUR_MS
    with Journal.open(
        tmp_path / "none", clock=place.clock, random_bytes=CountedBytes(), read_only=True
    ) as empty:
        collect(place.file, empty, place.clock, WANTED, has_receivers=True)
    assert place.codes() == []


def test_another_journal_is_looked_at_as_for_the_first_time(place: Place, tmp_path: Path) -> None:
    place.collected()
    with Journal.open(tmp_path / "restored", clock=place.clock, random_bytes=os.urandom) as other:
        account = open_account(other)
        other.quarantine(account, "BTCUSDT", "old")
        place.clock.now += FIRST_LOOK_MS
        other.quarantine(account, "BNBBTC", "new")
        queue = collect(place.file, other, place.clock, WANTED, has_receivers=True)
    assert [each.code for each in queue.waiting] == ["QUARANTINED"]
    assert queue.journal == other.installation_id


def test_silence_is_told_again_and_again_until_books_are_compared(place: Place) -> None:
    assert place.codes() == []
    for _ in range(2):
        place.clock.now += 26 * HOUR_MS
        assert place.codes() == ["SILENCE"]
        assert place.codes() == []
    reconcile(place.journal, place.account)
    assert "SILENCE" not in place.codes()


def test_silence_elsewhere_is_no_alert(place: Place) -> None:
    place.clock.now += 27 * HOUR_MS
    live = Wanted("binance", Environment.MAINNET, HOUR_MS, HOUR_MS, 90 * DAY_MS)
    assert place.codes(live) == []


def test_too_long_without_a_trade_is_told(place: Place) -> None:
    buy(place)
    place.clock.now = NOW_MS + 25 * HOUR_MS
    reconcile(place.journal, place.account)
    place.codes()
    place.clock.now = NOW_MS + 49 * HOUR_MS
    assert "NO_TRADE" in place.codes()


def test_a_key_is_warned_of_once_a_day_until_another_one_is_configured(place: Place) -> None:
    terms = {"fingerprint": "0123456789ab", "created_ms": NOW_MS, "expires_ms": NOW_MS + 85 * DAY_MS}
    place.journal.record_note("KEY_TERMS", place.account, terms)
    quiet = Wanted("paper", Environment.TESTNET, None, None, 90 * DAY_MS)
    told = []
    for day in (70, 76, 80, 80, 95):
        place.clock.now = NOW_MS + day * DAY_MS
        told.append(sorted(place.codes(quiet)))
    assert told == [[], ["KEY_EXPIRY"], ["KEY_AGE", "KEY_EXPIRY"], [], ["KEY_AGE", "KEY_EXPIRY"]]
    place.journal.record_note("KEY_CONFIGURED", place.account, {"new": "ba9876543210"})
    place.clock.now += DAY_MS
    assert place.codes(quiet) == []


def test_a_position_that_nobody_watches_is_told_of_and_a_watched_one_beats(place: Place) -> None:
    buy(place)
    assert place.codes() == []  # between the fill and the first look
    with watched(place.home, place.account, "BTCUSDT") as mark:
        mark()
        look_at(place, seen_ms=place.clock.now + UNWATCHED_AFTER_MS)
        assert place.codes() == []
        queue = place.collected()
        assert queue.beat.due(place.clock.now)
        assert queue.unwatched_ms == {}
        place.clock.now += STALE_AFTER_MS + UNWATCHED_AFTER_MS  # it is stuck, though it lives
        assert place.codes() == []
        place.clock.now += UNWATCHED_AFTER_MS
        (told,) = place.collected().waiting
    assert told.urgent
    assert "0.001 BTCUSDT is open, protected by nothing" in told.text


def test_of_two_who_watch_the_last_one_ends_it(place: Place) -> None:
    home, account, now_ms = place.home, place.account, SystemClock().now_ms
    with watched(home, account, "BTCUSDT") as one:
        one()
        with watched(home, account, "BTCUSDT") as other:
            other()
        assert is_watched(home, account, "BTCUSDT", now_ms())
        assert not is_watched(home, account, "BNBBTC", now_ms())
    assert not is_watched(home, account, "BTCUSDT", now_ms())


def look_at(place: Place, *, seen_ms: int) -> None:
    """Let the newest look at the position be at this time, and the clock stand there."""
    (mark,) = (place.home / "watched").iterdir()
    os.utime(mark, (seen_ms / 1000, seen_ms / 1000))
    place.clock.now = seen_ms


def test_a_dry_run_position_needs_no_watch(place: Place) -> None:
    place.journal.open_dry_run(place.account, {})
    intent = record_intent(place.journal, place.account, dry_run=True).intent
    place.journal.record_report(intent, report(intent, OrderStatus.FILLED, fill(intent, 50, "0.001")))
    place.codes()
    place.clock.now += 2 * UNWATCHED_AFTER_MS
    assert place.codes() == []


def test_a_reconciliation_from_before_a_restore_beats_for_nobody(place: Place) -> None:
    reconcile(place.journal, place.account)
    place.journal.restores.record(CountedBytes(), "moved", {})
    assert place.codes()[-2:] == ["RESTORED", "TRADING_STOPPED"]
    assert not place.collected().beat.due(place.clock.now)
    reconcile(place.journal, place.account)
    assert place.collected().beat.due(place.clock.now)


def test_a_home_that_never_traded_vouches_for_nobody(place: Place) -> None:
    clean = Reconciled(0, 0, {}, 0, full=False, coverage={}, transfers_to_ms=None)
    place.journal.reconciliations(place.account).record_reconciled(clean)
    assert not place.collected().beat.due(place.clock.now)
    record_intent(place.journal, place.account)
    place.journal.reconciliations(place.account).record_reconciled(clean)
    assert place.collected().beat.due(place.clock.now)


def test_only_a_fresh_reconciliation_beats(place: Place) -> None:
    assert not place.collected().beat.due(place.clock.now)
    reconcile(place.journal, place.account)
    assert place.collected().beat.due(place.clock.now)
    place.file.change(lambda queue: replace(queue or Queue(), beat=Heartbeat()))
    reconcile(place.journal, place.account)
    place.clock.now += HOUR_MS  # the machine slept before anybody read of it
    assert place.collected().beat == Heartbeat()


def test_a_damaged_queue_says_so(place: Place) -> None:
    place.collected()
    (place.home / "alerts.json").write_text("{half")
    assert place.codes() == ["QUEUE_DAMAGED"]
    assert place.codes() == []


def test_without_receivers_nothing_waits(place: Place) -> None:
    place.journal.quarantine(place.account, "BTCUSDT", "nobody hears")
    queue = collect(place.file, place.journal, place.clock, WANTED, has_receivers=False)
    assert queue.waiting == ()
    assert queue.sequence > 0


def test_a_position_with_a_stop_is_told_of_more_calmly(place: Place) -> None:
    buy(place)
    stop = record_intent(place.journal, place.account, request(Side.SELL, purpose=Purpose.PROTECT)).intent
    place.journal.record_report(stop, report(stop, OrderStatus.ACCEPTED))
    place.codes()
    place.clock.now += 2 * UNWATCHED_AFTER_MS
    (told,) = place.collected().waiting
    assert "trader status" in told.text
