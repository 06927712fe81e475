"""What an operation works with: one venue, one account, one journal, one clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from core.account import AccountKey, Environment
from core.clock import Clock
from core.lease import Lease
from core.orders import Fill, Intent, OrderReport, OrderRequest, SendOnce
from core.ports import Venue
from core.risk.facts import RiskLimits
from core.stages import TradingState
from core.stop import StopRequest
from core.strategies.news import NO_NEWS, News
from core.venue_clock import VenueClock

if TYPE_CHECKING:
    from core.journal import Journal, Quarantine
    from core.risk.approval import Approved
    from core.settings import Settings
    from core.strategies import Strategy

RECV_WINDOW_MS = 5_000
"""How late the venue may still accept an order. Never widened to hide a clock problem."""


@dataclass(frozen=True)
class Desk:
    """The collaborators of one command.

    `clock_speed`: how fast `clock` runs against the wall; above 1 only on the paper exchange. `lease`: not
    held until an operation that sends acquires it or takes it over. `digests`: () -> (risk digest, code
    digest), read when asked. `alone`: with the lease, nobody else sells from this desk's book; dry runs of
    one home share theirs. `key_seen`: () -> (where on this machine the key can be read, other homes that use
    it, None when that cannot be told), read when asked. `news`: () -> the headlines known by now.
    `rehearsal_since_ms`: when a run by signal at stage 1 began, by the venue's clock; None for anything else.
    """

    venue: Venue
    account: AccountKey
    key_fingerprint: str
    journal: Journal
    clock: Clock
    clock_speed: float
    venue_clock: VenueClock
    lease: Lease
    settings: Settings
    limits: RiskLimits
    strategy: Strategy
    digests: Callable[[], tuple[str, str]]
    key_seen: Callable[[], tuple[tuple[str, ...], tuple[str, ...] | None]]
    stop: StopRequest
    alone: bool
    news: Callable[[], News] = lambda: NO_NEWS
    rehearsal_since_ms: int | None = None

    @property
    def is_live(self) -> bool:
        return self.venue.host.environment is Environment.MAINNET

    @property
    def is_measured(self) -> bool:
        """Tell whether breakers and Value at Risk bind: with real money, and where that is rehearsed."""
        return self.is_live or self.rehearsal_since_ms is not None

    def venue_now_ms(self) -> int:
        """Return the venue's time, as far as we measured it."""
        return self.venue_clock.now_ms()


class OrderJournal(Protocol):
    """What the order path writes down; `core.journal.Journal` says what each entry means.

    A journal that can fall back on something else when it cannot write serves just as well.
    """

    def trading_state(self, account: AccountKey) -> TradingState: ...

    def record_denied(
        self,
        account: AccountKey,
        request: OrderRequest,
        reason_code: str,
        message: str,
        *,
        dry_run: bool,
        context: Mapping[str, object] | None = None,
    ) -> None: ...

    def record_intent(
        self,
        approved: Approved,
        account: AccountKey,
        *,
        timestamp_ms: int,
        recv_window_ms: int,
        dry_run: bool,
        context: Mapping[str, object] | None = None,
    ) -> SendOnce: ...

    def record_abandoned(self, order: Intent, reason: str) -> None: ...

    def record_unknown(self, order: Intent, reason: str) -> None: ...

    def record_rejected(self, order: Intent, venue_code: int, venue_text: str) -> None: ...

    def record_report(self, order: Intent, report: OrderReport) -> tuple[Fill, ...]: ...

    def record_never_accepted(self, order: Intent, asked_ms: Sequence[int]) -> None: ...

    def quarantine(self, account: AccountKey, symbol: str, reason: str) -> None: ...

    def quarantines(self, account: AccountKey) -> tuple[Quarantine, ...]: ...


class Asker(Protocol):
    """What asking a venue about our orders needs of a desk."""

    @property
    def venue(self) -> Venue: ...

    @property
    def account(self) -> AccountKey: ...

    @property
    def clock(self) -> Clock: ...


class Bookkeeper(Asker, Protocol):
    """What writing down the answers needs as well."""

    @property
    def journal(self) -> Journal: ...


class Sender(Protocol):
    """What the order path needs of a desk: `Desk` itself, or the smaller one of `flatten`."""

    @property
    def venue(self) -> Venue: ...

    @property
    def account(self) -> AccountKey: ...

    @property
    def journal(self) -> OrderJournal: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def clock_speed(self) -> float: ...

    @property
    def lease(self) -> Lease: ...

    @property
    def limits(self) -> RiskLimits: ...

    def venue_now_ms(self) -> int: ...


class Access(Protocol):
    """How an operation reaches a venue, step by step: no key is used before the host is known."""

    @property
    def settings(self) -> Settings: ...

    @property
    def phrase(self) -> str | None:
        """What was given to open the live stage, None for nothing."""
        ...

    def type_phrase(self, phrase: str) -> str | None:
        """Ask a human to type it; None where nobody can be asked."""
        ...

    def read_journal(self) -> AbstractContextManager[Journal]:
        """Open this home's journal for reading; an absent one is empty."""
        ...

    def note(self, kind: str, payload: Mapping[str, object]) -> None:
        """Write something down for a human, before any account is known. Raises TraderError."""
        ...

    def venue(self, environment: Environment) -> AbstractAsyncContextManager[Venue]:
        """Open the venue that serves this environment, as far as the settings say; nothing is signed."""
        ...

    def desk(
        self, venue: Venue, *, symbol: str, strategy: Strategy, dry_run: bool
    ) -> AbstractAsyncContextManager[Desk]:
        """Ask the venue who we are, and open our books on that account."""
        ...
