"""A position while it is held: where its rules end it, and the guard that puts its stop where they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from core.desk import Desk
from core.instrument import Instrument
from core.intervals import interval_ms
from core.operations.protect import Guard
from core.positions import Held, Levels, Outlook, PositionRules, Seen, entry_allowed_ms, follow
from core.risk.sellable import DOWN
from core.strategies.decision import EntryTerms
from core.values import Quote, decimal_text

if TYPE_CHECKING:
    from core.bars import Bars

PRICE_LEVELS: Final = 5
BARS_MAX: Final = 1_000


@dataclass(slots=True)
class Managed:
    """A position under rules of its own. `bar`: the interval whose closed bars move its stop.

    `taker_rate`: what a sale costs, a fraction; with it, a stop at break-even pays both fees. `seen_ms`:
    close of the newest bar that the rules have seen. `tell`: shows what is done and why.
    """

    guard: Guard
    rules: PositionRules
    held: Held
    taker_rate: Decimal
    bar: str
    seen_ms: int
    tell: Callable[[str], None]

    @property
    def levels(self) -> Levels:
        return self.held.levels

    async def has_ended(self) -> bool:
        """Ask whether stop or target has sold, or a rule ends the position now; move its stop otherwise.

        Raises as `Guard.has_ended` and `Guard.move`.
        """
        if await self.guard.has_ended():
            return True
        desk, symbol = self.guard.desk, self.guard.symbol
        book = await desk.venue.market_data.book(symbol, PRICE_LEVELS)
        reason = self._follow(self.held, Seen.price(book.bids[0][0], desk.venue_now_ms())).exit
        if reason is not None:
            self.tell(f"leaving {symbol}: {reason}")
            return True
        if self.rules.moves_stop:
            await self._learn()
        return False

    async def _learn(self) -> None:
        """Let the rules see the bars that have closed since, and move the stop if they say so.

        Once a closed bar, as in a back-test, and not with every price: each time the venue cancels the stop
        and takes the new one, and in between nothing protects.
        """
        desk, symbol = self.guard.desk, self.guard.symbol
        closed = (desk.venue_now_ms() - self.seen_ms) // interval_ms(self.bar)
        if closed < 1:
            return
        bars = await desk.venue.market_data.bars(symbol, self.bar, min(closed, BARS_MAX))
        held = self._after(bars)
        self.seen_ms = max(self.seen_ms, bars.end_ms)
        if held.levels.stop > self.levels.stop and await self.guard.move(held.levels.stop):
            self.held = held
            self.tell(f"the stop of {symbol} was moved to {decimal_text(held.levels.stop)}")

    def _after(self, bars: Bars) -> Held:
        held = self.held
        for index in range(len(bars)):
            close_ms = int(bars.open_time_ms[index]) + bars.interval_ms
            if close_ms > self.seen_ms:
                high, low, close = (_price(column[index]) for column in (bars.high, bars.low, bars.close))
                held = replace(held, levels=self._follow(held, Seen(high, low, close, close_ms)).levels)
        return held

    def _follow(self, held: Held, seen: Seen) -> Outlook:
        return follow(self.rules, held, seen, self.guard.holding.instrument, self.taker_rate)


def _price(value: float) -> Decimal:
    """Return the price that the venue wrote: float64 keeps every decimal text of up to 15 digits."""
    return Decimal(repr(float(value)))


def cooled_ms(desk: Desk, rules: PositionRules, symbol: str, *, dry_run: bool) -> int:
    """Return from when on an entry may follow our newest fill on a symbol, whichever command made that.

    By the venue's time; 0: at once.
    """
    newest_ms = desk.journal.history.newest_fill_ms(desk.account, symbol, dry_run=dry_run)
    return entry_allowed_ms(rules, newest_ms, None)


async def on_terms(desk: Desk, terms: EntryTerms, instrument: Instrument) -> Desk:
    """Return the desk with its limits as an entry's own terms have them; they never loosen the cap."""
    limits = replace(desk.limits, stop_rate=terms.stop_loss_rate)
    if terms.fraction is not None:
        # Flat, so that the free quote balance is the equity that trades of this symbol have.
        snapshot = await desk.venue.account.snapshot()
        share = Quote(DOWN.multiply(snapshot.free(instrument.quote_asset), terms.fraction))
        limits = replace(limits, max_order=min(limits.max_order, share))
    return replace(desk, limits=limits)
