"""Lists of the published shapes are read; anything else is Unreadable and nothing worse."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.reconciliation import TransferKind
from core.values import decimal_text
from exchanges.binance import wire_statements as wire
from exchanges.binance.wire import Unreadable
from tests.exchanges.binance.test_wire import QUERY, TRADE

D = Decimal
DEPOSIT: dict[str, Any] = {
    "id": "769800519366885376",
    "amount": "0.001",
    "coin": "BNB",
    "network": "BNB",
    "status": 1,
    "address": "..",
    "insertTime": 1661493146000,
    "completeTime": 1661493147000,
}
WITHDRAWAL: dict[str, Any] = {
    "id": "b6ae..",
    "amount": "8.91000000",
    "transactionFee": "0.004",
    "coin": "USDT",
    "status": 6,
    "applyTime": "2019-10-12 11:12:02",
}


def test_a_page_of_trades_is_read_exactly() -> None:
    [trade] = wire.parse_trades([TRADE], "BNBBTC")
    assert (trade.price, trade.quantity, trade.fee) == ("4.000001", "12", "10.1")
    assert (trade.trade_id, trade.venue_order_id, trade.is_buy, trade.fee_asset) == (
        28457,
        100234,
        True,
        "BNB",
    )


@pytest.mark.parametrize("field", ["price", "qty", "commission"])
@pytest.mark.parametrize(
    ("text", "shortest"),
    [("100", "100"), ("100.", None), ("0", "0"), ("0.00000000", "0"), ("10.50", "10.5"), ("0.1", "0.1")],
)
def test_amounts_of_a_trade_are_told_in_their_shortest_form(
    field: str, text: str, shortest: str | None
) -> None:
    page = [TRADE, TRADE | {field: text}]
    if shortest is None:
        with pytest.raises(Unreadable):
            wire.parse_trades(page, "BNBBTC")
        return
    first, second = wire.parse_trades(page, "BNBBTC")
    name = {"qty": "quantity", "commission": "fee"}.get(field, field)
    assert getattr(second, name) == shortest == decimal_text(D(text))
    assert (first.price, first.quantity, first.fee) == ("4.000001", "12", "10.1")


def test_lists_that_are_not_by_id_are_refused() -> None:
    with pytest.raises(Unreadable, match="order of its ids"):
        wire.parse_trades([TRADE, TRADE | {"id": TRADE["id"] - 1}], "BNBBTC")
    with pytest.raises(Unreadable, match="order of its ids"):
        wire.parse_orders([QUERY, QUERY | {"orderId": QUERY["orderId"] - 1}], "LTCBTC")


@pytest.mark.parametrize("field", ["price", "qty", "commission"])
@pytest.mark.parametrize("text", ["NaN", "1e5", "-1", "", " 1", "1_0", "١", "Infinity", "0x1", "1 1"])
def test_a_trade_with_a_number_that_is_none_is_refused(field: str, text: str) -> None:
    with pytest.raises(Unreadable):
        wire.parse_trades([TRADE | {field: text}], "BNBBTC")


def test_a_page_of_another_symbol_is_refused() -> None:
    with pytest.raises(Unreadable):
        wire.parse_trades([TRADE], "BTCUSDT")


@pytest.mark.parametrize(
    ("status", "moved"), [(0, {}), (1, {"BNB": D("0.001")}), (6, {"BNB": D("0.001")}), (2, {})]
)
def test_only_credited_deposits_move_anything(status: int, moved: dict[str, Decimal]) -> None:
    [transfer] = wire.parse_deposits([DEPOSIT | {"status": status}])
    assert (transfer.kind, transfer.effects) == (TransferKind.DEPOSIT, moved)
    assert transfer.time_ms == 1661493147000


@pytest.mark.parametrize("status", [0, 2, 4, 6])
def test_a_withdrawal_takes_amount_and_fee_at_once(status: int) -> None:
    [transfer] = wire.parse_withdrawals([WITHDRAWAL | {"status": status}])
    assert transfer.effects == {"USDT": D("-8.914")}
    assert transfer.time_ms == 1570878722000


@pytest.mark.parametrize("status", [1, 3, 5])
def test_a_withdrawal_that_was_not_made_takes_nothing(status: int) -> None:
    [transfer] = wire.parse_withdrawals([WITHDRAWAL | {"status": status}])
    assert transfer.effects == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@pytest.mark.parametrize(
    "parse",
    [
        partial(wire.parse_trades, symbol="BTCUSDT"),
        partial(wire.parse_orders, symbol="BTCUSDT"),
        wire.parse_markets,
        wire.parse_deposits,
        wire.parse_withdrawals,
        wire.parse_dust,
        wire.parse_dividends,
    ],
)
@given(payload=JSON)
def test_whatever_comes_is_read_or_unreadable(parse: Callable[[object], object], payload: object) -> None:
    with suppress(Unreadable):
        parse(payload)
