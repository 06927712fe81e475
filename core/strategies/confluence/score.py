"""The score: readings by their points, the votes behind it, its class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from core.bars import Bars, FloatArray, IntArray
from core.strategies.confluence.parameters import PURITY, ZONE, ConfluenceParameters
from core.strategies.confluence.readings import (
    NAMES,
    REACH,
    Indicators,
    center_readings,
    indicators,
    latest_indicators,
    zone_readings,
)

THRESHOLDS = (40.0, 65.0, 95.0, 130.0)
"""Least |score| of a weak, plain, strong and extreme signal."""


class SignalClass(IntEnum):
    """The nine classes; the sign is that of the score."""

    EXTREME_SELL = -4
    STRONG_SELL = -3
    SELL = -2
    SELL_WEAK = -1
    NEUTRAL = 0
    BUY_WEAK = 1
    BUY = 2
    STRONG_BUY = 3
    EXTREME_BUY = 4


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """The score at every bar. NaN, no votes and class 0 where it is undefined.

    `points`: shape (10, n), rows in the order of `NAMES`; the others: shape (n,). `total`: −160 … 160 from
    candles. `confidence`: 0 … 1. `classes`: values of `SignalClass`. `atr`: in quote.
    """

    points: FloatArray
    total: FloatArray
    buys: IntArray
    sells: IntArray
    confidence: FloatArray
    classes: IntArray
    atr: FloatArray


def candle_score(bars: Bars, rule: ConfluenceParameters) -> Score:
    """Score all bars by their candles; a value at `t` depends on bars up to `t` only."""
    of = indicators(bars)
    readings = _readings(of, rule)
    readings[:, : rule.candles_min - 1] = np.nan
    return score_of(readings, of.atr, rule)


def latest_scores(many: Sequence[Bars], rule: ConfluenceParameters) -> Score:
    """Score the last bar of many series at once: its arrays run over the series instead of over bars.

    A series of fewer than `candles_min` bars is undefined. For all others it is the last of `candle_score`,
    but `atr` is a fraction of the last close.
    """
    enough = [index for index, bars in enumerate(many) if len(bars) >= max(rule.candles_min, REACH)]
    readings, atr = np.full((len(NAMES), len(many)), np.nan), np.full(len(many), np.nan)
    if enough:
        of = latest_indicators([many[index] for index in enough])
        # Of each series two bars are there: in the zones it counts whether an indicator rises or falls.
        readings[:, enough], atr[enough] = _readings(of, rule)[:, 1::2], (of.atr / of.close)[1::2]
    return score_of(readings, atr, rule)


def _readings(of: Indicators, rule: ConfluenceParameters) -> FloatArray:
    return zone_readings(of) if rule.reading == ZONE else center_readings(of)


def score_of(readings: FloatArray, atr: FloatArray, rule: ConfluenceParameters) -> Score:
    """Score readings, shape (10, n). A bar is undefined unless all of them are."""
    weights = np.fromiter(rule.points, np.float64, len(NAMES))
    points = weights[:, None] * readings
    # The readings are summed in one order at every bar: a matrix product may take another for a part of them.
    total = np.add.reduce(points, axis=0)
    buys = np.count_nonzero(readings >= rule.vote_min, axis=0)
    sells = np.count_nonzero(readings <= -rule.vote_min, axis=0)
    if rule.confidence_form == PURITY:
        gross = np.add.reduce(np.abs(points), axis=0)
        confidence = np.abs(total) / np.where(gross == 0, 1.0, gross)
    else:
        confidence = np.maximum(buys, sells) / len(NAMES)
    known = ~np.isnan(total)
    return Score(
        points=points,
        total=total,
        buys=np.where(known, buys, 0),
        sells=np.where(known, sells, 0),
        confidence=np.where(known, confidence, np.nan),
        classes=classes(total),
        atr=atr,
    )


def classes(total: FloatArray) -> IntArray:
    """Return the class of each score, as values of `SignalClass`; 0 where it is NaN."""
    size = np.abs(total)
    level = np.zeros(len(total), dtype=np.int64)
    for threshold in THRESHOLDS:
        level += size >= threshold  # false for NaN
    return np.where(total < 0, -level, level)
