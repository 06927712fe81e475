"""A stop and a target as one order list: both or none, and each ends with the other."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.errors import OutcomeUnknown, VenueRejected
from core.orders import (
    AlreadySent,
    Intent,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
    Purpose,
    SendOnce,
    Side,
)
from core.values import Base
from tests.exchanges.conformance.desk import Desk

SYMBOL = "BTCUSDT"


async def pair(desk: Desk, *, stop: str = "0.95", target: str = "1.05") -> tuple[Intent, Intent]:
    """Buy, and return a stop and a target for what was bought, at these multiples of the price."""
    bought = await desk.submit(await desk.buy("0.002"))
    assert bought.status is OrderStatus.FILLED
    price = bought.average_price
    assert price
    instrument = await desk.venue.market_data.instrument(SYMBOL)
    stop_price = instrument.price_passive(Side.SELL, price * Decimal(stop))
    protect = OrderRequest(
        symbol=SYMBOL,
        side=Side.SELL,
        order_type=OrderType.STOP_LOSS,
        quantity=instrument.quantity_down(Decimal("0.00199")),
        price=None,
        time_in_force=None,
        purpose=Purpose.PROTECT,
        decision_price=stop_price,
        stop_price=stop_price,
    )
    target_price = instrument.price_passive(Side.SELL, price * Decimal(target))
    take = replace(
        protect, order_type=OrderType.LIMIT_MAKER, price=target_price, purpose=Purpose.TARGET, stop_price=None
    )
    return desk.intent(protect), desk.intent(take)


async def place(desk: Desk, intents: tuple[Intent, Intent]) -> tuple[OrderReport, OrderReport]:
    return await desk.venue.trading.submit_pair(*map(SendOnce, intents))


async def statuses(desk: Desk, intents: tuple[Intent, Intent]) -> list[OrderStatus | None]:
    found = [await desk.venue.account.order(SYMBOL, intent.client_order_id) for intent in intents]
    return [each and each.status for each in found]


async def test_the_venue_says_that_it_takes_pairs(desk: Desk) -> None:
    assert (await desk.venue.market_data.instrument(SYMBOL)).order_pairs_allowed


async def test_both_orders_rest_under_our_names_and_lock_the_quantity_once(desk: Desk) -> None:
    intents = await pair(desk)
    before = (await desk.venue.account.snapshot()).free("BTC")
    reports = await place(desk, intents)
    assert [report.client_order_id for report in reports] == [each.client_order_id for each in intents]
    assert [report.status for report in reports] == [OrderStatus.ACCEPTED] * 2
    assert before - (await desk.venue.account.snapshot()).free("BTC") == Decimal("0.00199")
    names = {each.client_order_id for each in await desk.venue.account.open_orders(SYMBOL)}
    assert names == {each.client_order_id for each in intents}


@pytest.mark.parametrize("leg", [0, 1])
async def test_canceling_one_cancels_the_other(desk: Desk, leg: int) -> None:
    intents = await pair(desk)
    await place(desk, intents)
    canceled = await desk.venue.trading.cancel(SYMBOL, intents[leg].client_order_id)
    assert (canceled.client_order_id, canceled.status) == (intents[leg].client_order_id, OrderStatus.CANCELED)
    assert OrderStatus.ACCEPTED not in await statuses(desk, intents)
    with pytest.raises(VenueRejected):
        await desk.venue.trading.cancel(SYMBOL, intents[1 - leg].client_order_id)


async def test_a_lost_answer_is_unknown_and_both_are_found_by_name(desk: Desk) -> None:
    intents = await pair(desk)
    desk.relay.loses_answers = True
    with pytest.raises(OutcomeUnknown):
        await place(desk, intents)
    desk.relay.loses_answers = False
    assert await statuses(desk, intents) == [OrderStatus.ACCEPTED] * 2


@pytest.mark.parametrize(("stop", "target"), [("1.02", "1.05"), ("0.9", "0.95")])
async def test_prices_on_the_wrong_side_place_neither(desk: Desk, stop: str, target: str) -> None:
    intents = await pair(desk, stop=stop, target=target)
    with pytest.raises(VenueRejected):
        await place(desk, intents)
    assert await statuses(desk, intents) == [None, None]


async def test_a_pair_is_sent_once(desk: Desk) -> None:
    intents = await pair(desk)
    stop, target = map(SendOnce, intents)
    await desk.venue.trading.submit_pair(stop, target)
    with pytest.raises(AlreadySent):
        await desk.venue.trading.submit_pair(stop, target)


async def test_orders_over_different_quantities_are_no_pair(desk: Desk) -> None:
    stop, target = await pair(desk)
    smaller = replace(target, request=replace(target.request, quantity=Base(Decimal("0.001"))))
    with pytest.raises(ValueError, match="do not sell the same"):
        await place(desk, (stop, smaller))
