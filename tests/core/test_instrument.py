from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.instrument import (
    Filters,
    Instrument,
    LotSize,
    NotionalFilter,
    PercentPrice,
    PriceFilter,
    SymbolStatus,
)
from core.orders import OrderType, Side
from core.values import Base, Quote, floor_to, notional

D = Decimal


def instrument(filters: Filters, base_precision: int = 8) -> Instrument:
    return Instrument(
        "BTCUSDT",
        "BTC",
        "USDT",
        SymbolStatus.TRADING,
        frozenset({"LIMIT", "MARKET"}),
        base_precision,
        8,
        filters,
    )


PRICE = PriceFilter(D("0.01"), D("1000000"), D("0.01"))
LOT = LotSize(D("0.00001"), D("9000"), D("0.00001"))
MARKET_LOT = LotSize(D(0), D("585.2"), D(0))
NOTIONAL = NotionalFilter(D(5), D(9_000_000), True, False, 5)
BAND = PercentPrice(D("1.1"), D("0.8"), D("1.2"), D("0.9"), 5)
USUAL = instrument(
    Filters(price=PRICE, lot=LOT, market_lot=MARKET_LOT, notional=NOTIONAL, percent_price=BAND)
)

steps = st.integers(0, 8).map(lambda digits: D(1).scaleb(-digits)) | st.sampled_from([D(0), D("0.05"), D(25)])
lots = st.builds(LotSize, st.decimals(0, 10, places=8), st.just(D(0)), steps)
notionals = st.builds(
    NotionalFilter, st.decimals(0, 100, places=8), st.none(), st.booleans(), st.booleans(), st.just(5)
)
instruments = st.builds(
    instrument,
    st.builds(
        Filters,
        price=st.none() | st.builds(PriceFilter, st.just(D(0)), st.just(D(0)), steps),
        lot=st.none() | lots,
        market_lot=st.none() | st.just(MARKET_LOT),
        notional=st.none() | notionals,
        min_notional=st.none() | notionals,
    ),
    st.integers(0, 8),
)
quantities = st.decimals(0, 10**9, places=10)
prices = st.decimals(D("0.00000001"), 10**7, places=10)
order_types = st.sampled_from([OrderType.LIMIT, OrderType.MARKET])


@given(instruments, quantities, order_types)
def test_quantities_are_rounded_down_to_what_the_venue_takes(
    traded: Instrument, quantity: Decimal, order_type: OrderType
) -> None:
    rounded = traded.quantity_down(quantity, order_type).value
    assert rounded <= quantity
    assert traded.quantity_down(rounded, order_type).value == rounded
    assert floor_to(rounded, D(1).scaleb(-traded.base_precision)) == rounded


@given(instruments, prices)
def test_prices_are_rounded_toward_the_passive_side(traded: Instrument, price: Decimal) -> None:
    bid, ask = traded.price_passive(Side.BUY, price), traded.price_passive(Side.SELL, price)
    assert bid <= price <= ask
    assert traded.price_passive(Side.BUY, bid) == bid
    assert traded.price_passive(Side.SELL, ask) == ask


@given(instruments, prices, st.decimals(0, 100, places=8).map(Quote), order_types)
def test_the_smallest_quantity_is_enough_and_no_smaller_one_is(
    traded: Instrument, price: Decimal, minimum: Quote, order_type: OrderType
) -> None:
    quantity = traded.smallest_quantity(price, minimum, order_type)
    wanted = max(minimum, traded.minimum_notional(order_type))
    lot_minimum = traded.filters.lot.min_quantity if traded.filters.lot else D(0)
    assert notional(quantity, price) >= wanted
    assert quantity.value >= lot_minimum
    step = (traded.filters.lot and traded.filters.lot.step_size) or D(1).scaleb(-traded.base_precision)
    less = quantity.value - step
    assert less < lot_minimum or notional(Base(less), price) < wanted or less < 0


@given(prices.filter(lambda price: price >= 1))
def test_the_smallest_order_passes_the_filters(price: Decimal) -> None:
    price = min(USUAL.price_passive(Side.BUY, price), D(1_000_000))
    quantity = USUAL.smallest_quantity(price, Quote(D(5)), OrderType.LIMIT)
    assert USUAL.violations(OrderType.LIMIT, Side.BUY, quantity, price, price) == []


def test_a_quantity_without_any_filter_has_the_precision_of_its_asset() -> None:
    bare = instrument(Filters(), base_precision=3)
    assert bare.quantity_down(D("1.23456")) == Base(D("1.234"))
    assert bare.smallest_quantity(D(3), Quote(D(1)), OrderType.LIMIT) == Base(D("0.334"))
    assert bare.largest_quantity(OrderType.LIMIT) is None
    assert bare.minimum_notional(OrderType.LIMIT) == Quote(D(0))


def test_market_lots_bind_market_orders_only() -> None:
    assert USUAL.largest_quantity(OrderType.LIMIT) == D(9000)
    assert USUAL.largest_quantity(OrderType.MARKET) == D("585.2")


def test_minimum_notional_of_market_orders_is_as_the_filter_says() -> None:
    older = NotionalFilter(D(7), None, False, False, 5)
    both = instrument(Filters(notional=NOTIONAL, min_notional=older))
    assert both.minimum_notional(OrderType.LIMIT) == Quote(D(7))
    assert both.minimum_notional(OrderType.MARKET) == Quote(D(5))


@pytest.mark.parametrize(
    ("order_type", "side", "quantity", "price", "names"),
    [
        (OrderType.LIMIT, Side.BUY, "1", "100", []),
        (OrderType.LIMIT, Side.BUY, "0", "100", ["LOT_SIZE", "LOT_SIZE", "NOTIONAL"]),
        (OrderType.LIMIT, Side.BUY, "9001", "100", ["LOT_SIZE"]),
        (OrderType.LIMIT, Side.BUY, "1.000001", "100", ["LOT_SIZE"]),
        (OrderType.LIMIT, Side.BUY, "1", "100.001", ["PRICE_FILTER"]),
        (OrderType.LIMIT, Side.BUY, "1", "0.001", ["PRICE_FILTER"] * 2 + ["PERCENT_PRICE", "NOTIONAL"]),
        (OrderType.LIMIT, Side.BUY, "1", "110.01", ["PERCENT_PRICE"]),
        (OrderType.LIMIT, Side.BUY, "1", "79.99", ["PERCENT_PRICE"]),
        (OrderType.LIMIT, Side.BUY, "1", "80", []),
        (OrderType.LIMIT, Side.BUY, "1", "110", []),
        (OrderType.LIMIT, Side.SELL, "1", "110.01", []),
        (OrderType.LIMIT, Side.SELL, "1", "89.99", ["PERCENT_PRICE"]),
        (OrderType.LIMIT, Side.SELL, "1", "120.01", ["PERCENT_PRICE"]),
        (OrderType.LIMIT, Side.BUY, "0.04999", "100", ["NOTIONAL"]),
        (OrderType.LIMIT, Side.BUY, "0.05", "100", []),
        (OrderType.MARKET, Side.SELL, "586", "100", ["LOT_SIZE"]),
        (OrderType.MARKET, Side.SELL, "1", "0.001", []),
        (OrderType.MARKET, Side.SELL, "0.04", "1000", ["NOTIONAL"]),
    ],
)
def test_violations_are_all_named(
    order_type: OrderType, side: Side, quantity: str, price: str, names: list[str]
) -> None:
    found = USUAL.violations(order_type, side, Base(D(quantity)), D(price), D(100))
    assert [line.partition(":")[0] for line in found] == names


def test_the_largest_notional_binds_limit_orders_and_market_orders_where_it_says_so() -> None:
    for applies in (False, True):
        rule = NotionalFilter(D(5), D(100), True, applies, 5)
        traded = instrument(Filters(notional=rule))
        for order_type, refused in ((OrderType.LIMIT, True), (OrderType.MARKET, applies)):
            found = traded.violations(order_type, Side.BUY, Base(D(2)), D(60), D(60))
            assert bool(found) is refused
