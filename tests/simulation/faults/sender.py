"""One of several senders on one account: waits for its turn, settles what others left, trades, hands over."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from cli.wiring import risk_limits
from core.account import Environment
from core.budget import Budget
from core.clock import ScaledClock, SystemClock
from core.desk import Desk
from core.errors import TraderError
from core.ids import system_random
from core.journal import Journal
from core.keys.signing import SigningKey
from core.lease import Lease
from core.operations.holding import Book, holding_at_start
from core.operations.protect import Guard
from core.operations.round_trip import enter, leave, sell
from core.operations.settle import settle
from core.operations.stop_orders import protective_orders
from core.ports import HostFacts, Venue
from core.secrets import Secret
from core.settings import Settings
from core.stop import StopRequest
from core.strategies import strategy
from core.venue_clock import VenueClock
from exchanges.binance.client import open_binance
from exchanges.binance.session import Timeouts
from tests.simulation.crash.ledgers import rows

SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT")
TRIPS = 12
"""Trades of a turn: buy, protect, cancel the stop, sell."""
PAUSE_S = 0.05
BOOK = Book(dry_run=False, context={"stage": 1})
TIMEOUTS = Timeouts(connect_s=2, read_s=1, order_s=0.35)
HOLDING_COST_MIN = 1
TARGET = Decimal("1.02")


@dataclass(frozen=True)
class Place:
    """Where a sender works. `began_ms`: machine time and exchange time of one and the same moment."""

    home: Path
    runtime: Path
    rest: str
    api_key: str
    api_secret: str
    speed: float
    began_ms: tuple[int, int]

    @property
    def clock(self) -> ScaledClock:
        return ScaledClock(SystemClock(), self.speed, *self.began_ms)

    def journal(self) -> Journal:
        return Journal.open(self.home, clock=self.clock, random_bytes=system_random)

    @asynccontextmanager
    async def venue(self) -> AsyncIterator[Venue]:
        key = SigningKey(Secret(self.api_key), Secret(self.api_secret))
        host = HostFacts(self.rest, "paper", False, Environment.TESTNET, True, "a paper exchange")
        budget = Budget.shared(self.runtime, self.rest, self.clock)
        try:
            async with open_binance(
                host, key, self.clock, name="paper", timeouts=TIMEOUTS, budget=budget
            ) as venue:
                yield venue
        finally:
            budget.close()

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        settings = Settings.model_validate({"TRADER_HOME": self.home, "BINANCE_DRY_RUN": "false"})
        coherence = strategy("coherence")
        limits = risk_limits(settings, coherence, SYMBOLS[0], self.speed)
        async with self.venue() as venue:
            reading = await venue.market_data.clock_reading()
            with self.journal() as journal:
                (account,) = journal.accounts()
                yield Desk(
                    venue=venue,
                    account=account,
                    key_fingerprint=venue.key_fingerprint,
                    journal=journal,
                    clock=self.clock,
                    clock_speed=self.speed,
                    venue_clock=VenueClock(venue.market_data, self.clock, reading, self.speed),
                    lease=Lease(self.runtime, account, command="a sender", clock=SystemClock()),
                    settings=settings,
                    limits=replace(limits, allowed_symbols=frozenset(SYMBOLS)),
                    strategy=coherence,
                    digests=lambda: ("risk", "code"),
                    key_seen=lambda: ((), ()),
                    stop=StopRequest(),
                    alone=True,
                )


def send(place: Place, number: int, orders: int) -> Counter[str]:
    """Take turns until the journal holds so many orders. Return how often what befell this sender."""
    return asyncio.run(_send(place, number, orders))


async def _send(place: Place, number: int, orders: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    while True:
        try:
            async with place.desk() as desk:
                if orders_of(desk.journal) >= orders:
                    return seen
                with desk.lease.acquired():
                    seen["turns"] += 1
                    await _turn(desk, number, orders, seen)
        except TraderError as failure:
            if failure.code != "LEASE_HELD":
                seen[failure.code] += 1
        await asyncio.sleep(PAUSE_S)


async def _turn(desk: Desk, number: int, orders: int, seen: Counter[str]) -> None:
    await settle(desk)
    release(desk, seen)
    for trip in range(TRIPS):
        if orders_of(desk.journal) >= orders:
            return
        await round_trip(desk, SYMBOLS[(number + trip) % len(SYMBOLS)], trip)
        seen["round trips"] += 1


async def round_trip(desk: Desk, symbol: str, trip: int) -> None:
    """Sell what an earlier turn left; buy, protect, sell. What is raised leaves the rest to others.

    Every second position is protected by a stop and a target as one order list.
    """
    await sell_left(desk, symbol)
    instrument = await desk.venue.market_data.instrument(symbol)
    holding = holding_at_start(desk, instrument, dry_run=False)
    opened = await enter(desk, holding, BOOK, bar=None, smallest=False)
    if opened is None or opened.entry.average_price is None:
        return
    price = opened.entry.average_price
    target = price * TARGET if trip % 2 else None
    with suppress(TraderError):  # without a stop it is sold at once
        await opened.guard.protect(price, opened.entry.ts_event_ms, target_price=target)
    await leave(desk, opened)


async def sell_left(desk: Desk, symbol: str) -> None:
    """Take an earlier turn's stops away and sell its position, as a stage does before it buys."""
    instrument = await desk.venue.market_data.instrument(symbol)
    holding = holding_at_start(desk, instrument, dry_run=False)
    if protective_orders(desk, symbol) or holding.cost.value >= HOLDING_COST_MIN:
        await sell(desk, Guard(desk, holding, BOOK, entry_price=holding.average_cost), [])


def release(desk: Desk, seen: Counter[str]) -> None:
    """Release a quarantine, as a human would, when every order of its symbol is settled."""
    unsettled = {each.order.symbol for each in desk.journal.unsettled(desk.account)}
    for each in desk.journal.quarantines(desk.account):
        if each.symbol not in unsettled:
            seen["quarantines"] += 1
            desk.journal.release_quarantine(desk.account, each.symbol, "every order of it is settled")


def orders_of(journal: Journal) -> int:
    """Return how many orders were written down."""
    return len(rows(journal.home, "SELECT 1 FROM orders"))
