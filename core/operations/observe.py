"""Gather what the risk rules must know, from the venue and from the journal, for one decision."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal

from core.account import AccountSnapshot, CommissionRates
from core.clock import utc_day
from core.desk import Desk
from core.instrument import Instrument
from core.operations.breakers import look_at_breakers, minutes_before
from core.operations.portfolio import BOOK_LEVELS, NOTHING, Elsewhere, look_elsewhere, portfolio
from core.orders import OrderType
from core.ports import Book, BookTop
from core.risk.facts import NewestBar, RiskFacts
from core.values import EXACT, Base, Quote

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
    """The venue's side of one moment. `elsewhere`: what is held on other symbols, None when not looked at."""

    snapshot: AccountSnapshot
    commission: CommissionRates
    average_price: Decimal
    book: BookTop
    elsewhere: Elsewhere | None = None


async def observe_for_entry(desk: Desk, instrument: Instrument, *, dry_run: bool) -> Observation:
    """Observe, and look at what is held on other symbols, because an entry is judged by all of it.

    Where they bind, the breakers are looked at as well. A sale is never made to wait for another market.
    """
    elsewhere = await look_elsewhere(desk, instrument, dry_run=dry_run)
    minutes = await minutes_before(desk, instrument.symbol) if desk.is_measured else None
    seen = replace(await observe(desk, instrument.symbol), elsewhere=elsewhere)
    if minutes is not None:
        look_at_breakers(desk, risk_facts(desk, instrument, seen, dry_run=dry_run), minutes)
    return seen


async def observe_equity(desk: Desk, instrument: Instrument, *, dry_run: bool) -> RiskFacts:
    """Return the facts with all that is held, for what it is worth; no order is judged by them."""
    elsewhere = await look_elsewhere(desk, instrument, dry_run=dry_run, with_returns=False)
    seen = replace(await observe(desk, instrument.symbol), elsewhere=elsewhere)
    return risk_facts(desk, instrument, seen, dry_run=dry_run)


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
    elsewhere = seen.elsewhere
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
        measured=desk.is_measured,
        live_entries_today=journal.entries_today(account, today),
        live_realized_loss_today=Quote(-journal.realized_today(account, today, instrument.quote_asset)),
        live_unrealized_loss=Quote(position.cost.value - value_now)
        + (NOTHING if elsewhere is None else elsewhere.lost),
        open_orders=len(open_orders),
        open_algo_orders=sum(order.order_type in ALGO_TYPES for order in open_orders),
        portfolio=None
        if elsewhere is None
        else portfolio(instrument, position, seen.book.bid_price, seen.snapshot, elsewhere),
        breakers=journal.breakers(account).latched(desk.venue_now_ms()) if desk.is_measured else (),
    )
