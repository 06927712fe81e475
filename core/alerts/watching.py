"""The mark that a position is being watched: set at each look of the command that holds it.

Not in the journal, for a look every few seconds is no event; a file's time survives neither a killed command
nor a sleeping laptop for long, and that is what it is for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.account import AccountKey

FOLDER = "watched"
STALE_AFTER_MS = 120_000
"""A look takes seconds; some are tried again when the venue does not answer."""


@contextmanager
def watched(home: Path, account: AccountKey, symbol: str) -> Iterator[Callable[[], None]]:
    """Give what is to be called at each look at a position. Without a mark an alert comes that need not."""
    path = _mark(home, account, symbol)

    def mark() -> None:
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.touch(mode=0o600)

    try:
        yield mark
    finally:
        with suppress(OSError):
            path.unlink()


def is_watched(home: Path, account: AccountKey, symbol: str, now_ms: int) -> bool:
    """Tell whether somebody looked lately. `now_ms`: of this machine's clock."""
    try:
        seen_ms = _mark(home, account, symbol).stat().st_mtime_ns // 1_000_000
    except OSError:
        return False
    return abs(now_ms - seen_ms) < STALE_AFTER_MS


def _mark(home: Path, account: AccountKey, symbol: str) -> Path:
    return home / FOLDER / f"{account} {symbol}".replace("/", "_")
