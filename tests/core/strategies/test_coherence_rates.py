"""How often coherence signals and trades on a recorded month: rates, not performance.

The published rates were measured on bars that keep the incomplete first and last group of minutes, which
`aggregate` drops. Both are pinned: that this is the strategy that was measured, and what it does here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pytest

from core.bars import Bars, aggregate, interval_ms
from core.strategies.coherence import Coherence, CoherenceParameters, Field, coherence_field
from core.strategies.decision import Action, Direction, PositionState, Standing
from core.strategies.market import MarketView

DAYS = 31.27
WARM_UP = 100


@dataclass(frozen=True)
class Rates:
    gamma_median: float
    above_enter_percent: float
    below_exit_percent: float
    entries: int
    exits: int
    hold_median: float
    hold_mean: float
    trades: int
    trades_long_only: int


PUBLISHED = {
    "1m": Rates(0.657, 10.28, 89.01, 1865, 1865, 2, 2.52, 1297, 606),
    "5m": Rates(0.657, 9.94, 89.36, 379, 379, 2, 2.35, 266, 117),
    "15m": Rates(0.667, 10.61, 88.74, 129, 129, 2, 2.43, 106, 40),
    "30m": Rates(0.666, 9.49, 89.30, 63, 63, 2, 2.16, 58, 19),
    "1h": Rates(0.678, 11.21, 87.71, 30, 30, 2, 2.47, 32, 8),
}
PUBLISHED_PER_DAY = {  # crossings, trades, long only
    "1m": (59.64, 41.48, 19.38),
    "5m": (12.12, 8.51, 3.74),
    "15m": (4.13, 3.39, 1.28),
    "30m": (2.01, 1.85, 0.61),
    "1h": (0.96, 1.02, 0.26),
}
COMPLETE_BARS = {
    "5m": Rates(0.657, 9.94, 89.35, 379, 379, 2, 2.35, 266, 117),
    "15m": Rates(0.667, 10.69, 88.66, 130, 130, 2, 2.43, 107, 41),
    "30m": Rates(0.665, 9.50, 89.29, 63, 63, 2, 2.16, 58, 19),
    "1h": Rates(0.678, 11.25, 87.67, 30, 29, 2, 2.48, 32, 8),
}


def with_incomplete_groups(bars: Bars, interval: int) -> Bars:
    """Aggregate as the published rates did: a first or last group that is not full counts as a bar."""
    group = bars.open_time_ms // interval
    starts = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    return Bars(
        open_time_ms=group[starts] * interval,
        open=bars.open[starts],
        high=np.maximum.reduceat(bars.high, starts),
        low=np.minimum.reduceat(bars.low, starts),
        close=bars.close[np.append(starts[1:], len(bars)) - 1],
        volume=np.add.reduceat(bars.volume, starts),
        interval_ms=interval,
    )


def holds(field: Field) -> tuple[int, list[int]]:
    """Return entries, and bars held of those that ended, by the thresholds of Γ alone."""
    parameters = CoherenceParameters()
    entries, held, since = 0, [], None
    for t, gamma in enumerate(field.gamma.tolist()):
        if since is None and gamma > parameters.enter:
            entries, since = entries + 1, t
        elif since is not None and gamma < parameters.exit:
            held.append(t - since)
            since = None
    return entries, held


def closed_trades(bars: Bars, *, allow_short: bool) -> int:
    """Count the round trips of the whole rule, entered at the open of the bar after the signal."""
    evaluation = Coherence(CoherenceParameters(allow_short=allow_short)).evaluate(MarketView.of(bars))
    directions = {Action.ENTER_LONG: Direction.LONG, Action.ENTER_SHORT: Direction.SHORT}
    trades, entered, position = 0, 0, None
    for t in range(WARM_UP, len(bars) - 1):
        if position is not None:
            position = PositionState(position.entry_price, t - entered, position.direction)
        action = evaluation.decide(t, Standing(position)).action
        if action in directions:
            entered, position = t, PositionState(Decimal(str(bars.open[t + 1])), 1, directions[action])
        elif action is Action.EXIT:
            trades, position = trades + 1, None
    return trades


def measure(bars: Bars) -> Rates:
    field = coherence_field(bars, CoherenceParameters())
    gamma = field.gamma[WARM_UP:]
    entries, held = holds(field)
    return Rates(
        gamma_median=float(np.median(gamma)),
        above_enter_percent=100 * float((gamma > 0.938).mean()),
        below_exit_percent=100 * float((gamma < 0.934).mean()),
        entries=entries,
        exits=len(held),
        hold_median=float(np.median(held)),
        hold_mean=float(np.mean(held)),
        trades=closed_trades(bars, allow_short=True),
        trades_long_only=closed_trades(bars, allow_short=False),
    )


def assert_as_printed(was: Rates, expected: Rates) -> None:
    """Compare to half a unit of the last digit printed; counts exactly."""
    assert was.gamma_median == pytest.approx(expected.gamma_median, abs=0.000501)
    assert was.above_enter_percent == pytest.approx(expected.above_enter_percent, abs=0.00501)
    assert was.below_exit_percent == pytest.approx(expected.below_exit_percent, abs=0.00501)
    assert was.hold_mean == pytest.approx(expected.hold_mean, abs=0.00501)
    counts = ("entries", "exits", "hold_median", "trades", "trades_long_only")
    assert [getattr(was, name) for name in counts] == [getattr(expected, name) for name in counts]


@pytest.mark.parametrize("interval", PUBLISHED)
def test_published_rates_are_reproduced(recorded: Bars, interval: str) -> None:
    rates = measure(with_incomplete_groups(recorded, interval_ms(interval)))
    assert_as_printed(rates, PUBLISHED[interval])
    per_day = [count / DAYS for count in (rates.entries, rates.trades, rates.trades_long_only)]
    assert per_day == pytest.approx(PUBLISHED_PER_DAY[interval], abs=0.00501)


@pytest.mark.parametrize("interval", COMPLETE_BARS)
def test_rates_on_complete_bars(recorded: Bars, interval: str) -> None:
    assert_as_printed(measure(aggregate(recorded, interval_ms(interval))), COMPLETE_BARS[interval])


def test_votes_and_strength_rarely_bind(recorded: Bars) -> None:
    field = coherence_field(recorded, CoherenceParameters())
    coherent = field.gamma > 0.938
    assert 100 * (field.votes[WARM_UP:] >= 6).mean() == pytest.approx(68.8, abs=0.05)
    assert 100 * (field.votes[coherent] >= 6).mean() == pytest.approx(99.98, abs=0.005)
    assert np.abs(field.lambda_[coherent]).min() == pytest.approx(0.274, abs=0.0005)


def test_past_of_recorded_bars_does_not_depend_on_their_future(recorded: Bars) -> None:
    whole = coherence_field(recorded, CoherenceParameters())
    for cut in (101, 102, 1_440, 20_000, 45_030):
        part = coherence_field(recorded[:cut], CoherenceParameters())
        for name in ("nodes", "lambda_", "magnitude", "gamma"):
            before, after = getattr(whole, name)[..., :cut], getattr(part, name)
            assert np.allclose(before, after, rtol=1e-12, atol=1e-12, equal_nan=True), (cut, name)
