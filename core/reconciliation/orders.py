"""Orders of one symbol, ours against the venue's."""

from __future__ import annotations

from collections.abc import Sequence

from core.clock import DAY_MS
from core.ids import installation_of
from core.orders import OrderStatus
from core.reconciliation.classes import BreakClass
from core.reconciliation.records import OPEN, Break, OwnOrder, Terms, VenueOrder, aged
from core.values import decimal_text

ARCHIVED_AFTER_MS = 90 * DAY_MS
"""How long a venue lists an order that ended with nothing executed. Source: Binance, error -2026."""

_S = OrderStatus
_NEVER_THERE = frozenset({_S.DENIED, _S.ABANDONED, _S.REJECTED, _S.NEVER_ACCEPTED})
_UNKNOWN = frozenset({_S.INITIALIZED, _S.SUBMITTED})


def match_orders(
    symbol: str, ours: Sequence[OwnOrder], theirs: Sequence[VenueOrder], terms: Terms
) -> tuple[Break, ...]:
    """Compare orders. `ours`: whatever the venue was asked about, and whatever has a name in `theirs`.

    Differences that trades of the same order may explain are among them: see `without_consequences`.
    """
    known = {order.client_order_id: order for order in ours}
    breaks: list[Break] = []
    found: set[str] = set()
    for order in theirs:
        mine = known.get(order.client_order_id)
        if mine is not None:
            found.add(mine.client_order_id)
            breaks += _differences(symbol, mine, order, terms)
        elif order.created_ms >= terms.opened_ms:
            breaks.append(_strange(symbol, order, terms))
    for mine in ours:
        if mine.client_order_id not in found:
            breaks += _missing(symbol, mine, terms)
    return tuple(breaks)


def is_archived(mine: OwnOrder, terms: Terms) -> bool:
    """Tell whether a venue may have put an order of ours away: ended, with nothing executed, and old."""
    is_old = terms.now_ms - mine.timestamp_ms > ARCHIVED_AFTER_MS
    return is_old and mine.executed_quantity == 0 and mine.status not in OPEN


def without_consequences(orders: Sequence[Break], trades: Sequence[Break]) -> tuple[Break, ...]:
    """Leave out what is only the other side of a trade that differs: the order's sum and state."""
    explained = {(each.symbol, each.venue_order_id) for each in trades}
    return tuple(
        each
        for each in orders
        if not (_follows_from_trades(each) and (each.symbol, each.venue_order_id) in explained)
    )


def _follows_from_trades(found: Break) -> bool:
    """Tell whether orders differ in nothing but how much was executed, and what that made of them."""
    if not (found.ours and found.theirs):
        return False
    same = all(found.ours[name] == found.theirs[name] for name in ("side", "price", "quantity"))
    return same and found.ours["executed"] != found.theirs["executed"]


def _differences(symbol: str, mine: OwnOrder, their: VenueOrder, terms: Terms) -> list[Break]:
    name = mine.client_order_id
    if mine.venue_order_id not in (None, their.venue_order_id):
        text = (
            f"{name} on {symbol} is order {mine.venue_order_id} here; "
            f"the venue has order {their.venue_order_id} under the same name: {_said(their)}"
        )
        return [_break(symbol, BreakClass.DUPLICATE, text, None, their)]
    if not mine.is_settled:
        text = f"{name} on {symbol} is of unknown fate here; at the venue: {_said(their)}"
        return [_break(symbol, BreakClass.STALE_UNKNOWN, text, mine, their, mine.timestamp_ms, terms)]
    if mine.quantity != their.quantity or mine.is_buy != their.is_buy:
        text = f"{name} on {symbol}: {_said(mine)} here, {_said(their)} at the venue"
        return [_break(symbol, BreakClass.QUANTITY, text, mine, their)]
    if mine.price and their.price and mine.price != their.price:
        ours, theirs = decimal_text(mine.price), decimal_text(their.price)
        text = f"{name} on {symbol}: price {ours} here, {theirs} at the venue"
        return [_break(symbol, BreakClass.PRICE, text, mine, their)]
    if _state(mine) != _state(their):
        text = f"{name} on {symbol} is {mine.status} here, {their.status} at the venue"
        return [_break(symbol, BreakClass.STATE, text, mine, their, their.updated_ms, terms)]
    if mine.executed_quantity != their.executed_quantity:
        ours, theirs = decimal_text(mine.executed_quantity), decimal_text(their.executed_quantity)
        text = f"{name} on {symbol}: {ours} executed here, {theirs} at the venue"
        return [_break(symbol, BreakClass.QUANTITY, text, mine, their, their.updated_ms, terms)]
    return []


def _state(order: OwnOrder | VenueOrder) -> str:
    """Return the part of a status that both sides must agree on."""
    return "open" if order.status in OPEN else str(order.status)


def _strange(symbol: str, order: VenueOrder, terms: Terms) -> Break:
    maker = installation_of(order.client_order_id)
    what = f"order {order.venue_order_id} ({order.client_order_id}) on {symbol}, {_said(order)},"
    if maker == terms.installation_id:
        text = f"{what} bears our name, and the journal does not know it"
        return _break(symbol, BreakClass.MISSING_LOCAL, text, None, order, order.created_ms, terms)
    if terms.is_earlier(maker, order.created_ms):
        text = f"{what} was sent by this home after the backup that it was restored from"
        return _break(symbol, BreakClass.MISSING_LOCAL, text, None, order, order.created_ms, terms)
    whose = "is not ours" if maker is None else "is of another installation of trader"
    return _break(symbol, BreakClass.UNAUTHORIZED, f"{what} {whose}", None, order)


def _missing(symbol: str, mine: OwnOrder, terms: Terms) -> list[Break]:
    if mine.status in _NEVER_THERE:
        return []
    if mine.status in _UNKNOWN:
        if mine.is_settled:
            return []
        text = f"{mine.client_order_id} on {symbol} is of unknown fate, and the venue does not list it"
        return [_break(symbol, BreakClass.STALE_UNKNOWN, text, mine, None, mine.timestamp_ms, terms)]
    if is_archived(mine, terms):
        return []
    text = f"{mine.client_order_id} on {symbol}, {_said(mine)}, is not at the venue"
    return [_break(symbol, BreakClass.MISSING_VENUE, text, mine, None, mine.timestamp_ms, terms)]


def _said(order: OwnOrder | VenueOrder) -> str:
    return "{side} {quantity}, {status}, {executed} executed".format(**order.told())


def _break(
    symbol: str,
    break_class: BreakClass,
    explanation: str,
    mine: OwnOrder | None,
    their: VenueOrder | None,
    happened_ms: int | None = None,
    terms: Terms | None = None,
) -> Break:
    became = None
    if happened_ms is not None and terms is not None:
        break_class, became = aged(break_class, happened_ms, terms)
    number = their.venue_order_id if their is not None else mine.venue_order_id if mine is not None else None
    name = mine.client_order_id if mine is not None else f"{number}"
    theirs = {} if their is None else their.told()
    if mine is None:
        theirs.pop("status", None)  # a foreign order that was accepted may end; that it trades is what counts
    return Break(
        break_class=break_class,
        subject=f"order:{symbol}:{name}",
        explanation=explanation,
        ours={} if mine is None else mine.told(),
        theirs=theirs,
        became=became,
        symbol=symbol,
        venue_order_id=number,
    )
