"""The mark that a position is being watched: a file that the watching command holds and touches at each look.

Not in the journal, for a look every few seconds is no event. The kernel lets the file go when the command
ends, however it ends; the time of the last touch tells of one that lives and sees nothing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from core.account import AccountKey

FOLDER = "watched"
STALE_AFTER_MS = 120_000
"""A look takes seconds; some are tried again when the venue does not answer."""


@contextmanager
def watched(home: Path, account: AccountKey, symbol: str) -> Iterator[Callable[[], None]]:
    """Give what is to be called at each look at a position. Without a mark an alert comes that need not."""
    path = _mark(home, account, symbol)
    with ExitStack() as stack:
        held: list[int] = []

        def mark() -> None:
            with suppress(OSError):
                if not held:
                    held.append(stack.enter_context(_opened(path)))
                os.utime(held[0])

        yield mark


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Hold a mark together with others who watch the same. Raises OSError, also while it is looked at."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


def is_watched(home: Path, account: AccountKey, symbol: str, now_ms: int) -> bool:
    """Tell whether somebody watches, and looked lately. `now_ms`: of this machine's clock."""
    try:
        descriptor = os.open(_mark(home, account, symbol), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return abs(now_ms - os.fstat(descriptor).st_mtime_ns // 1_000_000) < STALE_AFTER_MS
    else:
        return False
    finally:
        os.close(descriptor)


def _mark(home: Path, account: AccountKey, symbol: str) -> Path:
    return home / FOLDER / f"{account} {symbol}".replace("/", "_")
