"""Ten indicators of the candles, each as one number from −1 (falling) to +1 (rising).

`center`: an oscillator above its middle is strength. `zone`: one at its extreme is about to turn; measures of
trend (MACD, AO, EMA, OBV) read the same. Scales: |histogram|/ATR is about 0.1 and |AO|/ATR about 1 at the
median of real bars, so that 0.25 and 1.5 ATR bring the median reading near 0.5 (docs/strategies.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import frexp

import numpy as np

from core.bars import Bars, BoolArray, FloatArray
from core.indicators import (
    average_true_range,
    awesome_oscillator,
    bollinger,
    commodity_channel_index,
    divide,
    exponential_average,
    fast_stochastic,
    kdj,
    lagged,
    macd,
    on_balance_volume_z,
    relative_strength,
    simple_average,
    stochastic_of,
)
from core.strategies.confluence.parameters import Points

NAMES = tuple(field.name for field in fields(Points))
EMAS = (10, 25, 50)
REACH = 80
"""Bars that the indicators look back over which do forget: K of KDJ loses a third a bar of where it began."""

_NOISE = 1e-9  # of running sums, where two numbers that should be one are compared
_HISTOGRAM_ATRS, _AWESOME_ATRS, _CCI_SCALE = 0.25, 1.5, 200.0


@dataclass(frozen=True, slots=True, eq=False)
class Indicators:
    """The indicators at some bars, each shape (n,), NaN during its warm-up."""

    close: FloatArray
    k_rsi: FloatArray
    d_rsi: FloatArray
    place: FloatArray
    awesome: FloatArray
    k: FloatArray
    d: FloatArray
    band_place: FloatArray
    k_kdj: FloatArray
    j: FloatArray
    obv_z: FloatArray
    cci: FloatArray
    histogram: FloatArray
    fast: FloatArray
    medium: FloatArray
    slow: FloatArray
    atr: FloatArray


def indicators(bars: Bars) -> Indicators:
    """Compute the eleven indicators; a value at `t` depends on bars up to `t` only."""
    rsi, *rest = _remembering(bars)
    return Indicators(*_forgetting(bars.high, bars.low, bars.close, bars.volume, rsi), *rest)


def latest_indicators(many: Sequence[Bars]) -> Indicators:
    """Compute the eleven indicators at the last two bars of each series, at once: shape (2m,).

    What never forgets is computed series by series, over all its bars. The rest looks at the ends of all
    series laid one after another, which is one call of each for all of them: its windows do not reach beyond
    an end. Prices are brought near 1, so that neighbors do not differ by orders of magnitude; nothing that is
    read off them depends on their unit. Every series needs `REACH` bars.
    """
    count = len(many)
    ends = np.empty((5, count, REACH))
    last = np.empty((5, count, 2))
    for row, bars in enumerate(many):
        rsi, *rest = _remembering(bars)
        unit = 2.0 ** -frexp(bars.close[-1])[1]  # a power of two costs no digit
        for end, values in zip(ends, (bars.high, bars.low, bars.close, bars.volume, rsi), strict=True):
            end[row] = values[-REACH:]
        for kept, values in zip(last, rest, strict=True):
            kept[row] = values[-2:]
        ends[:3, row] *= unit
        last[:, row] *= unit
    at = (np.arange(1, count + 1) * REACH)[:, None] + (-2, -1)
    laid_out = _forgetting(*ends.reshape(5, -1))
    return Indicators(*(values[at.ravel()] for values in laid_out), *last.reshape(5, -1))


def _remembering(bars: Bars) -> tuple[FloatArray, ...]:
    """Return RSI, MACD histogram, three averages and ATR: what depends on where the bars begin."""
    close = bars.close
    fast, medium, slow = (exponential_average(close, window) for window in EMAS)
    atr = average_true_range(bars.high, bars.low, close)
    return relative_strength(close), macd(close)[2], fast, medium, slow, atr


def _forgetting(
    high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, rsi: FloatArray
) -> tuple[FloatArray, ...]:
    """Return the others, which look back over less than `REACH` bars, in the order of `Indicators`."""
    k_rsi, d_rsi = stochastic_of(rsi)
    # Williams %R and the slow stochastic are both made of the place of the close in 14 bars.
    place = fast_stochastic(high, low, close, 14)
    k = simple_average(place, 3)
    lower, _, upper = bollinger(close)
    k_kdj, _, j = kdj(high, low, close)
    return (
        close,
        k_rsi,
        d_rsi,
        place,
        awesome_oscillator(high, low),
        k,
        simple_average(k, 3),
        divide(close - lower, upper - lower, otherwise=0.5),
        k_kdj,
        j,
        on_balance_volume_z(close, volume),
        commodity_channel_index(high, low, close),
    )


def center_readings(of: Indicators) -> FloatArray:
    """Return the readings, shape (10, n), rows in the order of `NAMES`."""
    rows = np.empty((len(NAMES), len(of.close)))
    rows[0] = 2 * of.k_rsi - 1
    rows[1] = of.place / 50 - 1
    _trend_rows(rows, of)
    rows[5] = of.k / 50 - 1
    rows[6] = 2 * of.band_place - 1
    rows[7] = of.j / 50 - 1
    rows[9] = of.cci / _CCI_SCALE
    return np.clip(rows, -1, 1, out=rows)


def zone_readings(of: Indicators) -> FloatArray:
    """Return the readings of the other school, shape (10, n), rows in the order of `NAMES`."""
    rows = np.empty((len(NAMES), len(of.close)))
    place_before, close_before = lagged(of.place, 1), lagged(of.close, 1)
    rows[0] = _zone(of.k_rsi, of.d_rsi, 0.2, 0.8)
    rows[1] = _select(
        of.place,
        (of.place <= 20, np.where(of.place > place_before, 1.0, 0.8)),
        (of.place >= 80, np.where(of.place < place_before, -1.0, -0.8)),
    )
    _trend_rows(rows, of)
    rows[5] = _zone(of.k, of.d, 20, 80)
    rows[6] = _select(
        of.band_place,
        (of.band_place < 0, np.where(of.close > close_before, 1.0, 0.5)),
        (of.band_place > 1, np.where(of.close < close_before, -1.0, -0.5)),
        (of.band_place > 0.8, 0.25),
        (of.band_place < 0.2, -0.25),
    )
    j, k, cci = of.j, of.k_kdj, of.cci
    rows[7] = _select(j, (j < -_NOISE, 1.0), (j > 100 + _NOISE, -1.0), (k < 20, 0.59), (k > 80, -0.59))
    rows[9] = _select(cci, (cci < -200, 1.0), (cci > 200, -1.0), (cci < -100, 0.625), (cci > 100, -0.625))
    return rows


def _trend_rows(rows: FloatArray, of: Indicators) -> None:
    """Fill in MACD, awesome oscillator, averages and volume: rows 2, 3, 4 and 8."""
    rows[2] = divide(of.histogram, _HISTOGRAM_ATRS * of.atr, otherwise=0.0)
    rows[3] = divide(of.awesome, _AWESOME_ATRS * of.atr, otherwise=0.0)
    order = np.sign(of.fast - of.medium) + np.sign(of.medium - of.slow) + np.sign(of.close - of.slow)
    rows[4] = order / 3
    rows[8] = of.obv_z
    for row in (2, 3, 8):
        np.tanh(rows[row], out=rows[row])


def _zone(k: FloatArray, d: FloatArray, low: float, high: float) -> FloatArray:
    """Return ±1 where %K crosses %D inside a zone, ±0.5 where it is there, 0 between the zones."""
    k_before, d_before = lagged(k, 1), lagged(d, 1)
    noise = _NOISE * (low + high)
    ahead, before = k - d, k_before - d_before
    up, down = (ahead > noise) & (before <= noise), (ahead < -noise) & (before >= -noise)
    known = k + d
    return _select(known, (k < low, np.where(up, 1.0, 0.5)), (k > high, np.where(down, -1.0, -0.5)))


def _select(known: FloatArray, *cases: tuple[BoolArray, FloatArray | float]) -> FloatArray:
    """Return the value of the first case that holds, 0 for none, NaN where `known` is."""
    chosen = np.select([holds for holds, _ in cases], [value for _, value in cases], 0.0)
    return np.where(np.isnan(known), np.nan, chosen)
