"""`trader` as a program, at the time of the page that is being tried; pages that need a shell run it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from core import runtime_folder
from core.clock import SystemClock

AHEAD_MS, AGREED = "PAGES_CLOCK_AHEAD_MS", "PAGES_AGREED_FOLDER"
PAGE_TIME = datetime(2026, 11, 21, 9, 0, 5, tzinfo=UTC)
"""When every page begins: the paper exchange's market is then the same each time."""


class PageTime:
    """The time of a page. Nobody waits in it: whoever sleeps finds that the time has passed."""

    def __init__(self, ahead_ms: float | None = None) -> None:
        now_ms = time.time_ns() / 1e6
        self.ahead_ms = PAGE_TIME.timestamp() * 1000 - now_ms if ahead_ms is None else ahead_ms

    def now_ms(self) -> int:
        return int(time.time_ns() / 1e6 + self.ahead_ms)

    def go_on_at(self, time_ms: int) -> None:
        self.ahead_ms = time_ms - time.time_ns() / 1e6

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Have the program take its time from here."""

        def now_ms(clock: SystemClock) -> int:
            return self.now_ms()

        def monotonic_ms(clock: SystemClock) -> float:
            return time.monotonic_ns() / 1e6 + self.ahead_ms

        async def sleep(clock: SystemClock, seconds: float) -> None:
            self.ahead_ms += seconds * 1000
            await asyncio.sleep(0)

        with mock.patch.multiple(SystemClock, now_ms=now_ms, monotonic_ms=monotonic_ms, sleep=sleep):
            yield


@contextmanager
def agreeing_in(folder: Path) -> Iterator[None]:
    """Have the commands of this person agree here, and not where all commands of this user do."""
    with mock.patch.object(runtime_folder, "DEFAULT_PARENT", folder):
        yield


if __name__ == "__main__":
    from cli.main import run

    with PageTime(float(os.environ[AHEAD_MS])).kept(), agreeing_in(Path(os.environ[AGREED])):
        run()
