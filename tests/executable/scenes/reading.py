"""What a scene looks up in the journal."""

from __future__ import annotations

from core.clock import SystemClock
from core.ids import system_random
from core.journal import Journal
from tests.executable.person import Person


def journal_of(person: Person) -> Journal:
    return Journal.open(person.home, clock=SystemClock(), random_bytes=system_random, read_only=True)
