"""A position is protected at once or sold, and no stop is in the way of its exit, nor left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.desk import Desk
from core.errors import (
    ConfigError,
    OutcomeUnknown,
    PositionOpen,
    ReconciliationBreak,
    RiskDenied,
    TraderError,
    VenueRejected,
    VenueUnavailable,
)
from core.journal.inventory import Inventory
from core.lease import Lease
from core.operations import protect
from core.operations.holding import Book, Holding, holding_at_start
from core.operations.protect import Guard
from core.operations.protection import position_open, protection
from core.operations.round_trip import OpenTrade, Trade, enter, leave, sell
from core.orders import Intent, OrderReport, OrderStatus, OrderType, Purpose, Side
from core.stages import TradingState
from core.values import Base
from tests.core.operations import desks, stops
from tests.core.operations.desks import D, desk_at, partly
from tests.core.operations.stops import StopExchange, ended, fires_first, hangs, lost, refused
from tests.core.risk.worlds import BTCUSDT

BOOK = Book(dry_run=False, context={"stage": 1})
DRY = Book(dry_run=True, context={"stage": 0})
NO_ANSWER = OutcomeUnknown("the connection broke")
DOWN = VenueUnavailable("the venue is down")


@pytest.fixture
def exchange() -> StopExchange:
    return StopExchange()


@pytest.fixture
async def desk(exchange: StopExchange, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(exchange, tmp_path / "home") as desk:
        yield desk


async def bought(desk: Desk, book: Book = BOOK) -> OpenTrade:
    opened = await enter(desk, Holding(BTCUSDT), book, bar=None, smallest=False)
    assert opened
    return opened


async def protected(desk: Desk, book: Book = BOOK) -> OpenTrade:
    opened = await bought(desk, book)
    await put(opened)
    return opened


async def put(opened: OpenTrade) -> protect.Stop:
    price = opened.entry.average_price
    assert price
    return await opened.guard.protect(price, opened.entry.ts_event_ms)


def purposes(exchange: StopExchange) -> list[Purpose]:
    return [intent.request.purpose for intent in exchange.received]


def status_of(desk: Desk, name: str) -> OrderStatus:
    order = desk.journal.order(name)
    assert order
    return order.status


def books_agree(desk: Desk, exchange: StopExchange, trade: Trade | OpenTrade, holding: Holding) -> None:
    """Compare what was bought and sold with the exchange's account, order by order and in total."""
    position = desk.journal.position(desk.account, "BTCUSDT")
    assert position.quantity == holding.quantity == Base(stops.held(exchange))
    assert position.realized == holding.realized
    sold = sum((order.executed_quantity.value for order in trade.exits), D(0))
    fee = sum((fill.fee.amount for fill in trade.entry.fills), D(0))
    assert trade.entry.executed_quantity.value - fee - sold == position.quantity.value


async def test_a_stop_rests_at_once_over_what_the_fee_left(desk: Desk, exchange: StopExchange) -> None:
    opened = await protected(desk)
    request = exchange.received[1].request
    assert (request.order_type, request.side) == (OrderType.STOP_LOSS, Side.SELL)
    assert (request.quantity, request.stop_price) == (Base(D("0.00198")), D("9920"))
    assert exchange.clock.slept_s == []
    (stop,) = opened.guard.stops
    assert status_of(desk, stop.client_order_id) is OrderStatus.ACCEPTED
    assert desk.journal.unsettled() == ()
    cover = protection(desk.journal, desk.account, "BTCUSDT")
    assert str(cover) == f"protected by STOP_LOSS 0.00198 at 9920 ({stop.client_order_id})"
    assert (cover.is_whole, position_open(desk.journal)) == (True, None)


async def test_a_partly_filled_entry_is_protected_over_what_came(desk: Desk, exchange: StopExchange) -> None:
    exchange.script = [partly("0.6")]
    await protected(desk)
    assert exchange.received[1].request.quantity == Base(D("0.00118"))


async def test_the_stop_is_canceled_before_anything_is_sold(desk: Desk, exchange: StopExchange) -> None:
    opened = await protected(desk)
    sold_while: list[OrderStatus] = []

    def look(exchange: desks.Exchange, intent: Intent) -> OrderReport:
        sold_while.append(status_of(desk, opened.guard.stops[0].client_order_id))
        return desks.filled(exchange, intent)

    exchange.script = [look]
    trade = await leave(desk, opened)
    assert sold_while == [OrderStatus.CANCELED]
    assert [stop.status for stop in trade.stops] == [OrderStatus.CANCELED]
    assert [order.executed_quantity for order in trade.exits] == [Base(D("0.00198"))]
    books_agree(desk, exchange, trade, opened.guard.holding)


async def test_a_lagging_balance_is_waited_for_before_a_part_is_protected(
    desk: Desk, exchange: StopExchange
) -> None:
    opened = await bought(desk)
    exchange.lag = [{"USDT": D(980), "BTC": D(0)}] * 2
    await put(opened)
    assert exchange.received[1].request.quantity == Base(D("0.00198"))


async def test_what_is_never_free_cannot_be_protected_and_is_told(desk: Desk, exchange: StopExchange) -> None:
    opened = await bought(desk)
    exchange.balances["BTC"] = D("0.001")
    await put(opened)
    cover = protection(desk.journal, desk.account, "BTCUSDT")
    assert (cover.bare, cover.is_whole) == (Base(D("0.00098801")), False)
    found = position_open(desk.journal)
    assert found
    assert "but not 0.00098801 of it" in found.message


async def test_a_stop_that_fired_while_waiting_is_the_exit(desk: Desk, exchange: StopExchange) -> None:
    opened = await protected(desk)
    assert not await opened.guard.has_ended()
    name = opened.guard.stops[0].client_order_id
    exchange.fire(name)
    assert await opened.guard.has_ended()
    trade = await leave(desk, opened)
    assert [order.client_order_id for order in trade.exits] == [name]
    assert trade.dust == Base(D("0.00000801"))
    assert purposes(exchange) == [Purpose.ENTRY, Purpose.PROTECT]
    assert exchange.canceled == []
    books_agree(desk, exchange, trade, opened.guard.holding)
    lines = desk.journal.audit_log_path.read_text()
    assert lines.count("✅ Trade executed") == 2
    assert f'"clientOrderId":"{name}"' in lines


@pytest.mark.parametrize(("share", "sales"), [("1", 0), ("0.4", 1), ("0", 1)])
async def test_a_fill_that_races_the_cancel_is_counted_and_only_the_rest_is_sold(
    desk: Desk, exchange: StopExchange, share: str, sales: int
) -> None:
    opened = await protected(desk)
    exchange.cancel_script = [fires_first(share)]
    trade = await leave(desk, opened)
    assert purposes(exchange) == [Purpose.ENTRY, Purpose.PROTECT] + [Purpose.EXIT] * sales
    assert trade.dust == Base(D("0.00000801"))
    books_agree(desk, exchange, trade, opened.guard.holding)


async def test_a_refused_cancel_of_an_order_the_venue_forgot_for_a_while(
    desk: Desk, exchange: StopExchange
) -> None:
    opened = await protected(desk)
    exchange.cancel_script, exchange.blind = [fires_first()], 20
    trade = await leave(desk, opened)
    assert purposes(exchange) == [Purpose.ENTRY, Purpose.PROTECT]
    books_agree(desk, exchange, trade, opened.guard.holding)


async def test_nothing_is_sold_while_nobody_knows_of_the_stop(desk: Desk, exchange: StopExchange) -> None:
    opened = await protected(desk)
    exchange.cancel_script, exchange.blind = [fires_first()], 1_000
    with pytest.raises(OutcomeUnknown) as caught:
        await leave(desk, opened)
    assert purposes(exchange) == [Purpose.ENTRY, Purpose.PROTECT]
    assert opened.guard.stops[0].client_order_id in caught.value.message
    assert caught.value.details["position"] == {"symbol": "BTCUSDT", "quantity": "0.00198801"}


@pytest.mark.parametrize("canceled", [True, False])
async def test_a_cancel_of_unknown_outcome_is_asked_about(
    desk: Desk, exchange: StopExchange, canceled: bool
) -> None:
    opened = await protected(desk)
    exchange.cancel_script = [stops.fails(NO_ANSWER, canceled=canceled)]
    trade = await leave(desk, opened)
    assert len(exchange.canceled) == (1 if canceled else 2)
    assert [order.executed_quantity for order in trade.exits] == [Base(D("0.00198"))]
    books_agree(desk, exchange, trade, opened.guard.holding)


async def test_fills_that_the_venue_shows_late_are_waited_for(desk: Desk, exchange: StopExchange) -> None:
    opened = await protected(desk)
    name = opened.guard.stops[0].client_order_id
    exchange.fire(name)
    number = exchange.stops[name].venue_order_id
    shown, exchange.fills[number] = exchange.fills[number], ()

    async def sleep(seconds: float) -> None:
        exchange.fills[number] = shown

    exchange.clock.sleep = sleep  # type: ignore[method-assign]  # what happens while it waits
    trade = await leave(desk, opened)
    assert trade.dust == Base(D("0.00000801"))
    books_agree(desk, exchange, trade, opened.guard.holding)


async def test_a_lost_answer_is_asked_about_and_no_second_stop_is_placed(
    desk: Desk, exchange: StopExchange
) -> None:
    exchange.stop_script = [lost(NO_ANSWER)]
    opened = await protected(desk)
    assert purposes(exchange) == [Purpose.ENTRY, Purpose.PROTECT]
    assert protection(desk.journal, desk.account, "BTCUSDT").is_whole
    trade = await leave(desk, opened)
    books_agree(desk, exchange, trade, opened.guard.holding)


async def test_a_reply_that_never_comes_leaves_time_to_ask(
    desk: Desk, exchange: StopExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protect, "CONFIRM_WITHIN_S", 4.1)  # of which 4 s are for asking
    exchange.stop_script = [hangs]
    await protected(desk)
    assert len(exchange.stops) == 1
    assert protection(desk.journal, desk.account, "BTCUSDT").is_whole


async def test_a_stop_that_is_not_confirmed_in_time_is_taken_away_and_the_position_sold(
    desk: Desk, exchange: StopExchange
) -> None:
    exchange.stop_script, exchange.blind = [lost(NO_ANSWER)], 60
    opened = await bought(desk)
    before = exchange.clock.monotonic_ms()
    with pytest.raises(ReconciliationBreak) as caught:
        await put(opened)
    assert caught.value.code == "STOP_MISSING"
    assert exchange.clock.monotonic_ms() - before <= 10_000
    trade = await leave(desk, opened)
    assert purposes(exchange) == [Purpose.ENTRY, Purpose.PROTECT, Purpose.EXIT]
    assert [stop.status for stop in exchange.stops.values()] == [OrderStatus.CANCELED]
    assert opened.guard.unknown == ()
    books_agree(desk, exchange, trade, opened.guard.holding)


async def test_a_stop_that_nobody_knows_does_not_hold_up_the_sale(desk: Desk, exchange: StopExchange) -> None:
    exchange.stop_script = [refused(NO_ANSWER)]  # it never arrived
    opened = await bought(desk)
    with pytest.raises(ReconciliationBreak):
        await put(opened)
    trade = await leave(desk, opened)
    (stop,) = opened.guard.stops
    assert purposes(exchange) == [Purpose.ENTRY, Purpose.PROTECT, Purpose.EXIT]
    assert exchange.canceled == [stop.client_order_id] * 2  # before the sale, and after it
    assert opened.guard.unknown == (stop.client_order_id,)
    books_agree(desk, exchange, trade, opened.guard.holding)


async def test_what_an_unknown_stop_may_have_sold_is_not_sold_again(
    desk: Desk, exchange: StopExchange
) -> None:
    exchange.balances["BTC"] = D(1)  # of the account, and not ours
    exchange.stop_script, exchange.blind = [lost(NO_ANSWER)], 1_000
    opened = await bought(desk)
    with pytest.raises(ReconciliationBreak):
        await put(opened)
    exchange.fire(opened.guard.stops[0].client_order_id, "0.5")
    with pytest.raises(OutcomeUnknown) as caught:
        await leave(desk, opened)
    sold = [intent.request.quantity for intent in exchange.received[2:]]
    assert sold == [Base(D("0.00099"))]
    assert "is left open" in caught.value.message
    assert opened.guard.stops[0].client_order_id in caught.value.message


async def test_while_a_stop_may_exist_no_second_one_is_placed(desk: Desk, exchange: StopExchange) -> None:
    exchange.stop_script = [refused(NO_ANSWER)]
    opened = await bought(desk)
    for _ in range(2):
        with pytest.raises(ReconciliationBreak):
            await put(opened)
    assert purposes(exchange) == [Purpose.ENTRY, Purpose.PROTECT]


THROUGH = VenueRejected("through", venue_code=-2010, venue_text="", code="STOP_WOULD_TRIGGER")
REFUSALS: list[tuple[Exception, str]] = [
    (THROUGH, "STOP_WOULD_TRIGGER"),
    (VenueRejected("no", venue_code=-1013, venue_text="MAX_NUM_ALGO_ORDERS"), "VENUE_REJECTED"),
    (ConfigError("no", code="KEY_REFUSED"), "KEY_REFUSED"),
]


@pytest.mark.parametrize(("error", "code"), REFUSALS, ids=[code for _, code in REFUSALS])
async def test_a_refused_stop_is_told_once_and_the_position_can_be_sold(
    desk: Desk, exchange: StopExchange, error: Exception, code: str
) -> None:
    exchange.stop_script = [refused(error)]
    opened = await bought(desk)
    with pytest.raises(TraderError) as caught:
        await put(opened)
    assert caught.value.code == code
    trade = await leave(desk, opened)
    assert trade.stops == ()
    assert exchange.canceled == []
    books_agree(desk, exchange, trade, opened.guard.holding)


@pytest.mark.parametrize("failures", [1, 5, 1_000])
async def test_what_provably_did_not_reach_the_venue_is_tried_again_for_ten_seconds(
    desk: Desk, exchange: StopExchange, failures: int
) -> None:
    exchange.stop_script = [refused(DOWN)] * failures
    opened = await bought(desk)
    before = exchange.clock.monotonic_ms()
    if failures < 1_000:
        await put(opened)
    else:
        with pytest.raises(VenueUnavailable):
            await put(opened)
    assert exchange.clock.monotonic_ms() - before <= 10_000
    assert len(exchange.stops) == (failures < 1_000)


@pytest.mark.parametrize("status", [OrderStatus.EXPIRED, OrderStatus.REJECTED, OrderStatus.CANCELED])
async def test_a_stop_that_ends_at_once_protects_nothing(
    desk: Desk, exchange: StopExchange, status: OrderStatus
) -> None:
    exchange.stop_script = [ended(status)]
    with pytest.raises(ReconciliationBreak):
        await protected(desk)


async def test_a_stop_that_others_canceled_is_an_incident(desk: Desk, exchange: StopExchange) -> None:
    opened = await protected(desk)
    exchange.end(opened.guard.stops[0].client_order_id, OrderStatus.CANCELED)
    with pytest.raises(ReconciliationBreak) as caught:
        await opened.guard.has_ended()
    assert caught.value.code == "STOP_MISSING"
    trade = await leave(desk, opened)
    assert purposes(exchange)[-1] is Purpose.EXIT
    books_agree(desk, exchange, trade, opened.guard.holding)


async def test_a_venue_that_does_not_know_the_stop_for_a_moment_ends_nothing(
    desk: Desk, exchange: StopExchange
) -> None:
    opened = await protected(desk)
    exchange.blind = 1
    assert not await opened.guard.has_ended()


async def test_while_halted_the_stop_stays_and_the_error_says_so(desk: Desk, exchange: StopExchange) -> None:
    opened = await protected(desk)
    desk.journal.set_trading_state(desk.account, TradingState.HALTED, "a test")
    with pytest.raises(PositionOpen) as caught:
        await leave(desk, opened)
    (stop,) = opened.guard.stops
    assert f"protected by STOP_LOSS 0.00198 at 9920 ({stop.client_order_id})" in caught.value.message
    assert exchange.canceled == []
    assert exchange.stops[stop.client_order_id].status is OrderStatus.ACCEPTED


async def test_who_lost_the_lease_leaves_the_stop_to_the_new_holder(
    desk: Desk, exchange: StopExchange
) -> None:
    opened = await protected(desk)
    other = Lease(desk.journal.home / "runtime", desk.account, command="trader flatten", clock=exchange.clock)
    with other.taken_over(), pytest.raises(PositionOpen) as caught:
        await leave(desk, opened)
    assert "trader flatten" in caught.value.message
    assert exchange.canceled == []


async def test_while_halted_nothing_is_placed(desk: Desk, exchange: StopExchange) -> None:
    opened = await bought(desk)
    desk.journal.set_trading_state(desk.account, TradingState.HALTED, "a test")
    with pytest.raises(RiskDenied) as caught:
        await put(opened)
    assert caught.value.code == "TRADING_HALTED"
    assert purposes(exchange) == [Purpose.ENTRY]


async def test_where_selling_fails_the_stop_is_put_back(desk: Desk, exchange: StopExchange) -> None:
    opened = await protected(desk)
    exchange.script = [partly("0.3"), *[desks.fails(VenueRejected("no", venue_code=-1, venue_text=""))] * 6]
    with pytest.raises(PositionOpen) as caught:
        await leave(desk, opened)
    put_back = [name for name, stop in exchange.stops.items() if stop.status is OrderStatus.ACCEPTED]
    assert len(put_back) == 1
    assert f"protected by STOP_LOSS 0.00139 at 9920 ({put_back[0]})" in caught.value.message
    assert position_open(desk.journal) is None


async def test_where_the_stop_cannot_be_put_back_the_error_says_unprotected(
    desk: Desk, exchange: StopExchange
) -> None:
    opened = await protected(desk)
    exchange.script = [desks.fails(VenueRejected("no", venue_code=-1, venue_text=""))] * 6
    exchange.stop_script = [refused(THROUGH)]
    with pytest.raises(PositionOpen) as caught:
        await leave(desk, opened)
    assert "protected by nothing" in caught.value.message
    assert position_open(desk.journal)


async def test_a_venue_that_goes_down_keeps_the_stop(desk: Desk, exchange: StopExchange) -> None:
    opened = await protected(desk)
    exchange.cancel_script = [stops.fails(DOWN)] * 6
    with pytest.raises(PositionOpen) as caught:
        await leave(desk, opened)
    assert "protected by STOP_LOSS" in caught.value.message


async def test_a_dry_run_has_its_stop_checked_and_places_nothing(desk: Desk, exchange: StopExchange) -> None:
    exchange.stop_script = [ended(OrderStatus.EXPIRED)]  # as DryRunTrading answers
    opened = await protected(desk, DRY)
    assert not await opened.guard.has_ended()
    trade = await leave(desk, opened)
    assert exchange.canceled == []
    assert [order.executed_quantity for order in trade.exits] == [Base(D("0.00198"))]


async def test_the_stop_of_a_killed_command_is_taken_away_with_its_position(
    desk: Desk, exchange: StopExchange
) -> None:
    await protected(desk)  # and killed here
    holding = holding_at_start(desk, BTCUSDT, dry_run=False)
    sales: list[OrderReport] = []
    dust = await sell(desk, Guard(desk, holding, BOOK), sales)
    assert [order.executed_quantity for order in sales] == [Base(D("0.00198"))]
    assert dust == desk.journal.position(desk.account, "BTCUSDT").quantity == Base(D("0.00000801"))
    assert [stop.status for stop in exchange.stops.values()] == [OrderStatus.CANCELED]


async def test_a_stop_that_fired_after_its_command_was_killed_is_counted(
    desk: Desk, exchange: StopExchange
) -> None:
    opened = await protected(desk)  # and killed here
    exchange.fire(opened.guard.stops[0].client_order_id)
    holding = holding_at_start(desk, BTCUSDT, dry_run=False)
    sales: list[OrderReport] = []
    await sell(desk, Guard(desk, holding, BOOK), sales)
    assert sales == []
    assert (
        holding.quantity == desk.journal.position(desk.account, "BTCUSDT").quantity == Base(D("0.00000801"))
    )


async def test_who_is_not_alone_leaves_the_stops_of_others_where_they_are(
    desk: Desk, exchange: StopExchange
) -> None:
    theirs = await protected(desk)
    opened = await protected(desk)
    trade = await leave(desk, opened)
    assert [order.executed_quantity for order in trade.exits] == [Base(D("0.00194"))]
    (stop,) = theirs.guard.stops
    assert stop.client_order_id not in exchange.canceled
    assert exchange.stops[stop.client_order_id].status is OrderStatus.ACCEPTED


async def test_a_bug_after_sending_is_found_again_by_the_journal(desk: Desk, exchange: StopExchange) -> None:
    exchange.stop_script = [lost(RuntimeError("a bug"))]
    opened = await bought(desk)
    with pytest.raises(RuntimeError):
        await put(opened)
    trade = await leave(desk, opened)
    assert [stop.status for stop in exchange.stops.values()] == [OrderStatus.CANCELED]
    books_agree(desk, exchange, trade, opened.guard.holding)


@pytest.mark.parametrize("speed", [1.0, 600.0])
async def test_times_are_meant_in_real_time(exchange: StopExchange, tmp_path: Path, speed: float) -> None:
    async with desk_at(exchange, tmp_path / "home", clock_speed=speed) as desk:
        exchange.stop_script = [refused(DOWN)] * 1_000
        opened = await bought(desk)
        with pytest.raises(VenueUnavailable):
            await put(opened)
        assert 9_000 <= sum(exchange.clock.slept_s) * 1000 / speed <= 10_000


async def test_a_late_reply_of_the_entry_counts_against_the_ten_seconds(
    desk: Desk, exchange: StopExchange
) -> None:
    opened = await bought(desk)
    exchange.clock.time_ms += 8_000
    exchange.stop_script = [refused(DOWN)] * 1_000
    before = exchange.clock.monotonic_ms()
    with pytest.raises(VenueUnavailable):
        await put(opened)
    assert exchange.clock.monotonic_ms() - before <= 2_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answer=st.sampled_from(["rests", "lost", "never arrives", "refused", "ends"]),
    share=st.sampled_from(["0", "0.25", "0.5", "1"]),
    race=st.sampled_from(["none", "while waiting", "with the cancel"]),
    cancel=st.sampled_from(["told", "lost, canceled", "lost, open"]),
    blind=st.integers(0, 12),
    sales=st.lists(st.integers(0, 100), max_size=3),
)
async def test_whatever_happens_nothing_is_sold_twice_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory,
    answer: str,
    share: str,
    race: str,
    cancel: str,
    blind: int,
    sales: list[int],
) -> None:
    exchange = StopExchange()
    exchange.balances["BTC"] = D(1)  # of the account, and not ours: what a second sale would sell
    answers = {
        "rests": stops.rests,
        "lost": lost(NO_ANSWER),
        "never arrives": refused(NO_ANSWER),
        "refused": refused(THROUGH),
        "ends": ended(OrderStatus.EXPIRED),
    }
    async with desk_at(exchange, tmp_path_factory.mktemp("home")) as desk:
        exchange.stop_script, exchange.blind = [answers[answer]], blind
        exchange.script = [partly("1"), *[partly(str(Decimal(sale) / 100)) for sale in sales]]
        opened = await bought(desk)
        with suppress(TraderError):
            await put(opened)
        open_stops = [name for name, stop in exchange.stops.items() if stop.status is OrderStatus.ACCEPTED]
        if race == "while waiting" and open_stops:
            exchange.fire(open_stops[0], share)
        elif race == "with the cancel":
            exchange.cancel_script = [lambda ex, name: ex.fire(name, share) if name in open_stops else None]
        elif cancel != "told" and open_stops:
            exchange.cancel_script = [stops.fails(NO_ANSWER, canceled=cancel == "lost, canceled")]
        holding = opened.guard.holding
        try:
            trade: Trade | OpenTrade = await leave(desk, opened)
        except (PositionOpen, OutcomeUnknown):
            trade = opened
        position = desk.journal.position(desk.account, "BTCUSDT")
        assert position.quantity == holding.quantity == Base(stops.held(exchange) - 1)
        assert position.realized == holding.realized
        still_open = [stop for stop in exchange.stops.values() if stop.status is OrderStatus.ACCEPTED]
        assert still_open == [] or trade is opened
        assert len([p for p in purposes(exchange) if p is Purpose.PROTECT]) <= (2 if trade is opened else 1)


def test_a_holding_knows_what_it_cost() -> None:
    holding = Holding(BTCUSDT, Inventory(D("0.002"), D("20.02")))
    assert holding.average_cost == D(10_010)
    assert replace(holding, _inventory=Inventory()).average_cost is None
