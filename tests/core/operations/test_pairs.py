"""A stop and its target as one order list: what one sells the other does not, and neither is left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.desk import Desk
from core.errors import OutcomeUnknown, PositionOpen, ReconciliationBreak, TraderError, VenueRejected
from core.instrument import Instrument
from core.operations.flatten import _by_the_journal as by_the_journal
from core.operations.holding import Book, Holding, holding_at_start
from core.operations.protect import Guard
from core.operations.protection import position_open, protection
from core.operations.round_trip import OpenTrade, Trade, enter, leave, sell
from core.orders import Intent, OrderReport, OrderStatus, Purpose
from core.stages import TradingState
from core.values import Base
from tests.core.operations import stops
from tests.core.operations.desks import D, desk_at, partly
from tests.core.operations.stops import StopExchange, pair_lost, pair_refused
from tests.core.risk.worlds import BTCUSDT

BOOK = Book(dry_run=False, context={"stage": 1})
NO_ANSWER = OutcomeUnknown("the connection broke")
NO_LIST = VenueRejected("no", venue_code=-2010, venue_text="OCO orders are not supported for this symbol")
PAIRED = replace(BTCUSDT, order_pairs_allowed=True)
TARGET = D("10180")


@dataclass
class PairExchange(StopExchange):
    async def instrument(self, symbol: str) -> Instrument:
        return PAIRED


@pytest.fixture
def exchange() -> PairExchange:
    return PairExchange()


@pytest.fixture
async def desk(exchange: PairExchange, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(exchange, tmp_path / "home") as desk:
        yield desk


async def bought(desk: Desk) -> OpenTrade:
    opened = await enter(desk, Holding(PAIRED), BOOK, bar=None, smallest=False)
    assert opened
    return opened


async def put(opened: OpenTrade, target: Decimal | None = TARGET) -> OpenTrade:
    price = opened.entry.average_price
    assert price
    await opened.guard.protect(price, opened.entry.ts_event_ms, target_price=target)
    return opened


def purposes(exchange: StopExchange) -> list[Purpose]:
    return [intent.request.purpose for intent in exchange.received]


def legs(opened: OpenTrade) -> list[str]:
    return [stop.client_order_id for stop in opened.guard.stops]


def journaled(desk: Desk, opened: OpenTrade) -> list[OrderStatus]:
    orders = [desk.journal.order(name) for name in legs(opened)]
    return [order.status for order in orders if order]


def books_agree(desk: Desk, exchange: StopExchange, holding: Holding) -> None:
    position = desk.journal.position(desk.account, "BTCUSDT")
    assert position.quantity == holding.quantity == Base(stops.held(exchange))
    assert position.realized == holding.realized
    assert desk.journal.unsettled() == ()


async def test_stop_and_target_rest_as_one_list_over_what_the_fee_left(
    desk: Desk, exchange: PairExchange
) -> None:
    opened = await put(await bought(desk))
    stop, target = (intent.request for intent in exchange.received[1:])
    assert (stop.purpose, stop.quantity, stop.stop_price) == (Purpose.PROTECT, Base(D("0.00198")), D(9920))
    assert (target.purpose, target.quantity, target.price) == (Purpose.TARGET, Base(D("0.00198")), TARGET)
    assert [intent.sequence for intent in exchange.received[1:]] == [2, 3]
    assert journaled(desk, opened) == [OrderStatus.ACCEPTED] * 2
    first, second = legs(opened)
    cover = protection(desk.journal, desk.account, "BTCUSDT")
    assert str(cover) == (
        f"protected by STOP_LOSS 0.00198 at 9920 ({first}), target LIMIT_MAKER 0.00198 at 10180 ({second})"
    )
    assert (cover.is_whole, position_open(desk.journal)) == (True, None)


async def test_a_partly_filled_entry_is_covered_over_what_came(desk: Desk, exchange: PairExchange) -> None:
    exchange.script = [partly("0.6")]
    await put(await bought(desk))
    assert [intent.request.quantity for intent in exchange.received[1:]] == [Base(D("0.00118"))] * 2


@pytest.mark.parametrize("leg", [0, 1], ids=["the stop", "the target"])
@pytest.mark.parametrize("share", ["1", "0.5"])
async def test_what_one_sells_ends_the_other_and_the_rest_is_sold(
    desk: Desk, exchange: PairExchange, leg: int, share: str
) -> None:
    opened = await put(await bought(desk))
    exchange.fire(legs(opened)[leg], share)
    assert await opened.guard.has_ended()
    trade = await leave(desk, opened)
    assert journaled(desk, opened)[1 - leg] is OrderStatus.EXPIRED
    assert Purpose.EXIT in purposes(exchange) or share == "1"
    assert trade.exits[0].client_order_id == legs(opened)[leg]
    books_agree(desk, exchange, opened.guard.holding)


async def test_a_target_that_fills_before_the_answer_is_no_incident(
    desk: Desk, exchange: PairExchange
) -> None:
    def fills_at_once(
        exchange: StopExchange, stop: Intent, target: Intent
    ) -> tuple[OrderReport, OrderReport]:
        stops.pair_rests(exchange, stop, target)
        exchange.fire(target.client_order_id)
        return exchange.stops[stop.client_order_id], exchange.stops[target.client_order_id]

    exchange.pair_script = [fills_at_once]
    opened = await put(await bought(desk))
    assert await opened.guard.has_ended()
    await leave(desk, opened)
    assert purposes(exchange) == [Purpose.ENTRY, Purpose.PROTECT, Purpose.TARGET]
    books_agree(desk, exchange, opened.guard.holding)


async def test_an_exit_cancels_the_list_in_one_request(desk: Desk, exchange: PairExchange) -> None:
    opened = await put(await bought(desk))
    await leave(desk, opened)
    assert exchange.canceled == [legs(opened)[0]]
    assert journaled(desk, opened) == [OrderStatus.CANCELED] * 2
    books_agree(desk, exchange, opened.guard.holding)


async def test_a_list_that_others_canceled_is_an_incident(desk: Desk, exchange: PairExchange) -> None:
    opened = await put(await bought(desk))
    exchange.end(legs(opened)[1], OrderStatus.CANCELED)
    with pytest.raises(ReconciliationBreak) as caught:
        await opened.guard.has_ended()
    assert caught.value.code == "STOP_MISSING"
    await leave(desk, opened)
    books_agree(desk, exchange, opened.guard.holding)


async def test_a_list_that_the_venue_refuses_becomes_a_stop(desk: Desk, exchange: PairExchange) -> None:
    exchange.pair_script = [pair_refused(NO_LIST)]
    opened = await put(await bought(desk))
    assert purposes(exchange) == [Purpose.ENTRY, Purpose.PROTECT, Purpose.TARGET, Purpose.PROTECT]
    assert protection(desk.journal, desk.account, "BTCUSDT").is_whole
    await leave(desk, opened)
    books_agree(desk, exchange, opened.guard.holding)


async def test_a_price_through_the_stop_is_not_tried_again_without_a_target(
    desk: Desk, exchange: PairExchange
) -> None:
    through = VenueRejected("through", venue_code=-2010, venue_text="", code="STOP_WOULD_TRIGGER")
    exchange.pair_script = [pair_refused(through)]
    with pytest.raises(VenueRejected):
        await put(await bought(desk))
    assert purposes(exchange) == [Purpose.ENTRY, Purpose.PROTECT, Purpose.TARGET]


@pytest.mark.parametrize("target", [D("9999"), D("9000"), D("13000")])
async def test_a_target_that_cannot_rest_leaves_the_stop_alone(
    desk: Desk, exchange: PairExchange, target: Decimal
) -> None:
    await put(await bought(desk), target)
    assert purposes(exchange) == [Purpose.ENTRY, Purpose.PROTECT]


async def test_a_lost_answer_is_asked_about_and_nothing_is_placed_twice(
    desk: Desk, exchange: PairExchange
) -> None:
    exchange.pair_script = [pair_lost(NO_ANSWER)]
    opened = await put(await bought(desk))
    assert purposes(exchange) == [Purpose.ENTRY, Purpose.PROTECT, Purpose.TARGET]
    assert journaled(desk, opened) == [OrderStatus.ACCEPTED] * 2
    await leave(desk, opened)
    books_agree(desk, exchange, opened.guard.holding)


async def test_while_halted_nothing_of_a_list_is_sent(desk: Desk, exchange: PairExchange) -> None:
    opened = await bought(desk)
    desk.journal.set_trading_state(desk.account, TradingState.HALTED, "a test")
    with pytest.raises(TraderError, match="HALTED"):
        await put(opened)
    assert purposes(exchange) == [Purpose.ENTRY]


async def test_the_list_of_a_killed_command_is_taken_away_with_its_position(
    desk: Desk, exchange: PairExchange
) -> None:
    opened = await put(await bought(desk))  # and killed here
    holding = holding_at_start(desk, PAIRED, dry_run=False)
    sales: list[OrderReport] = []
    await sell(desk, Guard(desk, holding, BOOK), sales)
    assert [order.executed_quantity for order in sales] == [Base(D("0.00198"))]
    assert journaled(desk, opened) == [OrderStatus.CANCELED] * 2
    books_agree(desk, exchange, holding)


async def test_a_stop_is_moved_with_its_target(desk: Desk, exchange: PairExchange) -> None:
    opened = await put(await bought(desk))
    assert await opened.guard.move(D("9960"))
    prices = [intent.request.stop_price or intent.request.price for intent in exchange.received[3:]]
    assert prices == [D(9960), TARGET]
    assert journaled(desk, opened) == [*[OrderStatus.CANCELED] * 2, *[OrderStatus.ACCEPTED] * 2]
    assert not await opened.guard.has_ended()
    await leave(desk, opened)
    books_agree(desk, exchange, opened.guard.holding)


async def test_a_stop_that_fires_while_it_is_moved_ends_the_trade(desk: Desk, exchange: PairExchange) -> None:
    opened = await put(await bought(desk))
    exchange.cancel_script = [stops.fires_first()]
    assert not await opened.guard.move(D("9960"))
    assert await opened.guard.has_ended()
    await leave(desk, opened)
    assert purposes(exchange).count(Purpose.PROTECT) == 1
    books_agree(desk, exchange, opened.guard.holding)


async def test_a_moved_stop_that_is_not_confirmed_is_an_incident(desk: Desk, exchange: PairExchange) -> None:
    opened = await put(await bought(desk))
    exchange.pair_script = [pair_refused(NO_ANSWER)]
    exchange.blind = 1_000
    with pytest.raises(ReconciliationBreak) as caught:
        await opened.guard.move(D("9960"))
    assert caught.value.code == "STOP_MISSING"
    exchange.blind = 0
    trade = await leave(desk, opened)
    assert [order.executed_quantity for order in trade.exits] == [Base(D("0.00198"))]


async def test_flatten_takes_one_order_of_a_list_for_what_may_be_sold(
    desk: Desk, exchange: PairExchange
) -> None:
    await bought(desk)
    opened = await bought(desk)
    exchange.pair_script, exchange.blind = [pair_lost(NO_ANSWER)], 1_000
    with pytest.raises(ReconciliationBreak):
        await put(opened)
    held = desk.journal.position(desk.account, "BTCUSDT").quantity
    doubtful = [each.order.quantity for each in desk.journal.unsettled(desk.account)]
    assert doubtful == [doubtful[0]] * 2
    assert by_the_journal(desk.journal, desk.account) == [("BTCUSDT", held - doubtful[0])]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answer=st.sampled_from(["rests", "lost", "never arrives", "refused"]),
    moves=st.booleans(),
    leg=st.integers(0, 1),
    share=st.sampled_from(["0", "0.25", "1"]),
    race=st.sampled_from(["none", "while waiting", "with the cancel"]),
    cancel=st.sampled_from(["told", "lost, canceled", "lost, open"]),
    blind=st.integers(0, 12),
    sales=st.lists(st.integers(0, 100), max_size=3),
)
async def test_whatever_happens_nothing_is_sold_twice_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory,
    answer: str,
    moves: bool,
    leg: int,
    share: str,
    race: str,
    cancel: str,
    blind: int,
    sales: list[int],
) -> None:
    exchange = PairExchange()
    exchange.balances["BTC"] = D(1)  # of the account, and not ours: what a second sale would sell
    answers = {
        "rests": stops.pair_rests,
        "lost": pair_lost(NO_ANSWER),
        "never arrives": pair_refused(NO_ANSWER),
        "refused": pair_refused(NO_LIST),
    }

    def open_orders() -> list[str]:
        return [name for name, stop in exchange.stops.items() if stop.status is OrderStatus.ACCEPTED]

    def fire() -> None:
        if resting := open_orders():
            exchange.fire(resting[min(leg, len(resting) - 1)], share)

    async with desk_at(exchange, tmp_path_factory.mktemp("home")) as desk:
        exchange.pair_script, exchange.blind = [answers[answer]], blind
        exchange.script = [partly("1"), *[partly(str(Decimal(sale) / 100)) for sale in sales]]
        opened = await bought(desk)
        try:
            await put(opened)
            if race == "with the cancel":
                exchange.cancel_script = [lambda exchange, name: fire()]
            elif race == "while waiting":
                fire()
            elif cancel != "told" and open_orders():
                exchange.cancel_script = [stops.fails(NO_ANSWER, canceled=cancel == "lost, canceled")]
            if moves and not await opened.guard.has_ended():
                await opened.guard.move(D("9960"))
        except TraderError:
            pass
        holding = opened.guard.holding
        try:
            trade: Trade | OpenTrade = await leave(desk, opened)
        except (PositionOpen, OutcomeUnknown):
            trade = opened
        position = desk.journal.position(desk.account, "BTCUSDT")
        assert position.quantity == holding.quantity == Base(stops.held(exchange) - 1)
        assert position.realized == holding.realized
        assert open_orders() == [] or trade is opened
