"""Every venue under test, opened against the paper exchange behind a relay that can lose answers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from core.account import AccountKey
from core.keys.signing import SigningKey
from core.orders import Intent, OrderReport, OrderRequest, OrderType, Purpose, SendOnce, Side, TimeInForce
from core.ports import Venue
from core.secrets import Secret
from core.values import Base
from exchanges.paper.exchange import PaperConfig
from exchanges.paper.records import Persona
from exchanges.paper.server import serve
from exchanges.registry import venue_factory

START_MS = 1_750_000_000_000


@dataclass
class ManualClock:
    """One clock for the exchange and its clients; it moves when a test says so, or when somebody waits."""

    time_ms: int = START_MS

    def now_ms(self) -> int:
        return self.time_ms

    def monotonic_ms(self) -> float:
        return float(self.time_ms)

    async def sleep(self, seconds: float) -> None:
        self.time_ms += round(seconds * 1000)


@dataclass(frozen=True)
class SkewedClock:
    """A machine whose clock is wrong."""

    base: ManualClock
    skew_ms: int

    def now_ms(self) -> int:
        return self.base.now_ms() + self.skew_ms

    def monotonic_ms(self) -> float:
        return self.base.monotonic_ms()

    async def sleep(self, seconds: float) -> None:
        await self.base.sleep(seconds)


class Relay:
    """Stands between client and exchange; while `loses_answers`, requests arrive and answers do not."""

    def __init__(self, port: int) -> None:
        self._upstream_port = port
        self.loses_answers = False

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        there = asyncio.ensure_future(_pump(reader, up_writer))
        try:
            while data := await up_reader.read(1 << 16):
                if self.loses_answers:
                    return
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            there.cancel()
            await asyncio.gather(there, return_exceptions=True)
            up_writer.close()
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def relay_to(port: int) -> AsyncIterator[tuple[Relay, int]]:
    relay = Relay(port)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(relay.handle(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield relay, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@dataclass
class Desk:
    """A venue with an account, and what a test needs to trade on it."""

    venue: Venue
    venue_name: str
    clock: ManualClock
    root: str
    key: SigningKey
    relay: Relay
    config: PaperConfig
    sequence: int = 0

    def open(self, *, key: SigningKey | None = None, skew_ms: int = 0) -> AbstractAsyncContextManager[Venue]:
        """Open the same venue once more, as another process or machine would."""
        clock = SkewedClock(self.clock, skew_ms)
        return venue_factory(self.venue_name)(self.root, key or self.key, clock, name=self.venue_name)

    def intent(self, request: OrderRequest, *, timestamp_ms: int | None = None) -> Intent:
        self.sequence += 1
        now_ms = self.clock.now_ms()
        host = self.venue.host
        return Intent(
            client_order_id=f"tr00000000000000aa-{self.sequence}",
            sequence=self.sequence,
            account=AccountKey(self.venue.name, host.environment, host.host, "1"),
            request=request,
            timestamp_ms=now_ms if timestamp_ms is None else timestamp_ms,
            recv_window_ms=5_000,
            created_ms=now_ms,
            dry_run=False,
        )

    async def submit(self, request: OrderRequest) -> OrderReport:
        return await self.venue.trading.submit(SendOnce(self.intent(request)))

    async def buy(self, quantity: str, *, slippage: str = "1.01") -> OrderRequest:
        """Return a LIMIT IOC buy that crosses the book by the slippage."""
        book = await self.venue.market_data.book("BTCUSDT", 5)
        instrument = await self.venue.market_data.instrument("BTCUSDT")
        ask = book.asks[0][0]
        return OrderRequest(
            symbol="BTCUSDT",
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=Base(Decimal(quantity)),
            price=instrument.price_passive(Side.BUY, ask * Decimal(slippage)),
            time_in_force=TimeInForce.IOC,
            purpose=Purpose.ENTRY,
            decision_price=ask,
        )

    async def rest(self, quantity: str) -> OrderRequest:
        """Return a GTC buy far below the market."""
        return replace(await self.buy(quantity, slippage="0.7"), time_in_force=TimeInForce.GTC)


@asynccontextmanager
async def open_desk(venue_name: str, state_dir: Path, persona: Persona = "testnet") -> AsyncIterator[Desk]:
    clock = ManualClock()
    counter = iter(range(1_000_000))
    config = PaperConfig(state_dir=state_dir, persona=persona)

    def random_bytes(count: int) -> bytes:
        return hashlib.shake_256(str(next(counter)).encode()).digest(count)

    async with AsyncExitStack() as stack:
        paper = await stack.enter_async_context(
            serve(config, wall_clock_ms=clock.now_ms, random_bytes=random_bytes)
        )
        relay, port = await stack.enter_async_context(relay_to(int(paper.rest.rpartition(":")[2])))
        key = SigningKey(Secret(paper.api_key), Secret(paper.api_secret))
        root = f"http://127.0.0.1:{port}"
        venue = await stack.enter_async_context(venue_factory(venue_name)(root, key, clock, name=venue_name))
        yield Desk(venue, venue_name, clock, root, key, relay, config)
