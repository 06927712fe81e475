"""Sell what is held of a symbol by market orders, through the order path, until only dust is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal, Protocol

from core.desk import Sender
from core.errors import OutcomeUnknown, TraderError
from core.instrument import Instrument
from core.operations.observe import top_of
from core.operations.order_path import place
from core.operations.portfolio import BOOK_LEVELS
from core.orders import OrderReport, Purpose
from core.ports import BookTop
from core.risk.approval import Denied
from core.risk.facts import RiskFacts
from core.risk.sizing import NothingToSell, size_exit
from core.stop import StopRequest
from core.values import Base, Quote

FAILURES_MAX: Final = 6
ORDERS_MAX: Final = 500
PAUSE_S: Final = 0.5
NOTHING: Final = Quote(Decimal(0))
CONTEXT: Final[Mapping[str, object]] = {"stage": None, "lambda": None, "gamma": None}

SalePurpose = Literal[Purpose.FLATTEN, Purpose.LIQUIDATE]


@dataclass(slots=True)
class Sale:
    """What was to be sold of a symbol, and what came of it; filled while it runs.

    `wanted`: all of it; `left`: what is still held of that; `dust`: as much of it as the filters refuse.
    `reason`: why more than dust is left, "" when it is not. `unknown`: the name of an order whose fate is not
    known.
    """

    symbol: str
    purpose: SalePurpose
    wanted: Base
    left: Base
    dust: Base = Base(Decimal(0))  # noqa: RUF009 - frozen
    orders: list[OrderReport] = field(default_factory=list)
    reason: str = ""
    unknown: str = ""

    @property
    def is_flat(self) -> bool:
        return not (self.reason or self.unknown)


class SalesDesk(Sender, Protocol):
    @property
    def stop(self) -> StopRequest: ...


async def sell(desk: SalesDesk, instrument: Instrument, sale: Sale) -> None:
    """Sell in as many orders as it takes. What goes wrong is told in the sale, not raised."""
    failures = 0
    while failures < FAILURES_MAX and len(sale.orders) < ORDERS_MAX:
        if desk.stop.asked:
            sale.reason = f"stopped by {desk.stop.reason}"
            return
        if failures:
            # The venue's balance may lag behind its fills, and a thin book needs a moment to refill.
            await desk.clock.sleep(PAUSE_S * desk.clock_speed)
        failures += 1
        try:
            facts = await _facts(desk, instrument, sale)
            sized = size_exit(facts, desk.limits, sale.purpose)
            if isinstance(sized, Denied):
                sale.reason = sized.message
                continue
            if isinstance(sized, NothingToSell):
                sale.dust, sale.reason = sized.dust, ""
                if sized.not_free.value == 0:
                    return
                sale.reason = f"{sized.not_free} of it is not in the free balance"
                continue
            report = await place(desk, sized.request, facts, dry_run=False, context=CONTEXT)
        except OutcomeUnknown as unknown:
            sale.unknown = str(unknown.details.get("client_order_id", ""))
            sale.reason = unknown.message
            return
        except TraderError as error:
            sale.reason = error.message
            continue
        sale.orders.append(report)
        sale.left -= report.executed_quantity
        if report.executed_quantity.value > 0:
            failures, sale.reason = 0, f"{len(sale.orders)} orders did not sell it"
        else:
            sale.reason = f"the venue calls a market order {report.status} with nothing executed"


async def _facts(sender: Sender, instrument: Instrument, sale: Sale) -> RiskFacts:
    """Gather what the rules of a sale look at; a venue without prices does not stop it."""
    symbol, account = instrument.symbol, sender.account
    snapshot = await sender.venue.account.snapshot()
    return RiskFacts(
        instrument=instrument,
        book=await _book(sender, symbol),
        average_price=await _average_price(sender, symbol),
        free_quote=Quote(snapshot.free(instrument.quote_asset)),
        free_base=Base(snapshot.free(instrument.base_asset)),
        position=sale.left,
        commission=snapshot.commission,
        trading_state=sender.journal.trading_state(account),
        quarantined=False,
        in_flight=(),
        newest_bar=None,
        now_ms=sender.clock.now_ms(),
        live=False,
        live_entries_today=0,
        live_realized_loss_today=NOTHING,
        live_unrealized_loss=NOTHING,
        open_orders=0,
        open_algo_orders=0,
    )


async def _book(sender: Sender, symbol: str) -> BookTop | None:
    try:
        return top_of(await sender.venue.market_data.book(symbol, BOOK_LEVELS))
    except TraderError:
        return None


async def _average_price(sender: Sender, symbol: str) -> Decimal | None:
    try:
        return await sender.venue.market_data.average_price(symbol)
    except TraderError:
        return None
