"""Is the journal what was written? Chain, tables and projections, as findings; damage never raises."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from core.journal import statements as sql
from core.journal.chain import StoredEvent, chain_findings
from core.journal.projections import project
from core.journal.records import Finding
from core.journal.schema import PROJECTIONS
from core.journal.store import Store, scratch

_SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"
_SHOWN_PER_TABLE = 10


def findings(store: Store) -> tuple[Finding, ...]:
    """Return everything that is wrong with a journal, of one moment; empty when it verifies."""
    found: list[Finding] = []
    try:
        with store.reading() as db:
            for check in (_pages, _tables, _chain, _projections):
                found.extend(_guarded(check(db)))
    except Exception as error:
        found.append(_failure(error))
    return tuple(found)


def _guarded(check: Iterator[Finding]) -> Iterator[Finding]:
    try:
        yield from check
    except Exception as error:
        yield _failure(error)


def _failure(error: Exception) -> Finding:
    return Finding("UNREADABLE", f"{type(error).__name__}: {error}")


def _pages(db: sqlite3.Connection) -> Iterator[Finding]:
    for (message,) in db.execute("PRAGMA integrity_check(10)"):
        if message != "ok":
            yield Finding("PAGES_DAMAGED", str(message))


def _tables(db: sqlite3.Connection) -> Iterator[Finding]:
    """Compare tables, indexes and triggers with those that the migrations make."""
    with contextlib.closing(scratch()) as expected:
        should = {(row[0], row[1]): row[2] for row in expected.execute(_SCHEMA)}
    found = {(row[0], row[1]): row[2] for row in db.execute(_SCHEMA)}
    for kind, name in sorted(should.keys() | found.keys()):
        if (kind, name) not in found:
            yield Finding("SCHEMA_ALTERED", f"the {kind} {name} is missing")
        elif (kind, name) not in should:
            yield Finding("SCHEMA_ALTERED", f"there is a {kind} {name} that no migration made")
        elif found[kind, name] != should[kind, name]:
            yield Finding("SCHEMA_ALTERED", f"the {kind} {name} was altered")


def _chain(db: sqlite3.Connection) -> Iterator[Finding]:
    return chain_findings(StoredEvent(*row) for row in db.execute(sql.ALL_EVENTS))


def _projections(db: sqlite3.Connection) -> Iterator[Finding]:
    with contextlib.closing(replay(db)) as rebuilt:
        for table in PROJECTIONS:
            yield from _differences(table, _rows(db, table), _rows(rebuilt, table))


def replay(db: sqlite3.Connection) -> sqlite3.Connection:
    """Return a database in memory with the projections made anew from the events."""
    rebuilt = scratch()
    rebuilt.execute("BEGIN")
    for row in db.execute(sql.ALL_EVENTS):
        project(rebuilt, StoredEvent(*row).event())
    rebuilt.execute("COMMIT")
    return rebuilt


def _rows(db: sqlite3.Connection, table: str) -> set[tuple[object, ...]]:
    return {tuple(row) for row in db.execute(f"SELECT * FROM {table}")}  # noqa: S608 - our own names


def _differences(
    table: str, found: set[tuple[object, ...]], expected: set[tuple[object, ...]]
) -> Iterator[Finding]:
    wrong, missing = found - expected, expected - found
    for row in sorted(wrong, key=repr)[:_SHOWN_PER_TABLE]:
        yield Finding("PROJECTION_ALTERED", f"{table} holds {row!r}, which no event made")
    for row in sorted(missing, key=repr)[:_SHOWN_PER_TABLE]:
        yield Finding("PROJECTION_ALTERED", f"{table} lacks {row!r}")
    unshown = max(0, len(wrong) - _SHOWN_PER_TABLE) + max(0, len(missing) - _SHOWN_PER_TABLE)
    if unshown:
        yield Finding("PROJECTION_ALTERED", f"{table} differs in {unshown} more rows")
