"""The journal's files: the home folder, whether a file may be opened at all, the reserve for a full disk.

Everything here looks at bytes and names without SQLite, because opening a file with SQLite can change it.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from core.errors import ConfigError, ReconciliationBreak, Refused
from core.ids import INSTALLATION_BYTES
from core.journal.schema import APPLICATION_ID

DATABASE = "journal.sqlite3"
INSTALLATION = "installation"
"""Every installation id of this home, one a line, newest last: our orders are known by it without SQLite."""
RESERVE = "journal.reserve"
RESERVE_BYTES = 4 * 1024 * 1024
"""A hundred outcomes and more: an event takes about 25 kB of write-ahead log."""

_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_INSTALLATION_ID = re.compile(rf"^[0-9a-f]{{{INSTALLATION_BYTES * 2}}}$", re.ASCII | re.MULTILINE)
_INSTALLATION_BYTES_MAX = 64 * 1024


def damaged(what: str) -> ReconciliationBreak:
    return ReconciliationBreak(
        f"the journal is damaged: {what}",
        code="JOURNAL_DAMAGED",
        hint="it was left untouched; keep it, and restore a backup into another home",
    )


ELSEWHERE = "it was left untouched; choose another folder with --home or TRADER_HOME"


def foreign(what: str, hint: str = ELSEWHERE) -> ReconciliationBreak:
    return ReconciliationBreak(
        f"not a journal that this trader can use: {what}", code="JOURNAL_FOREIGN", hint=hint
    )


def unwritable(what: str) -> Refused:
    return Refused(
        f"the journal cannot be written: {what}",
        code="JOURNAL_UNWRITABLE",
        hint="nothing that adds risk is sent until it can be written again",
    )


def _unreadable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path} cannot be read: {error.strerror}", code="HOME_UNUSABLE")


def prepare_home(home: Path) -> None:
    """Make the folder, private to its owner. Raises ConfigError HOME_UNUSABLE, Refused JOURNAL_UNWRITABLE."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = home.stat().st_mode
    except FileExistsError:
        raise ConfigError(f"{home} is not a folder", code="HOME_UNUSABLE") from None
    except OSError as error:
        raise unwritable(f"{home}: {error.strerror}") from error
    if mode & _WRITABLE_BY_OTHERS:
        raise ConfigError(
            f"{home} can be written by other users (mode {stat.S_IMODE(mode):04o})",
            code="HOME_UNUSABLE",
            hint=f"chmod 700 {home}",
        )


def journal_exists(home: Path) -> bool:
    """Tell whether there is a journal to open.

    Raises ReconciliationBreak for a name that is not a regular file, or a log whose database is gone.
    """
    path = home / DATABASE
    # The log is looked at first: a database made meanwhile comes before its log, never after it.
    has_log = _is_regular(path.with_name(DATABASE + "-wal"))
    _is_regular(path.with_name(DATABASE + "-shm"))
    exists = _is_regular(path)
    if has_log and not exists:
        raise damaged(f"{path} is gone, but its write-ahead log is there")
    return exists


def _is_regular(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(mode):
        raise foreign(f"{path} is a link, a folder or a device, not a file")
    return True


def log_is_pending(path: Path) -> bool:
    """Tell whether a write-ahead log holds something: another process is at work, or one was killed."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def refuse_strange_header(path: Path) -> None:
    """Raise ReconciliationBreak unless the file begins like a journal and is as long as it says."""
    header, size = _header(path)
    if size == 0:
        raise damaged(f"{path} is empty")
    if not header.startswith(_MAGIC):
        raise foreign(f"{path} is not a SQLite database")
    if len(header) < _HEADER_BYTES:
        raise damaged(f"{path} is cut off after {size} bytes")
    if int.from_bytes(header[68:72]) != APPLICATION_ID:
        raise foreign(f"{path} belongs to another program")
    # Pages may still be in the log; a process that is at work changes header and length one by one.
    if _is_cut_off(path) and not log_is_pending(path) and _is_cut_off(path):
        raise damaged(f"{path} is cut off: it has {size} bytes, its header says more")


def _header(path: Path) -> tuple[bytes, int]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(path, error) from error
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_HEADER_BYTES), os.fstat(descriptor).st_size


def _is_cut_off(path: Path) -> bool:
    header, size = _header(path)
    stored = int.from_bytes(header[16:18])
    page_size = 65536 if stored == 1 else stored
    return size < page_size * int.from_bytes(header[28:32])


def installations(home: Path) -> tuple[str, ...]:
    """Return the installation ids this home ever had, newest last; none when they cannot be read."""
    try:
        with (home / INSTALLATION).open("rb") as file:
            text = file.read(_INSTALLATION_BYTES_MAX).decode("ascii", "replace")
    except OSError:
        return ()
    return tuple(_INSTALLATION_ID.findall(text))


def keep_installation(home: Path, installation_id: str) -> None:
    """Write the installation id beside the journal, unless it is the newest there. Raises OSError."""
    if installations(home)[-1:] == (installation_id,):
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(home / INSTALLATION, flags, 0o600)
    try:
        os.write(descriptor, f"\n{installation_id}\n".encode())  # first an end for a line that was cut off
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep_reserve(home: Path) -> None:
    """Hold disk space that is given back when the disk is full. Raises OSError when there is too little."""
    path = home / RESERVE
    if path.exists():
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def release_reserve(home: Path) -> bool:
    """Give the reserve back to the disk. Returns False when there was none."""
    try:
        (home / RESERVE).unlink()
    except OSError:
        return False
    return True
