"""What holds for any instrument, filter, price and balance."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from core.account import CommissionRates
from core.instrument import Filters, Instrument, LotSize, NotionalFilter, PriceFilter, SymbolStatus
from core.orders import OrderRequest, OrderType, Purpose, Side
from core.risk.approval import Approved, Denied
from core.risk.approve import approve
from core.risk.facts import NewestBar, RiskFacts, RiskLimits
from core.risk.portfolio import Portfolio
from core.risk.sellable import smallest_entry
from core.risk.sizing import NothingToSell, SizedExit, size_entry, size_exit
from core.stages import TradingState
from core.values import Base, Quote
from tests.core.risk.worlds import BTCUSDT, FACTS, LIMITS, NOW_MS, D, entry, sale, top

ZERO = D(0)
RICH = Portfolio(Quote(D("1E+30")), ())


def decimals(lowest: str, highest: str, places: int = 8) -> st.SearchStrategy[Decimal]:
    return st.decimals(D(lowest), D(highest), places=places, allow_nan=False, allow_infinity=False)


increments = st.one_of(
    st.just(ZERO),
    st.builds(lambda digit, power: D(digit).scaleb(-power), st.sampled_from([1, 2, 5]), st.integers(0, 8)),
)


@st.composite
def lots(draw: st.DrawFn, step: Decimal) -> LotSize:
    """A lot with zeros for what the venue disables; the smallest quantity is a multiple of the step."""
    smallest = draw(st.integers(0, 50)) * step
    return LotSize(smallest, draw(st.sampled_from([ZERO, D(9_000), D("9000000000")])), step)


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    step = draw(increments)
    notional = draw(st.sampled_from([None, ZERO, D("0.0001"), D(1), D(5), D(10)]))
    market_step = draw(st.sampled_from([ZERO, step, step * 10]))
    return replace(
        BTCUSDT,
        filters=Filters(
            price=draw(st.none() | st.builds(PriceFilter, st.just(ZERO), st.just(ZERO), increments)),
            lot=draw(st.none() | lots(step)),
            market_lot=draw(st.none() | lots(market_step)),
            notional=None
            if notional is None
            else NotionalFilter(notional, None, draw(st.booleans()), True, 5),
            min_notional=draw(st.none() | st.just(NotionalFilter(D(5), None, True, False, 5))),
        ),
    )


rates = st.sampled_from([ZERO, D("0.0001"), D("0.001"), D("0.01"), D("0.1")])
prices = decimals("0.00000001", "10000000")
balances = st.one_of(st.just(ZERO), decimals("0", "0.001"), decimals("0", "1000000000"))


@st.composite
def calm_facts(draw: st.DrawFn) -> RiskFacts:
    """Nothing forbids trading; instrument, price, fee and balances are anything."""
    ask = draw(prices)
    return replace(
        FACTS,
        instrument=draw(instruments()),
        book=replace(top(), bid_price=ask, ask_price=ask),
        average_price=ask,
        free_quote=Quote(draw(balances)),
        free_base=Base(draw(balances)),
        position=Base(draw(balances)),
        portfolio=RICH,
        commission=CommissionRates(ZERO, draw(rates)),
    )


limits_ = st.builds(
    RiskLimits,
    risk_fraction=decimals("0.0001", "1", 4),
    max_order=st.builds(Quote, decimals("0", "100000", 2)),
    allowed_symbols=st.just(frozenset({"BTCUSDT"})),
    slippage_rate=rates,
    price_band_rate=st.just(D("0.99")),
    stop_rate=rates,
    quote_age_ms_max=st.just(3_000),
    bar_grace_ms=st.just(30_000),
    live_trades_per_day=st.just(10),
    live_loss_per_day=st.just(Quote(D(10))),
    min_notional=st.builds(Quote, st.sampled_from([ZERO, D(5), D(20)])),
)


def step_of(instrument: Instrument) -> Decimal:
    lot = instrument.filters.lot
    return max(lot.step_size if lot else ZERO, D("0.00000001"))


@st.composite
def tight_worlds(draw: st.DrawFn) -> tuple[RiskFacts, RiskLimits]:
    """Cap and free balance lie around the cost of the smallest sellable order; the ask is on the tick."""
    facts, limits = draw(calm_facts()), draw(limits_)
    bounds = facts.instrument.filters.price
    ask = draw(st.integers(1, 10**9)) * ((bounds.tick_size if bounds else ZERO) or D("0.00000001"))
    facts = replace(facts, book=replace(top(), bid_price=ask, ask_price=ask), average_price=ask)
    needed = smallest_entry(facts, limits, ask).value * ask * (1 + limits.slippage_rate)
    around = decimals("0.9", "20", 2)
    return (
        replace(facts, free_quote=Quote(needed / limits.risk_fraction * draw(around))),
        replace(limits, max_order=Quote(needed * draw(around))),
    )


def exact_notional(request: OrderRequest) -> Fraction:
    assert request.price is not None
    return Fraction(request.price) * Fraction(request.quantity.value)


def assert_within_limits(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> None:
    spent = exact_notional(request)
    assert spent <= Fraction(limits.max_order.value)
    assert spent <= Fraction(limits.risk_fraction) * Fraction(facts.free_quote.value)
    assert spent >= Fraction(limits.min_notional.value)


@given(tight_worlds(), st.booleans())
def test_a_sized_entry_is_within_every_limit_and_can_be_sold_at_its_stop(
    world: tuple[RiskFacts, RiskLimits], smallest: bool
) -> None:
    facts, limits = world
    request = size_entry(facts, limits, smallest=smallest)
    if isinstance(request, Denied):
        assert request.reason in {"FRACTION_EXCEEDED", "NOTIONAL_EXCEEDS_CAP"}
        return
    answer = approve(request, facts, limits)
    if isinstance(answer, Denied):
        largest = facts.instrument.largest_quantity(OrderType.MARKET)
        assert largest is not None
        assert smallest_entry(facts, limits, facts.best_ask).value >= largest
        return
    assert_within_limits(request, facts, limits)
    assert Fraction(request.price or 0) <= Fraction(facts.best_ask) * (1 + Fraction(limits.slippage_rate))
    assert_sellable_at_the_stop(request, facts, limits)


def assert_sellable_at_the_stop(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> None:
    """Fill the entry at the ask, take the fee in base, touch the stop: neither sale may find dust only."""
    kept = request.quantity.value * (1 - facts.commission.taker_rate)
    stop = min(facts.best_ask, request.price or ZERO) * (1 - limits.stop_rate)
    later = replace(
        facts,
        position=Base(kept),
        free_base=Base(kept),
        book=replace(top(), bid_price=stop, ask_price=stop),
        average_price=stop,
        trading_state=TradingState.HALTED,
    )
    for purpose in (Purpose.EXIT, Purpose.FLATTEN):
        sized = size_exit(later, limits, purpose)
        assert isinstance(sized, SizedExit)
        assert not [
            found
            for found in facts.instrument.violations(
                sized.request.order_type,
                sized.request.side,
                sized.request.quantity,
                sized.request.price or stop,
                stop,
            )
            if "below" in found or "multiple" in found
        ]


@given(tight_worlds(), st.integers(-3, 300), decimals("0.5", "1.5", 2))
def test_no_approved_entry_exceeds_cap_or_fraction(
    world: tuple[RiskFacts, RiskLimits], steps: int, around: Decimal
) -> None:
    facts, limits = world
    price = facts.instrument.price_passive(Side.BUY, facts.best_ask * around)
    assume(price > ZERO)
    quantity = smallest_entry(facts, limits, price).value + steps * step_of(facts.instrument)
    assume(quantity > ZERO)
    request = replace(entry(), quantity=Base(quantity), price=price)
    answer = approve(request, facts, limits)
    if isinstance(answer, Approved):
        assert_within_limits(answer.request, facts, limits)
        assert_sellable_at_the_stop(answer.request, facts, limits)


@given(tight_worlds())
def test_the_smallest_entry_is_the_smallest(world: tuple[RiskFacts, RiskLimits]) -> None:
    facts = replace(world[0], free_quote=Quote(D("1E+25")))
    limits = replace(world[1], max_order=Quote(D("1E+25")))
    limit_price = facts.instrument.price_passive(Side.BUY, facts.best_ask * (1 + limits.slippage_rate))
    smallest = smallest_entry(facts, limits, limit_price)
    less = smallest - Base(step_of(facts.instrument))
    if less > Base(ZERO):
        assert isinstance(approve(replace(entry(), quantity=less, price=limit_price), facts, limits), Denied)


@given(
    st.builds(
        replace,
        calm_facts(),
        instrument=st.builds(replace, instruments(), status=st.sampled_from(SymbolStatus)),
        trading_state=st.sampled_from(TradingState),
        quarantined=st.booleans(),
        in_flight=st.sampled_from([(), ("tr1a2b-1",)]),
        newest_bar=st.sampled_from([None, NewestBar(0, 60_000), NewestBar(NOW_MS, 60_000)]),
        book=st.sampled_from([None, top(bid="0"), top(bid="1", received_ms=0)]),
        average_price=st.none() | prices,
        live_entries_today=st.integers(0, 99),
        live_realized_loss_today=st.builds(Quote, decimals("-99", "99")),
        open_orders=st.integers(0, 999),
    ),
    limits_,
    st.booleans(),
)
def test_a_reducing_order_is_never_blocked_by_rules_that_limit_entries(
    facts: RiskFacts, limits: RiskLimits, allowed: bool
) -> None:
    if not allowed:
        limits = replace(limits, allowed_symbols=frozenset())
    for purpose in (Purpose.EXIT, Purpose.FLATTEN):
        sized = size_exit(facts, limits, purpose)
        if isinstance(sized, SizedExit):
            answer = approve(sized.request, facts, limits)
            halted = purpose is Purpose.EXIT and facts.trading_state is TradingState.HALTED
            assert isinstance(answer, Denied if halted else Approved)
        else:
            assert isinstance(sized, NothingToSell) or purpose is Purpose.EXIT


@given(calm_facts(), limits_, st.sampled_from([Purpose.EXIT, Purpose.FLATTEN]))
def test_an_exit_sells_no_more_than_is_ours_and_names_the_rest(
    facts: RiskFacts, limits: RiskLimits, purpose: Purpose
) -> None:
    sized = size_exit(facts, limits, purpose)  # type: ignore[arg-type]  # one of the two
    assert not isinstance(sized, Denied)
    left = sized.dust + sized.not_free
    if isinstance(sized, SizedExit):
        assert sized.request.quantity <= min(facts.position, facts.free_base)
        assert facts.instrument.quantity_down(sized.dust.value, sized.request.order_type) == Base(ZERO)
        left += sized.request.quantity + sized.rest
    assert left == facts.position


extreme_prices = st.sampled_from([ZERO, D("0.00000001"), D("0.01"), D("1E+12"), D("123456789012.12345678")])
extreme_amounts = st.sampled_from([ZERO, D("0.00000001"), D("1"), D("9999999999.99999999"), D("1E+15")])


@given(
    instruments(),
    extreme_prices,
    extreme_prices,
    st.none() | extreme_prices,
    extreme_amounts,
    extreme_amounts,
    extreme_amounts,
    limits_,
)
@example(BTCUSDT, ZERO, ZERO, None, ZERO, ZERO, ZERO, LIMITS)
@example(BTCUSDT, D(1), D(1), ZERO, D(9), D(9), D(9), LIMITS)
def test_sizing_never_raises(
    instrument: Instrument,
    bid: Decimal,
    ask: Decimal,
    average: Decimal | None,
    free_quote: Decimal,
    free_base: Decimal,
    position: Decimal,
    limits: RiskLimits,
) -> None:
    facts = replace(
        FACTS,
        instrument=instrument,
        book=replace(top(), bid_price=bid, ask_price=ask),
        average_price=average,
        free_quote=Quote(free_quote),
        free_base=Base(free_base),
        position=Base(position),
    )
    for answer in (size_entry(facts, limits), size_entry(facts, limits, smallest=True)):
        if isinstance(answer, OrderRequest):
            approve(answer, facts, limits)
    for purpose in (Purpose.EXIT, Purpose.FLATTEN):
        sized = size_exit(facts, limits, purpose)
        if isinstance(sized, SizedExit):
            assert sized.request.quantity > Base(ZERO)
            assert sized.request.price is None or sized.request.price > ZERO
            approve(sized.request, facts, limits)


@pytest.mark.parametrize("purpose", [Purpose.EXIT, Purpose.FLATTEN])
def test_a_float_cannot_become_a_size(purpose: Purpose) -> None:
    with pytest.raises(ValueError, match="finite Decimal"):
        replace(FACTS, position=Base(0.1))  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(AttributeError):
        replace(FACTS, average_price=0.1)  # type: ignore[arg-type]  # the point of the test
    assert isinstance(approve(sale("1", purpose), FACTS, LIMITS), Approved)
