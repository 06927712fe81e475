"""Reconciliations one after another, and ones that go wrong: nothing found may be lost on the way."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.account import AccountSnapshot
from core.clock import DAY_MS
from core.errors import ConfigError, ReconciliationBreak, TraderError, VenueRejected, VenueUnavailable
from core.operations.books_desk import BooksDesk
from core.operations.holdings import Moved
from core.operations.reconcile import Wanted, reconcile
from core.operations.reconcile_result import ReconcileResult
from core.orders import Side
from core.ports import Page, Statements
from core.reconciliation import BreakClass, Trade
from exchanges.paper import admin
from tests.core.operations.places import Place, open_place
from tests.simulation.two_ledgers import agreeing, at_venue, cancel, foreign, operator, reconciled

D = Decimal
C = BreakClass
EVERYTHING = Wanted()


def moved(place: Place, asset: str, amount: str) -> None:
    with operator(place) as exchange:
        admin.deposit(exchange, asset, D(amount))


def classes(result: ReconcileResult) -> set[BreakClass]:
    return {each.found.break_class for each in result.breaks}


def events(place: Place) -> list[tuple[str, dict[str, object]]]:
    with place.journal() as journal:
        rows = journal._store.rows("SELECT kind, payload FROM events ORDER BY sequence")
    return [(row["kind"], json.loads(row["payload"])) for row in rows]


def kinds(place: Place) -> list[str]:
    return [kind for kind, _ in events(place) if kind != "RECONCILED"]


def nothing_yet(place: Place) -> ReconcileResult:
    return ReconcileResult(place.account, place.clock.now_ms())


async def run(
    place: Place, wanted: Wanted = EVERYTHING, result: ReconcileResult | None = None, **ports: object
) -> ReconcileResult:
    """Reconcile with some ports of the venue replaced."""
    result = result or nothing_yet(place)
    venue = replace(place.desk.venue, **ports)  # type: ignore[arg-type]  # they pass on what they are not about
    with place.journal() as journal:
        await reconcile(BooksDesk(venue, place.account, journal, place.clock), wanted, result, lambda _: None)
    return result


async def test_an_accepted_outflow_does_not_hide_another_of_the_same_amount(tmp_path: Path) -> None:
    async with agreeing(tmp_path) as place:
        moved(place, "USDT", "-50")
        [first] = (await reconciled(place)).breaks
        await run(place, Wanted(accept=(first.break_id,), reason="it was me"))
        assert (await reconciled(place)).breaks == ()
        moved(place, "USDT", "-50")
        [second] = (await reconciled(place)).breaks
        assert second.found.effects == {"USDT": D(-50)}
        await run(place, Wanted(accept=(second.break_id,), reason="me again"))
        assert (await reconciled(place)).breaks == ()


async def test_a_break_is_still_there_after_another_look(tmp_path: Path) -> None:
    """Money that moved unexplained makes it look again from where it came to."""
    async with agreeing(tmp_path) as place:
        await foreign(place.desk, "web_1", "BTCUSDT", Side.BUY)
        await place.clock.sleep(3_600)
        moved(place, "BNB", "-1")
        for _ in range(2):
            found = await reconciled(place)
            assert classes(found) == {C.UNAUTHORIZED, C.BALANCE}
            [balance] = (each for each in found.breaks if each.found.break_class is C.BALANCE)
            assert balance.found.effects == {"BNB": D(-1)}


async def test_repeating_a_run_writes_nothing_but_that_it_ran(tmp_path: Path) -> None:
    async with agreeing(tmp_path) as place:
        at_venue(place, "DELETE FROM fills WHERE symbol = 'ETHUSDT'")
        [first] = (await reconciled(place)).breaks
        assert (first.found.break_class, first.found.effects) == (C.MISSING_VENUE, {})  # the balance is ours
        before = kinds(place)
        await reconciled(place)
        assert kinds(place) == before


async def test_fills_are_counted_once_and_new_ones_too(tmp_path: Path) -> None:
    """Whether a comparison has read them, or nobody, or they came in meanwhile."""
    async with agreeing(tmp_path) as place:
        with place.journal() as journal:
            book = journal.reconciliations(place.account)
            market = book.own.markets()["BTCUSDT"]
            first, *others = book.own.trade_rows("BTCUSDT", -1)
            told, handed = Moved(book), Moved(book)
            handed.count(market, first[0], others[-1][0], others)  # what comes before is missing
            handed.count(market, -1, first[0], [first])
            handed.count(market, -1, first[0], [first])
            handed.count(market, first[0], others[-1][0], others)
            assert handed.equation({}, ()) == told.equation({}, ())
            await place.buy()
            assert handed.equation({}, ()) == Moved(book).equation({}, ()) == told.equation({}, ())
            assert len(book.own.trade_rows("BTCUSDT", -1)) > len(others) + 1


class Altered:
    """A port of a venue of which a test answers some questions itself."""

    def __init__(self, port: object, **answers: Callable[..., Awaitable[object]]) -> None:
        self._port = port
        self.__dict__.update(answers)

    def __getattr__(self, name: str) -> object:
        return getattr(self._port, name)


def failing(statements: Statements, of: str, error: TraderError) -> Altered:
    async def trades(symbol: str, from_id: int | None) -> Page[Trade]:
        if symbol == of:
            raise error
        return await statements.trades(symbol, from_id)

    return Altered(statements, trades=trades)


DELISTED = ConfigError("the venue does not list it", code="SYMBOL_UNKNOWN")
DEAD = VenueUnavailable("the line is dead")


@pytest.mark.parametrize("error", [DELISTED, DEAD], ids=["delisted", "line"])
async def test_an_intruder_is_alarmed_of_when_another_symbol_fails(
    tmp_path: Path, error: TraderError
) -> None:
    async with agreeing(tmp_path) as place:
        await foreign(place.desk, "web_1", "BTCUSDT", Side.BUY)
        result = nothing_yet(place)
        statements = failing(place.desk.venue.statements, "ETHUSDT", error)
        with pytest.raises(TraderError):
            await run(place, Wanted(halt_on_intruder=True), result, statements=statements)
        assert classes(result) == {C.UNAUTHORIZED}
        assert (result.agrees, result.halted) == (False, True)
        assert kinds(place).count("INTRUDER_ALARM") == 1
        await reconciled(place)
        assert kinds(place).count("INTRUDER_ALARM") == 1


async def test_a_refused_symbol_is_named_and_the_others_are_compared(tmp_path: Path) -> None:
    async with agreeing(tmp_path) as place:
        await foreign(place.desk, "web_1", "ETHUSDT", Side.BUY)
        result = nothing_yet(place)
        statements = failing(place.desk.venue.statements, "BTCUSDT", DELISTED)
        with pytest.raises(ReconciliationBreak, match="BTCUSDT") as refused:
            await run(place, result=result, statements=statements)
        assert refused.value.code == "BOOKS_NOT_COVERED"
        assert classes(result) == {C.UNAUTHORIZED}
        with place.journal() as journal:
            assert journal.reconciliations(place.account).newest() is None


async def test_what_the_venue_does_not_know_by_name_yet_is_no_wipe(tmp_path: Path) -> None:
    async def unknown(symbol: str, name: object) -> None:
        return None

    async with open_place(tmp_path) as place:
        await place.buy()
        account = Altered(place.desk.venue.account, order=unknown, fill=unknown)
        assert (await run(place, account=account)).breaks == ()
        at_venue(place, "DELETE FROM fills", "DELETE FROM orders")
        assert classes(await run(place)) == {C.RESET}


async def test_an_order_that_a_venue_may_have_put_away_is_no_witness_of_a_wipe(tmp_path: Path) -> None:
    """It answers with a refusal of its own when it is asked for one that ended unfilled 90 days ago."""

    async def refuses(symbol: str, name: str) -> None:
        raise VenueRejected("archived", venue_code=-2026, venue_text="")

    async with open_place(tmp_path) as place:
        await cancel(place, await place.rest())
        at_venue(place, "DELETE FROM orders")
        await place.clock.sleep(91 * DAY_MS / 1000)
        account = Altered(place.desk.venue.account, order=refuses)
        assert (await run(place, account=account)).breaks == ()


async def test_a_residue_of_a_busy_account_is_late_once(tmp_path: Path) -> None:
    async with agreeing(tmp_path) as place:
        moved(place, "USDT", "-50")
        account = place.desk.venue.account

        async def snapshot() -> AccountSnapshot:
            moved(place, "BNB", "0.001")
            return await account.snapshot()

        busy = Altered(account, snapshot=snapshot)
        assert classes(await run(place, account=busy)) == {C.TIMING}
        for _ in range(2):
            told = {each.found.subject: each.found for each in (await run(place, account=busy)).breaks}
            assert told["balance:USDT"].break_class is C.BALANCE
            assert told["balance:USDT"].effects == {"USDT": D(-50)}
