"""Gather what the risk rules must know, from the venue and from the journal, for one decision."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal

from core.account import AccountSnapshot, CommissionRates
from core.clock import utc_day
from core.desk import Desk
from core.instrument import Instrument
from core.operations.positions import open_positions
from core.orders import OrderType
from core.ports import Book, BookTop
from core.risk.facts import NewestBar, RiskFacts
from core.values import EXACT, Base, Quote, notional

BOOK_LEVELS = 5
NOTHING = Quote(Decimal(0))
ALGO_TYPES = frozenset(
    {
        OrderType.STOP_LOSS,
        OrderType.STOP_LOSS_LIMIT,
        OrderType.TAKE_PROFIT,
        OrderType.TAKE_PROFIT_LIMIT,
    }
)
"""What the venue's MAX_NUM_ALGO_ORDERS counts."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The venue's side of one moment. `lost_elsewhere`: as `observe_for_entry` finds it."""

    snapshot: AccountSnapshot
    commission: CommissionRates
    average_price: Decimal
    book: BookTop
    lost_elsewhere: Quote = NOTHING


async def observe_for_entry(desk: Desk, instrument: Instrument) -> Observation:
    """Observe, and ask what our positions on other symbols of the quote asset have lost by now.

    The daily limit is the account's. A sale is never made to wait for another market.
    """
    lost = await _lost_elsewhere(desk, instrument)
    return replace(await observe(desk, instrument.symbol), lost_elsewhere=lost)


async def _lost_elsewhere(desk: Desk, instrument: Instrument) -> Quote:
    lost, market = NOTHING, desk.venue.market_data
    for held in open_positions(desk.journal, desk.account) if desk.is_live else ():
        if held.symbol == instrument.symbol:
            continue
        if (await market.instrument(held.symbol)).quote_asset == instrument.quote_asset:
            book = await market.book(held.symbol, BOOK_LEVELS)
            lost += held.cost - notional(held.quantity, book.bids[0][0])
    return lost


async def observe(desk: Desk, symbol: str) -> Observation:
    """Ask the venue for everything one decision needs; the book last, so that it is the freshest."""
    await desk.venue_clock.refresh_if_stale()
    snapshot, commission, average_price = await asyncio.gather(
        desk.venue.account.snapshot(),
        desk.venue.account.commission(symbol),
        desk.venue.market_data.average_price(symbol),
    )
    book = await desk.venue.market_data.book(symbol, BOOK_LEVELS)
    return Observation(snapshot, commission, average_price, top_of(book))


def top_of(book: Book) -> BookTop:
    (bid_price, bid_quantity), (ask_price, ask_quantity) = book.bids[0], book.asks[0]
    return BookTop(book.symbol, bid_price, bid_quantity, ask_price, ask_quantity, book.ts_recv_ms)


def risk_facts(
    desk: Desk, instrument: Instrument, seen: Observation, *, dry_run: bool, bar: NewestBar | None = None
) -> RiskFacts:
    """Join what the venue said with what the journal knows. `bar`: what was decided on, None for a probe."""
    journal, account, symbol = desk.journal, desk.account, instrument.symbol
    position = journal.position(account, symbol, dry_run=dry_run)
    open_orders = journal.open_orders(account, symbol=symbol, dry_run=dry_run)
    today = utc_day(desk.venue_now_ms())
    value_now = EXACT.multiply(position.quantity.value, seen.book.bid_price)
    return RiskFacts(
        instrument=instrument,
        book=seen.book,
        average_price=seen.average_price,
        free_quote=Quote(seen.snapshot.free(instrument.quote_asset)),
        free_base=Base(seen.snapshot.free(instrument.base_asset)),
        position=position.quantity,
        commission=seen.commission,
        trading_state=journal.trading_state(account),
        quarantined=journal.is_quarantined(account, symbol),
        # Nothing of a dry run is ever on its way; one that was killed must not stop the next.
        in_flight=() if dry_run else journal.in_flight(account, symbol),
        newest_bar=bar,
        now_ms=desk.clock.now_ms(),
        live=desk.is_live,
        live_entries_today=journal.entries_today(account, today),
        live_realized_loss_today=Quote(-journal.realized_today(account, today, instrument.quote_asset)),
        live_unrealized_loss=Quote(position.cost.value - value_now) + seen.lost_elsewhere,
        open_orders=len(open_orders),
        open_algo_orders=sum(order.order_type in ALGO_TYPES for order in open_orders),
    )
