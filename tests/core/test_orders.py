from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.account import AccountKey, Balance, Environment
from core.orders import (
    AT_VENUE,
    TERMINAL,
    TRANSITIONS,
    AlreadySent,
    Fill,
    IllegalTransition,
    Intent,
    Liquidity,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
    Purpose,
    SendOnce,
    Side,
    TimeInForce,
    advance,
    filled_notional,
    filled_quantity,
)
from core.values import Base, Money, Quote, notional

S = OrderStatus
ENDED = "CANCELED EXPIRED REJECTED NEVER_ACCEPTED"

# The table of STYLE section 5, written out a second time.
EXPECTED = {
    "INITIALIZED": "DENIED ABANDONED SUBMITTED",
    "SUBMITTED": "REJECTED ACCEPTED PARTIALLY_FILLED FILLED CANCELED EXPIRED PENDING_CANCEL NEVER_ACCEPTED",
    "ACCEPTED": "PENDING_CANCEL PARTIALLY_FILLED FILLED CANCELED EXPIRED",
    "PARTIALLY_FILLED": "PENDING_CANCEL PARTIALLY_FILLED FILLED CANCELED EXPIRED",
    "PENDING_CANCEL": "CANCELED PARTIALLY_FILLED FILLED EXPIRED ACCEPTED",
    **{name: name for name in ENDED.split()},
    "FILLED": "",
    "DENIED": "",
    "ABANDONED": "",
}


def test_the_table_is_the_one_that_was_agreed() -> None:
    assert {name.value: set(map(str, ends)) for name, ends in TRANSITIONS.items()} == {
        name: set(ends.split()) for name, ends in EXPECTED.items()
    }


@given(st.lists(st.sampled_from(OrderStatus), max_size=12))
def test_no_sequence_of_events_leaves_the_table(events: list[OrderStatus]) -> None:
    status = S.INITIALIZED
    for event in events:
        if event in TRANSITIONS[status]:
            before, status = status, advance(status, event)
            assert status is event
            assert before not in TERMINAL or status is before
        else:
            with pytest.raises(IllegalTransition, match=str(status)):
                advance(status, event)


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_an_ended_order_does_not_reopen(status: OrderStatus) -> None:
    assert TRANSITIONS[status] <= {status}


def test_every_status_is_placed_once() -> None:
    assert set(TRANSITIONS) == set(OrderStatus)
    assert not TERMINAL & AT_VENUE
    assert set(OrderStatus) - TERMINAL - AT_VENUE == {S.INITIALIZED, S.SUBMITTED}


def test_every_status_can_be_reached() -> None:
    reached, edge = {S.INITIALIZED}, {S.INITIALIZED}
    while edge:
        edge = {end for start in edge for end in TRANSITIONS[start]} - reached
        reached |= edge
    assert reached == set(OrderStatus)


def test_only_entries_increase_risk() -> None:
    assert [purpose for purpose in Purpose if purpose.increases_risk] == [Purpose.ENTRY]


REQUEST = OrderRequest(
    "BTCUSDT",
    Side.BUY,
    OrderType.LIMIT,
    Base(Decimal(1)),
    Decimal(2),
    TimeInForce.IOC,
    Purpose.ENTRY,
    Decimal(2),
)
ACCOUNT = AccountKey("paper", Environment.TESTNET, "paper", "7", 2)
INTENT = Intent("tr00-1", 1, ACCOUNT, REQUEST, 5, 5000, 4, False)


def test_a_permission_is_spent_once() -> None:
    permission = SendOnce(INTENT)
    assert permission.intent is INTENT
    assert permission.spend() is INTENT
    for _ in range(2):
        with pytest.raises(AlreadySent, match="tr00-1"):
            permission.spend()
    assert permission.intent is INTENT


@pytest.mark.parametrize("route", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_permission_cannot_be_doubled(route: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="neither copied nor pickled"):
        route(SendOnce(INTENT))


@pytest.mark.parametrize("record", [REQUEST, INTENT, ACCOUNT], ids=lambda record: type(record).__name__)
def test_records_are_frozen(record: OrderRequest | Intent | AccountKey) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(record, record.__match_args__[0], "x")


def test_an_account_is_named_with_its_epoch() -> None:
    assert str(ACCOUNT) == "paper:testnet:paper:7:2"
    assert AccountKey("paper", Environment.TESTNET, "paper", "7", 3) != ACCOUNT


def test_a_balance_is_free_and_locked() -> None:
    assert Balance("BTC", Decimal("1.5"), Decimal("0.5")).total == 2


def fill(trade_id: int, price: Decimal, quantity: Decimal) -> Fill:
    fee = Money(Decimal(0), "BNB")
    return Fill("BTCUSDT", trade_id, 1, Side.BUY, price, Base(quantity), fee, Liquidity.TAKER, 1)


@given(
    st.lists(
        st.tuples(
            st.decimals(Decimal("0.01"), 10**7, places=8), st.decimals(Decimal("0.00001"), 10**19, places=20)
        ),
        max_size=8,
    )
)
def test_fills_add_up_exactly_in_any_order(pairs: list[tuple[Decimal, Decimal]]) -> None:
    fills = tuple(fill(number, price, quantity) for number, (price, quantity) in enumerate(pairs))
    total = Quote(Decimal(0))
    for price, quantity in pairs:
        total += notional(Base(quantity), price)
    assert filled_notional(fills) == filled_notional(fills[::-1]) == total
    assert Fraction(filled_quantity(fills).value) == sum(Fraction(quantity) for _, quantity in pairs)


def test_an_average_needs_something_executed() -> None:
    def report(executed: int, quote: int) -> OrderReport:
        return OrderReport(
            "BTCUSDT",
            "tr00-1",
            1,
            Side.BUY,
            OrderType.LIMIT,
            S.EXPIRED,
            Base(Decimal(4)),
            Decimal(2),
            Base(Decimal(executed)),
            Quote(Decimal(quote)),
            1,
        )

    assert report(0, 0).average_price is None
    assert report(4, 10).average_price == Decimal("2.5")
