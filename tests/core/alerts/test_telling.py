"""Receivers that fail, in whatever way: nothing is lost, and those who answer wait for nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.alerts.alert import Alert
from core.alerts.heartbeat import BEAT_OWED_MS, Heartbeat
from core.alerts.queue import Queue, add
from core.alerts.queue_file import QueueFile
from core.errors import Refused
from core.operations.telling import BACKOFF_FIRST_MS, MARK_EVERY_MS, MOST_IN_PASS, Delivery, beat, deliver
from core.run_lock import only_run
from tests.core.journal.books import NOW_MS, SteppingClock


@dataclass
class Phone:
    """Takes what it is told while it is on; `refuses`: what it never takes; `each_ms`: how long one takes."""

    clock: SteppingClock
    on: bool = True
    refuses: str = "\0"
    each_ms: int = 0
    heard: list[str] = field(default_factory=list)
    rings: int = 0

    def __call__(self, title: str, text: str) -> bool:
        self.rings += 1
        self.clock.now += self.each_ms
        if not self.on or self.refuses in text:
            return False
        self.heard.append(text)
        return True


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def file(tmp_path: Path) -> QueueFile:
    return QueueFile(tmp_path)


def queue(file: QueueFile, *texts: str, urgent: bool = False) -> None:
    alerts = [Alert(each, each, each, urgent, each, NOW_MS) for each in texts]
    file.change(lambda before: add(before or Queue(), alerts, NOW_MS))


def test_urgent_things_come_first_and_each_once(file: QueueFile, clock: SteppingClock) -> None:
    phone = Phone(clock)
    queue(file, "a", "b")
    queue(file, "c", urgent=True)
    assert deliver(file, {"phone": phone}, clock, at_once=False) == Delivery(3, 0)
    assert deliver(file, {"phone": phone}, clock, at_once=False) == Delivery(0, 0)
    assert phone.heard == ["c", "a", "b"]


def test_a_dead_receiver_delays_nobody_and_gets_all_of_it_later(
    file: QueueFile, clock: SteppingClock
) -> None:
    dead, alive = Phone(clock, on=False), Phone(clock)
    queue(file, "a", "b", "c")
    assert deliver(file, {"dead": dead, "alive": alive}, clock, at_once=False) == Delivery(0, 3)
    assert sorted(alive.heard) == ["a", "b", "c"]
    dead.on = True
    clock.now += BACKOFF_FIRST_MS
    assert deliver(file, {"dead": dead, "alive": alive}, clock, at_once=False) == Delivery(3, 0)
    assert sorted(dead.heard) == ["a", "b", "c"]
    assert alive.rings == 3


def test_who_is_in_trouble_is_asked_last_and_ever_more_rarely(file: QueueFile, clock: SteppingClock) -> None:
    dead, alive = Phone(clock, on=False), Phone(clock)
    queue(file, "a")
    for _ in range(120):
        deliver(file, {"dead": dead, "alive": alive}, clock, at_once=False)
        clock.now += 10_000
    assert 8 <= dead.rings <= 14  # in 20 minutes
    order: list[str] = []
    queue(file, "b")
    heard_by: Callable[[str], Callable[[str, str], bool]] = lambda name: lambda *_: bool(order.append(name))  # noqa: E731
    deliver(file, {"dead": heard_by("dead"), "alive": heard_by("alive")}, clock, at_once=True)
    assert order[0] == "alive"


def test_at_once_waits_for_no_backoff_and_neither_does_a_clock_set_back(
    file: QueueFile, clock: SteppingClock
) -> None:
    phone = Phone(clock, on=False)
    queue(file, "a")
    deliver(file, {"phone": phone}, clock, at_once=False)
    deliver(file, {"phone": phone}, clock, at_once=True)
    assert phone.rings == 2
    clock.now -= 86_400_000
    deliver(file, {"phone": phone}, clock, at_once=False)
    assert phone.rings == 3


def test_an_alert_that_a_receiver_never_takes_is_in_nobodys_way(
    file: QueueFile, clock: SteppingClock
) -> None:
    phone = Phone(clock, refuses="poison")
    queue(file, "poison", "later", urgent=True)
    queue(file, "everyday")
    assert deliver(file, {"phone": phone}, clock, at_once=True) == Delivery(2, 1)
    assert phone.heard == ["later", "everyday"]


def test_killed_between_telling_and_marking_tells_again_and_loses_nothing(
    file: QueueFile, clock: SteppingClock
) -> None:
    heard: list[str] = []

    def killed(title: str, text: str) -> bool:
        clock.now += MARK_EVERY_MS // 2
        heard.append(text)
        if len(heard) == 8:
            raise KeyboardInterrupt  # as unexpected as a kill, to this process
        return True

    names = [f"{number}" for number in range(12)]
    queue(file, *names, urgent=True)
    with pytest.raises(KeyboardInterrupt):
        deliver(file, {"phone": killed}, clock, at_once=True)
    phone = Phone(clock)
    deliver(QueueFile(file.home), {"phone": phone}, clock, at_once=True)
    assert {*heard, *phone.heard} == {*names}
    assert len(heard) + len(phone.heard) <= len(names) + 3


def test_after_a_while_the_journal_is_looked_at_again(file: QueueFile, clock: SteppingClock) -> None:
    phone = Phone(clock)
    queue(file, *(f"{number}" for number in range(MOST_IN_PASS + 5)), urgent=True)
    assert deliver(file, {"phone": phone}, clock, at_once=True) == Delivery(MOST_IN_PASS, 5)


def test_what_is_queued_meanwhile_is_kept(file: QueueFile, clock: SteppingClock) -> None:
    def busy(title: str, text: str) -> bool:
        queue(QueueFile(file.home), "another")
        return True

    queue(file, "a")
    assert deliver(file, {"phone": busy}, clock, at_once=True) == Delivery(1, 1)


def test_one_process_tells_at_a_time(file: QueueFile, clock: SteppingClock) -> None:
    queue(file, "a")
    with only_run(file.home, "alerts", "ALERTS_RUNNING"), pytest.raises(Refused):
        deliver(file, {"phone": Phone(clock)}, clock, at_once=True)


def test_a_beat_is_sent_once_kept_while_it_fails_and_dropped_when_old(
    file: QueueFile, clock: SteppingClock
) -> None:
    asked: list[bool] = []

    def answers(ok: bool) -> Callable[[], bool]:
        return lambda: bool(asked.append(ok)) or ok

    beat(file, answers(True), clock, at_once=False)
    assert asked == []
    file.change(lambda _: Queue(beat=Heartbeat(owed_ms=NOW_MS)))
    beat(file, answers(False), clock, at_once=False)
    beat(file, answers(True), clock, at_once=False)  # too soon
    clock.now += BACKOFF_FIRST_MS
    beat(file, answers(True), clock, at_once=False)
    beat(file, answers(True), clock, at_once=True)  # nothing is owed any more
    assert asked == [False, True]
    file.change(lambda _: Queue(beat=Heartbeat(owed_ms=NOW_MS)))
    clock.now = NOW_MS + BEAT_OWED_MS
    beat(file, answers(True), clock, at_once=True)
    assert asked == [False, True]
