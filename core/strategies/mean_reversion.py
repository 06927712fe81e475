"""Mean reversion: buys what fell far from its mean, sells what rose, and leaves as it comes back.

    z = (C − mean)/deviation over the last n closes, the newest included          (deviation: population)
    d = max(stop, k·σ·√n)                            stop distance; σ: deviation of the last n log returns
    fraction = min(cap, risk/d, target/σ_year)       of equity;     σ_year = σ·√(bars of 365 days)

The rules are those of the published Aetherion engine. There a cap on the size bound always, so that neither
risk nor volatility mattered, and after a stop it went into the same excursion again (docs/strategies.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

import numpy as np

from core.bars import FloatArray
from core.indicators import NEAR_ZERO, log_returns, rolling_std, z_score
from core.strategies.decision import FLAT, RATE_DIGITS, Decision, EntryTerms, Standing
from core.strategies.evaluation import ArrayEvaluation, Reasons
from core.strategies.market import MarketView, Series
from core.strategies.parameters import check, parameter
from core.strategies.protocol import Signals

YEAR_MS = 365 * 86_400_000
_REARM_WINDOWS = 10


class Reason(StrEnum):
    """The strategy's codes; those that all strategies share are in `core.strategies.evaluation.Code`."""

    NOT_FAR_ENOUGH = "NOT_FAR_ENOUGH"
    NO_SIZE = "NO_SIZE"
    SHORT_NOT_ALLOWED = "SHORT_NOT_ALLOWED"
    FAR_FROM_MEAN = "FAR_FROM_MEAN"
    BACK_AT_MEAN = "BACK_AT_MEAN"


@dataclass(frozen=True, slots=True)
class MeanReversionParameters:
    """Windows in bars, z in deviations, rates as fractions. Raises ValueError naming every bad value."""

    lookback: int = parameter(20, "bars of mean and deviation", low=2, high=2_000)
    entry_z: float = parameter(2.0, "distance from the mean beyond which it enters", above=0, high=10)
    exit_z: float = parameter(0.5, "distance within which it leaves and arms again", low=0, high=10)
    stop_loss_rate: Decimal = parameter(Decimal("0.02"), "smallest stop distance", above=0, below=1)
    stop_sigmas: float = parameter(3.0, "stop in deviations over the lookback, 0: fixed stop", low=0, high=20)
    risk_per_trade: float = parameter(0.01, "equity lost at the stop", above=0, high=0.1)
    max_position: float = parameter(0.1, "largest position, as a fraction of equity", above=0, high=1)
    target_volatility: float = parameter(0.2, "volatility a year that a position may add", above=0, high=5)
    rearm: bool = parameter(True, "whether a stop blocks entries until the price is back at its mean")
    allow_short: bool = parameter(False, "whether it may sell what it does not have")

    def __post_init__(self) -> None:
        check(self, "mean-reversion", *self._findings())

    def _findings(self) -> Iterator[str]:
        if self.exit_z >= self.entry_z:
            yield f"exit_z must be below entry_z, were {self.exit_z} and {self.entry_z}"


_DEFAULTS = MeanReversionParameters()


@dataclass(frozen=True, slots=True)
class MeanReversion:
    """The strategy as `core.strategies.protocol.Strategy` describes one."""

    name: ClassVar[str] = "mean-reversion"
    summary: ClassVar[str] = "buys far below the mean, leaves as the price comes back, sized by volatility"

    parameters: MeanReversionParameters = _DEFAULTS

    @property
    def stop_loss_rate(self) -> Decimal:
        return self.parameters.stop_loss_rate

    @property
    def take_profit_rate(self) -> Decimal | None:
        return None

    def needs(self, traded: Series) -> Mapping[Series, int]:
        # One more close than returns; and as far back as a stop is remembered.
        return {traded: self.parameters.lookback * (1 + _REARM_WINDOWS) + 1}

    def decide(self, view: MarketView, standing: Standing = FLAT) -> Decision:
        window = view.last(self.needs(view.traded))
        return self.evaluate(window).decide(len(window.bars) - 1, standing)

    def evaluate(self, view: MarketView) -> ArrayEvaluation:
        rule, bars = self.parameters, view.bars
        z = z_score(bars.close, rule.lookback)
        sigma = rolling_std(log_returns(bars.close), rule.lookback)
        distance, fraction = position_size(sigma, YEAR_MS / bars.interval_ms, rule)
        # Comparisons with NaN are false: what is undefined neither opens nor closes.
        side = np.where(z < -rule.entry_z, 1, np.where(z > rule.entry_z, -1, 0)).astype(np.int8)
        gates = {
            str(Reason.NOT_FAR_ENOUGH): side != 0,
            str(Reason.NO_SIZE): fraction > 0,
            str(Reason.SHORT_NOT_ALLOWED): (side >= 0) | rule.allow_short,
        }
        signals = Signals(
            entry=np.where(np.logical_and.reduce(tuple(gates.values())), side, 0).astype(np.int8),
            exit_long=z >= -rule.exit_z,
            exit_short=z <= rule.exit_z,
            stop_loss_rate=distance,
            take_profit_rate=np.full(len(bars), np.nan),
            stops_on_close=True,
            rearm=np.abs(z) < rule.exit_z if rule.rearm else None,
            fraction=fraction,
            gates=gates,
        )
        return ArrayEvaluation(
            bars=bars,
            computed=signals,
            reasons=Reasons(Reason.FAR_FROM_MEAN, Reason.BACK_AT_MEAN),
            standard=EntryTerms(rule.stop_loss_rate),
            readings={"z": z},
            limits={"enter_below": -rule.entry_z, "leave_above": -rule.exit_z},
            breakdown={"sigma_bar": sigma, "stop_distance": distance, "fraction": fraction},
        )


def position_size(
    sigma: FloatArray, bars_a_year: float, rule: MeanReversionParameters
) -> tuple[FloatArray, FloatArray]:
    """Return (stop distance, fraction of equity) for deviations of log returns a bar, each shape (n,).

    NaN and 0 while the deviation is undefined; a deviation of 0 leaves the cap and the risk to decide.
    """
    moving = np.where(sigma < NEAR_ZERO, 0.0, sigma)
    distance = np.maximum(float(rule.stop_loss_rate), rule.stop_sigmas * moving * np.sqrt(rule.lookback))
    with np.errstate(divide="ignore"):
        by_volatility = rule.target_volatility / (moving * np.sqrt(bars_a_year))
    fraction = np.minimum(np.minimum(rule.max_position, rule.risk_per_trade / distance), by_volatility)
    known = np.isfinite(sigma) & (distance < 1)
    distance = np.where(known, distance, np.nan).round(RATE_DIGITS)
    return distance, np.where(known, fraction, 0.0).round(RATE_DIGITS)
