"""The textbook's moving-average cross: an example to read, and the load that back-tests are measured with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import isnan
from typing import ClassVar

import numpy as np

from core.bars import Bars, FloatArray
from core.indicators import exponential_average
from core.strategies.decision import (
    FLAT,
    Action,
    Decision,
    EntryTerms,
    PositionState,
    Standing,
    stop_price,
    target_price,
)
from core.strategies.market import MarketView, Series
from core.strategies.parameters import check, parameter
from core.strategies.protocol import Signals

_SETTLING_WINDOWS = 10


class Reason(StrEnum):
    """Why a decision is what it is, in the order of precedence of each state."""

    UNDEFINED = "UNDEFINED"
    NO_CROSS = "NO_CROSS"
    CROSSED_UP = "CROSSED_UP"
    STOP_TOUCHED = "STOP_TOUCHED"
    TARGET_TOUCHED = "TARGET_TOUCHED"
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

    def evaluate(self, view: MarketView) -> EmaCrossEvaluation:
        close = view.bars.close
        fast = exponential_average(close, self.parameters.fast)
        return EmaCrossEvaluation(
            view.bars, fast, exponential_average(close, self.parameters.slow), self.parameters
        )


@dataclass(frozen=True, slots=True, eq=False)
class EmaCrossEvaluation:
    """Both averages over `bars`, shape (n,), ready to be asked about any of them."""

    bars: Bars
    fast: FloatArray
    slow: FloatArray
    parameters: EmaCrossParameters

    def decide(self, index: int, standing: Standing = FLAT) -> Decision:
        if not 0 <= index < len(self.bars):
            raise ValueError(f"no bar {index} among {len(self.bars)}")
        fast, slow = float(self.fast[index]), float(self.slow[index])
        defined = not isnan(slow)
        if standing.position is None:
            action, reason = self._when_flat(index, fast, slow)
        else:
            action, reason = self._when_in(index, fast, slow, standing.position)
        rule = self.parameters
        entering = action is Action.ENTER_LONG
        return Decision(
            action=action,
            reason=reason,
            bar_open_time_ms=int(self.bars.open_time_ms[index]),
            readings={"fast": fast if defined else None, "slow": slow if defined else None},
            terms=EntryTerms(rule.stop_loss_rate, rule.take_profit_rate) if entering else None,
        )

    def signals(self) -> Signals:
        # Comparisons with NaN are false: what is undefined neither opens nor closes.
        above = self.fast > self.slow
        entry = np.zeros(len(self.bars), dtype=np.int8)
        entry[1:] = above[1:] & (self.fast <= self.slow)[:-1]
        below = self.fast < self.slow
        rule, count = self.parameters, len(self.bars)
        return Signals(
            entry=entry,
            exit_long=below,
            exit_short=above,
            stop_loss_rate=np.full(count, float(rule.stop_loss_rate)),
            take_profit_rate=np.full(count, float(rule.take_profit_rate)),
        )

    def _when_flat(self, index: int, fast: float, slow: float) -> tuple[Action, Reason]:
        if isnan(slow):
            return Action.STAY_FLAT, Reason.UNDEFINED
        if index > 0 and fast > slow and self.fast[index - 1] <= self.slow[index - 1]:
            return Action.ENTER_LONG, Reason.CROSSED_UP
        return Action.STAY_FLAT, Reason.NO_CROSS

    def _when_in(
        self, index: int, fast: float, slow: float, position: PositionState
    ) -> tuple[Action, Reason]:
        rule = self.parameters
        terms = position.terms or EntryTerms(rule.stop_loss_rate, rule.take_profit_rate)
        if float(self.bars.low[index]) <= float(stop_price(position, terms.stop_loss_rate)):
            return Action.EXIT, Reason.STOP_TOUCHED
        target = terms.take_profit_rate
        if target is not None and float(self.bars.high[index]) >= float(target_price(position, target)):
            return Action.EXIT, Reason.TARGET_TOUCHED
        if isnan(slow):
            return Action.HOLD, Reason.UNDEFINED
        if fast < slow:
            return Action.EXIT, Reason.FAST_BELOW_SLOW
        return Action.HOLD, Reason.FAST_NOT_BELOW_SLOW
