"""Decisions out of signals: what a strategy computed as arrays, asked about one bar.

A strategy that describes itself this way decides bar by bar what its arrays say, because it is the arrays
that are asked. `Signals` says in which order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import isnan

from core.bars import Bars, FloatArray
from core.strategies.decision import (
    FLAT,
    NOTHING,
    Action,
    Decision,
    Direction,
    EntryTerms,
    PositionState,
    Standing,
    rate,
    stop_price,
    target_price,
)
from core.strategies.protocol import Signals


class Code(StrEnum):
    """Reasons that every such strategy has."""

    UNDEFINED = "UNDEFINED"
    STOP_TOUCHED = "STOP_TOUCHED"
    TARGET_TOUCHED = "TARGET_TOUCHED"
    NOT_REARMED = "NOT_REARMED"


@dataclass(frozen=True, slots=True)
class Reasons:
    """The strategy's own codes: why it enters, why it leaves by a signal, if it does, and why it stays in."""

    enter: str
    leave: str = ""
    leave_held: str = ""
    stay: str = "HOLDING"


@dataclass(frozen=True, slots=True, eq=False)
class ArrayEvaluation:
    """What a strategy computed over `bars`; arrays of shape (n,), NaN where undefined.

    `standard`: the terms of a position that has none of its own. `readings`, `limits`, `breakdown`: as a
    decision shows them. `restrain`: (index, standing) -> codes that
    keep it from entering because of where we stand, for strategies whose signals say `confirm`.
    """

    bars: Bars
    computed: Signals
    reasons: Reasons
    standard: EntryTerms
    readings: Mapping[str, FloatArray]
    limits: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    breakdown: Mapping[str, FloatArray] = field(default_factory=lambda: NOTHING)
    restrain: Callable[[int, Standing], tuple[str, ...]] | None = None

    def signals(self) -> Signals:
        return self.computed

    def decide(self, index: int, standing: Standing = FLAT) -> Decision:
        if not 0 <= index < len(self.bars):
            raise ValueError(f"no bar {index} among {len(self.bars)}")
        readings = {name: float(values[index]) for name, values in self.readings.items()}
        defined = not any(isnan(value) for value in readings.values())
        blocked = self._blocked(index, standing, defined=defined)
        terms = None
        if standing.position is not None:
            action, reason = self._when_in(index, standing.position)
        elif blocked:
            action, reason = Action.STAY_FLAT, blocked[0]
        else:
            action = Action.ENTER_LONG if self.computed.entry[index] > 0 else Action.ENTER_SHORT
            reason, terms = self.reasons.enter, self.terms(index)
        return Decision(
            action=action,
            reason=reason,
            bar_open_time_ms=int(self.bars.open_time_ms[index]),
            readings={name: None if isnan(value) else value for name, value in readings.items()},
            limits=self.limits,
            breakdown=self._breakdown(index) if defined else NOTHING,
            blocked=blocked,
            label=next((name for name, member in self.computed.classes.items() if member[index]), None),
            terms=terms,
        )

    def terms(self, index: int) -> EntryTerms:
        """Return the terms of a position entered at a bar."""
        computed = self.computed
        target = float(computed.take_profit_rate[index])
        fraction = None if computed.fraction is None else float(computed.fraction[index])
        return EntryTerms(
            stop_loss_rate=rate(float(computed.stop_loss_rate[index])),
            take_profit_rate=None if isnan(target) else rate(target),
            fraction=None if fraction is None or isnan(fraction) else rate(fraction),
            leverage=1 if computed.leverage is None else int(computed.leverage[index]),
        )

    def _blocked(self, index: int, standing: Standing, *, defined: bool) -> tuple[str, ...]:
        if not defined:
            return (Code.UNDEFINED,)
        closed = tuple(code for code, holds in self.computed.gates.items() if not holds[index])
        if not self._is_armed(index, standing):
            closed = (*closed, Code.NOT_REARMED)
        if self.restrain is not None:
            closed = (*closed, *self.restrain(index, standing))
        return tuple(dict.fromkeys(closed))

    def _is_armed(self, index: int, standing: Standing) -> bool:
        """Tell whether the excursion that ended in a stop is over; one before the first bar is."""
        if standing.last_stop_ms is None or self.computed.rearm is None:
            return True
        first_close_ms = int(self.bars.open_time_ms[0]) + self.bars.interval_ms
        stopped = -((first_close_ms - standing.last_stop_ms) // self.bars.interval_ms)
        return stopped < 0 or bool(self.computed.rearm[stopped : index + 1].any())

    def _when_in(self, index: int, position: PositionState) -> tuple[Action, str]:
        computed, long = self.computed, position.direction is Direction.LONG
        terms = position.terms or self.standard
        close = float(self.bars.close[index])
        low, high = float(self.bars.low[index]), float(self.bars.high[index])
        worst, best = (low, high) if long else (high, low)
        if computed.stops_on_close:
            worst = best = close
        # Which of the two a bar touched first is not known, so the worse is assumed.
        if (float(stop_price(position, terms.stop_loss_rate)) - worst) * position.direction >= 0:
            return Action.EXIT, Code.STOP_TOUCHED
        target = terms.take_profit_rate
        if target is not None and (best - float(target_price(position, target))) * position.direction >= 0:
            return Action.EXIT, Code.TARGET_TOUCHED
        if (computed.exit_long if long else computed.exit_short)[index]:
            return Action.EXIT, self.reasons.leave
        held = computed.exit_held
        if held is not None and held[index] and position.bars_held >= computed.min_hold_bars:
            return Action.EXIT, self.reasons.leave_held
        return Action.HOLD, self.reasons.stay

    def _breakdown(self, index: int) -> Mapping[str, float]:
        parts = ((name, float(values[index])) for name, values in self.breakdown.items())
        return {name: value for name, value in parts if not isnan(value)}
