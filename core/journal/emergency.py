"""What a reducing order writes down when the journal cannot: one JSON line each, fsynced, taken in later.

Law 1 wants an order on disk before it is sent, law 7 wants reducing risk to be always possible. So an order
that only reduces falls back from the journal to a plain file in the home, from there to one in another
folder, and at last, loudly, to nothing. The next journal of the same installation that can be written takes
the file in: otherwise it would believe that what was sold is still held.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from core.account import AccountKey
from core.clock import Clock
from core.errors import TraderError
from core.ids import client_order_id, emergency_sequence
from core.journal import recording
from core.journal.chain import canonical_json, plain
from core.journal.journal import Journal
from core.journal.records import Quarantine
from core.orders import Fill, IllegalTransition, Intent, OrderReport, OrderRequest, OrderStatus, SendOnce
from core.risk.approval import Approved
from core.stages import TradingState

EMERGENCY = "emergency.ndjson"
T = TypeVar("T")


class EmergencyJournal:
    """The journal as the order path uses it, for orders that only reduce, whatever happens to the journal.

    `folders`: where the file may lie, best first. `say`: tells the operator what could not be written. An
    intent that is nowhere on disk is sent all the same: its name says at the venue whose it is.
    """

    def __init__(
        self,
        journal: Journal | None,
        folders: Sequence[Path],
        installation_id: str,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._folders = folders
        self._installation_id = installation_id
        self._clock = clock
        self._say = say
        self._sequence = 0

    @property
    def fell_back(self) -> bool:
        """Whether the journal does not know all that was sent."""
        return self._journal is None

    def trading_state(self, account: AccountKey) -> TradingState:
        return self._journal.trading_state(account) if self._journal else TradingState.HALTED

    def note_symbol(
        self, account: AccountKey, symbol: str, base_asset: str, quote_asset: str, last_trade_id: int | None
    ) -> None:
        def note(journal: Journal) -> bool:
            journal.note_symbol(account, symbol, base_asset, quote_asset, last_trade_id)
            return True

        if not self._in_journal(note):
            told = {"symbol": symbol, "base_asset": base_asset, "quote_asset": quote_asset}
            self._in_file("SYMBOL_NOTED", account, {**told, "last_trade_id": last_trade_id})

    def record_denied(
        self,
        account: AccountKey,
        request: OrderRequest,
        reason_code: str,
        message: str,
        *,
        dry_run: bool,
        context: Mapping[str, object] | None = None,
    ) -> None:
        """Write it down if the journal can; nothing was sent, so nothing is lost without."""
        self._in_journal(
            lambda journal: journal.record_denied(
                account, request, reason_code, message, dry_run=dry_run, context=context
            )
        )

    def record_intent(
        self,
        approved: Approved,
        account: AccountKey,
        *,
        timestamp_ms: int,
        recv_window_ms: int,
        dry_run: bool,
        context: Mapping[str, object] | None = None,
    ) -> SendOnce:
        """Write the intent where it can be written, and return the permission to send it once.

        Raises ValueError for any order but those of `flatten`.
        """
        if dry_run or not approved.purpose.is_emergency:
            raise ValueError(f"{approved.purpose} is not for an emergency")
        permission = self._in_journal(
            lambda journal: journal.record_intent(
                approved,
                account,
                timestamp_ms=timestamp_ms,
                recv_window_ms=recv_window_ms,
                dry_run=dry_run,
                context=context,
            )
        )
        if permission is not None:
            return permission
        now_ms = self._clock.now_ms()
        self._sequence = emergency_sequence(now_ms, self._sequence)
        intent = Intent(
            client_order_id=client_order_id(self._installation_id, self._sequence),
            sequence=self._sequence,
            account=account,
            request=approved.request,
            timestamp_ms=timestamp_ms,
            recv_window_ms=recv_window_ms,
            created_ms=now_ms,
            dry_run=dry_run,
        )
        identity = {"client_order_id": intent.client_order_id, "sequence": intent.sequence}
        told = recording.intent_payload(approved, timestamp_ms, recv_window_ms, dry_run, context or {})
        self._in_file("INTENT", account, {**identity, **told})
        return SendOnce(intent)

    def record_abandoned(self, order: Intent, reason: str) -> None:
        self._outcome(order, "ABANDONED", {"reason": reason})

    def record_unknown(self, order: Intent, reason: str) -> None:
        self._outcome(order, "UNKNOWN", {"reason": reason})

    def record_rejected(self, order: Intent, venue_code: int, venue_text: str) -> None:
        self._outcome(order, "REJECTED", {"venue_code": venue_code, "venue_text": venue_text})

    def record_never_accepted(self, order: Intent, asked_ms: Sequence[int]) -> None:
        self._outcome(order, "NEVER_ACCEPTED", {"asked_ms": list(asked_ms)})

    def record_report(self, order: Intent, report: OrderReport) -> tuple[Fill, ...]:
        """Raises IllegalTransition as the journal does."""
        fresh = self._in_journal(lambda journal: journal.record_report(order, report))
        if fresh is not None:
            return fresh
        self._in_file("REPORT", order.account, msgspec.to_builtins(report))
        return report.fills

    def quarantine(self, account: AccountKey, symbol: str, reason: str) -> None:
        """Write it down if the journal can; what is in doubt is in the file, and unsettled once taken in."""
        self._in_journal(lambda journal: journal.quarantine(account, symbol, reason))

    def quarantines(self, account: AccountKey) -> tuple[Quarantine, ...]:
        return self._in_journal(lambda journal: journal.quarantines(account)) or ()

    def _outcome(self, intent: Intent, kind: str, told: Mapping[str, object]) -> None:
        def write(journal: Journal) -> bool:
            _record_outcome(journal, kind, intent.client_order_id, told)
            return True

        if not self._in_journal(write):
            self._in_file(kind, intent.account, {"client_order_id": intent.client_order_id, **told})

    def _in_journal(self, write: Callable[[Journal], T]) -> T | None:
        """Return what the journal returned, None without one; the first failure is its last chance."""
        if self._journal is None:
            return None
        try:
            return write(self._journal)
        except (TraderError, sqlite3.Error) as error:
            self._journal = None
            self._say(f"{error}; what is sent now is written to {EMERGENCY}")
            return None

    def _in_file(self, kind: str, account: AccountKey, told: Mapping[str, object]) -> None:
        line = canonical_json(plain({"kind": kind, "account": str(account), "payload": told})) + "\n"
        for folder in self._folders:
            try:
                return _append_line(folder / EMERGENCY, line)
            except OSError as error:
                self._say(f"{folder / EMERGENCY} was not written: {error.strerror}")
        self._say(f"NOWHERE ON DISK, keep this line: {line.rstrip()}")
        return None


def _append_line(path: Path, line: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        os.write(descriptor, ("\n" + line).encode())  # first an end for a line that was cut off
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def take_in(journal: Journal, path: Path) -> tuple[str, ...]:
    """Write into the journal what an emergency file holds of this installation and is not known yet.

    Doing it again changes nothing. Returns what could not be taken in, and why; reconciliation has to find
    it. Raises what the journal raises when it cannot be written.
    """
    findings: list[str] = []
    try:
        entries = list(_entries(path))
    except FileNotFoundError:
        return ()
    except OSError as error:
        return (f"{path} was not taken in: {error.strerror}",)
    accounts = {str(account): account for account in journal.accounts()}
    for kind, name, told in entries:
        account = accounts.get(name)
        if account is None:
            continue
        try:
            _take_in(journal, account, kind, told)
        except (IllegalTransition, LookupError, TypeError, ValueError) as error:
            findings.append(f"{path} holds a {kind} that was not taken in: {error}")
    return tuple(findings)


def _entries(path: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (kind, account, payload) of every whole line."""
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # empty, or cut off
        if isinstance(entry, dict) and isinstance(entry.get("payload"), dict):
            yield str(entry.get("kind")), str(entry.get("account")), entry["payload"]


def _take_in(journal: Journal, account: AccountKey, kind: str, told: dict[str, Any]) -> None:
    if kind == "SYMBOL_NOTED":
        journal.note_symbol(account, **told)
        return
    name = str(told.get("client_order_id"))
    known = journal.order(name)
    if kind == "INTENT":
        if known is None:
            journal.record_kept_intent(account, told)
    elif known is None:
        return
    elif kind == "REPORT":
        journal.record_report(name, msgspec.convert(told, OrderReport))
    elif known.status is OrderStatus.INITIALIZED or (
        known.status is OrderStatus.SUBMITTED and kind != "UNKNOWN"
    ):
        told.pop("client_order_id")
        _record_outcome(journal, kind, name, told)


def _record_outcome(journal: Journal, kind: str, name: str, told: Mapping[str, Any]) -> None:
    match kind:
        case "ABANDONED":
            journal.record_abandoned(name, **told)
        case "UNKNOWN":
            journal.record_unknown(name, **told)
        case "REJECTED":
            journal.record_rejected(name, **told)
        case "NEVER_ACCEPTED":
            journal.record_never_accepted(name, **told)
