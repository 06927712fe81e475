"""The journal for commands that only read it: no venue, no key, no network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.console import Console
from cli.invocation import Invocation
from core.clock import SystemClock
from core.ids import system_random
from core.journal import Journal
from core.journal.files import DATABASE


@contextmanager
def journal_for_reading(run: Invocation) -> Iterator[Journal]:
    """Open this home's journal; an absent one is empty."""
    with Journal.open(
        run.settings.home, clock=SystemClock(), random_bytes=system_random, read_only=True
    ) as journal:
        yield journal


def say_where(console: Console, home: Path) -> None:
    """Note in the document and on stderr whose journal this is about."""
    console.result(home=home)
    console.say(f"journal {home / DATABASE}")


def say_empty(console: Console, home: Path) -> None:
    """Tell that there is nothing, and where that is."""
    console.warn(f"there is no journal in {home}; --home and TRADER_HOME name another folder")
