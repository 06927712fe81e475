"""The rules every order passes: one rule a function, and the table of what each binds (DESIGN section 7).

A rule returns None when it has nothing against the request. Its order in `RULES` is its precedence.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from core.instrument import SymbolStatus
from core.orders import OrderRequest
from core.risk.approval import Denied
from core.risk.facts import ZERO, RiskFacts, RiskLimits
from core.risk.portfolio_rules import (
    asset_exposure,
    open_positions,
    portfolio_known,
    total_exposure,
    value_at_risk,
)
from core.risk.ruling import denied, order_notional, order_price
from core.risk.sellable import DOWN, EXIT_TYPES, after_fee, exit_price, minimum_notional, smallest_order
from core.stages import TradingState
from core.values import Base, Quote, decimal_text


class Effect(StrEnum):
    """What an order does to our risk; decides which rules bind it."""

    INCREASE = "increase"
    REDUCE = "reduce"
    FLATTEN = "flatten"


def effect(request: OrderRequest) -> Effect:
    if request.purpose.increases_risk:
        return Effect.INCREASE
    return Effect.FLATTEN if request.purpose.is_emergency else Effect.REDUCE


def trading_state(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    state = facts.trading_state
    increases = request.purpose.increases_risk
    if state is TradingState.ACTIVE or (state is TradingState.REDUCING and not increases):
        return None
    needed = "ACTIVE" if increases else "ACTIVE or REDUCING"
    return denied(
        "TRADING_HALTED", f"trading state is {state}; {request.purpose} needs {needed}", state=state
    )


def quarantine(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    if not facts.quarantined:
        return None
    return denied(
        "QUARANTINED", f"{request.symbol} is quarantined until a human decides", symbol=request.symbol
    )


def breaker(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    if not facts.breakers:
        return None
    names = ", ".join(each.breaker for each in facts.breakers)
    message = f"a breaker is latched: {'; '.join(map(str, facts.breakers))}"
    return denied("BREAKER_LATCHED", message, breakers=names)


def allow_list(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    if request.symbol in limits.allowed_symbols:
        return None
    allowed = ", ".join(sorted(limits.allowed_symbols)) or "none"
    return denied(
        "NOT_ALLOWED_SYMBOL", f"{request.symbol} is not allowed; allowed: {allowed}", allowed=allowed
    )


def symbol_trading(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    instrument = facts.instrument
    if instrument.status is SymbolStatus.TRADING and instrument.spot_allowed:
        return None
    said = instrument.status if instrument.spot_allowed else "closed to spot trading"
    return denied("SYMBOL_NOT_TRADING", f"{request.symbol} is {said} at the venue", status=said)


def one_in_flight(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    if not facts.in_flight:
        return None
    ids = ", ".join(facts.in_flight)
    return denied("ORDER_IN_FLIGHT", f"{request.symbol} has unsettled orders: {ids}", in_flight=ids)


def fresh_quote(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    if facts.book is None:
        return None
    age_ms = facts.now_ms - facts.book.ts_recv_ms
    # A quote from the future means that a clock stepped back: its age is not known.
    if 0 <= age_ms <= limits.quote_age_ms_max:
        return None
    message = f"quote is {age_ms} ms old; at most {limits.quote_age_ms_max} ms is fresh"
    return denied("STALE_QUOTE", message, age_ms=age_ms, age_ms_max=limits.quote_age_ms_max)


def fresh_bar(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    bar = facts.newest_bar
    if bar is None:
        return None
    age_ms = facts.now_ms - bar.close_ms
    age_ms_max = bar.interval_ms + limits.bar_grace_ms
    # Closed in the future by more than the clocks may differ: it is not a closed bar.
    if -limits.bar_grace_ms <= age_ms <= age_ms_max:
        return None
    message = f"newest closed bar is {age_ms} ms old; at most {age_ms_max} ms is fresh"
    return denied("STALE_BAR", message, age_ms=age_ms, age_ms_max=age_ms_max)


def book_has_prices(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    bid, ask, price = facts.best_bid, facts.best_ask, order_price(request)
    if bid > ZERO and ask > ZERO and price > ZERO:
        return None
    shown = f"bid {decimal_text(bid)}, ask {decimal_text(ask)}, limit price {decimal_text(price)}"
    return denied("EMPTY_BOOK", f"no price to trade at: {shown}", bid=bid, ask=ask, price=price)


def price_band(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    price, average = order_price(request), facts.average_price
    if average is None or average <= ZERO:
        return denied(
            "PRICE_OUT_OF_BAND", f"no average price to compare price {decimal_text(price)} with", price=price
        )
    reach = DOWN.multiply(average, limits.price_band_rate)
    if abs(price - average) <= reach:
        return None
    message = (
        f"price {decimal_text(price)} is further than {decimal_text(reach)} "
        f"from the average price {decimal_text(average)}"
    )
    return denied("PRICE_OUT_OF_BAND", message, price=price, average=average, band=reach)


def fraction_of_free_quote(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    wanted, allowed = order_notional(request), allowed_by_fraction(facts, limits)
    if wanted <= allowed:
        return None
    asset = facts.instrument.quote_asset
    message = (
        f"notional {wanted} {asset} exceeds {allowed} {asset}, "
        f"the fraction {decimal_text(limits.risk_fraction)} of {facts.free_quote} {asset} free"
    )
    return denied("FRACTION_EXCEEDED", message, notional=wanted, allowed=allowed, free_quote=facts.free_quote)


def allowed_by_fraction(facts: RiskFacts, limits: RiskLimits) -> Quote:
    """Return what one entry may spend of the free quote balance."""
    return Quote(DOWN.multiply(facts.free_quote.value, limits.risk_fraction))


def cap(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    wanted = order_notional(request)
    if wanted <= limits.max_order:
        return None
    asset = facts.instrument.quote_asset
    message = f"notional {wanted} {asset} exceeds cap {limits.max_order} {asset}"
    return denied("NOTIONAL_EXCEEDS_CAP", message, notional=wanted, cap=limits.max_order)


def smallest_notional(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    wanted = order_notional(request)
    minimum = minimum_notional(facts.instrument, limits, request.order_type)
    if wanted >= minimum:
        return None
    asset = facts.instrument.quote_asset
    message = f"notional {wanted} {asset} is below the minimum {minimum} {asset}"
    return denied("NOTIONAL_BELOW_MINIMUM", message, notional=wanted, minimum=minimum)


def venue_filters(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    instrument, price = facts.instrument, order_price(request)
    found = instrument.violations(
        request.order_type, request.side, request.quantity, price, facts.average_price or price
    )
    if request.order_type not in instrument.order_types:
        found.append(
            f"order type {request.order_type} is not among {', '.join(sorted(instrument.order_types))}"
        )
    found += _no_room(request, facts)
    if not found:
        return None
    return denied("FILTER_FAILURE", "; ".join(found), quantity=request.quantity, price=price)


def _no_room(request: OrderRequest, facts: RiskFacts) -> list[str]:
    """Name the venue's counters that this entry, or the stop that will protect it, would run into."""
    filters = facts.instrument.filters
    found: list[str] = []
    if filters.orders_max is not None and facts.open_orders >= filters.orders_max:
        found.append(f"MAX_NUM_ORDERS: {facts.open_orders} of {filters.orders_max} orders are open")
    if filters.algo_orders_max is not None and facts.open_algo_orders >= filters.algo_orders_max:
        found.append(
            f"MAX_NUM_ALGO_ORDERS: {facts.open_algo_orders} of {filters.algo_orders_max} stops are open"
        )
    held = max(facts.position, facts.free_base) + request.quantity
    if filters.position_max is not None and held.value > filters.position_max:
        found.append(f"MAX_POSITION: holding {held} would be above {decimal_text(filters.position_max)}")
    return found


def exit_would_be_dust(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    instrument, entry_limit = facts.instrument, order_price(request)
    if entry_limit <= ZERO:
        return None
    price = exit_price(facts, limits, entry_limit)
    remaining = after_fee(request.quantity, facts)
    for order_type in EXIT_TYPES:
        sellable = instrument.quantity_down(remaining.value, order_type)
        largest = instrument.largest_quantity(order_type)
        if largest is not None:
            sellable = min(sellable, Base(largest))
        smallest = smallest_order(instrument, price, limits.min_notional, order_type)
        if sellable < smallest:
            asset = instrument.base_asset
            message = (
                f"after fee and step {sellable} {asset} of {request.quantity} {asset} could be sold at once; "
                f"a {order_type} sell at the stop takes at least {smallest} {asset}"
            )
            return denied("EXIT_WOULD_BE_DUST", message, sellable=sellable, smallest=smallest, price=price)
    return None


def live_daily_trades(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    done, allowed = facts.live_entries_today, limits.live_trades_per_day
    if not facts.live or done < allowed:
        return None
    message = f"{done} live entries today (UTC) reach the limit {allowed}"
    return denied("DAILY_TRADES_REACHED", message, live_entries_today=done, live_trades_per_day=allowed)


def live_daily_loss(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    realized, unrealized = facts.live_realized_loss_today, facts.live_unrealized_loss
    lost = realized + unrealized
    if not facts.live or lost < limits.live_loss_per_day:
        return None
    asset = facts.instrument.quote_asset
    message = (
        f"live loss today (UTC) {lost} {asset} ({realized} realized, {unrealized} unrealized) "
        f"reaches the limit {limits.live_loss_per_day} {asset}"
    )
    return denied("DAILY_LOSS_REACHED", message, loss=lost, live_loss_per_day=limits.live_loss_per_day)


def within_position(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    if request.quantity <= facts.position:
        return None
    asset = facts.instrument.base_asset
    message = f"quantity {request.quantity} {asset} exceeds our own position {facts.position} {asset}"
    return denied("EXCEEDS_POSITION", message, quantity=request.quantity, position=facts.position)


def within_free_balance(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    if request.quantity <= facts.free_base:
        return None
    asset = facts.instrument.base_asset
    message = f"quantity {request.quantity} {asset} exceeds the free balance {facts.free_base} {asset}"
    return denied("EXCEEDS_FREE_BALANCE", message, quantity=request.quantity, free_base=facts.free_base)


Check = Callable[[OrderRequest, RiskFacts, RiskLimits], Denied | None]

ENTRIES = frozenset({Effect.INCREASE})
ALL_BUT_FLATTEN = frozenset({Effect.INCREASE, Effect.REDUCE})
SALES = frozenset({Effect.REDUCE, Effect.FLATTEN})


class Rule(NamedTuple):
    check: Check
    binds: frozenset[Effect]


RULES: tuple[Rule, ...] = (
    Rule(trading_state, ALL_BUT_FLATTEN),
    Rule(quarantine, ENTRIES),
    Rule(breaker, ENTRIES),
    Rule(allow_list, ENTRIES),
    Rule(symbol_trading, ENTRIES),
    Rule(one_in_flight, ENTRIES),
    Rule(fresh_quote, ENTRIES),
    Rule(fresh_bar, ENTRIES),
    Rule(book_has_prices, ENTRIES),
    Rule(price_band, ENTRIES),
    Rule(fraction_of_free_quote, ENTRIES),
    Rule(cap, ENTRIES),
    Rule(smallest_notional, ENTRIES),
    Rule(venue_filters, ENTRIES),  # sales: sizing leaves what the filters do not take as dust, and names it
    Rule(exit_would_be_dust, ENTRIES),
    Rule(portfolio_known, ENTRIES),
    Rule(open_positions, ENTRIES),
    Rule(asset_exposure, ENTRIES),
    Rule(total_exposure, ENTRIES),
    Rule(value_at_risk, ENTRIES),
    Rule(live_daily_trades, ENTRIES),
    Rule(live_daily_loss, ENTRIES),
    Rule(within_position, SALES),
    Rule(within_free_balance, SALES),
)
"""In order of precedence: the first denial is the one reported."""
