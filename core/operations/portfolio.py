"""What we hold beside the symbol that is traded, and what the risk rules must know of all of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from core.account import AccountSnapshot
from core.desk import Desk
from core.errors import ConfigError
from core.instrument import Instrument
from core.operations.positions import DUST_VALUE, open_positions
from core.orders import Side
from core.risk.portfolio import DailyReturns, Held, Portfolio, daily_returns
from core.values import EXACT, Quote, notional

if TYPE_CHECKING:
    from core.journal import Position

NOTHING = Quote(Decimal(0))
BOOK_LEVELS = 5
RETURNS_USED = 90
"""Days of returns behind a Value at Risk: a quarter, which forgets and still fills a covariance."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Our positions on other symbols. `lost`: what those of the same quote asset have lost since bought, by
    their best bids; a gain is below 0. `returns`: of all symbols, None when no rule asks for them.
    """

    held: tuple[Held, ...] = ()
    lost: Quote = NOTHING
    returns: DailyReturns | None = None


async def look_elsewhere(
    desk: Desk, instrument: Instrument, *, dry_run: bool, with_returns: bool = True
) -> Elsewhere:
    """Ask what is held on other symbols and what it would bring. Raises what reads raise.

    What was delisted, as a human has said, is left out.
    """
    market, held, lost = desk.venue.market_data, dict[str, Held](), NOTHING
    for position in open_positions(desk.journal, desk.account, dry_run=dry_run):
        symbol = position.symbol
        if symbol == instrument.symbol:
            continue
        other = await _listed(desk, symbol)
        if other is None:
            continue
        value = None
        if other.quote_asset == instrument.quote_asset:
            book = await market.book(symbol, BOOK_LEVELS)
            value = notional(position.quantity, book.bids[0][0])
            lost += position.cost - value
        held[symbol] = Held(symbol, other.base_asset, value)
    for symbol, worth in () if dry_run else _perhaps_bought(desk, instrument.symbol):
        other = await market.instrument(symbol)
        known = held[symbol].value if symbol in held else NOTHING
        same_quote = other.quote_asset == instrument.quote_asset
        value = known + worth if same_quote and known is not None else None
        held[symbol] = Held(symbol, other.base_asset, value)
    found = tuple(held.values())
    returns = await _returns(desk, instrument.symbol, found) if with_returns else None
    return Elsewhere(found, lost, returns)


async def _listed(desk: Desk, symbol: str) -> Instrument | None:
    """Return the instrument; None where the venue lists it no more and a human has said that it never will.

    What is left of such a position can neither be valued nor sold there, and must not end all entries.
    """
    try:
        return await desk.venue.market_data.instrument(symbol)
    except ConfigError as error:
        if error.code == "SYMBOL_UNKNOWN" and symbol in desk.journal.reconciliations(desk.account).delisted():
            return None
        raise


def _perhaps_bought(desk: Desk, symbol: str) -> Iterable[tuple[str, Quote]]:
    """Give symbol and worth of every purchase of unknown fate: it may be ours by now."""
    for each in desk.journal.unsettled(desk.account):
        request = each.order.intent.request
        if request.side is Side.BUY and request.symbol != symbol:
            price = request.decision_price if request.price is None else request.price
            yield request.symbol, notional(request.quantity - each.order.filled_quantity, price)


async def _returns(desk: Desk, symbol: str, held: tuple[Held, ...]) -> DailyReturns | None:
    if desk.limits.portfolio.var_rate is None or not desk.is_measured:
        return None
    symbols = [symbol, *(each.symbol for each in held if each.value is not None)]
    market = desk.venue.market_data
    return daily_returns({each: await market.bars(each, "1d", RETURNS_USED + 1) for each in symbols})


def portfolio(
    instrument: Instrument, position: Position, bid: Decimal, snapshot: AccountSnapshot, elsewhere: Elsewhere
) -> Portfolio:
    """Join what is held on the traded symbol, at its best bid, with what is held elsewhere."""
    own = notional(position.quantity, bid)
    held = elsewhere.held
    if position.cost.value >= DUST_VALUE:
        held = (Held(instrument.symbol, instrument.base_asset, own), *held)
    quote = snapshot.balances.get(instrument.quote_asset)
    equity = own.value if quote is None else EXACT.add(own.value, quote.total)
    for each in elsewhere.held:
        equity = EXACT.add(equity, NOTHING.value if each.value is None else each.value.value)
    return Portfolio(Quote(equity), held, elsewhere.returns)
