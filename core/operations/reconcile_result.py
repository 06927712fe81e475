"""What a reconciliation found, filled while it runs, and what that means for the exit code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from core.account import AccountKey
from core.errors import ReconciliationBreak
from core.journal.reconciliations import KnownBreak
from core.operations.exposure import Exposure
from core.reconciliation import RULES, BreakClass


@dataclass(slots=True)
class ReconcileResult:
    """One run on one account. Times of the venue, except `started_ms` and `ended_ms`.

    `transfers`: how many the venue told; None where it cannot. `foreign_at_opening`: (symbol,
    venue_order_id, client_order_id) of what was open when the books were, said in the first run only.
    `delisted`: symbols that the venue no longer tells of, as a human said before;
    `elsewhere`: accounts with something on them that this run did not reach; `not_covered`: the others.
    """

    account: AccountKey
    started_ms: int
    full: bool = False
    ended_ms: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    delisted: tuple[str, ...] = ()
    symbols: list[str] = field(default_factory=list)
    swept: list[str] = field(default_factory=list)
    orders: int = 0
    trades: int = 0
    transfers: int | None = None
    breaks: tuple[KnownBreak, ...] = ()
    residues: dict[str, Decimal] = field(default_factory=dict)
    accepted: tuple[KnownBreak, ...] = ()
    booked: list[str] = field(default_factory=list)
    found_late: list[str] = field(default_factory=list)
    halted: bool = False
    foreign_at_opening: tuple[tuple[str, int, str], ...] = ()
    elsewhere: tuple[Exposure, ...] = ()
    not_covered: tuple[AccountKey, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether everything was compared, and nothing differs."""
        return self.until_ms is not None and not self.open_breaks and not self.elsewhere

    @property
    def open_breaks(self) -> tuple[KnownBreak, ...]:
        """Return what makes the books differ; what may only be late is not among it."""
        return tuple(each for each in self.breaks if each.found.break_class.is_break)

    @property
    def late(self) -> tuple[KnownBreak, ...]:
        return tuple(each for each in self.breaks if not each.found.break_class.is_break)

    @property
    def intruders(self) -> tuple[KnownBreak, ...]:
        """Return what means that somebody else may have the key."""
        return tuple(each for each in self.open_breaks if each.found.is_alarming)

    def counts(self) -> dict[str, int]:
        """Return class -> number of open breaks and of what may only be late."""
        return dict(Counter(str(each.found.break_class) for each in self.breaks))

    @property
    def difference(self) -> ReconciliationBreak | None:
        """What was found as an error: BOOKS_DIFFER, or BOOKS_NOT_COVERED for exposure out of reach."""
        if self.open_breaks:
            shown = "; ".join(
                f"{each.found.break_class} {each.break_id}: {each.found.explanation}"
                for each in self.open_breaks[:3]
            )
            more = f"; and {len(self.open_breaks) - 3} more" if len(self.open_breaks) > 3 else ""
            return ReconciliationBreak(
                f"{len(self.open_breaks)} break(s): {shown}{more}",
                code="BOOKS_DIFFER",
                hint=RULES[self._worst()].advice,
                details={"breaks": [each.break_id for each in self.open_breaks]},
            )
        if self.elsewhere:
            return ReconciliationBreak(
                f"not reconciled, though something is there: {'; '.join(map(str, self.elsewhere))}",
                code="BOOKS_NOT_COVERED",
                hint="run it with the settings of that account: TRADER_VENUE, BINANCE_USE_TESTNET, the key",
                details={"accounts": [str(each.account) for each in self.elsewhere]},
            )
        return None

    def _worst(self) -> BreakClass:
        first = self.intruders or self.open_breaks
        return first[0].found.break_class
