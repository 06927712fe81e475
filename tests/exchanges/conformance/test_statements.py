"""What reconciliation relies on, of any venue: pages of orders and trades, histories of transfers."""

from __future__ import annotations

from decimal import Decimal

from core.orders import OrderStatus
from core.reconciliation import TransferKind
from core.values import decimal_text
from exchanges.paper import admin
from tests.exchanges.conformance.desk import Desk

D = Decimal
SYMBOL = "BTCUSDT"


async def test_orders_and_trades_are_told_as_they_happened(desk: Desk) -> None:
    bought = await desk.submit(await desk.buy("0.001"))
    rested = await desk.submit(await desk.rest("0.001"))
    orders = await desk.venue.statements.orders(SYMBOL, None)
    assert orders.is_last
    assert [(each.venue_order_id, each.client_order_id, each.status) for each in orders.rows] == [
        (bought.venue_order_id, bought.client_order_id, OrderStatus.FILLED),
        (rested.venue_order_id, rested.client_order_id, OrderStatus.ACCEPTED),
    ]
    assert all(each.created_ms <= each.updated_ms for each in orders.rows)
    trades = await desk.venue.statements.trades(SYMBOL, None)
    assert trades.is_last
    assert [
        (each.trade_id, each.venue_order_id, each.is_buy, each.price, each.quantity, each.fee, each.fee_asset)
        for each in trades.rows
    ] == [
        (fill.trade_id, fill.venue_order_id, True, *map(decimal_text, amounts), "BTC")
        for fill in bought.fills
        for amounts in [(fill.price, fill.quantity.value, fill.fee.amount)]
    ]


async def test_a_page_begins_where_it_is_asked_to(desk: Desk) -> None:
    first = await desk.submit(await desk.buy("0.001"))
    second = await desk.submit(await desk.buy("0.001"))
    statements = desk.venue.statements
    orders = await statements.orders(SYMBOL, second.venue_order_id)
    assert [each.venue_order_id for each in orders.rows] == [second.venue_order_id]
    trades = await statements.trades(SYMBOL, first.fills[-1].trade_id + 1)
    assert [each.trade_id for each in trades.rows] == [fill.trade_id for fill in second.fills]
    assert (await statements.trades(SYMBOL, second.fills[-1].trade_id + 1)).rows == ()


async def test_every_market_is_listed_with_its_assets(desk: Desk) -> None:
    listed = {
        each.symbol: (each.base_asset, each.quote_asset) for each in await desk.venue.statements.markets()
    }
    assert listed["BTCUSDT"] == ("BTC", "USDT")
    assert listed["LTCBTC"] == ("LTC", "BTC")


async def test_a_testnet_cannot_tell_of_transfers(desk: Desk) -> None:
    assert await desk.venue.statements.transfers(0, desk.clock.now_ms()) is None


async def test_transfers_of_every_kind_are_told_with_what_they_moved(live_desk: Desk) -> None:
    desk = live_desk
    began_ms = desk.clock.now_ms()
    before = {asset: each.total for asset, each in (await desk.venue.account.snapshot()).balances.items()}
    with admin.opened(desk.config, wall_clock_ms=desk.clock.now_ms, random_bytes=bytes) as exchange:
        admin.deposit(exchange, "BTC", D("0.5"))
        admin.deposit(exchange, "USDT", D("-100.25"))
        admin.distribute(exchange, "BNB", D("0.01"))
        admin.deposit(exchange, "LTC", D("0.3"))
        admin.convert_dust(exchange, "LTC", D("0.02"))
    transfers = await desk.venue.statements.transfers(began_ms - 1_000, desk.clock.now_ms())
    assert transfers is not None
    told = sorted(((each.kind, dict(each.effects)) for each in transfers), key=str)
    assert told == [
        (TransferKind.DEPOSIT, {"BTC": D("0.5")}),
        (TransferKind.DEPOSIT, {"LTC": D("0.3")}),
        (TransferKind.DISTRIBUTION, {"BNB": D("0.01")}),
        (TransferKind.DUST, {"LTC": D("-0.3"), "BNB": D("0.02")}),
        (TransferKind.WITHDRAWAL, {"USDT": D("-100.25")}),
    ]
    for each in transfers:
        for asset, amount in each.effects.items():
            before[asset] = before.get(asset, D(0)) + amount
    after = (await desk.venue.account.snapshot()).balances
    assert {asset: each.total for asset, each in after.items()} == {a: n for a, n in before.items() if n}


async def test_more_transfers_than_a_page_are_all_told(live_desk: Desk) -> None:
    desk = live_desk
    began_ms = desk.clock.now_ms()
    with admin.opened(desk.config, wall_clock_ms=desk.clock.now_ms, random_bytes=bytes) as exchange:
        for _ in range(1_001):
            admin.deposit(exchange, "USDT", D(1))
    transfers = await desk.venue.statements.transfers(began_ms - 1_000, desk.clock.now_ms())
    assert transfers is not None
    assert len({each.transfer_id for each in transfers}) == 1_001
