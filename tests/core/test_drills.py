"""A drill counts for as long as it should; an incident has ended when both sides show it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.drill_staging import PLAYS
from cli.runbook_pages import all_pages
from core.clock import DAY_MS
from core.drills.attempt import Attempt
from core.drills.conditions import CONDITIONS, Condition, Sight, VenueSight, standing
from core.drills.incidents import INCIDENTS, REQUIRED
from core.drills.record import newest_drills, record_drill
from core.drills.rehearsed import Drill, shortfall
from core.ids import system_random
from core.journal import Journal
from core.stages import TradingState
from tests.core.journal.books import NOW_MS, SteppingClock

WEEK_MS = 7 * DAY_MS
DONE = Drill("flatten", True, NOW_MS - 9, NOW_MS, 9, here=True)
HOLDS, LEFT = (Condition("flat", True, "no position"),), (Condition("flat", False, "held: 1"),)


@pytest.mark.parametrize(
    ("drill", "now_ms", "said"),
    [
        (DONE, NOW_MS, ""),
        (DONE, NOW_MS + WEEK_MS, ""),
        (DONE, NOW_MS + WEEK_MS + 1, "rehearsed 7.0 days ago; 7 is the limit"),
        (DONE, NOW_MS - 1, "rehearsed in the future: the clock was set back"),
        (replace(DONE, passed=False), NOW_MS, "given up the last time"),
        (replace(DONE, here=False), NOW_MS, "rehearsed in the home that this one was restored from"),
        (None, NOW_MS, "never rehearsed in this home"),
    ],
)
def test_a_drill_counts_for_so_long(drill: Drill | None, now_ms: int, said: str) -> None:
    assert shortfall(drill, now_ms, WEEK_MS) == said


def open_journal(home: Path, clock: SteppingClock) -> Journal:
    return Journal.open(home, clock=clock, random_bytes=system_random)


def drill_in(
    home: Path, name: str, found: tuple[Condition, ...], *, clock: SteppingClock, took_ms: int = 0
) -> None:
    attempt = Attempt.begin(INCIDENTS[name], clock, limit_ms=60_000)
    clock.now += took_ms
    with open_journal(home, clock) as journal:
        record_drill(journal, attempt.end(found, "given up", at_terminal=True), "code")


def test_the_newest_of_each_counts_whatever_its_time_says(tmp_path: Path) -> None:
    clock = SteppingClock()
    drill_in(tmp_path, "halt", HOLDS, clock=clock)
    drill_in(tmp_path, "flatten", LEFT, clock=clock)
    drill_in(tmp_path, "flatten", HOLDS, clock=clock, took_ms=5_000)
    clock.now -= DAY_MS
    drill_in(tmp_path, "halt", LEFT, clock=clock)
    with open_journal(tmp_path, clock) as journal:
        newest = newest_drills(journal)
        assert journal.verify() == ()
    assert {name: each.passed for name, each in newest.items()} == {"halt": False, "flatten": True}
    assert 5_000 <= newest["flatten"].took_ms < 6_000


def test_what_is_done_too_late_is_not_passed(tmp_path: Path) -> None:
    clock = SteppingClock()
    drill_in(tmp_path, "halt", HOLDS, clock=clock, took_ms=60_001)
    with open_journal(tmp_path, clock) as journal:
        assert not newest_drills(journal)["halt"].passed


def test_the_time_is_measured_on_a_clock_that_only_grows() -> None:
    class SetBack(SteppingClock):
        def monotonic_ms(self) -> float:
            return float(self.now + 2 * DAY_MS * (self.now < NOW_MS))

    clock = SetBack()
    attempt = Attempt.begin(INCIDENTS["halt"], clock, limit_ms=60_000)
    clock.now -= 2 * DAY_MS - 1_000
    assert 1_000 <= attempt.elapsed_ms() < 2_000
    assert attempt.end(HOLDS, "given up", at_terminal=True).passed


def test_a_drill_of_another_installation_is_not_of_this_home(tmp_path: Path) -> None:
    clock = SteppingClock()
    drill_in(tmp_path, "halt", HOLDS, clock=clock)
    with open_journal(tmp_path, clock) as journal:
        journal.installation_id = "another"
        assert shortfall(newest_drills(journal)["halt"], clock.now_ms(), WEEK_MS).startswith(
            "rehearsed in the home"
        )


VENUE = VenueSight((), {"BTC": Decimal(1)}, Decimal(100), answers=True, key_works=False)
OVER = Sight(
    state=TradingState.ACTIVE,
    was_halted=True,
    unsettled=(),
    quarantined=(),
    positions=(),
    bare=(),
    compared=True,
    open_breaks=0,
    ours_open=(),
    strangers_open=(),
    difference=Decimal(0),
    venue=VENUE,
)
NOT_OVER: list[tuple[str, dict[str, Any]]] = [
    ("halted", {"state": TradingState.REDUCING}),
    ("was-halted", {"was_halted": False}),
    ("active", {"state": TradingState.REDUCING}),
    ("settled", {"unsettled": ("tr-1",)}),
    ("not-quarantined", {"quarantined": ("BTCUSDT",)}),
    ("protected", {"bare": ("BTCUSDT",)}),
    ("flat", {"positions": ("1 of BTCUSDT",)}),
    ("flat", {"difference": Decimal("0.001")}),
    ("holdings-agree", {"difference": Decimal("-0.001")}),
    ("none-of-ours-open", {"ours_open": ("tr-1",)}),
    ("no-stranger-open", {"strangers_open": ("web",)}),
    ("books-compared", {"compared": False}),
    ("books-compared", {"open_breaks": 1}),
    ("venue-answers", {"venue": replace(VENUE, answers=False)}),
    ("key-deleted", {"venue": replace(VENUE, key_works=True)}),
    ("funded", {"venue": replace(VENUE, free_quote=Decimal(49))}),
]


@pytest.mark.parametrize(("name", "change"), NOT_OVER)
def test_a_condition_holds_until_its_own_fact_is_otherwise(name: str, change: dict[str, Any]) -> None:
    over = replace(OVER, state=TradingState.HALTED) if name == "halted" else OVER
    assert CONDITIONS[name](over)[0]
    holds, detail = CONDITIONS[name](replace(over, **change))
    assert not holds
    assert detail


def test_every_condition_is_asked_by_an_incident_and_taken_away_once() -> None:
    asked = {name for incident in INCIDENTS.values() for name in incident.ended}
    assert asked == set(CONDITIONS) == {name for name, _ in NOT_OVER}


def test_every_incident_can_be_staged_and_has_its_runbook() -> None:
    assert set(PLAYS) == set(INCIDENTS)
    assert set(REQUIRED) <= set(INCIDENTS)
    assert {incident.runbook for incident in INCIDENTS.values()} <= {page.name for page in all_pages()}
    for incident in INCIDENTS.values():
        assert [each.name for each in standing(incident, OVER)] == list(incident.ended)
