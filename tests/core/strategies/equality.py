"""Whether a strategy's arrays, its evaluation and its live decisions say the same."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.strategies import (
    Action,
    Decision,
    Direction,
    MarketView,
    Signals,
    Standing,
    Strategy,
    Vectorized,
    stop_price,
    target_price,
)


def assert_agreement(
    strategy: Strategy, view: MarketView, indexes: list[int], standings: list[Standing]
) -> None:
    """Ask about each bar three ways: live window, whole evaluation, arrays; the actions must be one."""
    assert isinstance(strategy, Vectorized)
    whole, needs = strategy.evaluate(view), strategy.needs(view.traded)
    signals = whole.signals()
    for index in indexes:
        for standing in standings:
            live = strategy.decide(view.window(index, needs), standing)
            replayed = whole.decide(index, standing)
            assert_same(live, replayed)
            if not (signals.confirm and standing.position is None):
                assert action_of(signals, view, index, standing) == live.action, (index, live)


def assert_same(live: Decision, replayed: Decision) -> None:
    """Compare decisions: recursive averages remember how many bars came before, to the eighth digit or so."""
    assert (live.action, live.reason, live.blocked) == (replayed.action, replayed.reason, replayed.blocked)
    assert (live.bar_open_time_ms, live.label) == (replayed.bar_open_time_ms, replayed.label)
    assert live.limits == replayed.limits
    for ours, theirs in ((live.readings, replayed.readings), (live.breakdown, replayed.breakdown)):
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            other = theirs[name]
            assert (value is None) == (other is None), name
            assert value is None or value == pytest.approx(other, rel=1e-6, abs=1e-6), name


def action_of(signals: Signals, view: MarketView, index: int, standing: Standing) -> Action:
    """Return what `Signals` says to do, read off its arrays as its docstring tells, without the strategy."""
    position, bars = standing.position, view.bars
    if position is None:
        side = int(signals.entry[index]) if armed(signals, view, index, standing) else 0
        return {1: Action.ENTER_LONG, -1: Action.ENTER_SHORT, 0: Action.STAY_FLAT}[side]
    long = position.direction is Direction.LONG
    assert position.terms is not None
    low, high = (bars.close, bars.close) if signals.stops_on_close else (bars.low, bars.high)
    stop = float(stop_price(position, position.terms.stop_loss_rate))
    target = float(target_price(position, position.terms.take_profit_rate or Decimal("Infinity")))
    leaves = (
        (low[index] <= stop if long else high[index] >= stop)
        or (high[index] >= target if long else low[index] <= target)
        or (signals.exit_long if long else signals.exit_short)[index]
        or (
            signals.exit_held is not None
            and signals.exit_held[index]
            and position.bars_held >= signals.min_hold_bars
        )
    )
    return Action.EXIT if leaves else Action.HOLD


def armed(signals: Signals, view: MarketView, index: int, standing: Standing) -> bool:
    if signals.rearm is None or standing.last_stop_ms is None:
        return True
    closes = view.bars.open_time_ms + view.bars.interval_ms
    since = closes[: index + 1] >= standing.last_stop_ms
    return bool(signals.rearm[: index + 1][since].any())
