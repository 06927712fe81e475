"""What an operation works with: one venue, one account, one journal, one clock."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from core.account import AccountKey, Environment
from core.clock import Clock
from core.lease import Lease
from core.ports import Venue
from core.risk.facts import RiskLimits
from core.stop import StopRequest
from core.venue_clock import VenueClock

if TYPE_CHECKING:
    from core.journal import Journal
    from core.settings import Settings
    from core.strategies.decision import Strategy

RECV_WINDOW_MS = 5_000
"""How late the venue may still accept an order. Never widened to hide a clock problem."""


@dataclass(frozen=True)
class Desk:
    """The collaborators of one command.

    `clock_speed`: how fast `clock` runs against the wall; above 1 only on the paper exchange. `lease`: not
    held until an operation that sends acquires it or takes it over. `digests`: () -> (risk digest, code
    digest), read when asked. `alone`: no other command of this home was at a desk when this one came.
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
    stop: StopRequest
    alone: bool

    @property
    def is_live(self) -> bool:
        return self.venue.host.environment is Environment.MAINNET

    def venue_now_ms(self) -> int:
        """Return the venue's time, as far as we measured it."""
        return self.venue_clock.now_ms()


class Access(Protocol):
    """How an operation reaches a venue, step by step: no key is used before the host is known."""

    @property
    def settings(self) -> Settings: ...

    def read_journal(self) -> AbstractContextManager[Journal]:
        """Open this home's journal for reading; an absent one is empty."""
        ...

    def venue(self, environment: Environment) -> AbstractAsyncContextManager[Venue]:
        """Open the venue that serves this environment, as far as the settings say; nothing is signed."""
        ...

    def desk(
        self, venue: Venue, *, symbol: str, strategy: Strategy, dry_run: bool
    ) -> AbstractAsyncContextManager[Desk]:
        """Ask the venue who we are, and open our books on that account."""
        ...
