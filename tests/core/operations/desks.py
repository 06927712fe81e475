"""A desk with a real journal, a clock that moves when slept on, and an exchange that follows a script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.account import AccountKey, AccountSnapshot, Balance, CommissionRates, Environment
from core.budget import Budget
from core.desk import Desk
from core.instrument import Instrument
from core.journal import Journal
from core.journal.records import Opening
from core.lease import Lease
from core.orders import (
    Fill,
    Intent,
    Liquidity,
    OrderReport,
    OrderStatus,
    SendOnce,
    Side,
    filled_notional,
    filled_quantity,
)
from core.ports import (
    Book,
    ClockReading,
    DepositAddress,
    DepositNetwork,
    HostFacts,
    KeyFacts,
    Page,
    TakerFlow,
    Venue,
)
from core.reconciliation import Trade, Transfer, VenueOrder
from core.reconciliation.trades import Market
from core.settings import Settings
from core.stop import StopRequest
from core.strategies import strategy
from core.values import Base, Money
from core.venue_clock import VenueClock
from tests.core.risk.worlds import BTCUSDT, LIMITS

if TYPE_CHECKING:
    from core.bars import Bars

NOW_MS = 1_700_000_000_000
RATE = Decimal("0.001")
D = Decimal
BID, ASK, WHOLE = D("9999"), D("10000"), D(1)
ACCOUNT = AccountKey("paper", Environment.TESTNET, "paper", "7")


@dataclass
class SteppedClock:
    """Moves only when slept on, or when a test moves it."""

    time_ms: float = NOW_MS
    slept_s: list[float] = field(default_factory=list)

    def now_ms(self) -> int:
        return int(self.time_ms)

    def monotonic_ms(self) -> float:
        return self.time_ms

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.time_ms += seconds * 1000


Act = Callable[["Exchange", Intent], OrderReport]


@dataclass
class Exchange:
    """All ports at once. `script`: what the next orders meet; every further one is filled in full."""

    clock: SteppedClock = field(default_factory=SteppedClock)
    bid: Decimal = BID
    ask: Decimal = ASK
    balances: dict[str, Decimal] = field(default_factory=lambda: {"USDT": D(1000), "BTC": D(0)})
    script: list[Act] = field(default_factory=list)
    book_errors: list[Exception] = field(default_factory=list)
    tape_errors: list[Exception] = field(default_factory=list)
    lag: list[dict[str, Decimal]] = field(default_factory=list)
    received: list[Intent] = field(default_factory=list)
    fills: dict[int, tuple[Fill, ...]] = field(default_factory=dict)
    bars_made: Callable[[], Bars] | None = None
    next_id: int = 1

    async def ping(self) -> None: ...

    async def clock_reading(self) -> ClockReading:
        return ClockReading(self.clock.now_ms(), self.clock.now_ms(), 0.0, 1.0)

    async def instrument(self, symbol: str) -> Instrument:
        return BTCUSDT

    async def book(self, symbol: str, levels: int) -> Book:
        if self.book_errors:
            raise self.book_errors.pop(0)
        return Book(symbol, ((self.bid, D(1)),), ((self.ask, D(1)),), self.clock.now_ms())

    async def average_price(self, symbol: str) -> Decimal:
        return (self.bid + self.ask) / 2

    async def taker_flow(self, symbol: str, span_ms: int) -> TakerFlow:
        if self.tape_errors:
            raise self.tape_errors.pop(0)
        return TakerFlow(D(600), D(400), 60, self.clock.now_ms())

    async def bars(self, symbol: str, interval: str, count: int) -> Bars:
        if self.bars_made is None and interval == "1m":
            return calm_minutes(self.clock.now_ms(), count)
        assert self.bars_made, "the test gave no bars"
        return self.bars_made()

    async def snapshot(self) -> AccountSnapshot:
        held = self.lag.pop(0) if self.lag else self.balances
        balances = {asset: Balance(asset, free, D(0)) for asset, free in held.items()}
        return AccountSnapshot("7", True, balances, CommissionRates(RATE, RATE), self.clock.now_ms())

    async def commission(self, symbol: str) -> CommissionRates:
        return CommissionRates(RATE, RATE)

    async def order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        return None

    async def open_orders(self, symbol: str | None) -> tuple[OrderReport, ...]:
        return ()

    async def order_by_id(self, symbol: str, venue_order_id: int) -> OrderReport | None:
        return None

    async def all_orders(self, symbol: str, start_ms: int, end_ms: int) -> tuple[OrderReport, ...]:
        return ()

    async def fills_between(self, symbol: str, start_ms: int, end_ms: int) -> tuple[Fill, ...]:
        return ()

    async def fill(self, symbol: str, trade_id: int) -> Fill | None:
        return None

    async def order_fills(self, symbol: str, venue_order_id: int) -> tuple[Fill, ...]:
        return self.fills[venue_order_id]

    async def order_names(self, symbol: str) -> dict[int, str]:
        return {}

    async def fill_history(self, symbol: str) -> tuple[Fill, ...]:
        return ()

    async def last_trade_id(self, symbol: str) -> int | None:
        return None

    async def orders(self, symbol: str, from_id: int | None) -> Page[VenueOrder]:
        return Page((), is_last=True)

    async def trades(self, symbol: str, from_id: int | None) -> Page[Trade]:
        return Page((), is_last=True)

    async def markets(self) -> tuple[Market, ...]:
        return ()

    async def transfers(self, start_ms: int, end_ms: int) -> tuple[Transfer, ...] | None:
        return None

    async def submit(self, permission: SendOnce) -> OrderReport:
        intent = permission.spend()
        self.received.append(intent)
        return self.script.pop(0)(self, intent) if self.script else filled(self, intent)

    async def validate(self, intent: Intent) -> None: ...

    async def rehearse(self, intent: Intent) -> CommissionRates:
        return CommissionRates(RATE, RATE)

    async def cancel(self, symbol: str, client_order_id: str) -> OrderReport:
        raise AssertionError("no stage cancels")

    async def cancel_all(self, symbol: str) -> tuple[OrderReport, ...]:
        raise AssertionError("no stage cancels")

    async def key_facts(self) -> KeyFacts | None:
        return None

    async def is_known(self) -> bool:
        return True

    async def account_status(self) -> str | None:
        return None

    async def networks(self, coin: str) -> tuple[DepositNetwork, ...] | None:
        return None

    async def deposit_address(self, coin: str, network: str) -> DepositAddress | None:
        return None


def calm_minutes(now_ms: int, count: int, *last: float) -> Bars:
    """Minutes that end now and do not move, but for the closes given."""
    from core.bars import Bars

    closes = np.array([10_000.0] * (count - len(last)) + list(last))
    times = now_ms // 60_000 * 60_000 - 60_000 * np.arange(count, 0, -1)
    return Bars(times, closes, closes, closes, closes, closes, 60_000)


def filled(exchange: Exchange, intent: Intent, share: Decimal = WHOLE) -> OrderReport:
    """Fill a share of the order at the best price, in two fills, and move the balances."""
    request = intent.request
    buys = request.side is Side.BUY
    price = exchange.ask if buys else exchange.bid
    number = exchange.next_id
    exchange.next_id += 1
    quantity = BTCUSDT.quantity_down(request.quantity.value * share).value
    parts = [part for part in (quantity - D("0.00001"), D("0.00001")) if part > 0] if quantity else []
    fills = tuple(
        Fill(
            symbol=request.symbol,
            trade_id=number * 10 + index,
            venue_order_id=number,
            side=request.side,
            price=price,
            quantity=Base(part),
            fee=Money(part * RATE, "BTC") if buys else Money(part * price * RATE, "USDT"),
            liquidity=Liquidity.TAKER,
            ts_event_ms=exchange.clock.now_ms(),
        )
        for index, part in enumerate(parts)
    )
    sign = 1 if buys else -1
    exchange.balances["BTC"] += sign * quantity - (quantity * RATE if buys else 0)
    exchange.balances["USDT"] -= sign * quantity * price + (0 if buys else quantity * price * RATE)
    exchange.fills[number] = fills
    return OrderReport(
        symbol=request.symbol,
        client_order_id=intent.client_order_id,
        venue_order_id=number,
        side=request.side,
        order_type=request.order_type,
        status=OrderStatus.FILLED if quantity == request.quantity.value else OrderStatus.EXPIRED,
        quantity=request.quantity,
        price=request.price or D(0),
        executed_quantity=filled_quantity(fills),
        executed_quote=filled_notional(fills),
        ts_event_ms=exchange.clock.now_ms(),
        fills=fills,
    )


def partly(share: str) -> Act:
    return lambda exchange, intent: filled(exchange, intent, D(share))


def fails(error: BaseException) -> Act:
    def act(exchange: Exchange, intent: Intent) -> OrderReport:
        raise error

    return act


def without_fills(exchange: Exchange, intent: Intent) -> OrderReport:
    return replace(filled(exchange, intent), fills=())


@asynccontextmanager
async def desk_at(
    exchange: Exchange, home: Path, *, alone: bool = True, clock_speed: float = 1.0
) -> AsyncIterator[Desk]:
    """Open a desk on the exchange, with the books of a home. Who is not alone has no lease: it runs dry."""
    number = iter(range(1, 1000))
    journal = Journal.open(
        home, clock=exchange.clock, random_bytes=lambda count: next(number).to_bytes(count)
    )
    with journal:
        held = {asset: Balance(asset, free, D(0)) for asset, free in exchange.balances.items()}
        opening = Opening(held, (), {"BTCUSDT": None}, NOW_MS, "fingerprint")
        account = journal.open_account(ACCOUNT.venue, ACCOUNT.environment, ACCOUNT.host, ACCOUNT.uid, opening)
        journal.note_symbol(account, "BTCUSDT", "BTC", "USDT", None)
        host = HostFacts("http://127.0.0.1", "paper", False, Environment.TESTNET, True, "a test says so")
        reading = ClockReading(NOW_MS, NOW_MS, 0.0, 1.0)
        lease = Lease(home / "runtime", account, command="trader stage 1", clock=exchange.clock)
        desk = Desk(
            venue=Venue(
                name="paper",
                host=host,
                clock=exchange.clock,
                budget=Budget(exchange.clock),
                key_fingerprint="fingerprint",
                key_ending="1234",
                market_data=exchange,
                account=exchange,
                statements=exchange,
                trading=exchange,
                key_administration=exchange,
            ),
            account=account,
            key_fingerprint="fingerprint",
            journal=journal,
            clock=exchange.clock,
            clock_speed=clock_speed,
            venue_clock=VenueClock(exchange, exchange.clock, reading, clock_speed, lambda: 0.0),
            lease=lease,
            settings=Settings.model_validate({"TRADER_HOME": home, "BINANCE_DRY_RUN": "false"}),
            limits=LIMITS,
            strategy=strategy("coherence"),
            digests=lambda: ("risk", "code"),
            key_seen=lambda: ((), ()),
            stop=StopRequest(),
            alone=alone,
        )
        with lease.acquired() if alone else nullcontext():
            yield desk
