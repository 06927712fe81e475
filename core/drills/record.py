"""What the journal keeps of rehearsals: one event each, in the home of whoever rehearsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.drills.rehearsed import Drill
from core.journal.history import Selection

if TYPE_CHECKING:
    from core.drills.attempt import Ended
    from core.journal import Journal

DRILL = "DRILL"
PASSED, GIVEN_UP = "passed", "given up"


def record_drill(journal: Journal, ended: Ended, code_digest: str) -> None:
    """Write a rehearsal down, with all that was looked at. Raises Refused JOURNAL_UNWRITABLE.

    `recovered_ms` is null unless it was passed.
    """
    told = {
        "name": ended.name,
        "outcome": PASSED if ended.passed else GIVEN_UP,
        "why": ended.why,
        "started_ms": ended.started_ms,
        "took_ms": ended.took_ms,
        "recovered_ms": ended.took_ms if ended.passed else None,
        "verified": {each.name: each.holds for each in ended.standing},
        "at_terminal": ended.at_terminal,
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
