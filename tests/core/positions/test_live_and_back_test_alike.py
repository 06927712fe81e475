"""The same bars end a position at the same place, held by the live code or by a back-test.

The live side is the real `Managed`, looked at once a minute, beside a venue that fills stop and target inside
each minute: what the open meets first, then the stop before the target.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import assume, given
from hypothesis import strategies as st

from core.account import CommissionRates
from core.backtest.costs import Costs
from core.backtest.outcome import STILL_OPEN, Column, Exit
from core.backtest.plain import run_plain
from core.bars import Bars, aggregate
from core.errors import VenueRejected
from core.instrument import Instrument
from core.operations.managing import Managed
from core.operations.protect import Guard
from core.positions import Held, PositionRules, entry_allowed_ms, entry_levels
from core.strategies.decision import EntryTerms
from tests.core.backtest.scripted import MINUTE_MS, Prices, Script, plain_market, run_on, setup, signals

D = Decimal
TAKER_RATE = D("0.001")
COSTS = Costs(CommissionRates(TAKER_RATE, TAKER_RATE), D(0), D(0), 0)
BARS = 40
End = tuple[int, Decimal, Exit]
"""The bar of the market in which a position ended, at which price, and how."""


@dataclass
class Desk:
    """As much of a desk and its venue as `Managed` asks: closed bars, and the price the last closed at."""

    market: Bars
    closed: int = 0

    @property
    def venue(self) -> Any:
        return SimpleNamespace(market_data=self)

    def venue_now_ms(self) -> int:
        return int(self.market.open_time_ms[self.closed - 1]) + MINUTE_MS

    @property
    def price(self) -> Decimal:
        return D(repr(float(self.market.close[self.closed - 1])))

    async def book(self, symbol: str, levels: int) -> Any:
        return SimpleNamespace(bids=((self.price, D(1)),))

    async def bars(self, symbol: str, interval: str, count: int) -> Bars:
        minutes = int(interval.removesuffix("m"))
        found = aggregate(self.market[: self.closed], minutes * MINUTE_MS) if minutes > 1 else self.market
        return found[max(0, self.closed // minutes - count) : self.closed // minutes]


@dataclass
class Resting:
    """A guard whose stop rests at the venue; one that the price has passed is not taken."""

    desk: Desk
    instrument: Instrument
    symbol: str = "BTCUSDT"
    moved: list[Decimal] = field(default_factory=list)

    @property
    def holding(self) -> Any:
        return SimpleNamespace(instrument=self.instrument)

    async def has_ended(self) -> bool:
        return False

    async def move(self, stop: Decimal) -> bool:
        if self.desk.price <= stop:
            raise VenueRejected("through it", code="STOP_WOULD_TRIGGER", venue_code=-2010, venue_text="")
        self.moved.append(stop)
        return True


async def live_end(prices: Prices, rules: PositionRules, terms: EntryTerms, minutes: int) -> End | None:
    """Enter at the open of the bar after the first decision, and look once a minute."""
    market = plain_market(prices)
    entered = minutes
    entry_price = D(str(prices[entered][0]))
    entry_ms = int(market.bars.open_time_ms[entered])
    desk = Desk(market.bars)
    held = Held(entry_price, entry_ms, entry_levels(market.instrument, entry_price, terms))
    guard = cast("Guard", Resting(desk, market.instrument))
    told: list[str] = []
    managed = Managed(guard, rules, held, TAKER_RATE, f"{minutes}m", entry_ms, told.append)
    for index in range(entered, len(prices)):
        opened, high, low, _ = (D(str(each)) for each in prices[index])
        stop, target = managed.levels.stop, managed.levels.target
        if opened > stop and target is not None and (opened > target or (low > stop and high > target)):
            return index, target, Exit.TARGET
        if low <= stop:
            return index, min(opened, stop), Exit.STOP
        desk.closed = index + 1
        try:
            ends = await managed.has_ended()
        except VenueRejected:  # the position is sold at once
            return None if index + 1 == len(prices) else (index + 1, D(str(prices[index + 1][0])), Exit.STOP)
        if ends:
            assert told[-1].endswith("HELD_TOO_LONG")
            return None if index + 1 == len(prices) else (index + 1, D(str(prices[index + 1][0])), Exit.TIME)
    return None


def back_test_end(prices: Prices, rules: PositionRules, terms: EntryTerms, minutes: int) -> End | None:
    how = replace(setup(COSTS), rules=rules)
    count = len(prices) // minutes
    given = signals(count, enter=[0])
    given.stop_loss_rate[:] = float(terms.stop_loss_rate)
    if terms.take_profit_rate is not None:
        given.take_profit_rate[:] = float(terms.take_profit_rate)
    found = run_plain(run_on([plain_market(prices)], minutes, how), Script({"BTCUSDT": given}), how)
    (row,) = found.trades.tolist()
    if row[Column.EXIT_BAR] == STILL_OPEN:
        return None
    return row[Column.EXIT_BAR], D(row[Column.EXIT_PRICE]).scaleb(-2), Exit(row[Column.EXIT])


def rate(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Return fractions in steps of 0.05 %, or 0: the rule is off."""
    return st.integers(low, high).map(lambda steps: D(steps) * D("0.0005")) | st.just(D(0))


@st.composite
def position_rules(draw: st.DrawFn) -> PositionRules:
    trail_by = draw(rate(1, 10))
    trigger = draw(rate(2, 10))
    return PositionRules(
        break_even_from=draw(rate(1, 10)),
        trail_by=trail_by,
        trail_from=draw(rate(1, 12)) if trail_by else D(0),
        locks=((trigger, trigger / 2),) if trigger else (),
        max_hold_ms=draw(st.integers(0, 15)) * MINUTE_MS,
        extend_losing_ms=draw(st.integers(0, 5)) * MINUTE_MS,
    )


def walk(seed: int) -> list[tuple[float, float, float, float]]:
    """Return bars around 100, each opening up to 0.2 % from the close before it."""
    random = Random(seed)
    close, found = 10_000, []
    for _ in range(BARS):
        opened = close + random.randint(-20, 20)
        close = opened + random.randint(-60, 60)
        high, low = max(opened, close) + random.randint(0, 40), min(opened, close) - random.randint(0, 40)
        found.append((opened / 100, high / 100, low / 100, close / 100))
    return found


STOPS = st.integers(10, 60).map(lambda steps: D(steps) * D("0.0005"))
TERMS = st.builds(EntryTerms, STOPS, rate(10, 60).map(lambda each: each or None))


@given(st.integers(0, 2**32).map(walk), position_rules(), TERMS, st.sampled_from([1, 5]))
def test_the_same_bars_end_a_position_at_the_same_place(
    prices: Prices, rules: PositionRules, terms: EntryTerms, minutes: int
) -> None:
    market = plain_market(prices)
    target = entry_levels(market.instrument, D(str(prices[minutes][0])), terms).target
    # At the very price of a target a limit order may wait for its turn, and the watch sells at market.
    assume(target is None or all(D(str(high)) != target for _, high, _, _ in prices))
    assert back_test_end(prices, rules, terms, minutes) == asyncio.run(
        live_end(prices, rules, terms, minutes)
    )


@given(st.integers(1, 9), st.integers(1, MINUTE_MS - 1), st.booleans())
def test_the_same_bar_is_the_first_to_enter_again_after_a_cooldown(
    minutes: int, into_ms: int, stopped: bool
) -> None:
    """A stop fires anywhere inside the third bar; a sale that was decided on follows its open."""
    rules = PositionRules(cooldown_ms=(minutes + 1) * MINUTE_MS)
    flat = (100.0, 100.0, 100.0, 100.0)
    prices = [flat, flat, (100.0, 100.0, 98.0, 100.0) if stopped else flat, *[flat] * 20]
    how = replace(setup(), rules=rules)
    given_ = signals(len(prices), enter=range(len(prices)), leave=[] if stopped else [1])
    found = run_plain(run_on([plain_market(prices)], 1, how), Script({"BTCUSDT": given_}), how)
    again = found.column(Column.ENTRY_BAR).tolist()[1]

    opens_ms = plain_market(prices).bars.open_time_ms.tolist()
    sold_ms = opens_ms[2] + (into_ms if stopped else min(into_ms, 5_000))
    allowed_ms = entry_allowed_ms(rules, sold_ms, None)
    assert again == next(bar for bar, opened in enumerate(opens_ms) if opened >= allowed_ms)
