"""A home with books, at a paper exchange behind a relay: what commands that reduce risk meet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from core.account import AccountKey, Environment
from core.clock import Clock
from core.errors import NotConfirmed
from core.ids import new_installation_id, system_random
from core.journal import Journal, Opening
from core.journal.emergency import EmergencyJournal
from core.lease import Lease
from core.operations.books import Books, open_books
from core.orders import OrderReport, OrderRequest, OrderType, Purpose, SendOnce, Side, TimeInForce
from core.ports import Venue
from core.settings import Settings
from core.stop import StopRequest
from core.values import Base
from exchanges.paper.records import Persona
from tests.core.journal.books import record_intent
from tests.exchanges.conformance.desk import Desk, open_desk

D = Decimal


class Watched:
    """A venue's account and trading ports; counts what is asked, and lets a test act after an answer."""

    def __init__(self, venue: Venue) -> None:
        self.asked: list[str] = []
        self.before: dict[str, Callable[[], Awaitable[None]]] = {}
        self.after: dict[str, Callable[[], Awaitable[None]]] = {}
        self.over(venue)

    def over(self, venue: Venue) -> None:
        self.ports = (venue.account, venue.trading)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        method = next(getattr(port, name) for port in self.ports if hasattr(port, name))

        async def ask(*arguments: object) -> object:
            self.asked.append(name)
            if name in self.before:
                await self.before[name]()
            try:
                return await method(*arguments)
            finally:
                if name in self.after:
                    await self.after[name]()

        return ask


@dataclass
class Place:
    """`home`: its journal has opened the account. Also the access that the operations are given."""

    desk: Desk
    home: Path
    account: AccountKey
    watched: Watched
    settings: Settings
    runtime: Path
    located: list[str] = field(default_factory=list)
    stop: StopRequest = field(default_factory=StopRequest)
    phrase: str | None = None
    """What a test types; None: whatever is asked for."""
    asked_for: str = ""

    @property
    def clock(self) -> Clock:
        return self.desk.clock

    def lease(self, account: AccountKey, command: str = "trader flatten") -> Lease:
        return Lease(self.runtime, account, command=command, clock=self.desk.clock)

    def emergency_journal(self, books: Books, clock: Clock, say: Callable[[str], None]) -> EmergencyJournal:
        name = books.installations[-1] if books.installations else new_installation_id(system_random)
        return EmergencyJournal(books.whole, (self.home, self.runtime), name, clock, say)

    def confirm_account(self, phrase: str) -> None:
        self.asked_for = phrase
        if self.phrase not in (None, phrase):
            raise NotConfirmed("another phrase")

    @asynccontextmanager
    async def venue(self, environment: Environment) -> AsyncIterator[Venue]:
        yield self.watched_venue

    @property
    def watched_venue(self) -> Venue:
        ports = {"account": self.watched, "trading": self.watched}
        return replace(self.desk.venue, **ports)  # type: ignore[arg-type]  # it answers for both

    @contextmanager
    def books(self, clock: Clock | None) -> Iterator[Books]:
        folders = (self.home, self.runtime)
        with open_books(self.home, clock or self.desk.clock, system_random, folders) as books:
            yield books

    def at(self, account: AccountKey, venue: Venue) -> None:
        self.located.append(str(account))

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        with Journal.open(self.home, clock=self.desk.clock, random_bytes=system_random) as journal:
            yield journal

    async def order(self, request: OrderRequest, *, lost: bool = False) -> OrderReport:
        """Send an order as the order path does. `lost`: the process dies before it learns the outcome."""
        with self.journal() as journal:
            base, quote = request.symbol[:3], request.symbol[3:]
            journal.note_symbol(self.account, request.symbol, base, quote, None)
            now_ms = self.desk.clock.now_ms()
            permission = record_intent(journal, self.account, request, timestamp_ms=now_ms)
            report = await self.desk.venue.trading.submit(permission)
            if not lost:
                journal.record_report(permission.intent, report)
        return report

    async def rest(self, symbol: str = "BTCUSDT", *, below: str = "0.7", quantity: str = "") -> OrderReport:
        """Leave a buy in the book, this share of the price."""
        return await self.order(await self.buying(symbol, below, quantity))

    async def buy(self, quantity: str = "", symbol: str = "BTCUSDT", *, lost: bool = False) -> OrderReport:
        wanted = replace(await self.buying(symbol, "1.01", quantity), time_in_force=TimeInForce.IOC)
        return await self.order(wanted, lost=lost)

    async def buying(self, symbol: str, share: str, quantity: str = "") -> OrderRequest:
        market = self.desk.venue.market_data
        instrument = await market.instrument(symbol)
        ask = (await market.book(symbol, 5)).asks[0][0]
        price = instrument.price_passive(Side.BUY, ask * D(share))
        worth_20 = instrument.quantity_down(D(20) / ask + D("0.001"))
        return OrderRequest(
            symbol=symbol,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=Base(D(quantity)) if quantity else worth_20,
            price=price,
            time_in_force=TimeInForce.GTC,
            purpose=Purpose.ENTRY,
            decision_price=ask,
        )

    async def protect(self, quantity: Base, symbol: str = "BTCUSDT") -> OrderReport:
        """Leave a stop far below the market."""
        bought = await self.buying(symbol, "0.5")
        assert bought.price is not None
        return await self.order(
            replace(
                bought,
                side=Side.SELL,
                order_type=OrderType.STOP_LOSS_LIMIT,
                quantity=quantity,
                stop_price=bought.price,
                purpose=Purpose.PROTECT,
            )
        )

    async def strangers_order(self, name: str, symbol: str = "BTCUSDT") -> OrderReport:
        """Leave an order in the book that this home did not make."""
        wanted = self.desk.intent(await self.buying(symbol, "0.7"))
        return await self.desk.venue.trading.submit(SendOnce(replace(wanted, client_order_id=name)))

    async def open_names(self) -> set[str]:
        return {order.client_order_id for order in await self.desk.venue.account.open_orders(None)}


@asynccontextmanager
async def open_place(folder: Path, persona: Persona = "testnet") -> AsyncIterator[Place]:
    async with open_desk("paper", folder / "exchange", persona) as desk:
        home = folder / "home"
        snapshot = await desk.venue.account.snapshot()
        host = desk.venue.host
        opening = Opening(snapshot.balances, (), {}, desk.clock.now_ms(), "fingerprint")
        with Journal.open(home, clock=desk.clock, random_bytes=system_random) as journal:
            account = journal.open_account("paper", host.environment, host.host, snapshot.uid, opening)
        yield Place(
            desk=desk,
            home=home,
            account=account,
            watched=Watched(desk.venue),
            settings=Settings.model_validate({"TRADER_HOME": home}),
            runtime=folder / "runtime",
        )
