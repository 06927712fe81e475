"""Read a venue's statements from a point on, page by page, within the request budget."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable
from operator import itemgetter
from typing import Final, TypeVar

from core.clock import Clock
from core.errors import VenueUnavailable
from core.ports import Page
from core.reconciliation import Trade, VenueOrder

T = TypeVar("T")
Row = TypeVar("Row", Trade, VenueOrder)
Tell = Callable[[str], None]

BUSY_WAITS_MAX: Final = 60
BUSY_WAIT_S: Final = 5.0
BUSY_WAIT_S_MAX: Final = 61.0
"""A minute's budget is new after a minute."""


class Patience:
    """Asks again when the venue, or the budget of all commands, asks to wait; nothing is lost by it."""

    def __init__(self, clock: Clock, tell: Tell) -> None:
        self._clock = clock
        self._tell = tell

    async def ask(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Return the answer. Raises what the ports raise, VENUE_BUSY only when it stays so for long."""
        for _ in range(BUSY_WAITS_MAX):
            try:
                return await ask()
            except VenueUnavailable as error:
                if error.code != "VENUE_BUSY":
                    raise
                wait_s = min(float(str(error.details.get("retry_after_s", BUSY_WAIT_S))), BUSY_WAIT_S_MAX)
                self._tell(f"the request budget is used up: waiting {wait_s:.0f} s")
                await self._clock.sleep(wait_s)
        return await ask()


async def pages(
    ask: Callable[[int | None], Awaitable[Page[Row]]], after: int, opened_ms: int
) -> AsyncIterator[tuple[Row, ...]]:
    """Give everything with an id above `after`, oldest first; -1: everything since the books were opened.

    Where that begins is not known by id: when the newest page does not reach back so far, the whole history
    is read.
    """
    start = after + 1
    if after < 0:
        newest = await ask(None)
        if newest.is_last or _time_ms(newest.rows[0]) < opened_ms:
            if newest.rows:
                yield newest.rows
            return
        start = 0
    edge: tuple[Row, ...] = ()
    while True:
        page: Page[Row] = await ask(start)
        # Both sides of a trade with oneself have one id: the last one is asked for again.
        later: int = bisect_right(page.rows, start, key=itemgetter(0))
        again = tuple(row for row in page.rows[:later] if row[0] == start and row not in edge)
        rows: tuple[Row, ...] = again + page.rows[later:]
        if rows:
            yield rows
        if page.is_last or not rows:
            return
        last = rows[-1][0]
        edge = tuple(row for row in rows if row[0] == last)
        start = last


def _time_ms(row: Trade | VenueOrder) -> int:
    return row.ts_event_ms if isinstance(row, Trade) else row.created_ms
