"""Whole books against whole books: the comparison as one function, and how a wiped testnet is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from core.account import Environment
from core.errors import ReconciliationBreak
from core.reconciliation.balances import Equation, match_balances, match_transfers
from core.reconciliation.classes import BreakClass
from core.reconciliation.movements import Totals
from core.reconciliation.orders import match_orders, without_consequences
from core.reconciliation.records import Break, OwnOrder, Terms, Trade, Transfer, VenueOrder
from core.reconciliation.trades import Market, Parties, explained, in_scope, unmatched


@dataclass(frozen=True, slots=True)
class OwnSymbol:
    """One symbol in our journal. `trades`: by trade id."""

    market: Market
    orders: tuple[OwnOrder, ...] = ()
    trades: tuple[Trade, ...] = ()


@dataclass(frozen=True, slots=True)
class VenueSymbol:
    orders: tuple[VenueOrder, ...] = ()
    trades: tuple[Trade, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnBooks:
    """`opening`: asset -> what was there at first contact; `adjusted`: what accepted breaks add to it."""

    symbols: Mapping[str, OwnSymbol]
    opening: Mapping[str, Decimal]
    adjusted: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VenueBooks:
    symbols: Mapping[str, VenueSymbol]
    balances: Mapping[str, Decimal]
    transfers: tuple[Transfer, ...] = ()


def compare(ours: OwnBooks, theirs: VenueBooks, terms: Terms) -> tuple[Break, ...]:
    """Return every difference between two books. Raises ReconciliationBreak HISTORY_GONE: see `wiped`."""
    names = {name for symbol in theirs.symbols.values() for name in _names(symbol.orders)}
    own_names = [order.client_order_id for symbol in ours.symbols.values() for order in _at_venue(symbol)]
    numbers = {(name, trade.trade_id) for name, each in theirs.symbols.items() for trade in each.trades}
    own_numbers = [(name, trade.trade_id) for name, each in ours.symbols.items() for trade in each.trades]
    if own_names and not names.intersection(own_names) and not numbers.intersection(own_numbers):
        return (wiped(len(own_names), terms),)
    breaks: list[Break] = []
    totals = Totals()
    for name in sorted(ours.symbols.keys() | theirs.symbols.keys()):
        mine = ours.symbols[name]
        breaks += compare_symbol(mine, theirs.symbols.get(name, VenueSymbol()), terms)
        totals.add(mine.trades, mine.market.base_asset, mine.market.quote_asset)
    breaks += match_transfers(theirs.transfers, terms)
    equation = Equation(ours.opening, totals.moved, theirs.balances, totals.rounded, ours.adjusted)
    borne_out, balances = match_balances(equation, breaks)
    return (*borne_out, *balances)


def compare_symbol(ours: OwnSymbol, theirs: VenueSymbol, terms: Terms) -> tuple[Break, ...]:
    """Return what differs on one symbol, balances aside."""
    orders = match_orders(ours.market.symbol, ours.orders, theirs.orders, terms)
    left = unmatched(ours.trades, in_scope(theirs.trades, terms))
    trades = explained(ours.market, left, ours.trades, parties_of(ours.orders, theirs.orders), terms)
    return (*without_consequences(orders, trades), *trades)


def parties_of(ours: Iterable[OwnOrder], theirs: Iterable[VenueOrder]) -> dict[int, Parties]:
    """Return venue_order_id -> what either side knows of the order."""
    by_name = {order.client_order_id: order for order in ours}
    found = {
        order.venue_order_id: Parties(order) for order in by_name.values() if order.venue_order_id is not None
    }
    for order in theirs:
        mine = by_name.get(order.client_order_id)
        found[order.venue_order_id] = Parties(mine, order)
    return found


def wiped(orders: int, terms: Terms) -> Break:
    """Return the one break of a testnet that was wiped: of our orders there, it knows none.

    Raises ReconciliationBreak HISTORY_GONE for a live venue, which never forgets: the answers are not our
    account's.
    """
    if terms.environment is not Environment.TESTNET:
        raise ReconciliationBreak(
            f"the live venue knows none of our {orders} order(s) that were asked for",
            code="HISTORY_GONE",
            hint="a live venue is never reset: find out what answers in its place, and whose key this is",
        )
    return Break(
        break_class=BreakClass.RESET,
        subject="reset",
        explanation=f"the testnet knows none of our {orders} order(s) that were asked for: it was wiped",
        ours={"orders": str(orders)},
        theirs={"orders": "0"},
    )


def _names(orders: Iterable[VenueOrder]) -> Iterable[str]:
    return (order.client_order_id for order in orders)


def _at_venue(symbol: OwnSymbol) -> Iterable[OwnOrder]:
    return (order for order in symbol.orders if order.venue_order_id is not None)
