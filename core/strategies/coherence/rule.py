"""When the coherence strategy enters and leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import isnan
from typing import ClassVar

import numpy as np

from core.bars import Bars, BoolArray
from core.strategies.coherence.field import NODES, Field, coherence_field
from core.strategies.coherence.parameters import CoherenceParameters
from core.strategies.coherence.self_test import self_test
from core.strategies.decision import (
    FLAT,
    NOTHING,
    Action,
    Decision,
    Direction,
    EntryTerms,
    PositionState,
    SelfTest,
    Standing,
    stop_price,
    target_price,
)
from core.strategies.market import MarketView, Series
from core.strategies.protocol import Signals


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
    """The strategy as `core.strategies.protocol.Strategy` describes one."""

    name: ClassVar[str] = "coherence"
    summary: ClassVar[str] = "enters while nine readings of trend agree, leaves when they no longer do"

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

    def needs(self, traded: Series) -> Mapping[Series, int]:
        return {traded: self.bars_required}

    def decide(self, view: MarketView, standing: Standing = FLAT) -> Decision:
        window = view.last(self.needs(view.traded))
        return self.evaluate(window).decide(len(window.bars) - 1, standing)

    def evaluate(self, view: MarketView) -> CoherenceEvaluation:
        return CoherenceEvaluation(view.bars, coherence_field(view.bars, self.parameters), self.parameters)

    def self_test(self, view: MarketView) -> SelfTest:
        return self_test(
            view.bars, lambda some: coherence_field(some, self.parameters), bars_required=self.bars_required
        )


@dataclass(frozen=True, slots=True, eq=False)
class CoherenceEvaluation:
    """The field over `bars`, ready to be asked about any of them."""

    bars: Bars
    field: Field
    parameters: CoherenceParameters

    def decide(self, index: int, standing: Standing = FLAT) -> Decision:
        if not 0 <= index < len(self.bars):
            raise ValueError(f"no bar {index} among {len(self.bars)}")
        lambda_ = float(self.field.lambda_[index])
        gamma = float(self.field.gamma[index])
        votes = int(self.field.votes[index])
        defined = not isnan(gamma)
        if standing.position is None:
            action, reason = self._when_flat(lambda_, gamma, votes)
        else:
            action, reason = self._when_in(index, standing.position, lambda_, gamma)
        rule = self.parameters
        entering = action in (Action.ENTER_LONG, Action.ENTER_SHORT)
        return Decision(
            action=action,
            reason=reason,
            bar_open_time_ms=int(self.bars.open_time_ms[index]),
            readings={"lambda": lambda_ if defined else None, "gamma": gamma if defined else None},
            limits={"enter": rule.enter, "exit": rule.exit},
            breakdown=self._breakdown(index) if defined else NOTHING,
            blocked=self._blocked(lambda_, gamma, votes),
            terms=EntryTerms(rule.stop_loss_rate, rule.take_profit_rate) if entering else None,
        )

    def signals(self) -> Signals:
        rule, field = self.parameters, self.field
        # Comparisons with NaN are false: what is undefined neither opens nor closes.
        gates: dict[str, BoolArray] = {
            Reason.GAMMA_NOT_ABOVE_ENTER: field.gamma > rule.enter,
            Reason.TOO_FEW_VOTES: field.votes >= rule.votes_required,
            Reason.FIELD_TOO_WEAK: np.abs(field.lambda_) >= rule.lambda_min,
            Reason.SHORT_NOT_ALLOWED: (field.lambda_ > 0) | rule.allow_short,
        }
        enters = np.logical_and.reduce(tuple(gates.values()))
        # A field of exactly 0 points down, as `_when_flat` has it.
        side = np.where(field.lambda_ > 0, 1, -1)
        return Signals(
            entry=np.where(enters, side, 0).astype(np.int8),
            exit_long=field.lambda_ < 0,
            exit_short=field.lambda_ > 0,
            exit_held=field.gamma < rule.exit,
            min_hold_bars=rule.min_hold_bars,
            stop_loss_rate=np.full(len(self.bars), float(rule.stop_loss_rate)),
            take_profit_rate=np.full(len(self.bars), float(rule.take_profit_rate)),
            gates=gates,
        )

    def _blocked(self, lambda_: float, gamma: float, votes: int) -> tuple[str, ...]:
        """Name every condition of an entry that does not hold."""
        rule = self.parameters
        if isnan(gamma):
            return (Reason.UNDEFINED,)
        held = {
            Reason.GAMMA_NOT_ABOVE_ENTER: gamma > rule.enter,
            Reason.TOO_FEW_VOTES: votes >= rule.votes_required,
            Reason.FIELD_TOO_WEAK: abs(lambda_) >= rule.lambda_min,
            Reason.SHORT_NOT_ALLOWED: lambda_ > 0 or rule.allow_short,
        }
        return tuple(reason for reason, holds in held.items() if not holds)

    def _when_flat(self, lambda_: float, gamma: float, votes: int) -> tuple[Action, Reason]:
        blocked = self._blocked(lambda_, gamma, votes)
        if blocked:
            return Action.STAY_FLAT, Reason(blocked[0])
        return (Action.ENTER_LONG if lambda_ > 0 else Action.ENTER_SHORT), Reason.COHERENT

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
        nodes = dict(zip(NODES, self.field.nodes[:, index].tolist(), strict=True))
        return {**nodes, "votes": float(self.field.votes[index])}
