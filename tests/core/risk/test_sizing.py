"""Worked sizes: entries within their budget, exits down to named dust."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.instrument import Filters, Instrument, LotSize, NotionalFilter
from core.orders import OrderType, Purpose, Side, TimeInForce
from core.risk.approval import Approved, Denied
from core.risk.approve import approve
from core.risk.facts import RiskFacts, RiskLimits
from core.risk.sizing import NothingToSell, SizedExit, size_entry, size_exit
from core.values import Base, Quote
from tests.core.risk.worlds import BTCUSDT, FACTS, LIMITS, D, entry, top


def holding(position: str, free: str | None = None, **facts: object) -> RiskFacts:
    amounts = {"position": Base(D(position)), "free_base": Base(D(free or position))}
    return replace(FACTS, **amounts, **facts)  # type: ignore[arg-type]  # by name


def with_filters(**filters: object) -> Instrument:
    changed: Filters = replace(BTCUSDT.filters, **filters)  # type: ignore[arg-type]  # by name
    return replace(BTCUSDT, filters=changed)


@pytest.mark.parametrize(
    ("free_quote", "cap", "quantity"),
    [
        ("1000", "25", "0.00199"),  # the fraction binds: 20 / 10020 = 0.0019960…
        ("100000", "25", "0.00249"),  # the cap binds: 25 / 10020 = 0.0024950…
        ("501", "25", "0.001"),  # 10.02 / 10020: exactly the fraction
        ("500.99999999", "25", "0.00099"),
    ],
)
def test_entry_spends_the_smaller_of_fraction_and_cap(free_quote: str, cap: str, quantity: str) -> None:
    facts = replace(FACTS, free_quote=Quote(D(free_quote)))
    limits = replace(LIMITS, max_order=Quote(D(cap)))
    request = size_entry(facts, limits)
    assert request == replace(entry(quantity, "10020"), decision_price=D(10_000))
    assert isinstance(approve(request, replace(facts, average_price=D(10_000)), limits), Approved)


def test_entry_price_is_rounded_toward_the_passive_side() -> None:
    request = size_entry(replace(FACTS, book=top(ask="10000.03")), LIMITS)
    assert not isinstance(request, Denied)
    assert request.price == D("10020.03")  # 10020.03006


def test_smallest_entry_can_be_sold_and_one_step_less_cannot() -> None:
    request = size_entry(FACTS, LIMITS, smallest=True)
    assert not isinstance(request, Denied)
    assert request.quantity == Base(D("0.00052"))
    assert isinstance(approve(request, FACTS, LIMITS), Approved)
    less = approve(replace(request, quantity=Base(D("0.00051"))), FACTS, LIMITS)
    assert isinstance(less, Denied)
    assert less.reason == "EXIT_WOULD_BE_DUST"


SMALLEST_IS = "the smallest sellable order is too large: notional 5.2104 USDT exceeds"


@pytest.mark.parametrize("smallest", [True, False])
@pytest.mark.parametrize(
    ("free_quote", "cap", "reason", "message"),
    [
        ("1000", "5.2", "NOTIONAL_EXCEEDS_CAP", f"{SMALLEST_IS} cap 5.2 USDT"),
        (
            "260",
            "25",
            "FRACTION_EXCEEDED",
            f"{SMALLEST_IS} 5.2 USDT, the fraction 0.02 of 260 USDT free",
        ),
    ],
)
def test_a_limit_below_the_smallest_sellable_order_is_named(
    smallest: bool, free_quote: str, cap: str, reason: str, message: str
) -> None:
    facts = replace(FACTS, free_quote=Quote(D(free_quote)))
    answer = size_entry(facts, replace(LIMITS, max_order=Quote(D(cap))), smallest=smallest)
    assert isinstance(answer, Denied)
    assert (answer.reason, answer.message) == (reason, message)


def test_budget_for_exactly_the_smallest_sellable_order() -> None:
    request = size_entry(FACTS, replace(LIMITS, max_order=Quote(D("5.2104"))))
    assert not isinstance(request, Denied)
    assert request.quantity == Base(D("0.00052"))


@pytest.mark.parametrize("book", [None, top(ask="0"), top(bid="0", ask="0.000000001")])
def test_entry_without_a_price_is_denied(book: object) -> None:
    answer = size_entry(replace(FACTS, book=book), LIMITS)  # type: ignore[arg-type]  # BookTop or None
    assert isinstance(answer, Denied)
    assert answer.reason == "EMPTY_BOOK"


def test_entry_stays_within_the_largest_order() -> None:
    small = with_filters(lot=LotSize(D("0.00001"), D("0.001"), D("0.00001")))
    request = size_entry(replace(FACTS, instrument=small), LIMITS)
    assert not isinstance(request, Denied)
    assert request.quantity == Base(D("0.001"))


def test_a_largest_order_below_the_smallest_sellable_one_is_a_filter_failure() -> None:
    facts = replace(FACTS, instrument=with_filters(lot=LotSize(D("0.00001"), D("0.0004"), D("0.00001"))))
    request = size_entry(facts, LIMITS)
    assert not isinstance(request, Denied)
    answer = approve(request, facts, LIMITS)
    assert isinstance(answer, Denied)
    assert answer.reason == "FILTER_FAILURE"
    assert "quantity 0.00052 is outside" in answer.message


def test_exit_sells_what_is_ours_and_free_rounded_down() -> None:
    sized = size_exit(holding("0.001998009", "1"), LIMITS, Purpose.EXIT)
    assert isinstance(sized, SizedExit)
    assert (sized.request.side, sized.request.order_type) == (Side.SELL, OrderType.LIMIT)
    assert sized.request.time_in_force is TimeInForce.IOC
    assert sized.request.quantity == Base(D("0.00199"))
    assert sized.request.price == D("9979.01")  # 9979.002, toward the passive side
    assert sized.request.decision_price == D(9999)
    assert sized.dust == Base(D("0.000008009"))
    assert sized.rest == sized.not_free == Base(D(0))


def test_what_a_resting_stop_locks_is_named() -> None:
    assert size_exit(holding("0.5", "0"), LIMITS, Purpose.EXIT) == NothingToSell(
        dust=Base(D(0)), not_free=Base(D("0.5"))
    )
    sized = size_exit(holding("0.5", "0.2"), LIMITS, Purpose.FLATTEN)
    assert isinstance(sized, SizedExit)
    assert (sized.request.quantity, sized.not_free) == (Base(D("0.2")), Base(D("0.3")))


@pytest.mark.parametrize("purpose", [Purpose.EXIT, Purpose.FLATTEN])
@pytest.mark.parametrize(
    ("position", "dust"),
    [("0", "0"), ("-1", "0"), ("0.000001", "0.000001"), ("0.0004", "0.0004")],
)
def test_dust_is_left_and_named(purpose: Purpose, position: str, dust: str) -> None:
    nothing = size_exit(holding(position), LIMITS, purpose)  # type: ignore[arg-type]  # one of the two
    assert nothing == NothingToSell(dust=Base(D(dust)), not_free=Base(D(0)))


def test_our_own_minimum_never_keeps_a_position() -> None:
    cheap = with_filters(notional=None)
    sized = size_exit(holding("0.0001", instrument=cheap), LIMITS, Purpose.EXIT)
    assert isinstance(sized, SizedExit)
    assert sized.request.quantity == Base(D("0.0001"))


def test_exit_without_a_bid_is_denied_but_flatten_is_not() -> None:
    facts = holding("0.5", book=top(bid="0"), average_price=None)
    denied = size_exit(facts, LIMITS, Purpose.EXIT)
    assert isinstance(denied, Denied)
    assert denied.reason == "EMPTY_BOOK"
    for book in (top(bid="0"), None):
        sized = size_exit(replace(facts, book=book), LIMITS, Purpose.FLATTEN)
        assert isinstance(sized, SizedExit)
        assert sized.request.order_type is OrderType.MARKET
        assert (sized.request.price, sized.request.time_in_force) == (None, None)
        assert isinstance(approve(sized.request, facts, LIMITS), Approved)


@pytest.mark.parametrize(
    ("bid", "average", "price"),
    [
        ("9999", "10000", "9979.01"),
        ("9999", "0", "9979.01"),  # no average price: nothing to be moved into
        ("7000", "10000", "8000"),  # the venue refuses less than 0.8 of the average
        ("13000", "10000", "12000"),  # and more than 1.2 of it
    ],
)
def test_exit_price_stays_where_the_venue_takes_it(bid: str, average: str, price: str) -> None:
    facts = holding("0.5", book=top(bid=bid), average_price=D(average))
    sized = size_exit(facts, LIMITS, Purpose.EXIT)
    assert isinstance(sized, SizedExit)
    assert sized.request.price == D(price)


def sell_everything(facts: RiskFacts, limits: RiskLimits) -> tuple[list[Decimal], Base]:
    """Flatten until nothing is left to sell; return the parts and the dust."""
    parts: list[Decimal] = []
    while isinstance(sized := size_exit(facts, limits, Purpose.FLATTEN), SizedExit):
        sold = sized.request.quantity
        parts.append(sold.value)
        assert len(parts) < 100
        facts = replace(facts, position=facts.position - sold, free_base=facts.free_base - sold)
    assert isinstance(sized, NothingToSell)
    return parts, sized.dust


@pytest.mark.parametrize(
    ("position", "parts"),
    [
        ("10", ["10"]),
        ("10.4", ["5.2", "5.2"]),  # not 10 and 0.4, of which the 0.4 could not be sold
        ("25.7", ["8.5", "8.6", "8.6"]),
        ("20.05", ["10", "10"]),
    ],
)
def test_flatten_sells_a_large_position_in_equal_parts(position: str, parts: list[str]) -> None:
    sliced = with_filters(market_lot=LotSize(D("0.5"), D(10), D("0.1")))
    sold, dust = sell_everything(holding(position, instrument=sliced), LIMITS)
    assert sold == [D(part) for part in parts]
    assert dust == Base(D(position) - sum(sold))


def test_flatten_sells_the_largest_order_where_equal_parts_would_be_too_small() -> None:
    narrow = with_filters(market_lot=LotSize(D(8), D(10), D("0.1")))
    sold, dust = sell_everything(holding("10.4", instrument=narrow), LIMITS)
    assert (sold, dust) == ([D(10)], Base(D("0.4")))


@pytest.mark.parametrize(("binds_market", "quantity"), [(True, "500"), (False, "1000")])
def test_flatten_heeds_the_largest_notional_where_it_binds_market_orders(
    binds_market: bool, quantity: str
) -> None:
    bounds = NotionalFilter(D(5), D(9_000_000), True, binds_market, 5)
    facts = holding("1000", instrument=with_filters(notional=bounds, market_lot=None))
    sized = size_exit(facts, LIMITS, Purpose.FLATTEN)
    assert isinstance(sized, SizedExit)
    assert sized.request.quantity == Base(D(quantity))


def test_exit_stays_below_the_largest_notional() -> None:
    sized = size_exit(holding("1000"), LIMITS, Purpose.EXIT)  # 9,979,010 USDT, of 9,000,000 allowed
    assert isinstance(sized, SizedExit)
    assert (sized.request.quantity, sized.rest) == (Base(D(500)), Base(D(500)))
    assert isinstance(approve(sized.request, holding("1000"), LIMITS), Approved)
