"""When the coherence strategy enters and leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import isnan
from typing import ClassVar

from core.bars import Bars
from core.strategies.coherence.field import NODES, Field, coherence_field
from core.strategies.coherence.parameters import CoherenceParameters
from core.strategies.coherence.self_test import self_test
from core.strategies.decision import (
    Action,
    Decision,
    Direction,
    PositionState,
    SelfTest,
    stop_price,
    target_price,
)


class Reason(StrEnum):
    """Why a decision is what it is, in the order of precedence of each state."""

    # flat
    UNDEFINED = "UNDEFINED"
    GAMMA_NOT_ABOVE_ENTER = "GAMMA_NOT_ABOVE_ENTER"
    TOO_FEW_VOTES = "TOO_FEW_VOTES"
    FIELD_TOO_WEAK = "FIELD_TOO_WEAK"
    SHORT_NOT_ALLOWED = "SHORT_NOT_ALLOWED"
    COHERENT = "COHERENT"
    # in a position; UNDEFINED comes third here: stop and target need no field
    STOP_TOUCHED = "STOP_TOUCHED"
    TARGET_TOUCHED = "TARGET_TOUCHED"
    FIELD_REVERSED = "FIELD_REVERSED"
    GAMMA_NOT_BELOW_EXIT = "GAMMA_NOT_BELOW_EXIT"
    HELD_TOO_SHORT = "HELD_TOO_SHORT"
    GAMMA_BELOW_EXIT = "GAMMA_BELOW_EXIT"


_DEFAULTS = CoherenceParameters()


@dataclass(frozen=True, slots=True)
class Coherence:
    """The strategy as `core.strategies.decision.Strategy` describes one."""

    name: ClassVar[str] = "coherence"

    parameters: CoherenceParameters = _DEFAULTS

    @property
    def bars_required(self) -> int:
        return self.parameters.warm_up + self.parameters.settling_bars

    @property
    def stop_loss_rate(self) -> Decimal:
        return self.parameters.stop_loss_rate

    @property
    def take_profit_rate(self) -> Decimal:
        return self.parameters.take_profit_rate

    def parameters_as_dict(self) -> dict[str, object]:
        return self.parameters.as_dict()

    def evaluate(self, bars: Bars) -> CoherenceEvaluation:
        return CoherenceEvaluation(bars, coherence_field(bars, self.parameters), self.parameters)

    def decide(self, bars: Bars, position: PositionState | None) -> Decision:
        return self.evaluate(bars).decide(len(bars) - 1, position)

    def self_test(self, bars: Bars) -> SelfTest:
        return self_test(
            bars, lambda some: coherence_field(some, self.parameters), bars_required=self.bars_required
        )


@dataclass(frozen=True, slots=True, eq=False)
class CoherenceEvaluation:
    """The field over `bars`, ready to be asked about any of them."""

    bars: Bars
    field: Field
    parameters: CoherenceParameters

    def decide(self, index: int, position: PositionState | None) -> Decision:
        if not 0 <= index < len(self.bars):
            raise ValueError(f"no bar {index} among {len(self.bars)}")
        lambda_ = float(self.field.lambda_[index])
        gamma = float(self.field.gamma[index])
        votes = int(self.field.votes[index])
        defined = not isnan(gamma)
        if position is None:
            action, reason = self._when_flat(lambda_, gamma, votes)
        else:
            action, reason = self._when_in(index, position, lambda_, gamma)
        return Decision(
            action=action,
            reason=reason,
            bar_open_time_ms=int(self.bars.open_time_ms[index]),
            lambda_=lambda_ if defined else None,
            gamma=gamma if defined else None,
            votes=votes,
            enter=self.parameters.enter,
            exit=self.parameters.exit,
            breakdown=self._breakdown(index) if defined else {},
        )

    def _when_flat(self, lambda_: float, gamma: float, votes: int) -> tuple[Action, Reason]:
        rule = self.parameters
        if isnan(gamma):
            return Action.STAY_FLAT, Reason.UNDEFINED
        if not gamma > rule.enter:
            return Action.STAY_FLAT, Reason.GAMMA_NOT_ABOVE_ENTER
        if votes < rule.votes_required:
            return Action.STAY_FLAT, Reason.TOO_FEW_VOTES
        if abs(lambda_) < rule.lambda_min:
            return Action.STAY_FLAT, Reason.FIELD_TOO_WEAK
        if lambda_ > 0:
            return Action.ENTER_LONG, Reason.COHERENT
        if not rule.allow_short:
            return Action.STAY_FLAT, Reason.SHORT_NOT_ALLOWED
        return Action.ENTER_SHORT, Reason.COHERENT

    def _when_in(
        self, index: int, position: PositionState, lambda_: float, gamma: float
    ) -> tuple[Action, Reason]:
        rule = self.parameters
        low, high = float(self.bars.low[index]), float(self.bars.high[index])
        stop = float(stop_price(position, rule.stop_loss_rate))
        target = float(target_price(position, rule.take_profit_rate))
        long = position.direction is Direction.LONG
        # Which of the two a bar touched first is not known, so the worse is assumed.
        if low <= stop if long else high >= stop:
            return Action.EXIT, Reason.STOP_TOUCHED
        if high >= target if long else low <= target:
            return Action.EXIT, Reason.TARGET_TOUCHED
        if isnan(gamma):
            return Action.HOLD, Reason.UNDEFINED
        if lambda_ * position.direction < 0:
            return Action.EXIT, Reason.FIELD_REVERSED
        if not gamma < rule.exit:
            return Action.HOLD, Reason.GAMMA_NOT_BELOW_EXIT
        if position.bars_held < rule.min_hold_bars:
            return Action.HOLD, Reason.HELD_TOO_SHORT
        return Action.EXIT, Reason.GAMMA_BELOW_EXIT

    def _breakdown(self, index: int) -> Mapping[str, float]:
        return dict(zip(NODES, self.field.nodes[:, index].tolist(), strict=True))
