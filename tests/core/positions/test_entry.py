"""Stops and targets of an entry against the worked numbers of their sources; quantities without dust."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.orders import OrderType, Side
from core.positions import (
    AtrStops,
    Levels,
    RoiStops,
    atr_terms,
    entry_levels,
    liquidation_price,
    net_price,
    roi_terms,
    stop_quantity,
)
from core.strategies.decision import Direction, EntryTerms
from core.values import Base
from tests.core.risk.worlds import BTCUSDT

D = Decimal
LONG, SHORT = Direction.LONG, Direction.SHORT
PAIR = (OrderType.STOP_LOSS, OrderType.LIMIT_MAKER)


@pytest.mark.parametrize(
    ("atr", "direction", "levels"),
    [
        ("1.2", LONG, Levels(D("147.6"), D("154.8"))),
        ("1.2", SHORT, Levels(D("152.4"), D("145.2"))),
        ("0.1", LONG, Levels(D("148.95"), D("152.1"))),  # below its floor, the ATR counts as 0.525
    ],
)
def test_atr_stops_as_auraquant_works_them_out(atr: str, direction: Direction, levels: Levels) -> None:
    terms = atr_terms(D(150), D(atr), AtrStops())
    assert entry_levels(BTCUSDT, D(150), terms, direction) == levels


@pytest.mark.parametrize(
    ("leverage", "stop", "target", "liquidation"),
    [
        (4, "39400", "41500", "30050"),
        (6, "39600", "41000", "33366.66667"),
        (8, "39700", "40750", "35025"),
        (10, "39760", "40600", "36020"),
    ],
)
def test_roi_stops_are_divided_by_the_leverage(
    leverage: int, stop: str, target: str, liquidation: str
) -> None:
    terms = roi_terms(RoiStops(), leverage)
    assert terms.leverage == leverage
    assert entry_levels(BTCUSDT, D(40_000), terms) == Levels(D(stop), D(target))
    assert round(liquidation_price(D(40_000), leverage, LONG), 5) == D(liquidation)


def test_a_short_is_the_mirror_image() -> None:
    terms = roi_terms(RoiStops(), 6)
    assert entry_levels(BTCUSDT, D(40_000), terms, SHORT) == Levels(D(40_400), D(39_000))


def test_no_stop_lies_beyond_the_hard_limit() -> None:
    assert roi_terms(RoiStops(stop_roi=D("0.5")), 1).stop_loss_rate == D("0.10")


def test_net_prices_pay_the_fees_of_both_sides() -> None:
    taker = D("0.0006")
    assert net_price(D(40_000), D("0.025"), taker, LONG) == D(41_048)  # 15 % of the margin at 6x
    assert net_price(D(40_000), D("-0.01"), taker, LONG) == D(39_648)  # exactly -6 % of it


def test_a_stop_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="the stop must lie above 0"):
        atr_terms(D(150), D(90), AtrStops())


@given(
    price=st.decimals(min_value="0.01", max_value=100_000, places=2),
    atr_rate=st.decimals(min_value=0, max_value="0.2", places=6),
    leverage=st.integers(1, 20),
)
def test_rounding_never_widens_a_stop_nor_shortens_a_target(
    price: Decimal, atr_rate: Decimal, leverage: int
) -> None:
    stops = AtrStops()
    terms = atr_terms(price, price * atr_rate, stops)
    counted = max(atr_rate, stops.floor_rate)
    assert terms.stop_loss_rate <= 2 * counted
    assert terms.take_profit_rate is not None
    assert terms.take_profit_rate >= 4 * counted
    levels = entry_levels(BTCUSDT, price, terms)
    assert levels.stop >= price * (1 - terms.stop_loss_rate)
    roi = roi_terms(RoiStops(), leverage)
    assert roi.stop_loss_rate * leverage <= D("0.06")


def test_a_stop_takes_whole_steps_and_leaves_dust() -> None:
    found = stop_quantity(BTCUSDT, Base(D("0.00199801")), D(9_900), PAIR)
    assert (found.quantity, found.bare, found.is_dust) == (Base(D("0.00199")), Base(D("0.00000801")), True)


def test_what_the_venue_would_refuse_is_not_protected() -> None:
    found = stop_quantity(BTCUSDT, Base(D("0.0005")), D(9_900), PAIR)  # 4.95, and the minimum is 5
    assert found.quantity == Base(D(0))
    assert found.is_dust


def test_what_one_order_cannot_sell_is_no_dust() -> None:
    found = stop_quantity(BTCUSDT, Base(D(600)), D(9_900), PAIR)
    assert found.quantity == Base(D("585.20788"))
    assert not found.is_dust


@given(
    held=st.decimals(min_value=0, max_value=10_000, places=8),
    price=st.decimals(min_value="0.01", max_value=100_000, places=2),
)
def test_nothing_is_sold_that_is_not_held(held: Decimal, price: Decimal) -> None:
    found = stop_quantity(BTCUSDT, Base(held), price, PAIR)
    assert Base(D(0)) <= found.quantity <= Base(held)
    assert found.quantity + found.bare == Base(held)
    if found.quantity.value:
        for each in PAIR:
            found_wrong = BTCUSDT.violations(each, Side.SELL, found.quantity, price, price)
            assert all("above" in text or "LOT_SIZE" not in text for text in found_wrong)
            assert not any("below" in text for text in found_wrong)


def test_terms_without_a_target_have_none() -> None:
    assert entry_levels(BTCUSDT, D(100), EntryTerms(D("0.02"))) == Levels(D(98), None)
