"""Payloads of the published shapes are read; anything else is Unreadable and nothing worse."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Refused
from core.instrument import Filters, PercentPrice, SymbolStatus
from core.orders import Liquidity, OrderStatus, OrderType, Side
from core.ports import DepositNetwork
from core.values import Base, Money, Quote
from exchanges.binance import wire, wire_account, wire_market, wire_tape
from exchanges.binance.wire import Unreadable
from tests.exchanges.binance.scripted import FILLED_REPLY, make_intent

FILTERS: list[dict[str, Any]] = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01000000"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001000"},
    {"filterType": "ICEBERG_PARTS", "limit": 100},
    {"filterType": "MARKET_LOT_SIZE", "minQty": "0.0", "maxQty": "585.20788284", "stepSize": "0.0"},
    {
        "filterType": "TRAILING_DELTA",
        "minTrailingAboveDelta": 10,
        "maxTrailingAboveDelta": 2000,
        "minTrailingBelowDelta": 11,
        "maxTrailingBelowDelta": 2001,
    },
    {
        "filterType": "PERCENT_PRICE_BY_SIDE",
        "bidMultiplierUp": "1.1",
        "bidMultiplierDown": "0.8",
        "askMultiplierUp": "1.2",
        "askMultiplierDown": "0.9",
        "avgPriceMins": 5,
    },
    {
        "filterType": "NOTIONAL",
        "minNotional": "5.0",
        "applyMinToMarket": True,
        "maxNotional": "9000000.0",
        "applyMaxToMarket": False,
        "avgPriceMins": 5,
    },
    {"filterType": "MIN_NOTIONAL", "minNotional": "0.001", "applyToMarket": True, "avgPriceMins": 5},
    {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
    {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    {"filterType": "MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders": 6},
    {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
    {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
    {"filterType": "MAX_POSITION", "maxPosition": "10.00000000"},
    {"filterType": "T_PLUS_SELL", "endTime": 1},
]
SYMBOL: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quotePrecision": 8,
    "quoteAssetPrecision": 8,
    "orderTypes": ["LIMIT", "MARKET"],
    "quoteOrderQtyMarketAllowed": True,
    "isSpotTradingAllowed": True,
    "filters": FILTERS,
}
KLINE: list[object] = [
    1499040000000,
    "0.01634790",
    "0.80000000",
    "0.01575800",
    "0.01577100",
    "148976.11427815",
    1499644799999,
    "2434.19055334",
    308,
    "1756.87402397",
    "28.46694368",
    "0",
]
QUERY: dict[str, Any] = {
    "symbol": "LTCBTC",
    "orderId": 1,
    "orderListId": -1,
    "clientOrderId": "myOrder1",
    "price": "0.1",
    "origQty": "1.0",
    "executedQty": "0.0",
    "cummulativeQuoteQty": "0.0",
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
    "time": 1499827319559,
    "updateTime": 1499827319560,
    "isWorking": True,
}
ACCOUNT: dict[str, Any] = {
    "commissionRates": {"maker": "0.00150000", "taker": "0.00160000", "buyer": "0.0", "seller": "0.0001"},
    "canTrade": True,
    "balances": [
        {"asset": "BTC", "free": "1.50000000", "locked": "0.50000000"},
        {"asset": "LTC", "free": "0.00000000", "locked": "0.00000000"},
    ],
    "uid": 354937868,
}
TRADE: dict[str, Any] = {
    "symbol": "BNBBTC",
    "id": 28457,
    "orderId": 100234,
    "price": "4.00000100",
    "qty": "12.00000000",
    "commission": "10.10000000",
    "commissionAsset": "BNB",
    "time": 1499865549590,
    "isBuyer": True,
    "isMaker": False,
}
COMMISSION: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "standardCommission": {"maker": "0.001", "taker": "0.002", "buyer": "0.0003", "seller": "0.0001"},
    "specialCommission": {"maker": "0.0", "taker": "0.00001", "buyer": "0.0", "seller": "0.0"},
    "taxCommission": {"maker": "0.00000112", "taker": "0.00000114", "buyer": "0.0", "seller": "0.0"},
    "discount": {"enabledForAccount": True},
}
KEY: dict[str, Any] = {
    "ipRestrict": True,
    "createTime": 1698645219000,
    "enableReading": True,
    "enableSpotAndMarginTrading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "permitsUniversalTransfer": False,
    "enableMargin": False,
    "enableFutures": False,
    "enableVanillaOptions": False,
    "enablePortfolioMarginTrading": True,
}
DEPTH: dict[str, Any] = {"bids": [["4.00", "431.0"], ["3.99", "1"]], "asks": [["4.01", "12.0"]]}
COINS = [
    {
        "coin": "BTC",
        "networkList": [
            {"network": "BSC", "isDefault": False, "depositEnable": False, "depositDesc": "closed"},
            {"network": "BTC", "isDefault": True, "depositEnable": True},
        ],
    }
]

AGGREGATE = {
    "a": 26129,
    "p": "0.01633102",
    "q": "4.70443515",
    "f": 27781,
    "l": 27783,
    "T": 1,
    "m": True,
    "M": True,
}

PARSERS: dict[str, tuple[Callable[[Any], object], object]] = {
    "order": (wire.parse_order, FILLED_REPLY),
    "query": (wire.parse_order, QUERY),
    "open orders": (wire.parse_orders, [QUERY]),
    "trades": (partial(wire.parse_trades, symbol="BNBBTC"), [TRADE]),
    "empty object": (wire.parse_nothing, {}),
    "account": (partial(wire_account.parse_account, ts_recv_ms=1), ACCOUNT),
    "commission": (partial(wire_account.parse_commission, symbol="BTCUSDT"), COMMISSION),
    "key": (wire_account.parse_key, KEY),
    "account status": (wire_account.parse_account_status, {"data": "Normal"}),
    "address": (
        partial(wire_account.parse_address, coin="BTC", network="BTC"),
        {"coin": "BTC", "address": "1HPn", "tag": "", "url": "x"},
    ),
    "coins": (partial(wire_account.parse_networks, coin="BTC"), COINS),
    "time": (wire_market.parse_server_time, {"serverTime": 1}),
    "tape": (wire_tape.parse_tape, [AGGREGATE]),
    "average price": (wire_market.parse_average_price, {"mins": 5, "price": "9.3"}),
    "instrument": (partial(wire_market.parse_instrument, symbol="BTCUSDT"), {"symbols": [SYMBOL]}),
    "depth": (partial(wire_market.parse_book, symbol="BTCUSDT", ts_recv_ms=1), DEPTH),
    "klines": (
        lambda payload: wire_market.make_bars(wire_market.parse_klines(payload), 604_800_000),
        [KLINE],
    ),
}

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.decimals()
    | st.text(max_size=8)
    | st.sampled_from(["NaN", "-1", "1e-5", "1e400", "", "0", "٣", "9" * 50, "-0", "Infinity", "0x1"])
)
rubbish = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def damaged(draw: st.DrawFn, payload: object) -> object:
    """Return the payload with one part replaced, removed or doubled, somewhere in its depth."""
    if isinstance(payload, dict) and payload and draw(st.integers(0, 9)):
        name = draw(st.sampled_from(sorted(payload)))
        if not draw(st.integers(0, 9)):
            return {key: value for key, value in payload.items() if key != name}
        return payload | {name: draw(damaged(payload[name]))}
    if isinstance(payload, list) and payload and draw(st.integers(0, 9)):
        place = draw(st.integers(0, len(payload) - 1))
        how = draw(st.integers(0, 9))
        middle = [] if how == 0 else [payload[place]] * 2 if how == 1 else [draw(damaged(payload[place]))]
        return payload[:place] + middle + payload[place + 1 :]
    return draw(rubbish)


@pytest.mark.parametrize("name", PARSERS)
def test_the_whole_payload_is_read(name: str) -> None:
    parse, payload = PARSERS[name]
    parse(payload)


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_rubbish_is_unreadable_and_nothing_worse(name: str, data: st.DataObject) -> None:
    parse, payload = PARSERS[name]
    answer = data.draw(rubbish | damaged(payload))
    with suppress(Unreadable, Refused):
        parse(answer)


def test_deep_nesting_is_unreadable() -> None:
    deep: object = {}
    for _ in range(100_000):
        deep = [deep]
    for parse, _ in PARSERS.values():
        with pytest.raises(Unreadable):
            parse(deep)


def test_a_tape_is_added_up_by_who_took() -> None:
    bought = {**AGGREGATE, "a": 26130, "p": "2", "q": "3.5", "f": 27784, "l": 27784, "m": False}
    flow = wire_tape.taker_flow(wire_tape.parse_tape([AGGREGATE, bought]), 7)
    assert (flow.bought, flow.sold) == (Decimal(7), Decimal("0.01633102") * Decimal("4.70443515"))
    assert (flow.trades, flow.ts_recv_ms) == (4, 7)


@pytest.mark.parametrize("change", [{"a": 26128}, {"a": 26129}, {"l": 27780}, {"p": "-1"}])
def test_a_tape_that_contradicts_itself_is_unreadable(change: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        wire_tape.parse_tape([AGGREGATE, {**AGGREGATE, "a": 26130, **change}])


SAMPLES: dict[str, Callable[[Any], object]] = {
    "account_response": partial(wire_account.parse_account, ts_recv_ms=1),
    "account_trades_response": partial(wire.parse_trades, symbol="BNBBTC"),
    "all_orders_response": wire.parse_orders,
    "avg_price_response": wire_market.parse_average_price,
    "cancel_order_response": wire.parse_order,
    "depth_response": partial(wire_market.parse_book, symbol="LTCBTC", ts_recv_ms=1),
    "exchange_info_response": partial(wire_market.parse_instrument, symbol="ETHBTC"),
    "klines_response": wire_market.parse_klines,
    "new_order_full_response": wire.parse_order,
    "open_orders_response": wire.parse_orders,
    "order_response": wire.parse_order,
    "ping_response": wire.parse_nothing,
    "server_time_response": wire_market.parse_server_time,
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_published_samples_are_read(data_dir: Path, name: str) -> None:
    text = (data_dir / "binance-spot-json" / "http_json" / f"{name}.json").read_text()
    read = SAMPLES[name](json.loads(text, parse_float=Decimal))
    assert read or name == "ping_response"


def test_a_full_reply() -> None:
    report = wire.parse_order(FILLED_REPLY)
    assert (report.status, report.side, report.order_type) == (OrderStatus.FILLED, Side.BUY, OrderType.LIMIT)
    assert report.executed_quantity == Base(Decimal("0.001"))
    assert report.executed_quote == Quote(Decimal(25))
    assert report.average_price == Decimal(25000)
    (fill,) = report.fills
    assert (fill.trade_id, fill.venue_order_id, fill.side) == (56, 28, Side.BUY)
    assert fill.fee == Money(Decimal("0.000001"), "BTC")
    assert fill.liquidity is Liquidity.TAKER
    assert fill.ts_event_ms == report.ts_event_ms == 1_700_000_000_050


def test_an_ioc_order_that_filled_in_part_is_expired_with_what_it_bought() -> None:
    fill = {"price": "25000", "qty": "0.0004", "commission": "0", "commissionAsset": "BNB", "tradeId": 1}
    payload = FILLED_REPLY | {"status": "EXPIRED", "executedQty": "0.00040000", "fills": [fill]}
    report = wire.parse_order(payload)
    assert report.status is OrderStatus.EXPIRED
    assert report.executed_quantity == Base(Decimal("0.0004"))
    assert len(report.fills) == 1


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("NEW", OrderStatus.ACCEPTED),
        ("PENDING_NEW", OrderStatus.ACCEPTED),
        ("PARTIALLY_FILLED", OrderStatus.PARTIALLY_FILLED),
        ("FILLED", OrderStatus.FILLED),
        ("CANCELED", OrderStatus.CANCELED),
        ("PENDING_CANCEL", OrderStatus.PENDING_CANCEL),
        ("REJECTED", OrderStatus.REJECTED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("EXPIRED_IN_MATCH", OrderStatus.EXPIRED),
    ],
)
def test_statuses(theirs: str, ours: OrderStatus) -> None:
    assert wire.parse_order(QUERY | {"status": theirs}).status is ours


@pytest.mark.parametrize(
    "change",
    [
        {"status": "new"},
        {"status": "PARTIALLY_PONDERED"},
        {"side": "HOLD"},
        {"type": "WISH"},
        {"executedQty": "1.1"},
        {"executedQty": "-1"},
        {"cummulativeQuoteQty": "-1.0"},
        {"price": 0.1},
        {"price": Decimal("0.1")},
        {"origQty": "1e3"},
        {"orderId": "1"},
        {"orderId": True},
        {"updateTime": None},
    ],
)
def test_an_order_that_contradicts_its_shape(change: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        wire.parse_order(QUERY | change)


def test_fills_from_my_trades() -> None:
    maker_sale = TRADE | {"id": 1, "isBuyer": False, "isMaker": True}
    bought, sold = wire.parse_trades([TRADE, maker_sale], symbol="BNBBTC")
    assert (bought.side, bought.liquidity) == (Side.BUY, Liquidity.TAKER)
    assert (sold.side, sold.liquidity) == (Side.SELL, Liquidity.MAKER)
    assert bought.fee == Money(Decimal("10.1"), "BNB")
    with pytest.raises(Unreadable, match="another symbol"):
        wire.parse_trades([TRADE], symbol="BTCUSDT")


@pytest.mark.parametrize(
    "change",
    [
        {"clientOrderId": "x"},
        {"symbol": "ETHUSDT"},
        {"side": "SELL"},
        {"type": "MARKET"},
        {"origQty": "0.002", "executedQty": "0.001"},
    ],
)
def test_a_report_of_another_order_is_not_taken_for_ours(change: dict[str, object]) -> None:
    intent = make_intent()
    wire.same_intent(wire.parse_order(FILLED_REPLY), intent)
    with pytest.raises(Unreadable):
        wire.same_intent(wire.parse_order(FILLED_REPLY | change), intent)


def test_an_account() -> None:
    account = wire_account.parse_account(ACCOUNT, ts_recv_ms=5)
    assert (account.uid, account.can_trade, account.ts_recv_ms) == ("354937868", True, 5)
    assert list(account.balances) == ["BTC"]
    assert (account.free("BTC"), account.free("LTC")) == (Decimal("1.5"), Decimal(0))
    assert account.balances["BTC"].total == Decimal(2)
    assert (account.commission.maker_rate, account.commission.taker_rate) == (
        Decimal("0.0016"),
        Decimal("0.0017"),
    )


def test_a_balance_given_twice_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="two balances"):
        wire_account.parse_account(ACCOUNT | {"balances": ACCOUNT["balances"][:1] * 2}, ts_recv_ms=1)


def test_commission_is_the_sum_of_its_parts_on_the_dearer_side() -> None:
    rates = wire_account.parse_commission(COMMISSION, "BTCUSDT")
    assert rates.maker_rate == Decimal("0.00130112")
    assert rates.taker_rate == Decimal("0.00231114")
    with pytest.raises(Unreadable):
        wire_account.parse_commission(COMMISSION, "ETHUSDT")


def test_a_key_and_what_it_may_do() -> None:
    facts = wire_account.parse_key(KEY | {"tradingAuthorityExpirationTime": 7})
    assert facts.ip_restricted
    assert facts.spot_trading
    assert not facts.withdrawals
    assert facts.trading_authority_expires_ms == 7
    assert wire_account.parse_key(KEY).trading_authority_expires_ms is None


@pytest.mark.parametrize("name", [name for name in KEY if name != "enablePortfolioMarginTrading"])
def test_a_right_that_is_not_stated_is_not_assumed(name: str) -> None:
    with pytest.raises(Unreadable):
        wire_account.parse_key({key: value for key, value in KEY.items() if key != name})


def test_deposit_addresses() -> None:
    payload = {"coin": "XRP", "address": "rEb8", "tag": "105", "url": ""}
    address = wire_account.parse_address(payload, coin="XRP", network="XRP")
    assert address is not None
    assert (address.coin, address.network, address.address, address.tag) == ("XRP", "XRP", "rEb8", "105")
    assert wire_account.parse_address(payload | {"address": ""}, coin="XRP", network="XRP") is None
    with pytest.raises(Unreadable):
        wire_account.parse_address(payload, coin="BTC", network="BTC")
    assert wire_account.parse_networks(COINS, "BTC") == (
        DepositNetwork("BSC", is_default=False, deposits=False, why_not="closed"),
        DepositNetwork("BTC", is_default=True, deposits=True, why_not=""),
    )
    assert wire_account.parse_networks(COINS, "ETH") == ()


def test_every_filter_is_read() -> None:
    filters = wire_market.parse_filters(FILTERS)
    assert filters.price is not None
    assert filters.price.tick_size == Decimal("0.01")
    assert filters.lot is not None
    assert filters.lot.step_size == Decimal("0.00001")
    assert filters.market_lot is not None
    assert filters.market_lot.max_quantity == Decimal("585.20788284")
    assert filters.notional is not None
    assert (filters.notional.min_notional, filters.notional.max_notional) == (Decimal(5), Decimal(9_000_000))
    assert filters.min_notional is not None
    assert filters.min_notional.max_notional is None
    assert filters.percent_price is not None
    assert (filters.percent_price.bid_up, filters.percent_price.ask_down) == (Decimal("1.1"), Decimal("0.9"))
    assert filters.trailing_delta is not None
    assert (filters.trailing_delta.min_below_bps, filters.trailing_delta.max_above_bps) == (11, 2000)
    assert (filters.orders_max, filters.algo_orders_max, filters.iceberg_orders_max) == (200, 5, 6)
    assert (filters.iceberg_parts_max, filters.order_lists_max, filters.order_amends_max) == (100, 20, 10)
    assert filters.position_max == Decimal(10)
    assert filters.unknown == ("T_PLUS_SELL",)


def test_missing_filters_are_none() -> None:
    assert wire_market.parse_filters([]) == Filters()


def test_the_older_percent_price_has_no_side() -> None:
    entry = {"filterType": "PERCENT_PRICE", "multiplierUp": "5", "multiplierDown": "0.2", "avgPriceMins": 5}
    band = wire_market.parse_filters([entry]).percent_price
    assert band == PercentPrice(Decimal(5), Decimal("0.2"), Decimal(5), Decimal("0.2"), 5)


def test_instruments() -> None:
    instrument = wire_market.parse_instrument({"symbols": [SYMBOL | {"status": "DREAMING"}]}, "BTCUSDT")
    assert instrument is not None
    assert instrument.status is SymbolStatus.UNKNOWN
    assert (instrument.base_asset, instrument.quote_asset) == ("BTC", "USDT")
    assert instrument.quantity_down(Decimal("0.000019")) == Base(Decimal("0.00001"))
    assert wire_market.parse_instrument({"symbols": [SYMBOL]}, "ETHUSDT") is None
    assert wire_market.parse_instrument({"symbols": []}, "BTCUSDT") is None


@pytest.mark.parametrize(
    "depth",
    [
        {"bids": [], "asks": [["4.01", "1"]]},
        {"bids": [["4.00", "1"]], "asks": []},
        {"bids": [], "asks": []},
        {"bids": [["4.00", "0"]], "asks": [["4.01", "1"]]},
        {"bids": [["0.00", "1"]], "asks": [["4.01", "1"]]},
        {"bids": [["4.00", "1"]], "asks": [["0", "1"]]},
    ],
)
def test_a_book_without_a_price_is_refused(depth: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        wire_market.parse_book(depth, "BTCUSDT", 1)
    assert refused.value.code == "EMPTY_BOOK"


@pytest.mark.parametrize(
    "depth",
    [
        {"bids": [["4.01", "1"]], "asks": [["4.01", "1"]]},
        {"bids": [["3.99", "1"], ["4.00", "1"]], "asks": [["4.01", "1"]]},
        {"bids": [["4.00", "1"]], "asks": [["4.02", "1"], ["4.01", "1"]]},
        {"bids": [["4.00", "1"]], "asks": [["4.01", "1"], ["4.01", "1"]]},
        {"bids": [["4.00", "NaN"]], "asks": [["4.01", "1"]]},
        {"bids": [["4.00"]], "asks": [["4.01", "1"]]},
    ],
)
def test_a_book_that_cannot_be_is_unreadable(depth: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        wire_market.parse_book(depth, "BTCUSDT", 1)


def test_bars_carry_quote_turnover() -> None:
    bars = wire_market.make_bars(wire_market.parse_klines([KLINE]), 604_800_000)
    assert bars.volume[0] == 2434.19055334
    assert (bars.open[0], bars.close[0]) == (0.0163479, 0.015771)
    with pytest.raises(Unreadable):
        wire_market.make_bars(wire_market.parse_klines([KLINE, KLINE]), 604_800_000)
