"""When a waiting order wakes: its stop price against the last price, or how far the price turned."""

from __future__ import annotations

from exchanges.paper.filters import WHOLE_BIPS
from exchanges.paper.market import STEP_MS, Market
from exchanges.paper.records import Order

_FIRST_SPAN = 1_024
"""Steps looked at first, about an hour."""


def wakes_on_rise(order: Order) -> bool:
    """Tell whether the price has to rise to the stop price; otherwise it has to fall to it.

    A stop loss follows the market that runs away, a take profit waits for the one that comes.
    """
    return order.is_buy is order.type.startswith("STOP_LOSS")


def is_reached(order: Order, last_price: int) -> bool:
    """Tell whether the last price (ticks) is at the stop price or beyond."""
    return last_price >= order.stop_price if wakes_on_rise(order) else last_price <= order.stop_price


def starts_trailing(order: Order, last_price: int) -> bool:
    """Tell whether a trailing order begins to follow the price now; without a stop price it does at once."""
    return order.trailing_ms < 0 and (not order.stop_price or is_reached(order, last_price))


def has_turned(order: Order, market: Market, now_ms: int) -> bool:
    """Tell whether the price turned by the trailing delta, counted from when the order began to follow it."""
    span = market.extremes(order.trailing_ms - 1, now_ms)
    return span is not None and _turns(order, span.low, span.high, market.price(now_ms), market.price(now_ms))


def first_turn(market: Market, order: Order, first: int, last: int) -> int | None:
    """Return the first step in [first, last] at which a trailing order wakes.

    A span is looked into only where its extremes leave it possible; spans that double are asked first.
    """
    before = market.extremes(order.trailing_ms - 1, first * STEP_MS - 1)
    low, high = (before.low, before.high) if before is not None else (None, None)
    length = _FIRST_SPAN
    while first <= last:
        end = min(first + length - 1, last)
        step, low, high = _search(market, order, first, end, low, high)
        if step is not None:
            return step
        first, length = end + 1, length * 2
    return None


def _search(
    market: Market, order: Order, first: int, last: int, low: int | None, high: int | None
) -> tuple[int | None, int | None, int | None]:
    """Return the first step that turned, None if none did, and the extremes up to the end of the span."""
    span = market.extremes(first * STEP_MS - 1, last * STEP_MS)
    if span is None:
        return None, low, high
    new_low = span.low if low is None else min(low, span.low)
    new_high = span.high if high is None else max(high, span.high)
    if not _turns(order, new_low, new_high, span.low, span.high):
        return None, new_low, new_high
    if first == last:
        return first, new_low, new_high
    middle = (first + last) // 2
    step, low, high = _search(market, order, first, middle, low, high)
    if step is not None:
        return step, low, high
    return _search(market, order, middle + 1, last, low, high)


def _turns(order: Order, low: int, high: int, lowest_after: int, highest_after: int) -> bool:
    """Tell whether a purchase can see a rise from the low, a sale a fall from the high, of the delta."""
    if order.is_buy:
        return highest_after * WHOLE_BIPS >= low * (WHOLE_BIPS + order.trailing_delta)
    return lowest_after * WHOLE_BIPS <= high * (WHOLE_BIPS - order.trailing_delta)
