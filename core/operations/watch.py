"""Wait for the strategy, visibly and within limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from core.desk import Desk
from core.errors import ConfigError, Refused, VenueUnavailable
from core.gates import StagePlan
from core.operations.progress import Progress, Waiting
from core.ports import MarketData
from core.risk.facts import NewestBar
from core.strategies.decision import (
    Action,
    Decision,
    EntryTerms,
    PositionState,
    Standing,
    stop_price,
    target_price,
)
from core.strategies.market import MarketView, Series

if TYPE_CHECKING:
    from core.strategies import Strategy

POLL_S = 5.0
FAILED_LOOKS_MAX = 5
BARS_EXTRA = 50
PRICE_LEVELS = 5


@dataclass(frozen=True, slots=True)
class EntrySignal:
    """The strategy's word to enter, and the closed bar it was given on."""

    decision: Decision
    bar: NewestBar

    def terms(self, strategy: Strategy) -> EntryTerms:
        """Return what goes with the position, by default what the strategy says of all its positions."""
        return self.decision.terms or EntryTerms(strategy.stop_loss_rate, strategy.take_profit_rate)


async def recent_view(market_data: MarketData, strategy: Strategy, traded: Series) -> MarketView:
    """Return the newest closed bars: what the strategy needs, and some more for its self-test.

    Series are asked for one after another, what is traded first: of the others, what closed after its last
    bar is left out. Raises ConfigError STRATEGY_UNFIT for a strategy that cannot trade this.
    """
    try:
        needs = strategy.needs(traded)
    except ValueError as error:
        raise ConfigError(str(error), code="STRATEGY_UNFIT") from None
    series = {traded: await market_data.bars(*traded, needs[traded] + BARS_EXTRA)}
    for other, count in needs.items():
        if other != traded:
            series[other] = await market_data.bars(*other, count + BARS_EXTRA)
    view = MarketView(traded, series)
    return view.until(len(view.bars) - 1) if len(view.bars) else view


@dataclass(slots=True)
class Watch:
    """Looks at bars and prices until the strategy says enter or leave."""

    desk: Desk
    plan: StagePlan
    progress: Progress
    _entered_on_ms: int = field(default=0, init=False)

    async def pause(self, seconds: float, what: str) -> None:
        """Wait, showing it; less when a stop is asked for."""
        end_ms = self.desk.clock.monotonic_ms() + seconds * 1000
        while (left_s := self._left_s(end_ms)) > 0 and not self.desk.stop.asked:
            self.progress.waiting(Waiting(what, {}, "", left_s))
            await self._wait(left_s)

    async def for_entry(self, deadline_ms: float) -> EntrySignal | None:
        """Return the strategy's word to enter, once a bar; None at the deadline or when asked to stop.

        A long wait outlives a venue that cannot be read for a moment. Raises its error when it lasts.
        """
        failures = 0
        while (left_s := self._left_s(deadline_ms)) > 0 and not self.desk.stop.asked:
            try:
                view = await self._view()
            except VenueUnavailable as error:
                failures += 1
                if failures == FAILED_LOOKS_MAX:
                    raise
                self.progress.note(f"the market cannot be seen, trying again: {error}")
            else:
                failures = 0
                decision = self.desk.strategy.decide(view)
                interval_ms, close_ms = view.bars.interval_ms, view.now_ms
                if decision.action is Action.ENTER_LONG and close_ms > self._entered_on_ms:
                    self._entered_on_ms = close_ms
                    return EntrySignal(decision, NewestBar(close_ms, interval_ms))
                self._show("waiting to enter", decision, left_s)
            await self._wait(left_s)
        return None

    async def for_exit(
        self,
        entry_price: Decimal,
        entry_bar: NewestBar,
        deadline_ms: float,
        stop_has_ended: Callable[[], Awaitable[bool]],
    ) -> None:
        """Return when the position should be sold: by strategy, stop, target, limit, or a request to stop.

        `stop_has_ended`: asks the venue whether the protective stop has sold. A failed look is shown and
        tried again: the position is still there.
        """
        while (left_s := self._left_s(deadline_ms)) > 0 and not self.desk.stop.asked:
            try:
                if await stop_has_ended() or await self._should_leave(entry_price, entry_bar, left_s):
                    return
            except (VenueUnavailable, Refused) as error:
                self.progress.note(f"holding {self.plan.symbol}, the market cannot be seen: {error}")
            await self._wait(left_s)

    async def _should_leave(self, entry_price: Decimal, entry_bar: NewestBar, left_s: float) -> bool:
        view = await self._view()
        held = (view.now_ms - entry_bar.close_ms) // view.bars.interval_ms
        position = PositionState(entry_price, max(held, 1))
        decision = self.desk.strategy.decide(view, Standing(position))
        self._show("holding", decision, left_s)
        # Until a bar has closed since the entry, the strategy has nothing to say; the price always counts.
        return (held >= 1 and decision.action is Action.EXIT) or await self._price_ends(position)

    async def _price_ends(self, position: PositionState) -> bool:
        book = await self.desk.venue.market_data.book(self.plan.symbol, PRICE_LEVELS)
        bid: Decimal = book.bids[0][0]
        strategy = self.desk.strategy
        gain = strategy.take_profit_rate
        return bid <= stop_price(position, strategy.stop_loss_rate) or (
            gain is not None and bid >= target_price(position, gain)
        )

    async def _view(self) -> MarketView:
        await self.desk.venue_clock.refresh_if_stale()
        traded = Series(self.plan.symbol, self.plan.bar)
        return await recent_view(self.desk.venue.market_data, self.desk.strategy, traded)

    def _show(self, what: str, decision: Decision, left_s: float) -> None:
        self.progress.waiting(Waiting(what, decision.readings, decision.reason, left_s))

    async def _wait(self, left_s: float) -> None:
        await self.desk.stop.wait(self.desk.clock, min(POLL_S, left_s))

    def _left_s(self, deadline_ms: float) -> float:
        return (deadline_ms - self.desk.clock.monotonic_ms()) / 1000
