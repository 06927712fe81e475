"""What stops an entry at the last moment and never an exit, and who may send at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.account import Environment
from core.desk import Desk
from core.errors import ConfigError, PositionOpen, Refused, RiskDenied, VenueUnavailable
from core.ids import client_order_id
from core.instrument import Instrument
from core.lease import Lease
from core.operations.holding import Book, Holding
from core.operations.round_trip import OpenTrade, enter, leave
from core.orders import OrderReport, OrderStatus, OrderType, Side
from core.ports import Book as OrderBook
from core.ports import ClockReading
from core.values import Base, Quote
from core.venue_clock import READING_AGE_MS_MAX
from tests.core.operations.desks import Exchange, desk_at
from tests.core.risk.worlds import BTCUSDT

BOOK = Book(dry_run=False, context={"stage": 1})
ETHUSDT = replace(BTCUSDT, symbol="ETHUSDT", base_asset="ETH")
STRANGER = client_order_id("f123456789abcdef", 7)


@dataclass
class ChangingExchange(Exchange):
    """An exchange whose clock runs away, that stops telling the time, and where others trade."""

    ahead_ms: float = 0.0
    silent: bool = False
    resting: tuple[str, ...] = ()

    async def clock_reading(self) -> ClockReading:
        if self.silent:
            raise VenueUnavailable("no answer")
        now_ms = self.clock.now_ms()
        return ClockReading(now_ms + round(self.ahead_ms), now_ms, self.ahead_ms, 1.0)

    async def open_orders(self, symbol: str | None) -> tuple[OrderReport, ...]:
        assert symbol == "BTCUSDT"
        return tuple(map(resting, self.resting))


def resting(name: str) -> OrderReport:
    return OrderReport(
        symbol="BTCUSDT",
        client_order_id=name,
        venue_order_id=1,
        side=Side.SELL,
        order_type=OrderType.LIMIT,
        status=OrderStatus.ACCEPTED,
        quantity=Base(Decimal(1)),
        price=Decimal(20_000),
        executed_quantity=Base(Decimal(0)),
        executed_quote=Quote(Decimal(0)),
        ts_event_ms=0,
    )


@pytest.fixture
def exchange() -> ChangingExchange:
    return ChangingExchange()


@pytest.fixture
async def desk(exchange: ChangingExchange, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(exchange, tmp_path / "home") as desk:
        yield desk


async def bought(desk: Desk, holding: Holding) -> OpenTrade:
    opened = await enter(desk, holding, BOOK, bar=None, smallest=False)
    assert opened
    return opened


async def test_a_clock_that_ran_away_stops_entries_and_not_exits(
    desk: Desk, exchange: ChangingExchange
) -> None:
    holding = Holding(BTCUSDT)
    opened = await bought(desk, holding)
    exchange.ahead_ms = 499.5
    exchange.clock.time_ms += READING_AGE_MS_MAX + 1
    with pytest.raises(ConfigError, match=r"\+500 ms, known to ±1 ms; the limit is 500 ms") as refused:
        await bought(desk, holding)
    assert refused.value.code == "CLOCK_OFFSET"
    trade = await leave(desk, opened)
    assert len(exchange.received) == 1 + len(trade.exits)
    assert exchange.received[-1].timestamp_ms == exchange.clock.now_ms() + 500


async def test_a_clock_that_cannot_be_measured_again_stops_entries_and_not_exits(
    desk: Desk, exchange: ChangingExchange
) -> None:
    holding = Holding(BTCUSDT)
    opened = await bought(desk, holding)
    exchange.silent = True
    exchange.clock.time_ms += READING_AGE_MS_MAX + 1
    with pytest.raises(ConfigError, match="could not be measured again"):
        await bought(desk, holding)
    assert (await leave(desk, opened)).exits


async def test_another_installations_order_stops_entries_and_not_exits(
    desk: Desk, exchange: ChangingExchange
) -> None:
    holding = Holding(BTCUSDT)
    exchange.resting = (client_order_id(desk.journal.installation_id, 9), "web_1", "x-HNA2TXFJ-1")
    opened = await bought(desk, holding)
    exchange.resting = (STRANGER,)
    with pytest.raises(Refused, match=STRANGER) as refused:
        await bought(desk, holding)
    assert (refused.value.code, refused.value.exit_code) == ("FOREIGN_TRADER", 4)
    assert (await leave(desk, opened)).exits


async def test_without_the_lease_nothing_is_sent(exchange: ChangingExchange, tmp_path: Path) -> None:
    async with desk_at(exchange, tmp_path / "home", alone=False) as desk:
        with pytest.raises(Refused, match="does not hold the lease") as refused:
            await bought(desk, Holding(BTCUSDT))
        assert refused.value.code == "INTENT_ABANDONED"
        assert desk.journal.unsettled(desk.account) == ()
    assert exchange.received == []


async def test_a_holder_that_was_displaced_sends_no_exit_either(
    desk: Desk, exchange: ChangingExchange, tmp_path: Path
) -> None:
    holding = Holding(BTCUSDT)
    opened = await bought(desk, holding)
    taker = Lease(tmp_path / "home" / "runtime", desk.account, command="trader flatten", clock=desk.clock)
    with taker.taken_over(), pytest.raises(PositionOpen, match="`trader flatten`"):
        await leave(desk, opened)
    assert len(exchange.received) == 1


async def test_an_order_in_flight_is_seen_by_who_takes_over(
    desk: Desk, exchange: ChangingExchange, tmp_path: Path
) -> None:
    """The taker comes between the last look at the lease and the answer: it must know of the order."""
    taker = Lease(tmp_path / "home" / "runtime", desk.account, command="trader flatten", clock=desk.clock)
    idle: list[bool] = []
    with ExitStack() as taken:

        async def submit(*arguments: object) -> OrderReport:
            taken.enter_context(taker.taken_over())
            idle.append(await taker.displaced_is_idle())
            raise VenueUnavailable("gone")

        exchange.submit = submit  # type: ignore[method-assign,assignment]  # one order, overtaken
        with pytest.raises(VenueUnavailable):
            await bought(desk, Holding(BTCUSDT))
        assert idle == [False]
        assert await taker.displaced_is_idle()


@dataclass
class TwoMarkets(Exchange):
    """Lists ETHUSDT too, where it falls while BTCUSDT stays."""

    eth_bid: Decimal = Decimal(9_999)

    async def instrument(self, symbol: str) -> Instrument:
        return ETHUSDT if symbol == "ETHUSDT" else BTCUSDT

    async def book(self, symbol: str, levels: int) -> OrderBook:
        book = await super().book(symbol, levels)
        return replace(book, bids=((self.eth_bid, Decimal(1)),)) if symbol == "ETHUSDT" else book


async def test_a_loss_on_another_symbol_counts_for_the_day(tmp_path: Path) -> None:
    exchange = TwoMarkets()
    async with desk_at(exchange, tmp_path) as opened:
        host = replace(opened.venue.host, environment=Environment.MAINNET)
        limits = replace(
            opened.limits,
            allowed_symbols=frozenset({"BTCUSDT", "ETHUSDT"}),
            live_loss_per_day=Quote(Decimal(5)),
        )
        desk = replace(opened, venue=replace(opened.venue, host=host), limits=limits)
        desk.journal.note_symbol(desk.account, "ETHUSDT", "ETH", "USDT", None)
        assert await enter(desk, Holding(ETHUSDT), BOOK, bar=None, smallest=False)
        exchange.eth_bid = Decimal(6_000)
        with pytest.raises(RiskDenied) as denied:
            await enter(desk, Holding(BTCUSDT), BOOK, bar=None, smallest=False)
        assert denied.value.code == "DAILY_LOSS_REACHED"
        exchange.eth_bid = Decimal(9_000)
        assert await enter(desk, Holding(BTCUSDT), BOOK, bar=None, smallest=False)
