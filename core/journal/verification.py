"""Is the journal what was written? Chain, tables and audit log, as findings; damage never raises.

One pass over the events: each is checked against the chain, replayed into empty tables, and compared with
its line in the log. Then the tables are compared row by row. Memory does not grow with the events, only
with the tables.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from core.clock import Clock
from core.journal import statements as sql
from core.journal.anchors import Anchor
from core.journal.audit_log import AUDIT_LOG
from core.journal.chain import ChainCheck, StoredEvent
from core.journal.comparison import differences
from core.journal.files import installations
from core.journal.log_check import LogCheck
from core.journal.projections import project
from core.journal.records import Finding
from core.journal.schema import PROJECTIONS, VERSION, version_of
from core.journal.store import Store, open_for_inspection, scratch

_SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"
_INDEXES = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
LOG_ROTATED = "LOG_ROTATED"
_SHOWN_PER_CODE = 20
_PROGRESS_EVERY = 10_000

Progress = Callable[[int], None]
"""Told how many events were checked, now and then."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of everything found. `log_behind`: lines that the audit log still lacks at its end."""

    findings: tuple[Finding, ...]
    events: int
    log_behind: int


def findings(store: Store) -> tuple[Finding, ...]:
    """Return everything that is wrong with a journal, of one moment; empty when it verifies."""
    return verify(store).findings


def verify_home(
    home: Path,
    clock: Clock,
    *,
    anchors: Sequence[Anchor] = (),
    progress: Progress = lambda _: None,
) -> Verification:
    """Check the journal of a home and its audit log, also one too damaged to be used. Changes nothing.

    Raises ReconciliationBreak for a file that is no journal at all.
    """
    db = open_for_inspection(home)
    store = Store(home, db or scratch(), clock, read_only=True)
    with contextlib.closing(store):
        found = verify(store, log=home / AUDIT_LOG, anchors=anchors, progress=progress)
    known = installations(home)
    if db is None and known:
        gone = Finding("JOURNAL_GONE", f"{home} had the journal of installation {known[-1]}, and has none")
        found = replace(found, findings=(gone, *found.findings))
    return found


def verify(
    store: Store,
    *,
    log: Path | None = None,
    anchors: Sequence[Anchor] = (),
    progress: Progress = lambda _: None,
) -> Verification:
    """Check a journal, as it is at one moment, also against its audit log and against anchors."""
    check = _Check(progress)
    found: list[Finding] = []
    with contextlib.ExitStack() as open_files:
        try:
            if log is not None:
                check.log = open_files.enter_context(LogCheck(log, log_begin(store)))
        except OSError as error:
            found.append(Finding("LOG_ALTERED", f"{log} cannot be read: {error}"))
        try:
            with store.reading() as db:
                for part in (_pages(db), _tables(db), _anchors(db, anchors), check.events(db)):
                    found.extend(_limited(_guarded(part)))
        except Exception as error:
            found.append(_failure(error))
    behind = 0 if check.log is None else check.log.behind
    return Verification(tuple(found), check.chain.newest, behind)


def log_begin(store: Store) -> int:
    """Return the first event that the audit log has to tell of: older lines were rotated away."""
    with suppress(Exception):  # a damaged journal says so below
        row = store.row(sql.NEWEST_OF_KIND, (LOG_ROTATED,))
        return 1 if row is None else int(json.loads(row["payload"])["from"])
    return 1


def _guarded(check: Iterator[Finding]) -> Iterator[Finding]:
    try:
        yield from check
    except Exception as error:
        yield _failure(error)


def _failure(error: Exception) -> Finding:
    return Finding("UNREADABLE", f"{type(error).__name__}: {error}")


def _limited(found: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the first findings of each code, and how many more there are."""
    count: Counter[str] = Counter()
    for finding in found:
        count[finding.code] += 1
        if count[finding.code] <= _SHOWN_PER_CODE:
            yield finding
    for code, total in count.items():
        if total > _SHOWN_PER_CODE:
            yield Finding(code, f"{total - _SHOWN_PER_CODE} more findings of this kind")


def _pages(db: sqlite3.Connection) -> Iterator[Finding]:
    for (message,) in db.execute("PRAGMA integrity_check(10)"):
        if message != "ok":
            yield Finding("PAGES_DAMAGED", str(message))


def _tables(db: sqlite3.Connection) -> Iterator[Finding]:
    """Compare tables, indexes and triggers with those that the migrations make."""
    version = version_of(db)
    if version > VERSION:
        detail = f"the schema is {version}, and this trader knows schemas up to {VERSION}: ask the newer one"
        yield Finding("SCHEMA_ALTERED", detail)
    with contextlib.closing(scratch(version)) as expected:
        should = {(row[0], row[1]): row[2] for row in expected.execute(_SCHEMA)}
    found = {(row[0], row[1]): row[2] for row in db.execute(_SCHEMA)}
    for kind, name in sorted(should.keys() | found.keys()):
        if (kind, name) not in found:
            yield Finding("SCHEMA_ALTERED", f"the {kind} {name} is missing")
        elif (kind, name) not in should:
            yield Finding("SCHEMA_ALTERED", f"there is a {kind} {name} that no migration made")
        elif found[kind, name] != should[kind, name]:
            yield Finding("SCHEMA_ALTERED", f"the {kind} {name} was altered")


def _anchors(db: sqlite3.Connection, anchors: Sequence[Anchor]) -> Iterator[Finding]:
    head = db.execute(sql.HEAD).fetchone()
    newest = 0 if head is None else head["sequence"]
    for anchor in anchors:
        row = db.execute(sql.EVENT_HASH, (anchor.sequence,)).fetchone()
        if anchor.sequence > newest:
            yield Finding(
                "EVENTS_CUT_OFF", f"events {newest + 1} to {anchor.sequence} are gone: {anchor} saw them"
            )
        elif row is not None and not anchor.is_of(row["hash"]):
            yield Finding(
                "CHAIN_REWRITTEN",
                f"event {anchor.sequence} is not the one that {anchor} saw, or one before it",
            )


class _Check:
    """The one pass over the events, and the comparison of what they make."""

    def __init__(self, progress: Progress) -> None:
        self.chain = ChainCheck()
        self.log: LogCheck | None = None
        self._progress = progress
        self._stopped_at: int | None = None

    def events(self, db: sqlite3.Connection) -> Iterator[Finding]:
        with contextlib.closing(_empty_tables()) as rebuilt:
            for row in db.execute(sql.ALL_EVENTS):
                stored = StoredEvent(*row)
                wrong = self.chain.wrong_with(stored)
                if wrong is not None:
                    yield wrong
                yield from self._told(stored, rebuilt)
                if stored.sequence % _PROGRESS_EVERY == 0:
                    self._progress(stored.sequence)
            if self.log is not None:
                yield from self.log.rest()
            if self._stopped_at is None:
                yield from _projections(db, rebuilt)

    def _told(self, stored: StoredEvent, rebuilt: sqlite3.Connection) -> Iterator[Finding]:
        """Replay an event, and compare it with its line; after one that cannot be replayed none is."""
        event = None
        try:
            event = stored.event()
            if self._stopped_at is None:
                project(rebuilt, event)
        except Exception as error:
            event = None
            if self._stopped_at is None:
                self._stopped_at = stored.sequence
                yield Finding(
                    "UNREADABLE",
                    f"event {stored.sequence} cannot be replayed, so the tables were not compared:"
                    f" {type(error).__name__}: {error}",
                )
        if self.log is not None:
            yield from self.log.wrong_with(stored.sequence, event)


def _projections(db: sqlite3.Connection, rebuilt: sqlite3.Connection) -> Iterator[Finding]:
    present = {name for (name,) in db.execute(_TABLES)}
    for table in PROJECTIONS:
        if table in present:  # otherwise it was named already, or is newer than this journal
            yield from differences(table, db, rebuilt)


def _empty_tables() -> sqlite3.Connection:
    """Return tables for replaying into: nothing to roll back, no index that only questions need."""
    rebuilt = scratch()
    rebuilt.execute("PRAGMA journal_mode = OFF")
    for (name,) in rebuilt.execute(_INDEXES).fetchall():
        rebuilt.execute(f"DROP INDEX {name}")
    rebuilt.execute("BEGIN")
    return rebuilt
