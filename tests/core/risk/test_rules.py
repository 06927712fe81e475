"""Every rule against increase, reduce and flatten; every reason code in order; every limit at its edge."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from core.account import CommissionRates
from core.errors import EXIT_CODE_OF, EXIT_REFUSED
from core.instrument import SymbolStatus
from core.orders import OrderRequest, OrderType, Purpose, Side, TimeInForce
from core.risk.approval import Approved, Denied
from core.risk.approve import approve
from core.risk.breakers import Breaker, LatchedBreaker
from core.risk.facts import NewestBar, RiskFacts, RiskLimits
from core.risk.portfolio import Held, Portfolio, PortfolioLimits
from core.stages import TradingState
from core.values import Base, Quote
from tests.core.risk.worlds import BTCUSDT, FACTS, LIMITS, MINUTE_MS, NOW_MS, D, entry, sale, top

World = tuple[OrderRequest, RiskFacts, RiskLimits]

WORST_FACTS = replace(
    FACTS,
    instrument=replace(BTCUSDT, status=SymbolStatus.HALT),
    book=top(bid="0", ask="0", received_ms=NOW_MS - 3_001),
    average_price=D(5_000),
    free_quote=Quote(D(10)),
    free_base=Base(D("0.00005")),
    position=Base(D("0.0001")),
    trading_state=TradingState.HALTED,
    quarantined=True,
    breakers=(LatchedBreaker(Breaker.EXTREME_MARKET, "a minute moved", NOW_MS, NOW_MS + 1),),
    in_flight=("tr1a2b-7",),
    newest_bar=NewestBar(NOW_MS - 16 * MINUTE_MS, 15 * MINUTE_MS),
    live_entries_today=10,
    live_realized_loss_today=Quote(D(4)),
    live_unrealized_loss=Quote(D(6)),
    open_orders=200,
    portfolio=Portfolio(Quote(D(0)), (Held("BTCBUSD", "BTC", Quote(D(1))),)),
)
WORST_LIMITS = replace(
    LIMITS,
    allowed_symbols=frozenset({"ETHUSDT"}),
    max_order=Quote(D(1)),
    portfolio=PortfolioLimits(positions_max=1, exposure_rate=D("0.5"), var_rate=D("0.1")),
)
TINY = "0.0003"

ENTRY_CODES = [
    "TRADING_HALTED",
    "QUARANTINED",
    "BREAKER_LATCHED",
    "NOT_ALLOWED_SYMBOL",
    "SYMBOL_NOT_TRADING",
    "ORDER_IN_FLIGHT",
    "STALE_QUOTE",
    "STALE_BAR",
    "EMPTY_BOOK",
    "PRICE_OUT_OF_BAND",
    "FRACTION_EXCEEDED",
    "NOTIONAL_EXCEEDS_CAP",
    "NOTIONAL_BELOW_MINIMUM",
    "FILTER_FAILURE",
    "EXIT_WOULD_BE_DUST",
    "OPEN_POSITIONS_REACHED",
    "POSITION_LIMIT",
    "GROSS_LIMIT",
    "VAR_UNKNOWN",
    "DAILY_TRADES_REACHED",
    "DAILY_LOSS_REACHED",
]
SALE_CODES = ["EXCEEDS_POSITION", "EXCEEDS_FREE_BALANCE"]
ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED

BINDING = [
    # written from DESIGN section 7, not from RULES
    (Purpose.ENTRY, ACTIVE, ENTRY_CODES[1:]),
    (Purpose.ENTRY, REDUCING, ENTRY_CODES),
    (Purpose.ENTRY, HALTED, ENTRY_CODES),
    (Purpose.EXIT, ACTIVE, SALE_CODES),
    (Purpose.EXIT, REDUCING, SALE_CODES),
    (Purpose.EXIT, HALTED, ["TRADING_HALTED", *SALE_CODES]),
    (Purpose.PROTECT, ACTIVE, SALE_CODES),
    (Purpose.PROTECT, REDUCING, SALE_CODES),
    (Purpose.PROTECT, HALTED, ["TRADING_HALTED", *SALE_CODES]),
    (Purpose.FLATTEN, ACTIVE, SALE_CODES),
    (Purpose.FLATTEN, REDUCING, SALE_CODES),
    (Purpose.FLATTEN, HALTED, SALE_CODES),
]


def codes(answer: Approved | Denied) -> list[str]:
    if isinstance(answer, Approved):
        return []
    also = answer.details["also"]
    assert isinstance(also, list)
    return [answer.reason, *also]


@pytest.mark.parametrize(("purpose", "state", "expected"), BINDING)
def test_which_rules_bind_with_all_limits_exceeded(
    purpose: Purpose, state: TradingState, expected: list[str]
) -> None:
    request = entry(TINY) if purpose is Purpose.ENTRY else sale(TINY, purpose)
    answer = approve(request, replace(WORST_FACTS, trading_state=state), WORST_LIMITS)
    assert codes(answer) == expected


@pytest.mark.parametrize("purpose", [Purpose.EXIT, Purpose.PROTECT, Purpose.FLATTEN])
@pytest.mark.parametrize("state", [ACTIVE, REDUCING, HALTED])
def test_nothing_but_position_and_state_stops_a_sale(purpose: Purpose, state: TradingState) -> None:
    facts = replace(WORST_FACTS, trading_state=state, position=Base(D(TINY)), free_base=Base(D(TINY)))
    answer = approve(sale(TINY, purpose), facts, WORST_LIMITS)
    halted = state is HALTED and purpose is not Purpose.FLATTEN
    assert codes(answer) == (["TRADING_HALTED"] if halted else [])


def test_flatten_needs_neither_book_nor_average_price() -> None:
    facts = replace(WORST_FACTS, book=None, average_price=None, position=Base(D(1)), free_base=Base(D(1)))
    assert isinstance(approve(sale("1", Purpose.FLATTEN), facts, WORST_LIMITS), Approved)


def mended(**facts: object) -> Callable[[World], World]:
    return lambda world: (world[0], replace(world[1], **facts), world[2])  # type: ignore[arg-type]  # by name


def loosened(**limits: object) -> Callable[[World], World]:
    return lambda world: (world[0], world[1], replace(world[2], **limits))  # type: ignore[arg-type]  # by name


def limited(equity: str | None = None, **limits: object) -> Callable[[World], World]:
    def cure(world: World) -> World:
        request, facts, wide = world
        portfolio = facts.portfolio
        if equity is not None and portfolio is not None:
            portfolio = replace(portfolio, equity=Quote(D(equity)))
        changed = replace(wide.portfolio, **limits)  # type: ignore[arg-type]  # by name
        return request, replace(facts, portfolio=portfolio), replace(wide, portfolio=changed)

    return cure


def bought(quantity: str) -> Callable[[World], World]:
    return lambda world: (entry(quantity), world[1], world[2])


CURES: list[tuple[str, str, Callable[[World], World]]] = [
    ("TRADING_HALTED", "trading state is HALTED; ENTRY needs ACTIVE", mended(trading_state=ACTIVE)),
    ("QUARANTINED", "BTCUSDT is quarantined until a human decides", mended(quarantined=False)),
    (
        "BREAKER_LATCHED",
        "a breaker is latched: extreme-market since 2023-11-14T22:13:20.000Z until "
        "2023-11-14T22:13:20.001Z: a minute moved",
        mended(breakers=()),
    ),
    (
        "NOT_ALLOWED_SYMBOL",
        "BTCUSDT is not allowed; allowed: ETHUSDT",
        loosened(allowed_symbols=frozenset({"BTCUSDT"})),
    ),
    ("SYMBOL_NOT_TRADING", "BTCUSDT is HALT at the venue", mended(instrument=BTCUSDT)),
    ("ORDER_IN_FLIGHT", "BTCUSDT has unsettled orders: tr1a2b-7", mended(in_flight=())),
    (
        "STALE_QUOTE",
        "quote is 3001 ms old; at most 3000 ms is fresh",
        mended(book=top(bid="0", ask="0")),
    ),
    (
        "STALE_BAR",
        "newest closed bar is 960000 ms old; at most 930000 ms is fresh",
        mended(newest_bar=NewestBar(NOW_MS, 15 * MINUTE_MS)),
    ),
    ("EMPTY_BOOK", "no price to trade at: bid 0, ask 0, limit price 10000", mended(book=top())),
    (
        "PRICE_OUT_OF_BAND",
        "price 10000 is further than 50 from the average price 5000",
        mended(average_price=D(10_000)),
    ),
    (
        "FRACTION_EXCEEDED",
        "notional 3 USDT exceeds 0.2 USDT, the fraction 0.02 of 10 USDT free",
        mended(free_quote=Quote(D(1_000))),
    ),
    ("NOTIONAL_EXCEEDS_CAP", "notional 3 USDT exceeds cap 1 USDT", loosened(max_order=Quote(D(25)))),
    ("NOTIONAL_BELOW_MINIMUM", "notional 3 USDT is below the minimum 5 USDT", bought("0.0005")),
    ("FILTER_FAILURE", "MAX_NUM_ORDERS: 200 of 200 orders are open", mended(open_orders=199)),
    (
        "EXIT_WOULD_BE_DUST",
        "after fee and step 0.00049 BTC of 0.0005 BTC could be sold at once; "
        "a LIMIT sell at the stop takes at least 0.00051 BTC",
        bought("0.00052"),
    ),
    (
        "OPEN_POSITIONS_REACHED",
        "1 positions are open (BTCBUSD); the limit is 1",
        limited(positions_max=2),
    ),
    (
        "POSITION_LIMIT",
        "exposure to BTC would be 6.2 USDT, above 0 USDT, the fraction 0.1 of the equity 0 USDT",
        limited(asset_rate=D(1), equity="6.2"),
    ),
    (
        "GROSS_LIMIT",
        "total exposure would be 6.2 USDT, above 3.1 USDT, the fraction 0.5 of the equity 6.2 USDT",
        limited(exposure_rate=D(1)),
    ),
    (
        "VAR_UNKNOWN",
        "no Value at Risk of BTCBUSD, BTCUSDT: the daily returns of BTCBUSD, BTCUSDT were not read",
        limited(var_rate=None),
    ),
    (
        "DAILY_TRADES_REACHED",
        "10 live entries today (UTC) reach the limit 10",
        mended(live_entries_today=9),
    ),
    (
        "DAILY_LOSS_REACHED",
        "live loss today (UTC) 10 USDT (4 realized, 6 unrealized) reaches the limit 10 USDT",
        mended(live_unrealized_loss=Quote(D("5.99"))),
    ),
]


def test_every_reason_code_of_an_entry_in_order_of_precedence() -> None:
    world: World = (entry(TINY), WORST_FACTS, WORST_LIMITS)
    assert [code for code, _, _ in CURES] == ENTRY_CODES
    for position, (code, message, cure) in enumerate(CURES):
        answer = approve(*world)
        assert isinstance(answer, Denied)
        assert codes(answer) == ENTRY_CODES[position:]
        assert (answer.reason, answer.message) == (code, message)
        world = cure(world)
    assert isinstance(approve(*world), Approved)


SALE_CURES: list[tuple[str, str, Callable[[World], World]]] = [
    (
        "TRADING_HALTED",
        "trading state is HALTED; EXIT needs ACTIVE or REDUCING",
        mended(trading_state=REDUCING),
    ),
    (
        "EXCEEDS_POSITION",
        "quantity 0.0003 BTC exceeds our own position 0.0001 BTC",
        mended(position=Base(D(TINY))),
    ),
    (
        "EXCEEDS_FREE_BALANCE",
        "quantity 0.0003 BTC exceeds the free balance 0.00005 BTC",
        mended(free_base=Base(D(TINY))),
    ),
]


def test_every_reason_code_of_a_sale_in_order_of_precedence() -> None:
    world: World = (sale(TINY), WORST_FACTS, WORST_LIMITS)
    for code, message, cure in SALE_CURES:
        answer = approve(*world)
        assert isinstance(answer, Denied)
        assert (answer.reason, answer.message) == (code, message)
        world = cure(world)
    assert isinstance(approve(*world), Approved)


def test_denials_exit_as_refusals_and_are_json_ready() -> None:
    for request in (entry(TINY), sale(TINY)):
        answer = approve(request, WORST_FACTS, WORST_LIMITS)
        assert isinstance(answer, Denied)
        json.dumps(answer.details)
        assert {EXIT_CODE_OF[code] for code in codes(answer)} == {EXIT_REFUSED}


def unchanged(world: World) -> World:
    return world


def stepwise(*changes: Callable[[World], World]) -> Callable[[World], World]:
    def change(world: World) -> World:
        for one in changes:
            world = one(world)
        return world

    return change


def priced(price: str) -> Callable[[World], World]:
    return lambda world: (entry(price=price), world[1], world[2])


def with_filters(**filters: object) -> Callable[[World], World]:
    changed = replace(BTCUSDT.filters, **filters)  # type: ignore[arg-type]  # by name
    return mended(instrument=replace(BTCUSDT, filters=changed))


EDGES: list[tuple[str, Callable[[World], World], Callable[[World], World]]] = [
    # code, exactly at the limit: approved, one step beyond: denied
    ("TRADING_HALTED", unchanged, mended(trading_state=REDUCING)),
    ("SYMBOL_NOT_TRADING", unchanged, mended(instrument=replace(BTCUSDT, spot_allowed=False))),
    (
        "STALE_QUOTE",
        mended(book=top(received_ms=NOW_MS - 3_000)),
        mended(book=top(received_ms=NOW_MS - 3_001)),
    ),
    ("STALE_QUOTE", mended(book=top(received_ms=NOW_MS)), mended(book=top(received_ms=NOW_MS + 1))),
    (
        "STALE_BAR",
        mended(newest_bar=NewestBar(NOW_MS - 90_000, MINUTE_MS)),
        mended(newest_bar=NewestBar(NOW_MS - 90_001, MINUTE_MS)),
    ),
    (
        "STALE_BAR",
        mended(newest_bar=NewestBar(NOW_MS + 30_000, MINUTE_MS)),
        mended(newest_bar=NewestBar(NOW_MS + 30_001, MINUTE_MS)),
    ),
    ("STALE_BAR", mended(newest_bar=None), mended(newest_bar=NewestBar(0, MINUTE_MS))),
    ("EMPTY_BOOK", mended(book=top(bid="0.01")), mended(book=top(bid="0"))),
    ("EMPTY_BOOK", unchanged, mended(book=top(ask="0"))),
    ("EMPTY_BOOK", unchanged, mended(book=None)),
    ("PRICE_OUT_OF_BAND", priced("10100"), priced("10100.01")),
    ("PRICE_OUT_OF_BAND", priced("9900"), priced("9899.99")),
    ("PRICE_OUT_OF_BAND", unchanged, mended(average_price=None)),
    ("PRICE_OUT_OF_BAND", unchanged, mended(average_price=D(0))),
    ("FRACTION_EXCEEDED", mended(free_quote=Quote(D(500))), mended(free_quote=Quote(D("499.99999999")))),
    ("NOTIONAL_EXCEEDS_CAP", loosened(max_order=Quote(D(10))), loosened(max_order=Quote(D("9.99999999")))),
    (
        "NOTIONAL_BELOW_MINIMUM",
        stepwise(
            mended(commission=CommissionRates(D(0), D(0))),
            loosened(min_notional=Quote(D(10)), stop_rate=D(0), slippage_rate=D(0)),
        ),
        loosened(min_notional=Quote(D("10.00000001"))),
    ),
    ("FILTER_FAILURE", bought("0.00101"), bought("0.001001")),
    ("FILTER_FAILURE", mended(open_orders=199), mended(open_orders=200)),
    ("FILTER_FAILURE", mended(open_algo_orders=4), mended(open_algo_orders=5)),
    ("FILTER_FAILURE", with_filters(position_max=D("2.001")), with_filters(position_max=D("2.0009"))),
    ("FILTER_FAILURE", unchanged, mended(instrument=replace(BTCUSDT, order_types=frozenset({"MARKET"})))),
    ("EXIT_WOULD_BE_DUST", bought("0.00052"), bought("0.00051")),
    ("DAILY_TRADES_REACHED", mended(live_entries_today=9), mended(live_entries_today=10)),
    (
        "DAILY_LOSS_REACHED",
        mended(live_realized_loss_today=Quote(D("9.99999999"))),
        mended(live_realized_loss_today=Quote(D(10))),
    ),
    (
        "DAILY_LOSS_REACHED",
        mended(live_realized_loss_today=Quote(D(12)), live_unrealized_loss=Quote(D("-2.1"))),
        mended(live_realized_loss_today=Quote(D(0)), live_unrealized_loss=Quote(D(10))),
    ),
]


@pytest.mark.parametrize(("code", "at_limit", "beyond"), EDGES)
def test_each_limit_at_its_edge(
    code: str, at_limit: Callable[[World], World], beyond: Callable[[World], World]
) -> None:
    calm: World = (entry(), FACTS, LIMITS)
    assert codes(approve(*at_limit(calm))) == []
    assert code in codes(approve(*beyond(calm)))


@pytest.mark.parametrize("purpose", [Purpose.EXIT, Purpose.PROTECT, Purpose.FLATTEN])
@pytest.mark.parametrize(("position", "free"), [("1", "1"), ("1", "2"), ("2", "1")])
def test_a_sale_up_to_position_and_free_balance(purpose: Purpose, position: str, free: str) -> None:
    facts = replace(FACTS, position=Base(D(position)), free_base=Base(D(free)))
    assert codes(approve(sale("1", purpose), facts, LIMITS)) == []
    beyond = codes(approve(sale("1.00001", purpose), facts, LIMITS))
    assert beyond == [
        code for code, limit in zip(SALE_CODES, (position, free), strict=True) if D(limit) < D("1.00001")
    ]


@pytest.mark.parametrize("live", [True, False])
def test_daily_limits_bind_real_money_only(live: bool) -> None:
    facts = replace(FACTS, live=live, live_entries_today=99, live_realized_loss_today=Quote(D(99)))
    expected = ["DAILY_TRADES_REACHED", "DAILY_LOSS_REACHED"] if live else []
    assert codes(approve(entry(), facts, LIMITS)) == expected


@pytest.mark.parametrize("live", [True, False])
def test_an_entry_needs_room_for_its_protective_stop(live: bool) -> None:
    facts = replace(FACTS, live=live, open_algo_orders=5)
    assert codes(approve(entry(), facts, LIMITS)) == ["FILTER_FAILURE"]


def test_the_symbols_filter_raises_the_minimum() -> None:
    dear = replace(BTCUSDT.filters.notional, min_notional=D(20))  # type: ignore[type-var]  # it is set
    facts = replace(FACTS, instrument=replace(BTCUSDT, filters=replace(BTCUSDT.filters, notional=dear)))
    assert codes(approve(entry(), facts, LIMITS))[0] == "NOTIONAL_BELOW_MINIMUM"


def test_market_lot_decides_whether_the_exit_is_dust() -> None:
    coarse = replace(BTCUSDT.filters.market_lot, min_quantity=D("0.001"), step_size=D("0.001"))  # type: ignore[type-var]  # it is set
    facts = replace(FACTS, instrument=replace(BTCUSDT, filters=replace(BTCUSDT.filters, market_lot=coarse)))
    assert codes(approve(entry("0.001"), facts, LIMITS)) == ["EXIT_WOULD_BE_DUST"]
    assert codes(approve(entry("0.00101"), facts, LIMITS)) == []


NONSENSE: list[tuple[str, OrderRequest]] = [
    ("judged by facts of BTCUSDT", replace(entry(), symbol="ETHUSDT")),
    ("quantity was 0", entry("0")),
    ("quantity was -1", sale("-1")),
    ("a price was NaN", entry(price="NaN")),
    ("a BUY cannot have the purpose EXIT", replace(entry(), purpose=Purpose.EXIT)),
    ("a BUY cannot have the purpose PROTECT", replace(entry(), purpose=Purpose.PROTECT)),
    ("a BUY cannot have the purpose FLATTEN", replace(entry(), purpose=Purpose.FLATTEN)),
    ("a SELL cannot have the purpose ENTRY", replace(entry(), side=Side.SELL)),
    ("LIMIT IOC", replace(entry(), order_type=OrderType.MARKET, price=None, time_in_force=None)),
    ("LIMIT IOC", replace(entry(), order_type=OrderType.LIMIT_MAKER)),
    ("LIMIT IOC", replace(entry(), time_in_force=TimeInForce.GTC)),
    ("LIMIT IOC", replace(entry(), price=None)),
]


@pytest.mark.parametrize(("says", "request_"), NONSENSE)
def test_a_request_that_no_caller_should_make_fails_loudly(says: str, request_: OrderRequest) -> None:
    with pytest.raises(ValueError, match=says):
        approve(request_, FACTS, LIMITS)


@pytest.mark.parametrize("price", [D("NaN"), D("Infinity")])
def test_facts_refuse_prices_that_are_not_numbers(price: Decimal) -> None:
    with pytest.raises(ValueError, match="BTCUSDT has the price"):
        replace(FACTS, average_price=price)
    with pytest.raises(ValueError, match="BTCUSDT has the price"):
        replace(FACTS, book=replace(top(), ask_price=price))


def test_limits_name_every_value_that_cannot_be_used() -> None:
    with pytest.raises(ValueError) as caught:
        replace(
            LIMITS,
            risk_fraction=D("1.01"),
            slippage_rate=D(1),
            stop_rate=D("-0.1"),
            max_order=Quote(D(-1)),
            quote_age_ms_max=-1,
        )
    for name in ("risk_fraction", "slippage_rate", "stop_rate", "max_order", "quote_age_ms_max"):
        assert name in str(caught.value)
    assert "price_band_rate" not in str(caught.value)
