"""What a human ticks holds as long as the page says, for that text; what was not asked is never done."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from core.journal.audit_log import AUDIT_LOG
from core.journal.verification import verify_home
from core.operations.runbook import StepState, next_step, tick, ticks_of, unasked
from core.runbooks import Page, parse_page
from tests.core.journal.books import NOW_MS, SteppingClock, open_journal

HOUR_MS = 3_600_000
TEXT = """\
# Something hangs
<!-- ticks hold: 2h -->

1. Look.
2. Ask. <!-- gate: unsettled -->
3. Tell.
"""
PAGE = parse_page("stuck", TEXT)


def held(home: Path, page: Page, now_ms: int) -> dict[int, str]:
    with open_journal(home, read_only=True) as journal:
        return {number: each.note for number, each in ticks_of(journal, page, now_ms).items()}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with open_journal(tmp_path) as journal:
        tick(journal, PAGE, PAGE.steps[0], "one order")
    return tmp_path


def test_a_tick_holds_for_its_page_its_time_and_its_text(home: Path) -> None:
    assert held(home, PAGE, NOW_MS + HOUR_MS) == {1: "one order"}
    assert held(home, PAGE, NOW_MS + 2 * HOUR_MS + 60_000) == {}
    assert held(home, PAGE, NOW_MS - 60_000) == {}  # the clock was set back
    assert held(home, parse_page("outage", TEXT), NOW_MS + HOUR_MS) == {}
    assert held(home, parse_page("stuck", TEXT.replace("Look.", "Look twice.")), NOW_MS + HOUR_MS) == {}


def test_the_newest_word_counts(home: Path) -> None:
    with open_journal(home) as journal:
        tick(journal, PAGE, PAGE.steps[0], "two orders")
    assert held(home, PAGE, NOW_MS + HOUR_MS) == {1: "two orders"}


def test_a_tick_is_told_in_the_audit_log_and_proven(home: Path) -> None:
    assert verify_home(home, SteppingClock()).findings == ()
    line = (home / AUDIT_LOG).read_text().splitlines()[-1]
    assert "[INFO] #2 Runbook step done, says a human {" in line
    assert json.loads(line[line.index("{") :]) == {
        "note": "one order",
        "runbook": "stuck",
        "said": "Look.",
        "step": 1,
        "text": PAGE.steps[0].digest,
    }
    with sqlite3.connect(home / "journal.sqlite3") as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE events SET payload = replace(payload, 'one order', 'no order') WHERE sequence = 2")
    db.close()
    assert {"EVENT_ALTERED", "LOG_ALTERED"} <= {
        each.code for each in verify_home(home, SteppingClock()).findings
    }


def test_unasked_is_never_done(home: Path) -> None:
    with open_journal(home, read_only=True) as journal:
        ticked = unasked(PAGE, "no network", ticks_of(journal, PAGE, NOW_MS + HOUR_MS))
    assert [each.state for each in ticked] == [StepState.DONE, StepState.UNAVAILABLE, StepState.WAITING]
    assert [gate.detail for each in ticked for gate in each.gates] == ["no network"]
    coming = next_step(ticked)
    assert coming is not None
    assert coming.step.number == 2
    assert next_step(ticked[:1]) is None
