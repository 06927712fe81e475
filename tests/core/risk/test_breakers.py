"""Where each breaker trips: just below, at, and above."""

from __future__ import annotations

import gzip
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.bars import Bars
from core.orders import Purpose
from core.risk.approval import Approved, Denied
from core.risk.approve import approve
from core.risk.breakers import (
    MINUTES_USED,
    UNTIL_RESET_MS,
    Breaker,
    DayOpening,
    LatchedBreaker,
    drawdown,
    extreme_move,
    fall_from_peak,
    losses_in_a_row,
    lost_rate,
)
from core.values import Quote
from tests.core.risk.worlds import FACTS, LIMITS, MINUTE_MS, NOW_MS, D, entry, sale

OPENING = DayOpening(day=1, equity=Quote(D(1_000)), profit=Quote(D(0)), at_ms=0)


@pytest.mark.parametrize(
    ("profit", "trips"),
    [("5", False), ("0", False), ("-19.99", False), ("-20", True), ("-20.01", True)],
)
def test_drawdown_trips_at_the_limit(profit: str, trips: bool) -> None:
    """The reference: of 1,000 at the day's start, 980.01 is allowed and 980 stops, at 2 %."""
    assert bool(drawdown(OPENING, Quote(D(profit)), D("0.02"))) is trips


def test_drawdown_counts_from_the_days_opening_and_shows_the_calculation() -> None:
    later = replace(OPENING, profit=Quote(D(-500)))
    assert drawdown(later, Quote(D(-519)), D("0.02")) == ""
    assert drawdown(later, Quote(D(-530)), D("0.03")) == (
        "30 of the day's opening equity 1000 is lost, realized and unrealized; "
        "the limit is the fraction 0.03, 30"
    )


@pytest.mark.parametrize("equity", ["0", "-5"])
def test_where_nothing_was_left_any_loss_trips(equity: str) -> None:
    opening = replace(OPENING, equity=Quote(D(equity)))
    assert drawdown(opening, Quote(D(0)), D("0.03")) == ""
    assert drawdown(opening, Quote(D("-0.01")), D("0.03"))


amounts = st.decimals(D(-1_000), D(1_000), places=2)


@given(st.decimals(D("0.01"), D(10_000), places=2), amounts, amounts, st.sampled_from([D("0.01"), D("0.03")]))
def test_drawdown_is_exactly_the_share_of_the_equity(
    equity: Decimal, before: Decimal, now: Decimal, rate: Decimal
) -> None:
    opening = replace(OPENING, equity=Quote(equity), profit=Quote(before))
    share = (Fraction(before) - Fraction(now)) / Fraction(equity)
    assert bool(drawdown(opening, Quote(now), rate)) is (share >= Fraction(rate))


@pytest.mark.parametrize(
    ("profit", "trips"),
    [("100", False), ("0.01", False), ("0", True), ("-0.01", True), ("-500", True)],
)
def test_the_fall_from_the_peak_trips_at_the_limit(profit: str, trips: bool) -> None:
    """1,000 at the peak, when the profit was 100: 10 % of that is lost when the profit is 0."""
    equity = 1_000 - (D(100) - D(profit))
    assert bool(fall_from_peak(Quote(D(100)), Quote(D(profit)), Quote(equity), D("0.1"))) is trips


def test_the_fall_from_the_peak_shows_the_calculation() -> None:
    said = fall_from_peak(Quote(D(100)), Quote(D(-20)), Quote(D(880)), D("0.1"))
    assert said == (
        "120 of the peak's equity 1000 is lost, realized and unrealized; the limit is the fraction 0.1, 100"
    )


@given(amounts, st.decimals(D(0), D(1_000), places=2), st.decimals(D("0.01"), D(10_000), places=2))
def test_the_fall_is_exactly_the_share_of_what_there_would_be(
    peak: Decimal, lost: Decimal, equity: Decimal
) -> None:
    share = Fraction(lost) / (Fraction(equity) + Fraction(lost))
    said = fall_from_peak(Quote(peak), Quote(peak - lost), Quote(equity), D("0.1"))
    assert bool(said) is (lost > 0 and share >= Fraction(1, 10))


def test_a_breaker_that_only_a_human_resets_says_so() -> None:
    latched = LatchedBreaker(Breaker.PEAK_DRAWDOWN, "it fell", 0, UNTIL_RESET_MS)
    assert str(latched) == "peak-drawdown since 1970-01-01T00:00:00.000Z until a human resets it: it fell"


@pytest.mark.parametrize(
    ("profit", "lost"), [("-20", D("0.02")), ("0", D(0)), ("30", D("-0.03")), ("-2000", D(2))]
)
def test_what_the_day_lost_is_a_share_of_its_opening(profit: str, lost: Decimal) -> None:
    assert lost_rate(OPENING, Quote(D(profit))) == lost
    assert lost_rate(replace(OPENING, equity=Quote(D(0))), Quote(D(profit))) is None


@pytest.mark.parametrize(
    ("newest_first", "count"),
    [([], 0), ([1], 0), ([-1], 1), ([-1, -2, -3], 3), ([-1, 0, -2, 5, -9], 2), ([0, 0], 0), ([1, -1, -1], 0)],
)
def test_losses_are_counted_back_to_the_last_profit(newest_first: list[int], count: int) -> None:
    assert losses_in_a_row(map(D, newest_first)) == count


def minutes(*closes: float, end_ms: int = NOW_MS) -> Bars:
    column = np.array(closes, dtype=np.float64)
    times = end_ms - MINUTE_MS * np.arange(len(closes), 0, -1)
    return Bars(times, column, column, column, column, column, MINUTE_MS)


def swinging(moves: list[float], count: int = 61) -> Bars:
    """An hour that goes up and down by 0.1 % a minute, so that its deviation is 0.1 %; then some moves."""
    closes = [100.0]
    for each in [*(0.001 if index % 2 else -0.001 for index in range(count - 1)), *moves]:
        closes.append(closes[-1] * (1 + each))
    return minutes(*closes)


@pytest.mark.parametrize(("move", "trips"), [(0.0099, False), (0.0101, True), (-0.0101, True)])
def test_a_minute_of_more_than_ten_deviations_is_extreme(move: float, trips: bool) -> None:
    found = extreme_move(swinging([move]), sigmas=10, move_rate=0.5)
    assert (found is not None) is trips
    if found:
        assert "10 standard deviations of the hour before, 1.000%" in found.reason
        assert (found.close_ms, found.until_ms) == (NOW_MS, NOW_MS + 15 * MINUTE_MS)


@pytest.mark.parametrize(("last", "trips"), [(100.5, False), (100.51, True), (99.49, True)])
def test_after_an_hour_without_a_move_half_a_percent_is_extreme(last: float, trips: bool) -> None:
    found = extreme_move(minutes(*[100.0] * 61, last), sigmas=10, move_rate=0.5)
    assert (found is not None) is trips


def test_fewer_than_sixty_returns_say_nothing_of_a_minute() -> None:
    assert extreme_move(minutes(*[100.0] * 60, 120), sigmas=10, move_rate=0.5) is None
    assert extreme_move(minutes(*[100.0] * 61, 120), sigmas=10, move_rate=0.5)


@pytest.mark.parametrize(("last", "trips"), [(102.99, False), (103.0, True), (97.0, True), (97.01, False)])
def test_three_percent_in_five_minutes_are_extreme(last: float, trips: bool) -> None:
    closes = (100.0, 100.0, 100.0, 100.0, 100.0, last)
    found = extreme_move(minutes(*closes), sigmas=10, move_rate=0.03)
    assert (found is not None) is trips
    assert extreme_move(minutes(*closes[1:]), sigmas=10, move_rate=0.03) is None


@pytest.mark.parametrize(("ago", "is_seen"), [(0, True), (14, True), (15, False)])
def test_a_move_is_seen_until_its_pause_is_over(ago: int, is_seen: bool) -> None:
    bars = swinging([0.02, *[0.0] * ago])
    found = extreme_move(bars[-MINUTES_USED:], sigmas=10, move_rate=0.5)
    assert (found is not None) is is_seen
    if found:
        assert found.close_ms == NOW_MS - ago * MINUTE_MS


def test_the_newest_of_several_moves_counts() -> None:
    found = extreme_move(swinging([0.05, *[0.0] * 5, -0.05, 0.0]), sigmas=3, move_rate=0.5)
    assert found
    assert found.close_ms == NOW_MS - MINUTE_MS


def test_no_bars_say_nothing() -> None:
    assert extreme_move(minutes(), sigmas=10, move_rate=0.03) is None


@pytest.mark.parametrize(
    ("sigmas", "move_rate", "seen"), [(10, 9, 18), (8, 9, 35), (1e9, 0.03, 1), (1e9, 0.02, 14)]
)
def test_a_recorded_month_has_as_many_extreme_minutes_as_the_reference_counts(
    data_dir: Path, sigmas: float, move_rate: float, seen: int
) -> None:
    with gzip.open(data_dir / "BTCUSD-PERP-1m-2022-01.csv.gz", "rt") as file:
        times, *prices, volume = np.loadtxt(file, delimiter=",", usecols=range(6), unpack=True)
    opened, high, low, closed = prices
    month = Bars(times.astype(np.int64), opened, high, low, closed, volume, MINUTE_MS)
    close: list[float] = month.close.tolist()

    def moved(last: int, bars: int) -> float:
        return abs(close[last] / close[last - bars] - 1)

    # Only where it may be: all of them would take a minute.
    lively = [last for last in range(61, len(close)) if moved(last, 1) > 0.002 or moved(last, 5) >= 0.02]
    found = 0
    for last in lively:
        move = extreme_move(month[last - 61 : last + 1], sigmas=sigmas, move_rate=move_rate)
        found += move is not None and move.close_ms == month[: last + 1].end_ms
    assert found == seen


def test_a_latched_breaker_stops_what_is_bought_and_nothing_that_is_sold() -> None:
    latched = tuple(LatchedBreaker(each, "why", NOW_MS, NOW_MS + 1) for each in Breaker)
    facts = replace(FACTS, breakers=latched)
    answer = approve(entry(), facts, LIMITS)
    assert isinstance(answer, Denied)
    assert (answer.reason, answer.details["also"]) == ("BREAKER_LATCHED", [])
    assert answer.details["breakers"] == "daily-drawdown, peak-drawdown, consecutive-losses, extreme-market"
    assert "consecutive-losses since 2023-11-14T22:13:20.000Z until" in answer.message
    for purpose in (Purpose.EXIT, Purpose.PROTECT, Purpose.FLATTEN):
        assert isinstance(approve(sale(purpose=purpose), facts, LIMITS), Approved)
