"""The journal as far as it goes, for commands that must not depend on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from core.clock import Clock
from core.errors import TraderError
from core.ids import RandomBytes, installation_of
from core.orders import IllegalTransition

if TYPE_CHECKING:
    from core.journal import Journal

T = TypeVar("T")

WRITE_WAIT_MS = 200
READ_WAIT_MS = 50
"""Together no more than the 250 ms that a reducing command may wait for the journal."""


class Books:
    """What this home still knows. `troubles`: what could not be read or written, for the operator.

    The first failure to read is the last attempt, and so is the first to write: nothing waits twice.
    `is_read`: whether whatever was asked could be answered. `installations`: newest last.
    """

    def __init__(self, home: Path, journal: Journal | None, installations: tuple[str, ...]) -> None:
        self.home = home
        self.troubles: list[str] = []
        self.is_read = True
        self.installations = installations
        self._readable = journal
        self._writable = journal

    @property
    def whole(self) -> Journal | None:
        """The journal, while it can be read and takes what is written; it then knows all that we did."""
        return self._writable if self.is_read else None

    def read(self, ask: Callable[[Journal], T], otherwise: T) -> T:
        """Return the journal's answer, or `otherwise` when it cannot be asked."""
        if self._readable is None:
            return otherwise
        try:
            return ask(self._readable)
        except (TraderError, sqlite3.Error, LookupError, ValueError) as error:
            self._readable = None
            self.unreadable(str(error))
            return otherwise

    def write(self, tell: Callable[[Journal], object]) -> None:
        """Write something down if the journal takes it."""
        if self._writable is None:
            return
        try:
            tell(self._writable)
        except IllegalTransition as error:  # of this one entry; reconciliation will find it
            self.troubles.append(f"the journal contradicts the venue: {error}")
        except (TraderError, sqlite3.Error) as error:
            self.unwritable(str(error))

    def take_in(self, folder: Path) -> None:
        """Let the journal take in what an emergency wrote down in a folder."""
        from core.journal.emergency import EMERGENCY, take_in

        self.write(lambda journal: self.troubles.extend(take_in(journal, folder / EMERGENCY)))

    def unreadable(self, why: str) -> None:
        self.is_read = False
        self.troubles.append(f"the journal was not read, so what it knows is missing here: {why}")

    def unwritable(self, why: str) -> None:
        self._writable = None
        self.troubles.append(f"what happened was not written down: {why}")

    def say_whose(self) -> None:
        """Tell the operator when whose orders are ours is a guess."""
        if not self.installations:
            self.troubles.append(
                f"{self.home} knows no installation id: every order named tr… here is taken for ours"
            )

    def is_ours(self, client_order_id: str) -> bool:
        """Tell whether this home made the order; not knowing its ids, whether any trader did."""
        maker = installation_of(client_order_id)
        return maker is not None and (maker in self.installations or not self.installations)


@contextmanager
def open_books(
    home: Path, clock: Clock, random_bytes: RandomBytes, emergency_folders: Sequence[Path] = ()
) -> Iterator[Books]:
    """Open what can be opened of a home's journal, quickly; never raises, and makes no journal.

    `emergency_folders`: where orders may have been written down that the journal has not taken in yet.
    """
    from core.journal.files import installations

    known = installations(home)
    journal, why = _journal(home, clock, random_bytes)
    if journal is not None and journal.installation_id not in known:
        known += (journal.installation_id,)
    books = Books(home, journal, known)
    if journal is not None and why:
        books.unwritable(why)
    elif why or (journal is None and known):
        books.unreadable(why or f"{home} once had a journal, and has none now")
    try:
        for folder in emergency_folders:
            books.take_in(folder)
        yield books
    finally:
        if journal is not None:
            journal.close()


def _journal(home: Path, clock: Clock, random_bytes: RandomBytes) -> tuple[Journal | None, str]:
    """Return the journal and what is wrong with it: writable, else readable, else none."""
    from core.journal import Journal
    from core.journal.files import journal_exists

    why = ""
    try:
        if not journal_exists(home):
            return None, ""
        for read_only, wait_ms in ((False, WRITE_WAIT_MS), (True, READ_WAIT_MS)):
            try:
                journal = Journal.open(
                    home,
                    clock=clock,
                    random_bytes=random_bytes,
                    read_only=read_only,
                    busy_timeout_ms=wait_ms,
                )
                journal.accounts()
            except (TraderError, sqlite3.Error, OSError) as error:
                why = why or str(error)
            else:
                return journal, why
    except (TraderError, OSError) as error:
        why = str(error)
    return None, why
