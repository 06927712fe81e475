"""The journal: what is about to be done, what was done, and what is known of it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from core.account import AccountKey, Environment
from core.clock import Clock, iso_utc
from core.errors import TraderError
from core.ids import RandomBytes, client_order_id
from core.journal import latch, outcomes, queries
from core.journal import statements as sql
from core.journal.audit_log import AuditLog
from core.journal.chain import plain
from core.journal.files import keep_reserve
from core.journal.projections import KINDS
from core.journal.records import Finding, Opening, Order, Position, UnsettledOrder
from core.journal.store import BUSY_TIMEOUT_MS, Append, Connect, Store, T, connect_file, open_database
from core.journal.verification import findings
from core.orders import Fill, IllegalTransition, Intent, OrderReport, OrderRequest, OrderStatus, SendOnce
from core.stages import Evidence, TradingState

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.risk.approval import Approved

PAPER_VENUE = "paper"
OrderRef = Intent | str
"""An order by its intent or by its client_order_id."""

_NOTE_KIND = re.compile(r"[A-Z][A-Z0-9_]{1,39}\Z")
_ACCOUNT_PART = re.compile(r"[\x21-\x7e]{1,200}\Z")


class Journal:
    """The journal of one home. Several processes may use the same one at the same time.

    Every `record_…` is on disk when it returns, or raises Refused JOURNAL_UNWRITABLE and wrote nothing. On a
    damaged file everything raises ReconciliationBreak JOURNAL_DAMAGED.
    `dry_run=True` is a book of its own that never mixes with the real one.
    """

    def __init__(self, home: Path, db: sqlite3.Connection, clock: Clock, *, read_only: bool) -> None:
        self.home = home
        self._clock = clock
        self._read_only = read_only
        self._store = Store(home, db, clock)
        self._log = AuditLog(home, self._store)
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
            journal._log.catch_up(patient=True)
            try:
                keep_reserve(home)
            except OSError as error:
                journal._log.warnings.append(f"no reserve for a full disk in {home}: {error.strerror}")
        return journal

    def close(self) -> None:
        if not self._read_only:
            self._log.catch_up(patient=True)
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

    def rebuild_audit_log(self) -> None:
        """Make trade_audit.log again from the events. Raises OSError."""
        self._log.rebuild()

    def verify(self) -> tuple[Finding, ...]:
        """Return everything that is wrong with the journal; damage never raises."""
        return findings(self._store)

    def _write(self, body: Callable[[Append], T], *, may_use_reserve: bool = True) -> T:
        result = self._store.write(body, may_use_reserve=may_use_reserve)
        self._log.catch_up()
        return result

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
        """
        identity = (venue, environment, host, uid)
        identity = (venue, environment, host, uid)
        if ":" in venue + uid or not all(_ACCOUNT_PART.match(part) for part in identity):
            raise ValueError(f"{identity} cannot name an account")
        if epoch is None:
            row = self._store.row(sql.NEWEST_EPOCH, identity)
            epoch = (row["epoch"] if row else None) or 0
        key = AccountKey(venue, environment, host, uid, epoch)

        def body(append: Append) -> None:
            if not self._is_open(key):  # another process may have been quicker
                append("OPENED", str(key), _opened_payload(key, opening))

        if not self._is_open(key):
            self._write(body)
        return key

    def _is_open(self, account: AccountKey) -> bool:
        return self._store.row(sql.ACCOUNT, (str(account),)) is not None

    def note_symbol(
        self, account: AccountKey, symbol: str, base_asset: str, quote_asset: str, last_trade_id: int | None
    ) -> None:
        """Write down, once, a symbol before its first order: what it is made of, and where our trades begin.

        `last_trade_id`: the account's newest trade there, None when there is none. Without the two assets
        a fee could not be told from a part of the position.
        """

        def body(append: Append) -> None:
            if not self._is_noted(account, symbol):
                payload = {
                    "symbol": symbol,
                    "base_asset": base_asset,
                    "quote_asset": quote_asset,
                    "last_trade_id": last_trade_id,
                }
                append("SYMBOL_NOTED", str(account), payload)

        if not self._is_noted(account, symbol):
            self._write(body)

    def _is_noted(self, account: AccountKey, symbol: str) -> bool:
        return self._store.row(sql.SYMBOL, (str(account), symbol)) is not None

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
        payload = {
            **queries.request_record(request),
            "reason_code": reason_code,
            "message": message,
            "dry_run": dry_run,
            "context": plain(context or {}, floats_as_text=True),
        }
        self._write(lambda append: append("DENIED", str(account), payload), may_use_reserve=False)

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

        `context`: stage, lambda and gamma, for the audit log. The symbol must have been noted.
        """
        request = approved.request
        if not self._is_noted(account, request.symbol):
            raise ValueError(f"{request.symbol} was not noted for {account}; call note_symbol first")
        payload = {
            **queries.request_record(request),
            "timestamp_ms": timestamp_ms,
            "recv_window_ms": recv_window_ms,
            "dry_run": dry_run,
            "context": plain(context or {}, floats_as_text=True),
            "approved_on": approved.numbers,
        }

        def body(append: Append) -> Intent:
            sequence = self._next_order_sequence()
            name = client_order_id(self.installation_id, sequence)
            event = append("INTENT", str(account), {"client_order_id": name, "sequence": sequence, **payload})
            return Intent(
                client_order_id=name,
                sequence=sequence,
                account=account,
                request=request,
                timestamp_ms=timestamp_ms,
                recv_window_ms=recv_window_ms,
                created_ms=event.time_ms,
                dry_run=dry_run,
            )

        return SendOnce(self._write(body, may_use_reserve=not request.purpose.increases_risk))

    def _next_order_sequence(self) -> int:
        row = self._store.row(sql.NEXT_ORDER_SEQUENCE)
        return 1 if row is None else int(row["sequence"])

    def record_abandoned(self, order: OrderRef, reason: str) -> None:
        """Write down that an intent was provably not sent. Raises IllegalTransition after any outcome."""
        self._record_outcome(order, OrderStatus.ABANDONED, "ABANDONED", {"reason": reason})

    def record_unknown(self, order: OrderRef, reason: str) -> None:
        """Write down that nobody knows yet whether the order reached the venue; it stays unsettled."""
        self._record_outcome(order, OrderStatus.SUBMITTED, "UNKNOWN", {"reason": reason})

    def record_rejected(self, order: OrderRef, venue_code: int, venue_text: str) -> None:
        """Write down the venue's definite no."""
        payload = {"venue_code": venue_code, "venue_text": venue_text}
        self._record_outcome(order, OrderStatus.REJECTED, "REJECTED", payload)

    def _record_outcome(
        self, order: OrderRef, status: OrderStatus, kind: str, payload: Mapping[str, object]
    ) -> None:
        def body(append: Append) -> None:
            found = self._known_order(order)
            outcomes.next_status(found.status, status)
            append(kind, str(found.account), {"client_order_id": found.client_order_id, **payload})

        self._write(body)

    def record_report(self, order: OrderRef, report: OrderReport) -> tuple[Fill, ...]:
        """Write down what the venue says of an order, and return the fills that were not known before.

        Saying the same again changes nothing. A fill after the order's end is recorded and flagged; the order
        does not reopen. Raises IllegalTransition when the table does not allow it; then nothing was written.
        """

        def body(append: Append) -> tuple[Fill, ...]:
            found = self._known_order(order)
            change = outcomes.change_by(found, report)
            fresh = tuple(fill for fill in report.fills if not self._is_recorded(found, fill))
            for fill in fresh:
                append("FILL", str(found.account), outcomes.fill_payload(found, fill))
            if change is not None:
                append("REPORT", str(found.account), outcomes.report_payload(found, report, change))
            return fresh

        return self._write(body)

    def _is_recorded(self, order: Order, fill: Fill) -> bool:
        outcomes.refuse_strange_fill(order, fill)
        key = (str(order.account), fill.symbol, int(order.intent.dry_run), fill.trade_id)
        row = self._store.row(sql.FILL, key)
        if row is None:
            return False
        known = (row["client_order_id"], Decimal(row["price"]), Decimal(row["quantity"]))
        if known != (order.client_order_id, fill.price, fill.quantity.value):
            raise IllegalTransition(f"trade {fill.trade_id} on {fill.symbol} was recorded as {known}")
        return True

    def _known_order(self, order: OrderRef) -> Order:
        name = order if isinstance(order, str) else order.client_order_id
        found = queries.order(self._store, name)
        if found is None:
            raise LookupError(f"the journal has no order {name}")
        return found

    # --- what is known of orders and positions

    def order(self, client_order_id: str) -> Order | None:
        """Return an order of ours, None when this journal does not have it."""
        return queries.order(self._store, client_order_id)

    def unsettled(self, account: AccountKey | None = None) -> tuple[UnsettledOrder, ...]:
        """Return real orders whose fate or fills are not known, of one account or of all."""
        return queries.unsettled(self._store, account)

    def open_orders(
        self, account: AccountKey, *, symbol: str | None = None, dry_run: bool = False
    ) -> tuple[Order, ...]:
        """Return the orders that rest at the venue, as far as we know."""
        key = (str(account), int(dry_run))
        if symbol is None:
            return queries.orders(self._store, sql.OPEN_ORDERS, key)
        return queries.orders(self._store, sql.OPEN_ORDERS_OF_SYMBOL, (*key, symbol))

    def in_flight(self, account: AccountKey, symbol: str, *, dry_run: bool = False) -> tuple[str, ...]:
        """Return the client_order_ids of unsettled orders on a symbol."""
        rows = self._store.rows(sql.IN_FLIGHT, (str(account), symbol, int(dry_run)))
        return tuple(row["client_order_id"] for row in rows)

    def fills(self, order: OrderRef) -> tuple[Fill, ...]:
        """Return the recorded fills of one order, by trade id."""
        name = order if isinstance(order, str) else order.client_order_id
        return queries.fills_of(self._store, name)

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
        """Return what the real fills of a UTC day of venue time earned in a quote asset; losses are below 0."""
        return queries.realized_on(self._store, account, day, quote_asset)

    # --- the dry-run book

    def open_dry_run(self, account: AccountKey, balances: Mapping[str, Decimal]) -> None:
        """Start the dry-run book of an account with these virtual balances; later calls change nothing."""

        def body(append: Append) -> None:
            if not self._has_dry_run_book(account):
                append("DRY_RUN_OPENED", str(account), {"balances": balances})

        if not self._has_dry_run_book(account):
            self._write(body)

    def _has_dry_run_book(self, account: AccountKey) -> bool:
        return self._store.row(sql.DRY_RUN_BOOK, (str(account),)) is not None

    def dry_run_balances(self, account: AccountKey) -> dict[str, Decimal]:
        """Return the virtual balances: asset -> free."""
        return queries.dry_run_balances(self._store, account)

    def dry_run_free(self, account: AccountKey, asset: str) -> Decimal:
        return self.dry_run_balances(account).get(asset, Decimal(0))

    # --- trading state, quarantine

    def trading_state(self, account: AccountKey) -> TradingState:
        """Return the state of an account; HALTED when the latch is set or the state cannot be read."""
        if latch.is_set(self.home):
            return TradingState.HALTED
        try:
            row = self._store.row(sql.TRADING_STATE, (str(account),))
            return TradingState.ACTIVE if row is None else TradingState(row["state"])
        except (TraderError, sqlite3.Error, ValueError):
            return TradingState.HALTED

    def set_trading_state(self, account: AccountKey, state: TradingState, reason: str) -> None:
        """Set the state of an account. HALTED sets the latch first, so it holds even when this raises.

        The latch halts every account of the home. Lifting it for one account leaves the others HALTED until
        each is resumed by itself.
        """
        if state is TradingState.HALTED:
            text = f"{iso_utc(self._clock.now_ms())} {account} {reason}"
            try:
                latch.set_latch(self.home, text)
            except OSError as error:
                self._log.warnings.append(f"the latch was not set: {error.strerror}")
            self._write(lambda append: _append_state(append, account, state, reason))
            return
        was_latched = latch.is_set(self.home)

        def body(append: Append) -> None:
            _append_state(append, account, state, reason)
            for other in self.accounts() if was_latched else ():
                if other != account:
                    _append_state(
                        append, other, TradingState.HALTED, f"still halted when {account} was resumed"
                    )

        self._write(body)
        latch.clear(self.home)

    def is_quarantined(self, account: AccountKey, symbol: str) -> bool:
        """Tell whether an order's fate on the symbol could not be settled and waits for a human."""
        return self._store.row(sql.QUARANTINE, (str(account), symbol)) is not None

    def quarantined(self, account: AccountKey) -> tuple[str, ...]:
        rows = self._store.rows(sql.QUARANTINED_SYMBOLS, (str(account),))
        return tuple(row["symbol"] for row in rows)

    def quarantine(self, account: AccountKey, symbol: str, reason: str) -> None:
        """Stop risk-increasing orders on a symbol until a human decides."""
        payload = {"symbol": symbol, "reason": reason}
        self._write(lambda append: append("QUARANTINED", str(account), payload))

    # --- evidence and notes

    def record_evidence(self, evidence: Evidence) -> None:
        """Write down that a stage was passed."""
        record = queries.evidence_record(evidence)
        self._write(lambda append: append("EVIDENCE", str(evidence.account), record))

    def evidence(self) -> tuple[Evidence, ...]:
        """Return all evidence, oldest first."""
        return queries.evidence(self._store)

    def record_note(self, kind: str, account: AccountKey | None, payload: Mapping[str, object]) -> None:
        """Write down something for a human: a stage begun, a check, a refusing gate. Floats become text."""
        if kind in KINDS or not _NOTE_KIND.match(kind):
            raise ValueError(f"{kind} cannot be the kind of a note")
        told = plain(payload, floats_as_text=True)
        key = None if account is None else str(account)
        self._write(lambda append: append(kind, key, told), may_use_reserve=False)


def _append_state(append: Append, account: AccountKey, state: TradingState, reason: str) -> None:
    append("TRADING_STATE", str(account), {"state": state, "reason": reason})


def _opened_payload(key: AccountKey, opening: Opening) -> dict[str, object]:
    return {
        "venue": key.venue,
        "environment": key.environment,
        "host": key.host,
        "uid": key.uid,
        "epoch": key.epoch,
        "server_time_ms": opening.server_time_ms,
        "key_fingerprint": opening.key_fingerprint,
        "last_trade_ids": opening.last_trade_ids,
        "balances": {
            asset: {"free": held.free, "locked": held.locked} for asset, held in opening.balances.items()
        },
        "open_orders": [
            {
                "symbol": order.symbol,
                "client_order_id": order.client_order_id,
                "venue_order_id": order.venue_order_id,
                "side": order.side,
                "order_type": order.order_type,
                "status": order.status,
                "quantity": order.quantity.value,
                "price": order.price,
                "executed_quantity": order.executed_quantity.value,
            }
            for order in opening.open_orders
        ],
    }
