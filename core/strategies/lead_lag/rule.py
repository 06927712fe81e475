"""When the lead-lag strategy enters: news give the side, the lead confirms it, and memory weighs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

import numpy as np

from core.bars import Bars, BoolArray, FloatArray
from core.indicators import average_true_range, divide, lagged, rolling_max, rolling_min, rolling_sum
from core.strategies.decision import FLAT, RATE_DIGITS, Decision, EntryTerms, Standing
from core.strategies.evaluation import ArrayEvaluation, Reasons
from core.strategies.lead_lag.p_win import FEATURES, confidence_factor, learned
from core.strategies.lead_lag.parameters import LeadLagParameters
from core.strategies.lead_lag.sentiment import horizon_ms, sentiment
from core.strategies.lead_lag.trigger import Trigger, trigger
from core.strategies.market import MarketView, Observed, Series, spread_in
from core.strategies.protocol import Signals

ATR_BARS = 300
"""Wilder's average over 14 bars knows to nine digits by then."""
HOURLY = "1h"
_DAY, _WEEK = 24, 168
_ATR_SCALE = 0.02
_CROWDED = 0.85
_STOP_MAX = 0.99
_FUNDING_AGE_MS_MAX = 600_000


class Reason(StrEnum):
    """What keeps it from entering, in this order; shared codes are in `core.strategies.evaluation.Code`."""

    NO_NEWS = "NO_NEWS"
    NO_SIDE = "NO_SIDE"
    NOT_CONFIRMED = "NOT_CONFIRMED"
    AGAINST_TREND = "AGAINST_TREND"
    VOLUME_TOO_LOW = "VOLUME_TOO_LOW"
    ATR_TOO_LOW = "ATR_TOO_LOW"
    SHORT_NOT_ALLOWED = "SHORT_NOT_ALLOWED"
    ENTERED_LATELY = "ENTERED_LATELY"
    CONFIDENCE_TOO_LOW = "CONFIDENCE_TOO_LOW"
    CONFIRMED = "CONFIRMED"


_DEFAULTS = LeadLagParameters()


@dataclass(frozen=True, slots=True)
class LeadLag:
    """The strategy as `core.strategies.protocol.Strategy` describes one; it learns from its trades.

    It leaves by stop and target only, both set by the ATR at its entry.
    """

    name: ClassVar[str] = "lead-lag"
    summary: ClassVar[str] = "follows the news where bitcoin, moving first, confirms them"

    parameters: LeadLagParameters = _DEFAULTS

    @property
    def stop_loss_rate(self) -> Decimal:
        return self.parameters.stop_loss_rate

    @property
    def take_profit_rate(self) -> Decimal | None:
        return self.parameters.take_profit_rate

    def needs(self, traded: Series) -> Mapping[Series, int]:
        if traded.symbol == self.parameters.lead_symbol:
            raise ValueError(f"{traded.symbol} is what lead-lag takes the lead from; trade another symbol")
        bars = max(ATR_BARS, self.parameters.window + 1)
        hourly = Series(traded.symbol, HOURLY)
        return {
            Series(self.parameters.lead_symbol, traded.interval): bars,
            hourly: _WEEK + 1,
            traded: max(bars, _WEEK + 1) if traded == hourly else bars,
        }

    def observes(self) -> Observed:
        return Observed(news_ms=horizon_ms(self.parameters))

    def decide(self, view: MarketView, standing: Standing = FLAT) -> Decision:
        window = view.last(self.needs(view.traded))
        return self.evaluate(window).decide(len(window.bars) - 1, standing)

    def evaluate(self, view: MarketView) -> LeadLagEvaluation:
        rule, bars, traded = self.parameters, view.bars, view.traded
        lead = Series(rule.lead_symbol, traded.interval)
        prices = view.series.get(lead)
        closes = prices.close if prices is not None else np.empty(0)
        found = trigger(spread_in(closes, view.aligned(lead)), bars.close, rule)
        day = _Day.of(view)
        score, headlines = _sentiments(view, rule)
        side, weight = _side(score, day, rule)
        atr = average_true_range(bars.high, bars.low, bars.close) / bars.close
        gates = self._gates(side, headlines, found, day, atr)
        enters = np.logical_and.reduce(tuple(gates.values()))
        base = np.sqrt(weight * np.abs(found.correlation))
        stop, target, fraction = self._sizes(atr)
        features = {
            "sentiment": score,
            "correlation": found.correlation,
            "atr": np.clip(atr / _ATR_SCALE, 0, 1),
            "lag": found.lag / rule.lag_max,
            "base_confidence": base,
            "side_long": (side > 0).astype(np.float64),
        }
        never = np.zeros(len(bars), dtype=np.bool_)
        inner = ArrayEvaluation(
            bars=bars,
            computed=Signals(
                entry=np.where(enters, side, 0).astype(np.int8),
                exit_long=never,
                exit_short=never,
                stop_loss_rate=stop,
                take_profit_rate=target,
                fraction=fraction,
                leverage=np.full(len(bars), rule.leverage, dtype=np.int64),
                confirm=True,
                gates=gates,
            ),
            reasons=Reasons(Reason.CONFIRMED),
            standard=EntryTerms(rule.stop_loss_rate, rule.take_profit_rate, leverage=rule.leverage),
            readings={"sentiment": score, "correlation": found.correlation, "impulse": found.impulse},
            limits={
                "long_from": rule.long_min,
                "short_from": rule.short_max,
                "confidence_min": rule.confidence_min,
            },
            breakdown={
                **features,
                "headlines": headlines,
                "side": side.astype(np.float64),
                "lag_bars": found.lag.astype(np.float64),
                "predicted": found.predicted.astype(np.float64),
                "atr_rate": atr,
                "fraction": fraction,
                "day_change": day.change,
                "day_place": day.place,
                "volume_share": day.volume_share,
            },
        )
        return LeadLagEvaluation(inner, view, rule, side)

    def learn(self, memory: Mapping[str, float], entry: Decision, *, won: bool) -> Mapping[str, float]:
        features = {name: entry.breakdown[name] for name in FEATURES if name in entry.breakdown}
        if len(features) < len(FEATURES):
            return memory
        rule = self.parameters
        return learned(memory, features, won=won, rate=rule.learning_rate, regularization=rule.regularization)

    def _gates(
        self, side: FloatArray, headlines: FloatArray, found: Trigger, day: _Day, atr: FloatArray
    ) -> dict[str, BoolArray]:
        """Return whether each condition holds; comparisons with NaN are false, so what is missing blocks."""
        rule = self.parameters
        gates = {
            Reason.NO_NEWS: (headlines > 0) | (side != 0),
            Reason.NO_SIDE: side != 0,
            Reason.NOT_CONFIRMED: found.significant & (found.predicted == side),
            Reason.AGAINST_TREND: day.change * side >= -rule.trend_max,
            Reason.VOLUME_TOO_LOW: day.volume_share >= rule.volume_min,
            Reason.ATR_TOO_LOW: atr >= rule.atr_min,
            Reason.SHORT_NOT_ALLOWED: (side >= 0) | rule.allow_short,
        }
        return {str(reason): gate for reason, gate in gates.items()}

    def _sizes(self, atr: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return stop and target rates and the fraction of equity: risk at the stop, within the margin."""
        rule = self.parameters
        assumed = np.maximum(atr, rule.atr_floor)
        stop = rule.stop_atrs * assumed
        fraction = np.minimum(rule.risk_per_trade / stop, rule.margin_max * rule.leverage)
        known: FloatArray = np.where(np.isnan(fraction), 0.0, fraction)
        stop = np.minimum(stop, _STOP_MAX).round(RATE_DIGITS)
        return stop, (rule.target_atrs * assumed).round(RATE_DIGITS), known.round(RATE_DIGITS)


@dataclass(frozen=True, slots=True, eq=False)
class LeadLagEvaluation:
    """Lead-lag over all bars of a view; what was learned is weighed when a decision is asked for."""

    inner: ArrayEvaluation
    view: MarketView
    rule: LeadLagParameters
    side: FloatArray

    def signals(self) -> Signals:
        return self.inner.signals()

    def decide(self, index: int, standing: Standing = FLAT) -> Decision:
        plain = self.inner.decide(index, standing)
        if not plain.breakdown:
            return replace(plain, readings={**plain.readings, "confidence": None})
        confidence, factor = self._confidence(plain, standing)
        weighed = replace(
            self.inner, restrain=lambda _, standing: self._restraints(index, standing, confidence)
        ).decide(index, standing)
        return replace(
            weighed,
            readings={**weighed.readings, "confidence": confidence},
            breakdown={**weighed.breakdown, "memory_factor": factor},
        )

    def _confidence(self, plain: Decision, standing: Standing) -> tuple[float, float]:
        features = {name: plain.breakdown[name] for name in FEATURES}
        factor = confidence_factor(standing.memory, features, self.rule.learn_after)
        if self._is_crowded(plain.breakdown["side"]):
            factor *= _CROWDED
        return max(0.0, min(1.0, features["base_confidence"] * factor)), factor

    def _is_crowded(self, side: float) -> bool:
        live, limit = self.view.live, self.rule.crowded_funding
        if live is None or live.funding_rate is None or not limit:
            return False
        return live.is_fresh(live.funding_ts_ms, _FUNDING_AGE_MS_MAX) and live.funding_rate * side > limit

    def _restraints(self, index: int, standing: Standing, confidence: float) -> tuple[str, ...]:
        bars, blocked = self.view.bars, list[str]()
        now_ms = int(bars.open_time_ms[index]) + bars.interval_ms
        last_ms = standing.last_entry_ms
        if last_ms is not None and now_ms - last_ms < self.rule.entry_interval_s * 1_000:
            blocked.append(Reason.ENTERED_LATELY)
        if confidence < self.rule.confidence_min:
            blocked.append(Reason.CONFIDENCE_TOO_LOW)
        return tuple(blocked)


@dataclass(frozen=True, slots=True, eq=False)
class _Day:
    """The last 24 hours of what is traded, by its hourly bars, at each traded bar; shape (n,).

    `change`: of a day, `hour_change`: of an hour; `place`: in the range of the day, 0 … 1; `volume_share`:
    the day's volume in that of an average day of the week.
    """

    change: FloatArray
    hour_change: FloatArray
    place: FloatArray
    volume_share: FloatArray

    @classmethod
    def of(cls, view: MarketView) -> _Day:
        series = Series(view.traded.symbol, HOURLY)
        hours = view.series.get(series, Bars.from_rows((), 3_600_000))
        index = view.aligned(series)
        close = hours.close
        low = rolling_min(hours.low, _DAY)
        day, week = rolling_sum(hours.volume, _DAY), rolling_sum(hours.volume, _WEEK)
        return cls(
            change=spread_in(close / lagged(close, _DAY) - 1, index),
            hour_change=spread_in(close / lagged(close, 1) - 1, index),
            place=spread_in(divide(close - low, rolling_max(hours.high, _DAY) - low, otherwise=0.5), index),
            volume_share=spread_in(divide(day * (_WEEK // _DAY), week, otherwise=0.0), index),
        )


def _sentiments(view: MarketView, rule: LeadLagParameters) -> tuple[FloatArray, FloatArray]:
    """Return the sentiment at the close of each bar, 0 without news, and how many headlines still count."""
    result = np.zeros(len(view.bars))
    if not view.headlines or not len(view.bars):
        return result, np.zeros(len(view.bars))
    closes_ms = view.bars.open_time_ms + view.bars.interval_ms
    told_ms = np.sort(np.array([each.published_ms for each in view.headlines], dtype=np.int64))
    reach_ms = horizon_ms(rule)
    first, end = np.searchsorted(told_ms, closes_ms - reach_ms), np.searchsorted(told_ms, closes_ms, "right")
    by_time = sorted(view.headlines, key=lambda each: each.published_ms)
    for t in np.flatnonzero(end > first):
        result[t] = sentiment(by_time[first[t] : end[t]], int(closes_ms[t]), rule)
    return result, (end - first).astype(np.float64)


def _side(score: FloatArray, day: _Day, rule: LeadLagParameters) -> tuple[FloatArray, FloatArray]:
    """Return the side that news, the day's range and momentum give, −1, 0 or 1, and |sentiment| behind it."""
    side = np.where(score >= rule.long_min, 1.0, np.where(score <= rule.short_max, -1.0, 0.0))
    if rule.contrarian:
        side = np.where(day.place > rule.overbought, np.minimum(side, 0) - (side == 0), side)
        side = np.where(day.place < rule.oversold, np.maximum(side, 0) + (side == 0), side)
    weight = np.abs(score)
    if rule.momentum_override:
        up = (side == 0) & (day.hour_change > rule.momentum_min) & (day.place <= rule.overbought)
        down = (side == 0) & (day.hour_change < -rule.momentum_min) & (day.place >= rule.oversold)
        side = np.where(up, 1.0, np.where(down, -1.0, side))
        weight = np.where(up | down, np.maximum(weight, rule.momentum_sentiment), weight)
    return side, weight
