"""The textbook's moving-average cross: an example to read, and the load that back-tests are measured with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

import numpy as np

from core.indicators import exponential_average
from core.strategies.decision import FLAT, Decision, EntryTerms, Standing
from core.strategies.evaluation import ArrayEvaluation, Reasons
from core.strategies.market import MarketView, Series
from core.strategies.parameters import check, parameter
from core.strategies.protocol import Signals

_SETTLING_WINDOWS = 10


class Reason(StrEnum):
    """The strategy's codes; those that all strategies share are in `core.strategies.evaluation.Code`."""

    NO_CROSS = "NO_CROSS"
    CROSSED_UP = "CROSSED_UP"
    FAST_BELOW_SLOW = "FAST_BELOW_SLOW"
    FAST_NOT_BELOW_SLOW = "FAST_NOT_BELOW_SLOW"


@dataclass(frozen=True, slots=True)
class EmaCrossParameters:
    """Windows in bars, rates as fractions of the entry price. Raises ValueError naming every bad value."""

    fast: int = parameter(12, "bars of the fast average", low=2, high=5_000)
    slow: int = parameter(26, "bars of the slow average", low=3, high=10_000)
    stop_loss_rate: Decimal = parameter(Decimal("0.02"), "loss that ends a position", above=0, below=1)
    take_profit_rate: Decimal = parameter(Decimal("0.04"), "gain that ends a position", above=0, below=1)

    def __post_init__(self) -> None:
        check(self, "ema-cross", *self._findings())

    def _findings(self) -> Iterator[str]:
        if self.fast >= self.slow:
            yield f"fast must be below slow, were {self.fast} and {self.slow}"


_DEFAULTS = EmaCrossParameters()


@dataclass(frozen=True, slots=True)
class EmaCross:
    """Enters long as the fast average rises above the slow one, leaves when it is below."""

    name: ClassVar[str] = "ema-cross"
    summary: ClassVar[str] = "enters as the fast average crosses above the slow one; an example, no more"

    parameters: EmaCrossParameters = _DEFAULTS

    @property
    def stop_loss_rate(self) -> Decimal:
        return self.parameters.stop_loss_rate

    @property
    def take_profit_rate(self) -> Decimal:
        return self.parameters.take_profit_rate

    def needs(self, traded: Series) -> Mapping[Series, int]:
        return {traded: self.parameters.slow * _SETTLING_WINDOWS}

    def decide(self, view: MarketView, standing: Standing = FLAT) -> Decision:
        window = view.last(self.needs(view.traded))
        return self.evaluate(window).decide(len(window.bars) - 1, standing)

    def evaluate(self, view: MarketView) -> ArrayEvaluation:
        rule, bars = self.parameters, view.bars
        fast = exponential_average(bars.close, rule.fast)
        slow = exponential_average(bars.close, rule.slow)
        # Comparisons with NaN are false: what is undefined neither opens nor closes.
        above = fast > slow
        crossed = np.zeros(len(bars), dtype=np.bool_)
        crossed[1:] = above[1:] & (fast <= slow)[:-1]
        signals = Signals(
            entry=crossed.astype(np.int8),
            exit_long=fast < slow,
            exit_short=above,
            stop_loss_rate=np.full(len(bars), float(rule.stop_loss_rate)),
            take_profit_rate=np.full(len(bars), float(rule.take_profit_rate)),
            gates={str(Reason.NO_CROSS): crossed},
        )
        return ArrayEvaluation(
            bars=bars,
            computed=signals,
            reasons=Reasons(Reason.CROSSED_UP, Reason.FAST_BELOW_SLOW, stay=Reason.FAST_NOT_BELOW_SLOW),
            standard=EntryTerms(rule.stop_loss_rate, rule.take_profit_rate),
            readings={"fast": fast, "slow": slow},
        )
