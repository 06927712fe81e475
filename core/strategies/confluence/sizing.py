"""Leverage by volatility, the stop that follows from it, and the size of a position.

regime     place of ATR/C among its last 200 values: below 25 % LOW, above 75 % HIGH, else MEDIUM; a regime
           is left only 3 points beyond its border
leverage   LOW 4/3, MEDIUM 1, HIGH 2/3 of the plain one, and the stop at least 1.5 ATR away
notional   min(m·lev·ρ·confidence, m_max·lev, 0.02·C/ATR) of equity;   ρ = median ATR/C ÷ ATR/C, 0.5 … 1.5
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.bars import BoolArray, FloatArray, IntArray
from core.indicators import percentile_rank
from core.strategies.confluence.parameters import ConfluenceParameters
from core.strategies.decision import RATE_DIGITS

REGIME_WINDOW = 200
LOW, MEDIUM, HIGH = 0, 1, 2
_LOW_BORDER, _HIGH_BORDER, _HYSTERESIS = 0.25, 0.75, 0.03
_REGIME_FACTORS = np.array([4 / 3, 1.0, 2 / 3])
_STOP_ATRS_MIN = 1.5
_ATR_RISK = 0.02
_SCALING = (0.5, 1.5)
_CHUNK = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class Sizes:
    """Terms of a position entered at each bar, shape (n,). `fraction`: notional of equity, 0: none."""

    regime: IntArray
    leverage: IntArray
    stop_loss_rate: FloatArray
    take_profit_rate: FloatArray
    fraction: FloatArray


def sizes(
    close: FloatArray, atr: FloatArray, confidence: FloatArray, enters: BoolArray, rule: ConfluenceParameters
) -> Sizes:
    """Size positions. The median, the dearest part, is taken only at bars that may enter (`enters`)."""
    volatility = atr / close
    regime = regimes(percentile_rank(volatility, REGIME_WINDOW))
    known = volatility > 0  # false for NaN
    moving = np.where(known, volatility, np.nan)
    plain = np.rint(rule.leverage * _REGIME_FACTORS[regime])
    quiet = np.floor(rule.stop_roi / (_STOP_ATRS_MIN * moving))
    leverage = np.clip(np.fmin(plain, quiet), rule.leverage_min, rule.leverage_max).astype(np.int64)
    scaling = np.clip(_medians(volatility, enters) / moving, *_SCALING)
    fraction = np.minimum(
        np.minimum(rule.margin * leverage * scaling * confidence, rule.margin_max * leverage),
        _ATR_RISK / moving,
    )
    size: FloatArray = np.where(known & np.isfinite(fraction), fraction, 0.0)
    return Sizes(
        regime=regime,
        leverage=leverage,
        stop_loss_rate=np.round(rule.stop_roi / leverage, RATE_DIGITS),
        take_profit_rate=np.round(rule.target_roi / leverage, RATE_DIGITS),
        fraction=size.round(RATE_DIGITS),
    )


def regimes(rank: FloatArray) -> IntArray:
    """Return LOW, MEDIUM or HIGH for each rank, 0 … 1; MEDIUM while it is NaN.

    Near a border the regime is what it was; everywhere else it does not depend on the past.
    """
    result = np.full(len(rank), MEDIUM, dtype=np.int64)
    result[rank < _LOW_BORDER] = LOW
    result[rank > _HIGH_BORDER] = HIGH
    near = (np.abs(rank - _LOW_BORDER) <= _HYSTERESIS) | (np.abs(rank - _HIGH_BORDER) <= _HYSTERESIS)
    for t in np.flatnonzero(near[1:]) + 1:
        if not np.isnan(rank[t - 1]):
            result[t] = _next_regime(int(result[t - 1]), int(result[t]), float(rank[t]))
    return result


def _next_regime(before: int, plain: int, rank: float) -> int:
    """Keep the regime unless the rank is beyond the hysteresis of its borders."""
    stays = {
        LOW: rank <= _LOW_BORDER + _HYSTERESIS,
        MEDIUM: _LOW_BORDER - _HYSTERESIS <= rank <= _HIGH_BORDER + _HYSTERESIS,
        HIGH: rank >= _HIGH_BORDER - _HYSTERESIS,
    }
    return before if stays[before] else plain


def _medians(values: FloatArray, at: BoolArray) -> FloatArray:
    """Return the median of the last 200 values at the bars of `at`; fewer: the value itself."""
    result = values.copy()
    if len(values) >= REGIME_WINDOW:
        windows = np.lib.stride_tricks.sliding_window_view(values, REGIME_WINDOW)
        wanted = np.flatnonzero(at[REGIME_WINDOW - 1 :])
        for start in range(0, len(wanted), _CHUNK):
            rows = wanted[start : start + _CHUNK]
            medians = np.median(windows[rows], axis=1)
            result[rows + REGIME_WINDOW - 1] = np.where(
                np.isnan(medians), result[rows + REGIME_WINDOW - 1], medians
            )
    return result
