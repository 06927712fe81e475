"""The alerts that wait to be told, in one file of the home: it survives crashes, reboots and dead networks.

Several processes may add and deliver: whoever changes the file holds its lock, and it is replaced whole.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from core.alerts.meaning import Alert

QUEUE_FILE = "alerts.json"
AGAIN_AFTER_MS = 30 * 60_000
"""The same subject is told again only after this; urgent ones too, for a storm of one thing is one thing."""
WINDOW_MS = 10 * 60_000
MOST_IN_WINDOW = 10
"""How many alerts that are not urgent are told within `WINDOW_MS`; the rest come as one line afterwards."""
MOST_WAITING = 1_000


class Waiting(msgspec.Struct, frozen=True):
    """An alert on its way. `tries` counts failed deliveries, `told_to` names those who have it already."""

    code: str
    title: str
    text: str
    urgent: bool
    time_ms: int
    tries: int = 0
    told_to: tuple[str, ...] = ()


class Queue(msgspec.Struct, frozen=True):
    """`sequence`: the last journal entry looked at. `told_ms`: subject -> when it was last queued.

    `queued_ms`: when those that are not urgent were, within the window; `held`: how many it had no room for.
    """

    sequence: int = 0
    waiting: tuple[Waiting, ...] = ()
    told_ms: dict[str, int] = {}
    queued_ms: tuple[int, ...] = ()
    held: int = 0


def add(queue: Queue, alerts: Sequence[Alert], sequence: int, now_ms: int) -> Queue:
    """Return the queue with new alerts, as far as the limits let them in. Pure."""
    told = {subject: at for subject, at in queue.told_ms.items() if now_ms - at < AGAIN_AFTER_MS}
    recent = [at for at in queue.queued_ms if now_ms - at < WINDOW_MS]
    waiting, held = list(queue.waiting), queue.held
    if held and not recent:
        text = f"{held} more alert(s) were held back; `trader audit show` has what was written"
        waiting.append(Waiting("HELD_BACK", "Alerts were held back", text, False, now_ms))
        held = 0
    for alert in alerts:
        if alert.subject in told:
            continue
        told[alert.subject] = now_ms
        if not alert.urgent:
            if len(recent) >= MOST_IN_WINDOW or len(waiting) >= MOST_WAITING:
                held += 1
                continue
            recent.append(now_ms)
        waiting.append(Waiting(alert.code, alert.title, alert.text, alert.urgent, alert.time_ms))
    return Queue(sequence, tuple(waiting), told, tuple(recent), held)


@contextmanager
def opened(home: Path) -> Iterator[QueueFile]:
    """Hold the queue of a home; others wait. Raises OSError."""
    lock = os.open(home / f"{QUEUE_FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield QueueFile(home / QUEUE_FILE)
    finally:
        os.close(lock)


class QueueFile:
    """The queue while it is held."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Queue | None:
        """Return the queue, None when there is none yet. A damaged one is moved aside: nothing is lost."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Queue)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError:
            self._path.replace(self._path.with_suffix(".damaged"))
            return None

    def write(self, queue: Queue) -> None:
        draft = self._path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(queue))
            file.flush()
            os.fsync(descriptor)
        draft.replace(self._path)
