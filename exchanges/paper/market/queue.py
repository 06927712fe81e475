"""Who stands before an order at its price: the other participants that rested there when it came.

They leave in two ways. Those whom a taker met have traded: each market trade at the price, by a taker of the
other side, takes its quantity from the front. The others cancel little by little: of those that came first,
none is left after `PATIENCE_MS`. Whoever comes later stands behind. So an order that is touched is filled by
what the prints leave over, often in parts and over several steps; one that the price passes is filled at
once, because nobody trades at a worse price while it rests.
"""

from __future__ import annotations

from exchanges.paper.market.model import MINUTE_MS, Market

PATIENCE_MS = 5 * MINUTE_MS
"""How long the last of those who were there first stays, if nobody trades with him."""


def ahead(market: Market, *, is_bid: bool, price: int, since_ms: int, now_ms: int) -> int:
    """Return the steps that stand before an order which came to `price` at `since_ms`, just before `now_ms`.

    What trades at `now_ms` itself still has to go through them.
    """
    waited_ms = now_ms - since_ms
    if not 0 <= waited_ms < PATIENCE_MS or since_ms < market.start_ms:
        return 0
    first = market.resting(price, is_bid=is_bid, time_ms=since_ms)
    if not first:
        return 0
    begin, end = market.ordinal_at(since_ms), market.ordinal_at(now_ms - 1)
    prints = market.trades_from(begin, end - begin) if begin < end else []
    traded = sum(each.quantity for each in prints if each.price == price and each.buyer_is_maker is is_bid)
    staying = -(-first * (PATIENCE_MS - waited_ms) // PATIENCE_MS)
    return max(0, min(staying, first - traded))
