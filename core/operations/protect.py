"""The protective stop of what a command holds: placed at once, confirmed in time, gone before the exit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from core.desk import Desk
from core.errors import (
    OutcomeUnknown,
    Refused,
    RiskDenied,
    TraderError,
    VenueRejected,
    VenueUnavailable,
)
from core.operations.holding import Book, Holding
from core.operations.observe import observe, risk_facts
from core.operations.settle import settle_order
from core.operations.stop_orders import Stop, missing, protective_orders, send
from core.orders import TERMINAL, OrderReport, OrderRequest, filled_quantity
from core.resolver import Found
from core.risk.approval import Denied
from core.risk.facts import RiskFacts
from core.risk.sizing import NOTHING
from core.risk.stop_sizing import size_stop, stop_at, with_target
from core.stages import TradingState
from core.values import Base, decimal_text

if TYPE_CHECKING:
    pass

CONFIRM_WITHIN_S: Final = 10.0
"""From the fill to the venue's word that a stop rests; later than that the position is sold."""
ASKING_S: Final = 4.0
"""The part of it that is kept for asking, when the venue does not answer the stop itself."""
BALANCE_LAG_S: Final = 3.0
"""How long the whole of a new position may be missing from the free balance, before a part is protected."""
SETTLE_WITHIN_S: Final = 25.0
"""How long a refused cancel is asked about: the venue may not know of an existing order for 20 s."""
PAUSE_S: Final = 0.5
LOOKS_MAX: Final = 4
"""How often a list of which one order has ended is asked about, before that counts as an incident."""


@dataclass(slots=True)
class Guard:
    """The stops of one holding. `stops`: all that were placed or taken over, ended ones and targets too.

    `others`: stops on the symbol that belong to another command's holding. `entry_price`: what the stop
    price is counted from, once one was asked for. `stop_price`: where it was moved to since. `target_price`:
    where a target is wanted beside it. `besides`: what else was free when a stop was placed.
    """

    desk: Desk
    holding: Holding
    book: Book
    others: frozenset[str] = frozenset()
    stops: list[Stop] = field(default_factory=list)
    entry_price: Decimal | None = None
    stop_price: Decimal | None = None
    target_price: Decimal | None = None
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

    async def protect(
        self, entry_price: Decimal, filled_ms: int, *, target_price: Decimal | None = None
    ) -> Stop:
        """Place a stop for what is held and free; return it when the venue has confirmed it.

        With a target, both rest as one order list where the venue takes that. `filled_ms`: when the entry
        filled, by the venue's clock. Whatever is raised, the position has no confirmed stop and is to be
        sold: VenueRejected STOP_WOULD_TRIGGER when the price is through it already, ReconciliationBreak
        STOP_MISSING when it was not confirmed within 10 s, and what `place` raises. A second stop is never
        placed while the first may exist.
        """
        self.entry_price, self.target_price = entry_price, target_price
        return await self._protect(filled_ms)

    async def move(self, stop_price: Decimal) -> bool:
        """Put the stop at another price, and the target beside it again; return whether it rests there.

        False when it sold meanwhile, which `has_ended` tells. Between the venue's word that the list is gone
        and the new one nothing protects: raises as `protect` if that cannot be ended. What is raised before
        that leaves the stop where it is, or `has_ended` tells.
        """
        if self.entry_price is None:
            return True  # nothing was to rest at the venue: what watches the price follows it
        facts = await self._facts_when_released()
        await self.release()
        if any(stop.has_sold for stop in self.stops):
            return False
        self.stop_price = stop_price
        try:
            await self._protect(self.desk.venue_now_ms(), facts)
        except VenueRejected:
            raise
        except TraderError as failure:
            raise missing(f"it was being moved to {decimal_text(stop_price)}: {failure.message}") from failure
        return True

    async def _protect(self, filled_ms: int, facts: RiskFacts | None = None) -> Stop:
        if any(not stop.is_over for stop in self.stops):
            raise missing("another one may still exist")
        deadline_ms = self._in_s(CONFIRM_WITHIN_S) - max(0, self.desk.venue_now_ms() - filled_ms)
        while True:
            try:
                stop = await self._place(deadline_ms, facts)
                break
            except (VenueUnavailable, Refused) as failure:
                facts = None
                # Provably not at the venue; unless our rules denied it, it may be tried again.
                if isinstance(failure, RiskDenied) or self._left_s(deadline_ms) < PAUSE_S:
                    raise
            await self._pause()
        has_sold = any(each.has_sold for each in self.stops)
        if stop.is_over and not (has_sold or self.book.dry_run):
            raise missing(f"the venue ended {stop.client_order_id} at once")
        return stop

    async def has_ended(self) -> bool:
        """Ask the venue whether a stop or a target has sold something, or all of it.

        Raises ReconciliationBreak STOP_MISSING when one ended otherwise: canceled by somebody, or expired.
        """
        if self.book.dry_run or not self.stops:
            return False
        watched = [stop for stop in self.stops if not stop.is_over]
        for look in range(LOOKS_MAX):
            if look:
                # One order of a list ends because the other trades, which the venue may tell a little later.
                await self._pause()
            for stop in watched:
                if not stop.is_over and (report := await self._asked(stop)) is not None:
                    await self._learn(stop, report)
            if any(stop.has_sold for stop in self.stops):
                return True
            if len({stop.is_over for stop in watched}) == 1:
                break
        over = [stop for stop in self.stops if stop.is_over]
        if any(stop.is_over for stop in watched) or not watched:
            said = ", ".join(
                f"{stop.client_order_id} is {stop.report and stop.report.status}" for stop in over
            )
            raise missing(f"{said} at the venue")
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
            await self._release_pair(standing)
        for stop in standing:
            if not stop.is_over:
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
        self.target_price = None  # the exit has begun: what is left only has to be protected
        await self._protect(self.desk.venue_now_ms())

    async def _place(self, deadline_ms: float, facts: RiskFacts | None) -> Stop:
        facts = facts or await self._facts()
        request = self._sized(facts)
        if isinstance(request, Denied):
            raise request.as_error()
        pair = None if self.target_price is None else with_target(facts, request, self.target_price)
        self.besides = max(NOTHING, facts.free_base - facts.position)
        try:
            async with asyncio.timeout(max(PAUSE_S, self._left_s(deadline_ms) - ASKING_S)):
                placed = await send(self.desk, self.book, pair or (request,), facts)
        except VenueRejected as refusal:
            if pair is None or refusal.code == "STOP_WOULD_TRIGGER":
                raise
            # What is not taken as a list is protected by the stop alone.
            self.target_price = None
            return await self._place(deadline_ms, None)
        except (OutcomeUnknown, TimeoutError) as failure:
            self._take_up()
            return await self._found(deadline_ms, str(failure) or "the venue did not answer")
        stops = [Stop(report.client_order_id, sent, is_confirmed=True) for sent, report in placed]
        for stop, (_, report) in zip(stops, placed, strict=True):
            self.stops.append(stop)
            self._book(stop, report)
        return stops[0]

    def _sized(self, facts: RiskFacts) -> OrderRequest | Denied:
        if self.stop_price is not None:
            return stop_at(facts, self.desk.limits, self.stop_price)
        assert self.entry_price is not None  # noqa: S101 - `protect` came first
        return size_stop(facts, self.desk.limits, self.entry_price)

    async def _found(self, deadline_ms: float, reason: str) -> Stop:
        """Ask about the stop whose fate is unknown until the time is over."""
        for stop in self.stops:
            order = None if stop.is_over else self.desk.journal.order(stop.client_order_id)
            if order is not None:
                case = await settle_order(self.desk, order.intent, wait_s=max(0.0, self._left_s(deadline_ms)))
                if isinstance(case.verdict, Found):
                    self._book(stop, case.verdict.report)
                    return stop
        raise missing(f"no stop was confirmed within {CONFIRM_WITHIN_S:g} s: {reason}")

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

    async def _facts_when_released(self) -> RiskFacts:
        """Gather the facts as they will be once the stop that rests no longer locks anything."""
        seen = await observe(self.desk, self.symbol)
        facts = self.holding.limit(
            risk_facts(self.desk, self.holding.instrument, seen, dry_run=self.book.dry_run)
        )
        for stop in self.stops:
            if not (stop.is_over or stop.is_target or stop.report is None):
                left = stop.request.quantity - stop.report.executed_quantity
                facts = replace(facts, free_base=facts.free_base + left)
        return facts

    async def _release_pair(self, standing: list[Stop]) -> None:
        """Cancel an order list in one request; what that does not settle is canceled one by one."""
        stops = [stop for stop in standing if not stop.is_target]
        if len(standing) != 2 or len(stops) != 1:
            return
        try:
            reports = await self.desk.venue.trading.cancel_pair(self.symbol, stops[0].client_order_id)
        except (VenueRejected, OutcomeUnknown):
            return
        told = {report.client_order_id: report for report in reports}
        for stop in standing:
            if (report := told.get(stop.client_order_id)) is not None and report.status in TERMINAL:
                await self._learn(stop, report)

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
