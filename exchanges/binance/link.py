"""One session as the ports use it: venue time, bounded repeats of reads, failures turned into our errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from core.clock import Clock
from core.errors import VenueUnavailable
from exchanges.binance.errors import Purpose, RequestFailed, error_for
from exchanges.binance.wire import Unreadable

if TYPE_CHECKING:
    from exchanges.binance.session import BinanceSession

A = TypeVar("A")
T = TypeVar("T")

RECV_WINDOW_MS: Final = 5_000  # Binance's own default; never widened to hide a clock problem
PAUSES_S: Final = (0.25, 1.0)


class Link:
    """`offset_ms`: venue time minus ours, 0 until it was measured; `bound_ms`: how far off that may be."""

    def __init__(self, session: BinanceSession, clock: Clock) -> None:
        self.session = session
        self.clock = clock
        self.offset_ms = 0.0
        self.bound_ms = 0.0

    def venue_now_ms(self) -> int:
        return self.clock.now_ms() + round(self.offset_ms)

    def stamp(self) -> dict[str, int]:
        """Return what a signed request carries beside its own parameters."""
        return {"recvWindow": RECV_WINDOW_MS, "timestamp": self.venue_now_ms()}

    async def read(self, ask: Callable[[], Awaitable[A]], parse: Callable[[A], T]) -> T:
        """Ask for something that changes nothing, at most three times, and read the answer.

        `ask` stamps its request anew each time. Raises VenueRejected, VenueUnavailable or ConfigError.
        """
        for pause_s in (*PAUSES_S, None):
            try:
                answer = await ask()
            except RequestFailed as failure:
                if pause_s is None or not failure.may_pass:
                    raise error_for(failure, Purpose.READ) from None
                await self.clock.sleep(pause_s)
            else:
                break
        return understood(parse, answer)


def understood(parse: Callable[[A], T], answer: A) -> T:
    """Read the answer to a request that changed nothing. Raises VenueUnavailable VENUE_UNREADABLE."""
    try:
        return parse(answer)
    except Unreadable as error:
        raise VenueUnavailable(
            f"the venue's answer could not be understood: {error}",
            code="VENUE_UNREADABLE",
            hint="check BINANCE_BASE_URL, and what stands between this machine and the venue",
        ) from None
