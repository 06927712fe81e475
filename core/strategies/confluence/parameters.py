"""The confluence strategy's parameters and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal

from core.intervals import INTERVALS_MS
from core.strategies.parameters import check, parameter

CENTER, ZONE = "center", "zone"
VOTES, PURITY = "votes", "purity"


@dataclass(frozen=True, slots=True)
class Points:
    """The most that each indicator of the candles can add to the score, or take from it; 160 together."""

    stochastic_rsi: float = parameter(40.0, "points of the stochastic RSI", low=0)
    williams_r: float = parameter(22.0, "points of Williams %R", low=0)
    macd: float = parameter(18.0, "points of the MACD histogram", low=0)
    awesome: float = parameter(17.0, "points of the awesome oscillator", low=0)
    ema_trend: float = parameter(15.0, "points of the order of three averages", low=0)
    stochastic: float = parameter(10.0, "points of the slow stochastic", low=0)
    bollinger: float = parameter(10.0, "points of the place in the bands", low=0)
    kdj: float = parameter(10.0, "points of J", low=0)
    obv: float = parameter(10.0, "points of on-balance volume", low=0)
    cci: float = parameter(8.0, "points of the commodity channel index", low=0)

    def __post_init__(self) -> None:
        check(self, "confluence")

    def __iter__(self) -> Iterator[float]:
        return (getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True, slots=True)
class LivePoints:
    """The most that what only a live venue tells can add or take; 60 together."""

    depth: float = parameter(15.0, "points of the order book's imbalance", low=0)
    flow: float = parameter(15.0, "points of takers' buys against sells", low=0)
    basis: float = parameter(15.0, "points of mark against index, contrarian", low=0)
    funding: float = parameter(15.0, "points of the funding rate, contrarian", low=0)

    def __post_init__(self) -> None:
        check(self, "confluence")

    def __iter__(self) -> Iterator[float]:
        return (getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True, slots=True)
class ConfluenceParameters:
    """Scores in points, counts of indicators and intervals, rates as fractions, ROI on margin.

    Raises ValueError naming every bad value.
    """

    reading: str = parameter(CENTER, "what an oscillator's extreme means", choices=(CENTER, ZONE))
    confidence_form: str = parameter(VOTES, "how confidence is measured", choices=(VOTES, PURITY))
    candles_min: int = parameter(100, "bars before the first score", low=50, high=1_000)
    vote_min: float = parameter(0.2, "smallest reading that votes", above=0, high=1)
    score_min: float = parameter(75.0, "smallest |score| that may enter", low=0, high=220)
    score_max: float = parameter(220.0, "largest |score| that may enter", above=0, high=220)
    indicators_min: int = parameter(4, "indicators that must agree", low=1, high=10)
    confidence_min: float = parameter(0.85, "smallest confidence that may enter", low=0, high=1)
    intervals: tuple[str, ...] = parameter(
        ("5m", "15m", "30m", "1h"), "whose classes must agree", choices=tuple(INTERVALS_MS)
    )
    aligned_min: int = parameter(2, "intervals that must agree, the traded one included", low=0, high=15)
    block_full_alignment: bool = parameter(False, "whether agreement of all intervals is too much")
    trend_interval: str = parameter(
        "1h", "whose close must be beyond its EMA 50", choices=tuple(INTERVALS_MS)
    )
    drawdown_max: float = parameter(0.03, "fall of equity in a UTC day that stops entries", above=0, high=1)
    spread_max: float = parameter(0.0005, "largest spread, as a fraction of the middle", above=0, below=1)
    turnover_min: float = parameter(5_000_000.0, "quote turnover of 24 hours", low=0)
    depth_share_max: float = parameter(0.1, "largest share of the opposite 20 levels", above=0, high=1)
    flow_trades_min: int = parameter(50, "trades of 60 s below which taker flow says nothing", low=1)
    microstructure: bool = parameter(True, "whether what only a live venue tells counts")
    stop_roi: float = parameter(0.06, "loss on margin that ends a position", above=0, high=1)
    target_roi: float = parameter(0.15, "gain on margin that ends a position", above=0, high=10)
    leverage: float = parameter(6.0, "in a market of medium volatility", low=1, high=10)
    leverage_min: int = parameter(1, "smallest leverage", low=1, high=10)
    leverage_max: int = parameter(10, "largest leverage", low=1, high=10)
    margin: float = parameter(0.02, "margin of a position, as a fraction of equity", above=0, high=0.05)
    margin_max: float = parameter(0.05, "most margin of a position", above=0, high=0.05)
    allow_short: bool = parameter(False, "whether it may sell what it does not have")
    points: Points = Points()
    live_points: LivePoints = LivePoints()

    def __post_init__(self) -> None:
        check(self, "confluence", *self._findings())

    @property
    def stop_loss_rate(self) -> Decimal:
        """The price move of the stop at the plain leverage."""
        return round(Decimal(self.stop_roi) / Decimal(self.leverage), 8)

    @property
    def take_profit_rate(self) -> Decimal:
        return round(Decimal(self.target_roi) / Decimal(self.leverage), 8)

    def _findings(self) -> Iterator[str]:
        if not self.leverage_min <= self.leverage <= self.leverage_max:
            yield (
                f"leverage must be from leverage_min to leverage_max, were {self.leverage_min}, "
                f"{self.leverage} and {self.leverage_max}"
            )
        if self.stop_roi >= self.leverage_min:
            yield f"stop_roi must be below leverage_min, were {self.stop_roi} and {self.leverage_min}"
        if self.margin > self.margin_max:
            yield f"margin must not be above margin_max, were {self.margin} and {self.margin_max}"
        if self.score_min > self.score_max:
            yield f"score_min must not be above score_max, were {self.score_min} and {self.score_max}"
