"""Breakers trip on the live venue, bind the next entry, and let everything be sold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from core.account import Environment
from core.clock import DAY_MS
from core.desk import Desk
from core.errors import Refused, RiskDenied
from core.operations.breakers import latched_on, look_at_equity, look_at_losses, reset_breaker
from core.operations.holding import Book, Holding
from core.operations.observe import observe_equity
from core.operations.progress import Waiting
from core.operations.round_trip import OpenTrade, enter, leave
from core.operations.trades import Trading, make_trades
from core.risk.breakers import Breaker
from core.risk.portfolio import PortfolioLimits
from core.settings import Settings
from core.strategies import Action, PositionState
from core.values import Quote
from tests.core.operations.desks import Exchange, calm_minutes, desk_at
from tests.core.operations.test_trades import Told, closed_bars, run_of
from tests.core.risk.worlds import BTCUSDT, D

BOOK = Book(dry_run=False, context={"stage": 2})
MINUTE_MS = 60_000


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(balances={"USDT": D(2_000), "BTC": D(0)})


@pytest.fixture
async def desk(exchange: Exchange, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(exchange, tmp_path / "home") as opened:
        yield live(opened)


def live(desk: Desk, **settings: str) -> Desk:
    host = replace(desk.venue.host, environment=Environment.MAINNET)
    limits = replace(
        desk.limits,
        risk_fraction=D(1),
        max_order=Quote(D(1_000)),
        live_loss_per_day=Quote(D(10_000)),
        portfolio=PortfolioLimits(asset_rate=D(1)),
    )
    told = {"TRADER_HOME": desk.journal.home, "BINANCE_DRY_RUN": "false", **settings}
    return replace(
        desk,
        venue=replace(desk.venue, host=host),
        limits=limits,
        settings=Settings.model_validate(told),
    )


async def buy(desk: Desk) -> OpenTrade:
    opened = await enter(desk, Holding(BTCUSDT), BOOK, bar=None, smallest=False)
    assert opened
    return opened


async def trade(desk: Desk, exchange: Exchange, won: str) -> None:
    """Buy for about 1,000, and sell at a price that much higher."""
    opened = await buy(desk)
    exchange.bid += D(won)
    await leave(desk, opened)
    look_at_losses(desk)
    exchange.bid -= D(won)


async def denied(desk: Desk) -> str:
    with pytest.raises(RiskDenied) as found:
        await buy(desk)
    assert found.value.code == "BREAKER_LATCHED"
    return str(found.value.details["breakers"])


def latched(desk: Desk) -> list[Breaker]:
    return [each.breaker for each in desk.journal.breakers(desk.account).latched(desk.venue_now_ms())]


async def test_the_third_loss_in_a_row_latches_when_it_is_recorded(desk: Desk, exchange: Exchange) -> None:
    for won in ("-10", "-10", "500", "-10", "-10"):
        await trade(desk, exchange, won)
        assert latched(desk) == []
    await trade(desk, exchange, "-10")
    assert latched(desk) == [Breaker.CONSECUTIVE_LOSSES]
    assert await denied(desk) == "consecutive-losses"


async def test_a_run_ends_after_its_third_loss(desk: Desk) -> None:
    """A probe loses its fees and the spread."""
    run, told, _ = run_of(desk, trades=4)
    with pytest.raises(RiskDenied) as denied:
        await make_trades(run)
    assert denied.value.code == "BREAKER_LATCHED"
    assert len(run.result.trades) == 3
    assert told.notes == []


async def test_what_cannot_be_latched_now_is_latched_before_the_next_entry(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, told, _ = run_of(desk, trades=3)
    with monkeypatch.context() as patch:
        patch.setattr("core.journal.breaker_book.BreakerBook.latch", unwritable)
        await make_trades(run)
    assert told.notes == ["the breakers were not looked at: the disk is full"]
    assert latched(desk) == []
    assert await denied(desk) == "consecutive-losses"


def unwritable(*arguments: object, **more: object) -> bool:
    raise Refused("the disk is full", code="JOURNAL_UNWRITABLE")


async def test_the_next_day_the_losses_are_counted_anew(desk: Desk, exchange: Exchange) -> None:
    for _ in range(3):
        await trade(desk, exchange, "-10")
    midnight_ms = (int(exchange.clock.time_ms) // DAY_MS + 1) * DAY_MS
    exchange.clock.time_ms = midnight_ms - 1
    assert await denied(desk) == "consecutive-losses"
    exchange.clock.time_ms = midnight_ms
    await trade(desk, exchange, "-10")
    await trade(desk, exchange, "-10")
    assert latched(desk) == []
    await trade(desk, exchange, "-10")
    assert latched(desk) == [Breaker.CONSECUTIVE_LOSSES]


async def test_a_human_resets_the_losses_and_they_are_counted_anew(desk: Desk, exchange: Exchange) -> None:
    for _ in range(3):
        await trade(desk, exchange, "-10")
    assert latched_on(desk.journal, [desk.account], Breaker.DAILY_DRAWDOWN) == {}
    found = latched_on(desk.journal, [desk.account], Breaker.CONSECUTIVE_LOSSES)
    reset_breaker(desk.journal, found, Breaker.CONSECUTIVE_LOSSES, "looked at each")
    exchange.clock.time_ms += 1
    await trade(desk, exchange, "-10")
    await trade(desk, exchange, "-10")
    assert latched(desk) == []
    assert desk.journal.verify() == ()


@pytest.mark.parametrize(("around", "trips"), [("1E-8", False), ("0", True), ("-1E-8", True)])
async def test_drawdown_counts_what_is_not_realized_yet(
    desk: Desk, exchange: Exchange, around: str, trips: bool
) -> None:
    """The day opens at the equity of the first look; the limit lies about what is lost of it by now."""
    opened = await buy(desk)
    opening = desk.journal.breakers(desk.account).day_opening("USDT")
    assert opening
    assert (opening.equity, opening.profit) == (Quote(D(2_000)), Quote(D(0)))
    exchange.bid, exchange.ask = D(9_500), D(9_501)
    position = desk.journal.position(desk.account, "BTCUSDT")
    lost = position.cost.value - position.quantity.value * exchange.bid
    tight = live(desk, LIVE_MAX_DRAWDOWN_PER_DAY=format(lost / 2_000 + D(around), "f"))
    if trips:
        assert await denied(tight) == "daily-drawdown"
    else:
        await buy(tight)
    await leave(tight, opened)


async def test_a_deposit_hides_no_drawdown_and_a_withdrawal_makes_none(
    desk: Desk, exchange: Exchange
) -> None:
    opened = await buy(desk)
    exchange.balances["USDT"] -= D(900)
    await buy(live(desk, LIVE_MAX_DRAWDOWN_PER_DAY="0.01"))
    exchange.balances["USDT"] += D(5_000)
    exchange.bid, exchange.ask = D(9_000), D(9_001)
    assert await denied(desk) == "daily-drawdown"
    await leave(desk, opened)


async def test_drawdown_starts_anew_at_midnight_utc_and_survives_a_restart(
    exchange: Exchange, tmp_path: Path
) -> None:
    async with desk_at(exchange, tmp_path / "home") as opened:
        await buy(live(opened))
        exchange.bid, exchange.ask = D(9_200), D(9_201)
        assert await denied(live(opened)) == "daily-drawdown"
    exchange.bid, exchange.ask = D(9_999), D(10_000)
    async with desk_at(exchange, tmp_path / "home") as opened:
        desk = live(opened)
        assert await denied(desk) == "daily-drawdown", "it recovered, and stays latched"
        midnight_ms = (int(exchange.clock.time_ms) // DAY_MS + 1) * DAY_MS
        exchange.bid, exchange.ask = D(9_200), D(9_201)
        exchange.clock.time_ms = midnight_ms - 1
        assert await denied(desk) == "daily-drawdown"
        exchange.clock.time_ms = midnight_ms
        await buy(desk)
        opening = desk.journal.breakers(desk.account).day_opening("USDT")
        assert opening
        assert opening.day * DAY_MS == midnight_ms


async def test_an_extreme_minute_pauses_entries_for_fifteen_minutes(desk: Desk, exchange: Exchange) -> None:
    opened = await buy(desk)
    now_ms = exchange.clock.now_ms() // MINUTE_MS * MINUTE_MS
    exchange.clock.time_ms = now_ms
    exchange.bars_made = lambda: calm_minutes(now_ms, 76, 10_100.0)
    assert await denied(desk) == "extreme-market"
    exchange.bars_made = None
    exchange.clock.time_ms = now_ms + 15 * MINUTE_MS - 1
    assert await denied(desk) == "extreme-market"
    assert (await leave(desk, opened)).exits
    exchange.clock.time_ms = now_ms + 15 * MINUTE_MS
    await buy(desk)


async def test_a_reset_extreme_market_does_not_latch_on_the_same_minute(
    desk: Desk, exchange: Exchange
) -> None:
    now_ms = exchange.clock.now_ms()
    exchange.bars_made = lambda: calm_minutes(now_ms, 76, 10_100.0)
    assert await denied(desk) == "extreme-market"
    reset_breaker(desk.journal, [desk.account], Breaker.EXTREME_MARKET, "a listing, expected")
    await buy(desk)


@pytest.mark.parametrize(("around", "trips"), [("1E-8", False), ("-1E-8", True)])
async def test_the_fall_from_the_peak_latches_until_a_human_resets_it(
    desk: Desk, exchange: Exchange, around: str, trips: bool
) -> None:
    opened = await buy(desk)
    exchange.bid, exchange.ask = D(10_400), D(10_401)
    position = desk.journal.position(desk.account, "BTCUSDT")
    facts = await observe_equity(desk, BTCUSDT, dry_run=False)
    look_at_equity(desk, facts)
    assert facts.portfolio
    lost, peak = position.quantity.value * 500, facts.portfolio.equity.value
    exchange.bid, exchange.ask = D(9_900), D(9_901)
    limit = format(round(lost / peak + D(around), 12), "f")
    tight = live(desk, LIVE_MAX_DRAWDOWN_PER_DAY="1", LIVE_MAX_DRAWDOWN_FROM_PEAK=limit)
    if not trips:
        await buy(tight)
        return
    assert await denied(tight) == "peak-drawdown"
    exchange.clock.time_ms += 400 * DAY_MS
    assert latched(tight) == [Breaker.PEAK_DRAWDOWN]
    reset_breaker(desk.journal, [desk.account], Breaker.PEAK_DRAWDOWN, "it was a listing")
    exchange.clock.time_ms += 1
    await buy(tight)
    await leave(tight, opened)


@dataclass
class Latching(Told):
    """One who latches a breaker as soon as a position is held."""

    latch: Callable[[], None] = lambda: None

    def waiting(self, state: Waiting) -> None:
        super().waiting(state)
        if state.what == "holding":
            self.latch()


def rehearsing(desk: Desk, **settings: str) -> Desk:
    """Return a desk off the live venue, in a run by signal."""
    host = replace(desk.venue.host, environment=Environment.TESTNET)
    measured = live(desk, **settings)
    return replace(measured, venue=replace(measured.venue, host=host), rehearsal_since_ms=desk.venue_now_ms())


async def test_a_run_by_signal_off_the_live_venue_rehearses_the_breakers(
    desk: Desk, exchange: Exchange
) -> None:
    probing = replace(rehearsing(desk), rehearsal_since_ms=None)
    for _ in range(3):
        await leave(probing, await buy(probing))
    exchange.clock.time_ms += 1
    run = rehearsing(desk)
    exchange.clock.time_ms += 1
    for _ in range(2):
        await trade(run, exchange, "-10")
    assert latched(run) == [], "the probes before it do not count"
    await trade(run, exchange, "-10")
    assert latched(run) == [Breaker.CONSECUTIVE_LOSSES]
    assert await denied(run) == "consecutive-losses"
    assert await buy(probing), "a probe is bound by none"


def holding_run(desk: Desk, exchange: Exchange, bid_then: str) -> tuple[Trading, Told]:
    """Return a run that enters once and never says leave; after the first look the price is another."""
    exchange.bars_made = lambda: closed_bars(exchange)

    def answer(position: PositionState | None) -> Action:
        if position is None:
            return Action.ENTER_LONG
        exchange.bid = D(bid_then)
        return Action.HOLD

    run, told, scripted = run_of(desk, trades=2, answer=answer)
    scripted.stop_loss_rate = D("0.5")
    return run, told


@pytest.mark.parametrize(
    ("setting", "breaker"),
    [
        ("LIVE_MAX_DRAWDOWN_PER_DAY", "daily-drawdown"),
        ("LIVE_MAX_DRAWDOWN_FROM_PEAK", "peak-drawdown"),
    ],
)
async def test_a_drawdown_while_holding_sells_and_buys_nothing_more(
    desk: Desk, exchange: Exchange, setting: str, breaker: str
) -> None:
    desk = rehearsing(desk, **{"LIVE_MAX_DRAWDOWN_PER_DAY": "1", setting: "0.01"})
    run, told = holding_run(desk, exchange, "9500")
    with pytest.raises(RiskDenied) as denied_next:
        await make_trades(run)
    assert denied_next.value.details["breakers"] == breaker
    (trade_made,) = run.result.trades
    assert exchange.balances["BTC"] < D("0.00001")
    assert trade_made.last_fill_ms - trade_made.entry.ts_event_ms <= 70_000, "within a minute of the fall"
    (note,) = [note for note in told.notes if note.startswith("leaving BTCUSDT")]
    assert note.startswith(f"leaving BTCUSDT: {breaker}, ")


async def test_what_another_process_latched_ends_the_position_too(desk: Desk, exchange: Exchange) -> None:
    desk = rehearsing(desk)
    run, _ = holding_run(desk, exchange, "9999")

    def elsewhere() -> None:
        book = desk.journal.breakers(desk.account)
        now_ms = desk.venue_now_ms()
        book.latch(Breaker.DAILY_DRAWDOWN, "seen there", cause_ms=now_ms, until_ms=now_ms + DAY_MS)

    told = Latching(latch=elsewhere)
    run.progress = run.watch.progress = told
    run.equity.tell = told.note
    with pytest.raises(RiskDenied):
        await make_trades(run)
    assert any("daily-drawdown, seen there" in note for note in told.notes)


async def test_an_extreme_market_while_holding_leaves_the_position_its_stop(
    desk: Desk, exchange: Exchange
) -> None:
    desk = rehearsing(desk)
    run, _ = holding_run(desk, exchange, "9999")
    run.deadline_ms = desk.clock.monotonic_ms() + 600_000
    book = desk.journal.breakers(desk.account)

    def latch() -> None:
        now_ms = desk.venue_now_ms()
        book.latch(Breaker.EXTREME_MARKET, "a leap", cause_ms=now_ms, until_ms=now_ms + DAY_MS)

    run.progress = run.watch.progress = Latching(latch=latch)
    await make_trades(run)
    (held,) = run.result.trades
    assert held.last_fill_ms - held.entry.ts_event_ms >= 590_000, "it was held until the limit of the wait"


async def test_nothing_trips_off_the_live_venue(exchange: Exchange, tmp_path: Path) -> None:
    async with desk_at(exchange, tmp_path / "home") as desk:
        for _ in range(3):
            opened = await buy(desk)
            exchange.bid -= D(900)
            await leave(desk, opened)
            exchange.bid += D(900)
        assert await buy(desk)
        assert desk.journal.breakers(desk.account).all_latched() == ()
