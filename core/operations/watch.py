"""Wait for the strategy, visibly and within limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from core.decisions.book import Asked
from core.desk import Desk
from core.errors import Refused, VenueUnavailable
from core.gates import StagePlan
from core.intervals import interval_ms
from core.operations.market_view import recent_view, with_observed
from core.operations.progress import Progress, Waiting
from core.operations.standing import RunStanding
from core.orders import OrderType
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
from core.strategies.market import LiveMarket, MarketView, Series

if TYPE_CHECKING:
    from core.decisions.book import DecisionBook
    from core.operations.equity import EquityWatch
    from core.operations.round_trip import Trade
    from core.strategies import Strategy

POLL_S = 5.0
FAILED_LOOKS_MAX = 5
PRICE_LEVELS = 5


@dataclass(frozen=True, slots=True)
class EntrySignal:
    """The strategy's word to enter, and the closed bar it was given on."""

    decision: Decision
    bar: NewestBar

    def terms(self, strategy: Strategy) -> EntryTerms:
        """Return what goes with the position, by default what the strategy says of all its positions."""
        return self.decision.terms or EntryTerms(strategy.stop_loss_rate, strategy.take_profit_rate)


@dataclass(slots=True)
class Watch:
    """Looks at bars and prices until the strategy says enter or leave.

    `decisions`: where they are written down, None: nowhere. `equity`: what strategies are told of it.
    """

    desk: Desk
    plan: StagePlan
    progress: Progress
    decisions: DecisionBook | None
    equity: EquityWatch
    _standing: RunStanding = field(init=False)
    _said: set[str] = field(default_factory=set, init=False)
    _said_leave: bool = field(default=False, init=False)
    _fell_through: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._standing = RunStanding(self.desk.strategy, interval_ms(self.plan.bar))

    async def pause(self, seconds: float, what: str) -> None:
        """Wait, showing it; less when a stop is asked for."""
        end_ms = self.desk.clock.monotonic_ms() + seconds * 1000
        while (left_s := self._left_s(end_ms)) > 0 and not self.desk.stop.asked:
            self.progress.waiting(Waiting(what, {}, "", left_s))
            await self._wait(left_s)

    async def for_entry(self, deadline_ms: float, allowed_ms: int = 0) -> EntrySignal | None:
        """Return the strategy's word to enter, once a bar; None at the deadline or when asked to stop.

        `allowed_ms`: venue time before which a word is written down and not followed, as in a back-test.
        A long wait outlives a venue that cannot be read for a moment. Raises its error when it lasts.
        """
        failures = 0
        while (left_s := self._left_s(deadline_ms)) > 0 and not self.desk.stop.asked:
            try:
                view = await self._view()
                if self._is_new(view.now_ms):
                    self._standing.equity = await self.equity.look()
            except (VenueUnavailable, Refused) as error:
                failures += 1
                if failures == FAILED_LOOKS_MAX:
                    raise
                self.progress.note(f"the market cannot be seen, trying again: {error}")
            else:
                failures = 0
                close_ms = view.now_ms
                standing = self._standing.waiting(close_ms)
                view, decision = self._decided(view, standing)
                if self._is_new(close_ms):
                    self._record(Asked.ENTRY, view, standing, decision)
                    if decision.action is Action.ENTER_LONG and close_ms >= allowed_ms:
                        self._standing.entered(decision, close_ms)
                        self._said_leave = self._fell_through = False
                        return EntrySignal(decision, NewestBar(close_ms, view.bars.interval_ms))
                is_cooling = self.desk.venue_now_ms() < allowed_ms
                self._show("cooling down" if is_cooling else "waiting to enter", decision, left_s)
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

    def left(self, trade: Trade) -> None:
        """Note the end of a trade, for the questions that follow."""
        price = trade.entry.average_price
        position = None
        if price is not None and not self._said_leave:
            position = self._standing.position(price, trade.last_fill_ms)
        stopped = any(
            order in trade.stops and order.order_type is not OrderType.LIMIT_MAKER for order in trade.exits
        )
        self._standing.left(
            position,
            trade.last_fill_ms,
            by_stop=position is not None and (stopped or self._fell_through),
            won=trade.pnl.value > 0,
        )

    async def _should_leave(self, entry_price: Decimal, entry_bar: NewestBar, left_s: float) -> bool:
        view = await self._view_while_holding()
        close_ms = view.now_ms
        if self._is_new(close_ms):
            await self._look_at_equity()
        position = self._standing.position(entry_price, close_ms)
        standing = self._standing.holding(position)
        view, decision = self._decided(view, standing)
        self._show("holding", decision, left_s)
        # Until a bar has closed since the entry, the strategy has nothing to say; the price always counts.
        has_closed = close_ms > entry_bar.close_ms
        if has_closed and self._is_new(close_ms):
            try:
                self._record(Asked.EXIT, view, standing, decision)
            except Refused as error:
                # What is written down must not keep a position from being sold.
                self.progress.note(f"a decision is not in the journal: {error}")
        if has_closed and decision.action is Action.EXIT:
            self._said_leave = True
            return True
        return await self._price_ends(position)

    async def _price_ends(self, position: PositionState) -> bool:
        book = await self.desk.venue.market_data.book(self.plan.symbol, PRICE_LEVELS)
        bid: Decimal = book.bids[0][0]
        strategy, terms = self.desk.strategy, position.terms
        loss = strategy.stop_loss_rate if terms is None else terms.stop_loss_rate
        gain = strategy.take_profit_rate if terms is None else terms.take_profit_rate
        self._fell_through = bid <= stop_price(position, loss)
        return self._fell_through or (gain is not None and bid >= target_price(position, gain))

    def _is_new(self, close_ms: int) -> bool:
        """Tell whether nothing was decided on this bar yet: a bar that was acted on is not acted on again."""
        return close_ms > self._standing.decided_ms

    def _decided(self, view: MarketView, standing: Standing) -> tuple[MarketView, Decision]:
        """Decide on just the bars that the strategy needs, and return these too."""
        strategy = self.desk.strategy
        needed = view.last(strategy.needs(view.traded))
        return needed, strategy.decide(needed, standing)

    def _record(self, asked: Asked, view: MarketView, standing: Standing, decision: Decision) -> None:
        self._standing.decided(view.now_ms, decision)
        if self.decisions is not None:
            self.decisions.record(asked, view, standing, decision)

    async def _view(self) -> MarketView:
        return await self._observed(await self._bars())

    async def _view_while_holding(self) -> MarketView:
        """Return the view; what is seen beside bars is missing in it rather than in the way of an exit."""
        view = await self._bars()
        try:
            return await self._observed(view)
        except (VenueUnavailable, Refused) as error:
            self._note_problem(f"book and tape cannot be seen: {error}")
            return replace(view, live=LiveMarket(self.desk.clock.now_ms()))

    async def _bars(self) -> MarketView:
        await self.desk.venue_clock.refresh_if_stale()
        traded = Series(self.plan.symbol, self.plan.bar)
        return await recent_view(self.desk.venue.market_data, self.desk.strategy, traded)

    async def _observed(self, view: MarketView) -> MarketView:
        desk, news = self.desk, self.desk.news()
        self._note_problem(news.problem)
        return await with_observed(
            view, desk.strategy, desk.venue.market_data, news.headlines, desk.clock, desk.clock_speed
        )

    async def _look_at_equity(self) -> None:
        """Ask what the account is worth; while holding, what was known before has to do."""
        try:
            self._standing.equity = await self.equity.look()
        except (VenueUnavailable, Refused) as error:
            self._note_problem(f"the account cannot be valued: {error}")

    def _note_problem(self, problem: str) -> None:
        """Say once what cannot be seen beside bars."""
        if problem and problem not in self._said:
            self.progress.note(problem)
        self._said.add(problem)

    def _show(self, what: str, decision: Decision, left_s: float) -> None:
        self.progress.waiting(Waiting(what, decision.readings, decision.reason, left_s))

    async def _wait(self, left_s: float) -> None:
        await self.desk.stop.wait(self.desk.clock, min(POLL_S, left_s))

    def _left_s(self, deadline_ms: float) -> float:
        return (deadline_ms - self.desk.clock.monotonic_ms()) / 1000
