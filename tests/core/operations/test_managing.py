"""A held position under rules of its own: when its stop is moved at the venue, and what ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.bars import Bars
from core.desk import Desk
from core.errors import ConfigError, ReconciliationBreak, Refused, VenueUnavailable
from core.operations.managing import Managed, cooled_ms, on_terms
from core.operations.round_trip import OpenTrade, leave
from core.operations.trades import make_trades
from core.orders import OrderStatus, Purpose
from core.position_texts import locks
from core.positions import Held, Levels, PositionRules
from core.stages import TradingState
from core.strategies.decision import EntryTerms
from core.values import Quote
from tests.core.operations import stops
from tests.core.operations.desks import D, desk_at
from tests.core.operations.stops import pair_refused
from tests.core.operations.test_pairs import PAIRED, TARGET, PairExchange, books_agree, bought, purposes, put
from tests.core.operations.test_trades import closed_bars, enter_and_leave_after, run_of

MINUTE_MS = 60_000
RULES = PositionRules(trail_from=D("0.005"), trail_by=D("0.004"), max_hold_ms=600_000)


@pytest.fixture
def exchange() -> PairExchange:
    return PairExchange()


@pytest.fixture
async def desk(exchange: PairExchange, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(exchange, tmp_path / "home") as desk:
        yield desk


def bars_with(exchange: PairExchange, *highs: float) -> None:
    """Let minutes close with these highs, and their closes at the bid of 9999."""
    first_ms = exchange.clock.now_ms() // MINUTE_MS * MINUTE_MS
    times = first_ms + MINUTE_MS * np.arange(len(highs), dtype=np.int64)
    flat, high = np.full(len(highs), 9_999.0), np.array(highs)
    exchange.clock.time_ms = float(times[-1] + MINUTE_MS)
    exchange.bars_made = lambda: Bars(times, flat, high, flat, flat, flat, MINUTE_MS)


async def managed(desk: Desk, opened: OpenTrade, rules: PositionRules = RULES) -> tuple[Managed, list[str]]:
    told: list[str] = []
    price = opened.entry.average_price
    assert price
    held = Held(price, opened.entry.ts_event_ms, Levels(D(9920), TARGET))
    seen_ms = desk.clock.now_ms() // MINUTE_MS * MINUTE_MS
    return Managed(opened.guard, rules, held, D("0.001"), "1m", seen_ms, told.append), told


async def test_a_bar_that_closed_moves_the_stop_and_keeps_the_target(
    desk: Desk, exchange: PairExchange
) -> None:
    opened = await put(await bought(desk))
    position, told = await managed(desk, opened)
    bars_with(exchange, 10_000.0)
    assert not await position.has_ended()
    assert len(exchange.stops) == 2
    exchange.bid = D(10_039)
    bars_with(exchange, 10_060.5, 10_020.0)
    assert not await position.has_ended()
    resting = [order for order in exchange.stops.values() if order.status is OrderStatus.ACCEPTED]
    moved = [exchange.intents[order.client_order_id].request for order in resting]
    assert [each.stop_price or each.price for each in moved] == [D("10020.26"), TARGET]
    assert told == ["the stop of BTCUSDT was moved to 10020.26"]
    bars_with(exchange, 10_050.0)
    assert not await position.has_ended()  # and it does not come down again
    assert len(exchange.stops) == 4
    await leave(desk, opened)
    books_agree(desk, exchange, opened.guard.holding)


async def test_bars_before_the_entry_move_nothing(desk: Desk, exchange: PairExchange) -> None:
    opened = await put(await bought(desk))
    position, told = await managed(desk, opened)
    bars_with(exchange, 10_150.0, 10_000.0)
    position.seen_ms += MINUTE_MS  # the first of them closed with the entry
    assert not await position.has_ended()
    assert told == []


async def test_a_price_at_the_moved_stop_ends_it(desk: Desk, exchange: PairExchange) -> None:
    opened = await put(await bought(desk))
    position, told = await managed(desk, opened)
    exchange.bid = D(10_039)
    bars_with(exchange, 10_060.5)
    assert not await position.has_ended()
    exchange.bid = D("10020.26")
    assert await position.has_ended()
    assert told[-1] == "leaving BTCUSDT: STOP_TOUCHED"


async def test_a_position_ends_after_its_longest_time(desk: Desk, exchange: PairExchange) -> None:
    opened = await put(await bought(desk))
    position, told = await managed(desk, opened, PositionRules(max_hold_ms=600_000))
    exchange.clock.time_ms += 599_999
    assert not await position.has_ended()
    exchange.clock.time_ms += 1
    assert await position.has_ended()
    assert told == ["leaving BTCUSDT: HELD_TOO_LONG"]


async def test_while_halted_the_stop_stays_where_it_is(desk: Desk, exchange: PairExchange) -> None:
    opened = await put(await bought(desk))
    position, _ = await managed(desk, opened)
    desk.journal.set_trading_state(desk.account, TradingState.HALTED, "a test")
    exchange.bid = D(10_039)
    bars_with(exchange, 10_060.5)
    with pytest.raises(Refused):
        await position.has_ended()
    assert exchange.canceled == []
    assert position.levels.stop == D(9920)


async def test_a_list_that_is_gone_after_a_failed_move_is_an_incident_at_the_next_look(
    desk: Desk, exchange: PairExchange
) -> None:
    opened = await put(await bought(desk))
    position, _ = await managed(desk, opened)
    exchange.bid = D(10_039)
    bars_with(exchange, 10_060.5)
    exchange.cancel_script = [stops.fails(VenueUnavailable("the venue is down"), canceled=True)]
    with pytest.raises(VenueUnavailable):
        await position.has_ended()
    with pytest.raises(ReconciliationBreak) as caught:
        await position.has_ended()
    assert caught.value.code == "STOP_MISSING"
    await leave(desk, opened)
    books_agree(desk, exchange, opened.guard.holding)


async def test_a_new_list_that_does_not_come_is_an_incident_at_once(
    desk: Desk, exchange: PairExchange
) -> None:
    opened = await put(await bought(desk))
    position, _ = await managed(desk, opened)
    exchange.bid = D(10_039)
    bars_with(exchange, 10_060.5)
    down = VenueUnavailable("the venue is down")
    exchange.pair_script = [pair_refused(down)] * 1_000
    before_ms = exchange.clock.monotonic_ms()
    with pytest.raises(ReconciliationBreak, match=r"it was being moved to 10020\.26"):
        await position.has_ended()
    assert exchange.clock.monotonic_ms() - before_ms <= 10_000
    await leave(desk, opened)
    assert purposes(exchange)[-1] is Purpose.EXIT
    books_agree(desk, exchange, opened.guard.holding)


async def test_a_cooldown_counts_from_the_newest_fill_of_any_command(
    desk: Desk, exchange: PairExchange
) -> None:
    rules = PositionRules(cooldown_ms=60_000)
    assert cooled_ms(desk, rules, "BTCUSDT", dry_run=False) == 0
    opened = await put(await bought(desk))
    await leave(desk, opened)
    filled_ms = exchange.clock.now_ms()
    exchange.clock.time_ms += 20_000
    assert cooled_ms(desk, rules, "BTCUSDT", dry_run=False) == filled_ms + 60_000
    assert cooled_ms(desk, PositionRules(), "BTCUSDT", dry_run=False) == 0
    assert cooled_ms(desk, rules, "BTCUSDT", dry_run=True) == 0


async def test_the_terms_of_an_entry_become_its_limits_and_never_loosen_the_cap(desk: Desk) -> None:
    own = await on_terms(desk, EntryTerms(D("0.03"), fraction=D("0.01")), PAIRED)
    assert (own.limits.stop_rate, own.limits.max_order) == (D("0.03"), Quote(D(10)))
    plain = await on_terms(desk, EntryTerms(D("0.03"), fraction=D(1)), PAIRED)
    assert plain.limits.max_order == desk.limits.max_order


async def test_a_run_cools_down_before_it_enters_again(desk: Desk, exchange: PairExchange) -> None:
    settings = desk.settings.model_copy(update={"cooldown_ms": 600_000})
    exchange.bars_made = lambda: closed_bars(exchange)
    run, told, _ = run_of(replace(desk, settings=settings), trades=2, answer=enter_and_leave_after(1))
    await make_trades(run)
    first, second = run.result.trades
    assert second.entry.ts_event_ms - first.last_fill_ms >= 600_000
    assert "cooling down" in {state.what for state in told.waits}


def test_rules_that_contradict_each_other_are_refused_with_a_way_out(desk: Desk) -> None:
    settings = desk.settings.model_copy(update={"trail_from": D("0.01")})
    with pytest.raises(ConfigError, match="trail_by must be above 0"):
        _ = settings.position_rules


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.01:0.002", ((D("0.01"), D("0.002")),)),
        (" 0.01:0,0.02:0.008", ((D("0.01"), D(0)), (D("0.02"), D("0.008")))),
        ("0.01", None),
        ("0.01:0.01", None),
        ("a:b", None),
        ("1:0.5", None),
    ],
)
def test_locks_are_pairs_of_a_gain_and_what_it_keeps(text: str, value: object) -> None:
    if value is not None:
        assert locks(text) == value
        return
    with pytest.raises(ValueError, match="was "):
        locks(text)
