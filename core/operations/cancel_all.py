"""Cancel our open orders, and say what is left: open, unknown, unprotected, or out of reach."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from core.account import AccountKey, Environment
from core.clock import Clock
from core.errors import OutcomeUnknown, PositionOpen, ReconciliationBreak, TraderError, VenueUnavailable
from core.operations.books import Books
from core.operations.canceling import STOP_TYPES, Canceler, Fate, Scope, Sweep, fate_of
from core.operations.exposure import Exposure, exposure, exposures, same_account
from core.operations.positions import DUST_VALUE
from core.orders import OrderReport, Side
from core.ports import Venue

if TYPE_CHECKING:
    from core.journal import Journal, Order, Position
    from core.settings import Settings


class ReducingAccess(Protocol):
    """What a command that reduces risk leans on: where to go, and what is known."""

    @property
    def settings(self) -> Settings: ...

    def venue(self, environment: Environment) -> AbstractAsyncContextManager[Venue]:
        """Open the venue of this environment, without needing the journal to choose it."""
        ...

    def books(self, clock: Clock | None) -> AbstractContextManager[Books]:
        """Open what can be opened of the journal. `clock`: the venue's; None before there is one."""
        ...

    def at(self, account: AccountKey, venue: Venue) -> None:
        """Note for the operator whose account this is."""
        ...


@dataclass(slots=True)
class CancelAllResult:
    """Filled while it runs.

    `place`: "" until the venue told what is open. `account`: None when it did not say whose key this is.
    `unresolved`: client_order_ids of orders of ours whose fate here is not known. `unprotected`: positions
    here that no resting stop covers. `elsewhere`: what the journal knows on other accounts; on every account
    when the venue cannot be used.
    """

    scope: Scope
    place: str = ""
    account: AccountKey | None = None
    sweep: Sweep = field(default_factory=Sweep)
    unresolved: tuple[str, ...] = ()
    unprotected: tuple[Position, ...] = ()
    elsewhere: tuple[Exposure, ...] = ()
    troubles: list[str] = field(default_factory=list)
    journal_was_read: bool = True

    def raise_if_unsafe(self) -> None:
        """Raise the most dangerous of what is left: unknown fates, exposure, books that were not read."""
        if self.unresolved or self.sweep.unread:
            why = f"; open orders were not read back: {self.sweep.unread}" if self.sweep.unread else ""
            raise OutcomeUnknown(
                f"the fate of {len(self.unresolved)} order(s) at {self.place} is not known{why}",
                hint="run cancel-all again, which asks again; then `trader status`",
                details={"unresolved": list(self.unresolved)},
            )
        if self.unprotected:
            held = ", ".join(f"{each.quantity} of {each.symbol}" for each in self.unprotected)
            raise PositionOpen(
                f"no stop protects {held} at {self.place}",
                hint="`trader flatten` sells it",
                details={"symbols": [each.symbol for each in self.unprotected]},
            )
        still_open = self.sweep.with_fate(Fate.OPEN)
        if still_open:
            raise PositionOpen(
                f"{len(still_open)} order(s) are still open at {self.place}",
                code="ORDERS_OPEN",
                hint="`trader halt` stops whoever places them; then run cancel-all again",
                details={"open": [each.order.client_order_id for each in still_open]},
            )
        raise_if_elsewhere(self.elsewhere)
        if not self.journal_was_read:
            canceled = len(self.sweep.with_fate(Fate.CANCELED))
            raise ReconciliationBreak(
                f"{canceled} order(s) canceled and none left at {self.place}, but the journal was not read: "
                "positions without a stop, and whatever is open elsewhere, are not known",
                code="BOOKS_UNKNOWN",
                hint="look at the positions at the venue; `trader flatten` rebuilds ours from there",
            )


def raise_if_elsewhere(elsewhere: tuple[Exposure, ...]) -> None:
    """Raise PositionOpen when the journal knows exposure on accounts that this command does not reach."""
    if elsewhere:
        raise PositionOpen(
            f"out of reach of this command: {'; '.join(map(str, elsewhere))}",
            code="POSITION_OPEN" if any(each.positions for each in elsewhere) else "ORDERS_OPEN",
            hint="run it with the settings of that account: TRADER_VENUE, BINANCE_USE_TESTNET, the key",
            details={"accounts": [str(each.account) for each in elsewhere]},
        )


async def cancel_all(access: ReducingAccess, scope: Scope, result: CancelAllResult) -> None:
    """Cancel within the scope at the venue that the settings select.

    Raises what the ports raise when nothing could be done: then `elsewhere` is all that the journal knows.
    """
    try:
        async with access.venue(access.settings.environment) as venue:
            with access.books(venue.clock) as books, venue.budget.reducing():
                try:
                    await _cancel_all(access, venue, books, result)
                finally:
                    _note_troubles(result, books)
    except VenueUnavailable:
        with access.books(None) as books:
            result.elsewhere = known_exposures(books)
            _note_troubles(result, books)
        raise


def _note_troubles(result: CancelAllResult, books: Books) -> None:
    result.troubles += [each for each in books.troubles if each not in result.troubles]
    result.journal_was_read = result.journal_was_read and books.is_read


async def _cancel_all(access: ReducingAccess, venue: Venue, books: Books, result: CancelAllResult) -> None:
    books.say_whose()
    await venue.market_data.clock_reading()  # stamps what follows: no cancel may fail by a slow clock
    listed = await venue.account.open_orders(result.scope.symbol)
    result.place = place_of(venue)  # before the venue has told, "no open order" would be a guess
    canceler = Canceler(venue, result.scope, books.is_ours, result.sweep)
    _, account = await asyncio.gather(canceler.run(listed), _account(venue, books))
    if account is not None:
        result.account = account
        result.place = place_of(venue, account)
        access.at(account, venue)
    await account_for(canceler, venue, books, account, result.sweep)
    _look_back(books, result)


async def _account(venue: Venue, books: Books) -> AccountKey | None:
    """Ask whose key this is, while the cancels are on their way; they do not need to know."""
    try:
        snapshot = await venue.account.snapshot()
    except TraderError as error:
        books.troubles.append(f"the venue did not say whose key this is: {error.message}")
        return None
    return account_key(venue, snapshot.uid, books)


def place_of(venue: Venue, account: AccountKey | None = None) -> str:
    where = f"{venue.name} {venue.host.environment}"
    if venue.host.host != venue.name:
        where += f" at {venue.host.host}"
    return where if account is None else f"{where}, account {account.uid}"


def account_key(venue: Venue, uid: str, books: Books) -> AccountKey:
    """Return the account's key as our journal has it, of its newest epoch."""
    key = AccountKey(venue.name, venue.host.environment, venue.host.host, uid)
    nothing: tuple[AccountKey, ...] = ()
    known = books.read(lambda journal: journal.accounts(), nothing)
    return max((each for each in known if same_account(each, key)), key=lambda each: each.epoch, default=key)


def known_exposures(books: Books) -> tuple[Exposure, ...]:
    nothing: tuple[Exposure, ...] = ()
    return books.read(exposures, nothing)


async def account_for(
    canceler: Canceler, venue: Venue, books: Books, account: AccountKey | None, sweep: Sweep
) -> None:
    """Ask about what our journal believes to be open besides, and write all fates down."""
    if account is not None:
        for order in _believed_open(books, account, canceler.scope, sweep):
            try:
                await _ask_about(canceler, venue, order, sweep)
            except TraderError as error:
                books.troubles.append(f"{order.client_order_id} could not be asked about: {error.message}")
    for found in sweep.fates.values():
        _write_down(books, found.order)
    if sweep.fates:
        counts: dict[str, object] = {fate: len(sweep.with_fate(fate)) for fate in Fate}
        books.write(lambda journal: journal.record_note("CANCEL_ALL", _opened(journal, account), counts))


def _believed_open(books: Books, account: AccountKey, scope: Scope, sweep: Sweep) -> list[Order]:
    """Return orders that the journal believes to be at the venue, and the list of open ones did not show."""
    known = books.read(lambda journal: exposure(journal, account), Exposure(account))
    seen = {each.order.client_order_id for each in sweep.fates.values()}
    seen |= {order.client_order_id for order in sweep.kept}
    return [
        order
        for order in (*known.open_orders, *(each.order for each in known.unsettled))
        if order.client_order_id not in seen and scope.symbol in (None, order.symbol)
    ]


async def _ask_about(canceler: Canceler, venue: Venue, order: Order, sweep: Sweep) -> None:
    found = await canceler.ask(order.symbol, order.client_order_id)
    if found is not None and fate_of(found).fate is Fate.OPEN:
        found = await venue.trading.cancel(order.symbol, order.client_order_id)
    if found is not None:
        sweep.note(fate_of(await canceler.with_fills(found), "the list of open orders did not show it"))


def _opened(journal: Journal, account: AccountKey | None) -> AccountKey | None:
    return account if account in journal.accounts() else None


def _write_down(books: Books, order: OrderReport) -> None:
    name = order.client_order_id
    if books.read(lambda journal: journal.order(name), None) is not None:
        books.write(lambda journal: journal.record_report(name, order))


def _look_back(books: Books, result: CancelAllResult) -> None:
    """Fill in what is left, as venue and journal know it now."""
    sweep, account, symbol = result.sweep, result.account, result.scope.symbol
    unknown = [each.order.client_order_id for each in sweep.with_fate(Fate.UNKNOWN)]
    known = known_exposures(books)
    if account is None:
        result.elsewhere, result.unresolved = known, tuple(unknown)
        return
    result.elsewhere = tuple(each for each in known if not same_account(each.account, account))
    here = next((each for each in known if same_account(each.account, account)), Exposure(account))
    resting = [*sweep.kept, *(each.order for each in sweep.with_fate(Fate.OPEN))]
    settled = {order.client_order_id for order in resting}
    if books.whole is None:  # the journal could not be told what the venue said
        settled |= {
            each.order.client_order_id for each in sweep.with_fate(Fate.CANCELED, Fate.FILLED, Fate.ENDED)
        }
    believed = (*here.open_orders, *(each.order for each in here.unsettled))
    unknown += [
        order.client_order_id
        for order in believed
        if order.client_order_id not in settled and symbol in (None, order.symbol)
    ]
    result.unresolved = tuple(dict.fromkeys(unknown))
    result.unprotected = tuple(
        held for held in here.positions if symbol in (None, held.symbol) and not _is_protected(held, resting)
    )


def _is_protected(held: Position, resting: list[OrderReport]) -> bool:
    """Tell whether resting stops cover the position, up to what could not be sold anyway."""
    covered = sum(
        (
            order.quantity.value - order.executed_quantity.value
            for order in resting
            if order.symbol == held.symbol and order.side is Side.SELL and order.order_type in STOP_TYPES
        ),
        Decimal(0),
    )
    bare = held.quantity.value - covered
    average = held.average_cost
    return bare <= 0 or (average is not None and bare * average < DUST_VALUE)
