from __future__ import annotations

import json
import operator
import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.values import (
    MAX_DIGITS,
    Base,
    Money,
    Quote,
    canonical_symbol,
    ceil_to,
    decimal_text,
    floor_to,
    notional,
    parse_decimal,
)

numbers = st.decimals(min_value=-(10**15), max_value=10**15, places=12)
amounts = st.decimals(min_value=0, max_value=10**19, places=20)
increments = st.decimals(min_value=Decimal("1E-20"), max_value=10**6, places=20)


@given(numbers)
def test_what_is_written_is_read_back(value: Decimal) -> None:
    text = decimal_text(value)
    assert parse_decimal(text, "x") == value
    assert decimal_text(parse_decimal(text, "x")) == text


@given(st.integers(-(10**19), 10**19))
def test_integers_are_read(value: int) -> None:
    assert parse_decimal(value, "x") == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("0.00010000"), "0.0001"),
        (Decimal("100"), "100"),
        (Decimal("0E-8"), "0"),
        (Decimal("-0.000"), "0"),
        (Decimal("-2.50"), "-2.5"),
    ],
)
def test_decimals_are_written_plainly(value: Decimal, text: str) -> None:
    assert decimal_text(value) == text


@pytest.mark.parametrize(
    "value",
    [
        0.1,
        float("nan"),
        True,
        None,
        b"1",
        [1],
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "1e5",
        "1E-7",
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "1_000",
        "1,5",
        ".5",
        "5.",
        "٣",
        "0x10",
        "--1",
        "1" * 21,
        "0." + "1" * 21,
        10**30,
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1E+30"),
    ],
)
def test_what_is_no_plain_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="price"):
        parse_decimal(value, "price")


@given(st.text() | st.binary() | st.floats() | st.integers() | st.decimals() | st.lists(st.integers()))
def test_rubbish_is_refused_or_exact(value: Any) -> None:
    try:
        number = parse_decimal(value, "x")
    except ValueError:
        return
    assert number == Decimal(value)
    assert len(decimal_text(number)) <= MAX_DIGITS


@pytest.mark.parametrize("text", ["1E+999999999", "-1E+999999999", "1E-999999999", "0E+999999999"])
def test_a_number_too_large_to_write_out_is_refused_at_once(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ValueError):
        parse_decimal(Decimal(text), "x")
    assert time.perf_counter() - started < 1


def test_the_message_does_not_repeat_endless_text() -> None:
    with pytest.raises(ValueError) as refused:
        parse_decimal("9" * 10_000, "x")
    assert len(str(refused.value)) < 200


@given(amounts, increments)
def test_rounding_down_never_enlarges_and_leaves_less_than_a_step(value: Decimal, increment: Decimal) -> None:
    rounded = floor_to(value, increment)
    assert 0 <= value - rounded < increment
    assert floor_to(rounded, increment) == rounded


@given(amounts, increments)
def test_rounding_up_never_shrinks_and_adds_less_than_a_step(value: Decimal, increment: Decimal) -> None:
    rounded = ceil_to(value, increment)
    assert 0 <= rounded - value < increment
    assert ceil_to(rounded, increment) == rounded


@given(st.integers(0, 10**30), increments)
def test_multiples_stay_as_they_are(count: int, increment: Decimal) -> None:
    value = Decimal(count).scaleb(-10)
    assume(floor_to(value, increment) == value)
    assert ceil_to(value, increment) == value


@given(numbers)
def test_a_step_of_zero_allows_any_value(value: Decimal) -> None:
    assert floor_to(value, Decimal(0)) == ceil_to(value, Decimal(0)) == value


@pytest.mark.parametrize(
    ("value", "step", "down", "up"),
    [
        ("0.3", "0.1", "0.3", "0.3"),
        ("0.00019999", "0.0001", "0.0001", "0.0002"),
        ("9999999999999999999.99999999999999999999", "0.00000000000000000001", None, None),
        ("1", "0.3", "0.9", "1.2"),
    ],
)
def test_rounding_is_exact(value: str, step: str, down: str | None, up: str | None) -> None:
    assert floor_to(Decimal(value), Decimal(step)) == Decimal(down or value)
    assert ceil_to(Decimal(value), Decimal(step)) == Decimal(up or value)


def test_base_and_quote_do_not_mix() -> None:
    base, quote = Base(Decimal(25)), Quote(Decimal(25))
    mixed: list[Any] = [base, quote]
    assert mixed[0] != mixed[1]
    for one, two in (mixed, mixed[::-1]):
        with pytest.raises(TypeError):
            one + two
        with pytest.raises(TypeError):
            one - two
        for compare in (operator.lt, operator.le, operator.gt, operator.ge):
            with pytest.raises(TypeError):
                compare(one, two)
    with pytest.raises(TypeError):
        mixed[0] + Decimal(1)


@pytest.mark.parametrize("kind", [Base, Quote])
@pytest.mark.parametrize("value", [1.0, 1, "1", None, Decimal("NaN"), Decimal("Infinity")])
def test_amounts_take_finite_decimals_only(kind: type[Base] | type[Quote], value: Any) -> None:
    with pytest.raises(ValueError):
        kind(value)


@given(numbers, numbers)
def test_amounts_add_exactly(one: Decimal, two: Decimal) -> None:
    assert (Base(one) + Base(two) - Base(two)) == Base(one)
    assert (Base(one) < Base(two)) == (one < two)


@given(amounts, amounts)
def test_notional_is_exact(quantity: Decimal, price: Decimal) -> None:
    assert Fraction(notional(Base(quantity), price).value) == Fraction(quantity) * Fraction(price)


def test_money_adds_within_a_currency_only() -> None:
    ten = Money(Decimal("10.10"), "USDT")
    assert ten + ten - ten == ten
    assert str(-ten) == "-10.1 USDT"
    for other in (Money(Decimal(1), "BTC"), Money(Decimal(1), "usdt")):
        for action in (operator.add, operator.sub):
            with pytest.raises(TypeError):
                action(ten, other)


@given(st.integers(-(10**35), 10**35))
def test_the_opposite_of_money_is_exact(amount: int) -> None:
    assert (-Money(Decimal(amount), "X")).amount == -amount


def test_amounts_are_not_json_by_accident() -> None:
    with pytest.raises(TypeError):
        json.dumps(Base(Decimal(1)))


@pytest.mark.parametrize(
    "text", ["btcusdt", "BTC/USDT", "btc-usdt", "BTC_USDT", " BTC/USDT:USDT ", "BTCUSDT"]
)
def test_symbols_are_brought_to_the_venues_spelling(text: str) -> None:
    assert canonical_symbol(text) == "BTCUSDT"


@pytest.mark.parametrize(
    "text", ["", "B", "BTC USDT", "BTC\nUSDT", "btcuſdt", "straße", "BTC;DROP", "B" * 31, ":", "///", "₿TC"]
)
def test_what_cannot_be_a_symbol_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="symbol"):
        canonical_symbol(text)


@given(st.text())
def test_a_canonical_symbol_stays_as_it_is(text: str) -> None:
    try:
        symbol = canonical_symbol(text)
    except ValueError:
        return
    assert canonical_symbol(symbol) == symbol
    assert symbol.isascii()
    assert symbol.isalnum()
