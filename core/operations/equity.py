"""What the account is worth while a run decides and holds: a strategy is told, a fall ends a position."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from core.clock import utc_day
from core.desk import Desk
from core.instrument import Instrument
from core.operations.breakers import look_at_equity
from core.operations.observe import observe_equity
from core.risk.breakers import ENDS_POSITIONS, DayOpening, lost_rate
from core.risk.facts import RiskFacts

LOOK_EACH_MS = 60_000


@dataclass(frozen=True, slots=True)
class EquityNow:
    """`equity`: in quote. `drawdown_rate`: of what the UTC day began with, below 0 for a gain."""

    equity: float
    drawdown_rate: float | None


@dataclass(slots=True)
class EquityWatch:
    """Asks what all that is held is worth; where breakers bind, they see it too.

    `tell`: says why a position ends.
    """

    desk: Desk
    instrument: Instrument
    dry_run: bool
    tell: Callable[[str], None]
    _opening: DayOpening | None = field(default=None, init=False)
    _looked_ms: int = field(default=0, init=False)

    async def look(self) -> EquityNow:
        """Ask now. Raises what reads raise, and Refused JOURNAL_UNWRITABLE."""
        self._looked_ms = self.desk.clock.now_ms()
        facts = await observe_equity(self.desk, self.instrument, dry_run=self.dry_run)
        assert facts.portfolio is not None  # noqa: S101 - it was looked at
        lost = look_at_equity(self.desk, facts) if self.desk.is_measured else self._lost(facts)
        return EquityNow(float(facts.portfolio.equity.value), None if lost is None else float(lost))

    async def ends_position(self) -> bool:
        """Tell whether a drawdown has latched a breaker, whichever process saw it; looks once a minute.

        Raises as `look`.
        """
        desk = self.desk
        if not desk.is_measured:
            return False
        if desk.clock.now_ms() - self._looked_ms >= LOOK_EACH_MS * desk.clock_speed:
            await self.look()
        for each in desk.journal.breakers(desk.account).latched(desk.venue_now_ms()):
            if each.breaker in ENDS_POSITIONS:
                self.tell(f"leaving {self.instrument.symbol}: {each.breaker}, {each.reason}")
                return True
        return False

    def _lost(self, facts: RiskFacts) -> Decimal | None:
        """Return the day's loss where no breaker counts it: of the equity itself, since the first look."""
        assert facts.portfolio is not None  # noqa: S101 - it was looked at
        now_ms, equity = self.desk.venue_now_ms(), facts.portfolio.equity
        if self._opening is None or self._opening.day < utc_day(now_ms):
            self._opening = DayOpening(utc_day(now_ms), equity, equity, now_ms)
        return lost_rate(self._opening, equity)
