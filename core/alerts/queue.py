"""Which alerts wait to be told, and which are held back. Pure: `queue_file` keeps it on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import msgspec
from msgspec.structs import replace

from core.alerts.alert import Alert, sentence
from core.alerts.heartbeat import Heartbeat

WINDOW_MS = 10 * 60_000
MOST_IN_WINDOW = 10
"""How many alerts that are not urgent are queued within `WINDOW_MS`; the rest come as one line afterwards."""
MOST_OF_A_KIND = 5
"""How many of them may be of one kind."""
MOST_WAITING = 1_000
MOST_URGENT_WAITING = 5_000
"""No rate holds these back: only the size of the file, which must not fill the disk."""


Key = tuple[str, str, int]
"""What tells one waiting alert from the others."""


class Waiting(msgspec.Struct, frozen=True):
    """An alert on its way. `tries` counts failed deliveries, `told_to` names those who have it already."""

    code: str
    title: str
    text: str
    urgent: bool
    time_ms: int
    tries: int = 0
    told_to: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return self.code, self.text, self.time_ms


class Trouble(msgspec.Struct, frozen=True):
    """A receiver that could not be reached: how often in a row, and when last."""

    tries: int
    last_ms: int


class KeyTerms(msgspec.Struct, frozen=True):
    """What the venue said of the key in use. `expires_ms`: when it may no longer trade, None for never."""

    fingerprint: str
    created_ms: int
    expires_ms: int | None


class Queue(msgspec.Struct, frozen=True):
    """What waits, and what has to be remembered of the journal without reading all of it again.

    `journal`: the installation id of the journal that was read; `sequence`: its last entry looked at.
    `quiet`: subject -> from when to when it is not told again. `queued`: (when, code) of what was not urgent,
    within the window. `held`: code -> how many had no room, `held_ms`: since when. `troubles`: receiver ->
    its failures. `heard_ms`: account -> when its books were last compared, or opened. `keys`: account -> its
    key. `unwatched_ms`: position -> since when nobody was seen to watch it. `was_damaged`: it replaces one
    that could not be read.
    """

    was_damaged: bool = False
    journal: str = ""
    sequence: int = 0
    waiting: tuple[Waiting, ...] = ()
    quiet: dict[str, tuple[int, int]] = {}
    queued: tuple[tuple[int, str], ...] = ()
    held: dict[str, int] = {}
    held_ms: int = 0
    troubles: dict[str, Trouble] = {}
    heard_ms: dict[str, int] = {}
    keys: dict[str, KeyTerms] = {}
    unwatched_ms: dict[str, int] = {}
    beat: Heartbeat = Heartbeat()


def add(queue: Queue, alerts: Sequence[Alert], now_ms: int) -> Queue:
    """Return the queue with new alerts, as far as the limits let them in.

    A clock that was set back makes what seems to come from the future forgotten: told twice, never lost.
    """
    quiet = {name: span for name, span in queue.quiet.items() if span[0] <= now_ms < span[1]}
    recent = [each for each in queue.queued if 0 <= now_ms - each[0] < WINDOW_MS]
    waiting, held = list(queue.waiting), Counter(queue.held)
    room = {urgent: most - sum(each.urgent is urgent for each in waiting) for urgent, most in _MOST.items()}
    held_ms = queue.held_ms if held else now_ms
    if not 0 <= now_ms - held_ms < WINDOW_MS:
        waiting.append(_summary(held, now_ms))
        held.clear()
        held_ms = now_ms
    for alert in alerts:
        if alert.subject in quiet:
            continue
        if room[alert.urgent] <= 0 or not (alert.urgent or _has_place(recent, alert.code)):
            held[alert.code] += 1
            continue
        room[alert.urgent] -= 1
        if not alert.urgent:
            recent.append((now_ms, alert.code))
        quiet[alert.subject] = (now_ms, now_ms + alert.again_after_ms)
        waiting.append(Waiting(alert.code, alert.title, alert.text, alert.urgent, alert.time_ms))
    return replace(
        queue,
        waiting=tuple(waiting),
        quiet=quiet,
        queued=tuple(recent),
        held=dict(held),
        held_ms=held_ms if held else 0,
    )


_MOST = {True: MOST_URGENT_WAITING, False: MOST_WAITING}


def _has_place(recent: Sequence[tuple[int, str]], code: str) -> bool:
    of_its_kind = sum(each == code for _, each in recent)
    return len(recent) < MOST_IN_WINDOW and of_its_kind < MOST_OF_A_KIND


def _summary(held: Counter[str], now_ms: int) -> Waiting:
    kinds = ", ".join(f"{count} {code}" for code, count in held.most_common())
    text = sentence(f"{held.total()} more alert(s) were held back: {kinds}", None, "trader audit show")
    return Waiting("HELD_BACK", "Alerts were held back", text, False, now_ms)


def in_order(waiting: Iterable[Waiting]) -> list[Waiting]:
    """Return the order of telling: urgent first, and behind its like what was tried in vain."""
    return sorted(waiting, key=lambda each: (not each.urgent, each.tries, each.time_ms))


def told(queue: Queue, name: str, done: Collection[Key], failed: Collection[Key]) -> Queue:
    """Return the queue after a receiver was told some alerts, and others in vain."""

    def after(each: Waiting) -> Waiting:
        if each.key in done and name not in each.told_to:
            return replace(each, told_to=(*each.told_to, name))
        return replace(each, tries=each.tries + 1) if each.key in failed else each

    return replace(queue, waiting=tuple(map(after, queue.waiting)))


def without_told(queue: Queue, names: Iterable[str]) -> Queue:
    """Leave out what everybody has; receivers that are no longer configured are waited for no longer.

    Without any, all is kept: a mistyped ALERT_URLS must not lose what nobody has heard of.
    """
    everybody = set(names)
    if not everybody:
        return queue
    return replace(queue, waiting=tuple(each for each in queue.waiting if everybody - {*each.told_to}))
