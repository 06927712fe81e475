"""What the reconciliation writes down: coverage, breaks with identity and age, acceptances, whole runs."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.account import AccountKey
from core.journal import reconciliation_rows as sql
from core.journal import statements
from core.journal.own_books import NO_END, OwnBook
from core.journal.store import Append, Store
from core.reconciliation import Break, BreakClass
from core.values import EXACT

Change = tuple[str, Mapping[str, object]]
"""(kind, payload) of an event"""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far a symbol was compared: the highest venue_order_id and trade_id, -1 for nothing yet."""

    orders_to: int = -1
    trades_to: int = -1


@dataclass(frozen=True, slots=True)
class KnownBreak:
    """A break as the journal keeps it. `first_seen_ms`: since when, over all runs; it may be accepted."""

    break_id: str
    found: Break
    first_seen_ms: int
    accepted_ms: int | None
    reason: str

    @property
    def is_open(self) -> bool:
        return self.accepted_ms is None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One whole run. `until_ms`: the venue's time up to which the books were compared; `time_ms`: ours when
    it ended. `open_breaks`: class -> count; `transfers_to_ms`: None where the venue tells of none.
    """

    time_ms: int
    until_ms: int
    open_breaks: Mapping[str, int]
    accepted: int
    full: bool
    coverage: Mapping[str, Coverage]
    transfers_to_ms: int | None

    @property
    def is_clean(self) -> bool:
        return not any(BreakClass(name).is_break for name in self.open_breaks)


def break_id(account: AccountKey, subject: str) -> str:
    """Return the name of a break for a command line, the same in every run."""
    return hashlib.sha256(f"{account} {subject}".encode()).hexdigest()[:8]


class Reconciliations:
    """The reconciliations of one account, as events and as what follows from them."""

    def __init__(self, store: Store, account: AccountKey) -> None:
        self._store = store
        self._account = account
        self._key = str(account)
        self.own = OwnBook(store, account)

    def coverage(self) -> dict[str, Coverage]:
        rows = self._store.rows(sql.COVERAGE, (self._key,))
        return {row["symbol"]: Coverage(row["orders_to"], row["trades_to"]) for row in rows}

    def breaks(self) -> tuple[KnownBreak, ...]:
        """Return open and accepted breaks: oldest first, an order before its trades."""
        known = [_known(row) for row in self._store.rows(sql.BREAKS, (self._key,))]
        return tuple(sorted(known, key=_reading_order))

    def adjustments(self) -> dict[str, dict[str, Decimal]]:
        """Return break_id -> asset -> what the balance equation counts in for it."""
        found: dict[str, dict[str, Decimal]] = {}
        for row in self._store.rows(sql.ADJUSTMENTS, (self._key,)):
            found.setdefault(row["break_id"], {})[row["asset"]] = Decimal(row["amount"])
        return found

    def newest(self, before_ms: int = NO_END) -> Reconciled | None:
        """Return the newest whole run, or the newest that went no further than a time of the venue."""
        row = self._store.row(sql.NEWEST_RECONCILIATION, (self._key, before_ms))
        return None if row is None else _reconciled(json.loads(row["record"]))

    def head(self) -> int:
        """Return the number of the newest event of the journal, whoever wrote it."""
        row = self._store.row(statements.HEAD)
        return 0 if row is None else int(row["sequence"])

    def filled_since(self, head: int) -> bool:
        """Tell whether a fill was recorded after an event."""
        return self._store.row(sql.FILLED_SINCE, (head, self._key)) is not None

    def record_covered(
        self,
        symbol: str,
        coverage: Coverage,
        found: Sequence[Break] = (),
        ended: Collection[str] = (),
    ) -> None:
        """Write down how far a symbol was compared and what was found on the way; nothing when all is known.

        `ended`: ids of breaks that are no more. An accepted break that is found as it was stays accepted.
        Which of a break's effects count is left as it is: that the balances tell, at the end of a run.
        """
        changes = self._news(found, ended, same=_same_facts)
        if coverage != self.coverage().get(symbol, Coverage()):
            told = {"symbol": symbol, "orders_to": coverage.orders_to, "trades_to": coverage.trades_to}
            changes.append(("COVERED", told))
        self._write(changes)

    def record_breaks(self, found: Sequence[Break], ended: Collection[str] = ()) -> None:
        """Write down breaks that belong to no symbol's coverage."""
        self._write(self._news(found, ended, same=_same))

    def _news(
        self, found: Sequence[Break], ended: Collection[str], same: Callable[[KnownBreak, Break], bool]
    ) -> list[Change]:
        """Return what is not known yet; an alarm stands in the same transaction as what it is about."""
        news: list[Change] = [("BREAK_ENDED", {"break_id": name}) for name in sorted(ended)]
        alarms: dict[str, str] = {}
        for each in found:
            name = break_id(self._account, each.subject)
            row = self._store.row(sql.BREAK, (self._key, name))
            known = None if row is None else _known(row)
            if known is not None and same(known, each):
                continue
            news.append(("BREAK", self._payload(each)))
            if each.is_alarming and not (known and known.is_open and known.found.is_alarming):
                alarms[name] = each.explanation
        return [*news, ("INTRUDER_ALARM", {"breaks": alarms})] if alarms else news

    def accept(self, known: KnownBreak, reason: str, *, booked: bool = False) -> None:
        """Write down that a human accepted a break: an adjustment of the equation, and no fill.

        `booked`: its trade was booked from the venue instead, so nothing remains to adjust.
        """
        adjustments = {} if booked else dict(known.found.effects)
        if known.found.break_class is BreakClass.BALANCE:
            for asset, amount in self.adjustments().get(known.break_id, {}).items():
                adjustments[asset] = EXACT.add(adjustments.get(asset, Decimal(0)), amount)
        told = self._payload(known.found)
        self._write([("BREAK_ACCEPTED", {**told, "adjustments": adjustments, "reason": reason})])

    def delisted(self) -> frozenset[str]:
        """Return the symbols that the venue tells nothing of any more, and never will."""
        rows = self._store.rows(sql.DELISTED, (self._key,))
        return frozenset(json.loads(row["payload"])["symbol"] for row in rows)

    def record_delisted(self, symbol: str, reason: str) -> None:
        """Write down that a human no longer expects the venue to tell of a symbol."""
        self._write([("SYMBOL_DELISTED", {"symbol": symbol, "reason": reason})])

    def record_reconciled(self, run: Reconciled) -> None:
        """Write down a whole run."""
        told = {
            "time_ms": run.time_ms,
            "until_ms": run.until_ms,
            "open_breaks": run.open_breaks,
            "accepted": run.accepted,
            "full": run.full,
            "coverage": {name: [each.orders_to, each.trades_to] for name, each in run.coverage.items()},
            "transfers_to_ms": run.transfers_to_ms,
        }
        self._write([("RECONCILED", told)])

    def _payload(self, found: Break) -> dict[str, object]:
        return {
            "break_id": break_id(self._account, found.subject),
            "class": found.break_class,
            "became": found.became,
            "subject": found.subject,
            "symbol": found.symbol,
            "explanation": found.explanation,
            "ours": found.ours,
            "theirs": found.theirs,
            "effects": found.effects,
            "venue_order_id": found.venue_order_id,
            "trade_id": found.trade_id,
        }

    def _write(self, changes: Sequence[Change]) -> None:
        def body(append: Append) -> None:
            for kind, told in changes:
                append(kind, self._key, told)

        if changes:
            self._store.write(body, may_use_reserve=False)


def _same_facts(known: KnownBreak, found: Break) -> bool:
    # An accepted residue is counted in: one that is found is another, even of the same amount.
    is_another = found.break_class is BreakClass.BALANCE and not known.is_open
    return not is_another and known.found.facts() == found.facts()


def _same(known: KnownBreak, found: Break) -> bool:
    return _same_facts(known, found) and (not known.is_open or known.found == found)


def _reading_order(known: KnownBreak) -> tuple[int, int, int, str]:
    found = known.found
    return known.first_seen_ms, found.venue_order_id or 0, found.trade_id or 0, found.subject


def _known(row: sqlite3.Row) -> KnownBreak:
    told: dict[str, Any] = json.loads(row["record"])
    found = Break(
        break_class=BreakClass(told["class"]),
        subject=told["subject"],
        explanation=told["explanation"],
        ours=told["ours"],
        theirs=told["theirs"],
        effects={asset: Decimal(amount) for asset, amount in told["effects"].items()},
        became=None if told["became"] is None else BreakClass(told["became"]),
        symbol=told["symbol"],
        venue_order_id=told["venue_order_id"],
        trade_id=told["trade_id"],
    )
    return KnownBreak(row["break_id"], found, row["first_seen_ms"], row["accepted_ms"], row["reason"])


def _reconciled(told: Mapping[str, Any]) -> Reconciled:
    coverage = {name: Coverage(*each) for name, each in told["coverage"].items()}
    return Reconciled(**{**told, "coverage": coverage})
