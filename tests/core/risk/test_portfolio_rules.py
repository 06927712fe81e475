"""Each limit on all that is held: just below it, at it, and one smallest amount above."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.bars import Bars, FloatArray
from core.intervals import INTERVALS_MS
from core.orders import OrderRequest, Purpose
from core.risk.approval import Approved, Denied
from core.risk.approve import approve
from core.risk.facts import RiskFacts, RiskLimits
from core.risk.portfolio import DailyReturns, Held, Portfolio, PortfolioLimits, daily_returns
from core.risk.var import historical, simulated
from core.values import Quote, ceil_to
from tests.core.risk.worlds import FACTS, LIMITS, D, entry, sale

DAY_MS = INTERVALS_MS["1d"]
SMALLEST = D("1E-8")


def holding(equity: str, *held: Held, returns: DailyReturns | None = None, live: bool = True) -> RiskFacts:
    return replace(FACTS, portfolio=Portfolio(Quote(D(equity)), held, returns), live=live)


def limits(**changed: object) -> RiskLimits:
    wide: dict[str, object] = {"positions_max": 5, "asset_rate": D(1), "exposure_rate": D(1)}
    return replace(LIMITS, portfolio=PortfolioLimits(**(wide | changed)))  # type: ignore[arg-type]


def others(count: int) -> tuple[Held, ...]:
    return tuple(Held(f"A{each}USDT", f"A{each}", Quote(D(1))) for each in range(count))


def reason(answer: Approved | Denied) -> str:
    return answer.reason if isinstance(answer, Denied) else ""


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (others(3), ""),
        (others(4), ""),
        (others(5), "OPEN_POSITIONS_REACHED"),
        ((*others(4), Held("BTCUSDT", "BTC", Quote(D(1)))), ""),
        ((*others(4), Held("ETHBTC", "ETH", None)), "OPEN_POSITIONS_REACHED"),
    ],
)
def test_the_sixth_position_is_denied_and_adding_to_one_is_not(held: tuple[Held, ...], said: str) -> None:
    assert reason(approve(entry(), holding("10000", *held), limits())) == said


@pytest.mark.parametrize(("value", "said"), [("89.99", ""), ("90", ""), ("90.01", "POSITION_LIMIT")])
def test_exposure_to_one_asset_counts_every_symbol_of_it(value: str, said: str) -> None:
    """10 are bought; a tenth of 1,000 may be in BTC."""
    parts = (Held("BTCUSDT", "BTC", Quote(D(value) - 1)), Held("BTCXUSDT", "BTC", Quote(D(1))))
    facts = holding("1000", *parts, Held("ETHUSDT", "ETH", Quote(D(500))))
    assert reason(approve(entry(), facts, limits(asset_rate=D("0.1")))) == said


@pytest.mark.parametrize(("value", "said"), [("489.99", ""), ("490", ""), ("490.01", "GROSS_LIMIT")])
def test_total_exposure_counts_every_asset(value: str, said: str) -> None:
    held = Held("ETHUSDT", "ETH", Quote(D(value) - 1)), Held("SOLUSDT", "SOL", Quote(D(1)))
    assert reason(approve(entry(), holding("1000", *held), limits(exposure_rate=D("0.5")))) == said


def test_the_limit_is_rounded_down() -> None:
    """A third of 30.03 is 10.01, of 30 less a cent 9.99666…: ten do not fit."""
    third = limits(exposure_rate=Decimal(1) / 3)
    assert reason(approve(entry(), holding("30.03"), third)) == ""
    assert reason(approve(entry(), holding("29.99"), third)) == "GROSS_LIMIT"


def test_with_real_money_nothing_is_bought_before_the_portfolio_was_looked_at() -> None:
    unseen = replace(FACTS, portfolio=None)
    assert reason(approve(entry(), unseen, limits())) == "PORTFOLIO_UNKNOWN"
    assert reason(approve(entry(), replace(unseen, measured=False), limits())) == ""


RETURNS = np.random.default_rng(7).normal(0.001, 0.03, (90, 2))
SEEN = DailyReturns(("BTCUSDT", "ETHUSDT"), RETURNS)
ETH = Held("ETHUSDT", "ETH", Quote(D(40)))


def measured(*values: float) -> Decimal:
    amounts = np.array(values)
    drawn = simulated(amounts, RETURNS, np.random.Generator(np.random.PCG64(42)))
    larger = max(drawn.value_at_risk, historical(amounts, RETURNS).value_at_risk)
    return ceil_to(Decimal(larger), SMALLEST)


@pytest.mark.parametrize(("around", "said"), [(SMALLEST, ""), (D(0), ""), (-SMALLEST, "VAR_LIMIT")])
def test_value_at_risk_is_that_of_the_portfolio_after_the_order(around: Decimal, said: str) -> None:
    """40 of ETH are held and 10 of BTC bought; the equity is 1, so that the rate is the limit itself."""
    rate = measured(10, 40) + around
    facts = holding("1", ETH, returns=SEEN)
    wide = PortfolioLimits(asset_rate=D(99), exposure_rate=D(99), var_rate=rate)
    answer = approve(entry(), facts, replace(LIMITS, portfolio=wide))
    assert reason(answer) == said
    if isinstance(answer, Denied):
        assert "simulated" in answer.message
        assert "historical" in answer.message
        assert D(str(answer.details["value_at_risk"])) == measured(10, 40)


@pytest.mark.parametrize(
    ("returns", "said"),
    [
        (None, "were not read"),
        (DailyReturns(("ETHUSDT",), RETURNS[:, 1:]), "BTCUSDT were not read"),
        (DailyReturns(SEEN.symbols, RETURNS[:29]), "29 daily returns, 30 are needed"),
        (DailyReturns(SEEN.symbols, RETURNS * np.nan), "0 daily returns"),
    ],
)
def test_without_enough_returns_value_at_risk_refuses(returns: DailyReturns | None, said: str) -> None:
    facts = holding("1000", ETH, returns=returns)
    answer = approve(entry(), facts, limits(var_rate=D("0.1")))
    assert isinstance(answer, Denied)
    assert answer.reason == "VAR_UNKNOWN"
    assert said in answer.message
    assert reason(approve(entry(), replace(facts, measured=False), limits(var_rate=D("0.1")))) == ""
    assert reason(approve(entry(), facts, limits())) == ""


@given(st.lists(st.builds(Held, st.just("ETHUSDT"), st.just("ETH"), st.builds(Quote, st.decimals(0, 999)))))
def test_no_limit_on_what_is_held_keeps_anything_from_being_sold(held: list[Held]) -> None:
    tight = limits(positions_max=1, asset_rate=D("1E-9"), exposure_rate=D("1E-9"), var_rate=D("1E-9"))
    facts = holding("0", *held)
    for purpose in (Purpose.EXIT, Purpose.PROTECT, Purpose.FLATTEN):
        assert isinstance(approve(selling(purpose), facts, tight), Approved)


def selling(purpose: Purpose) -> OrderRequest:
    return sale(purpose=purpose)


def test_limits_that_cannot_be_are_refused_together() -> None:
    with pytest.raises(ValueError, match=r"positions_max was 0, below 1; var_rate was NaN, not above 0"):
        PortfolioLimits(positions_max=0, var_rate=D("NaN"))


def days(first: int, *closes: float) -> Bars:
    column: FloatArray = np.array(closes)
    times = (first + np.arange(len(closes))) * DAY_MS
    return Bars(times, column, column, column, column, column, DAY_MS)


def test_returns_are_those_of_the_days_that_all_symbols_have() -> None:
    found = daily_returns({"A": days(3, 1, 2, 3, 6), "B": days(4, 8, 4, 2, 1)})
    assert found.symbols == ("A", "B")
    assert found.rows.tolist() == [[0.5, -0.5], [1.0, -0.5]]


@pytest.mark.parametrize("other", [days(9, 1, 2), days(0), days(4, 1)])
def test_without_two_common_days_there_is_no_return(other: Bars) -> None:
    assert daily_returns({"A": days(3, 1, 2, 3), "B": other}).rows.shape == (0, 2)
