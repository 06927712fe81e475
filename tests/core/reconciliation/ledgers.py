"""Two ledgers that agree, and the ways to make them differ in exactly one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from core.account import Environment
from core.clock import DAY_MS
from core.ids import client_order_id
from core.orders import OrderStatus
from core.reconciliation import OwnOrder, Terms, Trade, Transfer, VenueOrder
from core.reconciliation.movements import Totals
from core.reconciliation.trades import Market
from core.reconciliation.whole import OwnBooks, OwnSymbol, VenueBooks, VenueSymbol
from core.values import decimal_text

D = Decimal
NOW_MS = 1_795_219_200_000
OPENED_MS = NOW_MS - 30 * DAY_MS
LONG_AGO_MS = NOW_MS - 10 * DAY_MS
JUST_NOW_MS = NOW_MS - 5_000
INSTALLATION = "00000000000000aa"
TERMS = Terms(NOW_MS, OPENED_MS, INSTALLATION, Environment.TESTNET)
MARKETS = {
    "BTCUSDT": Market("BTCUSDT", "BTC", "USDT"),
    "ETHBTC": Market("ETHBTC", "ETH", "BTC"),
    "BNBUSDT": Market("BNBUSDT", "BNB", "USDT"),
}
OPENING = {"BTC": D(1), "USDT": D(10_000), "BNB": D(10)}
_S = OrderStatus


def ours(number: int) -> str:
    return client_order_id(INSTALLATION, number)


@dataclass
class Ledgers:
    """Both sides, as they grow. The venue's balances follow its own trades and transfers."""

    own_orders: dict[str, list[OwnOrder]] = field(default_factory=dict)
    own_trades: dict[str, list[Trade]] = field(default_factory=dict)
    orders: dict[str, list[VenueOrder]] = field(default_factory=dict)
    trades: dict[str, list[Trade]] = field(default_factory=dict)
    transfers: list[Transfer] = field(default_factory=list)
    moved_unseen: dict[str, Decimal] = field(default_factory=dict)
    next_number: int = 1

    def trade(
        self,
        symbol: str = "BTCUSDT",
        *,
        is_buy: bool = True,
        quantities: Iterable[str] = ("0.00600", "0.00400"),
        price: str = "30000.01",
        fee_asset: str | None = None,
        at_ms: int = LONG_AGO_MS,
        name: str | None = None,
        known: bool = True,
        known_to_venue: bool = True,
    ) -> int:
        """Let one order be filled, known to both sides unless told otherwise; return its venue_order_id."""
        number = self.next_number
        self.next_number += 1
        market = MARKETS[symbol]
        fills = []
        for index, text in enumerate(quantities):
            quantity = D(text)
            received = quantity if is_buy else quantity * D(price)
            asset = fee_asset or (market.base_asset if is_buy else market.quote_asset)
            fee = (received * D("0.001")).quantize(D("1e-8"))
            fills.append(
                Trade(
                    number * 100 + index,
                    number,
                    is_buy,
                    decimal_text(D(price)),
                    decimal_text(quantity),
                    decimal_text(fee),
                    asset,
                    at_ms,
                )
            )
        filled = sum((D(fill.quantity) for fill in fills), D(0))
        self._add(
            symbol, number, is_buy, D(price), filled, filled, _S.FILLED, at_ms, name, known, known_to_venue
        )
        if known:
            self.own_trades.setdefault(symbol, []).extend(fills)
        if known_to_venue:
            self.trades.setdefault(symbol, []).extend(fills)
        return number

    def rest(
        self,
        symbol: str = "BTCUSDT",
        *,
        status: OrderStatus = _S.ACCEPTED,
        at_ms: int = LONG_AGO_MS,
        name: str | None = None,
        known: bool = True,
        known_to_venue: bool = True,
    ) -> int:
        """Let an order rest, or end, with nothing executed."""
        number = self.next_number
        self.next_number += 1
        size = D("0.01000")
        self._add(symbol, number, True, D("20000"), size, D(0), status, at_ms, name, known, known_to_venue)
        return number

    def _add(
        self,
        symbol: str,
        number: int,
        is_buy: bool,
        price: Decimal,
        quantity: Decimal,
        executed: Decimal,
        status: OrderStatus,
        at_ms: int,
        name: str | None,
        known: bool,
        known_to_venue: bool,
    ) -> None:
        client_id = ours(number) if name is None else name
        if known:
            own = OwnOrder(
                client_id, number, is_buy, "LIMIT", status, quantity, price, executed, at_ms, is_settled=True
            )
            self.own_orders.setdefault(symbol, []).append(own)
        if known_to_venue:
            theirs = VenueOrder(
                number, client_id, is_buy, "LIMIT", status, quantity, price, executed, at_ms, at_ms
            )
            self.orders.setdefault(symbol, []).append(theirs)

    def change_own(self, symbol: str, number: int, **changes: object) -> None:
        orders = self.own_orders[symbol]
        orders[:] = [
            each._replace(**changes) if each.venue_order_id == number else each  # type: ignore[arg-type]
            for each in orders
        ]

    def change_theirs(self, symbol: str, number: int, **changes: object) -> None:
        orders = self.orders[symbol]
        orders[:] = [
            each._replace(**changes) if each.venue_order_id == number else each  # type: ignore[arg-type]
            for each in orders
        ]

    def our_books(self) -> OwnBooks:
        names = self.own_orders.keys() | self.own_trades.keys() | self.orders.keys() | self.trades.keys()
        symbols = {
            name: OwnSymbol(
                MARKETS[name],
                tuple(self.own_orders.get(name, ())),
                tuple(sorted(self.own_trades.get(name, ()))),
            )
            for name in names
        }
        return OwnBooks(symbols, OPENING)

    def venue_books(self) -> VenueBooks:
        totals = Totals()
        symbols = {}
        for name in self.orders.keys() | self.trades.keys():
            trades = tuple(sorted(self.trades.get(name, ())))
            symbols[name] = VenueSymbol(tuple(self.orders.get(name, ())), trades)
            since = [trade for trade in trades if trade.ts_event_ms >= OPENED_MS]
            totals.add(since, MARKETS[name].base_asset, MARKETS[name].quote_asset)
        held = dict(OPENING)
        for source in (totals.moved, self.moved_unseen, *(each.effects for each in self.transfers)):
            for asset, amount in source.items():
                held[asset] = held.get(asset, D(0)) + amount
        return VenueBooks(symbols, held, tuple(self.transfers))


def agreeing() -> Ledgers:
    """Return ledgers of a few round trips, with fees in several assets and orders that never filled."""
    ledgers = Ledgers()
    ledgers.trade()
    ledgers.trade(is_buy=False, quantities=("0.01000",), price="30100.50")
    ledgers.trade("ETHBTC", quantities=("0.1234",), price="0.06512")
    ledgers.trade(fee_asset="BNB")
    ledgers.rest(status=_S.CANCELED)
    ledgers.rest()
    return ledgers


def shifted(amount: str, by: Decimal) -> str:
    return decimal_text(Decimal(amount) + by)


def edited(trades: list[Trade], index: int, change: Callable[[Trade], Trade]) -> None:
    trades[index] = change(trades[index])


def with_terms(**changes: object) -> Terms:
    return replace(TERMS, **changes)  # type: ignore[arg-type]
