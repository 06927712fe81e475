"""First in, first out, worked by hand and held against plain fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from core.report.lots import Fifo, Lot

D = Decimal


def test_sells_the_oldest_first() -> None:
    book = Fifo()
    assert book.move(D(2), D(-200)) == 0
    assert book.move(D(3), D(-360)) == 0
    # 2 that cost 200 and 1 that cost 120, sold for 390.
    assert book.move(D(-3), D(390)) == D(70)
    assert book.lots == (Lot(D(2), D(240)),)


def test_average_cost_would_say_otherwise() -> None:
    from core.journal.inventory import Inventory, after

    held = after(after(Inventory(), D(2), D(-200)), D(3), D(-360))
    assert after(held, D(-3), D(390)).realized == D(54)


def test_more_sold_than_held_is_a_lot_below_zero() -> None:
    book = Fifo()
    book.move(D(1), D(-100))
    assert book.move(D(-3), D(330)) == D(10)
    assert book.lots == (Lot(D(-2), D(-220)),)
    assert book.move(D(2), D(-200)) == D(20)
    assert book.lots == ()


def test_a_fee_that_takes_all_that_was_bought_is_a_loss() -> None:
    book = Fifo()
    assert book.move(D(0), D(-5)) == D(-5)


amounts = st.integers(1, 10**6).map(lambda each: Decimal(each) / 1000)
moves = st.lists(st.tuples(st.sampled_from([1, -1]), amounts, amounts), max_size=30)


@given(moves)
def test_realized_less_cost_is_the_quote_that_moved(history: list[tuple[int, Decimal, Decimal]]) -> None:
    book, quote_moved, base_moved = Fifo(), Fraction(0), Fraction(0)
    for sign, quantity, quote in history:
        book.move(sign * quantity, -sign * quote)
        base_moved += Fraction(sign * quantity)
        quote_moved += Fraction(-sign * quote)
        assert Fraction(book.realized) - Fraction(book.cost) == quote_moved
        assert sum((Fraction(lot.quantity) for lot in book.lots), Fraction(0)) == base_moved
        assert len({lot.quantity > 0 for lot in book.lots}) <= 1


@given(moves)
def test_agrees_with_lots_of_one_thousandth(history: list[tuple[int, Decimal, Decimal]]) -> None:
    """The same bookkeeping the long way: every thousandth is a lot of its own, in exact fractions."""
    book, units, realized = Fifo(), list[tuple[int, Fraction]](), Fraction(0)
    for sign, quantity, quote in [(s, min(q, Decimal("0.2")), v) for s, q, v in history]:
        book.move(sign * quantity, -sign * quote)
        count = int(quantity * 1000)
        each = Fraction(quote) / count
        for _ in range(count):
            if units and units[0][0] != sign:
                _, opened_at = units.pop(0)
                realized += (opened_at - each) * sign
            else:
                units.append((sign, each))
    assert abs(Fraction(book.realized) - realized) < Fraction(1, 10**15)
