"""A history of many pages: read within the request budget, and gone on with where a run was cut off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from core.clock import DAY_MS
from core.errors import VenueUnavailable
from core.ids import client_order_id
from core.operations import compare_symbol
from core.operations.statement_reading import pages
from core.ports import Page, Statements
from core.reconciliation import BreakClass, Trade
from core.reconciliation.classes import SETTLED_MS
from exchanges.paper import admin, history
from exchanges.paper.limits import Limits
from tests.core.operations.places import Place, open_place
from tests.simulation.long_books import book
from tests.simulation.two_ledgers import at_ours, operator, reconciled

SYMBOL = "BTCUSDT"
PAGE = 1_000
MIDDLE = "trade_id = (SELECT trade_id FROM fills ORDER BY trade_id LIMIT 1 OFFSET 1500)"


class CutOff:
    """Statements of a venue whose line dies after some pages of trades."""

    def __init__(self, statements: Statements, after: int) -> None:
        self.statements, self.left = statements, after

    def __getattr__(self, name: str) -> object:
        return getattr(self.statements, name)

    async def trades(self, symbol: str, from_id: int | None) -> Page[Trade]:
        if not self.left:
            raise VenueUnavailable("the line is dead")
        self.left -= 1
        return await self.statements.trades(symbol, from_id)


@asynccontextmanager
async def traded_for_a_day(folder: Path, orders: int) -> AsyncIterator[Place]:
    """Give a place at which both sides know the same filled orders, a day of them."""
    async with open_place(folder) as place:
        since_ms = place.clock.now_ms()
        await place.clock.sleep(DAY_MS / 1000)
        with place.journal() as journal:
            installation_id = journal.installation_id
        with operator(place) as exchange:
            history.make(
                exchange,
                SYMBOL,
                orders,
                since_ms=since_ms,
                name=lambda number: client_order_id(installation_id, number),
            )
        await place.clock.sleep(2 * SETTLED_MS / 1000)
        trades: list[Trade] = []
        async for page in pages(partial(place.desk.venue.statements.trades, SYMBOL), -1, since_ms):
            trades += page
        assert len(trades) == orders
        with place.journal() as journal:
            journal.note_symbol(place.account, SYMBOL, "BTC", "USDT", None)
            book(journal, place.account, SYMBOL, trades)
        yield place


async def test_a_history_of_many_pages_is_compared_whole(tmp_path: Path) -> None:
    async with traded_for_a_day(tmp_path, 2 * PAGE + 1) as place:
        clean = await reconciled(place)
        assert (clean.breaks, clean.orders, clean.trades) == ((), 2 * PAGE + 1, 2 * PAGE + 1)
        at_ours(place, f"UPDATE fills SET price = price + 0.01 WHERE {MIDDLE}")
        assert (await reconciled(place)).trades == 0  # what was covered is not read again
        found = await reconciled(place, full=True)
        assert [each.found.break_class for each in found.breaks] == [BreakClass.PRICE]


async def test_a_small_budget_is_waited_for(tmp_path: Path) -> None:
    async with traded_for_a_day(tmp_path, 2 * PAGE) as place:
        with operator(place) as exchange:
            admin.set_limits(exchange, Limits(weight_per_minute=120))
        began_ms = place.clock.now_ms()
        assert (await reconciled(place)).breaks == ()
        assert place.clock.now_ms() - began_ms > 60_000
        with operator(place) as exchange, exchange.transaction() as engine:
            assert engine.state.access.ip_usage("127.0.0.1").bans == 0


async def test_a_run_that_is_cut_off_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_symbol, "TRADES_PER_NOTE", 1)
    async with traded_for_a_day(tmp_path, 3 * PAGE) as place:
        whole = place.desk.venue
        cut_off = CutOff(whole.statements, after=2)  # the newest page, and the oldest
        place.desk.venue = replace(whole, statements=cut_off)  # type: ignore[arg-type]  # it passes the rest on
        with pytest.raises(VenueUnavailable):
            await reconciled(place)
        place.desk.venue = whole
        second = await reconciled(place)
        assert second.breaks == ()
        assert second.trades == 2 * PAGE
        with place.journal() as journal:
            newest = journal.reconciliations(place.account).newest()
        assert newest is not None
        assert newest.is_clean


@pytest.mark.slow
async def test_a_history_of_twenty_pages_is_compared_whole(tmp_path: Path) -> None:
    async with traded_for_a_day(tmp_path, 20 * PAGE) as place:
        clean = await reconciled(place)
        assert (clean.breaks, clean.orders, clean.trades) == ((), 20 * PAGE, 20 * PAGE)
