"""cancel-all against a paper exchange: what it cancels, what it leaves, and what it says of the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import OutcomeUnknown, PositionOpen, ReconciliationBreak, TraderError, VenueUnavailable
from core.journal.store import connect_file
from core.operations.cancel_all import CancelAllResult, cancel_all
from core.operations.canceling import Fate, Scope
from core.orders import OrderStatus
from core.stages import TradingState
from core.values import Base, floor_to
from exchanges.registry import venue_factory
from tests.core.journal.books import OPENING, fill, record_intent, report
from tests.core.journal.books import open_account as open_other_account
from tests.core.operations.places import Place, open_place

ELSE_S = "tr" + "ab" * 8 + "-1"
HOUR_MS = 3_600_000
STEP = Decimal("0.00001")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as place:
        yield place


async def run(place: Place, scope: Scope | None = None) -> tuple[CancelAllResult, TraderError | None]:
    """Return the result, and the error that the command would end with."""
    result = CancelAllResult(scope or Scope())
    try:
        await cancel_all(place, result.scope, result)
        result.raise_if_unsafe()
    except TraderError as error:
        return result, error
    return result, None


def fates(result: CancelAllResult) -> dict[str, Fate]:
    return {each.order.client_order_id: each.fate for each in result.sweep.fates.values()}


async def test_nothing_open_says_where_it_looked(place: Place) -> None:
    result, error = await run(place)
    assert error is None
    assert place.account.uid in result.place
    assert result.sweep.fates == {}
    assert place.located == [str(place.account)]


async def test_a_symbol_that_is_all_ours_takes_one_request(place: Place) -> None:
    ours = [await place.rest() for _ in range(3)] + [await place.rest("ETHUSDT") for _ in range(2)]
    result, error = await run(place)
    assert error is None
    assert fates(result) == {order.client_order_id: Fate.CANCELED for order in ours}
    assert await place.open_names() == set()
    asked = place.watched.asked
    assert (asked.count("cancel_all"), asked.count("cancel"), asked.count("open_orders")) == (2, 0, 2)
    with place.journal() as journal:
        assert journal.open_orders(place.account) == ()
        assert journal.verify() == ()
    assert "CANCEL_ALL" in (place.home / "trade_audit.log").read_text()


async def test_a_strangers_order_is_left_alone(place: Place) -> None:
    ours = [await place.rest() for _ in range(2)]
    for name in ("web_4711", ELSE_S):
        await place.strangers_order(name)
    result, error = await run(place)
    assert error is None
    assert await place.open_names() == {"web_4711", ELSE_S}
    assert set(fates(result)) == {order.client_order_id for order in ours}
    assert {order.client_order_id for order in result.sweep.left} == {"web_4711", ELSE_S}
    assert "cancel_all" not in place.watched.asked


async def test_account_cancels_everybodys(place: Place) -> None:
    await place.rest()
    await place.strangers_order("web_4711")
    result, error = await run(place, Scope(everybody=True))
    assert error is None
    assert await place.open_names() == set()
    assert "web_4711" in fates(result)


async def test_symbol_leaves_the_others(place: Place) -> None:
    await place.rest()
    other = await place.rest("ETHUSDT")
    _, error = await run(place, Scope(symbol="BTCUSDT"))
    assert error is None
    assert await place.open_names() == {other.client_order_id}


async def test_kept_stops_protect(place: Place) -> None:
    bought = await place.buy("0.001")
    held = bought.executed_quantity.value - sum((each.fee.amount for each in bought.fills), Decimal(0))
    stop = await place.protect(Base(floor_to(held, STEP)))
    await place.rest()
    result, error = await run(place, Scope(keep_stops=True))
    assert error is None
    assert [order.client_order_id for order in result.sweep.kept] == [stop.client_order_id]
    assert "cancel_all" not in place.watched.asked

    result, error = await run(place)
    assert isinstance(error, PositionOpen)
    assert error.code == "POSITION_OPEN"
    assert [each.symbol for each in result.unprotected] == ["BTCUSDT"]


async def test_a_stop_that_is_too_small_does_not_protect(place: Place) -> None:
    await place.buy("0.001")
    await place.protect(Base(Decimal("0.0005")))
    result, error = await run(place, Scope(keep_stops=True))
    assert isinstance(error, PositionOpen)
    assert result.unprotected


async def test_an_order_that_filled_instead_is_asked_and_booked(place: Place) -> None:
    order = await place.rest(below="0.9995", quantity="0.001")

    async def market_moves() -> None:
        place.watched.after.pop("open_orders")
        place.desk.clock.time_ms += HOUR_MS

    place.watched.after["open_orders"] = market_moves
    result, error = await run(place)
    assert fates(result) == {order.client_order_id: Fate.FILLED}
    assert isinstance(error, PositionOpen)
    with place.journal() as journal:
        assert journal.position(place.account, "BTCUSDT").quantity.value > 0
        assert journal.unsettled(place.account) == ()


async def test_an_entry_whose_process_died_is_booked(place: Place) -> None:
    large = await place.order(await place.buying("BTCUSDT", "1.00001", "0.1"), lost=True)
    await place.buy("0.001", lost=True)
    result, error = await run(place)
    assert isinstance(error, PositionOpen)
    assert result.unresolved == ()
    assert Fate.FILLED in fates(result).values()
    with place.journal() as journal:
        assert journal.unsettled(place.account) == ()
        held = journal.position(place.account, "BTCUSDT").quantity.value
    assert Decimal("0.0009") < held
    assert large.client_order_id in fates(result)


async def test_an_intent_the_venue_does_not_know_stays_unsettled(place: Place) -> None:
    with place.journal() as journal:
        journal.note_symbol(place.account, "BTCUSDT", "BTC", "USDT", None)
        lost = record_intent(journal, place.account, await place.buying("BTCUSDT", "1"))
    result, error = await run(place)
    assert isinstance(error, OutcomeUnknown)
    assert result.unresolved == (lost.intent.client_order_id,)


@pytest.mark.parametrize("damage", ["rubbish", "gone", "locked whole"])
async def test_without_a_journal_our_ids_are_known(place: Place, damage: str) -> None:
    ours = await place.rest()
    await place.strangers_order(ELSE_S)
    database = place.home / "journal.sqlite3"
    blocker = connect_file(database)
    if damage == "locked whole":
        blocker.execute("PRAGMA locking_mode = EXCLUSIVE")
        blocker.execute("BEGIN EXCLUSIVE")
    else:
        blocker.close()
        for file in place.home.glob("journal.sqlite3*"):
            file.write_bytes(b"rubbish" * 1000) if damage == "rubbish" else file.unlink()
    result, error = await run(place)
    blocker.close()
    assert isinstance(error, ReconciliationBreak)
    assert error.code == "BOOKS_UNKNOWN"
    assert fates(result) == {ours.client_order_id: Fate.CANCELED}
    assert await place.open_names() == {ELSE_S}
    assert any("journal" in trouble for trouble in result.troubles)


async def test_knowing_no_id_every_traders_orders_are_ours(place: Place) -> None:
    await place.rest()
    await place.strangers_order(ELSE_S)
    await place.strangers_order("web_4711")
    (place.home / "journal.sqlite3").write_bytes(b"rubbish" * 1000)
    (place.home / "installation").unlink()
    result, error = await run(place)
    assert await place.open_names() == {"web_4711"}
    assert error is not None
    assert any("taken for ours" in trouble for trouble in result.troubles)


async def test_a_locked_journal_is_read_and_said_not_to_be_written(place: Place) -> None:
    await place.rest()
    blocker = connect_file(place.home / "journal.sqlite3")
    blocker.execute("BEGIN IMMEDIATE")
    result, error = await run(place)
    blocker.close()
    assert error is None
    assert await place.open_names() == set()
    assert any("not written down" in trouble for trouble in result.troubles)


async def test_halt_and_quarantine_do_not_stop_it(place: Place) -> None:
    await place.rest()
    with place.journal() as journal:
        journal.set_trading_state(place.account, TradingState.HALTED, "drill")
        journal.quarantine(place.account, "BTCUSDT", "drill")
    _, error = await run(place)
    assert error is None
    assert await place.open_names() == set()


async def test_cancels_whose_answers_are_lost_are_read_back(place: Place) -> None:
    orders = [await place.rest("BTCUSDT"), await place.rest("ETHUSDT")]
    relay = place.desk.relay

    async def lose_the_next() -> None:
        place.watched.after.pop("open_orders")
        relay.loses_answers = True
        trading = place.desk.venue.trading
        for order in orders:
            with pytest.raises(OutcomeUnknown):
                await trading.cancel(order.symbol, order.client_order_id)
        relay.loses_answers = False

    place.watched.after["open_orders"] = lose_the_next
    result, error = await run(place)
    assert error is None
    assert set(fates(result).values()) == {Fate.CANCELED}


async def test_answers_that_stay_lost_are_unknown(place: Place) -> None:
    order = await place.rest()

    async def lose() -> None:
        place.desk.relay.loses_answers = True

    place.watched.after["open_orders"] = lose
    result, error = await run(place)
    place.desk.relay.loses_answers = False
    assert isinstance(error, OutcomeUnknown)
    assert fates(result) == {order.client_order_id: Fate.UNKNOWN}
    assert result.sweep.unread


async def test_a_venue_out_of_reach_leaves_what_the_journal_knows(place: Place) -> None:
    order = await place.rest()
    nowhere = replace(place.desk.venue.host, root="http://127.0.0.1:1")
    factory = venue_factory("paper")
    async with factory(nowhere, place.desk.key, place.desk.clock, name="paper") as unreachable:
        place.watched.over(unreachable)
        place.desk.venue = unreachable
        result, error = await run(place)
    assert isinstance(error, VenueUnavailable)
    assert [each.client_order_id for known in result.elsewhere for each in known.open_orders] == [
        order.client_order_id
    ]


async def test_exposure_on_another_account_is_named(place: Place) -> None:
    with place.journal() as journal:
        other = open_other_account(journal, venue="binance", uid="99")
        bought = record_intent(journal, other).spend()
        journal.record_report(bought, report(bought, OrderStatus.FILLED, fill(bought, 50, "0.001")))
    result, error = await run(place)
    assert isinstance(error, PositionOpen)
    assert error.code == "POSITION_OPEN"
    assert str(other) in error.message
    assert [each.account for each in result.elsewhere] == [other]


async def test_open_orders_on_another_account_are_named(place: Place) -> None:
    with place.journal() as journal:
        other = open_other_account(journal, venue="binance", uid="99")
        resting = record_intent(journal, other).spend()
        journal.record_report(resting, report(resting, OrderStatus.ACCEPTED))
    _, error = await run(place)
    assert isinstance(error, PositionOpen)
    assert error.code == "ORDERS_OPEN"


async def test_a_wiped_account_holds_nothing(place: Place) -> None:
    account = place.account
    with place.journal() as journal:
        journal.note_symbol(account, "BTCUSDT", "BTC", "USDT", None)
        bought = record_intent(journal, account).spend()
        journal.record_report(bought, report(bought, OrderStatus.FILLED, fill(bought, 50, "0.001")))
        opened = journal.open_account(
            account.venue, account.environment, account.host, account.uid, OPENING, epoch=1
        )
    result, error = await run(place)
    assert error is None
    assert result.account == opened


async def test_orders_that_keep_coming_are_open_in_the_end(place: Place) -> None:
    await place.rest()

    async def another() -> None:
        await place.rest()

    place.watched.after["cancel"] = another
    result, error = await run(place)
    assert isinstance(error, PositionOpen)
    assert error.code == "ORDERS_OPEN"
    assert result.sweep.with_fate(Fate.OPEN)
    assert result.sweep.with_fate(Fate.CANCELED)


async def test_our_own_sum_never_keeps_a_cancel_back_and_the_venues_word_does(place: Place) -> None:
    await place.rest()
    budget = place.desk.venue.budget
    budget.learn_used(6_000)
    _, error = await run(place)
    assert error is None
    budget.close_for(90, 418)
    _, error = await run(place)
    assert isinstance(error, VenueUnavailable)
    assert error.code == "VENUE_BANNED"
