"""Bars for tests: the analytic fixture F1, and random markets with everything that is awkward."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from core.bars import Bars

MINUTE_MS = 60_000
TICK = 0.01


def fixture_f1() -> Bars:
    """240 bars of drift and two sine waves; the worked numbers in the tests were computed from them."""
    t = np.arange(240.0)
    close = 100 + 0.02 * t + 3 * np.sin(t / 9) + 0.5 * np.sin(t / 2)
    opens = np.append(100.0, close[:-1])
    return Bars(
        open_time_ms=np.arange(240) * MINUTE_MS,
        open=opens,
        high=np.maximum(opens, close) + 0.2 + 0.1 * np.sin(t) ** 2,
        low=np.minimum(opens, close) - 0.2 - 0.1 * np.cos(t) ** 2,
        close=close,
        volume=1000 + 400 * np.sin(t / 5) + 50 * (t % 7),
        interval_ms=MINUTE_MS,
    )


@st.composite
def markets(draw: st.DrawFn, min_bars: int = 105, interval_ms: int = 1) -> Bars:
    """Bars on a tick grid made of stretches that trend, drift, stand still, or trade no volume."""
    stretches = draw(
        st.lists(
            st.tuples(
                st.integers(5, 60),
                st.sampled_from([0.0, 0.0005, 0.01]),
                st.sampled_from([-0.002, 0.0, 0.002]),
                st.sampled_from([0.0, 1.0, 1e6]),
            ),
            min_size=1,
            max_size=8,
        )
    )
    seed = draw(st.integers(0, 2**32 - 1))
    missing = max(0, min_bars - sum(length for length, *_ in stretches))
    return random_market(seed, [*stretches, (missing + 1, 0.001, 0.0, 10.0)], interval_ms)


def random_market(seed: int, stretches: list[tuple[int, float, float, float]], interval_ms: int) -> Bars:
    """Return bars of stretches (length, deviation of a step, drift of a step, volume)."""
    random = np.random.default_rng(seed)
    steps = np.concatenate([random.normal(drift, sd, length) for length, sd, drift, _ in stretches])
    volume = np.concatenate([random.exponential(1.0, length) * size for length, _, _, size in stretches])
    close = np.maximum(np.round(1000 * np.exp(np.cumsum(steps)) / TICK), 100) * TICK
    opens = np.append(close[0], close[:-1])
    wick = random.integers(0, 3, (2, len(close))) * TICK
    high, low = np.maximum(opens, close) + wick[0], np.minimum(opens, close) - wick[1]
    return Bars(np.arange(len(close)) * interval_ms, opens, high, low, close, volume, interval_ms)


def scaled(bars: Bars, price: float, volume: float) -> Bars:
    """Return the same market in other units of price and volume."""
    return Bars(
        bars.open_time_ms,
        bars.open * price,
        bars.high * price,
        bars.low * price,
        bars.close * price,
        bars.volume * volume,
        bars.interval_ms,
    )
