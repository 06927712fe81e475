"""Any history reconciled with itself has no breaks; any one alteration of it has some, and is found again."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.orders import OrderStatus
from core.reconciliation import BreakClass
from core.reconciliation.trades import unmatched
from core.reconciliation.whole import compare
from tests.core.reconciliation.ledgers import LONG_AGO_MS, MARKETS, TERMS, Ledgers

D = Decimal
SYMBOLS = st.sampled_from(sorted(MARKETS))
QUANTITIES = st.lists(st.integers(1, 10**6).map(lambda steps: str(D(steps) / 10**5)), min_size=1, max_size=3)
PRICES = st.integers(1, 10**8).map(lambda ticks: str(D(ticks) / 10**2))
ENDED = st.sampled_from([OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.ACCEPTED])


@st.composite
def histories(draw: st.DrawFn, at_least: int = 0) -> Ledgers:
    ledgers = Ledgers()
    for _ in range(draw(st.integers(at_least, 6))):
        ledgers.trade(
            draw(SYMBOLS),
            is_buy=draw(st.booleans()),
            quantities=draw(QUANTITIES),
            price=draw(PRICES),
            fee_asset=draw(st.sampled_from([None, "BNB", "USDT"])),
            at_ms=LONG_AGO_MS + draw(st.integers(0, 10**6)),
        )
    for _ in range(draw(st.integers(0, 3))):
        ledgers.rest(draw(SYMBOLS), status=draw(ENDED))
    return ledgers


@given(histories())
def test_a_history_reconciled_with_itself_has_no_breaks(ledgers: Ledgers) -> None:
    assert compare(ledgers.our_books(), ledgers.venue_books(), TERMS) == ()


@given(histories(at_least=2), st.data())
def test_a_trade_missing_on_one_side_is_found_wherever_it_is(ledgers: Ledgers, data: st.DataObject) -> None:
    here = data.draw(st.booleans(), label="missing here")
    side = ledgers.own_trades if here else ledgers.trades
    symbol = data.draw(st.sampled_from(sorted(side)))
    index = data.draw(st.integers(0, len(side[symbol]) - 1))
    gone = side[symbol].pop(index)
    found = compare(ledgers.our_books(), ledgers.venue_books(), TERMS)
    expected = BreakClass.MISSING_LOCAL if here else BreakClass.MISSING_VENUE
    twins = [trade for trade in ledgers.own_trades[symbol] if trade != gone and trade[1:] == gone[1:]]
    if twins and not here:
        expected = BreakClass.DUPLICATE  # of two executions that look alike one is real
    assert [(each.break_class, each.trade_id) for each in found] == [(expected, gone.trade_id)]


@given(histories(), st.sampled_from(["USDT", "BTC", "BNB"]), st.integers(-(10**9), 10**9).filter(bool))
def test_an_unexplained_amount_is_found_to_the_last_unit(ledgers: Ledgers, asset: str, units: int) -> None:
    books = ledgers.our_books()
    ledgers.moved_unseen[asset] = D(units) / 10**8
    amount = ledgers.moved_unseen[asset]
    rounded = sum(len(trades) for trades in ledgers.trades.values())
    found = compare(books, ledgers.venue_books(), TERMS)
    if abs(amount) > D("1e-8") * rounded:
        assert [(each.break_class, each.effects) for each in found] == [(BreakClass.BALANCE, {asset: amount})]


@given(histories(at_least=1), st.data())
def test_where_a_history_is_cut_does_not_matter(ledgers: Ledgers, data: st.DataObject) -> None:
    symbol = data.draw(st.sampled_from(sorted(ledgers.trades)))
    mine, theirs = sorted(ledgers.own_trades[symbol]), sorted(ledgers.trades[symbol])
    mine.pop(data.draw(st.integers(0, len(mine) - 1)))
    cut = data.draw(st.integers(0, 10**4))
    whole = unmatched(mine, theirs)
    first = unmatched(
        [each for each in mine if each.trade_id <= cut], [each for each in theirs if each.trade_id <= cut]
    )
    second = unmatched(
        [each for each in mine if each.trade_id > cut], [each for each in theirs if each.trade_id > cut]
    )
    assert first.only_theirs + second.only_theirs == whole.only_theirs
