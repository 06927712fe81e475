"""Tell the receivers what waits, and the service elsewhere that all is well: as slow as a dead network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from msgspec.structs import replace

from core.alerts.delivery import Tell
from core.alerts.heartbeat import Heartbeat
from core.alerts.queue import Key, Queue, Trouble, in_order, told, without_told
from core.alerts.queue_file import QueueFile
from core.clock import Clock
from core.errors import ConfigError
from core.run_lock import only_run

HEARTBEAT = "heartbeat"
"""The name of the service elsewhere among the receivers in trouble."""
BACKOFF_FIRST_MS, BACKOFF_MOST_MS = 2_000, 300_000
FAILURES_MAX = 2
"""In one pass, at one receiver: the second tells a dead receiver from an alert that it does not take."""
MOST_IN_PASS = 50
"""Told to one receiver before the journal is looked at again: something urgent may have come."""
MARK_EVERY_MS = 1_000
"""How often it is written down what was told: a killed process tells so much again, and loses nothing."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """`told`: how many alerts everybody has now; `waiting`: how many still wait."""

    told: int
    waiting: int


def deliver(file: QueueFile, receivers: Mapping[str, Tell], clock: Clock, *, at_once: bool) -> Delivery:
    """Tell what waits, urgent things first, and those first who answered last time.

    `at_once`: also those that could not be reached a moment ago. Raises Refused ALERTS_RUNNING when another
    process tells this home's alerts, OSError when the queue cannot be read.
    """
    with ExitStack() as stack:
        # Where no lock can be had, told twice is better than not at all.
        with suppress(ConfigError):
            stack.enter_context(only_run(file.home, "alerts", "ALERTS_RUNNING"))
        queue = file.read() or Queue()
        for name in sorted(receivers, key=lambda each: each in queue.troubles):
            if at_once or _is_due(queue, name, clock.now_ms()):
                _tell(file, name, receivers[name], clock)
        before = len((file.read() or Queue()).waiting)
        left = file.change(lambda queue: without_told(queue or Queue(), receivers))
        return Delivery(before - len(left.waiting), len(left.waiting))


def _tell(file: QueueFile, name: str, tell: Tell, clock: Clock) -> None:
    done: set[Key] = set()
    failed: set[Key] = set()
    marked_ms = clock.monotonic_ms()
    waiting = [each for each in in_order((file.read() or Queue()).waiting) if name not in each.told_to]
    for each in waiting[:MOST_IN_PASS]:
        (done if tell(each.title, each.text) else failed).add(each.key)
        if len(failed) == FAILURES_MAX:
            break
        if clock.monotonic_ms() - marked_ms >= MARK_EVERY_MS:
            file.change(lambda queue: told(queue or Queue(), name, done, set()))
            marked_ms = clock.monotonic_ms()
    if done or failed:
        now_ms = clock.now_ms()
        file.change(
            lambda queue: _after_try(told(queue or Queue(), name, done, failed), name, now_ms, ok=not failed)
        )


def beat(file: QueueFile, ask: Callable[[], bool], clock: Clock, *, at_once: bool) -> None:
    """Ask for the heartbeat's URL when a beat is owed; one that fails is tried again. Raises OSError."""
    queue = file.read() or Queue()
    now_ms = clock.now_ms()
    if not queue.beat.due(now_ms) or not (at_once or _is_due(queue, HEARTBEAT, now_ms)):
        return
    arrived = ask()

    def after(queue: Queue | None) -> Queue:
        known = _after_try(queue or Queue(), HEARTBEAT, now_ms, ok=arrived)
        return replace(known, beat=Heartbeat(sent_ms=now_ms)) if arrived else known

    file.change(after)


def _is_due(queue: Queue, name: str, now_ms: int) -> bool:
    """Tell whether to try again; a time in the future is that of a clock that was set back."""
    trouble = queue.troubles.get(name)
    if trouble is None:
        return True
    pause_ms = min(BACKOFF_FIRST_MS * 2 ** min(trouble.tries - 1, 10), BACKOFF_MOST_MS)
    return not 0 <= now_ms - trouble.last_ms < pause_ms


def _after_try(queue: Queue, name: str, now_ms: int, *, ok: bool) -> Queue:
    troubles = {other: each for other, each in queue.troubles.items() if other != name}
    if not ok:
        known = queue.troubles.get(name)
        troubles[name] = Trouble(1 if known is None else known.tries + 1, now_ms)
    return replace(queue, troubles=troubles)
