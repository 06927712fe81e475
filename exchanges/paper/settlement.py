"""What happens to an order and to the balances with it: it trades, becomes smaller, ends."""

from __future__ import annotations

from msgspec.structs import replace

from core.matching import UNIT, commission
from exchanges.paper.engine import Engine
from exchanges.paper.locks import needed, payment_asset
from exchanges.paper.records import Execution, Fill, Order, OrderStatus, PreventedMatch
from exchanges.paper.symbols import SYMBOLS

BNB_DISCOUNT_PERCENT = 75
"""A fee paid in BNB is this share of the standard one."""

_ENDS: dict[OrderStatus, Execution] = {
    "CANCELED": "CANCELED",
    "EXPIRED": "EXPIRED",
    "EXPIRED_IN_MATCH": "TRADE_PREVENTION",
}


def relock(engine: Engine, order: Order, amount: int) -> Order:
    """Return the order with that much locked for it; the difference moves from or to the free balance."""
    change = amount - order.locked
    engine.world.post(payment_asset(order), free=-change, locked=change)
    return replace(order, locked=amount) if change else order


def next_trade(engine: Engine, symbol: str) -> tuple[int, int]:
    """Take the next place in the symbol's trade ids; return how many market and own trades came before it."""
    state = engine.books.symbols[symbol]
    engine.books.put_symbol(replace(state, own_trades=state.own_trades + 1, updates=state.updates + 1))
    return engine.ambient.markets[symbol].ordinal_at(engine.now_ms), state.own_trades


def fill(
    engine: Engine, order: Order, trade: tuple[int, int], *, price: int, quantity: int, is_maker: bool
) -> tuple[Order, Fill]:
    """Trade part of an order whose payment is locked; return it as it now is, and the fill.

    A closed order stays closed, only more of it is executed.

    The quote amount is rounded down. What a limit order locked above that goes back to the free balance.
    """
    world, rules = engine.world, SYMBOLS[order.symbol]
    quote, base = rules.scale.quote(price, quantity), rules.scale.base(quantity)
    status = "PARTIALLY_FILLED" if order.remaining > quantity else "FILLED"
    traded = replace(
        order,
        executed=order.executed + quantity,
        quote_executed=order.quote_executed + quote,
        status=status if order.is_open else order.status,
        updated_ms=engine.now_ms,
    )
    if order.iceberg and is_maker:
        traded = _show_next(engine, traded, quantity)
    if order.is_buy:
        released = needed(order) - needed(traded) if order.price else quote
        world.post(rules.quote, locked=-released, free=released - quote)
        world.post(rules.base, free=base)
    else:
        released = base
        world.post(rules.base, locked=-base)
        world.post(rules.quote, free=quote)
    traded = replace(traded, locked=order.locked - released)
    fee, fee_asset = _take_fee(engine, order, base=base, quote=quote, is_maker=is_maker)
    market_trades, own_trades = trade
    record = Fill(
        symbol=order.symbol,
        trade_id=market_trades + own_trades,
        is_buy=order.is_buy,
        order_id=order.order_id,
        own_trades=own_trades,
        market_trades=market_trades,
        price=price,
        quantity=quantity,
        quote=quote,
        commission=fee,
        commission_asset=fee_asset,
        is_maker=is_maker,
        time_ms=engine.now_ms,
        list_id=order.list_id,
    )
    world.put_order(traded)
    world.add_fill(record)
    world.report("TRADE", traded, engine.now_ms, fill=record)
    if not order.executed:
        # The venue forgives a fill: the first as taker takes 1 off the unfilled order count, as maker 5.
        count = world.account.order_count.at(engine.now_ms).plus(-5 if is_maker else -1)
        world.account = replace(world.account, order_count=count)
    return traded, record


def take_off(engine: Engine, order: Order, quantity: int, match: PreventedMatch) -> Order:
    """Make an order smaller by what it was kept from trading; it ends when nothing is left of it."""
    smaller = replace(
        order,
        prevented=order.prevented + quantity,
        prevented_match_id=match.prevented_match_id,
        updated_ms=engine.now_ms,
    )
    if not smaller.remaining:
        return end(engine, smaller, "EXPIRED_IN_MATCH", match=match)
    if order.price:  # what pays any price has locked its trades and no more
        smaller = relock(engine, smaller, order.locked - needed(order) + needed(smaller))
    if order.iceberg and order.visible:
        smaller = _show_next(engine, smaller, quantity)
    engine.books.touch_book(order.symbol)
    engine.world.put_order(smaller)
    engine.world.report("TRADE_PREVENTION", smaller, engine.now_ms, prevented=match)
    return smaller


def end(
    engine: Engine,
    order: Order,
    status: OrderStatus,
    reason: str = "",
    *,
    cancel_id: str = "",
    match: PreventedMatch | None = None,
) -> Order:
    """Close an order before it is filled and free what it still locks."""
    world = engine.world
    world.post(payment_asset(order), free=order.locked, locked=-order.locked)
    ended = replace(order, locked=0, status=status, updated_ms=engine.now_ms, expiry_reason=reason)
    engine.books.touch_book(order.symbol)
    world.put_order(ended)
    world.report(_ENDS[status], ended, engine.now_ms, cancel_id=cancel_id, prevented=match)
    return ended


def _show_next(engine: Engine, order: Order, quantity: int) -> Order:
    """Return an iceberg after that much of it went: a new part goes to the end of the queue."""
    if quantity < order.visible:
        return replace(order, visible=order.visible - quantity)
    visible = min(order.iceberg, order.remaining)
    return replace(order, visible=visible, priority=engine.books.next_execution(order.symbol))


def _take_fee(engine: Engine, order: Order, *, base: int, quote: int, is_maker: bool) -> tuple[int, str]:
    """Deduct the commission: in BNB if the account wants that and holds enough, else in what it received."""
    world, rules = engine.world, SYMBOLS[order.symbol]
    rate = world.account.maker_rate if is_maker else world.account.taker_rate
    asset, received = (rules.base, base) if order.is_buy else (rules.quote, quote)
    fee = commission(received, rate)
    if world.account.pays_in_bnb and rate:
        fee_in_bnb = _fee_in_bnb(engine, asset, received, rate)
        if fee_in_bnb <= world.free("BNB"):
            asset, fee = "BNB", fee_in_bnb
    world.post(asset, free=-fee)
    return fee, asset


def _fee_in_bnb(engine: Engine, asset: str, received: int, rate: int) -> int:
    """Return the discounted fee, rounded up, at the current prices in USDT."""
    ambient, now_ms = engine.ambient, engine.now_ms
    value, divisor = received * rate * BNB_DISCOUNT_PERCENT, 100 * UNIT
    if asset != "BNB":
        price = UNIT if asset == "USDT" else ambient.price(f"{asset}USDT", now_ms)
        value, divisor = value * price, divisor * ambient.price("BNBUSDT", now_ms)
    return -(-value // divisor)
