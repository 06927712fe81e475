"""Mean reversion: its worked numbers, its rule in order of precedence, and its measured rates."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bars import Bars, FloatArray, aggregate, interval_ms
from core.strategies import (
    FLAT,
    Action,
    Direction,
    EntryTerms,
    MarketView,
    PositionState,
    Standing,
)
from core.strategies.evaluation import Code
from core.strategies.mean_reversion import (
    MeanReversion,
    MeanReversionParameters,
    Reason,
    position_size,
)
from tests.core.markets import markets
from tests.core.strategies.equality import assert_agreement

DAYS = 31.27
D = Decimal
MINUTE_MS = 60_000


def bars_of(closes: FloatArray) -> Bars:
    times = np.arange(len(closes)) * MINUTE_MS
    return Bars(times, closes, closes, closes, closes, np.ones(len(closes)), MINUTE_MS)


def at_z(*lasts: float) -> Bars:
    """Return 40 bars around 100 with a deviation of about 1, and then the last closes."""
    return bars_of(np.append(100 + np.tile([-1.0, 1.0], 20), lasts))


def decided(bars: Bars, standing: Standing = FLAT, **changes: Any) -> tuple[Action, str]:
    rule = MeanReversionParameters(**{"allow_short": True, **changes})
    decision = MeanReversion(rule).decide(MarketView.of(bars), standing)
    return decision.action, decision.reason


def test_worked_z_on_f1(f1: Bars) -> None:
    evaluation = MeanReversion().evaluate(MarketView.of(f1))
    assert evaluation.decide(239).readings["z"] == pytest.approx(1.38580083, rel=1e-6)
    almost = evaluation.decide(200)
    assert almost.readings["z"] == pytest.approx(-1.99661867, rel=1e-6)
    assert (almost.action, almost.reason) == (Action.STAY_FLAT, Reason.NOT_FAR_ENOUGH)


@pytest.mark.parametrize(("cap", "fraction"), [(0.1, 0.1), (0.5, 0.29814240)])
def test_worked_size(cap: float, fraction: float) -> None:
    rule = MeanReversionParameters(max_position=cap)
    distance, size = position_size(np.array([0.0025]), 35_040, rule)
    assert distance[0] == pytest.approx(0.03354102, abs=5e-9)
    assert size[0] == pytest.approx(fraction, abs=5e-9)


def test_volatility_limits_the_size_before_the_cap() -> None:
    rule = MeanReversionParameters(max_position=1, risk_per_trade=0.1)
    distance, size = position_size(np.array([0.0025, 0.0, np.nan]), 35_040, rule)
    assert size[:2] == pytest.approx([0.2 / 0.46797436, 1.0], rel=1e-6)
    assert distance[1] == 0.02
    assert (np.isnan(distance[2]), size[2]) == (True, 0)


@pytest.mark.parametrize(
    ("last", "changes", "action", "reason"),
    [
        (96.0, {}, Action.ENTER_LONG, Reason.FAR_FROM_MEAN),
        (104.0, {}, Action.ENTER_SHORT, Reason.FAR_FROM_MEAN),
        (104.0, {"allow_short": False}, Action.STAY_FLAT, Reason.SHORT_NOT_ALLOWED),
        (101.0, {}, Action.STAY_FLAT, Reason.NOT_FAR_ENOUGH),
    ],
)
def test_flat(last: float, changes: dict[str, Any], action: Action, reason: Reason) -> None:
    assert decided(at_z(last), **changes) == (action, reason)


def test_warm_up_decides_nothing() -> None:
    assert decided(at_z(96.0)[:19]) == (Action.STAY_FLAT, Code.UNDEFINED)
    held = Standing(PositionState(D(100), 1))
    assert decided(at_z()[:19], held) == (Action.HOLD, "HOLDING")


# entry 100, stop 98: the close decides, not the low
@pytest.mark.parametrize(
    ("last", "direction", "action", "reason"),
    [
        (98.0, Direction.LONG, Action.EXIT, Code.STOP_TOUCHED),
        (98.5, Direction.LONG, Action.HOLD, "HOLDING"),
        (99.9, Direction.LONG, Action.EXIT, Reason.BACK_AT_MEAN),
        (102.0, Direction.SHORT, Action.EXIT, Code.STOP_TOUCHED),
        (101.5, Direction.SHORT, Action.HOLD, "HOLDING"),
        (100.1, Direction.SHORT, Action.EXIT, Reason.BACK_AT_MEAN),
    ],
)
def test_in_a_position(last: float, direction: Direction, action: Action, reason: str) -> None:
    position = PositionState(D(100), 1, direction, EntryTerms(D("0.02")))
    assert decided(at_z(last), Standing(position)) == (action, reason)


def test_wider_terms_keep_the_position() -> None:
    position = PositionState(D(100), 1, Direction.LONG, EntryTerms(D("0.05")))
    assert decided(at_z(97.5), Standing(position)) == (Action.HOLD, "HOLDING")


def test_entry_carries_its_terms() -> None:
    view = MarketView.of(at_z(96.0))
    decision = MeanReversion().decide(view)
    assert decision.terms is not None
    assert decision.terms.take_profit_rate is None
    assert decision.terms.stop_loss_rate == D(repr(decision.breakdown["stop_distance"]))
    assert decision.terms.stop_loss_rate > D("0.02")
    assert decision.terms.fraction == D(repr(decision.breakdown["fraction"]))


def test_stop_blocks_the_excursion_it_ended_in() -> None:
    bars = at_z(96.0, 95.5)  # stopped at the first, still far away at the second
    stopped = Standing(last_stop_ms=int(bars.open_time_ms[40]) + MINUTE_MS)
    assert decided(bars[:42])[0] is Action.ENTER_LONG
    assert decided(bars, stopped) == (Action.STAY_FLAT, Code.NOT_REARMED)
    assert decided(bars, stopped, rearm=False)[0] is Action.ENTER_LONG
    back = at_z(96.0, 95.5, 99.5, 94.0)
    assert decided(back, stopped)[0] is Action.ENTER_LONG


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"exit_z": 2.0}, "exit_z must be below entry_z, were 2.0 and 2.0"),
        ({"lookback": 1}, "lookback must be ≥ 2, ≤ 2000, was 1"),
        ({"stop_loss_rate": D(0)}, "stop_loss_rate must be > 0, < 1, was 0"),
        ({"max_position": 1.5}, "max_position must be > 0, ≤ 1, was 1.5"),
    ],
)
def test_bad_parameters_are_refused(changes: dict[str, Any], finding: str) -> None:
    with pytest.raises(ValueError, match=finding):
        MeanReversionParameters(**changes)


@settings(deadline=None, max_examples=25)
@given(markets(min_bars=260), st.data())
def test_arrays_evaluation_and_live_windows_agree(bars: Bars, data: st.DataObject) -> None:
    strategy = MeanReversion(MeanReversionParameters(allow_short=True, entry_z=1.0))
    view = MarketView.of(bars)
    indexes = data.draw(st.lists(st.integers(0, len(bars) - 1), min_size=1, max_size=5))
    price = D(repr(data.draw(st.sampled_from(bars.close.tolist()))))
    terms = EntryTerms(D(data.draw(st.sampled_from(["0.001", "0.02"]))))
    ago = data.draw(st.integers(0, 30))
    standings = [
        FLAT,
        Standing(last_stop_ms=int(bars.open_time_ms[max(indexes)]) - ago),
        Standing(PositionState(price, 1, Direction.LONG, terms)),
        Standing(PositionState(price, 1, Direction.SHORT, terms)),
    ]
    assert_agreement(strategy, view, indexes, standings)


@pytest.mark.parametrize(
    ("interval", "rearm", "a_day", "tolerance"),
    [
        ("5m", False, 12.38, 0.02),
        ("5m", True, 12.02, 0.02),
        ("15m", False, 4.32, 0.05),
        ("15m", True, 3.97, 0.05),
        ("1h", False, 1.25, 0.05),
        ("1h", True, 1.02, 0.05),
    ],
)
def test_measured_rates(recorded: Bars, interval: str, rearm: bool, a_day: float, tolerance: float) -> None:
    """Trades a day with a fixed stop, both sides, entered at the close; the edges of the month differ."""
    bars = aggregate(recorded, interval_ms(interval))
    strategy = MeanReversion(MeanReversionParameters(rearm=rearm, stop_sigmas=0, allow_short=True))
    evaluation = strategy.evaluate(MarketView.of(bars))
    trades, standing = 0, FLAT
    for t in range(len(bars)):
        if standing.position is not None:
            decision = evaluation.decide(t, standing)
            if decision.action is Action.EXIT:
                by_stop = decision.reason == Code.STOP_TOUCHED
                close_ms = int(bars.open_time_ms[t]) + bars.interval_ms
                standing = Standing(last_stop_ms=close_ms if by_stop else None)
            continue
        decision = evaluation.decide(t, standing)
        if decision.action in (Action.ENTER_LONG, Action.ENTER_SHORT):
            trades += 1
            side = Direction.LONG if decision.action is Action.ENTER_LONG else Direction.SHORT
            position = PositionState(D(repr(float(bars.close[t]))), 1, side, decision.terms)
            standing = Standing(position)
    assert trades / DAYS == pytest.approx(a_day, rel=tolerance)


def test_share_of_far_bars(recorded: Bars) -> None:
    z = MeanReversion().evaluate(MarketView.of(aggregate(recorded, interval_ms("15m")))).readings["z"]
    assert np.mean(np.abs(z[~np.isnan(z)]) > 2) == pytest.approx(0.115, abs=0.005)
    assert np.nanmax(np.abs(z)) <= np.sqrt(19)
