"""Alerts, beside everything else: read what the journal holds, queue what matters.

Nothing of the order path waits for this: it runs in a process of its own (`trader alerts send`), which reads
the journal and writes nothing into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from core.alerts import standing
from core.alerts.alert import Alert
from core.alerts.heartbeat import owed_since
from core.alerts.meaning import TOLD_KINDS, alert_of
from core.alerts.queue import KeyTerms, Queue, add
from core.alerts.queue_file import QueueFile
from core.alerts.standing import Wanted
from core.alerts.watching import is_watched
from core.clock import Clock
from core.errors import TraderError
from core.journal import Journal, Order
from core.journal.chain import Event
from core.journal.history import Link, Selection
from core.journal.key_book import KEY_TERMS
from core.operations.exposure import exposures
from core.operations.protection import protection

COMPLETED = "RECONCILED"
"""What the journal says when a reconciliation ended whole."""
REMEMBERED = ("OPENED", COMPLETED, KEY_TERMS, "KEY_CONFIGURED")
FIRST_LOOK_MS = 10 * 60_000
"""How far back the first look at a journal goes: what is older was history when alerts were set up."""


def collect(file: QueueFile, journal: Journal, clock: Clock, wanted: Wanted, *, has_receivers: bool) -> Queue:
    """Queue what was journaled since the last time, and what lasts; return the queue.

    Without receivers nothing is queued: only the heartbeat is kept. Raises OSError.
    """

    def changed(before: Queue | None) -> Queue:
        now_ms = clock.now_ms()
        queue = before or Queue()
        damaged = [standing.queue_damaged(now_ms)] if queue.was_damaged else []
        queue, journaled = _read(replace(queue, was_damaged=False), journal, now_ms)
        queue, open_now = _positions(queue, file.home, journal, now_ms)
        lasting = _lasting(queue, journal, wanted, now_ms)
        found = [*damaged, *journaled, *open_now, *lasting]
        return add(queue, found if has_receivers else [], now_ms)

    return file.change(changed)


def _read(queue: Queue, journal: Journal, now_ms: int) -> tuple[Queue, list[Alert]]:
    """Return what is remembered after the newest entries, and what they say.

    A journal that is missing for a moment changes nothing. One that was not read before, as after a restore,
    is remembered from its beginning, but only its last minutes are told.
    """
    head = journal.history.head()
    if head is None:
        return queue, []
    since_ms = 0
    if queue.journal != journal.installation_id or queue.sequence > head.sequence:
        since_ms = now_ms - FIRST_LOOK_MS
        queue = replace(queue, journal=journal.installation_id, sequence=0, heard_ms={}, keys={})
    new = {"after": queue.sequence, "upto": head.sequence}
    remembered = Selection(kinds=REMEMBERED)
    chosen = Selection(since_ms, kinds=(*TOLD_KINDS, COMPLETED))
    heard, keys, beat, alerts = dict(queue.heard_ms), dict(queue.keys), queue.beat, list[Alert]()
    for event in _readable(journal.history.events(remembered, **new)):
        _remember(event, heard, keys)
    for event in _readable(journal.history.events(chosen, **new)):
        if event.kind == COMPLETED:
            if journal.was_used():
                beat = owed_since(beat, event.time_ms, now_ms)
            continue
        if event.kind == "RESTORED":
            beat = queue.beat  # what was compared before, another machine compared
        if alert := alert_of(event, lambda name: _order(journal, name)):
            alerts.append(alert)
    return replace(queue, sequence=head.sequence, heard_ms=heard, keys=keys, beat=beat), alerts


def _readable(links: Iterable[Link]) -> Iterator[Event]:
    """Yield the entries that can be read; that others cannot is for `trader check` to say."""
    for link in links:
        with suppress(ValueError):
            yield link.stored.event()


def _remember(event: Event, heard_ms: dict[str, int], keys: dict[str, KeyTerms]) -> None:
    """Take in when an account was heard of, and what is known of its key. Another key's terms are unknown."""
    if event.account is None:
        return
    if event.kind == KEY_TERMS:
        told = event.payload
        keys[event.account] = KeyTerms(told["fingerprint"], told["created_ms"], told["expires_ms"])
    elif event.kind == "KEY_CONFIGURED":
        keys.pop(event.account, None)
    else:
        heard_ms[event.account] = event.time_ms


def _order(journal: Journal, name: str) -> Order | None:
    try:
        return journal.order(name)
    except TraderError:
        return None  # the entry is told all the same, by its name


def _positions(queue: Queue, home: Path, journal: Journal, now_ms: int) -> tuple[Queue, list[Alert]]:
    """Return since when each open position is watched by nobody, and the alerts of those it lasts for.

    A beat is owed while one is watched.
    """
    unwatched_ms: dict[str, int] = {}
    alerts: list[Alert] = []
    beat = queue.beat
    for exposed in exposures(journal):
        for held in exposed.positions:
            name = f"{exposed.account} {held.symbol}"
            if is_watched(home, exposed.account, held.symbol, now_ms):
                beat = beat.while_watched(now_ms)
                continue
            since_ms = min(queue.unwatched_ms.get(name, now_ms), now_ms)
            unwatched_ms[name] = since_ms
            if now_ms - since_ms >= standing.UNWATCHED_AFTER_MS:
                cover = protection(journal, exposed.account, held.symbol)
                what = f"{held.quantity} {held.symbol} is open, {cover}"
                alerts.append(
                    standing.unwatched(
                        what, str(exposed.account), held.symbol, is_protected=cover.is_whole, now_ms=now_ms
                    )
                )
    return replace(queue, unwatched_ms=unwatched_ms, beat=beat), alerts


def _lasting(queue: Queue, journal: Journal, wanted: Wanted, now_ms: int) -> Sequence[Alert]:
    """Return what is to be told of the account in use: the one heard of last where the settings look."""
    about = [account for account in queue.heard_ms if wanted.is_about(account)]
    if not about:
        return ()
    account = max(about, key=lambda each: queue.heard_ms[each])
    found = standing.silent(account, queue.heard_ms[account], wanted, now_ms)
    if wanted.no_trade_ms is not None and (traded_ms := _traded_ms(journal, account)):
        found += standing.idle(account, traded_ms, wanted, now_ms)
    if key := queue.keys.get(account):
        found += standing.keys_ending(account, key, wanted, now_ms)
    return found


def _traded_ms(journal: Journal, account: str) -> int | None:
    """Return when an account last traded with real orders, None for never."""
    known = next((each for each in journal.accounts() if str(each) == account), None)
    if known is None:
        return None
    symbols = [position.symbol for position in journal.positions(known)]
    times = [journal.history.newest_fill_ms(known, symbol, dry_run=False) for symbol in symbols]
    return max((each for each in times if each is not None), default=None)
