"""Where a run stands, bar by bar, as a back-test keeps it: the two must ask a strategy the same question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from core.strategies.decision import NOTHING, Action, Decision, PositionState, Standing
from core.strategies.protocol import Learning

if TYPE_CHECKING:
    from core.operations.equity import EquityNow
    from core.strategies import Strategy


@dataclass(slots=True)
class RunStanding:
    """Times are closes of bars. `decided_ms`: of the newest bar that was decided on; none is acted on twice.
    `equity`: when that was last known.

    `ended`: a position that a stop or target ended since the newest decision. Up to the close of the bar in
    which it did, the strategy is asked about it once more, and a bar that exits never enters.
    """

    strategy: Strategy
    interval_ms: int
    decided_ms: int = 0
    equity: EquityNow | None = None
    _entry: Decision | None = None
    _entry_ms: int | None = None
    _stop_ms: int | None = None
    _ended: PositionState | None = None
    _ended_ms: int = 0
    _memory: Mapping[str, float] = field(default_factory=lambda: NOTHING)

    def entered(self, decision: Decision, close_ms: int) -> None:
        self._entry, self._entry_ms, self._stop_ms = decision, close_ms, None

    def position(self, entry_price: Decimal, now_ms: int) -> PositionState:
        """Return the position at the close of a bar, with the terms it was entered with."""
        terms = None if self._entry is None else self._entry.terms
        return PositionState(entry_price, self._held(now_ms), terms=terms)

    def holding(self, position: PositionState) -> Standing:
        return replace(self._flat(), position=position)

    def waiting(self, now_ms: int) -> Standing:
        """Return where we stand while nothing is held."""
        if self._ended is None or now_ms <= self.decided_ms:
            return self._flat()
        ended = replace(self._ended, bars_held=self._held(now_ms))
        return replace(self._flat(), position=ended)

    def decided(self, close_ms: int, decision: Decision) -> None:
        self.decided_ms = close_ms
        if self._ended is None:
            return
        held_at_close = close_ms <= self._ended_ms
        if held_at_close and decision.action is Action.EXIT:
            # It was to be sold at the next open, where its stop was quicker: the decision has ended it.
            self._ended = self._stop_ms = None
        elif not held_at_close:
            self._ended = None

    def left(self, position: PositionState | None, ended_ms: int, *, by_stop: bool, won: bool) -> None:
        """Note the end of a trade. `position`: None when a decision ended it, not its stop or target.

        `ended_ms`: time of its last fill.
        """
        self._ended, self._ended_ms = position, ended_ms
        if by_stop and self._entry_ms is not None:
            bars = (ended_ms - self._entry_ms) // self.interval_ms + 1
            self._stop_ms = self._entry_ms + bars * self.interval_ms
        if self._entry is not None and isinstance(self.strategy, Learning):
            self._memory = self.strategy.learn(self._memory, self._entry, won=won)

    def _held(self, now_ms: int) -> int:
        return max(1, (now_ms - (self._entry_ms or now_ms)) // self.interval_ms)

    def _flat(self) -> Standing:
        known = self.equity
        return Standing(
            last_entry_ms=self._entry_ms,
            last_stop_ms=self._stop_ms,
            drawdown_rate=None if known is None else known.drawdown_rate,
            equity=None if known is None else known.equity,
            memory=self._memory,
        )
