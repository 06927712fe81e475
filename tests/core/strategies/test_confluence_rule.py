"""When confluence enters: its gates one by one, its terms, its measured rates."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bars import Bars, aggregate, interval_ms
from core.strategies import (
    FLAT,
    Action,
    Decision,
    Direction,
    EntryTerms,
    LiveMarket,
    MarketView,
    PositionState,
    Series,
    Standing,
)
from core.strategies.confluence import Confluence, ConfluenceParameters, Reason, SignalClass
from core.strategies.confluence.parameters import Points
from core.strategies.confluence.sizing import HIGH, LOW, MEDIUM, regimes, sizes
from core.strategies.evaluation import Code
from tests.core.markets import markets, random_market
from tests.core.strategies.equality import assert_agreement

D = Decimal
MINUTE_MS = 60_000
PRIMARY = Series("BTCUSD", "30m")
RULE = ConfluenceParameters(allow_short=True, turnover_min=0)
DEEP = LiveMarket(0, 0, 999.9, 1000.1, (1e6,), (1e6,))
ROUND_TRIPS_A_DAY = 2.72


def view_of(minutes: Bars, live: LiveMarket | None = None, *intervals: str) -> MarketView:
    """Return a view of minute bars as the strategy's intervals; 30 minutes are traded."""
    names = intervals or ("5m", "15m", "30m", "1h")
    series = {Series("BTCUSD", name): aggregate(minutes, interval_ms(name)) for name in names}
    return MarketView(PRIMARY, series, live)


def rising(days: int = 4) -> Bars:
    """Return minutes that rise steadily, with pauses: every indicator of trend agrees at the end."""
    stretches = [(1_440 * (days - 1), 0.0003, 0.0, 1e6), (1_440, 0.0003, 0.00004, 1e6)]
    return random_market(3, stretches, MINUTE_MS)


def decided(view: MarketView, rule: ConfluenceParameters = RULE, standing: Standing = FLAT) -> Decision:
    """Decide at the newest bar of the view at which the gates that only bars know let a long pass."""
    return Confluence(rule).decide(view, standing)


@pytest.fixture(scope="module")
def open_view() -> MarketView:
    """A market in which every gate is open at the last bar."""
    view = view_of(rising())
    entries = Confluence(RULE).evaluate(view).signals().entry
    return view.until(int(np.flatnonzero(entries[-40:] > 0)[-1]) + len(entries) - 40)


def test_all_gates_open(open_view: MarketView) -> None:
    decision = decided(open_view)
    assert (decision.action, decision.reason) == (Action.ENTER_LONG, Reason.ALL_GATES_OPEN)
    assert decision.blocked == ()
    assert decision.label is not None
    assert "BUY" in decision.label
    assert decision.readings["score"] == pytest.approx(
        sum(decision.breakdown[name] for name in decision.breakdown if name in POINT_NAMES)
    )


POINT_NAMES = {
    "stochastic_rsi",
    "williams_r",
    "macd",
    "awesome",
    "ema_trend",
    "stochastic",
    "bollinger",
    "kdj",
    "obv",
    "cci",
}


@pytest.mark.parametrize(
    ("changes", "standing", "live", "blocked"),
    [
        ({"score_min": 159.9}, FLAT, None, Reason.SCORE),
        ({"score_min": 0.0, "score_max": 1.0}, FLAT, None, Reason.SCORE),
        ({"vote_min": 1.0}, FLAT, None, Reason.CONFLUENCE),
        ({"confidence_min": 1.0, "vote_min": 0.9}, FLAT, None, Reason.CONFIDENCE),
        ({"trend_interval": "2h"}, FLAT, None, Reason.TREND),
        ({}, Standing(drawdown_rate=0.03), None, Reason.DRAWDOWN),
        ({}, Standing(drawdown_rate=None), None, Reason.DRAWDOWN),
        ({}, FLAT, replace(DEEP, ask=1001.0), Reason.SPREAD),
        ({}, FLAT, replace(DEEP, ts_ms=5_001), Reason.SPREAD),
        ({"turnover_min": 1e12}, FLAT, None, Reason.LIQUIDITY),
        ({}, Standing(equity=1e6), replace(DEEP, ask_quantities=(1.0,)), Reason.LIQUIDITY),
        ({"aligned_min": 5}, FLAT, None, Reason.ALIGNMENT),
        (
            {"intervals": (), "aligned_min": 1, "block_full_alignment": True},
            FLAT,
            None,
            Reason.FULL_ALIGNMENT,
        ),
    ],
)
def test_closed_gate_is_named(
    open_view: MarketView,
    changes: dict[str, Any],
    standing: Standing,
    live: LiveMarket | None,
    blocked: Reason,
) -> None:
    decision = decided(replace(open_view, live=live), replace(RULE, **changes), standing)
    assert decision.action is Action.STAY_FLAT
    assert blocked in decision.blocked


def test_gates_hold_at_their_limits(open_view: MarketView) -> None:
    score = decided(open_view).readings["score"]
    assert score is not None
    live = replace(DEEP, bid_quantities=(), ask_quantities=())
    assert decided(open_view, replace(RULE, score_min=score)).action is Action.ENTER_LONG
    assert decided(open_view, standing=Standing(drawdown_rate=0.0299)).action is Action.ENTER_LONG
    assert decided(replace(open_view, live=live)).action is Action.ENTER_LONG


def test_every_closed_gate_is_named_at_once(open_view: MarketView) -> None:
    rule = replace(RULE, score_min=159.9, aligned_min=5, turnover_min=1e12)
    decision = decided(open_view, rule, Standing(drawdown_rate=0.5))
    assert decision.blocked == (Reason.SCORE, Reason.LIQUIDITY, Reason.ALIGNMENT, Reason.DRAWDOWN)
    assert decision.reason == Reason.SCORE


def test_majority_against_the_score_is_no_confluence(f1: Bars) -> None:
    """At bar 161 six indicators sell and one buys; here the one outweighs them."""
    heavy = replace(RULE, points=Points(stochastic_rsi=1_000), score_max=220)
    decision = Confluence(heavy).evaluate(MarketView.of(f1)).decide(161)
    assert decision.readings["score"] is not None
    assert decision.readings["score"] > 0
    assert (decision.breakdown["buy_votes"], decision.breakdown["sell_votes"]) == (1, 6)
    assert Reason.CONFLUENCE in decision.blocked
    assert Reason.CONFLUENCE not in Confluence(RULE).evaluate(MarketView.of(f1)).decide(161).blocked


def test_short_needs_permission() -> None:
    falling = random_market(3, [(4_320, 0.0003, 0.0, 1e6), (1_440, 0.0003, -0.00004, 1e6)], MINUTE_MS)
    view = view_of(falling)
    entries = Confluence(RULE).evaluate(view).signals().entry
    at = view.until(int(np.flatnonzero(entries < 0)[-1]))
    assert decided(at).action is Action.ENTER_SHORT
    assert decided(at, replace(RULE, allow_short=False)).blocked == (Reason.SHORT_NOT_ALLOWED,)


def test_live_points_move_the_score_of_the_last_bar_only(open_view: MarketView) -> None:
    live = replace(DEEP, bid_quantities=(0.0,), ask_quantities=(1e6,))
    strategy, count = Confluence(RULE), len(open_view.bars)
    plain, with_live = strategy.evaluate(open_view), strategy.evaluate(replace(open_view, live=live))
    difference = with_live.readings["score"] - plain.readings["score"]
    assert difference[count - 1] == pytest.approx(-15)
    assert (difference[~np.isnan(difference)][:-1] == 0).all()
    assert with_live.decide(count - 1).breakdown["depth"] == -15
    assert "depth" not in with_live.decide(count - 2).breakdown


def test_microstructure_can_be_left_out_of_the_score(open_view: MarketView) -> None:
    live = replace(DEEP, bid_quantities=(0.0,))
    plain = decided(open_view).readings["score"]
    assert (
        decided(replace(open_view, live=live), replace(RULE, microstructure=False)).readings["score"] == plain
    )


def test_missing_interval_fails_what_needs_it(open_view: MarketView) -> None:
    alone = MarketView(PRIMARY, {PRIMARY: open_view.bars})
    decision = decided(alone)
    assert Reason.TREND in decision.blocked
    assert Reason.ALIGNMENT in decision.blocked


def test_stale_interval_is_a_missing_one(open_view: MarketView) -> None:
    hour = Series("BTCUSD", "1h")
    series = {**open_view.series, hour: open_view.series[hour][:-2]}
    assert Reason.TREND in decided(MarketView(PRIMARY, series)).blocked


def test_warm_up_is_undefined() -> None:
    decision = decided(view_of(rising()[: 99 * 30]))
    assert (decision.reason, decision.readings) == (Code.UNDEFINED, {"score": None, "confidence": None})
    assert decision.label is None


def test_position_ends_by_stop_and_target_of_its_leverage(open_view: MarketView) -> None:
    decision = decided(open_view)
    terms = decision.terms
    assert terms is not None
    assert terms.stop_loss_rate == round(D("0.06") / terms.leverage, 8)
    assert terms.take_profit_rate == round(D("0.15") / terms.leverage, 8)
    price = D(repr(float(open_view.bars.close[-1])))
    held = Standing(PositionState(price, 3, Direction.LONG, terms))
    assert decided(open_view, standing=held).action is Action.HOLD
    above = Standing(PositionState(price * 2, 3, Direction.LONG, terms))
    assert decided(open_view, standing=above).reason == Code.STOP_TOUCHED
    below = Standing(PositionState(price / 2, 3, Direction.LONG, terms))
    assert decided(open_view, standing=below).reason == Code.TARGET_TOUCHED


@pytest.mark.parametrize(
    ("atr_rate", "leverage"), [(0.005, 6), (0.00637, 6), (0.0091, 4), (0.0139, 2), (0.05, 1)]
)
def test_worked_leverage_keeps_the_stop_beyond_the_noise(atr_rate: float, leverage: int) -> None:
    one = np.array([1.0])
    size = sizes(one * 100, one * 100 * atr_rate, one, np.array([True]), RULE)
    assert size.leverage[0] == leverage  # of 6 in a market of medium volatility
    assert size.stop_loss_rate[0] == pytest.approx(0.06 / leverage, abs=5e-9)


def test_worked_size() -> None:
    close, confidence = np.full(200, 40_000.0), np.full(200, 0.9)
    atr = np.where(np.arange(200) < 199, 240.0, 200.0)  # median 0.6 %, now 0.5 %, the lowest of all
    at = np.arange(200) == 199
    size = sizes(close, atr, confidence, at, replace(RULE, leverage_max=6))
    assert size.regime[199] == LOW
    assert size.leverage[199] == 6
    assert size.fraction[199] * 10_000 / 40_000 == pytest.approx(0.0324)


def test_regime_is_left_three_points_beyond_its_border() -> None:
    rank = np.array([np.nan, 0.5, 0.76, 0.79, 0.74, 0.71, 0.24, 0.21, 0.26, 0.29, 0.9, 0.25])
    expected = [MEDIUM, MEDIUM, MEDIUM, HIGH, HIGH, MEDIUM, MEDIUM, LOW, LOW, MEDIUM, HIGH, MEDIUM]
    assert regimes(rank).tolist() == expected


def test_bad_parameters_are_named_together() -> None:
    with pytest.raises(ValueError, match=r"score_min must be ≥ 0, ≤ 220, was -1.*; margin must not be above"):
        ConfluenceParameters(score_min=-1, margin=0.05, margin_max=0.02)
    with pytest.raises(ValueError, match="reading must be center \\| zone, was corner"):
        ConfluenceParameters(reading="corner")
    with pytest.raises(ValueError, match="intervals must be"):
        ConfluenceParameters(intervals=("7m",))


@settings(deadline=None, max_examples=8)
@given(markets(min_bars=1_500, interval_ms=5 * MINUTE_MS), st.data())
def test_arrays_evaluation_and_live_windows_agree(bars: Bars, data: st.DataObject) -> None:
    series = {Series("X", name): aggregate(bars, interval_ms(name)) for name in ("5m", "15m", "30m", "1h")}
    view = MarketView(Series("X", "5m"), series)
    rule = replace(RULE, score_min=40, confidence_min=0.5)
    indexes = data.draw(st.lists(st.integers(1_000, len(bars) - 1), min_size=1, max_size=4))
    price = D(repr(float(bars.close[indexes[0]])))
    terms = EntryTerms(D("0.01"), D("0.02"))
    standings = [FLAT, Standing(PositionState(price, 2, Direction.LONG, terms))]
    assert_agreement(Confluence(rule), view, indexes, standings)


def test_recorded_windows_agree(recorded: Bars) -> None:
    view = view_of(recorded)
    count = len(view.bars)
    assert_agreement(Confluence(RULE), view, list(range(count - 60, count, 3)), [FLAT])


def test_measured_shares(recorded: Bars) -> None:
    evaluation = Confluence(replace(RULE, turnover_min=5e6)).evaluate(view_of(recorded))
    gates, score = evaluation.signals().gates, evaluation.readings["score"]
    known = ~np.isnan(score)
    passed, shares = np.ones(len(score), dtype=bool), []
    for gate in (Reason.SCORE, Reason.CONFLUENCE, Reason.CONFIDENCE, Reason.TREND, Reason.ALIGNMENT):
        passed &= gates[gate]
        shares.append(float(passed[known].mean()))
    assert shares == pytest.approx([0.425, 0.425, 0.352, 0.317, 0.317], abs=0.02)
    assert np.nanmax(np.abs(score)) == pytest.approx(156.92, abs=0.01)
    found = {name: float(member[known].mean()) for name, member in evaluation.signals().classes.items()}
    assert found["EXTREME_BUY"] == pytest.approx(0.0296, abs=0.003)
    assert found["EXTREME_SELL"] == pytest.approx(0.0392, abs=0.003)
    assert found["NEUTRAL"] == pytest.approx(0.2877, abs=0.01)
    assert set(found) == {each.name for each in SignalClass}


def test_measured_trades(recorded: Bars) -> None:
    """One position, stop and target at 6×, thirty minutes apart, entered at the next open."""
    rule = replace(RULE, turnover_min=5e6, leverage_min=6, leverage_max=6)
    view = view_of(recorded)
    entry = Confluence(rule).evaluate(view).signals().entry
    bars, trades, side, price, since = view.bars, 0, 0, 0.0, -10
    for t in range(len(bars) - 1):
        if side:
            low, high = (bars.high[t], bars.low[t]) if side < 0 else (bars.low[t], bars.high[t])
            if (low - price) * side <= -0.01 * price or (high - price) * side >= 0.025 * price:
                side, since = 0, t
        elif entry[t] and t - since > 1:
            side, price, trades = int(entry[t]), float(bars.open[t + 1]), trades + 1
    assert trades / 31.27 == pytest.approx(ROUND_TRIPS_A_DAY, rel=0.1)


def test_zone_reading_never_trades(recorded: Bars) -> None:
    evaluation = Confluence(replace(RULE, reading="zone")).evaluate(view_of(recorded))
    assert not evaluation.signals().entry.any()
