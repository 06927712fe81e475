"""Halt, cancel, sell our net position at the market, verify: flat, or NOT FLAT and why.

Leans on the journal only while it is whole: otherwise our position is rebuilt from the venue's records, and
what is sent is written to a plain file. Takes the lease over from whoever holds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from core.account import AccountKey, AccountSnapshot
from core.clock import Clock, ScaledClock
from core.errors import ConfigError, TraderError, VenueUnavailable
from core.journal.emergency import EmergencyJournal
from core.journal.records import Opening
from core.lease import Lease
from core.operations.books import Books
from core.operations.cancel_all import ReducingAccess, account_for, account_key, known_exposures, place_of
from core.operations.canceling import Canceler, Fate, OrderFate, Scope
from core.operations.exposure import same_account
from core.operations.flatten_result import FlattenResult
from core.operations.halt import latch_home, tell_journal
from core.operations.own_history import rebuilt_position
from core.operations.selling import Sale, SalePurpose, sell
from core.orders import Purpose, Side
from core.ports import Venue
from core.risk.facts import RiskLimits
from core.stop import StopRequest
from core.values import Base, Quote
from core.venue_clock import VenueClock

if TYPE_CHECKING:
    from core.journal import Journal, Order
    from core.settings import Settings

ZERO = Decimal(0)
REASON = "flatten"


class FlattenAccess(ReducingAccess, Protocol):
    """What flatten leans on besides. `clock`: this machine's, for what happens before there is a venue."""

    @property
    def stop(self) -> StopRequest: ...

    @property
    def clock(self) -> Clock: ...

    def lease(self, account: AccountKey) -> Lease: ...

    def emergency_journal(
        self, books: Books, clock: Clock, say: Callable[[str], None]
    ) -> EmergencyJournal: ...

    def confirm_account(self, phrase: str) -> None:
        """Have the phrase typed that lets everything be sold. Raises NotConfirmed."""
        ...


@dataclass(frozen=True)
class FlattenDesk:
    """`core.desk.Sender`, without a strategy and perhaps without a journal."""

    venue: Venue
    account: AccountKey
    journal: EmergencyJournal
    clock: Clock
    clock_speed: float
    venue_clock: VenueClock
    lease: Lease
    limits: RiskLimits
    stop: StopRequest

    def venue_now_ms(self) -> int:
        return self.venue_clock.now_ms()


async def flatten(access: FlattenAccess, result: FlattenResult) -> None:
    """Flatten the account that the settings select.

    Halts before anything else; with `everybody` only after the phrase was given. Raises NotConfirmed, and
    what the ports raise when nothing could be done: then `elsewhere` is all that the journal knows.
    """
    if not result.everybody:
        latch_home(access.clock, REASON, result.halted)
    try:
        async with access.venue(access.settings.environment) as venue:
            with access.books(venue.clock) as books, venue.budget.reducing():
                try:
                    await _flatten(access, venue, books, result)
                finally:
                    _note_troubles(result, books)
    except VenueUnavailable:
        with access.books(None) as books:
            if result.halted.latched:
                tell_journal(books, REASON, result.halted)
            result.elsewhere = known_exposures(books)
            _note_troubles(result, books)
        raise


def _note_troubles(result: FlattenResult, books: Books) -> None:
    told = (*result.halted.troubles, *books.troubles)
    result.troubles += [each for each in told if each not in result.troubles]
    result.journal_was_read = result.journal_was_read and books.is_read


async def _flatten(access: FlattenAccess, venue: Venue, books: Books, result: FlattenResult) -> None:
    result.place = place_of(venue)
    if not result.everybody:
        tell_journal(books, REASON, result.halted)
    books.say_whose()
    reading = await venue.market_data.clock_reading()
    snapshot = await venue.account.snapshot()
    account = result.account = account_key(venue, snapshot.uid, books)
    result.place = place_of(venue, account)
    access.at(account, venue)
    if result.everybody:
        access.confirm_account(account_phrase(venue, snapshot))
        latch_home(access.clock, REASON, result.halted)
        tell_journal(books, REASON, result.halted)
    speed = venue.clock.speed if isinstance(venue.clock, ScaledClock) else 1.0
    with access.lease(account).taken_over() as lease:
        await _let_finish(lease, result)
        desk = FlattenDesk(
            venue=venue,
            account=account,
            journal=access.emergency_journal(books, venue.clock, result.troubles.append),
            clock=venue.clock,
            clock_speed=speed,
            venue_clock=VenueClock(venue.market_data, venue.clock, reading, speed),
            lease=lease,
            limits=_limits(access.settings),
            stop=access.stop,
        )
        await _cancel(desk, books, result)
        await _sell_all(access, desk, books, snapshot, result)
        await _verify(desk, books, result)
    result.is_over = True
    known = known_exposures(books)
    result.elsewhere = tuple(each for each in known if not same_account(each.account, account))


async def _let_finish(lease: Lease, result: FlattenResult) -> None:
    """Let the last request of the former sender come back: it can send no further one."""
    if lease.warning is not None:
        result.troubles.append(lease.warning)
    if lease.displaced is not None:
        result.displaced = str(lease.displaced)
        if not await lease.displaced_is_idle():
            result.troubles.append(f"{lease.displaced} still has a request in flight, which may trade")


async def _cancel(desk: FlattenDesk, books: Books, result: FlattenResult) -> None:
    """Cancel, stops too, and learn what became of every order that the journal does not know the end of."""
    canceler = Canceler(desk.venue, Scope(everybody=result.everybody), books.is_ours, result.sweep)
    await canceler.run(await desk.venue.account.open_orders(None))
    await account_for(canceler, desk.venue, books, desk.account, result.sweep)


async def _sell_all(
    access: FlattenAccess, desk: FlattenDesk, books: Books, snapshot: AccountSnapshot, result: FlattenResult
) -> None:
    """Sell what is ours; with `everybody`, then what was there before."""
    try:
        journal = books.whole
        result.rebuilt = journal is None
        if journal is None:
            ours = await _by_the_venue(access.settings, desk.venue, books, snapshot)
        else:
            ours = _by_the_journal(journal, desk.account)
            result.unresolved = [each.order.client_order_id for each in journal.unsettled(desk.account)]
        for symbol, quantity in ours:
            await _sell(desk, symbol, quantity, Purpose.FLATTEN, result)
        if result.everybody:
            await _sell_the_rest(access.settings, desk, books, result)
    except TraderError as error:
        result.unseen = error.message


def _by_the_journal(journal: Journal, account: AccountKey) -> list[tuple[str, Base]]:
    """Return (symbol, quantity) of what our fills left, without what an unsettled sale may have sold."""
    found: list[tuple[str, Base]] = []
    unsettled = [each.order for each in journal.unsettled(account)]
    for held in journal.positions(account):
        quantity = held.quantity
        for order in _one_of_each_list(unsettled):
            # Selling it a second time would sell what was there before us.
            if (order.symbol, order.side) == (held.symbol, Side.SELL):
                quantity -= order.quantity - order.filled_quantity
        if quantity.value > 0:
            found.append((held.symbol, quantity))
    return found


def _one_of_each_list(orders: Sequence[Order]) -> list[Order]:
    """Leave targets out whose stops are there too: of an order list, only one order sells."""
    stops = {order.intent.sequence for order in orders if order.intent.request.purpose is Purpose.PROTECT}
    return [
        order
        for order in orders
        if order.intent.request.purpose is not Purpose.TARGET or order.intent.sequence - 1 not in stops
    ]


async def _by_the_venue(
    settings: Settings, venue: Venue, books: Books, snapshot: AccountSnapshot
) -> list[tuple[str, Base]]:
    """Return (symbol, quantity) of what our orders left, on every market that the account's assets have."""
    quote = (await venue.market_data.instrument(settings.symbol)).quote_asset
    symbols = {settings.symbol, *settings.allowed_symbols}
    symbols |= {f"{asset}{quote}" for asset in snapshot.balances if asset != quote}
    found: list[tuple[str, Base]] = []
    for symbol in sorted(symbols):
        try:
            instrument = await venue.market_data.instrument(symbol)
        except ConfigError:
            continue  # there is no such market
        quantity = await rebuilt_position(venue, instrument, books.is_ours)
        if quantity.value > 0:
            found.append((symbol, quantity))
    return found


async def _sell_the_rest(settings: Settings, desk: FlattenDesk, books: Books, result: FlattenResult) -> None:
    """Sell every other asset that has a market to the quote asset of the settings' symbol."""
    quote = (await desk.venue.market_data.instrument(settings.symbol)).quote_asset
    snapshot = await desk.venue.account.snapshot()
    _open_account(books, desk, snapshot)
    # Ours first: sold as if it had been there before, it would stay in our books.
    held_back = [sale.symbol for sale in result.sales if not sale.is_flat]
    for asset, balance in sorted(snapshot.balances.items()):
        if asset != quote and not any(symbol.startswith(asset) for symbol in held_back):
            await _sell(desk, f"{asset}{quote}", Base(balance.total), Purpose.LIQUIDATE, result)


async def _sell(
    desk: FlattenDesk, symbol: str, quantity: Base, purpose: SalePurpose, result: FlattenResult
) -> None:
    """Sell one symbol; what goes wrong with it is told in its sale, and the next one is sold."""
    sale = Sale(symbol, purpose, wanted=quantity, left=quantity, reason="it was not tried")
    try:
        await desk.venue_clock.refresh_if_stale()
        instrument = await desk.venue.market_data.instrument(symbol)
        desk.journal.note_symbol(desk.account, symbol, instrument.base_asset, instrument.quote_asset, None)
    except TraderError as error:
        if error.code == "SYMBOL_UNKNOWN" and purpose is Purpose.LIQUIDATE:
            result.no_market.append(symbol)
            return
        sale.reason = error.message
        result.sales.append(sale)
        return
    result.sales.append(sale)
    await sell(desk, instrument, sale)


def _open_account(books: Books, desk: FlattenDesk, snapshot: AccountSnapshot) -> None:
    """Write an account down that this home never worked on, so that its sales can be."""
    key = desk.account
    opening = Opening(snapshot.balances, (), {}, desk.venue_now_ms(), desk.venue.key_fingerprint)
    books.write(
        lambda journal: journal.open_account(
            key.venue, key.environment, key.host, key.uid, opening, epoch=key.epoch
        )
    )


async def _verify(desk: FlattenDesk, books: Books, result: FlattenResult) -> None:
    """Look once more: no order of ours is open, and our books agree with what was sold."""
    try:
        for order in await desk.venue.account.open_orders(None):
            if result.everybody or books.is_ours(order.client_order_id):
                result.sweep.note(OrderFate(order, Fate.OPEN, "it turned up while flattening"))
    except TraderError as error:
        result.sweep.unread = error.message
    journal = books.whole
    if journal is None or result.rebuilt or desk.journal.fell_back:
        return
    sold = {sale.symbol: sale for sale in result.sales if sale.purpose is Purpose.FLATTEN}
    for held in journal.positions(desk.account):
        sale = sold.get(held.symbol)
        if sale is not None and sale.is_flat and held.quantity != sale.left:
            sale.reason = f"the journal holds {held.quantity} by now: another command traded meanwhile"
            sale.left = held.quantity


def account_phrase(venue: Venue, snapshot: AccountSnapshot) -> str:
    """Return what has to be typed to sell everything: place, key, count, and a word of today's balances.

    The word changes with any balance: yesterday's crontab line sells nothing.
    """
    held = sorted((asset, str(balance.total)) for asset, balance in snapshot.balances.items())
    word = hashlib.sha256(f"{snapshot.uid} {held}".encode()).hexdigest()[:4]
    where = f"{venue.name} {venue.host.environment} …{venue.key_ending}"
    return f"flatten {where} all {len(held)} assets {word}"


def _limits(settings: Settings) -> RiskLimits:
    """Return the operator's limits for the record: none of them binds what flatten sends."""
    return RiskLimits(
        risk_fraction=settings.risk_fraction,
        max_order=settings.risk_max_order,
        allowed_symbols=frozenset(),
        slippage_rate=ZERO,
        price_band_rate=ZERO,
        stop_rate=ZERO,
        quote_age_ms_max=0,
        bar_grace_ms=0,
        live_trades_per_day=0,
        live_loss_per_day=Quote(ZERO),
    )
