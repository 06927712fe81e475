"""One run at a time of a command that must not overlap with itself, in one home."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import ConfigError, Refused


@contextmanager
def only_run(home: Path, name: str, code: str) -> Iterator[None]:
    """Hold a lock in the home, which the kernel lets go when this process ends, however it ends.

    `name`: the command, as in `audit archive`. Raises Refused `code` naming who holds it, ConfigError
    HOME_UNUSABLE.
    """
    path = home / f"{name.replace(' ', '-')}.lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"{path} cannot be opened: {error.strerror}", code="HOME_UNUSABLE") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise Refused(
                f"`trader {name}` is running on {home} already (pid {holder})",
                code=code,
                hint="wait for it; nothing was done here",
            ) from None
        except OSError as error:  # some network file systems have no locks
            raise ConfigError(f"{path} cannot be locked: {error.strerror}", code="HOME_UNUSABLE") from None
        with suppress(OSError):  # the name is for humans; the lock holds without it
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)
