"""flatten against a paper exchange: flat or NOT FLAT, whatever state the home is in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

import pytest

from core.errors import (
    NotConfirmed,
    OutcomeUnknown,
    PositionOpen,
    ReconciliationBreak,
    TraderError,
    VenueRejected,
    VenueUnavailable,
)
from core.journal.emergency import EMERGENCY
from core.journal.latch import is_set
from core.journal.store import connect_file
from core.operations.flatten import flatten
from core.operations.flatten_result import FlattenResult
from core.operations.halt import HaltResult
from core.orders import OrderStatus, OrderType, Purpose, SendOnce, Side
from core.settings import Settings
from core.stages import TradingState
from core.values import Base
from exchanges.registry import venue_factory
from tests.core.journal.books import fill, open_account, record_intent, report, request
from tests.core.operations.places import Place, open_place

D = Decimal
STEP = D("0.00001")
BASELINE = {"BTC": D(1), "ETH": D(10), "BNB": D(10)}


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as place:
        yield place


async def run(place: Place, *, everybody: bool = False) -> tuple[FlattenResult, TraderError | None]:
    """Return the result, and the error that the command would end with."""
    result = FlattenResult(everybody, HaltResult(place.home))
    try:
        await flatten(place, result)
        result.raise_if_unsafe()
    except TraderError as error:
        return result, error
    return result, None


async def free(place: Place, asset: str) -> Decimal:
    return (await place.desk.venue.account.snapshot()).free(asset)


async def test_sells_ours_and_leaves_what_was_there_before(place: Place) -> None:
    await place.buy("0.0123")
    await place.rest("ETHUSDT")
    result, error = await run(place)
    assert error is None
    assert is_set(place.home)
    assert await place.open_names() == set()
    (sale,) = result.sales
    assert D(0) < sale.left.value < STEP, "the fee left dust"
    assert sale.dust == sale.left
    assert await free(place, "BTC") == BASELINE["BTC"] + sale.left.value
    with place.journal() as journal:
        assert journal.position(place.account, "BTCUSDT").quantity == sale.left
        assert journal.trading_state(place.account) is TradingState.HALTED
        assert journal.verify() == ()


async def test_nothing_held_is_flat(place: Place) -> None:
    result, error = await run(place)
    assert (error, result.sales, result.is_flat) == (None, [], True)
    assert place.account.uid in result.place


async def test_no_rule_for_entries_keeps_it_back(place: Place) -> None:
    place.settings = Settings.model_validate(
        {"TRADER_HOME": place.home, "BINANCE_SYMBOL": "ETHUSDT", "BINANCE_RISK_MAX_ORDER_USDT": "6"}
    )
    await place.buy("0.1")  # a thousand times the cap
    with place.journal() as journal:
        journal.quarantine(place.account, "BTCUSDT", "drill")
        journal.set_trading_state(place.account, TradingState.HALTED, "drill")
    place.desk.venue.budget.learn_used(6_000)
    result, error = await run(place)
    assert error is None
    assert result.sales[0].left.value < STEP


async def test_an_entry_whose_fill_we_never_saw_is_sold(place: Place) -> None:
    await place.buy("0.0123", lost=True)
    with place.journal() as journal:
        assert journal.position(place.account, "BTCUSDT").is_flat
    _, error = await run(place)
    assert error is None
    assert await free(place, "BTC") - BASELINE["BTC"] < STEP


async def test_a_remainder_below_the_filters_is_named_as_dust(place: Place) -> None:
    price = (await place.buying("BTCUSDT", "1.01")).price
    assert price is not None
    # What may just be bought; less its fee it is too little to be sold.
    least = (5 / price).quantize(STEP, ROUND_CEILING)
    await place.buy(f"{least}")
    result, error = await run(place)
    assert error is None
    (sale,) = result.sales
    assert sale.orders == []
    assert sale.dust == sale.left == sale.wanted
    assert sale.wanted.value > STEP, "not the fee's dust alone: too little for the notional filter"


@pytest.mark.parametrize("damage", ["rubbish", "gone", "locked"])
async def test_without_a_whole_journal_the_venue_tells_what_is_ours(place: Place, damage: str) -> None:
    await place.buy("0.0123")
    await place.buy("0.004")
    await place.buy("0.1", "ETHUSDT", lost=True)
    database = place.home / "journal.sqlite3"
    blocker = connect_file(database)
    if damage == "locked":
        blocker.execute("BEGIN IMMEDIATE")
    else:
        blocker.close()
        for file in place.home.glob("journal.sqlite3*"):
            file.write_bytes(b"rubbish" * 1000) if damage == "rubbish" else file.unlink()
    result, error = await run(place)
    assert result.rebuilt
    assert {sale.symbol for sale in result.sales} == {"BTCUSDT", "ETHUSDT"}
    assert result.is_flat
    if damage == "locked":
        assert error is None, "it could be read all the same"
    else:
        assert isinstance(error, ReconciliationBreak)
        assert error.code == "BOOKS_UNKNOWN"
    assert is_set(place.home)
    for asset in ("BTC", "ETH"):
        assert D(0) <= await free(place, asset) - BASELINE[asset] < D("0.0001")
    kinds = [json.loads(line)["kind"] for line in (place.home / EMERGENCY).read_text().split("\n") if line]
    assert kinds.count("INTENT") == kinds.count("REPORT") == 2

    again, _ = await run(place)
    assert [sale.orders for sale in again.sales if sale.orders] == [], "nothing is sold twice"
    blocker.close()


async def test_what_was_sold_around_a_locked_journal_is_not_held_any_more(place: Place) -> None:
    await place.buy("0.0123")
    blocker = connect_file(place.home / "journal.sqlite3")
    blocker.execute("BEGIN IMMEDIATE")
    await run(place)
    blocker.close()
    result, error = await run(place)
    assert error is None
    assert not result.rebuilt
    assert [sale.orders for sale in result.sales] == [[]]
    with place.journal() as journal:
        assert journal.position(place.account, "BTCUSDT").quantity.value < STEP
        assert journal.unsettled() == ()
        assert journal.verify() == ()
    assert await free(place, "BTC") >= BASELINE["BTC"]


async def test_knowing_no_installation_every_traders_orders_are_ours(place: Place) -> None:
    await place.buy("0.0123")
    for file in (*place.home.glob("journal.sqlite3*"), place.home / "installation"):
        file.unlink()
    result, error = await run(place)
    assert error is None
    assert result.is_flat
    assert result.sales[0].orders
    assert any("taken for ours" in trouble for trouble in result.troubles)


async def test_an_unsettled_sale_is_not_sold_again(place: Place) -> None:
    bought = await place.buy("0.0123")
    with place.journal() as journal:
        held = journal.position(place.account, "BTCUSDT").quantity
        sale = request(Side.SELL, str(held), purpose=Purpose.EXIT)
        lost = record_intent(journal, place.account, sale, timestamp_ms=place.desk.clock.now_ms())
    result, error = await run(place)
    assert isinstance(error, OutcomeUnknown)
    assert lost.intent.client_order_id in result.unknown
    assert result.sales == []
    assert bought.status is OrderStatus.FILLED


async def test_what_is_not_free_is_not_flat(place: Place) -> None:
    await place.buy("0.0123")
    wanted = replace(
        await place.buying("BTCUSDT", "1", "1.005"),
        side=Side.SELL,
        order_type=OrderType.MARKET,
        price=None,
        time_in_force=None,
    )
    by_hand = replace(place.desk.intent(wanted), client_order_id="web_4711")
    await place.desk.venue.trading.submit(SendOnce(by_hand))
    result, error = await run(place)
    assert isinstance(error, PositionOpen)
    assert "NOT FLAT" in error.message
    assert "not in the free balance" in result.sales[0].reason
    assert await free(place, "BTC") < STEP


async def test_the_lease_is_taken_over(place: Place) -> None:
    await place.buy("0.0123")
    with place.lease(place.account, "trader stage 1").acquired() as holder:
        result, error = await run(place)
        assert error is None
        assert "trader stage 1" in result.displaced
        assert not holder.is_held()


async def test_a_venue_out_of_reach_leaves_it_halted(place: Place) -> None:
    await place.buy("0.0123")
    nowhere = replace(place.desk.venue.host, root="http://127.0.0.1:1")
    async with venue_factory("paper")(nowhere, place.desk.key, place.desk.clock, name="paper") as unreachable:
        place.watched.over(unreachable)
        place.desk.venue = unreachable
        result, error = await run(place)
    assert isinstance(error, VenueUnavailable)
    assert is_set(place.home)
    assert result.halted.accounts == (place.account,)
    assert [held.symbol for known in result.elsewhere for held in known.positions] == ["BTCUSDT"]
    assert not result.is_over


async def test_a_ban_is_said_at_once(place: Place) -> None:
    place.desk.venue.budget.close_for(90, 418)
    _, error = await run(place)
    assert isinstance(error, VenueUnavailable)
    assert error.code == "VENUE_BANNED"
    assert is_set(place.home)


async def test_exposure_elsewhere_is_named(place: Place) -> None:
    with place.journal() as journal:
        other = open_account(journal, venue="binance", uid="99")
        bought = record_intent(journal, other).spend()
        journal.record_report(bought, report(bought, OrderStatus.FILLED, fill(bought, 50, "0.001")))
    _, error = await run(place)
    assert isinstance(error, PositionOpen)
    assert str(other) in error.message


async def test_account_sells_everything_and_books_only_ours(place: Place) -> None:
    await place.buy("0.0123")
    await place.strangers_order("web_4711")
    result, error = await run(place, everybody=True)
    assert error is None
    assert await place.open_names() == set()
    for asset in BASELINE:
        assert await free(place, asset) < D("0.001")
    assert "all 4 assets" in place.asked_for
    with place.journal() as journal:
        held = journal.position(place.account, "BTCUSDT")
        assert D(0) <= held.quantity.value < STEP
        assert all(not each.quantity.value for each in journal.positions(place.account) if each != held)
        assert journal.verify() == ()
    purposes = [(sale.symbol, sale.purpose) for sale in result.sales]
    assert purposes[0] == ("BTCUSDT", Purpose.FLATTEN)
    assert ("ETHUSDT", Purpose.LIQUIDATE) in purposes


async def test_account_needs_its_phrase_and_changes_it(place: Place) -> None:
    await place.buy("0.0123")
    place.phrase = "flatten paper testnet yesterday's"
    result, error = await run(place, everybody=True)
    assert isinstance(error, NotConfirmed)
    assert not is_set(place.home)
    assert result.sales == []
    first = place.asked_for
    await place.buy("0.0123")
    await run(place, everybody=True)
    assert place.asked_for != first


async def test_a_stop_leaves_the_rest_and_says_so(place: Place) -> None:
    await place.buy("0.0123")
    place.stop.ask("SIGINT")
    result, error = await run(place)
    assert isinstance(error, PositionOpen)
    assert "SIGINT" in result.sales[0].reason


async def test_sales_whose_answers_are_lost_are_asked_about(place: Place) -> None:
    await place.buy("0.0123")

    async def lose() -> None:
        place.watched.before.pop("submit")
        place.desk.relay.loses_answers = True

    async def find() -> None:
        place.desk.relay.loses_answers = False

    place.watched.before["submit"] = lose
    place.watched.after["submit"] = find
    _, error = await run(place)
    assert error is None
    assert await free(place, "BTC") - BASELINE["BTC"] < STEP
    with place.journal() as journal:
        assert journal.unsettled() == ()


async def test_a_position_the_exchange_does_not_list_any_more_stops_no_other(place: Place) -> None:
    await place.buy("0.0123")
    with place.journal() as journal:
        journal.note_symbol(place.account, "AAAUSDT", "AAA", "USDT", None)
        gone = record_intent(journal, place.account, request(symbol="AAAUSDT")).spend()
        journal.record_report(gone, report(gone, OrderStatus.FILLED, fill(gone, 50, "0.001")))
    result, error = await run(place)
    assert isinstance(error, PositionOpen)
    assert {sale.symbol: sale.is_flat for sale in result.sales} == {"AAAUSDT": False, "BTCUSDT": True}
    assert result.sales[0].left == Base(D("0.001"))


async def test_a_journal_that_fails_between_sending_and_answer_is_told_later(place: Place) -> None:
    await place.buy("0.0123")
    blocker = connect_file(place.home / "journal.sqlite3")

    async def lock() -> None:
        blocker.execute("BEGIN IMMEDIATE")

    place.watched.before["submit"] = lock
    result, error = await run(place)
    blocker.close()
    place.watched.before.clear()
    assert error is None
    assert result.is_flat
    assert len(result.sales[0].orders) == 1
    assert any(EMERGENCY in trouble for trouble in result.troubles)
    with place.journal() as journal:
        assert len(journal.unsettled()) == 1
    again, error = await run(place)
    assert error is None
    assert [sale.orders for sale in again.sales] == [[]]
    with place.journal() as journal:
        assert journal.unsettled() == ()
        assert journal.verify() == ()


async def test_what_is_left_of_ours_is_not_sold_as_if_it_had_been_there_before(place: Place) -> None:
    await place.buy("0.0123")
    refusals = iter([VenueRejected("closed", venue_code=-2010, venue_text="Market is closed.")] * 6)

    async def refuse() -> None:
        if refusal := next(refusals, None):
            raise refusal

    place.watched.before["submit"] = refuse
    result, error = await run(place, everybody=True)
    assert isinstance(error, PositionOpen)
    assert [sale.symbol for sale in result.sales] == ["BTCUSDT", "BNBUSDT", "ETHUSDT"]
    assert await free(place, "BTC") > BASELINE["BTC"]
    assert await free(place, "ETH") == 0
