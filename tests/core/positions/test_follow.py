"""The rules against the worked numbers of their sources, and what must hold on any path of prices."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.instrument import Filters, PriceFilter
from core.positions import (
    NO_RULES,
    ExitReason,
    Held,
    Levels,
    PositionRules,
    Seen,
    divided,
    entry_allowed_ms,
    entry_levels,
    follow,
)
from core.positions.levels import exit_side
from core.strategies.decision import Direction, EntryTerms
from tests.core.risk.worlds import BTCUSDT

D = Decimal
LONG, SHORT = Direction.LONG, Direction.SHORT
NO_FEE = D(0)
FINE = replace(BTCUSDT, filters=Filters(price=PriceFilter(D(0), D(0), D("0.00001"))))
AURA = PositionRules(break_even_from=D("0.005"), trail_from=D("0.008"), trail_by=D("0.004"))
ENIGMA_ROI = PositionRules(
    break_even_from=D("0.01"),
    trail_from=D("0.02"),
    trail_by=D("0.01"),
    locks=tuple(
        (D(trigger) / 100, D(lock) / 100)
        for trigger, lock in [("1", "0.2"), ("2", "0.8"), ("3", "1.5"), ("4", "2.5"), ("6", "4"), ("8", "6")]
    ),
)
TAKER = D("0.0006")


def held(entry: str, stop: str, target: str | None = None, **more: object) -> Held:
    levels = Levels(D(stop), None if target is None else D(target))
    return replace(Held(D(entry), 0, levels), **more)  # type: ignore[arg-type]  # as the fields


def at(price: str, now_ms: int = 0) -> Seen:
    return Seen.price(D(price), now_ms)


@pytest.mark.parametrize(
    ("best", "stop"),
    [
        ("150.74", "147.6"),
        ("150.75", "150.075"),
        ("151.19", "150.075"),
        ("151.2", "150.5952"),
        ("152", "151.392"),
    ],
)
def test_break_even_and_trailing_as_auraquant_works_them_out(best: str, stop: str) -> None:
    outlook = follow(AURA, held("150", "147.6"), at(best), FINE, NO_FEE)
    assert outlook.levels.stop == D(stop)


def test_the_stop_at_break_even_pays_both_fees() -> None:
    outlook = follow(AURA, held("150", "147.6"), at("151"), FINE, TAKER)
    assert outlook.levels.stop == D("150.255")  # 150 · (1 + 2 · 0.0006 + 0.0005)


def test_a_stop_beyond_the_market_is_not_asked_for() -> None:
    dear = D("0.0026")  # break-even lies at 150.855, above what started it
    assert follow(AURA, held("150", "147.6"), at("150.8"), FINE, dear).levels.stop == D("147.6")


@pytest.mark.parametrize(
    ("trigger", "stop"),
    [
        ("40114.6667", "40061.33334"),
        ("40181.3334", "40101.33334"),
        ("40248", "40148"),
        ("40314.6667", "40214.66667"),
        ("40448", "40314.66667"),
        ("40581.3334", "40448"),
    ],
)
def test_the_ladder_of_locked_gains_at_six_times_leverage(trigger: str, stop: str) -> None:
    ladder = replace(divided(ENIGMA_ROI, 6), break_even_from=D(0), trail_by=D(0), trail_from=D(0))
    position = held("40000", "39600", leverage=6)
    just_below = str(D(trigger) - D("0.001"))
    assert follow(ladder, position, at(trigger), FINE, TAKER).levels.stop == D(stop)
    assert follow(ladder, position, at(just_below), FINE, TAKER).levels.stop < D(stop)


def test_break_even_and_trailing_of_enigma_at_six_times_leverage() -> None:
    rules, position = divided(replace(ENIGMA_ROI, locks=()), 6), held("40000", "39600", leverage=6)
    assert follow(rules, position, at("40070"), FINE, TAKER).levels.stop == D("40051.33334")
    assert follow(rules, position, at("40600"), FINE, TAKER).levels.stop == D("40532.33334")


def test_a_short_position_is_the_mirror_image() -> None:
    position = held("150", "152.4", direction=SHORT)
    assert follow(AURA, position, at("149.25"), FINE, NO_FEE).levels.stop == D("149.925")
    assert follow(AURA, position, at("148"), FINE, NO_FEE).levels.stop == D("148.592")
    assert follow(AURA, position, at("152.4"), FINE, NO_FEE).exit is ExitReason.STOP_TOUCHED


BAR_CASES = [
    (Seen(D(103), D(97), D(100), 0), ExitReason.STOP_TOUCHED),  # both in one bar: the worse is assumed
    (Seen(D(103), D(99), D(100), 0), ExitReason.TARGET_TOUCHED),
    (Seen(D(102), D(99), D(100), 0), ExitReason.TARGET_TOUCHED),
    (Seen(D("101.99"), D("98.01"), D(100), 0), None),
]


@pytest.mark.parametrize(("seen", "reason"), BAR_CASES)
def test_what_a_bar_touches(seen: Seen, reason: ExitReason | None) -> None:
    outlook = follow(NO_RULES, held("100", "98", "102"), seen, FINE, NO_FEE)
    assert outlook.exit is reason
    assert outlook.levels == Levels(D(98), D(102))


def test_the_high_of_a_bar_moves_the_stop_only_for_the_next() -> None:
    trailing = PositionRules(trail_from=D("0.01"), trail_by=D("0.005"))
    bar = Seen(D(110), D(100), D(101), 0)  # its low lies below the stop that its high asks for
    first = follow(trailing, held("100", "98"), bar, FINE, NO_FEE)
    assert first.exit is None
    assert first.levels.stop == D("109.45")
    assert follow(trailing, held("100", "109.45"), bar, FINE, NO_FEE).exit is ExitReason.STOP_TOUCHED


def test_a_leveraged_position_ends_before_it_is_taken_away() -> None:
    position = held("40000", "30000", leverage=6)  # liquidation at 33366.67; 5 % of the price above it
    assert follow(NO_RULES, position, at("35122"), FINE, TAKER).exit is ExitReason.LIQUIDATION_NEAR
    assert follow(NO_RULES, position, at("35123"), FINE, TAKER).exit is None
    assert follow(NO_RULES, replace(position, leverage=1), at("35000"), FINE, TAKER).exit is None


HOLDING = PositionRules(max_hold_ms=1_800_000, extend_losing_ms=600_000, extensions_max=1)


@pytest.mark.parametrize(
    ("price", "after_s", "ends"),
    [
        ("101", 1_799, False),
        ("101", 1_800, True),
        ("100", 1_800, True),
        ("99", 1_800, False),
        ("99", 2_399, False),
        ("101", 2_000, True),
        ("99", 2_400, True),
    ],
)
def test_the_longest_time_a_position_may_last(price: str, after_s: int, ends: bool) -> None:
    outlook = follow(HOLDING, held("100", "90"), at(price, after_s * 1000), FINE, NO_FEE)
    assert (outlook.exit is ExitReason.HELD_TOO_LONG) is ends


def test_a_cooldown_counts_from_the_later_of_entry_and_exit() -> None:
    rules = PositionRules(cooldown_ms=1_000)
    assert entry_allowed_ms(rules, None, None) == 0
    assert entry_allowed_ms(rules, 500, 400) == 1_500
    assert entry_allowed_ms(rules, 500, 900) == 1_900
    assert entry_allowed_ms(NO_RULES, 500, 900) == 0


def test_every_bad_rule_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"trail_from must be.*a lock must lie.*trail_by must be above 0"):
        PositionRules(trail_from=D(2), locks=((D("0.01"), D("0.01")),))


prices = st.decimals(min_value=50, max_value=200, places=2)
rates = st.decimals(min_value=0, max_value="0.2", places=4)


@st.composite
def rules_of_any_kind(draw: st.DrawFn) -> PositionRules:
    trail_by = draw(rates)
    return PositionRules(
        break_even_from=draw(rates),
        break_even_buffer=draw(rates),
        trail_from=draw(rates) if trail_by else D(0),
        trail_by=trail_by,
        locks=tuple((lock + D("0.01"), lock) for lock in draw(st.lists(rates, max_size=3))),
    )


@given(
    rules=rules_of_any_kind(),
    steps=st.lists(st.tuples(st.integers(-60, 100), st.integers(0, 60)), min_size=2, max_size=30),
    direction=st.sampled_from(Direction),
    fee=st.decimals(min_value=0, max_value="0.01", places=4),
)
def test_a_stop_never_loosens_nor_crosses_the_market(
    rules: PositionRules, steps: list[tuple[int, int]], direction: Direction, fee: Decimal
) -> None:
    entry = D(100)
    levels = entry_levels(BTCUSDT, entry, EntryTerms(D("0.3")), direction)
    middle = entry
    for step, half_range in steps:
        middle += D(step) / 10 * direction
        half = D(half_range) / 10
        seen = Seen(middle + half, middle - half, middle, 0)
        outlook = follow(rules, Held(entry, 0, levels, direction), seen, BTCUSDT, fee)
        if outlook.exit is not None:
            assert outlook.levels == levels
            return
        assert (outlook.levels.stop - levels.stop) * direction >= 0
        assert (seen.best(direction) - outlook.levels.stop) * direction > 0
        assert outlook.levels.stop == BTCUSDT.price_passive(exit_side(direction), outlook.levels.stop)
        levels = outlook.levels


@given(
    rules=rules_of_any_kind(), highs=st.lists(prices.filter(lambda price: price > 90), min_size=1, max_size=8)
)
def test_one_bar_moves_the_stop_as_its_best_price_does(rules: PositionRules, highs: list[Decimal]) -> None:
    """Looking often or seldom makes no difference to where the stop stands in the end, while it holds."""
    position = Held(D(100), 0, Levels(D(40), None))
    bar = follow(rules, position, Seen(max(highs), min(highs), highs[-1], 0), BTCUSDT, NO_FEE)
    for high in sorted(highs):
        seen = follow(rules, position, Seen.price(high, 0), BTCUSDT, NO_FEE)
        if seen.exit is not None:
            return
        position = replace(position, levels=seen.levels)
    assert position.levels == bar.levels
