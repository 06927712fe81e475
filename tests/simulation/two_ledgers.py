"""A home and an exchange that agree, and hands on either ledger that no program of ours would have."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

from core.journal.files import DATABASE
from core.operations.books_desk import BooksDesk
from core.operations.reconcile import Wanted, reconcile
from core.operations.reconcile_result import ReconcileResult
from core.orders import OrderReport, SendOnce, Side, TimeInForce
from core.values import Base
from exchanges.paper import admin
from exchanges.paper.exchange import Exchange
from exchanges.paper.records import Persona
from exchanges.paper.schema import STATE_FILE
from tests.core.operations.places import Place, open_place
from tests.exchanges.conformance.desk import Desk

HOUR_S = 3_600


@asynccontextmanager
async def agreeing(folder: Path, persona: Persona = "testnet") -> AsyncIterator[Place]:
    """Give a home whose orders filled, rested and were canceled, with fees in three assets, an hour ago."""
    async with open_place(folder, persona) as place:
        place.desk.config = replace(place.desk.config, persona=persona)
        first = await place.buy()
        await sell(place, first)
        with operator(place) as exchange:
            admin.set_bnb_fees(exchange, enabled=True)
        await place.buy()
        with operator(place) as exchange:
            admin.set_bnb_fees(exchange, enabled=False)
        await place.buy(symbol="ETHUSDT")
        await place.rest()
        await cancel(place, await place.rest())
        await place.clock.sleep(HOUR_S)
        yield place


async def sell(place: Place, bought: OrderReport) -> OrderReport:
    request = await place.buying(bought.symbol, "0.98")
    received = bought.quantity.value - sum(fill.fee.amount for fill in bought.fills)
    instrument = await place.desk.venue.market_data.instrument(bought.symbol)
    return await place.order(
        replace(
            request,
            side=Side.SELL,
            quantity=instrument.quantity_down(received),
            time_in_force=TimeInForce.IOC,
        )
    )


async def cancel(place: Place, resting: OrderReport) -> None:
    """Cancel an order, and know it here."""
    report = await place.desk.venue.trading.cancel(resting.symbol, resting.client_order_id)
    with place.journal() as journal:
        order = journal.order(resting.client_order_id)
        assert order is not None
        journal.record_report(order.intent, report)


async def foreign(
    desk: Desk, name: str, symbol: str, side: Side, quantity: Base | None = None
) -> OrderReport:
    """Trade with the account's key as its page, or a thief, would."""
    market = desk.venue.market_data
    instrument, book = await market.instrument(symbol), await market.book(symbol, 5)
    price = book.asks[0][0] * 101 / 100 if side is Side.BUY else book.bids[0][0] * 99 / 100
    wanted = replace(
        await desk.buy("0.001"),
        symbol=symbol,
        side=side,
        price=instrument.price_passive(side, price),
        quantity=quantity or instrument.quantity_down(15 / book.asks[0][0]),
    )
    return await desk.venue.trading.submit(SendOnce(replace(desk.intent(wanted), client_order_id=name)))


def operator(place: Place) -> closing[Exchange]:
    """Open the exchange as its operator does; what a server holds in memory is read anew."""
    return closing(Exchange(place.desk.config, wall_clock_ms=place.clock.now_ms, random_bytes=bytes))


def at_venue(place: Place, *statements: str) -> None:
    """Alter the exchange's own records. A statement that touches nothing is a mistake of the test."""
    _alter(place.desk.config.state_dir / STATE_FILE, statements)


def at_ours(place: Place, *statements: str) -> None:
    """Alter what the journal's tables say, as no event ever did."""
    _alter(place.home / DATABASE, statements)


def _alter(file: Path, statements: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement


async def reconciled(place: Place, *, full: bool = False) -> ReconcileResult:
    result = ReconcileResult(place.account, place.clock.now_ms())
    with place.journal() as journal:
        desk = BooksDesk(place.desk.venue, place.account, journal, place.clock)
        await reconcile(desk, Wanted(full=full), result, lambda _: None)
    return result
