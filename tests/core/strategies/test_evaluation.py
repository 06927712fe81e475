"""Decisions out of signals, in their order of precedence: a table on hand-made arrays."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from core.bars import Bars
from core.strategies import FLAT, Action, Direction, EntryTerms, MarketView, PositionState, Signals, Standing
from core.strategies.evaluation import ArrayEvaluation, Code, Reasons
from tests.core.strategies.equality import action_of

D = Decimal
BAR_MS = 60_000
COUNT = 3
TERMS = EntryTerms(D("0.01"), D("0.02"))  # entered at 100: long 99 and 102, short 101 and 98
REASONS = Reasons("ENTER", "LEAVE", "LEAVE_HELD", "STAY")


def evaluation(
    low: float = 100.0, high: float = 100.0, close: float = 100.0, **signals: Any
) -> ArrayEvaluation:
    """Return three bars, the last of which is as given; all arrays of signals are false but the named."""
    lows, highs, closes = np.full(COUNT, 100.0), np.full(COUNT, 100.0), np.full(COUNT, 100.0)
    lows[-1], highs[-1], closes[-1] = low, high, close
    bars = Bars(np.arange(COUNT) * BAR_MS, closes, highs, lows, closes, np.ones(COUNT), BAR_MS)
    nothing = np.zeros(COUNT, dtype=bool)
    given = {
        "entry": np.zeros(COUNT, dtype=np.int8),
        "exit_long": nothing,
        "exit_short": nothing,
        "stop_loss_rate": np.full(COUNT, 0.01),
        "take_profit_rate": np.full(COUNT, 0.02),
        **signals,
    }
    return ArrayEvaluation(bars, Signals(**given), REASONS, TERMS, {"x": np.array([np.nan, 1.0, 2.0])})


def yes(value: bool = True) -> np.ndarray[Any, Any]:
    return np.full(COUNT, value)


@pytest.mark.parametrize(
    ("direction", "low", "high", "signals", "reason"),
    [
        (Direction.LONG, 99.0, 102.0, {"exit_long": yes()}, Code.STOP_TOUCHED),
        (Direction.LONG, 99.01, 102.0, {"exit_long": yes()}, Code.TARGET_TOUCHED),
        (Direction.LONG, 99.01, 101.99, {"exit_long": yes(), "exit_held": yes()}, "LEAVE"),
        (Direction.LONG, 99.01, 101.99, {"exit_short": yes(), "exit_held": yes()}, "LEAVE_HELD"),
        (Direction.LONG, 99.01, 101.99, {"exit_short": yes()}, "STAY"),
        (Direction.LONG, 99.0, 102.0, {"stops_on_close": True}, "STAY"),
        (Direction.SHORT, 98.0, 101.0, {"exit_short": yes()}, Code.STOP_TOUCHED),
        (Direction.SHORT, 98.0, 100.99, {"exit_short": yes()}, Code.TARGET_TOUCHED),
        (Direction.SHORT, 98.01, 100.99, {"exit_short": yes()}, "LEAVE"),
        (Direction.SHORT, 98.01, 100.99, {"exit_long": yes()}, "STAY"),
        (Direction.SHORT, 98.01, 100.99, {"exit_held": yes(), "min_hold_bars": 3}, "STAY"),
        (Direction.SHORT, 98.01, 100.99, {"exit_held": yes(), "min_hold_bars": 2}, "LEAVE_HELD"),
    ],
)
def test_in_a_position(
    direction: Direction, low: float, high: float, signals: dict[str, Any], reason: str
) -> None:
    asked = evaluation(low, high, **signals)
    standing = Standing(PositionState(D(100), 2, direction, TERMS))
    decision = asked.decide(COUNT - 1, standing)
    assert decision.reason == reason
    assert decision.action is (Action.HOLD if reason == "STAY" else Action.EXIT)
    assert action_of(asked.signals(), MarketView.of(asked.bars), COUNT - 1, standing) is decision.action


def test_position_without_terms_has_those_of_the_strategy() -> None:
    asked = replace(evaluation(98.9), standard=EntryTerms(D("0.05")))
    without = Standing(PositionState(D(100), 2))
    assert asked.decide(COUNT - 1, without).reason == "STAY"
    assert (
        asked.decide(COUNT - 1, Standing(PositionState(D(100), 2, terms=TERMS))).reason == Code.STOP_TOUCHED
    )


def test_position_without_target_has_none() -> None:
    standing = Standing(PositionState(D(100), 2, terms=EntryTerms(D("0.01"))))
    assert evaluation(high=1e6).decide(COUNT - 1, standing).reason == "STAY"


@pytest.mark.parametrize(("side", "action"), [(1, Action.ENTER_LONG), (-1, Action.ENTER_SHORT)])
def test_entry_has_its_terms(side: int, action: Action) -> None:
    asked = evaluation(
        entry=np.full(COUNT, side, dtype=np.int8), fraction=np.full(COUNT, 0.25), leverage=np.full(COUNT, 3)
    )
    decision = asked.decide(2)
    assert (decision.action, decision.reason) == (action, "ENTER")
    assert decision.terms == EntryTerms(D("0.01"), D("0.02"), D("0.25"), 3)


def test_missing_target_and_size_are_none() -> None:
    nothing = np.full(COUNT, np.nan)
    entry = np.ones(COUNT, dtype=np.int8)
    terms = evaluation(entry=entry, take_profit_rate=nothing, fraction=nothing).decide(2).terms
    assert terms == EntryTerms(D("0.01"))


def test_every_gate_that_is_closed_is_named_in_order() -> None:
    asked = evaluation(
        entry=np.ones(COUNT, dtype=np.int8), gates={"A": yes(False), "B": yes(), "C": yes(False)}
    )
    asked = replace(asked, restrain=lambda index, standing: ("C", "D"))
    assert asked.decide(2).blocked == ("A", "C", "D")
    assert asked.decide(2).reason == "A"
    assert asked.decide(2).terms is None


def test_undefined_reading_decides_nothing() -> None:
    decision = evaluation(entry=np.ones(COUNT, dtype=np.int8)).decide(0)
    assert (decision.action, decision.reason, decision.readings) == (
        Action.STAY_FLAT,
        Code.UNDEFINED,
        {"x": None},
    )


@pytest.mark.parametrize(
    ("stop_ms", "rearm", "action"),
    [
        (3 * BAR_MS, [True, True, False], Action.STAY_FLAT),  # stopped in the last bar, not armed since
        (3 * BAR_MS, [False, False, True], Action.ENTER_LONG),
        (2 * BAR_MS, [False, True, False], Action.ENTER_LONG),  # the stop's own bar counts
        (2 * BAR_MS, [True, False, False], Action.STAY_FLAT),
        (2 * BAR_MS - 1, [True, False, False], Action.STAY_FLAT),  # within the bar that closes at 2
        (-BAR_MS, [False, False, False], Action.ENTER_LONG),  # before anything that is known
        (None, [False, False, False], Action.ENTER_LONG),
    ],
)
def test_stop_blocks_until_armed_again(stop_ms: int | None, rearm: list[bool], action: Action) -> None:
    asked = evaluation(entry=np.ones(COUNT, dtype=np.int8), rearm=np.array(rearm))
    standing = Standing(last_stop_ms=stop_ms)
    assert asked.decide(2, standing).action is action
    if stop_ms is None or stop_ms > 0:
        assert action_of(asked.signals(), MarketView.of(asked.bars), 2, standing) is action


@pytest.mark.parametrize("index", [-1, COUNT])
def test_bar_that_does_not_exist_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match=f"no bar {index} among 3"):
        evaluation().decide(index, FLAT)
