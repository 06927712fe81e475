"""Keep a tape going: history first, then a look at every step."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import aiohttp

from exchanges.paper.exchange import Exchange
from exchanges.paper.market import MINUTE_MS, STEP_MS, TRADES_PER_MINUTE, SymbolSpec
from exchanges.paper.mirror import fetching
from exchanges.paper.mirror.fetching import MirrorError, Seen
from exchanges.paper.mirror.market import folded
from exchanges.paper.mirror.tape import Print, Tape

HISTORY_MINUTES = 3_000
PRINTS_KEPT_MINUTES = 2 * 24 * 60
FOLD_EVERY_MINUTES = 60
LOOK_EVERY_S = STEP_MS / 1000
_MOST_BARS = 1_000
_AT_ONCE = 4
_log = logging.getLogger(__name__)


def new_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=fetching.TIMEOUT_S), headers={"User-Agent": "trader-paper-mirror"}
    )


async def prepare(folder: Path, url: str, specs: Mapping[str, SymbolSpec]) -> None:
    """Fetch the history of an empty tape; one that was begun is opened as it is. Raises MirrorError."""
    with closing(Tape(folder, url)) as tape:
        if tape.known_step:
            return
        async with new_session() as session:
            history = await _all(session, url, specs, HISTORY_MINUTES)
        closed = [(symbol, each.bar) for symbol, seen in history.items() for each in seen[:-1]]
        if not closed:
            raise MirrorError(f"{url} lists none of {', '.join(specs)}")
        tape.add(closed, known_step=max(bar.last_step for _, bar in closed))


@asynccontextmanager
async def following(exchange: Exchange, specs: Mapping[str, SymbolSpec]) -> AsyncIterator[None]:
    """Keep the tape of an exchange going for as long as the context lasts, if it mirrors another."""
    if exchange.tape is None:
        yield
        return
    task = asyncio.create_task(Follower(exchange, exchange.tape, specs).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Follower:
    """Looks at the other exchange for one process; of several on one state, one looks and the others see.

    A look costs 2 weight a symbol, 600 a minute of the 6,000 that Binance allows.
    """

    def __init__(self, exchange: Exchange, tape: Tape, specs: Mapping[str, SymbolSpec]) -> None:
        self._exchange = exchange
        self._tape = tape
        self._specs = {symbol: spec for symbol, spec in specs.items() if symbol in tape.bars}
        self._seen: dict[str, Seen] = {}
        self._written_step = tape.known_step

    async def run(self) -> None:
        """Look again and again; what cannot be fetched is said once and tried again.

        However fast the clock here runs: the other exchange counts requests on its own.
        """
        said = False
        async with new_session() as session:
            while True:
                wait_s = LOOK_EVERY_S
                try:
                    await self.look(session)
                    said = False
                except (MirrorError, sqlite3.OperationalError) as error:
                    if not said:
                        _log.warning("the mirrored market stands still: %s", error)
                    said, wait_s = True, max(wait_s, getattr(error, "wait_s", 0))
                await asyncio.sleep(wait_s)

    async def look(self, session: aiohttp.ClientSession) -> None:
        """Write what is seen now for the step to come, and fill in what was missed. Raises MirrorError."""
        self._tape.read_on()
        now_ms = self._exchange.now_ms()
        if self._tape.known_step != self._written_step:
            self._seen.clear()  # another process looks; what it saw must not be counted here again
        if self._tape.known_step > now_ms // STEP_MS:
            return
        missed = max(0, now_ms - self._tape.end_ms)
        minutes = min(HISTORY_MINUTES, 3 + missed // MINUTE_MS) if missed else 2
        seen = await _all(session, self._tape.url, self._specs, minutes)
        with self._exchange.standing_still() as now_ms:
            self._tape.read_on()
            step = now_ms // STEP_MS + 1
            if self._tape.known_step >= step:
                return
            closed = range(self._tape.end_ms // MINUTE_MS, now_ms // MINUTE_MS)
            bars = [
                (symbol, each.bar)
                for symbol, those in seen.items()
                for each in those[:-1]
                if each.bar.minute in closed
            ]
            prints = [
                (symbol, found) for symbol, those in seen.items() for found in self._new(symbol, those, step)
            ]
            folded_minute = self._due_to_fold(step)
            if folded_minute:
                bars += [
                    (symbol, bar)
                    for symbol, spec in self._specs.items()
                    for bar in folded(self._tape, spec, folded_minute)
                ]
            self._tape.add(bars, prints, known_step=step, folded_minute=folded_minute)
            self._written_step = step

    def _due_to_fold(self, step: int) -> int:
        """Return the minute before which prints become bars now, 0: none do. They are ten times a bar."""
        end = step // TRADES_PER_MINUTE - PRINTS_KEPT_MINUTES
        return end if end - self._tape.folded_minute >= FOLD_EVERY_MINUTES else 0

    def _new(self, symbol: str, seen: list[Seen], step: int) -> list[Print]:
        """Return what traded since the last look, at the last price; nothing where nothing did."""
        last, before = seen[-1], self._seen.get(symbol)
        self._seen[symbol] = last
        if before is None:
            return [Print(step, last.bar.close, 1, taker_buys=False)]
        # What the minute before got after the last look belongs to it as well.
        since = [each for each in seen if each.bar.minute >= before.bar.minute] or [last]
        counted = before if since[0].bar.minute == before.bar.minute else Seen(before.bar, 0, 0)
        volume = sum(each.volume for each in since) - counted.volume
        bought = sum(each.bought for each in since) - counted.bought
        if volume <= 0 and last.bar.close == before.bar.close:
            return []
        return [Print(step, last.bar.close, max(1, volume), taker_buys=2 * bought > volume)]


async def _all(
    session: aiohttp.ClientSession, url: str, specs: Mapping[str, SymbolSpec], minutes: int
) -> dict[str, list[Seen]]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(spec: SymbolSpec) -> list[Seen]:
        async with gate:
            return await _newest(session, url, spec, minutes)

    found = await asyncio.gather(*(one(spec) for spec in specs.values()))
    return {symbol: seen for symbol, seen in zip(specs, found, strict=True) if seen}


async def _newest(session: aiohttp.ClientSession, url: str, spec: SymbolSpec, minutes: int) -> list[Seen]:
    """Return that many of the newest bars, oldest first, as few as there are."""
    seen = await fetching.bars(session, url, spec, limit=min(minutes, _MOST_BARS))
    while seen and len(seen) < minutes:
        end_ms = seen[0].bar.minute * MINUTE_MS - 1
        limit = min(minutes - len(seen), _MOST_BARS)
        older = await fetching.bars(session, url, spec, limit=limit, endTime=end_ms)
        if not older:
            break
        seen = [*older, *seen]
    return seen
