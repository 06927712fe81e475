"""Money is conserved, whatever is asked: properties over generated sessions."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.paper import admin
from exchanges.paper.limits import Limits
from exchanges.paper.symbols import SYMBOLS
from tests.exchanges.paper.venue import Venue, Wall, customer, open_venue

UNIT = 10**8
STOP_KINDS = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
SYMBOL_NAMES = ("BTCUSDT", "BNBUSDT", "ETHBTC", "LTCBTC")

orders = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(SYMBOL_NAMES),
        "side": st.sampled_from(["BUY", "SELL"]),
        "kind": st.sampled_from(["LIMIT", "MARKET", "LIMIT_MAKER", "QUOTE", *STOP_KINDS]),
        "tif": st.sampled_from(["GTC", "IOC", "FOK"]),
        "distance": st.integers(-300, 300),
        "beyond": st.integers(-100, 100),
        "notional": st.integers(1, 4000),
        "stp": st.sampled_from(["NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH"]),
    }
)
waits = st.tuples(st.just("wait"), st.integers(1, 6 * 3_600_000))
cancels = st.tuples(st.just("cancel"), st.sampled_from(SYMBOL_NAMES))
others = st.one_of(
    waits,
    cancels,
    st.tuples(st.just("bnb"), st.booleans()),
    st.tuples(st.just("deposit"), st.integers(1, 10**12)),
)
# Two of three: `one_of` takes a strategy that is given twice once.
steps = st.sampled_from((orders, orders, others)).flatmap(lambda chosen: chosen)


@contextmanager
def session() -> Iterator[tuple[Venue, Wall]]:
    with tempfile.TemporaryDirectory() as directory:
        wall = Wall()
        venue = open_venue(Path(directory), wall)
        try:
            yield venue, wall
        finally:
            venue.exchange.close()


def perform(venue: Venue, wall: Wall, step: object) -> None:
    match step:
        case ("wait", int(milliseconds)):
            wall.forward(milliseconds)
        case ("cancel", str(symbol)):
            venue.signed("DELETE", "/api/v3/openOrders", symbol=symbol)
        case ("bnb", bool(enabled)):
            admin.set_bnb_fees(venue.exchange, enabled)
        case ("deposit", int(units)):
            admin.deposit(venue.exchange, "LTC", Decimal(units) / UNIT)
        case dict():
            place(venue, step)


def place(venue: Venue, step: dict[str, object]) -> None:
    """Place an order of about a notional in USDT, at a distance from the last price in 1/10,000."""
    rules = SYMBOLS[str(step["symbol"])]
    with venue.exchange.transaction() as engine:
        last = engine.ambient.price(rules.name, engine.now_ms)
        in_usdt = 1 if rules.quote == "USDT" else engine.ambient.price("BTCUSDT", engine.now_ms) // UNIT
    ticks = last * (10_000 + int(str(step["distance"]))) // 10_000 // rules.tick
    quote = int(str(step["notional"])) * UNIT // in_usdt
    quantity = quote * UNIT // last // rules.step * rules.step
    fields = {"symbol": rules.name, "quantity": f"{Decimal(quantity) / UNIT:.8f}"}
    if step["kind"] == "QUOTE":
        fields = {"symbol": rules.name, "quoteOrderQty": f"{Decimal(quote) / UNIT:.8f}"}
    if step["kind"] in ("LIMIT", "LIMIT_MAKER"):
        fields["price"] = f"{Decimal(ticks * rules.tick) / UNIT:.8f}"
    if step["kind"] in STOP_KINDS:
        fields["stopPrice"] = f"{Decimal(ticks * rules.tick) / UNIT:.8f}"
    if step["kind"] in ("STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"):
        limit = ticks * (10_000 + int(str(step["beyond"]))) // 10_000
        fields["price"] = f"{Decimal(limit * rules.tick) / UNIT:.8f}"
    if step["kind"] in ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"):
        fields["timeInForce"] = str(step["tif"])
    kind = "MARKET" if step["kind"] == "QUOTE" else str(step["kind"])
    answer = venue.order(str(step["side"]), kind, selfTradePreventionMode=step["stp"], **fields)
    assert answer.status in (200, 400), answer


def check_books(venue: Venue, account: str = "main") -> None:
    with admin.as_account(venue.exchange, account) as engine:
        number = engine.world.account.account
        own = engine.state.balances(number, "account")
        theirs = engine.state.balances(number, "venue")
        open_orders = engine.state.orders.open_orders(number)
    assert all(free >= 0 and locked >= 0 for free, locked in own.values())
    for asset, (free, locked) in own.items():
        assert free + locked + sum(theirs[asset]) == 0, asset
    expected: dict[str, int] = dict.fromkeys(own, 0)
    for order in open_orders:
        rules = SYMBOLS[order.symbol]
        left = order.quantity - order.executed
        if order.is_buy:
            price = order.price or order.stop_price
            expected[rules.quote] += -(-price * rules.tick * left * rules.step // UNIT)
        else:
            expected[rules.base] += left * rules.step
    assert {asset: locked for asset, (_, locked) in own.items()} == expected


def check_fills(venue: Venue) -> None:
    """An order's fills add up to it, and the trade ids are unique and grow."""
    for symbol in SYMBOL_NAMES:
        trades = venue.signed("GET", "/api/v3/myTrades", symbol=symbol, limit=1000).body
        placed = venue.signed("GET", "/api/v3/allOrders", symbol=symbol, limit=1000).body
        for order in placed:
            mine = [trade for trade in trades if trade["orderId"] == order["orderId"]]
            assert sum(Decimal(trade["qty"]) for trade in mine) == Decimal(order["executedQty"])
            assert sum(Decimal(trade["quoteQty"]) for trade in mine) == Decimal(order["cummulativeQuoteQty"])
            filled = order["executedQty"] == order["origQty"]
            assert not filled or order["status"] in ("FILLED", "EXPIRED")
        sides = [(trade["id"], trade["isBuyer"]) for trade in trades]
        assert sides == sorted(set(sides))


@settings(max_examples=15)
@given(st.lists(steps, min_size=15, max_size=30))
def test_postings_sum_to_zero_and_locked_is_what_open_orders_need(session_steps: list[object]) -> None:
    with session() as (venue, wall):
        admin.set_limits(venue.exchange, _no_limits())
        clients = venue, customer(venue)
        for number, step in enumerate(session_steps):
            perform(clients[number % 2], wall, step)
        for client, account in zip(clients, ("main", "other"), strict=True):
            check_books(client, account)
            check_fills(client)


@settings(max_examples=8)
@given(st.lists(orders, min_size=8, max_size=20))
def test_a_session_replayed_from_its_fills_gives_the_balances(
    session_orders: list[dict[str, object]],
) -> None:
    with session() as (venue, _):
        admin.set_limits(venue.exchange, _no_limits())
        before = {asset: Decimal(free) for asset, (free, _) in venue.balances().items()}
        for step in session_orders:
            place(venue, step)
        expected = {asset: before.get(asset, Decimal(0)) for asset in ("BTC", "ETH", "BNB", "USDT", "LTC")}
        for symbol in SYMBOL_NAMES:
            rules = SYMBOLS[symbol]
            for trade in venue.signed("GET", "/api/v3/myTrades", symbol=symbol, limit=1000).body:
                sign = 1 if trade["isBuyer"] else -1
                expected[rules.base] += sign * Decimal(trade["qty"])
                expected[rules.quote] -= sign * Decimal(trade["quoteQty"])
                expected[trade["commissionAsset"]] -= Decimal(trade["commission"])
        held = {asset: Decimal(free) + Decimal(locked) for asset, (free, locked) in venue.balances().items()}
        assert {asset: amount for asset, amount in expected.items() if amount} == held


def _no_limits() -> Limits:
    return Limits(10**9, 10**9, 10**9, 10**9)
