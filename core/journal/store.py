"""The database behind the journal: made, opened, refused, and appended to in whole transactions."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from core.clock import Clock
from core.ids import RandomBytes, new_installation_id
from core.journal import statements as sql
from core.journal.chain import GENESIS, Event, StoredEvent, canonical_json, link, plain
from core.journal.files import (
    DATABASE,
    damaged,
    foreign,
    journal_exists,
    keep_reserve,
    log_is_pending,
    prepare_home,
    refuse_strange_header,
    release_reserve,
    unwritable,
)
from core.journal.latch import sync_folder
from core.journal.projections import project
from core.journal.schema import APPLICATION_ID, VERSION, migrate, version_of

Connect = Callable[[Path], sqlite3.Connection]
T = TypeVar("T")

BUSY_TIMEOUT_MS = 2_000
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
_UNWRITABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOLFS,
    }
)


def connect_file(path: Path) -> sqlite3.Connection:
    """Open an existing file; transactions are begun and ended by hand."""
    return sqlite3.connect(f"file:{quote(bytes(path))}?mode=rw", uri=True, isolation_level=None)


def _connect_for_reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(bytes(path))}?mode=ro", uri=True, isolation_level=None)


def _connect_as_it_stands(path: Path) -> sqlite3.Connection:
    """Open a file that nobody can be writing, and that has no log beside it."""
    return sqlite3.connect(f"file:{quote(bytes(path))}?immutable=1", uri=True, isolation_level=None)


class Append(Protocol):
    """Add one event to the chain and to the projections, within the transaction."""

    def __call__(self, kind: str, account: str | None, payload: Mapping[str, object]) -> Event: ...


class Store:
    """One open database. Reads see what is committed; `write` is the only way to change it."""

    def __init__(self, home: Path, db: sqlite3.Connection, clock: Clock, *, read_only: bool) -> None:
        self.after_commit: Callable[[Sequence[Event]], None] = lambda _: None
        self._not_logged: list[Event] = []
        self._home = home
        self._db = db
        self._clock = clock
        self._read_only = read_only

    def close(self) -> None:
        self._db.close()

    def row(self, statement: str, key: Sequence[object] = ()) -> sqlite3.Row | None:
        """Return the first row of a statement, None when there is none."""
        with translated():
            found: sqlite3.Row | None = self._db.execute(statement, key).fetchone()
        return found

    def rows(self, statement: str, key: Sequence[object] | Mapping[str, object] = ()) -> list[sqlite3.Row]:
        with translated():
            return self._db.execute(statement, key).fetchall()

    def has_table(self, name: str) -> bool:
        """Tell whether a table is there: opened for reading only, a journal may be older than its tables."""
        return self.row("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)) is not None

    def tuples(self, statement: str, key: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """As `rows`, without names for the columns: for reads of very many."""
        with translated(), contextlib.closing(self._db.cursor()) as cursor:
            cursor.row_factory = None
            return cursor.execute(statement, key).fetchall()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for several reads of one and the same state."""
        with translated():
            self._db.execute("BEGIN")
            try:
                yield self._db
            finally:
                self._db.execute("ROLLBACK")

    def write(
        self, body: Callable[[Append], T], *, may_use_reserve: bool = True, log_later: bool = False
    ) -> T:
        """Run `body` in one durable transaction and return its result; it may run twice.

        `log_later`: `after_commit` is told of these events together with those of the next write.
        On a full disk the reserve is given back and the body runs again. What must not use the reserve, an
        order that adds risk, is only written while the reserve is there.
        Raises Refused JOURNAL_UNWRITABLE or ReconciliationBreak JOURNAL_DAMAGED; then nothing was written.
        """
        if self._read_only:
            raise unwritable("it was opened for reading only")
        if not may_use_reserve:
            self._require_reserve()
        with translated():
            try:
                result, events = self._attempt(body)
            except sqlite3.Error as error:
                is_full = _code(error) == sqlite3.SQLITE_FULL
                if not (is_full and may_use_reserve and release_reserve(self._home)):
                    raise
                result, events = self._attempt(body)
        self._not_logged += events
        if not log_later:
            events, self._not_logged = self._not_logged, []
            self.after_commit(events)
        return result

    def _require_reserve(self) -> None:
        try:
            keep_reserve(self._home)
        except OSError as error:
            raise unwritable(f"{self._home} has no room: {error.strerror}") from error

    def _attempt(self, body: Callable[[Append], T]) -> tuple[T, Sequence[Event]]:
        with _transaction(self._db):
            append = _Appender(self._db, self._clock.now_ms())
            result = body(append)
        return result, append.events


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Hold the write lock; commit at the end, roll everything back on any error."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


class _Appender:
    """Appends within one transaction; the head of the chain is read once, under the write lock."""

    def __init__(self, db: sqlite3.Connection, now_ms: int) -> None:
        head = db.execute(sql.HEAD).fetchone()
        self._db = db
        self._now_ms = now_ms
        self.events: list[Event] = []
        self._sequence: int = 0 if head is None else head["sequence"]
        self._hash: bytes = GENESIS if head is None else head["hash"]

    def __call__(self, kind: str, account: str | None, payload: Mapping[str, object]) -> Event:
        event = Event(self._sequence + 1, self._now_ms, kind, account, plain(payload))
        text = canonical_json(event.payload)
        linked = link(
            self._hash,
            sequence=event.sequence,
            time_ms=event.time_ms,
            kind=kind,
            account=account,
            payload=text,
        )
        self._db.execute(sql.APPEND_EVENT, (event.sequence, event.time_ms, kind, account, text, linked))
        project(self._db, event)
        self._sequence, self._hash = event.sequence, linked
        self.events.append(event)
        return event


def open_database(
    home: Path,
    *,
    clock: Clock,
    random_bytes: RandomBytes,
    connect: Connect,
    read_only: bool,
    busy_timeout_ms: int,
) -> sqlite3.Connection:
    """Open the journal of a home, making it when it is not there; read-only, an absent one is empty.

    A file that is damaged, foreign or newer than this program is refused before anything could change it.
    """
    path = home / DATABASE
    if not read_only:
        prepare_home(home)
    if not journal_exists(home):
        if read_only:
            return _empty()
        _create(path, clock, random_bytes, connect)
    refuse_strange_header(path)
    with translated():
        try:
            db = _open(path, connect, busy_timeout_ms)
        except sqlite3.OperationalError as error:
            # Even reading needs a file beside the database, which a full or read-only disk does not give.
            if _code(error) not in _NO_ROOM:
                raise
            if read_only and not log_is_pending(path):
                db = _open(path, _connect_as_it_stands, busy_timeout_ms)
            elif not read_only and release_reserve(home):
                db = _open(path, connect, busy_timeout_ms)
            else:
                raise
        if read_only:
            db.execute("PRAGMA query_only = ON")
        elif version_of(db) < VERSION:
            with contextlib.ExitStack() as on_error:
                on_error.callback(db.close)
                with _transaction(db):
                    migrate(db)
                on_error.pop_all()
    return db


def _open(path: Path, connect: Connect, busy_timeout_ms: int) -> sqlite3.Connection:
    if log_is_pending(path):
        # Closing a connection that can write moves the log into the file; look through one that cannot.
        with contextlib.closing(_connect_for_reading(path)) as looking:
            _prepare(looking, busy_timeout_ms)
            _refuse_strange_content(looking)
    db = connect(path)
    try:
        _prepare(db, busy_timeout_ms)
        _refuse_strange_content(db)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, busy_timeout_ms: int) -> None:
    db.row_factory = sqlite3.Row
    db.execute(f"PRAGMA busy_timeout = {busy_timeout_ms}")
    db.execute("PRAGMA synchronous = FULL")


def _refuse_strange_content(db: sqlite3.Connection) -> None:
    version = version_of(db)
    if version > VERSION:
        raise foreign(
            f"its schema is {version}, and this trader knows schemas up to {VERSION}",
            "a newer trader wrote it: install that one again; it was left untouched",
        )
    try:
        newest = [StoredEvent(*row) for row in db.execute(sql.LAST_TWO_EVENTS)]
        installed = db.execute(sql.INSTALLATION).fetchone()
    except sqlite3.OperationalError as error:
        if _code(error) == sqlite3.SQLITE_ERROR:
            raise damaged(str(error)) from error
        raise
    if version < 1 or not newest or installed is None:
        raise damaged("it holds no events")
    before = newest[1].hash if len(newest) > 1 else GENESIS
    if not isinstance(before, bytes) or not newest[0].follows(before):
        raise damaged(f"the hash of its newest event {newest[0].sequence} is wrong")


def _create(path: Path, clock: Clock, random_bytes: RandomBytes, connect: Connect) -> None:
    """Make the whole journal under another name first: a crash leaves either none or a good one."""
    draft = path.with_name(f"{path.name}.{random_bytes(8).hex()}.new")
    try:
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            with translated(), contextlib.closing(connect(draft)) as db:
                _fill(db, clock, random_bytes)
            with contextlib.suppress(FileExistsError):  # another process was quicker: use its journal
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(f"{path}: {error.strerror}") from error


def _fill(db: sqlite3.Connection, clock: Clock, random_bytes: RandomBytes) -> None:
    _prepare(db, BUSY_TIMEOUT_MS)
    with _transaction(db):
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(db)
        append = _Appender(db, clock.now_ms())
        append("CREATED", None, {"installation_id": new_installation_id(random_bytes), "schema": VERSION})
    db.execute("PRAGMA journal_mode = WAL")


def _empty() -> sqlite3.Connection:
    db = scratch()
    db.execute("PRAGMA query_only = ON")
    return db


def scratch(version: int = VERSION) -> sqlite3.Connection:
    """Return an empty database in memory with the journal's tables, as they are now or once were."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.row_factory = sqlite3.Row
    migrate(db, version)
    return db


def open_for_inspection(home: Path) -> sqlite3.Connection | None:
    """Open a journal that may be damaged, without changing a byte of it; None when there is none.

    Raises ReconciliationBreak for a file that is no journal at all.
    """
    if not journal_exists(home):
        return None
    path = home / DATABASE
    refuse_strange_header(path)
    with translated():
        db = _connect_for_reading(path)
        try:
            version_of(db)
        except sqlite3.OperationalError as error:
            db.close()
            if _code(error) not in _NO_ROOM or log_is_pending(path):
                raise
            db = _connect_as_it_stands(path)
        _prepare(db, BUSY_TIMEOUT_MS)
    return db


class translated:  # noqa: N801 - reads as `with translated():`, and every read goes through it
    """Turn SQLite's errors into ours: damage, or a journal that cannot be written. Others are bugs."""

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, sqlite3.Error):
            return
        code = _code(error)
        if code in _DAMAGE:
            raise damaged(str(error)) from error
        if code in _UNWRITABLE:
            raise unwritable(str(error)) from error


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; the higher bits only refine it."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
