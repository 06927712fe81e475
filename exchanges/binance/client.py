"""Binance as a venue: four ports over one session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.budget import Budget
from core.clock import Clock
from core.keys.signing import SigningKey
from core.ports import HostFacts, Venue
from exchanges.binance.account import BinanceAccount
from exchanges.binance.hosts import classify
from exchanges.binance.keys import BinanceKeyAdministration
from exchanges.binance.link import Link
from exchanges.binance.market_data import BinanceMarketData
from exchanges.binance.session import BinanceSession, Timeouts
from exchanges.binance.statements import BinanceStatements
from exchanges.binance.trading import BinanceTrading


@asynccontextmanager
async def open_binance(
    root: str | HostFacts,
    key: SigningKey | None,
    clock: Clock,
    *,
    name: str = "binance",
    timeouts: Timeouts | None = None,
    budget: Budget | None = None,
) -> AsyncIterator[Venue]:
    """Open the venue at a base address, or at a host that was classified before; close its connections after.

    Without a key only market data can be asked; the rest raises ConfigError KEY_MISSING. Raises ConfigError
    for an address or a private key that cannot be used. `budget` is shared with other processes; without one
    only this session's requests are counted.
    """
    host = await classify(root, budget) if isinstance(root, str) else root
    session = BinanceSession(host, key, clock, timeouts or Timeouts(), budget)
    try:
        link = Link(session, clock)
        yield Venue(
            name=name,
            host=host,
            clock=clock,
            budget=session.budget,
            key_fingerprint=key.fingerprint if key else "",
            key_ending=key.ending if key else "",
            market_data=BinanceMarketData(link),
            account=BinanceAccount(link),
            statements=BinanceStatements(link, host.environment),
            trading=BinanceTrading(link),
            key_administration=BinanceKeyAdministration(link, host.environment),
        )
    finally:
        await session.close_connection()
