"""Rehearse an incident: look at both sides until it has ended, and write down how long that took.

What was rehearsed is one event of the operator's own journal, `DRILL`; the incident itself has a home, a
journal and a venue of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from core.account import AccountKey
from core.clock import Clock
from core.drills.conditions import Condition, Sight, VenueSight
from core.drills.incidents import Incident
from core.drills.record import record_drill
from core.errors import Interrupted, ReconciliationBreak, TraderError
from core.ids import is_ours
from core.journal.history import Selection
from core.operations.positions import open_positions
from core.operations.protection import protection
from core.stages import TradingState
from core.values import EXACT

if TYPE_CHECKING:
    from core.journal import Journal

ENDED = "the incident has ended"
INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A rehearsal under way, since the operator was told. `began_ms`: on a clock that only grows."""

    incident: Incident
    clock: Clock
    limit_ms: int
    started_ms: int
    began_ms: float

    @classmethod
    def begin(cls, incident: Incident, clock: Clock, limit_ms: int) -> Attempt:
        return cls(incident, clock, limit_ms, clock.now_ms(), clock.monotonic_ms())

    def elapsed_ms(self) -> int:
        return round(self.clock.monotonic_ms() - self.began_ms)

    @property
    def is_late(self) -> bool:
        return self.elapsed_ms() > self.limit_ms

    def end(self, standing: Sequence[Condition], why: str, *, at_terminal: bool) -> Ended:
        """End it now. It is passed when everything holds within the limit, whatever else is the reason."""
        took_ms = self.elapsed_ms()
        passed = took_ms <= self.limit_ms and all(each.holds for each in standing)
        return Ended(
            name=self.incident.name,
            passed=passed,
            why=ENDED if passed else why,
            started_ms=self.started_ms,
            took_ms=took_ms,
            standing=tuple(standing),
            at_terminal=at_terminal,
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """How a rehearsal ended. `at_terminal`: whether somebody typed, and no script."""

    name: str
    passed: bool
    why: str
    started_ms: int
    took_ms: int
    standing: tuple[Condition, ...]
    at_terminal: bool

    def record(self, journal: Journal, code_digest: str) -> None:
        """Write it down. Raises Refused JOURNAL_UNWRITABLE."""
        record_drill(journal, self, code_digest)

    def failure(self) -> TraderError | None:
        """Return why it does not count: Interrupted, or ReconciliationBreak DRILL_GIVEN_UP."""
        if self.passed:
            return None
        left = ", ".join(each.detail for each in self.standing if not each.holds)
        message = f"the drill {self.name} does not count: {self.why}; left: {left or 'nothing, but too late'}"
        hint = f"`trader drill {self.name}` begins it again"
        if self.why == INTERRUPTED:
            return Interrupted(message, hint=hint)
        return ReconciliationBreak(message, code="DRILL_GIVEN_UP", hint=hint)


def sight(
    journal: Journal, account: AccountKey, venue: VenueSight, *, symbol: str, base_asset: str, after: int
) -> Sight:
    """Look at the books, with what the venue showed. `after`: the journal's event at which it began."""
    held = open_positions(journal, account)
    halts = journal.history.events(Selection(kinds=("TRADING_STATE",)), after=after)
    compared = journal.history.events(Selection(kinds=("RECONCILED",)), after=after)
    state = journal.trading_state(account)
    own = journal.position(account, symbol).quantity.value
    opening = journal.history.opening_balances(account, dry_run=False).get(base_asset, Decimal(0))
    strangers = [name for name in venue.open_orders if not is_ours(name, journal.installation_id)]
    return Sight(
        state=state,
        was_halted=state is TradingState.HALTED
        or any(link.stored.event().payload["state"] == TradingState.HALTED for link in halts),
        unsettled=tuple(each.order.client_order_id for each in journal.unsettled(account)),
        quarantined=journal.quarantined(account),
        positions=tuple(f"{each.quantity} of {each.symbol}" for each in held),
        bare=tuple(each.symbol for each in held if not protection(journal, account, each.symbol).is_whole),
        compared=any(link.stored.account == str(account) for link in compared),
        open_breaks=sum(
            each.is_open and each.found.break_class.is_break
            for each in journal.reconciliations(account).breaks()
        ),
        ours_open=tuple(name for name in venue.open_orders if name not in strangers),
        strangers_open=tuple(strangers),
        difference=EXACT.subtract(EXACT.subtract(venue.total.get(base_asset, Decimal(0)), opening), own),
        venue=venue,
    )
