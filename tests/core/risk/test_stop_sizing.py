"""The protective stop: its type, its prices rounded with direction, and never more than is ours and free."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.instrument import Instrument, LotSize, NotionalFilter
from core.orders import OrderRequest, OrderType, Purpose, Side, TimeInForce
from core.risk.approval import Approved, Denied
from core.risk.approve import approve
from core.risk.facts import RiskFacts
from core.risk.stop_sizing import size_stop, stop_type
from core.stages import TradingState
from core.values import Base
from tests.core.risk.worlds import BTCUSDT, FACTS, LIMITS, D

ENTRY = D(10_000)
WITH_LIMIT = replace(BTCUSDT, order_types=frozenset({"LIMIT", "STOP_LOSS_LIMIT"}))


def facts(position: str = "0.00198801", free: str = "2", **changed: Any) -> RiskFacts:
    return replace(FACTS, position=Base(D(position)), free_base=Base(D(free)), **changed)


def stop(facts: RiskFacts, entry_price: Decimal = ENTRY) -> OrderRequest:
    sized = size_stop(facts, LIMITS, entry_price)
    assert isinstance(sized, OrderRequest), sized
    return sized


def with_filters(**changed: Any) -> Instrument:
    return replace(BTCUSDT, filters=replace(BTCUSDT.filters, **changed))


def test_a_stop_sells_the_position_at_any_price_once_the_loss_is_reached() -> None:
    assert stop(facts()) == OrderRequest(
        symbol="BTCUSDT",
        side=Side.SELL,
        order_type=OrderType.STOP_LOSS,
        quantity=Base(D("0.00198")),
        price=None,
        time_in_force=None,
        purpose=Purpose.PROTECT,
        decision_price=D("9920"),
        stop_price=D("9920"),
    )


def test_where_only_a_limit_is_listed_it_lies_a_slippage_below() -> None:
    sized = stop(facts(instrument=WITH_LIMIT))
    assert (sized.order_type, sized.time_in_force) == (OrderType.STOP_LOSS_LIMIT, TimeInForce.GTC)
    assert (sized.stop_price, sized.price) == (D("9920"), D("9900.16"))


@pytest.mark.parametrize(
    ("listed", "chosen"),
    [
        ({"LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"}, OrderType.STOP_LOSS),
        ({"LIMIT", "STOP_LOSS_LIMIT"}, OrderType.STOP_LOSS_LIMIT),
        ({"LIMIT", "MARKET", "TAKE_PROFIT"}, None),
    ],
)
def test_the_type_that_always_sells_is_preferred(listed: set[str], chosen: OrderType | None) -> None:
    assert stop_type(replace(BTCUSDT, order_types=frozenset(listed))) is chosen


def test_the_stop_price_is_rounded_toward_the_smaller_loss() -> None:
    assert stop(facts(), D("10000.01")).stop_price == D("9920.01")  # 9920.00992


@pytest.mark.parametrize(("position", "free"), [("0.5", "0.00198801"), ("0.00198801", "0.5")])
def test_it_covers_what_is_ours_and_free(position: str, free: str) -> None:
    assert stop(facts(position, free)).quantity == Base(D("0.00198"))


DENIED = {
    "no stop listed": facts(instrument=replace(BTCUSDT, order_types=frozenset({"LIMIT", "MARKET"}))),
    "nothing free": facts(free="0"),
    "nothing held": facts("0"),
    "below the minimum at the stop": facts("0.0005"),
    "above the largest order": facts(
        "1", instrument=with_filters(lot=LotSize(D("0.00001"), D("0.5"), D("0.00001")))
    ),
    "above the largest market order": facts(
        "2", instrument=with_filters(market_lot=LotSize(D(0), D(1), D(0)))
    ),
    "above the largest notional": facts(
        "1", instrument=with_filters(notional=NotionalFilter(D(5), D(9_000), True, False, 5))
    ),
}


@pytest.mark.parametrize("case", DENIED.values(), ids=list(DENIED))
def test_what_the_venue_would_not_take_is_denied_with_the_reason(case: RiskFacts) -> None:
    denied = size_stop(case, LIMITS, ENTRY)
    assert isinstance(denied, Denied)
    assert denied.reason == "FILTER_FAILURE"
    assert denied.message


@pytest.mark.parametrize(
    ("state", "code"),
    [(TradingState.ACTIVE, None), (TradingState.REDUCING, None), (TradingState.HALTED, "TRADING_HALTED")],
)
def test_the_rules_let_a_stop_pass_as_what_reduces_risk(state: TradingState, code: str | None) -> None:
    # Quarantine, a second order in flight and an old quote stop entries, never protection.
    case = facts(trading_state=state, quarantined=True, in_flight=("tr-1",), now_ms=FACTS.now_ms + 60_000)
    verdict = approve(stop(case), case, LIMITS)
    assert (verdict.reason if isinstance(verdict, Denied) else None) == code


@given(
    entry=st.decimals("0.05", "200000", places=8),
    position=st.decimals("0", "100", places=8),
    free=st.decimals("0", "100", places=8),
    limited=st.booleans(),
)
def test_whatever_is_sized_is_approved_and_within_its_bounds(
    entry: Decimal, position: Decimal, free: Decimal, limited: bool
) -> None:
    instrument = WITH_LIMIT if limited else BTCUSDT
    case = facts(str(position), str(free), instrument=instrument, average_price=entry)
    sized = size_stop(case, LIMITS, entry)
    if isinstance(sized, Denied):
        return
    assert isinstance(approve(sized, case, LIMITS), Approved)
    assert sized.quantity.value <= min(position, free) < sized.quantity.value + D("0.00001")
    exact = entry * (1 - LIMITS.stop_rate)
    assert sized.stop_price is not None
    assert exact <= sized.stop_price < exact + D("0.01")
    assert sized.price is None or sized.price <= sized.stop_price
