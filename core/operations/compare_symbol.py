"""Compare one symbol with the venue, in stretches: nothing is kept but what differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from core.ids import installation_of
from core.journal.reconciliations import Coverage, Reconciliations
from core.operations.holdings import Moved
from core.operations.statement_reading import Patience, pages
from core.orders import OrderReport
from core.ports import Page, Venue
from core.reconciliation import Break, OwnOrder, Terms, Trade, VenueOrder
from core.reconciliation.classes import SETTLED_MS
from core.reconciliation.orders import is_archived, match_orders, without_consequences
from core.reconciliation.trades import Market, Parties, Unmatched, explained, in_scope, unmatched

TRADES_PER_NOTE: Final = 100_000
"""How many trades are compared again at most after a run was cut off; each note is an fsync."""
PASSES: Final = 3
"""How often a symbol is compared anew because somebody wrote to the journal meanwhile."""


@dataclass(slots=True)
class Compared:
    """One symbol, compared. `coverage`: how far both sides are known and will not change any more."""

    coverage: Coverage
    breaks: tuple[Break, ...] = ()
    orders: int = 0
    trades: int = 0


@dataclass(slots=True)
class SymbolComparison:
    """The comparison of one symbol. `listed`: its open orders, as the venue tells them."""

    venue: Venue
    book: Reconciliations
    patience: Patience
    market: Market
    terms: Terms
    listed: Sequence[OrderReport]
    moved: Moved
    strangers: dict[int, VenueOrder] = field(default_factory=dict)
    noted: Coverage | None = None

    async def run(self, start: Coverage) -> Compared:
        """Compare everything after `start`. Raises what reads raise; the journal then knows how far it came.

        A difference may only be there because another command was writing: then it looks again.
        """
        for _ in range(PASSES):
            before = self.book.head()
            compared = await self._once(start)
            if not compared.breaks or self.book.head() == before:
                break
            start = self.noted or start  # up to there both sides agreed
        return compared

    async def _once(self, start: Coverage) -> Compared:
        done = Compared(start)
        order_breaks = await self._orders(start, done)
        trade_breaks = await self._trades(done, clean=not order_breaks)
        done.breaks = (*without_consequences(order_breaks, trade_breaks), *trade_breaks)
        return done

    # --- orders

    async def _orders(self, start: Coverage, done: Compared) -> list[Break]:
        symbol, own = self.market.symbol, self.book.own
        after, covered = start.orders_to, start.orders_to
        pending = {order.client_order_id: order for order in own.orders_pending(symbol)}
        listed = {report.venue_order_id: report for report in self.listed}
        breaks: list[Break] = []
        ask = partial(self._order_page, symbol)
        async for rows in pages(ask, after, self.terms.opened_ms):
            upto = rows[-1].venue_order_id
            ours = self._ours(own.orders(symbol, after, upto), rows)
            breaks += self._matched(ours, rows)
            for order in rows:
                pending.pop(order.client_order_id, None)
                listed.pop(order.venue_order_id, None)
            covered = _settled(
                covered, ((row.venue_order_id, row.created_ms) for row in reversed(rows)), self.terms
            )
            done.orders += len(rows)
            after = max(after, upto)
        late = {order.client_order_id: order for order in own.orders(symbol, after)} | pending
        found = [_as_listed(report) for report in listed.values() if self._is_in_scope(report)]
        known = {order.client_order_id for order in found}
        for name, mine in late.items():
            if name in known or is_archived(mine, self.terms):
                continue
            report = await self.patience.ask(partial(self.venue.account.order, symbol, name))
            if report is not None:
                found.append(_as_listed(report))
        breaks += self._matched(self._ours(list(late.values()), found), found)
        done.coverage = Coverage(covered, start.trades_to)
        return breaks

    async def _order_page(self, symbol: str, from_id: int | None) -> Page[VenueOrder]:
        return await self.patience.ask(partial(self.venue.statements.orders, symbol, from_id))

    def _ours(self, ours: list[OwnOrder], theirs: Iterable[VenueOrder]) -> list[OwnOrder]:
        """Add our orders that have a name in theirs, but another venue_order_id or none here."""
        known = {order.client_order_id for order in ours}
        makers = {self.terms.installation_id, *self.terms.earlier}
        names = [
            order.client_order_id
            for order in theirs
            if order.client_order_id not in known and installation_of(order.client_order_id) in makers
        ]
        return ours + self.book.own.orders_named(names)

    def _matched(self, ours: Sequence[OwnOrder], theirs: Sequence[VenueOrder]) -> tuple[Break, ...]:
        found = match_orders(self.market.symbol, ours, theirs, self.terms)
        strange = {each.venue_order_id for each in found}
        self.strangers |= {order.venue_order_id: order for order in theirs if order.venue_order_id in strange}
        return found

    def _is_in_scope(self, report: OrderReport) -> bool:
        foreign = self.book.own.opened().foreign_orders
        return (report.symbol, report.venue_order_id) not in {
            (symbol, number) for symbol, number, _ in foreign
        }

    # --- trades

    async def _trades(self, done: Compared, *, clean: bool) -> list[Break]:
        symbol, own = self.market.symbol, self.book.own
        after = covered = done.coverage.trades_to
        noted_at = 0
        breaks: list[Break] = []
        gone: list[Trade] = []
        ask = partial(self._trade_page, symbol)
        async for rows in pages(ask, after, self.terms.opened_ms):
            upto = rows[-1].trade_id
            ours = own.trade_rows(symbol, after, upto)
            self.moved.count(self.market, after, upto, ours)
            left = unmatched(ours, in_scope(rows, self.terms))
            breaks += await self._explained(left)
            gone += left.only_ours
            covered = _settled(
                covered, ((row.trade_id, row.ts_event_ms) for row in reversed(rows)), self.terms
            )
            after = max(after, upto)
            done.trades += len(rows)
            if clean and not (breaks or gone) and done.trades - noted_at >= TRADES_PER_NOTE:
                noted_at, self.noted = done.trades, Coverage(done.coverage.orders_to, covered)
                self.book.record_covered(symbol, self.noted)
        gone += own.trades(symbol, after)
        done.coverage = Coverage(done.coverage.orders_to, covered)
        return [*breaks, *self._missing(gone)]

    async def _trade_page(self, symbol: str, from_id: int | None) -> Page[Trade]:
        return await self.patience.ask(partial(self.venue.statements.trades, symbol, from_id))

    async def _explained(self, left: Unmatched) -> tuple[Break, ...]:
        """Say what is wrong with trades that the venue has."""
        parties: Mapping[int, Parties] = {
            number: await self._parties(number) for number in sorted(left.strange_orders)
        }
        return explained(self.market, replace(left, only_ours=()), (), parties, self.terms)

    def _missing(self, gone: Sequence[Trade]) -> tuple[Break, ...]:
        """Say what is wrong with trades that the venue has not; what one repeats lies in any stretch."""
        if not gone:
            return ()
        orders = sorted({trade.venue_order_id for trade in gone})
        ours = self.book.own.trades_of(self.market.symbol, orders)
        return explained(self.market, Unmatched(only_ours=tuple(gone)), ours, {}, self.terms)

    async def _parties(self, venue_order_id: int) -> Parties:
        """Return what both sides know of an order that made a trade we do not have."""
        symbol, own = self.market.symbol, self.book.own
        mine = own.order_of(symbol, venue_order_id)
        theirs = self.strangers.get(venue_order_id)
        if mine is None and theirs is None:
            report = await self.patience.ask(partial(self.venue.account.order_by_id, symbol, venue_order_id))
            theirs = None if report is None else _as_listed(report)
            if theirs is not None:
                self.strangers[venue_order_id] = theirs
        if mine is None and theirs is not None:
            named = own.orders_named([theirs.client_order_id])
            mine = named[0] if named else None
        return Parties(mine, theirs)


def _settled(covered: int, rows: Iterable[tuple[int, int]], terms: Terms) -> int:
    """Return how far coverage may go: whatever is young may still have something listed before it.

    `rows`: id and time, newest first.
    """
    old = (number for number, time_ms in rows if terms.now_ms - time_ms > SETTLED_MS)
    return max(covered, next(old, -1))


def _as_listed(report: OrderReport) -> VenueOrder:
    return VenueOrder(
        venue_order_id=report.venue_order_id,
        client_order_id=report.client_order_id,
        is_buy=report.side == "BUY",
        order_type=report.order_type,
        status=report.status,
        quantity=report.quantity.value,
        price=report.price,
        executed_quantity=report.executed_quantity.value,
        created_ms=report.ts_event_ms,
        updated_ms=report.ts_event_ms,
    )
