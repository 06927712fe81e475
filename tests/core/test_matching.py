"""Price-time matching and fees in integers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.matching import (
    UNIT,
    Matched,
    Offer,
    Prevention,
    Scale,
    SelfTradePrevention,
    by_priority,
    commission,
    match,
)

SCALE = Scale(tick=1_000_000, step=1_000)  # 0.01 quote, 0.00001 base
COARSE = Scale(tick=1_000, step=10_000)  # a tick times a step is a tenth of a unit
OWNER = 1


def prices(matched: Matched) -> list[tuple[int, int]]:
    return [(each.offer.price, each.quantity) for each in matched.executions]


def test_a_buyer_takes_the_cheapest_first_and_stops_at_its_limit() -> None:
    offers = [Offer(100, 5), Offer(101, 5), Offer(103, 5)]
    matched = match(offers, SCALE, is_buy=True, quantity=20, limit=102)
    assert prices(matched) == [(100, 5), (101, 5)]


def test_a_seller_takes_the_dearest_first_and_stops_at_its_limit() -> None:
    offers = [Offer(103, 5), Offer(101, 5), Offer(100, 5)]
    assert prices(match(offers, SCALE, is_buy=False, quantity=7, limit=101)) == [(103, 5), (101, 2)]


def test_at_one_price_the_ambient_book_goes_before_own_orders_and_those_by_time() -> None:
    ambient = [Offer(100, 1), Offer(102, 1)]
    own = [Offer(100, 1, 7, OWNER), Offer(100, 1, 9, OWNER), Offer(101, 1, 3, OWNER)]
    merged = [(offer.price, offer.order_id) for offer in by_priority(True, ambient, own)]
    assert merged == [(100, None), (100, 7), (100, 9), (101, 3), (102, None)]
    bids = [(offer.price, offer.order_id) for offer in by_priority(False, ambient[::-1], own[::-1])]
    assert bids == [(102, None), (101, 3), (100, None), (100, 9), (100, 7)]


def test_a_quote_budget_buys_whole_steps_and_is_never_exceeded() -> None:
    offers = [Offer(9_000_000, 3), Offer(9_100_000, 1_000)]
    matched = match(offers, SCALE, is_buy=True, budget=10 * UNIT)
    assert matched.cost(SCALE) <= 10 * UNIT
    assert SCALE.affordable(9_100_000, 10 * UNIT - matched.cost(SCALE)) == 0


@pytest.mark.parametrize(
    ("mode", "traded", "prevented"),
    [
        ("NONE", [(100, 5), (100, 2), (101, 3)], []),
        ("EXPIRE_MAKER", [(101, 5)], [(7, 0)]),
        ("EXPIRE_TAKER", [], [(7, 10)]),
        ("EXPIRE_BOTH", [], [(7, 10)]),
        ("DECREMENT", [(101, 3)], [(7, 5), (7, 2)]),
        ("TRANSFER", [(101, 3)], [(7, 5), (7, 2)]),
    ],
)
def test_self_trade_prevention_follows_the_taker(
    mode: SelfTradePrevention, traded: list[tuple[int, int]], prevented: list[tuple[int, int]]
) -> None:
    """The own order offers 7 in two parts, as an iceberg does."""
    offers = [Offer(100, 5, 7, OWNER), Offer(100, 2, 7, OWNER), Offer(101, 5)]
    matched = match(offers, SCALE, is_buy=True, quantity=10, owner=OWNER, self_trade=mode)
    assert prices(matched) == traded
    kept_from = [each for each in matched.meetings if isinstance(each, Prevention)]
    assert [(each.offer.order_id, each.quantity) for each in kept_from] == prevented
    assert matched.used == sum(quantity for _, quantity in traded + prevented)


def test_other_owners_are_traded_with() -> None:
    matched = match(
        [Offer(100, 5, 7, 2)], SCALE, is_buy=True, quantity=5, owner=OWNER, self_trade="EXPIRE_BOTH"
    )
    assert prices(matched) == [(100, 5)]


def test_either_a_quantity_or_a_budget_is_needed() -> None:
    with pytest.raises(ValueError, match="either"):
        match([], SCALE, is_buy=True)
    with pytest.raises(ValueError, match="either"):
        match([], SCALE, is_buy=True, quantity=1, budget=1)


@pytest.mark.parametrize(
    ("received", "rate", "fee"),
    [(UNIT, 100_000, 100_000), (1, 100_000, 1), (1_000, 100_000, 1), (1_001, 100_000, 2), (UNIT, 0, 0)],
)
def test_commission_is_rounded_up(received: int, rate: int, fee: int) -> None:
    assert commission(received, rate) == fee


@given(st.integers(1, 10**7), st.lists(st.integers(1, 10**6), min_size=1, max_size=9))
def test_what_is_locked_pays_for_any_split_into_fills(price: int, parts: list[int]) -> None:
    for scale in (SCALE, COARSE):
        paid = sum(scale.quote(price, part) for part in parts)
        assert paid <= scale.quote_up(price, sum(parts))


@given(st.integers(1, 10**7), st.integers(0, 10**16))
def test_affordable_is_the_most_that_fits(price: int, budget: int) -> None:
    for scale in (SCALE, COARSE):
        steps = scale.affordable(price, budget)
        assert scale.quote(price, steps) <= budget
        assert scale.quote_up(price, steps + 1) > budget


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 20)), max_size=12),
    st.integers(1, 200),
    st.one_of(st.none(), st.integers(1, 50)),
    st.booleans(),
)
def test_matching_never_exceeds_quantity_limit_or_what_is_offered(
    levels: list[tuple[int, int]], quantity: int, limit: int | None, is_buy: bool
) -> None:
    offers = [Offer(*level) for level in sorted(levels, reverse=not is_buy)]
    matched = match(offers, SCALE, is_buy=is_buy, quantity=quantity, limit=limit)
    reachable = [
        offer.quantity
        for offer in offers
        if limit is None or (offer.price <= limit if is_buy else offer.price >= limit)
    ]
    assert matched.quantity == min(quantity, sum(reachable))
