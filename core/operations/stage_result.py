"""What a stage has to show, filled while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.gates import StagePlan
from core.operations.round_trip import OpenTrade, Trade
from core.stages import Gate
from core.values import Money

if TYPE_CHECKING:
    from core.strategies.decision import Decision


@dataclass(frozen=True, slots=True)
class SignalView:
    """What the strategy says at one bar; `readings` and `limits` as in its decision."""

    strategy: str
    readings: Mapping[str, float | None]
    limits: Mapping[str, float]

    @classmethod
    def of(cls, strategy: str, decision: Decision) -> SignalView:
        return cls(strategy, decision.readings, decision.limits)


@dataclass(slots=True)
class StageResult:
    """Filled while the stage runs, so that a refused or broken run still shows how far it came.

    `refused`: a gate is closed. `unfinished`: a trade that was entered and not left.
    """

    plan: StagePlan
    gates: tuple[Gate, ...] = ()
    refused: bool = False
    free: Money | None = None
    signal: SignalView | None = None
    trades: list[Trade] = field(default_factory=list)
    unfinished: OpenTrade | None = None
    evidence_id: str | None = None
    audit_log: str | None = None
