"""A disk that forgets: what SQLite wrote and synced, step by step, and the files that a power cut leaves.

SQLite runs on apsw here, whose files are ours; the journal sees it through the few methods of a connection
that it uses. A cut keeps of every file what was synced, and of later writes those that chance lets through.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, cast

import apsw

_names = count()
NOT_OURS = ("-shm",)
"""Shared memory is rebuilt by whoever opens the database first."""


@dataclass(frozen=True)
class Write:
    path: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncate:
    path: str
    size: int


@dataclass(frozen=True)
class Sync:
    path: str


@dataclass(frozen=True)
class Durable:
    """The journal has returned: from here on, `what` must survive."""

    what: str


Step = Write | Truncate | Sync | Durable


@dataclass
class Disk:
    """Everything that was done to files, in order. `fails`: SQLite's code for every write from now on."""

    steps: list[Step] = field(default_factory=list)
    fails: int | None = None

    def __post_init__(self) -> None:
        self.name = f"forgetful-{next(_names)}"
        self.vfs = _Vfs(self)

    def connect(self, path: Path) -> sqlite3.Connection:
        """Open an existing file on this disk, as `core.journal.store.connect_file` does."""
        flags = apsw.SQLITE_OPEN_READWRITE
        return cast("sqlite3.Connection", Connection(apsw.Connection(str(path), flags=flags, vfs=self.name)))

    def may_write(self) -> None:
        if self.fails is not None:
            raise apsw.exception_for(self.fails)


class _Vfs(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        super().__init__(disk.name, "unix")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        return _File(self.disk, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self.disk = disk
        self.path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__("unix", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802 - SQLite's name
        self.disk.may_write()
        super().xWrite(data, offset)
        self.disk.steps.append(Write(self.path, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802 - SQLite's name
        self.disk.may_write()
        super().xTruncate(size)
        self.disk.steps.append(Truncate(self.path, size))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        super().xSync(flags)
        self.disk.steps.append(Sync(self.path))


class Row(tuple[Any, ...]):
    """A row that can be asked by place and by name."""

    names: tuple[str, ...] = ()

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self.names.index(key) if isinstance(key, str) else key)

    def keys(self) -> tuple[str, ...]:
        return self.names


class Connection:
    """What the journal uses of `sqlite3.Connection`, on apsw."""

    row_factory: object = None

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db

    def execute(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Rows:
        try:
            cursor = self._db.cursor()
            cursor.execute(statement, parameters)
            try:
                names = tuple(name for name, *_ in cursor.get_description())
            except apsw.ExecutionCompleteError:
                return Rows(())
            kind = type("NamedRow", (Row,), {"names": names})
            return Rows([kind(row) for row in cursor])
        except apsw.Error as error:
            raise _as_sqlite3(error) from error

    def close(self) -> None:
        with suppress(apsw.Error):  # a failed checkpoint on closing is no error of sqlite3's
            self._db.close()


class Rows:
    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    def __next__(self) -> Row:
        return next(self._rows)

    def fetchone(self) -> Row | None:
        return next(self._rows, None)

    def fetchall(self) -> list[Row]:
        return list(self._rows)


def _as_sqlite3(error: apsw.Error) -> sqlite3.Error:
    code = getattr(error, "extendedresult", None) or getattr(error, "result", sqlite3.SQLITE_ERROR)
    kind = sqlite3.IntegrityError if code & 0xFF == sqlite3.SQLITE_CONSTRAINT else sqlite3.OperationalError
    translated = kind(str(error))
    translated.sqlite_errorcode = code
    return translated


def cut(before: Mapping[str, bytes], steps: Iterable[Step], chance: random.Random) -> dict[str, bytes]:
    """Return the files after a power cut behind these steps.

    `before`: the files, all synced, when the steps began. Of what was not synced, each sector of each write
    reached the disk or not.
    """
    synced = {path: bytearray(content) for path, content in before.items()}
    pending: dict[str, list[Write | Truncate]] = {}
    for step in steps:
        match step:
            case Write(path) | Truncate(path):
                pending.setdefault(path, []).append(step)
            case Sync(path):
                for each in pending.pop(path, ()):
                    _apply(synced.setdefault(path, bytearray()), each)
    for path, left in pending.items():
        content = synced.setdefault(path, bytearray())
        for each in left:
            for part in _sectors(each):
                if chance.random() < chance.choice((0.0, 0.5, 1.0)):
                    _apply(content, part)
    return {path: bytes(content) for path, content in synced.items()}


SECTOR = 512


def _sectors(step: Write | Truncate) -> Iterator[Write | Truncate]:
    if isinstance(step, Truncate):
        yield step
        return
    for start in range(0, len(step.data), SECTOR):
        yield Write(step.path, step.offset + start, step.data[start : start + SECTOR])


def _apply(content: bytearray, step: Write | Truncate) -> None:
    if isinstance(step, Truncate):
        del content[step.size :]
        return
    end = step.offset + len(step.data)
    content.extend(bytes(max(0, end - len(content))))
    content[step.offset : end] = step.data
