"""Indicators and market statistics.

Arrays of bars: float64, shape (n,), oldest first, finite. Results: the same shape, NaN during warm-up. The
value at `t` depends on bars up to `t` only. Lengths that differ, or a window too short, raise ValueError.

Where TA-Lib has an indicator it is computed there, but for deviations: TA-Lib takes them from running sums,
which drift over a year of minutes, and calls a variance below 1e-14 zero, which it is not at 0.00001 BTC.
"""

from core.indicators.microstructure import (
    basis_rate,
    depth_imbalance,
    funding_excess,
    microprice,
    spread_rate,
    taker_share,
)
from core.indicators.momentum import (
    awesome_oscillator,
    commodity_channel_index,
    fast_stochastic,
    kdj,
    macd,
    relative_strength,
    stochastic,
    stochastic_of,
    stochastic_rsi,
    williams_r,
)
from core.indicators.statistics import Lag, best_lag, correlations_by_lag, percentile_rank, z_score
from core.indicators.trend import average_true_range, bollinger, exponential_average, simple_average
from core.indicators.volume import on_balance_volume, on_balance_volume_z
from core.indicators.windows import (
    NEAR_ZERO,
    divide,
    lagged,
    log_returns,
    mean_and_deviation,
    path_length,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_std,
    rolling_sum,
)

__all__ = [
    "NEAR_ZERO",
    "Lag",
    "average_true_range",
    "awesome_oscillator",
    "basis_rate",
    "best_lag",
    "bollinger",
    "commodity_channel_index",
    "correlations_by_lag",
    "depth_imbalance",
    "divide",
    "exponential_average",
    "fast_stochastic",
    "funding_excess",
    "kdj",
    "lagged",
    "log_returns",
    "macd",
    "mean_and_deviation",
    "microprice",
    "on_balance_volume",
    "on_balance_volume_z",
    "path_length",
    "percentile_rank",
    "relative_strength",
    "rolling_max",
    "rolling_mean",
    "rolling_min",
    "rolling_std",
    "rolling_sum",
    "simple_average",
    "spread_rate",
    "stochastic",
    "stochastic_of",
    "stochastic_rsi",
    "taker_share",
    "williams_r",
    "z_score",
]
