"""The composition root: builds what an operation needs, when it needs it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cli.invocation import Invocation
from cli.news_file import news_of
from cli.signing import ready_to_sign
from core.account import AccountKey, Environment
from core.budget import Budget
from core.clock import Clock, ScaledClock, SystemClock, speed_of
from core.config import PAPER, resolve_venue
from core.desk import Desk
from core.digests import code_digest, risk_digest
from core.dry_run import DryRunAccount, DryRunTrading
from core.errors import ConfigError
from core.ids import system_random
from core.journal import Journal, Opening
from core.journal.emergency import EMERGENCY, take_in
from core.keys.signing import SigningKey
from core.lease import Lease
from core.ports import Venue
from core.risk.facts import RiskLimits
from core.risk.portfolio import PortfolioLimits
from core.runtime_folder import default_runtime_folder
from core.secrets import Secret
from core.settings import Credentials, Settings
from core.stop import StopRequest
from core.strategies import evidence_of
from core.venue_clock import VenueClock
from exchanges.registry import official_root, venue_factory

if TYPE_CHECKING:
    from cli.paper_wiring import Persona
    from core.operations.books_desk import BooksDesk
    from core.strategies import Strategy

BAR_GRACE_MS = 60_000
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Wiring:
    """One command's access to a venue and to the journal (`core.desk.Access`).

    `phrase`: what --confirm gave. `key`: to be used instead of the configured one.
    """

    invocation: Invocation
    stop: StopRequest = field(default_factory=StopRequest)
    phrase: str | None = None
    key: SigningKey | None = None

    def type_phrase(self, phrase: str) -> str | None:
        return self.invocation.console.type_phrase(phrase)

    def signing_key(self, settings: Settings, environment: Environment) -> SigningKey:
        """Return the configured key for an environment, ready to sign. Raises ConfigError."""
        return self.ready_to_sign(settings.credentials(environment))

    def ready_to_sign(self, credentials: Credentials) -> SigningKey:
        """Read the private key of credentials, where they have one. Raises ConfigError KEY_MISSING."""
        return ready_to_sign(credentials, self.invocation.console, self.settings.secrets_store)

    @property
    def settings(self) -> Settings:
        return self.invocation.settings

    @cached_property
    def venue_name(self) -> str:
        with self.read_journal() as journal:
            return resolve_venue(self.settings, seen_real_venue=journal.seen_real_venue())

    @contextmanager
    def read_journal(self) -> Iterator[Journal]:
        """Open this home's journal for reading; an absent one is empty."""
        with Journal.open(
            self.settings.home, clock=SystemClock(), random_bytes=system_random, read_only=True
        ) as journal:
            yield journal

    def note(self, kind: str, payload: Mapping[str, object]) -> None:
        with self.write_journal(SystemClock()) as journal:
            journal.record_note(kind, None, payload)

    @asynccontextmanager
    async def venue(self, environment: Environment) -> AsyncIterator[Venue]:
        """Open the venue that serves this environment; nothing is signed before its host is known."""
        self.locate(environment)
        if self.venue_name == PAPER and self.settings.base_url is None:
            opening = self._paper_in_this_process(environment)
        elif self.venue_name == PAPER:
            opening = self._paper_elsewhere(environment)
        else:
            opening = self._real(environment)
        async with opening as venue:
            self.invocation.console.locate(environment=venue.host.environment)
            yield venue

    def locate(self, environment: Environment) -> None:
        """Say which books this is about, as far as the settings tell; the host has the last word."""
        self.invocation.console.locate(venue=self.venue_name, environment=environment)

    @asynccontextmanager
    async def _real(self, environment: Environment) -> AsyncIterator[Venue]:
        root = self.settings.base_url or official_root(self.venue_name, environment)
        key = self.key or self.signing_key(self.settings, environment)
        factory, clock = venue_factory(self.venue_name), SystemClock()
        with self._budget(urlsplit(root).netloc, clock) as budget:
            async with factory(root, key, clock, name=self.venue_name, budget=budget) as venue:
                yield venue

    @asynccontextmanager
    async def _paper_in_this_process(self, environment: Environment) -> AsyncIterator[Venue]:
        from cli.paper_wiring import served_here

        persona: Persona = "testnet" if environment is Environment.TESTNET else "mainnet"
        async with served_here(self.settings, persona) as endpoint:
            key = SigningKey(Secret(endpoint.api_key), Secret(endpoint.api_secret))
            clock = _paper_clock(endpoint.now_ms(), endpoint.speed)
            # The port changes from run to run; what is counted is kept in the exchange's state.
            with self._budget(str(self.settings.home / PAPER), clock) as budget:
                factory = venue_factory(PAPER)
                async with factory(endpoint.rest, key, clock, name=PAPER, budget=budget) as venue:
                    yield _as_paper(venue)

    @asynccontextmanager
    async def _paper_elsewhere(self, environment: Environment) -> AsyncIterator[Venue]:
        """Use a paper exchange that another process serves, on this machine; the live venue behind a tunnel
        is none, whatever TRADER_VENUE says: for paper alone gates may be loosened."""
        from exchanges.paper.recognizing import is_paper

        key = self.key or self.signing_key(self.settings, environment)
        factory = venue_factory(PAPER)
        async with factory(str(self.settings.base_url), None, SystemClock(), name=PAPER) as venue:
            if not venue.host.loopback:
                raise ConfigError(
                    f"TRADER_VENUE is paper, but {venue.host.host} is not this machine",
                    code="SETTINGS_INVALID",
                    hint="set TRADER_VENUE=binance, or remove BINANCE_BASE_URL",
                )
            host, reading = venue.host, await venue.market_data.clock_reading()
            if not await is_paper(host.root):
                raise ConfigError(
                    f"TRADER_VENUE is paper, but what answers at {host.host} is no paper exchange",
                    code="SETTINGS_INVALID",
                    hint="set TRADER_VENUE=binance, or point BINANCE_BASE_URL at `trader paper serve`",
                )
        clock = _paper_clock(reading.venue_ms, float(self.settings.paper_speed or 1))
        with self._budget(host.host, clock) as budget:
            async with factory(host, key, clock, name=PAPER, budget=budget) as venue:
                yield _as_paper(venue)

    @contextmanager
    def _budget(self, host: str, clock: Clock) -> Iterator[Budget]:
        """Open the request budget that all commands of this user share for a host."""
        budget = Budget.shared(self.runtime_folder, host, clock)
        try:
            yield budget
        finally:
            budget.close()
            if budget.warning is not None:
                self.invocation.console.warn(budget.warning)

    @property
    def runtime_folder(self) -> Path:
        return self.settings.runtime_dir or default_runtime_folder()

    @asynccontextmanager
    async def desk(
        self, venue: Venue, *, symbol: str, strategy: Strategy, dry_run: bool
    ) -> AsyncIterator[Desk]:
        """Ask the venue who we are, and open our books on that account."""
        speed = speed_of(venue.clock)
        reading = await venue.market_data.clock_reading()
        venue_clock = VenueClock(venue.market_data, venue.clock, reading, speed)
        with self.write_journal(venue.clock) as journal:
            account = await _open_account(venue, journal, symbol, reading.venue_ms)
            journal.keys.record_used(venue.key_fingerprint, account)
            self.invocation.console.locate(account=f"{account.uid} key …{venue.key_ending}")
            if dry_run:
                trading = DryRunTrading(venue.trading, venue.account, venue.market_data)
                venue = replace(
                    venue, trading=trading, account=DryRunAccount(venue.account, journal, account)
                )
            yield Desk(
                venue=venue,
                account=account,
                key_fingerprint=venue.key_fingerprint,
                journal=journal,
                clock=venue.clock,
                clock_speed=speed,
                venue_clock=venue_clock,
                lease=Lease(
                    self.runtime_folder,
                    account,
                    command=f"trader {self.invocation.console.command}",
                    clock=SystemClock(),
                ),
                settings=self.settings,
                limits=risk_limits(self.settings, strategy, symbol, speed),
                strategy=strategy,
                digests=lambda: (
                    risk_digest(self.settings, evidence_of(strategy)),
                    code_digest(),
                ),
                key_seen=partial(self._key_seen, venue),
                stop=self.stop,
                alone=not dry_run,
                news=news_of(self.settings.news, strategy),
            )

    def _key_seen(self, venue: Venue) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
        """Look for the key on this machine. The keys of the exchange in this process are nowhere else."""
        from core.keys.homes import other_homes
        from core.keys.traces import needles_of, traces

        settings, environ = self.settings, self.invocation.environ
        if not settings.has_key:
            return (), ()
        needles = needles_of(settings.credentials(venue.host.environment))
        user = Path(environ["HOME"]) if environ.get("HOME") else None
        return (
            traces(needles, settings.home, user, self.invocation.cwd),
            other_homes(self.runtime_folder, venue.key_fingerprint, settings.home),
        )

    @asynccontextmanager
    async def account_books(self, venue: Venue) -> AsyncIterator[BooksDesk]:
        """Open the books of the account that the key reaches, which must be known. Raises WRONG_ACCOUNT."""
        from core.operations.books_desk import BooksDesk, known_account

        with self.write_journal(venue.clock) as journal:
            account = await known_account(venue, journal)
            self.invocation.console.locate(account=f"{account.uid} key …{venue.key_ending}")
            yield BooksDesk(venue, account, journal, venue.clock)

    @contextmanager
    def write_journal(self, clock: Clock) -> Iterator[Journal]:
        """Open this home's journal, with whatever an emergency had to write down elsewhere."""
        with Journal.open(self.settings.home, clock=clock, random_bytes=system_random) as journal:
            try:
                for folder in self.emergency_folders:
                    for finding in take_in(journal, folder / EMERGENCY):
                        self.invocation.console.warn(finding)
                yield journal
            finally:
                for warning in journal.warnings:
                    self.invocation.console.warn(warning)

    @property
    def emergency_folders(self) -> tuple[Path, ...]:
        """Where orders are written down that the journal cannot take, best first."""
        return self.settings.home, self.runtime_folder

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """Turn SIGINT, SIGTERM and SIGHUP into a request to stop, for the running event loop."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._ask_to_stop, number)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)

    def _ask_to_stop(self, number: signal.Signals) -> None:
        self.invocation.console.warn(
            f"{number.name}: finishing the request in flight, then leaving no position"
        )
        self.stop.ask(number.name)


async def _open_account(venue: Venue, journal: Journal, symbol: str, venue_now_ms: int) -> AccountKey:
    """Return our key of the venue's account, writing what it held at first contact."""
    instrument = await venue.market_data.instrument(symbol)
    snapshot = await venue.account.snapshot()
    last_trade_id = await venue.account.last_trade_id(symbol)
    identity = (venue.name, venue.host.environment, venue.host.host, snapshot.uid)
    known = [key for key in journal.accounts() if (key.venue, key.environment, key.host, key.uid) == identity]
    if known:
        account = max(known, key=lambda key: key.epoch)
    else:
        opening = Opening(
            balances=snapshot.balances,
            open_orders=await venue.account.open_orders(None),
            last_trade_ids={symbol: last_trade_id},
            server_time_ms=venue_now_ms,
            key_fingerprint=venue.key_fingerprint,
        )
        account = journal.open_account(*identity, opening)
    journal.note_symbol(account, symbol, instrument.base_asset, instrument.quote_asset, last_trade_id)
    return account


def _paper_clock(exchange_ms: int, speed: float) -> Clock:
    """Take the time from the paper exchange."""
    clock = SystemClock()
    return ScaledClock(clock, speed, clock.now_ms(), exchange_ms)


def _as_paper(venue: Venue) -> Venue:
    """Name the host after the exchange: its port changes from run to run, its account is known by uid."""
    return replace(venue, host=replace(venue.host, host=PAPER, proof="the paper exchange"))


def risk_limits(settings: Settings, strategy: Strategy, symbol: str, clock_speed: float) -> RiskLimits:
    """Return the operator's limits. Without an allow-list the symbol that was asked for is allowed.

    Ages are meant in real time: on a clock that runs fast they are as much longer.
    """
    return RiskLimits(
        risk_fraction=settings.risk_fraction,
        max_order=settings.risk_max_order,
        allowed_symbols=frozenset(settings.symbols_allowed or (settings.symbol, symbol)),
        slippage_rate=settings.risk_max_slippage_rate,
        price_band_rate=settings.risk_price_band_rate,
        stop_rate=strategy.stop_loss_rate,
        quote_age_ms_max=round(settings.risk_max_quote_age_ms * clock_speed),
        bar_grace_ms=round(BAR_GRACE_MS * clock_speed),
        live_trades_per_day=settings.live_max_trades_per_day,
        live_loss_per_day=settings.live_max_loss_per_day,
        portfolio=PortfolioLimits(
            positions_max=settings.risk_max_positions,
            asset_rate=settings.risk_max_asset_exposure,
            exposure_rate=settings.risk_max_exposure,
            var_rate=settings.live_max_var,
        ),
    )
