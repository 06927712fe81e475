"""The journal: what is about to be done, what was done, and what is known of it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from core.account import AccountKey, Environment
from core.clock import Clock
from core.ids import RandomBytes
from core.journal import accounts, address_rows, halting, queries, recording, settlement
from core.journal import statements as sql
from core.journal.audit_log import AuditLog
from core.journal.breaker_book import BreakerBook
from core.journal.chain import plain
from core.journal.files import INSTALLATION, keep_installation, keep_reserve
from core.journal.history import History
from core.journal.key_book import KeyBook
from core.journal.projections import KINDS
from core.journal.reconciliations import Reconciliations
from core.journal.records import (
    Finding,
    Opening,
    Order,
    Position,
    Quarantine,
    StateEntry,
    UnsettledOrder,
)
from core.journal.restores import Restores
from core.journal.store import BUSY_TIMEOUT_MS, Connect, Store, connect_file, open_database
from core.journal.verification import findings
from core.orders import Fill, Intent, OrderReport, OrderRequest, OrderStatus, SendOnce
from core.ports import DepositAddress
from core.stages import Evidence, TradingState

if TYPE_CHECKING:
    from core.risk.approval import Approved

PAPER_VENUE = "paper"
OrderRef = Intent | str
"""An order by its intent or by its client_order_id."""

_NOTE_KIND = re.compile(r"[A-Z][A-Z0-9_]{1,39}\Z")


class Journal:
    """The journal of one home. Several processes may use the same one at the same time.

    What a method writes is on disk when it returns, or it raises Refused JOURNAL_UNWRITABLE and nothing is.
    On a damaged file everything raises ReconciliationBreak JOURNAL_DAMAGED. `dry_run=True` is a book of its
    own that never mixes with the real one.
    """

    def __init__(self, home: Path, db: sqlite3.Connection, clock: Clock, *, read_only: bool) -> None:
        self.home = home
        self._clock = clock
        self._read_only = read_only
        self._store = Store(home, db, clock, read_only=read_only)
        self._log = AuditLog(home, self._store)
        self._store.after_commit = self._log.add
        installed = self._store.row(sql.INSTALLATION)
        self.installation_id: str = "" if installed is None else installed["id"]

    @classmethod
    def open(
        cls,
        home: Path,
        *,
        clock: Clock,
        random_bytes: RandomBytes,
        connect: Connect = connect_file,
        read_only: bool = False,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    ) -> Self:
        """Open the journal of a home folder, making both when absent; read-only, an absent one is empty.

        `busy_timeout_ms`: how long a write waits for another process; 250 for commands that reduce risk.
        Raises ReconciliationBreak JOURNAL_FOREIGN or JOURNAL_DAMAGED, the file being left as it was,
        ConfigError HOME_UNUSABLE, Refused JOURNAL_UNWRITABLE.
        """
        db = open_database(
            home,
            clock=clock,
            random_bytes=random_bytes,
            connect=connect,
            read_only=read_only,
            busy_timeout_ms=busy_timeout_ms,
        )
        journal = cls(home, db, clock, read_only=read_only)
        if not read_only:
            journal._log.catch_up(batches=1)  # however much is missing, opening stays quick
            try:
                keep_reserve(home)
            except OSError as error:
                journal._log.warn(f"{home} has no reserve for a full disk: {error.strerror}")
            try:
                keep_installation(home, journal.installation_id)
            except OSError as error:
                journal._log.warn(f"{home / INSTALLATION} was not written: {error.strerror}")
        return journal

    def close(self) -> None:
        if not self._read_only:
            self._log.catch_up()
        self._log.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def audit_log_path(self) -> Path:
        return self._log.path

    @property
    def warnings(self) -> tuple[str, ...]:
        """What went wrong without stopping anything: an audit log that could not be written."""
        return tuple(self._log.warnings)

    def rebuild_audit_log(self, after: int = 0) -> None:
        """Make trade_audit.log again from the events that come after one. Raises OSError."""
        self._log.rebuild(after)

    def verify(self) -> tuple[Finding, ...]:
        """Return everything that is wrong with the journal; damage never raises."""
        return findings(self._store)

    @property
    def history(self) -> History:
        """What was written, as a history to read, export and report on."""
        return History(self._store)

    # --- accounts

    def open_account(
        self,
        venue: str,
        environment: Environment,
        host: str,
        uid: str,
        opening: Opening,
        *,
        epoch: int | None = None,
    ) -> AccountKey:
        """Return the key of an account, writing OPENED at first contact and nothing later.

        `epoch`: None is the newest one known; a higher number opens the account anew after a wipe.
        Raises ValueError for names that cannot be a part of a key.
        """
        account = accounts.account_key(self._store, venue, environment, host, uid, epoch)
        accounts.open_account(self._store, account, opening)
        return account

    def note_symbol(
        self, account: AccountKey, symbol: str, base_asset: str, quote_asset: str, last_trade_id: int | None
    ) -> None:
        """Write down, once, a symbol before its first order: what it is made of, and where our trades begin.

        `last_trade_id`: the account's newest trade there, None when there is none. Without the two assets
        a fee could not be told from a part of the position.
        """
        accounts.note_symbol(self._store, account, symbol, base_asset, quote_asset, last_trade_id)

    def accounts(self) -> tuple[AccountKey, ...]:
        """Return every account this home ever worked on, in order of first contact."""
        return queries.accounts(self._store)

    def seen_real_venue(self) -> bool:
        """Tell whether this home ever worked on an account that is not on the paper exchange."""
        return self._store.row(sql.HAS_REAL_VENUE, (PAPER_VENUE,)) is not None

    # --- the order path

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
        """Write down an order that our rules refused; nothing is sent."""
        recording.denied(self._store, account, request, reason_code, message, dry_run, context or {})

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
        """Make an approved order durable, and return the permission to send it once.

        `context`: stage, lambda and gamma, for the audit log. Raises ValueError for a symbol not noted.
        """
        (permission,) = recording.intents(
            self._store,
            self.installation_id,
            (approved,),
            account,
            timestamp_ms,
            recv_window_ms,
            dry_run,
            context or {},
        )
        return permission

    def record_pair(
        self,
        stop: Approved,
        target: Approved,
        account: AccountKey,
        *,
        timestamp_ms: int,
        recv_window_ms: int,
        dry_run: bool,
        context: Mapping[str, object] | None = None,
    ) -> tuple[SendOnce, SendOnce]:
        """Make both orders of a list durable at once, the target right after its stop; as `record_intent`."""
        first, second = recording.intents(
            self._store,
            self.installation_id,
            (stop, target),
            account,
            timestamp_ms,
            recv_window_ms,
            dry_run,
            context or {},
        )
        return first, second

    def record_kept_intent(self, account: AccountKey, payload: Mapping[str, object]) -> bool:
        """Write down an intent of ours that an emergency kept in its file; tell whether it is new.

        It gives no permission to send: it was sent, or may have been.
        """
        return recording.kept_intent(self._store, self.installation_id, account, payload)

    def record_abandoned(self, order: OrderRef, reason: str) -> None:
        """Write down that an intent was provably not sent. Raises IllegalTransition after any outcome."""
        recording.outcome(self._store, _name(order), OrderStatus.ABANDONED, "ABANDONED", {"reason": reason})

    def record_unknown(self, order: OrderRef, reason: str) -> None:
        """Write down that nobody knows yet whether the order reached the venue; it stays unsettled."""
        recording.outcome(self._store, _name(order), OrderStatus.SUBMITTED, "UNKNOWN", {"reason": reason})

    def record_rejected(self, order: OrderRef, venue_code: int, venue_text: str) -> None:
        """Write down the venue's definite no."""
        payload = {"venue_code": venue_code, "venue_text": venue_text}
        recording.outcome(self._store, _name(order), OrderStatus.REJECTED, "REJECTED", payload)

    def record_report(self, order: OrderRef, report: OrderReport) -> tuple[Fill, ...]:
        """Write down what the venue says of an order, and return the fills that were not known before.

        Saying the same again changes nothing. A fill after the order's end is recorded and flagged; the order
        does not reopen. Raises IllegalTransition when the table does not allow it; then nothing was written.
        """
        return recording.report(self._store, _name(order), report)

    # --- the end of an unknown outcome

    def record_never_accepted(self, order: OrderRef, asked_ms: Sequence[int]) -> None:
        """Write down that the venue never had the order. `asked_ms`: the rounds of questions that agree.

        The next two reconciliations ask once more: see `asks_due`.
        """
        settlement.never_accepted(self._store, _name(order), asked_ms)

    def asks_due(self, account: AccountKey) -> tuple[Order, ...]:
        """Return the orders that the venue never accepted, and that a reconciliation asks about once more."""
        return settlement.asks_due(self._store, account)

    def record_asked_again(self, order: OrderRef) -> None:
        """Count one of the asks that were due; the order was not found again."""
        settlement.asked_again(self._store, _name(order))

    def record_late_find(self, order: OrderRef, report: OrderReport) -> None:
        """Write down that the venue has an order after all, and quarantine its symbol."""
        settlement.late_find(self._store, _name(order), report)

    def record_imported(
        self, order: OrderRef, report: OrderReport, fills: Sequence[Fill], reason: str
    ) -> tuple[Fill, ...]:
        """Book trades read from the venue that a human assigned to an order; return those that are new.

        `report`: the venue's, of the order that made them, which may be another one than was signed.
        Raises IllegalTransition for trades of another symbol or side, or booked on another order.
        """
        return settlement.imported(self._store, _name(order), report, fills, reason)

    def record_written_off(self, order: OrderRef, reason: str) -> None:
        """Write down that a human gave an order up: an adjustment and no fill; what is recorded stands.

        It is no longer unsettled, until the venue has news of it. Raises IllegalTransition when it was not.
        """
        settlement.written_off(self._store, _name(order), reason)

    # --- what is known of orders and positions

    def was_used(self) -> bool:
        """Tell whether this home ever made an order, be it a dry one, rotated a key, or knows of a break."""
        return self._store.row(sql.WAS_USED, ()) is not None

    def order(self, client_order_id: str) -> Order | None:
        """Return an order of ours, None when this journal does not have it."""
        return queries.order(self._store, client_order_id)

    def fills(self, order: OrderRef) -> tuple[Fill, ...]:
        """Return the recorded fills of one order, by trade id."""
        return queries.fills_of(self._store, _name(order))

    def unsettled(self, account: AccountKey | None = None) -> tuple[UnsettledOrder, ...]:
        """Return real orders whose fate or fills are not known, of one account or of all."""
        return queries.unsettled(self._store, account)

    def open_orders(
        self, account: AccountKey, *, symbol: str | None = None, dry_run: bool = False
    ) -> tuple[Order, ...]:
        """Return the orders that rest at the venue, as far as we know."""
        return queries.open_orders(self._store, account, symbol, dry_run)

    def in_flight(self, account: AccountKey, symbol: str, *, dry_run: bool = False) -> tuple[str, ...]:
        """Return the client_order_ids of unsettled orders on a symbol."""
        return queries.in_flight(self._store, account, symbol, dry_run)

    def position(self, account: AccountKey, symbol: str, *, dry_run: bool = False) -> Position:
        """Return our own position: fills of our orders since OPENED, not what the account holds."""
        return queries.position(self._store, account, symbol, dry_run)

    def positions(self, account: AccountKey, *, dry_run: bool = False) -> tuple[Position, ...]:
        """Return the position on every symbol that was ever traded, flat ones too."""
        return queries.positions(self._store, account, dry_run)

    def entries_today(self, account: AccountKey, day: int) -> int:
        """Count the real entries of a UTC day of venue time, less those that ended with nothing executed."""
        return queries.entries_on(self._store, account, day)

    def realized_today(self, account: AccountKey, day: int, quote_asset: str) -> Decimal:
        """Return what real fills of a UTC day of venue time earned in a quote asset; a loss is below 0."""
        return self.realized_by_asset(account, day).get(quote_asset, Decimal(0))

    def realized_by_asset(self, account: AccountKey, day: int) -> dict[str, Decimal]:
        """Return `realized_today` of every quote asset that was traded on the day."""
        return queries.realized_on(self._store, account, day)

    # --- the dry-run book

    def open_dry_run(self, account: AccountKey, balances: Mapping[str, Decimal]) -> None:
        """Start the dry-run book of an account with these virtual balances; later calls change nothing."""
        accounts.open_dry_run(self._store, account, balances)

    def dry_run_balances(self, account: AccountKey) -> dict[str, Decimal]:
        """Return the virtual balances: asset -> free."""
        return queries.dry_run_balances(self._store, account)

    def dry_run_free(self, account: AccountKey, asset: str) -> Decimal:
        return self.dry_run_balances(account).get(asset, Decimal(0))

    # --- trading state and quarantine

    def trading_state(self, account: AccountKey) -> TradingState:
        """Return the state of an account; HALTED when the latch is set or the state cannot be read."""
        return halting.state_of(self._store, self.home, account)

    def set_trading_state(self, account: AccountKey, state: TradingState, reason: str) -> None:
        """Set the state of an account. HALTED sets the latch first, and so holds even when this raises.

        The latch halts every account of the home; setting another state lifts it, for this account only.
        """
        if state is TradingState.HALTED:
            halting.halt(self._store, self.home, self._clock, account, reason)
        else:
            halting.release(self._store, self.home, (account,), state, reason)

    def state_entry(self, account: AccountKey) -> StateEntry | None:
        """Return what was last written down of an account's state; None when it never was."""
        return halting.entry_of(self._store, account)

    def halt_all(self, reason: str) -> tuple[AccountKey, ...]:
        """Write HALTED down for every account of this home, in one transaction; the latch is not touched."""
        return halting.halt_all(self._store, reason)

    def resume(self, accounts: Sequence[AccountKey], reason: str) -> None:
        """Set these accounts ACTIVE and lift the latch; the accounts it halted besides stay HALTED.

        Raises ConfigError HOME_UNUSABLE when the latch stays.
        """
        halting.release(self._store, self.home, accounts, TradingState.ACTIVE, reason)

    def quarantine(self, account: AccountKey, symbol: str, reason: str) -> None:
        """Stop risk-increasing orders on a symbol until a human decides."""
        payload = {"symbol": symbol, "reason": reason}
        self._store.write(lambda append: append("QUARANTINED", str(account), payload))

    def release_quarantine(self, account: AccountKey, symbol: str, reason: str) -> None:
        """Allow risk-increasing orders on a symbol again, because a human said so."""
        settlement.released(self._store, account, symbol, reason)

    def quarantines(self, account: AccountKey) -> tuple[Quarantine, ...]:
        """Return the quarantined symbols of an account, why and since when."""
        return settlement.quarantines(self._store, account)

    def is_quarantined(self, account: AccountKey, symbol: str) -> bool:
        """Tell whether an order's fate on the symbol could not be settled and waits for a human."""
        return self._store.row(sql.QUARANTINE, (str(account), symbol)) is not None

    def quarantined(self, account: AccountKey) -> tuple[str, ...]:
        """Return the quarantined symbols of an account."""
        return tuple(each.symbol for each in self.quarantines(account))

    def breakers(self, account: AccountKey) -> BreakerBook:
        """Return what is known of the breakers of an account."""
        return BreakerBook(self._store, account)

    # --- reconciliation

    def reconciliations(self, account: AccountKey) -> Reconciliations:
        """Return what was compared with the venue's books on an account, and what differs."""
        return Reconciliations(self._store, account)

    def pin_address(self, account: AccountKey, address: DepositAddress) -> None:
        """Write down where deposits go, as a human compared it with the venue's page."""
        told = {
            "coin": address.coin,
            "network": address.network,
            "address": address.address,
            "tag": address.tag,
        }
        self._store.write(lambda append: append("ADDRESS_PINNED", str(account), told))

    def pinned_addresses(self, account: AccountKey) -> tuple[DepositAddress, ...]:
        """Return the confirmed addresses of an account."""
        rows = self._store.rows(address_rows.PINNED, (str(account),))
        return tuple(DepositAddress(*row) for row in rows)

    @property
    def keys(self) -> KeyBook:
        """Return what is known of keys, by fingerprint."""
        return KeyBook(self._store)

    @property
    def restores(self) -> Restores:
        """Return what follows from having been restored from a backup."""
        return Restores(self._store)

    # --- evidence and notes

    def record_evidence(self, evidence: Evidence) -> None:
        """Write down that a stage was passed."""
        record = queries.evidence_record(evidence)
        self._store.write(lambda append: append("EVIDENCE", str(evidence.account), record))

    def evidence(self) -> tuple[Evidence, ...]:
        """Return all evidence, oldest first."""
        return queries.evidence(self._store)

    def newest_of(self, kind: str, account: AccountKey) -> int:
        """Return the number of an account's newest event of a kind, 0 when there is none."""
        row = self._store.row(sql.NEWEST_OF, (kind, str(account)))
        return 0 if row is None else int(row[0] or 0)

    def record_note(self, kind: str, account: AccountKey | None, payload: Mapping[str, object]) -> None:
        """Write down something for a human: a stage begun, a check, a refusing gate. Floats become text."""
        if kind in KINDS or not _NOTE_KIND.match(kind):
            raise ValueError(f"{kind} cannot be the kind of a note")
        told = plain(payload, floats_as_text=True)
        key = None if account is None else str(account)
        self._store.write(lambda append: append(kind, key, told), may_use_reserve=False)


def _name(order: OrderRef) -> str:
    return order if isinstance(order, str) else order.client_order_id
