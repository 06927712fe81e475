"""When the confluence strategy enters: a score of ten indicators, and seven gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

import numpy as np

from core.bars import Bars, BoolArray, FloatArray, IntArray
from core.indicators import exponential_average
from core.intervals import INTERVALS_MS
from core.strategies.confluence.live import FLOW_MS, LEVELS, live_points, opposite_depth, spread
from core.strategies.confluence.parameters import ConfluenceParameters
from core.strategies.confluence.readings import NAMES
from core.strategies.confluence.score import Score, SignalClass, candle_score, classes
from core.strategies.confluence.sizing import Sizes, sizes
from core.strategies.decision import FLAT, Decision, EntryTerms, Standing
from core.strategies.evaluation import ArrayEvaluation, Reasons
from core.strategies.market import LiveMarket, MarketView, Observed, Series, same_interval, spread_in
from core.strategies.protocol import Signals

BARS = 600
"""Averages over 50 bars know to nine digits by then; the regime looks at 200 values of the ATR."""
DAY_MS = INTERVALS_MS["1d"]
_TREND_WINDOW = 50


class Reason(StrEnum):
    """The seven gates, and what is checked besides; shared codes are in `core.strategies.evaluation.Code`."""

    SCORE = "SCORE"
    CONFLUENCE = "CONFLUENCE"
    CONFIDENCE = "CONFIDENCE"
    TREND = "TREND"
    DRAWDOWN = "DRAWDOWN"
    SPREAD = "SPREAD"
    LIQUIDITY = "LIQUIDITY"
    ALIGNMENT = "ALIGNMENT"
    FULL_ALIGNMENT = "FULL_ALIGNMENT"
    NO_SIZE = "NO_SIZE"
    SHORT_NOT_ALLOWED = "SHORT_NOT_ALLOWED"
    ALL_GATES_OPEN = "ALL_GATES_OPEN"


_DEFAULTS = ConfluenceParameters()


@dataclass(frozen=True, slots=True)
class Confluence:
    """The strategy as `core.strategies.protocol.Strategy` describes one.

    It leaves by stop and target only, both set by the leverage at its entry.
    """

    name: ClassVar[str] = "confluence"
    summary: ClassVar[str] = "enters when a score of ten indicators passes seven gates on several intervals"

    parameters: ConfluenceParameters = _DEFAULTS

    @property
    def stop_loss_rate(self) -> Decimal:
        return self.parameters.stop_loss_rate

    @property
    def take_profit_rate(self) -> Decimal | None:
        return self.parameters.take_profit_rate

    def needs(self, traded: Series) -> Mapping[Series, int]:
        rule = self.parameters
        intervals = same_interval(traded, (*rule.intervals, rule.trend_interval))
        day = DAY_MS // INTERVALS_MS.get(traded.interval, DAY_MS)
        return {
            Series(traded.symbol, interval): max(BARS, day) if interval == traded.interval else BARS
            for interval in intervals
        }

    def observes(self) -> Observed:
        return Observed(book_levels=LEVELS, flow_ms=FLOW_MS) if self.parameters.microstructure else Observed()

    def decide(self, view: MarketView, standing: Standing = FLAT) -> Decision:
        window = view.last(self.needs(view.traded))
        return self.evaluate(window).decide(len(window.bars) - 1, standing)

    def evaluate(self, view: MarketView) -> ArrayEvaluation:
        rule, bars = self.parameters, view.bars
        score = candle_score(bars, rule)
        live = view.live if rule.microstructure and len(bars) else None
        extra = live_points(live, rule.live_points, rule.flow_trades_min) if live is not None else {}
        total = score.total.copy()
        if extra:
            total[-1] += sum(extra.values())
        gates = self._gates(view, score, total, live)
        enters = np.logical_and.reduce(tuple(gates.values()))
        size = sizes(bars.close, score.atr, score.confidence, enters, rule)
        gates[str(Reason.NO_SIZE)] = size.fraction > 0
        enters &= size.fraction > 0
        labels = classes(total)
        known = ~np.isnan(total)
        return ArrayEvaluation(
            bars=bars,
            computed=Signals(
                entry=np.where(enters, np.sign(np.where(known, total, 0)), 0).astype(np.int8),
                exit_long=np.zeros(len(bars), dtype=np.bool_),
                exit_short=np.zeros(len(bars), dtype=np.bool_),
                stop_loss_rate=size.stop_loss_rate,
                take_profit_rate=size.take_profit_rate,
                fraction=size.fraction,
                leverage=size.leverage,
                confirm=rule.drawdown_max < 1,
                gates=gates,
                classes={each.name: known & (labels == each) for each in SignalClass},
            ),
            reasons=Reasons(Reason.ALL_GATES_OPEN),
            standard=EntryTerms(rule.stop_loss_rate, rule.take_profit_rate),
            readings={"score": total, "confidence": score.confidence},
            limits={"score_min": rule.score_min, "confidence_min": rule.confidence_min},
            breakdown=_breakdown(score, size, extra, enters),
            restrain=lambda index, standing: self._restraints(
                standing,
                live if index == len(bars) - 1 else None,
                side=1 if total[index] > 0 else -1,
                fraction=float(size.fraction[index]),
            ),
        )

    def _gates(
        self, view: MarketView, score: Score, total: FloatArray, live: LiveMarket | None
    ) -> dict[str, BoolArray]:
        """Return whether each gate is open at each bar; comparisons with NaN are false, so what is missing
        closes its gate. DRAWDOWN and the depth of LIQUIDITY depend on where we stand."""
        rule = self.parameters
        side = np.sign(np.where(np.isnan(total), 0, total))
        winning = np.where(score.buys > score.sells, 1, np.where(score.sells > score.buys, -1, 0))
        aligned, intervals = self._aligned(view, score, side)
        size = np.abs(total)
        gates = {
            Reason.SCORE: (size >= rule.score_min) & (size <= rule.score_max),
            Reason.CONFLUENCE: (np.maximum(score.buys, score.sells) >= rule.indicators_min)
            & (winning == side),
            Reason.CONFIDENCE: score.confidence >= rule.confidence_min,
            Reason.TREND: self._trend(view) * side > 0,
            Reason.SPREAD: self._spread_gate(len(view.bars), live),
            Reason.LIQUIDITY: _turnover(view.bars) >= rule.turnover_min,
            Reason.ALIGNMENT: aligned >= rule.aligned_min,
            Reason.SHORT_NOT_ALLOWED: (side > 0) | rule.allow_short | (side == 0),
        }
        if rule.block_full_alignment:
            gates[Reason.FULL_ALIGNMENT] = aligned < intervals
        return {str(reason): gate for reason, gate in gates.items()}

    def _aligned(self, view: MarketView, score: Score, side: FloatArray) -> tuple[IntArray, int]:
        """Return how many intervals have a class with the sign of the score at each bar, and of how many."""
        rule, traded = self.parameters, view.traded
        intervals = same_interval(traded, rule.intervals)
        count = np.zeros(len(view.bars), dtype=np.int64)
        for interval in intervals:
            series = Series(traded.symbol, interval)
            if series == traded:
                direction = np.sign(score.classes).astype(np.float64)
            else:
                other = view.series.get(series)
                own = candle_score(other, rule).classes if other is not None else np.empty(0)
                direction = spread_in(np.sign(own).astype(np.float64), view.aligned(series))
            count += (direction == side) & (side != 0)
        return count, len(intervals)

    def _trend(self, view: MarketView) -> FloatArray:
        """Return 1 or −1 where the close of the trend interval is above or below its average."""
        series = Series(view.traded.symbol, self.parameters.trend_interval)
        bars = view.series.get(series)
        if bars is None:
            return np.full(len(view.bars), np.nan)
        return spread_in(
            np.sign(bars.close - exponential_average(bars.close, _TREND_WINDOW)), view.aligned(series)
        )

    def _spread_gate(self, count: int, live: LiveMarket | None) -> BoolArray:
        """Bars alone have no spread; with a live market the last bar does."""
        gate = np.ones(count, dtype=np.bool_)
        if live is not None:
            known = spread(live)
            gate[-1] = known is not None and known <= self.parameters.spread_max
        return gate

    def _restraints(
        self, standing: Standing, live: LiveMarket | None, *, side: int, fraction: float
    ) -> tuple[str, ...]:
        rule, blocked = self.parameters, list[str]()
        if standing.drawdown_rate is None or not standing.drawdown_rate < rule.drawdown_max:
            blocked.append(Reason.DRAWDOWN)
        if live is not None and standing.equity is not None:
            depth = opposite_depth(live, side)
            if depth is None or fraction * standing.equity > rule.depth_share_max * depth:
                blocked.append(Reason.LIQUIDITY)
        return tuple(blocked)


def _turnover(bars: Bars) -> FloatArray:
    """Return the volume of the last 24 hours; NaN where fewer are known, or a bar is longer."""
    window = DAY_MS // bars.interval_ms
    result = np.full(len(bars), np.nan)
    if window and len(bars) >= window:
        total = np.concatenate(([0.0], np.cumsum(bars.volume)))
        result[window - 1 :] = total[window:] - total[:-window]
    return result


def _breakdown(
    score: Score, size: Sizes, extra: Mapping[str, float], enters: BoolArray
) -> dict[str, FloatArray]:
    parts = dict(zip(NAMES, score.points, strict=True))
    for name, points in extra.items():
        parts[name] = np.full(len(score.total), np.nan)
        parts[name][-1] = points
    return parts | {
        "buy_votes": score.buys.astype(np.float64),
        "sell_votes": score.sells.astype(np.float64),
        "atr": score.atr,
        "regime": size.regime.astype(np.float64),
        "leverage": size.leverage.astype(np.float64),
        # What a position would measure that is not entered is not worked out in full.
        "fraction": np.where(enters, size.fraction, np.nan),
    }
