"""Fills of one symbol, ours against the venue's, in stretches of trade ids that both sides cover whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from core.ids import installation_of
from core.reconciliation.classes import BreakClass
from core.reconciliation.movements import difference, moved_by
from core.reconciliation.records import (
    Break,
    Effects,
    OwnOrder,
    Terms,
    Trade,
    TradeRow,
    VenueOrder,
    aged,
    trade_of,
)

_FACTS = slice(0, 7)  # of a Trade: everything but its time, which a submit's reply does not give per fill
_Key = tuple[int, bool, int]


@dataclass(frozen=True, slots=True)
class Market:
    """A symbol and the two assets that it trades."""

    symbol: str
    base_asset: str
    quote_asset: str

    def moved_by(self, trade: Trade) -> dict[str, Decimal]:
        return moved_by(trade, self.base_asset, self.quote_asset)


class Parties(NamedTuple):
    """What both sides know of the order behind a trade; None: nothing."""

    ours: OwnOrder | None = None
    theirs: VenueOrder | None = None


@dataclass(frozen=True, slots=True)
class Unmatched:
    """What is left of two stretches of trades when all that agrees is taken away. `repeated`: the venue
    showed it more than once.
    """

    differing: tuple[tuple[Trade, Trade], ...] = ()
    only_ours: tuple[Trade, ...] = ()
    only_theirs: tuple[Trade, ...] = ()
    repeated: tuple[Trade, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.differing or self.only_ours or self.only_theirs or self.repeated)

    @property
    def strange_orders(self) -> frozenset[int]:
        """The venue's ids of the orders that somebody must know something about."""
        return frozenset(trade.venue_order_id for trade in self.only_theirs)


def unmatched(rows: Sequence[TradeRow], theirs: Sequence[Trade]) -> Unmatched:
    """Take away what both sides say alike. `rows`: ours. Both: by trade id, and in a list."""
    if rows == theirs:  # as a rule, to the millisecond
        return Unmatched()
    ours = list(map(trade_of, rows))
    if len(ours) == len(theirs) and all(
        mine[_FACTS] == their[_FACTS] for mine, their in zip(ours, theirs, strict=True)
    ):
        return Unmatched()
    known: dict[_Key, Trade] = {_key(trade): trade for trade in ours}
    seen: set[_Key] = set()
    differing, only_theirs, repeated = [], [], []
    for trade in theirs:
        key = _key(trade)
        mine = known.get(key)
        if key in seen:
            repeated.append(trade)
        elif mine is None:
            only_theirs.append(trade)
        elif mine[_FACTS] != trade[_FACTS]:
            differing.append((mine, trade))
        seen.add(key)
    only_ours = [trade for key, trade in known.items() if key not in seen]
    return Unmatched(tuple(differing), tuple(only_ours), tuple(only_theirs), tuple(repeated))


def _key(trade: Trade) -> _Key:
    # Both sides of a trade with oneself have one trade id.
    return trade.trade_id, trade.is_buy, trade.venue_order_id


def explained(
    market: Market,
    found: Unmatched,
    ours: Sequence[Trade],
    parties: Mapping[int, Parties],
    terms: Terms,
) -> tuple[Break, ...]:
    """Say of each trade that did not agree what is wrong. `ours`: among others, all that `found.only_ours`
    may repeat: every trade of the same orders.
    """
    breaks = [_different(market, mine, their) for mine, their in found.differing]
    gone = {_key(trade) for trade in found.only_ours}
    standing = {trade[1:]: trade for trade in ours if _key(trade) not in gone}
    breaks += [_only_ours(market, trade, standing.get(trade[1:]), terms) for trade in found.only_ours]
    breaks += [
        _only_theirs(market, trade, parties.get(trade.venue_order_id, Parties()), terms)
        for trade in found.only_theirs
        if trade.ts_event_ms >= terms.opened_ms
    ]
    breaks += [
        _break(
            market,
            BreakClass.DUPLICATE,
            trade,
            f"the venue shows trade {trade.trade_id} on {market.symbol} twice",
            theirs=trade,
            effects=market.moved_by(trade),
            suffix=":AGAIN",
        )
        for trade in found.repeated
    ]
    return tuple(breaks)


def _different(market: Market, mine: Trade, their: Trade) -> Break:
    if mine.quantity != their.quantity:
        break_class, what = BreakClass.QUANTITY, "quantity"
    elif mine.price != their.price:
        break_class, what = BreakClass.PRICE, "price"
    else:
        break_class, what = BreakClass.FEE, "fee"
    ours, theirs = mine.told()[what], their.told()[what]
    text = f"trade {mine.trade_id} on {market.symbol}: {what} {ours} here, {theirs} at the venue"
    effects = difference(
        market.moved_by(their),
        market.moved_by(mine),
    )
    return _break(market, break_class, mine, text, ours=mine, theirs=their, effects=effects)


def _only_ours(market: Market, trade: Trade, twin: Trade | None, terms: Terms) -> Break:
    effects = difference({}, market.moved_by(trade))
    if twin is not None:
        text = (
            f"trade {trade.trade_id} on {market.symbol} repeats trade {twin.trade_id}, "
            f"which alone is at the venue: {_said(trade)}"
        )
        return _break(market, BreakClass.DUPLICATE, trade, text, ours=trade, effects=effects)
    break_class, became = aged(BreakClass.MISSING_VENUE, trade.ts_event_ms, terms)
    text = f"trade {trade.trade_id} on {market.symbol} is not at the venue: {_said(trade)}"
    return _break(market, break_class, trade, text, ours=trade, effects=effects, became=became)


def _only_theirs(market: Market, trade: Trade, parties: Parties, terms: Terms) -> Break:
    wanted, whose = _whose(trade, parties, terms)
    break_class, became = aged(wanted, _began_ms(wanted, trade, parties), terms)
    return _break(
        market,
        break_class,
        trade,
        f"trade {trade.trade_id} on {market.symbol}, {_said(trade)}, {whose}",
        theirs=trade,
        effects=market.moved_by(trade),
        became=became,
    )


def _began_ms(wanted: BreakClass, trade: Trade, parties: Parties) -> int:
    if wanted is BreakClass.STALE_UNKNOWN and parties.ours is not None:
        return parties.ours.timestamp_ms
    return trade.ts_event_ms


def _whose(trade: Trade, parties: Parties, terms: Terms) -> tuple[BreakClass, str]:
    """Return the class of a trade that only the venue has, by the order that made it, and why."""
    ours, theirs = parties
    known = theirs or ours
    name = "" if known is None else known.client_order_id
    order = f"order {trade.venue_order_id}" + (f" ({name})" if name else "")
    if ours is not None:
        if ours.venue_order_id not in (None, trade.venue_order_id):
            return (
                BreakClass.DUPLICATE,
                f"came from {order}, a second order under the name of our order {ours.venue_order_id}",
            )
        if not ours.is_settled:
            return BreakClass.STALE_UNKNOWN, f"came from our {order}, whose fate is not settled here"
        return BreakClass.MISSING_LOCAL, f"came from our {order} and is not in the journal"
    maker = installation_of(name)
    if terms.is_earlier(maker, trade.ts_event_ms if theirs is None else theirs.created_ms):
        return BreakClass.MISSING_LOCAL, f"came from {order}, which this home sent after the restored backup"
    if maker == terms.installation_id:
        return BreakClass.MISSING_LOCAL, f"came from {order}, which this journal made and no longer knows"
    if maker is not None:
        return BreakClass.UNAUTHORIZED, f"came from {order} of another installation of trader"
    return BreakClass.UNAUTHORIZED, f"came from {order}, which is not ours"


def _said(trade: Trade) -> str:
    return "{side} {quantity} at {price}, fee {fee}".format(**trade.told())


def _break(
    market: Market,
    break_class: BreakClass,
    trade: Trade,
    explanation: str,
    *,
    ours: Trade | None = None,
    theirs: Trade | None = None,
    effects: Effects,
    became: BreakClass | None = None,
    suffix: str = "",
) -> Break:
    return Break(
        break_class=break_class,
        subject=f"trade:{market.symbol}:{trade.trade_id}:{trade.side}{suffix}",
        explanation=explanation,
        ours={} if ours is None else ours.told(),
        theirs={} if theirs is None else theirs.told(),
        effects=effects,
        became=became,
        symbol=market.symbol,
        venue_order_id=trade.venue_order_id,
        trade_id=trade.trade_id,
    )


def in_scope(trades: Sequence[Trade], terms: Terms) -> list[Trade]:
    """Leave out what happened before the books were opened. `trades`: by id, which is by time."""
    if trades and trades[0].ts_event_ms >= terms.opened_ms:
        return list(trades)
    return [trade for trade in trades if trade.ts_event_ms >= terms.opened_ms]
