"""A trade: buy, then sell what was bought."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from core.desk import Desk
from core.errors import OutcomeUnknown, PositionOpen, Refused, TraderError
from core.operations.entry_check import check_before_entry
from core.operations.holding import Book, Holding
from core.operations.observe import observe, observe_for_entry, risk_facts
from core.operations.order_path import place
from core.operations.protect import Guard, guard_of
from core.operations.protection import protection
from core.orders import OrderReport, Purpose
from core.risk.approval import Denied
from core.risk.facts import NewestBar
from core.risk.sizing import NothingToSell, size_entry, size_exit
from core.values import Base, Quote

ENTRY_ATTEMPTS = 3
EXIT_FAILURES_MAX = 6
EXIT_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Trade:
    """A round trip. `exits`: the sales that filled something, also of a stop that fired. `stops`: all stops.

    `pnl`: realized, after fees, by average cost. `dust`: what the venue's filters do not let us sell; it
    stays in inventory at its cost.
    """

    entry: OrderReport
    exits: tuple[OrderReport, ...]
    stops: tuple[OrderReport, ...]
    pnl: Quote
    dust: Base

    @property
    def last_fill_ms(self) -> int:
        return max(order.ts_event_ms for order in (self.entry, *self.exits))


@dataclass(slots=True)
class OpenTrade:
    """A trade whose exit is still due. `sales`: what its exit has sold so far."""

    entry: OrderReport
    realized_before: Quote
    guard: Guard
    sales: list[OrderReport] = field(default_factory=list)

    @property
    def stops(self) -> tuple[OrderReport, ...]:
        return self.guard.reports

    @property
    def exits(self) -> tuple[OrderReport, ...]:
        """Return everything that sold something: a stop that fired, then the sales of the rest."""
        fired = [stop for stop in self.stops if stop.executed_quantity.value > 0]
        return (*fired, *self.sales)


async def enter(
    desk: Desk, holding: Holding, book: Book, *, bar: NewestBar | None, smallest: bool
) -> OpenTrade | None:
    """Buy at the book, within the caps; None when a stop was asked for before anything was bought.

    An entry that fills nothing is tried again on fresh prices. Raises RiskDenied, Refused ENTRY_NOT_FILLED or
    FOREIGN_TRADER, ConfigError CLOCK_OFFSET, or what the order path raises.
    """
    for _ in range(ENTRY_ATTEMPTS):
        await check_before_entry(desk, holding.instrument.symbol)
        seen = await observe_for_entry(desk, holding.instrument, dry_run=book.dry_run)
        facts = risk_facts(desk, holding.instrument, seen, dry_run=book.dry_run, bar=bar)
        if desk.stop.asked:
            return None
        request = size_entry(facts, desk.limits, smallest=smallest)
        if isinstance(request, Denied):
            raise request.as_error()
        report = await place(desk, request, facts, dry_run=book.dry_run, context=book.context)
        if report.executed_quantity.value > 0:
            opened = OpenTrade(report, holding.realized, guard_of(desk, holding, book))
            holding.book(report.fills)
            return opened
    symbol = holding.instrument.symbol
    raise Refused(
        f"{ENTRY_ATTEMPTS} entries on {symbol} filled nothing: the price moved away each time",
        code="ENTRY_NOT_FILLED",
        hint="try again; BINANCE_RISK_MAX_SLIPPAGE_RATE is how far an entry may follow the price",
    )


async def leave(desk: Desk, trade: OpenTrade) -> Trade:
    """Sell what is held, in as many orders as it takes. Raises as `sell`."""
    guard = trade.guard
    dust = await sell(desk, guard, trade.sales)
    pnl = guard.holding.realized - trade.realized_before
    return Trade(trade.entry, trade.exits, trade.stops, pnl, dust)


async def sell(desk: Desk, guard: Guard, sales: list[OrderReport]) -> Base:
    """Sell what is held until only dust is left, and return that; `sales` takes the orders that filled.

    Raises PositionOpen, naming what is left and what protects it, when it could not be sold, whatever the
    reason; OutcomeUnknown when the fate of a sale or of a stop is unknown.
    """
    try:
        return await _sell(desk, guard, sales)
    except OutcomeUnknown as unknown:
        holding = guard.holding
        unknown.details["position"] = {"symbol": guard.symbol, "quantity": str(holding.quantity)}
        raise
    except _NotSold as failure:
        reason = str(failure)
    except Exception as bug:
        # Whatever it was, the position matters more; the text may hold a signed address.
        reason = f"an unexpected {type(bug).__name__}"
    with contextlib.suppress(Exception):
        await guard.protect_again()
    left = _left_open(desk, guard.holding, reason)
    if stops := guard.unknown:
        # An order of unknown fate is the more dangerous of the two: it may still sell.
        raise OutcomeUnknown(
            f"{left.message}; the fate of its stop {', '.join(stops)} is unknown",
            hint="`trader resolve` asks the venue what became of it; `trader status` shows the position",
            details={**left.details, "client_order_ids": list(stops)},
        )
    raise left


class _NotSold(Exception):
    """Why a position could not be sold."""


async def _sell(desk: Desk, guard: Guard, sales: list[OrderReport]) -> Base:
    """Sell until only dust is left, and return it. What may pass is tried again, a few times in a row."""
    holding, book = guard.holding, guard.book
    failures, reason = 0, ""
    while failures < EXIT_FAILURES_MAX:
        if failures:
            # The venue's balance may lag behind its fills, and a thin book needs a moment to refill.
            await desk.clock.sleep(EXIT_PAUSE_S)
        failures += 1
        try:
            await guard.release()
            seen = await observe(desk, holding.instrument.symbol)
            facts = guard.limit(risk_facts(desk, holding.instrument, seen, dry_run=book.dry_run))
            sized = size_exit(facts, desk.limits, Purpose.EXIT)
            if isinstance(sized, Denied):
                reason = sized.message
                continue
            if isinstance(sized, NothingToSell):
                if sized.not_free.value == 0:
                    return sized.dust
                reason = f"{sized.not_free} of it is not in the free balance"
                continue
            report = await place(desk, sized.request, facts, dry_run=book.dry_run, context=book.context)
        except OutcomeUnknown:
            raise
        except TraderError as error:
            reason = error.message
            continue
        if report.executed_quantity.value > 0:
            holding.book(report.fills)
            sales.append(report)
            failures = 0
        else:
            reason = "the sale filled nothing: the price moved away"
    raise _NotSold(f"{EXIT_FAILURES_MAX} sales in a row failed, the last because {reason}")


def _left_open(desk: Desk, holding: Holding, reason: str) -> PositionOpen:
    instrument, quantity = holding.instrument, holding.quantity
    cover = protection(desk.journal, desk.account, instrument.symbol)
    return PositionOpen(
        f"{quantity} {instrument.base_asset} of {instrument.symbol} is left open, {cover}: {reason}",
        hint="`trader status` shows it; run the stage again, which sells what it finds, "
        f"or sell it at {desk.account.venue}",
        details={"symbol": instrument.symbol, "quantity": str(quantity), "protection": str(cover)},
    )
