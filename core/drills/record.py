"""What the journal keeps of rehearsals: one event each, in the home of whoever rehearsed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.drills.rehearsed import Drill
from core.journal.history import Selection

if TYPE_CHECKING:
    from core.drills.conditions import Condition
    from core.journal import Journal

DRILL = "DRILL"
PASSED, GIVEN_UP = "passed", "given up"


def record_drill(
    journal: Journal,
    name: str,
    standing: Sequence[Condition],
    *,
    passed: bool,
    started_ms: int,
    took_ms: int,
    why: str,
    code_digest: str,
) -> None:
    """Write a rehearsal down, with all that was looked at. Raises Refused JOURNAL_UNWRITABLE.

    `why`: what ended it. `recovered_ms` is null unless it was passed.
    """
    told = {
        "name": name,
        "outcome": PASSED if passed else GIVEN_UP,
        "why": why,
        "started_ms": started_ms,
        "took_ms": took_ms,
        "recovered_ms": took_ms if passed else None,
        "verified": {each.name: each.holds for each in standing},
        "code_digest": code_digest,
        "installation": journal.installation_id,
    }
    journal.record_note(DRILL, None, told)


def newest_drills(journal: Journal) -> dict[str, Drill]:
    """Return the last rehearsal of each incident, passed or not: who has just failed is out of practice."""
    found: dict[str, Drill] = {}
    for link in journal.history.events(Selection(kinds=(DRILL,))):
        event = link.stored.event()
        told = event.payload
        found[told["name"]] = Drill(
            name=told["name"],
            passed=told["outcome"] == PASSED,
            started_ms=told["started_ms"],
            ended_ms=event.time_ms,
            took_ms=told["took_ms"],
            here=told["installation"] == journal.installation_id,
        )
    return found
