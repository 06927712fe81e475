"""Stage 0: the real client and the live book, but nothing is placed.

Orders go to the venue's validate-only endpoint and fill against the live book; the account is a virtual
balance of its own in the journal. Below these ports nobody asks which mode this is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from core.account import AccountKey, AccountSnapshot, Balance, CommissionRates
from core.errors import VenueRejected
from core.orders import (
    Fill,
    Intent,
    Liquidity,
    OrderReport,
    OrderStatus,
    SendOnce,
    Side,
    filled_notional,
    filled_quantity,
)
from core.ports import Account, Level, MarketData, Trading
from core.values import EXACT, Base, Money

if TYPE_CHECKING:
    from core.journal import Journal

FEE_STEP = Decimal("0.00000001")
BOOK_LEVELS = 100
FILLS_PER_ORDER_MAX = 1_000


@dataclass(frozen=True)
class DryRunTrading:
    """A trading port whose orders are checked by the venue and filled against its live book."""

    trading: Trading
    account: Account
    market_data: MarketData

    async def submit(self, permission: SendOnce) -> OrderReport:
        """Validate at the venue, then take what the live book offers within the order's price."""
        intent = permission.spend()
        await self.trading.validate(intent)
        request = intent.request
        if request.may_rest:
            # Nothing rests in this book; that the venue would have taken it is all that can be learned.
            return _report(intent, ())
        rates = await self.account.commission(request.symbol)
        instrument = await self.market_data.instrument(request.symbol)
        book = await self.market_data.book(request.symbol, BOOK_LEVELS)
        offered = book.asks if request.side is Side.BUY else book.bids
        received = instrument.base_asset if request.side is Side.BUY else instrument.quote_asset
        fills = simulate_fills(intent, offered, rates, received)
        return _report(intent, fills)

    async def submit_pair(self, stop: SendOnce, target: SendOnce) -> tuple[OrderReport, OrderReport]:
        """Validate both orders; the venue has no way to validate a list."""
        return await self.submit(stop), await self.submit(target)

    async def validate(self, intent: Intent) -> None:
        await self.trading.validate(intent)

    async def rehearse(self, intent: Intent) -> CommissionRates:
        return await self.trading.rehearse(intent)

    async def cancel(self, symbol: str, client_order_id: str) -> OrderReport:
        raise _nothing_rests()

    async def cancel_pair(self, symbol: str, stop_order_id: str) -> tuple[OrderReport, ...]:
        raise _nothing_rests()

    async def cancel_all(self, symbol: str) -> tuple[OrderReport, ...]:
        raise _nothing_rests()


def _nothing_rests() -> VenueRejected:
    """Return the answer to any cancel: what fills at once or not at all leaves nothing to cancel."""
    return VenueRejected("an order of the dry-run book never rests", venue_code=0, venue_text="")


def simulate_fills(
    intent: Intent, offered: Sequence[Level], rates: CommissionRates, fee_asset: str
) -> tuple[Fill, ...]:
    """Return the fills of an immediate order against `offered` levels, best first.

    The fee is taken from what is received and rounded up, as a cautious reading of the venue's rule.
    """
    request = intent.request
    remaining = request.quantity.value
    fills: list[Fill] = []
    for price, available in offered:
        if request.price is not None and not _within(request.side, price, request.price):
            break
        quantity = min(remaining, available)
        if quantity <= 0:
            break
        received = quantity if request.side is Side.BUY else EXACT.multiply(quantity, price)
        fee = (received * rates.taker_rate).quantize(FEE_STEP, ROUND_CEILING)
        fills.append(
            Fill(
                symbol=request.symbol,
                trade_id=intent.sequence * FILLS_PER_ORDER_MAX + len(fills),
                venue_order_id=intent.sequence,
                side=request.side,
                price=price,
                quantity=Base(quantity),
                fee=Money(fee, fee_asset),
                liquidity=Liquidity.TAKER,
                ts_event_ms=intent.timestamp_ms,
            )
        )
        remaining -= quantity
        if remaining == 0:
            break
    return tuple(fills)


def _within(side: Side, price: Decimal, limit: Decimal) -> bool:
    return price <= limit if side is Side.BUY else price >= limit


def _report(intent: Intent, fills: tuple[Fill, ...]) -> OrderReport:
    request = intent.request
    executed = filled_quantity(fills)
    return OrderReport(
        symbol=request.symbol,
        client_order_id=intent.client_order_id,
        venue_order_id=intent.sequence,
        side=request.side,
        order_type=request.order_type,
        status=OrderStatus.FILLED if executed == request.quantity else OrderStatus.EXPIRED,
        quantity=request.quantity,
        price=request.price or Decimal(0),
        executed_quantity=executed,
        executed_quote=filled_notional(fills),
        ts_event_ms=intent.timestamp_ms,
        fills=fills,
    )


@dataclass(frozen=True)
class DryRunAccount:
    """The account port of stage 0: the venue's, with the balances of the journal's dry-run book."""

    account: Account
    journal: Journal
    key: AccountKey

    async def snapshot(self) -> AccountSnapshot:
        real = await self.account.snapshot()
        self.journal.open_dry_run(self.key, {name: held.total for name, held in real.balances.items()})
        virtual = self.journal.dry_run_balances(self.key)
        balances = {asset: Balance(asset, free, Decimal(0)) for asset, free in virtual.items()}
        return replace(real, balances=balances)

    async def commission(self, symbol: str) -> CommissionRates:
        return await self.account.commission(symbol)

    async def order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        return await self.account.order(symbol, client_order_id)

    async def open_orders(self, symbol: str | None) -> tuple[OrderReport, ...]:
        return await self.account.open_orders(symbol)

    async def order_by_id(self, symbol: str, venue_order_id: int) -> OrderReport | None:
        return await self.account.order_by_id(symbol, venue_order_id)

    async def all_orders(self, symbol: str, start_ms: int, end_ms: int) -> tuple[OrderReport, ...]:
        return await self.account.all_orders(symbol, start_ms, end_ms)

    async def fills_between(self, symbol: str, start_ms: int, end_ms: int) -> tuple[Fill, ...]:
        return await self.account.fills_between(symbol, start_ms, end_ms)

    async def fill(self, symbol: str, trade_id: int) -> Fill | None:
        return await self.account.fill(symbol, trade_id)

    async def order_fills(self, symbol: str, venue_order_id: int) -> tuple[Fill, ...]:
        return await self.account.order_fills(symbol, venue_order_id)

    async def order_names(self, symbol: str) -> Mapping[int, str]:
        return await self.account.order_names(symbol)

    async def fill_history(self, symbol: str) -> tuple[Fill, ...]:
        return await self.account.fill_history(symbol)

    async def last_trade_id(self, symbol: str) -> int | None:
        return await self.account.last_trade_id(symbol)
