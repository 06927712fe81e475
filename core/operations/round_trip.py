"""A trade: buy, then sell what was bought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.desk import Desk
from core.errors import OutcomeUnknown, PositionOpen, Refused, TraderError
from core.instrument import Instrument
from core.operations.observe import observe, risk_facts
from core.operations.order_path import place
from core.orders import OrderReport, Purpose
from core.risk.approval import Denied
from core.risk.facts import NewestBar
from core.risk.sizing import NothingToSell, SizedExit, size_entry, size_exit
from core.values import Base, Quote

ENTRY_ATTEMPTS = 3
EXIT_ATTEMPTS = 6
EXIT_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Book:
    """Which of the two books an order belongs to, and what the audit log says beside it."""

    dry_run: bool
    context: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Trade:
    """A round trip. `pnl`: realized, after fees, by average cost; `dust` stays in inventory at its cost."""

    entry: OrderReport
    exits: tuple[OrderReport, ...]
    pnl: Quote
    dust: Base


@dataclass(slots=True)
class OpenTrade:
    """A trade whose exit is still due."""

    entry: OrderReport
    realized_before: Quote
    exits: list[OrderReport] = field(default_factory=list)


async def enter(
    desk: Desk, instrument: Instrument, book: Book, *, bar: NewestBar | None, smallest: bool
) -> OpenTrade:
    """Buy at the book, within the caps. An entry that fills nothing is tried again on fresh prices.

    Raises RiskDenied, Refused ENTRY_NOT_FILLED, or what the order path raises.
    """
    symbol = instrument.symbol
    for _ in range(ENTRY_ATTEMPTS):
        seen = await observe(desk, symbol)
        facts = risk_facts(desk, instrument, seen, dry_run=book.dry_run, bar=bar)
        request = size_entry(facts, desk.limits, smallest=smallest)
        if isinstance(request, Denied):
            raise request.as_error()
        realized = desk.journal.position(desk.account, symbol, dry_run=book.dry_run).realized
        report = await place(desk, request, facts, dry_run=book.dry_run, context=book.context)
        if report.executed_quantity.value > 0:
            return OpenTrade(report, realized)
    raise Refused(
        f"{ENTRY_ATTEMPTS} entries on {symbol} filled nothing: the price moved away each time",
        code="ENTRY_NOT_FILLED",
        hint="try again; BINANCE_SLIPPAGE_RATE is how far an entry may follow the price",
    )


async def leave(desk: Desk, instrument: Instrument, book: Book, trade: OpenTrade) -> Trade:
    """Sell the position, in as many orders as it takes.

    Raises PositionOpen, naming what is left, when it could not be sold, whatever the reason;
    OutcomeUnknown when an exit's fate is unknown.
    """
    try:
        dust = await _sell(desk, instrument, book, trade)
    except (OutcomeUnknown, PositionOpen):
        raise
    except TraderError as error:
        raise _left_open(desk, instrument, book, str(error)) from error
    realized = desk.journal.position(desk.account, instrument.symbol, dry_run=book.dry_run).realized
    return Trade(trade.entry, tuple(trade.exits), realized - trade.realized_before, dust)


async def _sell(desk: Desk, instrument: Instrument, book: Book, trade: OpenTrade) -> Base:
    for attempt in range(EXIT_ATTEMPTS):
        if attempt > 1:
            # The venue's balance may lag behind its fills, and a thin book needs a moment to refill.
            await desk.clock.sleep(EXIT_PAUSE_S)
        seen = await observe(desk, instrument.symbol)
        facts = risk_facts(desk, instrument, seen, dry_run=book.dry_run)
        sized = size_exit(facts, desk.limits, Purpose.EXIT)
        if isinstance(sized, NothingToSell) and sized.not_free.value == 0:
            return sized.dust
        if isinstance(sized, SizedExit):
            report = await place(desk, sized.request, facts, dry_run=book.dry_run, context=book.context)
            trade.exits.append(report)
    position = desk.journal.position(desk.account, instrument.symbol, dry_run=book.dry_run)
    raise _left_open(desk, instrument, book, f"{EXIT_ATTEMPTS} exits did not sell {position.quantity}")


def _left_open(desk: Desk, instrument: Instrument, book: Book, reason: str) -> PositionOpen:
    position = desk.journal.position(desk.account, instrument.symbol, dry_run=book.dry_run)
    return PositionOpen(
        f"{position.quantity} {instrument.base_asset} of {instrument.symbol} is left open: {reason}",
        hint=f"trader status shows it; run the stage again to sell it, or sell it at {desk.account.venue}",
        details={"symbol": instrument.symbol, "quantity": str(position.quantity)},
    )
