"""The protective stop of what a command holds: placed at once, confirmed in time, gone before the exit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from core.desk import Desk
from core.errors import (
    OutcomeUnknown,
    ReconciliationBreak,
    Refused,
    RiskDenied,
    VenueRejected,
    VenueUnavailable,
)
from core.operations.holding import Book, Holding
from core.operations.observe import observe, risk_facts
from core.operations.order_path import place
from core.operations.settle import settle_order
from core.orders import TERMINAL, OrderReport, OrderRequest, Purpose, filled_quantity
from core.resolver import Found
from core.risk.approval import Denied
from core.risk.facts import RiskFacts
from core.risk.sizing import NOTHING
from core.risk.stop_sizing import size_stop
from core.stages import TradingState
from core.values import Base

if TYPE_CHECKING:
    from core.journal import Order

CONFIRM_WITHIN_S: Final = 10.0
"""From the fill to the venue's word that a stop rests; later than that the position is sold."""
ASKING_S: Final = 4.0
"""The part of it that is kept for asking, when the venue does not answer the stop itself."""
BALANCE_LAG_S: Final = 3.0
"""How long the whole of a new position may be missing from the free balance, before a part is protected."""
SETTLE_WITHIN_S: Final = 25.0
"""How long a refused cancel is asked about: the venue may not know of an existing order for 20 s."""
PAUSE_S: Final = 0.5


@dataclass(slots=True)
class Stop:
    """One protective stop. `report`: the venue's last word; None when it gave none to this command.

    `is_confirmed`: whether the venue ever had it. `booked`: trade ids that the holding has taken in.
    """

    client_order_id: str
    request: OrderRequest
    is_confirmed: bool = False
    report: OrderReport | None = None
    booked: set[int] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        return self.report is not None and self.report.status in TERMINAL

    @property
    def has_sold(self) -> bool:
        return self.report is not None and self.report.executed_quantity.value > 0


@dataclass(slots=True)
class Guard:
    """The stops of one holding. `stops`: all that were placed or taken over, ended ones too.

    `others`: stops on the symbol that belong to another command's holding. `entry_price`: what the stop
    price is counted from, once one was asked for. `besides`: what else was free when a stop was placed.
    """

    desk: Desk
    holding: Holding
    book: Book
    others: frozenset[str] = frozenset()
    stops: list[Stop] = field(default_factory=list)
    entry_price: Decimal | None = None
    besides: Base = NOTHING

    @property
    def symbol(self) -> str:
        return self.holding.instrument.symbol

    @property
    def reports(self) -> tuple[OrderReport, ...]:
        """Return what the venue last said of each stop."""
        return tuple(stop.report for stop in self.stops if stop.report is not None)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Return the names of stops of which nobody knows whether they exist."""
        unsettled = {each.order.client_order_id for each in self.desk.journal.unsettled(self.desk.account)}
        names = [stop.client_order_id for stop in self.stops if not stop.is_over]
        return tuple(name for name in names if name in unsettled)

    async def protect(self, entry_price: Decimal, filled_ms: int) -> Stop:
        """Place a stop for what is held and free; return it when the venue has confirmed it.

        `filled_ms`: when the entry filled, by the venue's clock. Whatever is raised, the position has no
        confirmed stop and is to be sold: VenueRejected STOP_WOULD_TRIGGER when the price is through it
        already, ReconciliationBreak STOP_MISSING when it was not confirmed within 10 s, and what `place`
        raises. A second stop is never placed while the first may exist.
        """
        self.entry_price = entry_price
        if any(not stop.is_over for stop in self.stops):
            raise _missing("another one may still exist")
        deadline_ms = self._in_s(CONFIRM_WITHIN_S) - max(0, self.desk.venue_now_ms() - filled_ms)
        while True:
            try:
                stop = await self._place(entry_price, deadline_ms)
                break
            except (VenueUnavailable, Refused) as failure:
                # Provably not at the venue; unless our rules denied it, it may be tried again.
                if isinstance(failure, RiskDenied) or self._left_s(deadline_ms) < PAUSE_S:
                    raise
            await self._pause()
        if stop.is_over and not stop.has_sold and not self.book.dry_run:
            raise _missing(f"the venue ended {stop.client_order_id} at once")
        return stop

    async def has_ended(self) -> bool:
        """Ask the venue whether a stop has sold something, or all of it.

        Raises ReconciliationBreak STOP_MISSING when one ended otherwise: canceled by somebody, or expired.
        """
        for stop in self.stops:
            if not stop.is_over and (report := await self._asked(stop)) is not None:
                await self._learn(stop, report)
            if stop.has_sold:
                return True
            if stop.is_over and not self.book.dry_run:
                raise _missing(f"{stop.client_order_id} is {stop.report and stop.report.status} at the venue")
        return False

    async def release(self) -> None:
        """Have every stop canceled, by the venue's own word, and take in what they sold.

        Raises Refused when no exit could follow (the stops stay), VenueUnavailable, and OutcomeUnknown when
        nobody can say whether a stop still rests.
        """
        self._take_up()
        standing = [stop for stop in self.stops if not stop.is_over]
        if standing:
            self._require_exit()
        for stop in standing:
            await self._release(stop)

    def limit(self, facts: RiskFacts) -> RiskFacts:
        """Return the facts with no more to sell than is this command's.

        A stop that nobody knows may have locked or sold some of it: then the same amount of what the account
        held besides would be sold in its place.
        """
        facts = self.holding.limit(facts)
        if all(stop.is_over for stop in self.stops):
            return facts
        return replace(facts, free_base=max(NOTHING, facts.free_base - self.besides))

    async def protect_again(self) -> None:
        """Put a stop back where an exit failed; nothing where none was wanted or one still rests."""
        if self.entry_price is None or self.book.dry_run or any(not stop.is_over for stop in self.stops):
            return
        await self.protect(self.entry_price, self.desk.venue_now_ms())

    async def _place(self, entry_price: Decimal, deadline_ms: float) -> Stop:
        facts = await self._facts()
        request = size_stop(facts, self.desk.limits, entry_price)
        if isinstance(request, Denied):
            raise request.as_error()
        self.besides = max(NOTHING, facts.free_base - facts.position)
        try:
            async with asyncio.timeout(max(PAUSE_S, self._left_s(deadline_ms) - ASKING_S)):
                report = await place(
                    self.desk, request, facts, dry_run=self.book.dry_run, context=self.book.context
                )
        except (OutcomeUnknown, TimeoutError) as failure:
            self._take_up()
            return await self._found(deadline_ms, str(failure) or "the venue did not answer")
        stop = Stop(report.client_order_id, request, is_confirmed=True)
        self.stops.append(stop)
        self._book(stop, report)
        return stop

    async def _found(self, deadline_ms: float, reason: str) -> Stop:
        """Ask about the stop whose fate is unknown until the time is over."""
        for stop in self.stops:
            order = None if stop.is_over else self.desk.journal.order(stop.client_order_id)
            if order is not None:
                case = await settle_order(self.desk, order.intent, wait_s=max(0.0, self._left_s(deadline_ms)))
                if isinstance(case.verdict, Found):
                    self._book(stop, case.verdict.report)
                    return stop
        raise _missing(f"no stop was confirmed within {CONFIRM_WITHIN_S:g} s: {reason}")

    async def _facts(self) -> RiskFacts:
        """Gather the facts; the venue's balance may lag behind its fills for a moment."""
        patience_ms = self._in_s(BALANCE_LAG_S)
        while True:
            seen = await observe(self.desk, self.symbol)
            facts = risk_facts(self.desk, self.holding.instrument, seen, dry_run=self.book.dry_run)
            facts = self.holding.limit(facts)
            if facts.free_base >= facts.position or self.desk.clock.monotonic_ms() >= patience_ms:
                return facts
            await self._pause()

    async def _release(self, stop: Stop) -> None:
        deadline_ms = self._in_s(SETTLE_WITHIN_S)
        while True:
            report = await self._cancel(stop)
            if report is not None and report.status in TERMINAL:
                await self._learn(stop, report)
                return
            if report is None and not stop.is_confirmed:
                return  # neither canceled nor found: it locks nothing, and is settled later
            if self._left_s(deadline_ms) <= 0:
                said = "does not know it" if report is None else f"calls it {report.status}"
                raise OutcomeUnknown(
                    f"the stop {stop.client_order_id} could not be canceled, and the venue {said}",
                    hint="do not sell by hand before its fate is known: `trader resolve` asks the venue",
                    details={"client_order_id": stop.client_order_id},
                )
            await self._pause()

    async def _cancel(self, stop: Stop) -> OrderReport | None:
        try:
            return await self.desk.venue.trading.cancel(self.symbol, stop.client_order_id)
        except (VenueRejected, OutcomeUnknown):
            # A refusal says only that it is no longer open: it may have sold everything.
            return await self._asked(stop)

    async def _asked(self, stop: Stop) -> OrderReport | None:
        return await self.desk.venue.account.order(self.symbol, stop.client_order_id)

    async def _learn(self, stop: Stop, report: OrderReport) -> None:
        """Write down what the venue says of a stop, with its fills. Raises VenueUnavailable if some lag."""
        journal, name = self.desk.journal, stop.client_order_id
        journal.record_report(name, report)
        if filled_quantity(report.fills) < report.executed_quantity:
            fills = await self.desk.venue.account.order_fills(self.symbol, report.venue_order_id)
            report = replace(report, fills=fills)
            journal.record_report(name, report)
        if filled_quantity(report.fills) < report.executed_quantity:
            raise VenueUnavailable(f"the venue does not show all fills of {name} yet")
        self._book(stop, report)

    def _book(self, stop: Stop, report: OrderReport) -> None:
        fresh = [fill for fill in report.fills if fill.trade_id not in stop.booked]
        self.holding.book(fresh)
        stop.booked |= {fill.trade_id for fill in fresh}
        stop.is_confirmed, stop.report = True, report

    def _take_up(self) -> None:
        """Add the stops that the journal knows of, and we do not: placed by us, without an answer."""
        if self.book.dry_run:
            return
        mine = self.others | {stop.client_order_id for stop in self.stops}
        for order in protective_orders(self.desk, self.symbol):
            name = order.client_order_id
            if name not in mine:
                booked = {fill.trade_id for fill in self.desk.journal.fills(name)}
                is_confirmed = order.venue_order_id is not None
                self.stops.append(Stop(name, order.intent.request, is_confirmed, booked=booked))

    def _require_exit(self) -> None:
        """Raise Refused when an exit would be: then its stop is better left where it is."""
        if self.desk.journal.trading_state(self.desk.account) is TradingState.HALTED:
            raise Refused("trading is halted", code="TRADING_HALTED")
        if not self.desk.lease.is_held():
            raise Refused(self.desk.lease.why_not_held(), code="LEASE_HELD")

    async def _pause(self) -> None:
        await self.desk.clock.sleep(PAUSE_S * self.desk.clock_speed)

    def _in_s(self, seconds: float) -> float:
        """Return the time, monotonic, after so many seconds of the wall."""
        return self.desk.clock.monotonic_ms() + seconds * 1000 * self.desk.clock_speed

    def _left_s(self, deadline_ms: float) -> float:
        return (deadline_ms - self.desk.clock.monotonic_ms()) / 1000 / self.desk.clock_speed


def guard_of(desk: Desk, holding: Holding, book: Book) -> Guard:
    """Return the guard of a holding that has no stop yet; those that rest now belong to others."""
    resting = () if book.dry_run else protective_orders(desk, holding.instrument.symbol)
    return Guard(desk, holding, book, others=frozenset(order.client_order_id for order in resting))


def protective_orders(desk: Desk, symbol: str) -> tuple[Order, ...]:
    """Return our stops on a symbol that rest at the venue, or may, as far as the journal knows."""
    journal, account = desk.journal, desk.account
    orders = {order.client_order_id: order for order in journal.open_orders(account, symbol=symbol)}
    orders |= {each.order.client_order_id: each.order for each in journal.unsettled(account)}
    return tuple(
        order
        for order in orders.values()
        if order.symbol == symbol and order.intent.request.purpose is Purpose.PROTECT
    )


def _missing(reason: str) -> ReconciliationBreak:
    return ReconciliationBreak(f"no protective stop: {reason}", code="STOP_MISSING")
