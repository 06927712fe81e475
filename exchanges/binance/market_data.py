"""What anybody may ask Binance: time, instruments, books, bars."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final

from core.errors import ConfigError
from core.intervals import interval_ms
from core.ports import Book, ClockReading, TakerFlow
from exchanges.binance import wire_market, wire_tape
from exchanges.binance.link import Link, understood
from exchanges.binance.wire import parse_nothing

if TYPE_CHECKING:
    from core.bars import Bars, Row
    from core.instrument import Instrument

CLOCK_SAMPLES: Final = 3
KLINES_MAX: Final = 1_000
TAPE_MAX: Final = 1_000
TAPE_PAGES_MAX: Final = 10
TRUNCATION_MS: Final = 1.0  # both clocks drop the part of a millisecond


class BinanceMarketData:
    """The port `core.ports.MarketData`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._session = link.session

    async def ping(self) -> None:
        await self._link.read(self._session.ping, parse_nothing)

    async def clock_reading(self) -> ClockReading:
        """Measure the venue's clock; of several samples the quickest counts, and stamps later requests."""
        samples = [await self._clock_sample() for _ in range(CLOCK_SAMPLES)]
        best = min(samples, key=lambda sample: sample.bound_ms)
        self._link.offset_ms = self._session.budget.offset_ms = best.offset_ms
        self._link.bound_ms = best.bound_ms
        return best

    async def _clock_sample(self) -> ClockReading:
        clock = self._link.clock

        async def ask() -> tuple[int, float, object]:
            sent_ms, started_ms = clock.now_ms(), clock.monotonic_ms()
            payload = await self._session.get_server_time()
            return sent_ms, clock.monotonic_ms() - started_ms, payload

        def parse(answer: tuple[int, float, object]) -> ClockReading:
            sent_ms, round_trip_ms, payload = answer
            venue_ms = wire_market.parse_server_time(payload)
            midway_ms = sent_ms + round_trip_ms / 2
            return ClockReading(
                venue_ms=venue_ms,
                local_ms=round(midway_ms),
                offset_ms=venue_ms - midway_ms,
                bound_ms=round_trip_ms / 2 + TRUNCATION_MS,
            )

        return await self._link.read(ask, parse)

    async def instrument(self, symbol: str) -> Instrument:
        try:
            found = await self._link.read(
                lambda: self._session.get_exchange_info(symbol=symbol),
                lambda payload: wire_market.parse_instrument(payload, symbol),
            )
        except ConfigError as error:
            if error.code != "SYMBOL_UNKNOWN":
                raise
            found = None  # said again below, with the symbol's name
        if found is None:
            raise ConfigError(
                f"the venue does not list {symbol}",
                code="SYMBOL_UNKNOWN",
                hint="correct --symbol or BINANCE_SYMBOL; symbols look like BTCUSDT",
                details={"symbol": symbol},
            )
        return found

    async def book(self, symbol: str, levels: int) -> Book:
        return await self._link.read(
            lambda: self._session.get_order_book(symbol=symbol, limit=levels),
            lambda payload: wire_market.parse_book(payload, symbol, self._link.clock.now_ms()),
        )

    async def average_price(self, symbol: str) -> Decimal:
        return await self._link.read(
            lambda: self._session.get_avg_price(symbol=symbol), wire_market.parse_average_price
        )

    async def taker_flow(self, symbol: str, span_ms: int) -> TakerFlow:
        """Read the tape from its end, page by page: what is newest is never what is left out."""
        start_ms = self._link.venue_now_ms() - span_ms
        tape: list[wire_tape.Aggregate] = []
        from_id, limit = None, TAPE_MAX
        for _ in range(TAPE_PAGES_MAX):
            page = await self._link.read(
                partial(self._session.get_aggregate_trades, symbol=symbol, limit=limit, fromId=from_id),
                wire_tape.parse_tape,
            )
            tape = page + tape
            if len(page) < limit or page[0].time_ms < start_ms or page[0].number == 0:
                break
            limit = min(TAPE_MAX, page[0].number)
            from_id = page[0].number - limit
        return wire_tape.taker_flow(
            [each for each in tape if each.time_ms >= start_ms], self._link.clock.now_ms()
        )

    async def bars(self, symbol: str, interval: str, count: int) -> Bars:
        """Return the newest `count` closed bars, oldest first; fewer where the venue has no more."""
        length_ms = interval_ms(interval)
        rows: list[Row] = []
        end_ms: int | None = None
        for _ in range(count // KLINES_MAX + 2):
            limit = min(count - len(rows) + 1, KLINES_MAX)  # one more: the newest is still forming
            # Before the question: a bar that closes while the answer travels was still forming in it.
            asked_ms = self._link.venue_now_ms() - self._link.bound_ms
            page = await self._link.read(
                partial(
                    self._session.get_klines, symbol=symbol, interval=interval, limit=limit, endTime=end_ms
                ),
                wire_market.parse_klines,
            )
            rows = [row for row in page if row[0] + length_ms <= asked_ms] + rows
            if len(rows) >= count or len(page) < limit:
                break
            end_ms = page[0][0] - 1
        newest = rows[max(0, len(rows) - count) :]
        return understood(partial(wire_market.make_bars, interval_ms=length_ms), newest)
