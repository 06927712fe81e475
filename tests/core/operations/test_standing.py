"""Where a run stands, at the closes where a back-test would say the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import pytest

from core.operations.standing import RunStanding
from core.strategies.decision import Action, Decision, EntryTerms, PositionState

if TYPE_CHECKING:
    from core.strategies import Strategy

MINUTE_MS = 60_000
PRICE = Decimal(100)
TERMS = EntryTerms(Decimal("0.01"))
ENTRY = Decision(Action.ENTER_LONG, "IN", 0, terms=TERMS)
HOLD = Decision(Action.HOLD, "STAYS", 0)
EXIT = Decision(Action.EXIT, "OUT", 0)


@dataclass
class Learner:
    """Counts what it won."""

    def learn(self, memory: Mapping[str, float], entry: Decision, *, won: bool) -> Mapping[str, float]:
        return {"won": memory.get("won", 0) + won, "known": entry is ENTRY}


def minutes(count: float) -> int:
    return int(count * MINUTE_MS)


@pytest.fixture
def run() -> RunStanding:
    """Return a run that entered on the bar that closed at minute 10."""
    run = RunStanding(cast("Strategy", Learner()), MINUTE_MS)
    run.decided(minutes(10), ENTRY)
    run.entered(ENTRY, minutes(10))
    return run


def end(run: RunStanding, ended: float, *, by_stop: bool = True) -> PositionState:
    position = run.position(PRICE, minutes(ended))
    run.left(position, minutes(ended), by_stop=by_stop, won=True)
    return position


def test_a_position_has_its_terms_and_its_bars(run: RunStanding) -> None:
    assert [run.position(PRICE, minutes(each)).bars_held for each in (10, 11, 14.5)] == [1, 1, 4]
    assert run.position(PRICE, minutes(11)).terms is TERMS
    standing = run.holding(run.position(PRICE, minutes(11)))
    assert (standing.last_entry_ms, standing.last_stop_ms) == (minutes(10), None)


def test_the_bar_in_which_a_stop_fired_is_asked_about_the_position(run: RunStanding) -> None:
    run.decided(minutes(12), HOLD)
    end(run, 12.4)
    assert run.waiting(minutes(12)).position is None  # decided on already
    asked = run.waiting(minutes(13))
    assert asked.position is not None
    assert (asked.position.bars_held, asked.last_stop_ms) == (3, minutes(13))
    run.decided(minutes(13), EXIT)
    after = run.waiting(minutes(14))
    assert (after.position, after.last_entry_ms, after.last_stop_ms) == (None, minutes(10), minutes(13))


def test_a_stop_at_the_open_belongs_to_the_bar_that_opens(run: RunStanding) -> None:
    """It fired before the bar that closed at that moment was looked at, at whose close all was well."""
    run.decided(minutes(12), HOLD)
    end(run, 13)
    for close, decision in ((13, HOLD), (14, EXIT)):
        position = run.waiting(minutes(close)).position
        assert position is not None
        assert position.bars_held == close - 10
        run.decided(minutes(close), decision)
    assert run.waiting(minutes(15)) == run.waiting(minutes(16))
    assert run.waiting(minutes(15)).position is None
    assert run.waiting(minutes(15)).last_stop_ms == minutes(14)


def test_a_decision_to_leave_at_the_open_is_what_ended_it(run: RunStanding) -> None:
    end(run, 12)
    run.decided(minutes(12), EXIT)
    assert run.waiting(minutes(13)).position is None
    assert run.waiting(minutes(13)).last_stop_ms is None


def test_a_target_leaves_no_stop_and_an_entry_forgets_the_last(run: RunStanding) -> None:
    end(run, 11.5, by_stop=False)
    assert run.waiting(minutes(12)).last_stop_ms is None
    end(run, 11.5)
    assert run.waiting(minutes(12)).last_stop_ms == minutes(12)
    run.entered(ENTRY, minutes(20))
    assert run.waiting(minutes(21)).last_stop_ms is None


def test_a_trade_left_by_decision_is_not_asked_about_and_learned_from(run: RunStanding) -> None:
    run.left(None, minutes(12), by_stop=False, won=True)
    run.left(None, minutes(12), by_stop=False, won=False)
    standing = run.waiting(minutes(13))
    assert standing.position is None
    assert standing.memory == {"won": 1, "known": True}
