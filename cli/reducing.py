"""Access for the commands that reduce risk: they find venue and books in whatever state the home is."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from cli.console import UsageError
from cli.wiring import Wiring
from core.account import AccountKey
from core.clock import Clock, SystemClock
from core.config import resolve_venue
from core.errors import ConfigError, TraderError
from core.ids import new_installation_id, system_random
from core.journal.emergency import EmergencyJournal
from core.lease import Lease
from core.operations.books import Books, open_books
from core.ports import Venue
from core.secrets import last_four
from core.values import canonical_symbol


@dataclass
class ReducingWiring(Wiring):
    """`core.operations.flatten.FlattenAccess`."""

    @cached_property
    def venue_name(self) -> str:
        """The venue of the settings; when they name none, the journal has to say that paper is not a mistake.

        Raises ConfigError VENUE_NOT_CHOSEN when it cannot: a toy must never be flattened instead of money.
        """
        if self.settings.venue is not None:
            return self.settings.venue
        try:
            with self.read_journal() as journal:
                seen_real_venue = journal.seen_real_venue()
        except (TraderError, sqlite3.Error, OSError) as error:
            raise ConfigError(
                f"TRADER_VENUE is not set, and the journal cannot tell which venue this home used: {error}",
                code="VENUE_NOT_CHOSEN",
                hint=f"name it: TRADER_VENUE=binance trader {self.invocation.console.command} (or paper)",
            ) from None
        return resolve_venue(self.settings, seen_real_venue=seen_real_venue)

    @contextmanager
    def books(self, clock: Clock | None) -> Iterator[Books]:
        home = self.settings.home
        with open_books(home, clock or SystemClock(), system_random, self.emergency_folders) as books:
            yield books

    @property
    def clock(self) -> Clock:
        return SystemClock()

    def lease(self, account: AccountKey) -> Lease:
        command = f"trader {self.invocation.console.command}"
        return Lease(self.runtime_folder, account, command=command, clock=SystemClock())

    def emergency_journal(self, books: Books, clock: Clock, say: Callable[[str], None]) -> EmergencyJournal:
        """Return what flatten writes to; a home that knows no installation id gets a new one."""
        name = books.installations[-1] if books.installations else new_installation_id(system_random)
        return EmergencyJournal(books.whole, self.emergency_folders, name, clock, say)

    def confirm_account(self, phrase: str) -> None:
        self.invocation.console.confirm_phrase(phrase, self.phrase)

    def at(self, account: AccountKey, venue: Venue) -> None:
        self.invocation.console.locate(account=f"{account.uid} key …{venue.key_ending}")

    def _ask_to_stop(self, number: signal.Signals) -> None:
        self.invocation.console.warn(
            f"{number.name}: finishing the requests in flight, then saying what is left"
        )
        self.stop.ask(number.name)

    @property
    def where(self) -> str:
        """The place as the settings name it, for a question asked before anything is reached."""
        environment = self.settings.environment
        ending = self.key_ending
        return f"{self.venue_name} {environment}" + (f" with key …{ending}" if ending else "")

    @property
    def key_ending(self) -> str:
        """The last letters of the key in use, for a question; "" where none is configured."""
        try:
            return last_four(self.settings.credentials(self.settings.environment).api_key.reveal())
        except ConfigError:
            return ""


def named_symbol(text: str | None) -> str | None:
    """Return the symbol of --symbol in the venue's spelling. Raises UsageError."""
    try:
        return None if text is None else canonical_symbol(text)
    except ValueError as error:
        raise UsageError(f"--symbol: {error}") from None
