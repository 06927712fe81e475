"""Selling by market orders: in parts, around a thin book, and never more than what is ours."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import OutcomeUnknown, Refused, VenueRejected
from core.instrument import Instrument, LotSize
from core.operations.selling import FAILURES_MAX, Sale, sell
from core.orders import OrderType, Purpose
from core.values import Base
from tests.core.operations.desks import Exchange, desk_at, fails, partly
from tests.core.risk.worlds import BTCUSDT

D = Decimal
HELD = Base(D("0.5"))


def exchange(btc: str = "0.5") -> Exchange:
    return Exchange(balances={"USDT": D(1000), "BTC": D(btc)})


async def sold(market: Exchange, home: Path, instrument: Instrument = BTCUSDT, wanted: Base = HELD) -> Sale:
    sale = Sale("BTCUSDT", Purpose.FLATTEN, wanted=wanted, left=wanted)
    async with desk_at(market, home) as desk:
        await sell(desk, instrument, sale)
    return sale


async def test_one_market_order_sells_all(own_home: Path) -> None:
    market = exchange()
    sale = await sold(market, own_home)
    assert sale.is_flat
    assert sale.left == Base(D(0))
    assert [intent.request.order_type for intent in market.received] == [OrderType.MARKET]


async def test_a_book_that_runs_dry_is_asked_again(own_home: Path) -> None:
    market = exchange()
    market.script = [partly("0.4"), partly("0"), partly("0.7")]
    sale = await sold(market, own_home)
    assert sale.is_flat
    assert len(sale.orders) == 4
    assert sum((order.executed_quantity.value for order in sale.orders), D(0)) == HELD.value
    assert market.balances["BTC"] == 0


async def test_a_book_that_stays_dry_is_given_up(own_home: Path) -> None:
    market = exchange()
    market.script = [partly("0")] * 20
    sale = await sold(market, own_home)
    assert not sale.is_flat
    assert sale.left == HELD
    assert len(sale.orders) == FAILURES_MAX
    assert "nothing executed" in sale.reason


async def test_what_is_too_large_for_one_order_is_sliced(own_home: Path) -> None:
    small_lots = replace(BTCUSDT, filters=replace(BTCUSDT.filters, market_lot=LotSize(D(0), D("0.2"), D(0))))
    market = exchange()
    sale = await sold(market, own_home, small_lots)
    assert sale.is_flat
    assert len(market.received) == 3
    assert all(intent.request.quantity.value <= D("0.2") for intent in market.received)


async def test_no_price_at_all_does_not_stop_it(own_home: Path) -> None:
    market = exchange()
    market.book_errors = [Refused("no side", code="EMPTY_BOOK")] * 5

    async def no_average(symbol: str) -> Decimal:
        raise Refused("no average", code="EMPTY_BOOK")

    market.average_price = no_average  # type: ignore[method-assign]  # one answer of one test
    assert (await sold(market, own_home)).is_flat


async def test_what_was_there_before_is_not_sold(own_home: Path) -> None:
    market = exchange("3")
    sale = await sold(market, own_home)
    assert sale.is_flat
    assert market.balances["BTC"] == D("2.5")


async def test_a_refusal_that_passes_is_tried_again(own_home: Path) -> None:
    market = exchange()
    market.script = [fails(VenueRejected("market closed", venue_code=-2010, venue_text="closed"))]
    assert (await sold(market, own_home)).is_flat


async def test_an_unknown_outcome_ends_it(own_home: Path) -> None:
    market = exchange()
    market.script = [fails(OutcomeUnknown("no answer"))]
    sale = await sold(market, own_home)
    assert sale.unknown == market.received[0].client_order_id
    assert len(market.received) == 1
    assert sale.left == HELD


async def test_a_stop_is_seen_between_two_orders(own_home: Path) -> None:
    market = exchange()
    sale = Sale("BTCUSDT", Purpose.FLATTEN, wanted=HELD, left=HELD)
    async with desk_at(market, own_home) as desk:
        market.script = [partly("0.4")]
        desk.stop.ask("SIGINT")
        await sell(desk, BTCUSDT, sale)
    assert market.received == []
    assert "SIGINT" in sale.reason


@pytest.mark.parametrize("quantity", ["0.00000999", "0.0003"])
async def test_dust_is_named_and_left(own_home: Path, quantity: str) -> None:
    market = exchange(quantity)
    sale = await sold(market, own_home, wanted=Base(D(quantity)))
    assert sale.is_flat
    assert market.received == []
    assert sale.dust == sale.left == Base(D(quantity))
