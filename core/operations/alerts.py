"""Alerts, beside everything else: read what the journal holds, queue what matters, tell it.

Nothing of the order path waits for this: it runs in a process of its own (`trader alerts send`), which reads
the journal and writes nothing into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from core.alerts.delivery import Tell
from core.alerts.meaning import TOLD_KINDS, Alert, alert_of
from core.alerts.queue import Queue, Waiting, add, opened
from core.clock import Clock, iso_utc
from core.journal import Journal
from core.journal.history import Selection

COMPLETED = "RECONCILED"
"""What the journal says when a reconciliation ended whole."""


def collect(home: Path, journal: Journal | None, clock: Clock, silence_ms: int | None = None) -> bool:
    """Queue what was journaled since the last time; the first time begins with what comes next.

    `silence_ms`: how long nothing may have been compared before that is an alert. Returns whether a
    reconciliation was completed since the last time. Raises OSError.
    """
    with opened(home) as file:
        queue = file.read()
        head = None if journal is None else journal.history.head()
        newest = 0 if head is None else head.sequence
        if queue is None or queue.sequence > newest:
            file.write(replace(queue or Queue(), sequence=newest))
            return False
        alerts: list[Alert] = []
        reconciled = False
        if journal is not None and newest > queue.sequence:
            kinds = Selection(kinds=(*TOLD_KINDS, COMPLETED))
            for link in journal.history.events(kinds, after=queue.sequence, upto=newest):
                event = link.stored.event()
                reconciled = reconciled or event.kind == COMPLETED
                alert = alert_of(event)
                if alert is not None:
                    alerts.append(alert)
        if journal is not None and silence_ms is not None:
            alerts += _silence(journal, clock.now_ms() - silence_ms)
        file.write(add(queue, alerts, newest, clock.now_ms()))
    return reconciled


def _silence(journal: Journal, since_ms: int) -> list[Alert]:
    """Return the alert that no comparison was completed since then, though there is something to compare."""
    begun = journal.history.newest(Selection(kinds=("OPENED",)), 1)
    if not begun or begun[0].stored.time_ms > since_ms:
        return []
    if journal.history.newest(Selection(since_ms=since_ms, kinds=(COMPLETED,)), 1):
        return []
    text = f"no reconciliation was completed since {iso_utc(since_ms)}; `trader reconcile` says why"
    return [Alert("SILENCE", "Nothing was reconciled", text, False, "SILENCE", since_ms)]


def deliver(home: Path, receivers: Mapping[str, Tell]) -> tuple[int, int]:
    """Tell what waits, urgent things first; return how many were told and how many still wait.

    What is told is off the queue at once, so that a killed process repeats one alert at most.
    """
    told = 0
    with opened(home) as file:
        queue = file.read() or Queue()
        for waiting in sorted(queue.waiting, key=lambda each: (not each.urgent, each.time_ms)):
            after = _tell(waiting, receivers)
            rest = [each for each in queue.waiting if each is not waiting]
            if after is not None:
                rest.append(after)
            told += after is None
            queue = replace(queue, waiting=tuple(rest))
            file.write(queue)
            if after is not None and after.told_to == waiting.told_to:
                break  # nobody can be reached now: the others need not be tried
    return told, len(queue.waiting)


def _tell(waiting: Waiting, receivers: Mapping[str, Tell]) -> Waiting | None:
    """Return what is still to be told of an alert, None when everybody has it."""
    told_to = list(waiting.told_to)
    for name, tell in receivers.items():
        if name not in told_to and tell(waiting.title, waiting.text):
            told_to.append(name)
    if all(name in told_to for name in receivers):
        return None
    return replace(waiting, told_to=tuple(told_to), tries=waiting.tries + 1)
