"""The score: its worked numbers, classes, confidence, live points, and many series at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bars import Bars
from core.strategies.confluence import ConfluenceParameters, SignalClass, candle_score, latest_scores
from core.strategies.confluence.live import live_points, opposite_depth, spread
from core.strategies.confluence.parameters import PURITY, ZONE, LivePoints, Points
from core.strategies.confluence.readings import NAMES
from core.strategies.confluence.score import classes
from core.strategies.market import LiveMarket
from tests.core.markets import markets, scaled

RULE = ConfluenceParameters()
AT = (161, 184, 200, 239)
WORKED = {
    "stochastic_rsi": (11.267700, 0.458569, -40.0, 40.0),
    "williams_r": (-0.403809, 13.034359, -19.487062, 19.983818),
    "macd": (2.723207, 10.659650, -17.789028, 14.339803),
    "awesome": (-16.651488, 16.950233, -14.295049, 16.913267),
    "ema_trend": (-15.0, 15.0, -5.0, 15.0),
    "stochastic": (-4.559229, 6.918826, -8.676195, 8.922844),
    "bollinger": (-2.989843, 4.767649, -9.983093, 6.929004),
    "kdj": (-0.796153, 3.405172, -10.0, 7.428981),
    "obv": (-3.726625, 5.685595, -9.766316, 9.023495),
    "cci": (-2.412569, 3.020697, -6.417397, 4.007774),
}
unhurried = settings(deadline=None, max_examples=25)


def test_worked_points_on_f1(f1: Bars) -> None:
    score = candle_score(f1, RULE)
    for row, name in enumerate(NAMES):
        assert score.points[row, AT] == pytest.approx(WORKED[name], abs=1e-6), name
    assert score.total[list(AT)] == pytest.approx((-32.548808, 79.900750, -141.414140, 142.548986), abs=1e-6)
    assert score.buys[list(AT)].tolist() == [1, 9, 0, 10]
    assert score.sells[list(AT)].tolist() == [6, 0, 10, 0]
    assert score.confidence[list(AT)].tolist() == [0.6, 0.9, 1.0, 1.0]
    names = [SignalClass(value).name for value in score.classes[list(AT)]]
    assert names == ["NEUTRAL", "BUY", "EXTREME_SELL", "EXTREME_BUY"]


def test_worked_zone_reading_on_f1(f1: Bars) -> None:
    score = candle_score(f1, replace(RULE, reading=ZONE))
    assert score.total[[200, 239]] == pytest.approx((8.24960758, 4.27656512), rel=1e-6)
    assert (score.buys[[200, 239]].tolist(), score.sells[[200, 239]].tolist()) == ([5, 5], [5, 5])


def test_worked_purity_on_f1(f1: Bars) -> None:
    confidence = candle_score(f1, replace(RULE, confidence_form=PURITY)).confidence
    assert confidence[list(AT)] == pytest.approx((0.53772466, 1, 1, 1), rel=1e-6)


def test_nothing_is_scored_before_the_hundredth_bar(f1: Bars) -> None:
    score = candle_score(f1, RULE)
    assert np.isnan(score.total[:99]).all()
    assert np.isfinite(score.total[99:]).all()
    assert (score.buys[:99] == 0).all()
    assert (score.classes[:99] == 0).all()


@pytest.mark.parametrize(
    ("score", "label"),
    [
        (130.0, "EXTREME_BUY"),
        (129.99, "STRONG_BUY"),
        (95.0, "STRONG_BUY"),
        (94.99, "BUY"),
        (65.0, "BUY"),
        (64.99, "BUY_WEAK"),
        (40.0, "BUY_WEAK"),
        (39.99, "NEUTRAL"),
        (0.0, "NEUTRAL"),
        (-39.99, "NEUTRAL"),
        (-40.0, "SELL_WEAK"),
        (-65.0, "SELL"),
        (-95.0, "STRONG_SELL"),
        (-130.0, "EXTREME_SELL"),
        (float("nan"), "NEUTRAL"),
    ],
)
def test_class_by_absolute_score(score: float, label: str) -> None:
    assert SignalClass(classes(np.array([score]))[0]).name == label


def test_points_add_up_to_160_and_with_a_live_market_to_220() -> None:
    assert sum(Points()) == 160
    assert sum(Points()) + sum(LivePoints()) == 220


@given(bars=markets(min_bars=120), reading=st.sampled_from(["center", "zone"]))
@unhurried
def test_bounds_hold_on_any_market(bars: Bars, reading: str) -> None:
    score = candle_score(bars, replace(RULE, reading=reading))
    known = ~np.isnan(score.total)
    assert known[99:].all()
    assert (np.abs(score.total[known]) <= 160).all()
    assert (np.abs(score.points[:, known]) <= np.array(tuple(Points()))[:, None]).all()
    assert ((score.confidence[known] >= 0) & (score.confidence[known] <= 1)).all()
    assert (score.buys + score.sells <= 10).all()


@given(bars=markets(min_bars=120), price=st.integers(-20, 20), volume=st.integers(-10, 10))
@unhurried
def test_score_does_not_depend_on_units(bars: Bars, price: int, volume: int) -> None:
    one, other = candle_score(bars, RULE), candle_score(scaled(bars, 2.0**price, 2.0**volume), RULE)
    without_volume = [row for row, name in enumerate(NAMES) if name != "obv"]
    assert np.allclose(one.points[without_volume], other.points[without_volume], atol=1e-9, equal_nan=True)


@given(bars=markets(min_bars=120), cut=st.integers(100, 120))
@unhurried
def test_later_bars_do_not_change_a_score(bars: Bars, cut: int) -> None:
    part, whole = candle_score(bars[:cut], RULE), candle_score(bars, RULE)
    # vector units may round differently over arrays of another length
    assert np.allclose(part.points, whole.points[:, :cut], rtol=1e-12, atol=1e-12, equal_nan=True)


@settings(deadline=None, max_examples=15)
@given(
    many=st.lists(markets(min_bars=100), min_size=1, max_size=3), reading=st.sampled_from(["center", "zone"])
)
def test_many_series_at_once_score_as_one_by_one(many: list[Bars], reading: str) -> None:
    rule = replace(RULE, reading=reading)
    # The averages over running sums differ in their last digits, and OBV in units of next to no deviation.
    steady = [row for row, name in enumerate(NAMES) if name not in ("obv", "stochastic_rsi")]
    latest = latest_scores([*many, many[0][:99]], rule)
    for column, bars in enumerate(many):
        one = candle_score(bars, rule)
        assert latest.points[steady, column] == pytest.approx(one.points[steady, -1], abs=1e-6)
    assert np.isnan(latest.total[-1])
    assert len(latest_scores([], rule).total) == 0


def test_recorded_series_at_once_score_as_one_by_one(recorded: Bars) -> None:
    many = [recorded[start : start + 500] for start in range(0, 20_000, 1_000)]
    latest = latest_scores(many, RULE)
    ones = [candle_score(bars, RULE) for bars in many]
    assert latest.total == pytest.approx([one.total[-1] for one in ones], abs=1e-5)
    assert latest.classes.tolist() == [int(one.classes[-1]) for one in ones]
    assert latest.atr == pytest.approx(
        [one.atr[-1] / bars.close[-1] for one, bars in zip(ones, many, strict=True)]
    )


@pytest.mark.parametrize(
    ("live", "name", "points"),
    [
        (
            LiveMarket(0, 0, bid_quantities=(5, 4, 6, 3, 7), ask_quantities=(4, 3, 5, 2, 4)),
            "depth",
            8.13953488,
        ),
        (LiveMarket(0, 0), "depth", 0),
        (LiveMarket(0, tape_ts_ms=0, taker_buys=720e3, taker_sells=480e3, trades=50), "flow", 5),
        (LiveMarket(0, tape_ts_ms=0, taker_buys=720e3, taker_sells=480e3, trades=49), "flow", 0),
        (LiveMarket(0, mark_ts_ms=0, mark=40_024, index=40_000), "basis", -6),
        (LiveMarket(0, funding_ts_ms=0, funding_rate=0.0003), "funding", -6),
        (LiveMarket(0, funding_ts_ms=0, funding_rate=0.0001), "funding", 0),
        (LiveMarket(0, funding_ts_ms=0, funding_rate=0.0), "funding", 3),
        (LiveMarket(0, funding_ts_ms=0, funding_rate=-0.0002), "funding", 9),
        (LiveMarket(0, funding_ts_ms=0, funding_rate=0.0006), "funding", -15),
    ],
)
def test_worked_live_points(live: LiveMarket, name: str, points: float) -> None:
    found = live_points(live, LivePoints(), 50)
    assert found[name] == pytest.approx(points, abs=1e-6)
    assert [value for other, value in found.items() if other != name] == [0, 0, 0]


def test_what_is_old_counts_nothing() -> None:
    fresh = LiveMarket(5_000, 0, 99, 101, (9,), (1,), 0, 9, 1, 50, 0, 101, 100, -595_000, 0.001)
    assert 0 not in live_points(fresh, LivePoints(), 50).values()
    assert set(live_points(replace(fresh, ts_ms=5_001), LivePoints(), 50).values()) == {0}
    assert (spread(fresh), spread(replace(fresh, ts_ms=5_001))) == (pytest.approx(0.02), None)


def test_depth_is_that_of_the_side_taken_from() -> None:
    live = LiveMarket(0, 0, 99, 101, (2,) * 25, (3,) * 25)
    assert (opposite_depth(live, 1), opposite_depth(live, -1)) == (20 * 3 * 101, 20 * 2 * 99)
    assert opposite_depth(LiveMarket(0), 1) is None
