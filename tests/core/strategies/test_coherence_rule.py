"""When coherence enters and leaves: the table of its rule, in order of precedence."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from core.bars import Bars
from core.strategies.coherence import NODES, Coherence, CoherenceParameters, Field, Reason
from core.strategies.coherence.rule import CoherenceEvaluation
from core.strategies.decision import (
    Action,
    Decision,
    Direction,
    EntryTerms,
    PositionState,
    Standing,
    stop_price,
    target_price,
)
from core.strategies.market import MarketView

SPOT = CoherenceParameters()
BOTH_SIDES = CoherenceParameters(allow_short=True)
NAN = float("nan")


def decide(
    lambda_: float,
    gamma: float,
    votes: int = 9,
    position: PositionState | None = None,
    low: float = 100.0,
    high: float = 100.0,
    parameters: CoherenceParameters = SPOT,
) -> Decision:
    """Decide at one bar whose field is as given."""
    price = np.array([100.0])
    bars = Bars(np.array([1_000]), price, np.array([high]), np.array([low]), price, price, interval_ms=1)
    one = np.array([1.0])
    field = Field(
        nodes=np.full((len(NODES), 1), 0.5),
        substrate=one,
        gross=one,
        observer=one,
        echo=one,
        lambda_=np.array([lambda_]),
        magnitude=one,
        gamma=np.array([gamma]),
        votes=np.array([votes]),
    )
    return CoherenceEvaluation(bars, field, parameters).decide(0, Standing(position))


@pytest.mark.parametrize(
    ("lambda_", "gamma", "votes", "parameters", "action", "reason"),
    [
        (0.25, 0.9381, 6, SPOT, Action.ENTER_LONG, Reason.COHERENT),
        (-0.25, 0.9381, 6, BOTH_SIDES, Action.ENTER_SHORT, Reason.COHERENT),
        (-0.9, 0.99, 9, SPOT, Action.STAY_FLAT, Reason.SHORT_NOT_ALLOWED),
        (0.24, 0.99, 9, SPOT, Action.STAY_FLAT, Reason.FIELD_TOO_WEAK),
        (0.005, 1.0, 0, SPOT, Action.STAY_FLAT, Reason.TOO_FEW_VOTES),
        (0.9, 0.99, 5, SPOT, Action.STAY_FLAT, Reason.TOO_FEW_VOTES),
        (0.9, 0.938, 9, SPOT, Action.STAY_FLAT, Reason.GAMMA_NOT_ABOVE_ENTER),
        (-0.1, 0.5, 2, SPOT, Action.STAY_FLAT, Reason.GAMMA_NOT_ABOVE_ENTER),
        (NAN, NAN, 0, SPOT, Action.STAY_FLAT, Reason.UNDEFINED),
    ],
)
def test_flat(
    lambda_: float, gamma: float, votes: int, parameters: CoherenceParameters, action: Action, reason: Reason
) -> None:
    decision = decide(lambda_, gamma, votes, parameters=parameters)
    assert (decision.action, decision.reason) == (action, reason)


# entry 100: stop 99.2, target 101.8
@pytest.mark.parametrize(
    ("lambda_", "gamma", "held", "low", "high", "action", "reason"),
    [
        pytest.param(-0.9, 0.1, 9, 99.2, 101.8, Action.EXIT, Reason.STOP_TOUCHED, id="all: stop first"),
        pytest.param(-0.9, 0.1, 9, 99.21, 101.8, Action.EXIT, Reason.TARGET_TOUCHED, id="then target"),
        pytest.param(-0.9, 0.1, 9, 99.21, 101.79, Action.EXIT, Reason.FIELD_REVERSED, id="then sign"),
        pytest.param(0.9, 0.1, 5, 99.21, 101.79, Action.EXIT, Reason.GAMMA_BELOW_EXIT, id="then gamma"),
        pytest.param(0.9, 0.1, 4, 99.21, 101.79, Action.HOLD, Reason.HELD_TOO_SHORT, id="held too short"),
        pytest.param(-0.1, 0.1, 1, 100, 100, Action.EXIT, Reason.FIELD_REVERSED, id="sign needs no hold"),
        pytest.param(
            0.0, 0.0, 5, 100, 100, Action.EXIT, Reason.GAMMA_BELOW_EXIT, id="no sign is not opposite"
        ),
        pytest.param(0.9, 0.934, 9, 100, 100, Action.HOLD, Reason.GAMMA_NOT_BELOW_EXIT, id="exit is strict"),
        pytest.param(0.1, 0.936, 9, 100, 100, Action.HOLD, Reason.GAMMA_NOT_BELOW_EXIT, id="between"),
        pytest.param(NAN, NAN, 9, 100, 100, Action.HOLD, Reason.UNDEFINED, id="undefined never closes"),
        pytest.param(NAN, NAN, 1, 99.2, 100, Action.EXIT, Reason.STOP_TOUCHED, id="undefined: stop active"),
        pytest.param(
            NAN, NAN, 1, 100, 101.8, Action.EXIT, Reason.TARGET_TOUCHED, id="undefined: target active"
        ),
    ],
)
def test_in_a_long_position(
    lambda_: float, gamma: float, held: int, low: float, high: float, action: Action, reason: Reason
) -> None:
    decision = decide(lambda_, gamma, 9, PositionState(Decimal(100), held), low, high)
    assert (decision.action, decision.reason) == (action, reason)


# entry 100: stop 100.8, target 98.2
@pytest.mark.parametrize(
    ("lambda_", "gamma", "low", "high", "action", "reason"),
    [
        (0.9, 0.1, 98.2, 100.8, Action.EXIT, Reason.STOP_TOUCHED),
        (0.9, 0.1, 98.2, 100.79, Action.EXIT, Reason.TARGET_TOUCHED),
        (0.9, 0.1, 98.21, 100.79, Action.EXIT, Reason.FIELD_REVERSED),
        (-0.9, 0.1, 98.21, 100.79, Action.EXIT, Reason.GAMMA_BELOW_EXIT),
        (-0.9, 0.95, 98.21, 100.79, Action.HOLD, Reason.GAMMA_NOT_BELOW_EXIT),
    ],
)
def test_in_a_short_position(
    lambda_: float, gamma: float, low: float, high: float, action: Action, reason: Reason
) -> None:
    position = PositionState(Decimal(100), 9, Direction.SHORT)
    decision = decide(lambda_, gamma, 9, position, low, high, BOTH_SIDES)
    assert (decision.action, decision.reason) == (action, reason)


def test_stop_and_target_are_exact_decimals() -> None:
    long = PositionState(Decimal("46377.13"), 1)
    short = PositionState(Decimal("46377.13"), 1, Direction.SHORT)
    assert stop_price(long, SPOT.stop_loss_rate) == Decimal("46006.11296")
    assert target_price(long, SPOT.take_profit_rate) == Decimal("47211.91834")
    assert stop_price(short, SPOT.stop_loss_rate) == Decimal("46748.14704")
    assert target_price(short, SPOT.take_profit_rate) == Decimal("45542.34166")


def test_strategy_tells_where_its_positions_end() -> None:
    parameters = CoherenceParameters(stop_loss_rate=Decimal("0.01"), take_profit_rate=Decimal("0.03"))
    strategy = Coherence(parameters)
    assert (strategy.stop_loss_rate, strategy.take_profit_rate) == (Decimal("0.01"), Decimal("0.03"))


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_impossible_entry_price_is_refused(price: str) -> None:
    with pytest.raises(ValueError, match="entry_price must be positive"):
        PositionState(Decimal(price), 1)


def test_position_held_for_no_bar_is_refused() -> None:
    with pytest.raises(ValueError, match="bars_held must be at least 1, was 0"):
        PositionState(Decimal(100), 0)


def test_decision_shows_what_it_was_made_of(f1: Bars) -> None:
    decision = Coherence().decide(MarketView.of(f1))
    assert decision.action is Action.ENTER_LONG
    assert decision.bar_open_time_ms == f1.open_time_ms[-1]
    assert decision.readings == pytest.approx({"lambda": 0.86585504, "gamma": 0.99783218}, rel=1e-6)
    assert decision.limits == {"enter": 0.938, "exit": 0.934}
    assert tuple(decision.breakdown) == (*NODES, "votes")
    assert decision.breakdown["votes"] == 9
    assert decision.terms == EntryTerms(SPOT.stop_loss_rate, SPOT.take_profit_rate)
    assert decision.breakdown["tiger"] == pytest.approx(0.92985726, rel=1e-6)


def test_undefined_decision_carries_no_numbers(f1: Bars) -> None:
    decision = Coherence().decide(MarketView.of(f1[:100]))
    assert decision.readings == {"lambda": None, "gamma": None}
    assert (decision.breakdown, decision.terms, decision.blocked) == ({}, None, (Reason.UNDEFINED,))


def test_every_condition_that_does_not_hold_is_named() -> None:
    decision = decide(-0.1, 0.5, 2)
    assert decision.blocked == (
        Reason.GAMMA_NOT_ABOVE_ENTER,
        Reason.TOO_FEW_VOTES,
        Reason.FIELD_TOO_WEAK,
        Reason.SHORT_NOT_ALLOWED,
    )


@pytest.mark.parametrize("index", [-1, 240])
def test_bar_that_does_not_exist_is_refused(f1: Bars, index: int) -> None:
    with pytest.raises(ValueError, match=f"no bar {index} among 240"):
        Coherence().evaluate(MarketView.of(f1)).decide(index)


def test_no_bars_give_no_decision(f1: Bars) -> None:
    with pytest.raises(ValueError, match="no bar -1 among 0"):
        Coherence().decide(MarketView.of(f1[:0]))


def test_live_window_decides_as_the_whole_history_does(recorded: Bars) -> None:
    strategy, history = Coherence(), recorded[:3_000]
    view = MarketView.of(history)
    whole, needs = strategy.evaluate(view), strategy.needs(view.traded)
    for end in range(2_500, 3_000):
        live = strategy.decide(view.window(end, needs))
        replayed = whole.decide(end)
        assert (live.action, live.reason, live.blocked) == (
            replayed.action,
            replayed.reason,
            replayed.blocked,
        )
        assert live.breakdown["votes"] == replayed.breakdown["votes"]
        assert live.readings["gamma"] == pytest.approx(replayed.readings["gamma"], abs=1e-8)


def test_more_bars_than_needed_change_nothing_to_the_last_bit(recorded: Bars) -> None:
    strategy = Coherence()
    assert strategy.decide(MarketView.of(recorded[:3_000])) == strategy.decide(
        MarketView.of(recorded[3_000 - strategy.bars_required : 3_000])
    )
