"""What the operations rely on, of any venue. The exchange and its clients share no code."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.account import Environment
from core.errors import ConfigError, OutcomeUnknown, VenueRejected, VenueUnavailable
from core.instrument import SymbolStatus
from core.keys.signing import SigningKey
from core.orders import (
    Liquidity,
    OrderStatus,
    OrderType,
    SendOnce,
    Side,
    TimeInForce,
    filled_notional,
    filled_quantity,
)
from core.secrets import Secret
from core.values import Base, Quote, floor_to
from exchanges.paper import admin
from exchanges.paper.keys import Permissions
from exchanges.paper.limits import Limits
from tests.exchanges.conformance.desk import Desk

SYMBOL = "BTCUSDT"


async def test_the_venue_is_reached_and_its_clock_read(desk: Desk) -> None:
    await desk.venue.market_data.ping()
    reading = await desk.venue.market_data.clock_reading()
    assert abs(reading.offset_ms) <= reading.bound_ms


async def test_instruments_are_read_whole(desk: Desk) -> None:
    instrument = await desk.venue.market_data.instrument(SYMBOL)
    filters = instrument.filters
    assert instrument.status is SymbolStatus.TRADING
    assert (instrument.base_asset, instrument.quote_asset) == ("BTC", "USDT")
    assert filters.unknown == ()
    assert filters.price is not None
    assert filters.lot is not None
    assert filters.notional is not None or filters.min_notional is not None


async def test_books_and_bars_agree_on_the_price(desk: Desk) -> None:
    market = desk.venue.market_data
    book = await market.book(SYMBOL, 10)
    bars = await market.bars(SYMBOL, "1m", 1500)
    average = await market.average_price(SYMBOL)
    assert len(bars) == 1500
    assert 0 <= desk.clock.now_ms() - bars.end_ms < 60_000
    best_bid, best_ask = book.bids[0][0], book.asks[0][0]
    assert best_bid < best_ask
    assert len(book.bids) == len(book.asks) == 10
    assert float(best_bid) == pytest.approx(bars.close[-1], rel=0.02)
    assert average == pytest.approx(best_bid, rel=Decimal("0.02"))
    instrument = await market.instrument(SYMBOL)
    assert instrument.filters.price is not None
    tick = instrument.filters.price.tick_size
    assert all(floor_to(price, tick) == price for price, _ in book.bids + book.asks)


async def test_the_tape_tells_what_takers_did(desk: Desk) -> None:
    flow = await desk.venue.market_data.taker_flow(SYMBOL, 60_000)
    hour = await desk.venue.market_data.taker_flow(SYMBOL, 3_600_000)
    assert 0 < flow.trades < hour.trades
    assert 0 < flow.bought + flow.sold < hour.bought + hour.sold
    assert 0 <= desk.clock.now_ms() - flow.ts_recv_ms < 1_000


async def test_the_account_is_read(desk: Desk) -> None:
    account = desk.venue.account
    snapshot = await account.snapshot()
    assert snapshot.uid
    assert snapshot.can_trade
    assert snapshot.free("USDT") > 0
    assert await account.commission(SYMBOL) == snapshot.commission
    assert snapshot.commission.taker_rate > 0
    assert await account.open_orders(None) == ()
    assert await account.last_trade_id(SYMBOL) is None


@pytest.mark.parametrize("call", ["instrument", "book", "bars", "average_price", "taker_flow"])
async def test_an_unknown_symbol_is_named(desk: Desk, call: str) -> None:
    market = desk.venue.market_data
    arguments = {"book": (5,), "bars": ("1m", 5), "taker_flow": (60_000,)}.get(call, ())
    with pytest.raises(ConfigError) as refused:
        await getattr(market, call)("NOSUCHUSDT", *arguments)
    assert refused.value.code == "SYMBOL_UNKNOWN"


async def test_validation_places_nothing(desk: Desk) -> None:
    before = await desk.venue.account.snapshot()
    request = await desk.buy("0.001")
    await desk.venue.trading.validate(desk.intent(request))
    with pytest.raises(VenueRejected) as refused:
        await desk.venue.trading.validate(desk.intent(replace(request, quantity=Base(Decimal("0.00000001")))))
    assert refused.value.venue_text
    after = await desk.venue.account.snapshot()
    assert after.balances == before.balances
    assert await desk.venue.account.open_orders(SYMBOL) == ()


async def test_a_filled_order_moves_balances_by_exactly_its_fills_and_fees(desk: Desk) -> None:
    account = desk.venue.account
    before = await account.snapshot()
    report = await desk.submit(await desk.buy("0.00123"))
    after = await account.snapshot()

    assert report.status is OrderStatus.FILLED
    assert report.executed_quantity == report.quantity == Base(Decimal("0.00123"))
    assert filled_quantity(report.fills) == report.executed_quantity
    assert filled_notional(report.fills) == report.executed_quote
    assert all(fill.liquidity is Liquidity.TAKER and fill.side is Side.BUY for fill in report.fills)
    assert {fill.fee.currency for fill in report.fills} == {"BTC"}
    fees = sum(fill.fee.amount for fill in report.fills)
    assert fees > 0
    assert before.free("USDT") - after.free("USDT") == report.executed_quote.value
    assert after.free("BTC") - before.free("BTC") == report.executed_quantity.value - fees

    assert await account.order_fills(SYMBOL, report.venue_order_id) == report.fills
    assert await account.last_trade_id(SYMBOL) == report.fills[-1].trade_id
    asked = await account.order(SYMBOL, report.client_order_id)
    assert asked is not None
    assert replace(asked, fills=report.fills) == replace(report, ts_event_ms=asked.ts_event_ms)


async def test_a_round_trip_sells_what_was_bought(desk: Desk) -> None:
    bought = await desk.submit(await desk.buy("0.01"))
    book = await desk.venue.market_data.book(SYMBOL, 5)
    instrument = await desk.venue.market_data.instrument(SYMBOL)
    held = bought.executed_quantity.value - sum(fill.fee.amount for fill in bought.fills)
    request = replace(
        await desk.buy("0.01"),
        side=Side.SELL,
        quantity=instrument.quantity_down(held),
        price=instrument.price_passive(Side.SELL, book.bids[0][0] * Decimal("0.99")),
    )
    sold = await desk.submit(request)
    assert sold.status is OrderStatus.FILLED
    assert {fill.fee.currency for fill in sold.fills} == {"USDT"}
    assert sold.executed_quote < bought.executed_quote


async def test_a_market_order_has_no_price(desk: Desk) -> None:
    request = replace(
        await desk.buy("0.001"), order_type=OrderType.MARKET, price=None, time_in_force=None, side=Side.SELL
    )
    report = await desk.submit(request)
    assert report.status is OrderStatus.FILLED
    assert report.average_price is not None


async def test_an_order_that_meets_nothing_expires_empty(desk: Desk) -> None:
    report = await desk.submit(await desk.buy("0.001", slippage="0.9"))
    assert report.status is OrderStatus.EXPIRED
    assert report.executed_quantity == Base(Decimal(0))
    assert report.fills == ()


async def test_an_order_larger_than_the_book_fills_in_part(desk: Desk) -> None:
    book = await desk.venue.market_data.book(SYMBOL, 1)
    bid_price, bid_quantity = book.bids[0]
    request = replace(
        await desk.buy("1"), side=Side.SELL, price=bid_price, quantity=Base(bid_quantity + Decimal("0.1"))
    )
    with admin.opened(desk.config, wall_clock_ms=desk.clock.now_ms, random_bytes=bytes) as exchange:
        admin.deposit(exchange, "BTC", bid_quantity + 1)
    report = await desk.submit(request)
    assert report.status is OrderStatus.EXPIRED
    assert report.executed_quantity == Base(bid_quantity)
    assert filled_quantity(report.fills) == report.executed_quantity


async def test_a_resting_order_is_seen_and_canceled(desk: Desk) -> None:
    request = await desk.rest("0.01")
    report = await desk.submit(request)
    assert report.status is OrderStatus.ACCEPTED
    assert request.price is not None
    locked = (await desk.venue.account.snapshot()).balances["USDT"].locked
    assert Quote(locked) == Quote(request.price * request.quantity.value)
    for symbol in (SYMBOL, None):
        (seen,) = await desk.venue.account.open_orders(symbol)
        assert seen.client_order_id == report.client_order_id
    assert await desk.venue.account.open_orders("ETHUSDT") == ()

    cancel = desk.venue.trading.cancel
    canceled = await cancel(SYMBOL, report.client_order_id)
    assert (canceled.status, canceled.client_order_id) == (OrderStatus.CANCELED, report.client_order_id)
    assert await desk.venue.account.open_orders(SYMBOL) == ()
    with pytest.raises(VenueRejected):
        await cancel(SYMBOL, report.client_order_id)
    asked = await desk.venue.account.order(SYMBOL, report.client_order_id)
    assert asked is not None
    assert asked.status is OrderStatus.CANCELED


async def test_everything_open_on_a_symbol_is_canceled_at_once(desk: Desk) -> None:
    resting = [await desk.submit(await desk.rest("0.01")) for _ in range(3)]
    canceled = await desk.venue.trading.cancel_all(SYMBOL)
    assert {report.client_order_id for report in canceled} == {report.client_order_id for report in resting}
    assert {report.status for report in canceled} == {OrderStatus.CANCELED}
    assert await desk.venue.account.open_orders(None) == ()
    with pytest.raises(VenueRejected):
        await desk.venue.trading.cancel_all(SYMBOL)


async def test_the_history_of_an_account_is_whole(desk: Desk) -> None:
    bought = await desk.submit(await desk.buy("0.001"))
    missed = await desk.submit(await desk.buy("0.001", slippage="0.9"))
    resting = await desk.submit(await desk.rest("0.01"))
    more = await desk.submit(await desk.buy("0.002"))
    assert await desk.venue.account.order_names(SYMBOL) == {
        report.venue_order_id: report.client_order_id for report in (bought, missed, resting, more)
    }
    assert await desk.venue.account.fill_history(SYMBOL) == bought.fills + more.fills
    assert await desk.venue.account.order_names("ETHUSDT") == {}
    assert await desk.venue.account.fill_history("ETHUSDT") == ()


async def test_orders_and_fills_of_a_span_are_listed_whoever_made_them(desk: Desk) -> None:
    account = desk.venue.account
    await desk.submit(await desk.buy("0.001"))
    desk.clock.time_ms += 60_000
    start_ms = desk.clock.time_ms
    bought = await desk.submit(await desk.buy("0.002"))
    resting = await desk.submit(await desk.rest("0.01"))
    end_ms = desk.clock.time_ms
    desk.clock.time_ms += 60_000
    await desk.submit(await desk.buy("0.003"))
    listed = await account.all_orders(SYMBOL, start_ms, end_ms)
    assert [each.client_order_id for each in listed] == [bought.client_order_id, resting.client_order_id]
    assert listed[0].executed_quantity == bought.quantity
    assert await account.fills_between(SYMBOL, start_ms, end_ms) == bought.fills
    assert await account.all_orders("ETHUSDT", start_ms, end_ms) == ()
    assert await account.fills_between("ETHUSDT", start_ms, end_ms) == ()


async def test_orders_and_fills_are_found_by_the_venue_s_ids(desk: Desk) -> None:
    account = desk.venue.account
    bought = await desk.submit(await desk.buy("0.001"))
    found = await account.order_by_id(SYMBOL, bought.venue_order_id)
    assert found is not None
    assert (found.client_order_id, found.status) == (bought.client_order_id, OrderStatus.FILLED)
    assert await account.order_by_id(SYMBOL, bought.venue_order_id + 1_000) is None
    first = bought.fills[0]
    assert await account.fill(SYMBOL, first.trade_id) == first
    assert await account.fill(SYMBOL, first.trade_id - 1) is None
    assert await account.fill(SYMBOL, first.trade_id + 1_000_000) is None


async def test_a_late_fill_is_found_by_asking(desk: Desk) -> None:
    book = await desk.venue.market_data.book(SYMBOL, 1)
    resting = replace(await desk.buy("0.001"), price=book.bids[0][0], time_in_force=TimeInForce.GTC)
    report = await desk.submit(resting)
    assert report.status is OrderStatus.ACCEPTED
    for _ in range(200):
        desk.clock.time_ms += 60_000
        asked = await desk.venue.account.order(SYMBOL, report.client_order_id)
        assert asked is not None
        if asked.status is not OrderStatus.ACCEPTED:
            break
    else:
        pytest.fail("the market never came to the order")
    assert asked.status is OrderStatus.FILLED
    fills = await desk.venue.account.order_fills(SYMBOL, report.venue_order_id)
    assert filled_quantity(fills) == asked.executed_quantity
    assert {fill.liquidity for fill in fills} == {Liquidity.MAKER}


@pytest.mark.parametrize(
    ("change", "error_code"),
    [
        ({"quantity": Base(Decimal("0.0000001"))}, "VENUE_REJECTED"),
        ({"quantity": Base(Decimal("0.00001"))}, "VENUE_REJECTED"),
        ({"quantity": Base(Decimal("1000"))}, "VENUE_REJECTED"),
        ({"price": Decimal("0.001")}, "VENUE_REJECTED"),
        ({"price": Decimal("1")}, "VENUE_REJECTED"),
        ({"symbol": "NOSUCHUSDT"}, "SYMBOL_UNKNOWN"),
    ],
)
async def test_a_refused_order_changes_nothing(
    desk: Desk, change: dict[str, object], error_code: str
) -> None:
    before = await desk.venue.account.snapshot()
    request = replace(await desk.buy("0.001"), **change)  # type: ignore[arg-type]
    with pytest.raises((VenueRejected, ConfigError)) as refused:
        await desk.submit(request)
    assert refused.value.code == error_code
    assert (await desk.venue.account.snapshot()).balances == before.balances


async def test_an_answer_lost_after_acceptance_is_unknown_and_found_by_asking(desk: Desk) -> None:
    intent = desk.intent(await desk.buy("0.001"))
    desk.relay.loses_answers = True
    with pytest.raises(OutcomeUnknown):
        await desk.venue.trading.submit(SendOnce(intent))
    desk.relay.loses_answers = False
    found = await desk.venue.account.order(SYMBOL, intent.client_order_id)
    assert found is not None
    assert found.status is OrderStatus.FILLED
    assert await desk.venue.account.order(SYMBOL, "tr00000000000000aa-99") is None


async def test_a_new_session_finds_the_order_of_one_that_died(desk: Desk) -> None:
    intent = desk.intent(await desk.rest("0.01"))
    desk.relay.loses_answers = True
    with pytest.raises(OutcomeUnknown):
        await desk.venue.trading.submit(SendOnce(intent))
    desk.relay.loses_answers = False
    async with desk.open() as restarted:
        (found,) = await restarted.account.open_orders(None)
    assert found.client_order_id == intent.client_order_id


async def test_the_same_id_twice_is_an_unknown_outcome(desk: Desk) -> None:
    intent = desk.intent(await desk.rest("0.01"))
    await desk.venue.trading.submit(SendOnce(intent))
    with pytest.raises(OutcomeUnknown):
        await desk.venue.trading.submit(SendOnce(intent))
    assert len(await desk.venue.account.open_orders(SYMBOL)) == 1


async def test_a_wrong_clock_is_named_then_measured(desk: Desk) -> None:
    async with desk.open(skew_ms=-6_000) as venue:
        with pytest.raises(ConfigError) as refused:
            await venue.account.snapshot()
        assert refused.value.code == "CLOCK_OFFSET"
        reading = await venue.market_data.clock_reading()
        assert abs(reading.offset_ms - 6_000) <= reading.bound_ms
        await venue.account.snapshot()


@pytest.mark.parametrize("late_ms", [-6_000, 2_000])
async def test_an_order_out_of_its_window_is_unknown_and_not_placed(desk: Desk, late_ms: int) -> None:
    intent = desk.intent(await desk.buy("0.001"), timestamp_ms=desk.clock.now_ms() + late_ms)
    with pytest.raises(OutcomeUnknown):
        await desk.venue.trading.submit(SendOnce(intent))
    assert await desk.venue.account.order(SYMBOL, intent.client_order_id) is None


async def test_a_wrong_key_or_secret_is_refused(desk: Desk) -> None:
    right = desk.key.api_key
    for key in (
        SigningKey(right, Secret("0" * 64)),
        SigningKey(Secret("1" * 64), Secret("0" * 64)),
        SigningKey(Secret("short"), Secret("0" * 64)),
    ):
        async with desk.open(key=key) as venue:
            with pytest.raises(ConfigError) as refused:
                await venue.account.snapshot()
            assert refused.value.code == "KEY_REFUSED"


async def test_a_key_without_the_right_to_trade_may_only_read(desk: Desk) -> None:
    with admin.opened(desk.config, wall_clock_ms=desk.clock.now_ms, random_bytes=bytes) as exchange:
        made = admin.create_key(exchange, "reader", permissions=Permissions(spot_trading=False))
    intent = desk.intent(await desk.buy("0.001"))
    async with desk.open(key=SigningKey(Secret(made.api_key), Secret(made.secret))) as venue:
        await venue.account.snapshot()
        for refuse in (venue.trading.submit(SendOnce(intent)), venue.trading.validate(intent)):
            with pytest.raises(ConfigError) as refused:
                await refuse
            assert refused.value.code == "KEY_REFUSED"
    assert await desk.venue.account.order(SYMBOL, intent.client_order_id) is None


async def test_an_ed25519_key_trades(desk: Desk) -> None:
    private = Ed25519PrivateKey.generate()
    public_pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private_pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with admin.opened(desk.config, wall_clock_ms=desk.clock.now_ms, random_bytes=bytes) as exchange:
        made = admin.create_key(exchange, "ed", kind="ED25519", public_key=public_pem.decode())
    key = SigningKey(Secret(made.api_key), None, Secret(private_pem.decode()))
    intent = desk.intent(await desk.buy("0.001"))
    async with desk.open(key=key) as venue:
        assert (await venue.trading.submit(SendOnce(intent))).status is OrderStatus.FILLED


async def test_two_sessions_share_one_account(desk: Desk) -> None:
    report = await desk.submit(await desk.buy("0.001"))
    async with desk.open() as other:
        mine, theirs = await desk.venue.account.snapshot(), await other.account.snapshot()
        assert mine == theirs
        assert await other.account.order(SYMBOL, report.client_order_id) is not None


async def test_a_full_request_budget_asks_to_wait(desk: Desk) -> None:
    with admin.opened(desk.config, wall_clock_ms=desk.clock.now_ms, random_bytes=bytes) as exchange:
        admin.set_limits(exchange, Limits(weight_per_minute=25))
    intent = desk.intent(await desk.buy("0.001"))
    with pytest.raises(VenueUnavailable) as busy:
        await desk.venue.account.snapshot()
    assert busy.value.code == "VENUE_BUSY"
    assert busy.value.details["retry_after_s"]
    with pytest.raises(VenueUnavailable):
        await desk.venue.trading.submit(SendOnce(intent))
    await desk.clock.sleep(60)
    assert (await desk.venue.account.snapshot()).can_trade
    assert await desk.venue.account.order(SYMBOL, intent.client_order_id) is None


async def test_a_halted_symbol_is_seen(desk: Desk) -> None:
    request = await desk.buy("0.001")
    with admin.opened(desk.config, wall_clock_ms=desk.clock.now_ms, random_bytes=bytes) as exchange:
        admin.set_symbol_status(exchange, SYMBOL, "HALT")
    instrument = await desk.venue.market_data.instrument(SYMBOL)
    assert instrument.status is SymbolStatus.HALT
    with pytest.raises(VenueRejected):
        await desk.submit(request)


async def test_the_testnet_persona_proves_what_it_is(desk: Desk) -> None:
    assert desk.venue.host.environment is Environment.TESTNET
    assert not desk.venue.host.official
    keys = desk.venue.key_administration
    assert await keys.key_facts() is None
    assert await keys.account_status() is None
    assert await keys.networks("BTC") is None
    assert await keys.deposit_address("BTC", "BTC") is None


async def test_the_mainnet_persona_counts_as_live_and_shows_its_keys(live_desk: Desk) -> None:
    assert live_desk.venue.host.environment is Environment.MAINNET
    keys = live_desk.venue.key_administration
    facts = await keys.key_facts()
    assert facts is not None
    assert (facts.reading, facts.spot_trading, facts.ip_restricted) == (True, True, True)
    assert (facts.withdrawals, facts.margin, facts.futures) == (False, False, False)
    assert await keys.account_status() == "Normal"
    networks = {each.network: each for each in await keys.networks("USDT") or ()}
    assert [name for name, each in networks.items() if each.is_default] == ["TRX"]
    assert [name for name, each in networks.items() if not each.deposits] == ["SOL"]
    assert networks["SOL"].why_not == "closed for maintenance"
    assert await keys.networks("NOCOIN") == ()
    named = await keys.deposit_address("USDT", "TRX")
    assert named is not None
    assert named.address.startswith("PAPER-USDT-TRX-")
