"""Why a live leg cost something else than the tested one: every part by itself, and their sum exactly."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backtest.attribution import Attribution, Leg, LegName, attributed, compared, table

D = Decimal


def leg(name: LegName, middle: str, price: str, quantity: str = "2", fee: str = "0.1") -> Leg:
    return Leg(name, D(middle), D(quantity), D(price) * D(quantity), D(fee))


ENTRY, EXIT = LegName.ENTRY, LegName.EXIT


@pytest.mark.parametrize(
    ("live", "tested", "part", "amount"),
    [
        (leg(ENTRY, "101", "101.5"), leg(ENTRY, "100", "100.5"), "latency", "2"),
        (leg(EXIT, "99", "98.5"), leg(EXIT, "100", "99.5"), "latency", "2"),
        (leg(ENTRY, "100", "100.7"), leg(ENTRY, "100", "100.5"), "spread", "0.4"),
        (leg(EXIT, "100", "99.6"), leg(EXIT, "100", "99.5"), "spread", "-0.2"),
        (leg(ENTRY, "100", "100", "1.9"), leg(ENTRY, "100", "100", "2"), "filter", "-10"),
        (leg(EXIT, "100", "100", "1.9"), leg(EXIT, "100", "100", "2"), "filter", "10"),
        (leg(ENTRY, "100", "100", fee="0.3"), leg(ENTRY, "100", "100", fee="0.1"), "fee", "0.2"),
    ],
)
def test_each_cause_stands_alone(live: Leg, tested: Leg, part: str, amount: str) -> None:
    found = attributed(live, tested)
    assert {each.name: getattr(found, each.name) for each in fields(Attribution)} == {
        **dict.fromkeys(("latency", "spread", "filter", "fee"), 0),
        part: D(amount),
    }


amounts = st.decimals(min_value=0, max_value=10**6, places=8)
legs = st.builds(Leg, st.just(EXIT), amounts, amounts, amounts, amounts)


@given(legs, legs, st.sampled_from(LegName))
def test_the_causes_sum_to_the_difference_exactly(live: Leg, tested: Leg, name: LegName) -> None:
    live, tested = (Leg(name, each.middle, each.quantity, each.value, each.fee) for each in (live, tested))
    assert attributed(live, tested).total == live.cost - tested.cost
    assert attributed(live, live).total == 0


def test_trades_are_compared_in_their_order_and_a_missing_leg_is_shown() -> None:
    entry, leaving = leg(ENTRY, "100", "100.5"), leg(EXIT, "110", "109.5")
    rows = list(compared([(entry, leaving), (entry, None)], [(entry, leaving)]))
    assert [(row.number, row.name, row.why is None) for row in rows] == [
        (1, "entry", False),
        (1, "exit", False),
        (2, "entry", True),
    ]
    headers, lines = table(rows)
    assert headers == ["trade", "leg", "live at", "tested at", "more", "latency", "spread", "filter", "fee"]
    assert lines[0] == ["1", "entry", "100.5", "100.5", *["+0.00000000"] * 5]
    assert lines[2] == ["2", "entry", "100.5", "–", *["–"] * 5]


def test_an_entry_is_not_compared_with_an_exit() -> None:
    with pytest.raises(ValueError, match="an entry was compared with an exit"):
        attributed(leg(ENTRY, "1", "1"), leg(EXIT, "1", "1"))
