"""Average cost: worked numbers, and nothing lost to rounding."""

from __future__ import annotations

from decimal import Decimal
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from core.journal.inventory import Inventory, after, movements
from core.orders import Side

D = Decimal
amounts = st.decimals("0.00000001", "1000000", places=8)
signed = st.decimals("-1000", "1000", places=8)
moves = st.lists(st.tuples(signed, signed), max_size=12)


def test_selling_a_part_realizes_its_share_of_the_cost() -> None:
    held = after(after(Inventory(), D(1), D(-100)), D(3), D(-500))
    assert held == Inventory(D(4), D(600), D(0))
    assert after(held, D(-1), D(200)) == Inventory(D(3), D(450), D(50))


def test_share_that_does_not_divide_stays_exact_in_sum() -> None:
    held = after(Inventory(D(3), D(100), D(0)), D(-1), D(0))
    assert held.cost == D("66.666666666666666667")
    assert held.realized == D("-33.333333333333333333")


def test_selling_more_than_held_turns_the_position() -> None:
    assert after(Inventory(D(1), D(100), D(0)), D(-3), D(330)) == Inventory(D(-2), D(-220), D(10))
    assert after(Inventory(D(-2), D(-220), D(0)), D(2), D(-200)) == Inventory(D(0), D(0), D(20))


def test_fee_that_eats_the_whole_fill_is_a_loss() -> None:
    assert after(Inventory(), D(0), D(-5)) == Inventory(D(0), D(0), D(-5))


def test_fees_move_what_they_were_paid_in() -> None:
    buy = (Side.BUY, D(2), D(10), D("0.1"))
    assert movements(*buy, fee_in_base=True, fee_in_quote=False) == (D("1.9"), D(-20))
    assert movements(*buy, fee_in_base=False, fee_in_quote=True) == (D(2), D("-20.1"))
    sell = (Side.SELL, D(2), D(10), D("0.1"))
    assert movements(*sell, fee_in_base=False, fee_in_quote=True) == (D(-2), D("19.9"))
    assert movements(*sell, fee_in_base=False, fee_in_quote=False) == (D(-2), D(20))


@given(moves)
def test_no_quote_is_lost_or_made(history: list[tuple[Decimal, Decimal]]) -> None:
    held = reduce(lambda inventory, move: after(inventory, *move), history, Inventory())
    assert held.quantity == sum(base for base, _ in history)
    assert held.realized - held.cost == sum(quote for _, quote in history)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=8))
def test_selling_all_leaves_no_cost(buys: list[tuple[Decimal, Decimal]]) -> None:
    held = Inventory()
    for quantity, price in buys:
        held = after(held, *movements(Side.BUY, quantity, price, D(0), fee_in_base=False, fee_in_quote=False))
    assert held.realized == 0
    sold = after(held, -held.quantity, held.cost)
    assert sold == Inventory(D(0), D(0), D(0))
