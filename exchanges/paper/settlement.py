"""What a trade does to an order and to the balances: money changes hands, the fee is taken."""

from __future__ import annotations

from msgspec.structs import replace

from core.matching import UNIT, commission
from exchanges.paper.ambient import Ambient
from exchanges.paper.records import Fill, Order, OrderStatus
from exchanges.paper.symbols import SYMBOLS
from exchanges.paper.world import World

BNB_DISCOUNT_PERCENT = 75
"""A fee paid in BNB is this share of the standard one."""


def locked_by(order: Order) -> int:
    """Return what an open order keeps locked for what it has still to trade.

    A stop order that will pay any price locks what it would pay at its stop price.
    """
    scale = SYMBOLS[order.symbol].scale
    if order.is_buy:
        return scale.quote_up(order.price or order.stop_price, order.remaining)
    return scale.base(order.remaining)


def payment_asset(order: Order) -> str:
    rules = SYMBOLS[order.symbol]
    return rules.quote if order.is_buy else rules.base


def next_trade(world: World, ambient: Ambient, symbol: str, now_ms: int) -> tuple[int, int]:
    """Take the next place in the symbol's trade ids; return how many market and own trades came before it."""
    state = world.symbols[symbol]
    world.put_symbol(replace(state, own_trades=state.own_trades + 1, updates=state.updates + 1))
    return ambient.markets[symbol].ordinal_at(now_ms), state.own_trades


def fill(
    world: World,
    ambient: Ambient,
    order: Order,
    trade: tuple[int, int],
    *,
    price: int,
    quantity: int,
    is_maker: bool,
    now_ms: int,
) -> tuple[Order, Fill]:
    """Trade part of an order whose payment is locked; return it as it now is, and the fill.

    A closed order stays closed, only more of it is executed.

    The quote amount is rounded down. What a limit order locked above that goes back to the free balance.
    """
    rules = SYMBOLS[order.symbol]
    quote, base = rules.scale.quote(price, quantity), rules.scale.base(quantity)
    executed = order.executed + quantity
    traded = replace(
        order,
        executed=executed,
        quote_executed=order.quote_executed + quote,
        status=_status(order, executed),
        updated_ms=now_ms,
    )
    if order.is_buy:
        released = locked_by(order) - locked_by(traded) if order.price else quote
        world.post(rules.quote, locked=-released, free=released - quote)
        world.post(rules.base, free=base)
    else:
        world.post(rules.base, locked=-base)
        world.post(rules.quote, free=quote)
    fee, fee_asset = _take_fee(
        world, ambient, order, base=base, quote=quote, is_maker=is_maker, now_ms=now_ms
    )
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
        time_ms=now_ms,
    )
    world.put_order(traded)
    world.add_fill(record)
    world.report("TRADE", traded, now_ms, fill=record)
    if not order.executed:
        # The venue forgives a fill: the first as taker takes 1 off the unfilled order count, as maker 5.
        count = world.account.order_count.at(now_ms).plus(-5 if is_maker else -1)
        world.account = replace(world.account, order_count=count)
    return traded, record


def _status(order: Order, executed: int) -> OrderStatus:
    if not order.is_open:
        return order.status
    return "FILLED" if executed == order.quantity else "PARTIALLY_FILLED"


def _take_fee(
    world: World, ambient: Ambient, order: Order, *, base: int, quote: int, is_maker: bool, now_ms: int
) -> tuple[int, str]:
    """Deduct the commission: in BNB if the account wants that and holds enough, else in what it received."""
    rules = SYMBOLS[order.symbol]
    rate = world.account.maker_rate if is_maker else world.account.taker_rate
    asset, received = (rules.base, base) if order.is_buy else (rules.quote, quote)
    fee = commission(received, rate)
    if world.account.pays_in_bnb and rate:
        fee_in_bnb = _fee_in_bnb(ambient, asset, received, rate, now_ms)
        if fee_in_bnb <= world.free("BNB"):
            asset, fee = "BNB", fee_in_bnb
    world.post(asset, free=-fee)
    return fee, asset


def _fee_in_bnb(ambient: Ambient, asset: str, received: int, rate: int, now_ms: int) -> int:
    """Return the discounted fee, rounded up, at the current prices in USDT."""
    value, divisor = received * rate * BNB_DISCOUNT_PERCENT, 100 * UNIT
    if asset != "BNB":
        price = UNIT if asset == "USDT" else ambient.price(f"{asset}USDT", now_ms)
        value, divisor = value * price, divisor * ambient.price("BNBUSDT", now_ms)
    return -(-value // divisor)
