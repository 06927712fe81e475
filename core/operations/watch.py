"""Wait for the strategy, visibly and within limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from core.desk import Desk
from core.errors import VenueUnavailable
from core.gates import StagePlan
from core.operations.progress import Progress, Waiting
from core.risk.facts import NewestBar
from core.strategies.decision import Action, Decision, PositionState, stop_price, target_price

if TYPE_CHECKING:
    from core.bars import Bars

POLL_S = 5.0
FAILED_LOOKS_MAX = 5
BARS_EXTRA = 50
PRICE_LEVELS = 5


@dataclass(frozen=True, slots=True)
class EntrySignal:
    """The strategy's word to enter, and the closed bar it was given on."""

    decision: Decision
    bar: NewestBar


async def recent_bars(desk: Desk, plan: StagePlan) -> Bars:
    """Return the newest closed bars: what the strategy needs, and some more for its self-test."""
    count = desk.strategy.bars_required + BARS_EXTRA
    return await desk.venue.market_data.bars(plan.symbol, plan.bar, count)


@dataclass(slots=True)
class Watch:
    """Looks at bars and prices until the strategy says enter or leave."""

    desk: Desk
    plan: StagePlan
    progress: Progress
    _entered_at_ms: int = field(default=0, init=False)

    async def bars(self) -> Bars:
        """Return the newest closed bars, enough for the strategy."""
        return await recent_bars(self.desk, self.plan)

    async def _bars_despite_failures(self) -> Bars:
        """Return the bars; a long wait outlives a venue that cannot be read for a moment.

        Raises the venue's error when it lasts.
        """
        for _ in range(FAILED_LOOKS_MAX):
            try:
                return await self.bars()
            except VenueUnavailable as error:
                self.progress.note(f"the market cannot be seen, trying again: {error}")
                await self.desk.stop.wait(self.desk.clock, POLL_S)
        return await self.bars()

    async def pause(self, seconds: float, what: str) -> bool:
        """Wait, showing it. Return whether a stop was asked for."""
        end_ms = self.desk.clock.monotonic_ms() + seconds * 1000
        while (left_s := (end_ms - self.desk.clock.monotonic_ms()) / 1000) > 0:
            self.progress.waiting(Waiting(what, None, None, "", left_s))
            if await self.desk.stop.wait(self.desk.clock, min(POLL_S, left_s)):
                return True
        return self.desk.stop.asked

    async def for_entry(self, deadline_ms: float) -> EntrySignal | None:
        """Return the strategy's word to enter; None at the deadline or when asked to stop."""
        while (left_s := self._left_s(deadline_ms)) > 0 and not self.desk.stop.asked:
            bars = await self._bars_despite_failures()
            decision = self.desk.strategy.decide(bars, None)
            if decision.action is Action.ENTER_LONG:
                self._entered_at_ms = decision.bar_open_time_ms
                close_ms = decision.bar_open_time_ms + bars.interval_ms
                return EntrySignal(decision, NewestBar(close_ms, bars.interval_ms))
            self.progress.waiting(
                Waiting("waiting to enter", decision.lambda_, decision.gamma, decision.reason, left_s)
            )
            if await self.desk.stop.wait(self.desk.clock, min(POLL_S, left_s)):
                return None
        return None

    async def for_exit(self, deadline_ms: float, dry_run: bool) -> None:
        """Return when the position should be sold: by strategy, stop, target, limit, or a request to stop.

        A failed look at the market is shown and tried again: the position is still there.
        """
        desk, symbol = self.desk, self.plan.symbol
        entry_price = desk.journal.position(desk.account, symbol, dry_run=dry_run).average_cost
        if entry_price is None:
            return
        while (left_s := self._left_s(deadline_ms)) > 0 and not desk.stop.asked:
            try:
                if await self._should_leave(entry_price, left_s):
                    return
            except VenueUnavailable as error:
                self.progress.note(f"holding {symbol}, the market cannot be seen: {error}")
            if await desk.stop.wait(desk.clock, min(POLL_S, left_s)):
                return

    async def _should_leave(self, entry_price: Decimal, left_s: float) -> bool:
        bars = await self.bars()
        held = int((bars.open_time_ms[-1] - self._entered_at_ms) // bars.interval_ms)
        position = PositionState(entry_price, max(held, 1))
        if await self._price_ends(position):
            return True
        if held < 1:
            return False
        decision = self.desk.strategy.decide(bars, position)
        self.progress.waiting(Waiting("holding", decision.lambda_, decision.gamma, decision.reason, left_s))
        return decision.action is Action.EXIT

    async def _price_ends(self, position: PositionState) -> bool:
        book = await self.desk.venue.market_data.book(self.plan.symbol, PRICE_LEVELS)
        bid: Decimal = book.bids[0][0]
        return bid <= stop_price(position, self.desk.strategy.stop_loss_rate) or bid >= target_price(
            position, self.desk.strategy.take_profit_rate
        )

    def _left_s(self, deadline_ms: float) -> float:
        return (deadline_ms - self.desk.clock.monotonic_ms()) / 1000
