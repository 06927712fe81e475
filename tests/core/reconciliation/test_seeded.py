"""One thing altered on either side is one class, and no other."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from core.account import Environment
from core.clock import DAY_MS
from core.errors import ReconciliationBreak
from core.orders import OrderStatus
from core.reconciliation import RULES, BreakClass, Transfer, TransferKind
from core.reconciliation.whole import compare
from tests.core.reconciliation.ledgers import (
    JUST_NOW_MS,
    LONG_AGO_MS,
    NOW_MS,
    OPENED_MS,
    TERMS,
    Ledgers,
    agreeing,
    edited,
    ours,
    shifted,
    with_terms,
)

D = Decimal
C = BreakClass
Alter = Callable[[Ledgers], object]
TICK, STEP = D("0.01"), D("0.00001")


def classes(ledgers: Ledgers) -> set[BreakClass]:
    return {each.break_class for each in compare(ledgers.our_books(), ledgers.venue_books(), TERMS)}


def test_books_that_agree_have_no_breaks() -> None:
    ledgers = agreeing()
    assert compare(ledgers.our_books(), ledgers.venue_books(), TERMS) == ()


def test_empty_books_agree() -> None:
    assert compare(Ledgers().our_books(), Ledgers().venue_books(), TERMS) == ()


def round_trip_elsewhere(ledgers: Ledgers) -> None:
    ledgers.trade("BNBUSDT", name="web_1", known=False, price="850", quantities=("1.000",))
    ledgers.trade("BNBUSDT", name="web_2", known=False, price="849", quantities=("0.999",), is_buy=False)


def late_fill(ledgers: Ledgers) -> None:
    """The order that both sides called CANCELED had filled after all."""
    number = ledgers.trade(at_ms=LONG_AGO_MS, known=False)
    ledgers.rest(status=OrderStatus.CANCELED, known_to_venue=False, name=ours(number))
    ledgers.own_orders["BTCUSDT"][-1] = ledgers.own_orders["BTCUSDT"][-1]._replace(
        venue_order_id=number, price=D("30000.01")
    )
    ledgers.change_theirs("BTCUSDT", number, status=OrderStatus.CANCELED)


def fill_of_an_open_order(ledgers: Ledgers) -> None:
    number = ledgers.trade()
    del ledgers.own_trades["BTCUSDT"][-2:]
    ledgers.change_own("BTCUSDT", number, status=OrderStatus.ACCEPTED, executed_quantity=D(0))


def second_order_under_our_name(ledgers: Ledgers) -> None:
    number = ledgers.trade()
    ledgers.trade(name=ours(number), known=False)


def execution_booked_twice(ledgers: Ledgers) -> None:
    trades = ledgers.own_trades["BTCUSDT"]
    trades.append(trades[0]._replace(trade_id=999))


def lost_outcome(ledgers: Ledgers) -> None:
    number = ledgers.trade()
    del ledgers.own_trades["BTCUSDT"][-2:]
    ledgers.change_own(
        "BTCUSDT",
        number,
        status=OrderStatus.SUBMITTED,
        venue_order_id=None,
        executed_quantity=D(0),
        is_settled=False,
    )


def never_settled(ledgers: Ledgers) -> None:
    number = ledgers.rest(status=OrderStatus.SUBMITTED, known_to_venue=False)
    ledgers.change_own("BTCUSDT", number, venue_order_id=None, is_settled=False)


SEEDED: dict[str, tuple[BreakClass, Alter]] = {
    "our fill deleted": (C.MISSING_LOCAL, lambda it: it.own_trades["BTCUSDT"].pop(0)),
    "their trade deleted": (C.MISSING_VENUE, lambda it: it.trades["BTCUSDT"].pop(0)),
    "a price by a tick, here": (
        C.PRICE,
        lambda it: edited(it.own_trades["BTCUSDT"], 0, lambda t: t._replace(price=shifted(t.price, TICK))),
    ),
    "a price by a tick, there": (
        C.PRICE,
        lambda it: edited(it.trades["BTCUSDT"], 0, lambda t: t._replace(price=shifted(t.price, TICK))),
    ),
    "a quantity by a step, here": (
        C.QUANTITY,
        lambda it: edited(
            it.own_trades["BTCUSDT"], 0, lambda t: t._replace(quantity=shifted(t.quantity, STEP))
        ),
    ),
    "a quantity by a step, there": (
        C.QUANTITY,
        lambda it: edited(it.trades["BTCUSDT"], 0, lambda t: t._replace(quantity=shifted(t.quantity, -STEP))),
    ),
    "a fee moved to BNB": (
        C.FEE,
        lambda it: edited(it.trades["BTCUSDT"], 0, lambda t: t._replace(fee="0.0002", fee_asset="BNB")),
    ),
    "a fee by its last digit": (
        C.FEE,
        lambda it: edited(it.own_trades["BTCUSDT"], 0, lambda t: t._replace(fee=shifted(t.fee, D("1e-8")))),
    ),
    "the size of an order": (C.QUANTITY, lambda it: it.change_theirs("BTCUSDT", 1, quantity=D("0.02"))),
    "the price of an order": (C.PRICE, lambda it: it.change_own("BTCUSDT", 6, price=D("20000.01"))),
    "what an order executed": (
        C.QUANTITY,
        lambda it: it.change_theirs("BTCUSDT", 1, executed_quantity=D("0.009")),
    ),
    "a foreign order that rests": (C.UNAUTHORIZED, lambda it: it.rest(name="web_1", known=False)),
    "a foreign order that filled": (C.UNAUTHORIZED, lambda it: it.trade(name="web_1", known=False)),
    "a foreign order just now": (
        C.UNAUTHORIZED,
        lambda it: it.trade(name="web_1", known=False, at_ms=JUST_NOW_MS),
    ),
    "another installation of trader": (
        C.UNAUTHORIZED,
        lambda it: it.rest(name="tr00000000000000bb-1", known=False),
    ),
    "a round trip in an untouched pair": (C.UNAUTHORIZED, round_trip_elsewhere),
    "an order under our name that we lost": (C.MISSING_LOCAL, lambda it: it.rest(known=False)),
    "an order that the venue lost": (C.MISSING_VENUE, lambda it: it.rest(known_to_venue=False)),
    "a second order under our name": (C.DUPLICATE, second_order_under_our_name),
    "an execution booked twice": (C.DUPLICATE, execution_booked_twice),
    "a trade shown twice": (C.DUPLICATE, lambda it: it.trades["BTCUSDT"].append(it.trades["BTCUSDT"][0])),
    "canceled in the UI": (C.STATE, lambda it: it.change_theirs("BTCUSDT", 6, status=OrderStatus.CANCELED)),
    "still open at the venue": (
        C.STATE,
        lambda it: it.change_own("BTCUSDT", 6, status=OrderStatus.CANCELED),
    ),
    "called never accepted, but there": (
        C.STATE,
        lambda it: it.change_own("BTCUSDT", 5, status=OrderStatus.NEVER_ACCEPTED, venue_order_id=None),
    ),
    "a late fill": (C.MISSING_LOCAL, late_fill),
    "a fill of an order open here": (C.MISSING_LOCAL, fill_of_an_open_order),
    "an unknown outcome that filled": (C.STALE_UNKNOWN, lost_outcome),
    "an unknown outcome nobody settled": (C.STALE_UNKNOWN, never_settled),
    "a foreign withdrawal": (
        C.TRANSFER,
        lambda it: it.transfers.append(
            Transfer(TransferKind.WITHDRAWAL, "w1", {"USDT": D(-500)}, LONG_AGO_MS)
        ),
    ),
    "a withdrawal where no history is given": (C.BALANCE, lambda it: it.moved_unseen.update(USDT=D(-500))),
    "a satoshi too many": (C.BALANCE, lambda it: it.moved_unseen.update(BNB=D("0.00000001"))),
    "an asset from nowhere": (C.BALANCE, lambda it: it.moved_unseen.update(DOGE=D(7))),
}


@pytest.mark.parametrize("name", SEEDED)
def test_one_alteration_is_its_class_and_no_other(name: str) -> None:
    expected, alter = SEEDED[name]
    ledgers = agreeing()
    alter(ledgers)
    assert classes(ledgers) == {expected}


@pytest.mark.parametrize("name", SEEDED)
def test_a_break_has_both_sides_numbers_and_a_name_that_stays(name: str) -> None:
    ledgers = agreeing()
    SEEDED[name][1](ledgers)
    first = compare(ledgers.our_books(), ledgers.venue_books(), TERMS)
    assert compare(ledgers.our_books(), ledgers.venue_books(), TERMS) == first
    assert len({each.subject for each in first}) == len(first)
    for each in first:
        assert each.ours or each.theirs
        for number in {**each.ours, **each.theirs}.values():
            assert number


def test_every_class_is_seeded_somewhere() -> None:
    elsewhere = {C.MATCHED, C.TIMING, C.RESET}
    assert {expected for expected, _ in SEEDED.values()} | elsewhere == set(BreakClass) == set(RULES)


YOUNG: dict[str, tuple[BreakClass, Alter]] = {
    "our fill is not written yet": (
        C.MISSING_LOCAL,
        lambda it: (it.trade(at_ms=JUST_NOW_MS), it.own_trades["BTCUSDT"].pop()),
    ),
    "their trade is not listed yet": (
        C.MISSING_VENUE,
        lambda it: (it.trade(at_ms=JUST_NOW_MS), it.trades["BTCUSDT"].pop()),
    ),
    "a cancel is not written yet": (
        C.STATE,
        lambda it: it.change_theirs("BTCUSDT", 6, status=OrderStatus.CANCELED, updated_ms=JUST_NOW_MS),
    ),
    "an order is in flight": (
        C.STALE_UNKNOWN,
        lambda it: it.change_own(
            "BTCUSDT",
            it.rest(status=OrderStatus.SUBMITTED, known_to_venue=False, at_ms=JUST_NOW_MS),
            venue_order_id=None,
            is_settled=False,
        ),
    ),
}


@pytest.mark.parametrize("name", YOUNG)
def test_what_is_young_is_timing_and_ages_into_its_class(name: str) -> None:
    expected, alter = YOUNG[name]
    ledgers = agreeing()
    alter(ledgers)
    books = ledgers.our_books(), ledgers.venue_books()
    young = compare(*books, TERMS)
    assert {(each.break_class, each.became) for each in young} == {(C.TIMING, expected)}
    window_ms = RULES[expected].window_ms
    at_its_end = compare(*books, with_terms(now_ms=JUST_NOW_MS + window_ms))
    assert {each.break_class for each in at_its_end} == {expected}
    assert [each.subject for each in at_its_end] == [each.subject for each in young]
    still = compare(*books, with_terms(now_ms=JUST_NOW_MS + window_ms - 1))
    assert {each.break_class for each in still} == {C.TIMING}


def test_what_happened_before_the_books_were_opened_is_out_of_scope() -> None:
    ledgers = agreeing()
    ledgers.trade(name="web_1", known=False, at_ms=OPENED_MS - 1)
    ledgers.rest(name="web_2", known=False, at_ms=OPENED_MS - 1)
    assert classes(ledgers) == set()


def test_an_unfilled_order_that_the_venue_archived_is_no_break() -> None:
    ledgers = agreeing()
    opened_ms = NOW_MS - 200 * DAY_MS
    ledgers.rest(status=OrderStatus.CANCELED, at_ms=NOW_MS - 91 * DAY_MS, known_to_venue=False)
    books = ledgers.our_books(), ledgers.venue_books()
    assert compare(*books, with_terms(opened_ms=opened_ms)) == ()


def wiped() -> Ledgers:
    ledgers = agreeing()
    ledgers.orders.clear()
    ledgers.trades.clear()
    return ledgers


def test_a_wiped_testnet_is_one_reset_and_nothing_else() -> None:
    assert classes(wiped()) == {C.RESET}


def test_a_live_venue_that_forgot_everything_is_an_error_and_never_a_reset() -> None:
    ledgers = wiped()
    with pytest.raises(ReconciliationBreak) as refused:
        compare(ledgers.our_books(), ledgers.venue_books(), with_terms(environment=Environment.MAINNET))
    assert refused.value.code == "HISTORY_GONE"


def test_two_differences_are_two_breaks() -> None:
    ledgers = agreeing()
    ledgers.trade(name="web_1", known=False)
    ledgers.moved_unseen["USDT"] = D(-3)
    assert classes(ledgers) == {C.UNAUTHORIZED, C.BALANCE}


def test_the_balance_says_which_record_of_a_disputed_trade_it_bears_out() -> None:
    ledgers = agreeing()
    mine = ledgers.own_trades["BTCUSDT"].pop(0)  # the venue's balance moved by it
    [missing] = compare(ledgers.our_books(), ledgers.venue_books(), TERMS)
    assert missing.effects["BTC"] == D(mine.quantity) - D(mine.fee)
    ledgers.moved_unseen = {asset: -amount for asset, amount in missing.effects.items()}  # now it did not
    [missing] = compare(ledgers.our_books(), ledgers.venue_books(), TERMS)
    assert (missing.break_class, missing.effects) == (C.MISSING_LOCAL, {})


def test_an_accepted_difference_balances_the_equation() -> None:
    ledgers = agreeing()
    ledgers.moved_unseen["USDT"] = D(-500)
    books = ledgers.our_books()
    [found] = compare(books, ledgers.venue_books(), TERMS)
    adjusted = type(books)(books.symbols, books.opening, found.effects)
    assert compare(adjusted, ledgers.venue_books(), TERMS) == ()


def test_rounding_by_the_venue_is_tolerated_to_a_unit_a_trade() -> None:
    ledgers = Ledgers()
    for _ in range(3):
        ledgers.trade("ETHBTC", quantities=("0.0333",), price="0.06513")  # nine decimals
    ledgers.moved_unseen["BTC"] = D("0.000000027")
    assert classes(ledgers) == set()
    ledgers.moved_unseen["BTC"] = D("0.000000031")
    assert classes(ledgers) == {C.BALANCE}
