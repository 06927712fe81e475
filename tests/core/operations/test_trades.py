"""The trades of a run: what ends them, what is sold first, and what is said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from core.alerts.watching import is_watched
from core.bars import Bars
from core.clock import SystemClock
from core.desk import Desk
from core.errors import ConfigError, Interrupted, Refused, VenueUnavailable, WaitLimitReached
from core.gates import StagePlan
from core.operations.holding import Holding
from core.operations.market_view import with_observed
from core.operations.progress import Step, Waiting
from core.operations.stage_result import StageResult
from core.operations.trades import Trading, make_trades
from core.orders import Side
from core.ports import TakerFlow
from core.positions import PositionRules
from core.stages import STAGES, EntryMode, Gate
from core.strategies import (
    FLAT,
    Action,
    Decision,
    Headline,
    MarketView,
    Observed,
    PositionState,
    Series,
    Standing,
)
from core.strategies.news import News
from tests.core.operations.desks import D, Exchange, desk_at, filled
from tests.core.risk.worlds import BTCUSDT

MINUTE_MS = 60_000
STOP, TARGET = D("0.008"), D("0.018")
Answer = Callable[[PositionState | None], Action]


@dataclass
class Told:
    """What a run said."""

    steps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    waits: list[Waiting] = field(default_factory=list)

    def step(self, step: Step, text: str) -> None:
        self.steps.append(text)

    def gates(self, gates: Sequence[Gate]) -> None: ...

    def note(self, text: str) -> None:
        self.notes.append(text)

    def waiting(self, state: Waiting) -> None:
        self.waits.append(state)


@dataclass
class Scripted:
    """A strategy that says what a test wants. `asked`: bars_held at each look, None when flat."""

    answer: Answer
    asked: list[int | None] = field(default_factory=list)
    name: str = "scripted"
    summary: str = "says what a test wants"
    parameters: object = None
    stop_loss_rate: Decimal = STOP
    take_profit_rate: Decimal | None = TARGET

    def needs(self, traded: Series) -> dict[Series, int]:
        return {traded: 3}

    def decide(self, view: MarketView, standing: Standing = FLAT) -> Decision:
        position = standing.position
        self.asked.append(None if position is None else position.bars_held)
        return Decision(self.answer(position), "SCRIPTED", int(view.bars.open_time_ms[-1]), {"z": 0.5})


def closed_bars(exchange: Exchange) -> Bars:
    """Return three closed minutes of a flat market."""
    newest_ms = exchange.clock.now_ms() // MINUTE_MS * MINUTE_MS
    times = newest_ms - MINUTE_MS * np.array([3, 2, 1])
    price = np.full(3, 10_000.0)
    return Bars(times, price, price, price, price, np.ones(3), MINUTE_MS)


@pytest.fixture
def exchange() -> Exchange:
    exchange = Exchange()
    exchange.bars_made = lambda: closed_bars(exchange)
    return exchange


@pytest.fixture
async def desk(exchange: Exchange, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(exchange, tmp_path / "home") as desk:
        yield desk


def run_of(
    desk: Desk,
    *,
    trades: int = 1,
    answer: Answer | None = None,
    soak_s: float = 0,
    wait_limit_s: float = 3_600,
) -> tuple[Trading, Told, Scripted]:
    """Return a run of real orders without protective stops; `answer`: the strategy's, None for probes."""
    told, scripted = Told(), Scripted(answer or (lambda position: Action.STAY_FLAT))
    entry = EntryMode.PROBE if answer is None else EntryMode.SIGNAL
    stage = replace(STAGES[1], protect=False)
    plan = StagePlan(stage, "BTCUSDT", trades, entry, "scripted", "1m", soak_s, wait_limit_s)
    desk = replace(desk, strategy=scripted)
    deadline_ms = desk.clock.monotonic_ms() + wait_limit_s * 1000
    return Trading(desk, plan, told, StageResult(plan), Holding(BTCUSDT), deadline_ms), told, scripted


@dataclass
class Observer(Scripted):
    """One that looks at the book, the tape and the news. `seen`: what it was shown."""

    seen: list[MarketView] = field(default_factory=list)

    def observes(self) -> Observed:
        return Observed(book_levels=20, flow_ms=60_000, news_ms=600_000)

    def decide(self, view: MarketView, standing: Standing = FLAT) -> Decision:
        self.seen.append(view)
        return super().decide(view, standing)


def observer_of(desk: Desk, answer: Answer) -> tuple[Trading, Told, Observer]:
    run, told, _ = run_of(desk, answer=answer)
    observer = Observer(answer)
    run.watch.desk = run.desk = replace(run.desk, strategy=observer)
    return run, told, observer


def sides(exchange: Exchange) -> list[Side]:
    return [intent.request.side for intent in exchange.received]


ONE_TRADE = [Side.BUY, Side.SELL]


def enter_and_hold(position: PositionState | None) -> Action:
    return Action.ENTER_LONG if position is None else Action.HOLD


def enter_and_leave_after(bars: int) -> Answer:
    def answer(position: PositionState | None) -> Action:
        if position is None:
            return Action.ENTER_LONG
        return Action.EXIT if position.bars_held >= bars else Action.HOLD

    return answer


async def test_probes_follow_one_another_at_once(desk: Desk, exchange: Exchange) -> None:
    run, told, _ = run_of(desk, trades=3)
    await make_trades(run)
    assert sides(exchange) == ONE_TRADE * 3
    assert [text.partition(" ")[0] for text in told.steps] == ["1/3", "2/3", "3/3"]
    assert exchange.clock.slept_s == []
    assert run.result.unfinished is None


async def test_a_soak_pauses_between_trades_and_shows_it(desk: Desk, exchange: Exchange) -> None:
    run, told, _ = run_of(desk, trades=3, soak_s=60)
    began_ms = exchange.clock.time_ms
    await make_trades(run)
    assert exchange.clock.time_ms - began_ms == 60_000
    assert {state.what for state in told.waits} == {"soaking for 60 s"}


async def test_the_dust_of_one_trade_is_sold_with_the_next(desk: Desk, exchange: Exchange) -> None:
    run, _, _ = run_of(desk, trades=8)
    await make_trades(run)
    assert run.result.trades[-1].dust.value < D("0.00001")
    assert desk.journal.position(desk.account, "BTCUSDT").quantity == run.result.trades[-1].dust


async def test_a_position_is_left_when_the_strategy_says_so(desk: Desk, exchange: Exchange) -> None:
    run, told, scripted = run_of(desk, answer=enter_and_leave_after(3))
    began_ms = exchange.clock.now_ms()
    await make_trades(run)
    assert sides(exchange) == ONE_TRADE
    assert 2 * MINUTE_MS < exchange.clock.now_ms() - began_ms <= 4 * MINUTE_MS
    held = [bars for bars in scripted.asked if bars is not None]
    assert held[-1] == 3
    assert held == sorted(held)
    assert {state.what for state in told.waits} == {"holding"}


async def test_a_position_is_marked_as_watched_for_as_long_as_it_is(desk: Desk) -> None:
    home, now_ms = desk.settings.home, SystemClock().now_ms
    seen: list[bool] = []

    def watched_now() -> bool:
        return is_watched(home, desk.account, "BTCUSDT", now_ms())

    def answer(position: PositionState | None) -> Action:
        if position is None:
            return Action.ENTER_LONG
        seen.append(watched_now())
        return Action.HOLD if len(seen) < 3 else Action.EXIT

    run, _, _ = run_of(desk, answer=answer)
    await make_trades(run)
    assert len(seen) >= 3
    assert all(seen)
    assert not watched_now()


@pytest.mark.parametrize(("bid", "side"), [("9919", "stop"), ("10181", "target")])
async def test_stop_and_target_count_between_bars(
    desk: Desk, exchange: Exchange, bid: str, side: str
) -> None:
    def answer(position: PositionState | None) -> Action:
        exchange.bid, exchange.ask = D(bid), D(bid) + 1
        return Action.HOLD

    def first_look(position: PositionState | None) -> Action:
        return Action.ENTER_LONG if position is None else answer(position)

    run, _, _ = run_of(desk, answer=first_look)
    await make_trades(run)
    assert sides(exchange) == ONE_TRADE
    assert exchange.clock.slept_s == []


async def test_one_bar_is_entered_once(desk: Desk, exchange: Exchange) -> None:
    """A stop between bars must not buy again on the bar that led into the position."""

    def answer(position: PositionState | None) -> Action:
        if position is not None:
            exchange.bid, exchange.ask = D("9919"), D("9920")
            return Action.HOLD
        exchange.bid, exchange.ask = D("9999"), D("10000")
        return Action.ENTER_LONG

    run, _, _ = run_of(desk, trades=2, answer=answer)
    await make_trades(run)
    first, second = (intent for intent in exchange.received if intent.request.side is Side.BUY)
    assert second.timestamp_ms // MINUTE_MS > first.timestamp_ms // MINUTE_MS


async def test_the_wait_limit_without_a_trade_passes_nothing(desk: Desk, exchange: Exchange) -> None:
    run, told, _ = run_of(desk, answer=lambda position: Action.STAY_FLAT, wait_limit_s=60)
    with pytest.raises(WaitLimitReached, match="within 60 s: zero trades"):
        await make_trades(run)
    assert sum(exchange.clock.slept_s) == 60
    assert exchange.received == []
    assert [state.left_s for state in told.waits] == sorted((s.left_s for s in told.waits), reverse=True)


async def test_the_wait_limit_in_a_position_sells_it(desk: Desk, exchange: Exchange) -> None:
    run, _, _ = run_of(desk, trades=5, answer=enter_and_hold, wait_limit_s=90)
    await make_trades(run)
    assert sides(exchange) == ONE_TRADE
    assert sum(exchange.clock.slept_s) == 90


async def test_a_stop_while_waiting_to_enter(desk: Desk, exchange: Exchange) -> None:
    def answer(position: PositionState | None) -> Action:
        desk.stop.ask("SIGINT")
        return Action.STAY_FLAT

    run, _, _ = run_of(desk, answer=answer)
    with pytest.raises(Interrupted, match="stopped by SIGINT: no position was open"):
        await make_trades(run)
    assert exchange.received == []


async def test_a_stop_on_the_very_signal_to_enter_buys_nothing(desk: Desk, exchange: Exchange) -> None:
    def answer(position: PositionState | None) -> Action:
        desk.stop.ask("SIGTERM")
        return Action.ENTER_LONG

    run, _, _ = run_of(desk, answer=answer)
    with pytest.raises(Interrupted, match="no position was open"):
        await make_trades(run)
    assert exchange.received == []


async def test_a_stop_in_a_position_sells_it_and_says_so(desk: Desk, exchange: Exchange) -> None:
    def answer(position: PositionState | None) -> Action:
        if position is not None:
            desk.stop.ask("SIGHUP")
        return enter_and_hold(position)

    run, _, _ = run_of(desk, trades=3, answer=answer)
    with pytest.raises(Interrupted, match="stopped by SIGHUP: the position was sold"):
        await make_trades(run)
    assert sides(exchange) == ONE_TRADE
    assert len(run.result.trades) == 1


async def test_a_stop_while_the_entry_is_on_its_way_lets_it_finish_and_sells(
    desk: Desk, exchange: Exchange
) -> None:
    def asked_meanwhile(exchange: Exchange, intent: object) -> object:
        desk.stop.ask("SIGINT")
        return filled(exchange, intent)  # type: ignore[arg-type]  # passed on

    exchange.script = [asked_meanwhile]  # type: ignore[list-item]  # as above
    run, _, _ = run_of(desk, trades=3)
    with pytest.raises(Interrupted, match="the position was sold"):
        await make_trades(run)
    assert sides(exchange) == ONE_TRADE


async def test_a_market_that_cannot_be_seen_for_a_moment_ends_no_wait(desk: Desk, exchange: Exchange) -> None:
    looks = iter([VenueUnavailable("down")] * 4)

    def bars() -> Bars:
        for error in looks:
            raise error
        return closed_bars(exchange)

    exchange.bars_made = bars
    run, told, _ = run_of(desk, answer=enter_and_leave_after(1))
    await make_trades(run)
    assert sides(exchange) == ONE_TRADE
    assert len(told.notes) >= 4
    assert all("trying again: down" in note for note in told.notes[:4])


async def test_a_market_that_stays_unseen_ends_the_wait_to_enter(desk: Desk, exchange: Exchange) -> None:
    def bars() -> Bars:
        raise VenueUnavailable("down for good")

    exchange.bars_made = bars
    run, told, _ = run_of(desk, answer=enter_and_hold)
    with pytest.raises(VenueUnavailable, match="down for good"):
        await make_trades(run)
    assert len(told.notes) == 4
    assert exchange.received == []


@pytest.mark.parametrize("failure", [ConfigError("revoked", code="KEY_REFUSED"), RuntimeError("a bug")])
async def test_whatever_goes_wrong_while_holding_the_position_is_sold_first(
    desk: Desk, exchange: Exchange, failure: Exception
) -> None:
    def answer(position: PositionState | None) -> Action:
        if position is not None:
            raise failure
        return Action.ENTER_LONG

    run, _, _ = run_of(desk, answer=answer)
    with pytest.raises(type(failure)):
        await make_trades(run)
    assert sides(exchange) == ONE_TRADE
    assert len(run.result.trades) == 1


async def test_a_strategy_is_shown_the_book_the_tape_and_the_news_it_looks_at(
    desk: Desk, exchange: Exchange
) -> None:
    now_ms = exchange.clock.now_ms()
    told_ms = (now_ms + 60_000, now_ms - 60_000, now_ms - 3_600_000)
    heard = tuple(Headline(each, f"of {each}") for each in told_ms)
    desk = replace(desk, news=lambda: News(heard, "the file is gone"))
    run, told, observer = observer_of(desk, enter_and_leave_after(1))
    await make_trades(run)
    entry = observer.seen[0]
    assert entry.live is not None
    assert (entry.live.bid, entry.live.ask) == (9_999, 10_000)
    assert (entry.live.taker_buys, entry.live.taker_sells, entry.live.trades) == (600, 400, 60)
    assert entry.live.book_ts_ms == entry.live.tape_ts_ms == entry.live.ts_ms
    assert [each.published_ms for each in entry.headlines] == [told_ms[1]], "the future and the past are not"
    assert told.notes.count("the file is gone") == 1


async def test_what_is_seen_on_a_fast_clock_is_as_old_as_it_is_for_us(
    exchange: Exchange, tmp_path: Path
) -> None:
    async with desk_at(exchange, tmp_path / "home", clock_speed=100) as desk:
        view = MarketView.of(closed_bars(exchange), "BTCUSDT", "1m")
        observer = Observer(lambda position: Action.STAY_FLAT)
        taken = exchange.taker_flow

        async def slow(symbol: str, span_ms: int) -> TakerFlow:
            exchange.clock.time_ms += 30_000  # a third of a second, for us
            return await taken(symbol, span_ms)

        exchange.taker_flow = slow  # type: ignore[method-assign]  # slower than it was
        live = (await with_observed(view, observer, exchange, (), desk.clock, desk.clock_speed)).live
        assert live is not None
        assert live.book_ts_ms is not None
        assert live.ts_ms - live.book_ts_ms == 300


async def test_a_tape_that_cannot_be_read_is_in_the_way_of_no_exit(desk: Desk, exchange: Exchange) -> None:
    run, told, observer = observer_of(desk, enter_and_leave_after(1))

    def answer(position: PositionState | None) -> Action:
        if position is None:
            exchange.tape_errors += [VenueUnavailable("the tape is gone")] * 100
            return Action.ENTER_LONG
        return enter_and_leave_after(1)(position)

    observer.answer = answer
    await make_trades(run)
    assert sides(exchange) == ONE_TRADE
    assert told.notes.count("book and tape cannot be seen: the tape is gone") == 1
    assert observer.seen[-1].live is not None
    assert observer.seen[-1].live.tape_ts_ms is None


async def test_a_tape_that_cannot_be_read_lets_nothing_be_bought(desk: Desk, exchange: Exchange) -> None:
    run, told, observer = observer_of(desk, enter_and_leave_after(1))
    exchange.tape_errors += [VenueUnavailable("the tape is gone")] * 5
    with pytest.raises(VenueUnavailable, match="the tape is gone"):
        await make_trades(run)
    assert observer.seen == []
    assert len(told.notes) == 4


async def test_a_strategy_is_told_the_equity_and_the_days_drawdown(desk: Desk, exchange: Exchange) -> None:
    run, _, observer = observer_of(desk, enter_and_leave_after(2))
    told: list[Standing] = []
    decide = observer.decide

    def remember(view: MarketView, standing: Standing = FLAT) -> Decision:
        told.append(standing)
        exchange.bid = D(9_950)
        return decide(view, standing)

    observer.decide = remember  # type: ignore[method-assign]  # one that remembers
    await make_trades(run)
    assert (told[0].equity, told[0].drawdown_rate) == (1_000, 0)
    held = [each for each in told if each.position is not None]
    lost = D("0.00199") * 10_000 - D("0.00199") * D("0.999") * 9_950  # bought, less the fee, at what is bid
    assert held[-1].equity == pytest.approx(float(1_000 - lost))
    assert held[-1].drawdown_rate == pytest.approx(float(lost / 1_000))


async def test_while_cooling_down_each_bar_is_decided_on_and_no_word_followed(
    desk: Desk, exchange: Exchange
) -> None:
    run, told, scripted = run_of(desk, trades=2, answer=enter_and_leave_after(1))
    run.rules = PositionRules(cooldown_ms=5 * MINUTE_MS)
    await make_trades(run)
    first, second = run.result.trades
    waited_ms = second.entry.ts_event_ms - first.last_fill_ms
    assert 5 * MINUTE_MS <= waited_ms < 7 * MINUTE_MS
    assert scripted.asked.count(None) >= 6, "it is asked, and not followed"
    assert any(wait.what == "cooling down" for wait in told.waits)


async def test_an_empty_book_is_looked_at_again_before_a_wait_ends(desk: Desk, exchange: Exchange) -> None:
    exchange.book_errors += [Refused("no price on one side", code="EMPTY_BOOK")] * 4
    run, told, _ = run_of(desk, answer=enter_and_leave_after(1))
    await make_trades(run)
    assert len(run.result.trades) == 1
    assert sum("no price on one side" in note for note in told.notes) == 4
