"""One symbol's inventory, position and orders in the plain engine, moved by the live code's own sizing."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from core.backtest.costs import Costs
from core.backtest.levels import Bar, Held, Levels, PositionRule, entry_levels
from core.backtest.market import Market, decimal_of, units
from core.backtest.outcome import STILL_OPEN, Column, Exit
from core.backtest.setup import Setup
from core.bars import Bars
from core.matching import UNIT, Offer, commission, match
from core.orders import Purpose
from core.ports import BookTop
from core.positions import ExitReason, Seen, follow
from core.positions import Held as PositionHeld
from core.risk.approval import Denied
from core.risk.facts import RiskFacts, RiskLimits
from core.risk.sellable import DOWN
from core.risk.sizing import NothingToSell, size_entry, size_exit
from core.stages import TradingState
from core.strategies.decision import Decision, EntryTerms
from core.values import Base, Quote

_PLENTY = Decimal(10) ** 12
_NONE = Quote(Decimal(0))


@dataclass(slots=True)
class Wallet:
    """The free quote balance that all symbols share, in units."""

    free: int


@dataclass(slots=True)
class Position:
    """A position while it is held. `decided`: the bar of the view whose decision opened it."""

    entry: Decision
    decided: int
    entry_price: Decimal
    terms: EntryTerms
    entry_ms: int
    levels: Levels
    row: list[int]


@dataclass(slots=True)
class Slot:
    """`held`, `cost`: what is in the inventory, dust included, and what it cost, in units.

    The position's cost is an average one, as in the live journal.
    """

    number: int
    market: Market
    setup: Setup
    wallet: Wallet
    held: int = 0
    cost: int = 0
    position: Position | None = None
    rows: list[list[int]] = field(default_factory=list)

    def enter(
        self, bar: int, at: int, decision: Decision, decided: int, terms: EntryTerms, equity: int
    ) -> str:
        """Buy at the open of a bar of the market; return "" or why nothing was bought.

        `bar` is counted on the run's clock, `at` in the market's bars.
        """
        limits = self._limits(terms, equity)
        facts = self._facts(at)
        request = size_entry(facts, limits)
        if isinstance(request, Denied):
            return request.reason
        found = facts.instrument.violations(
            request.order_type, request.side, request.quantity, request.price or Decimal(0), facts.best_ask
        )
        if found:
            return "FILTER_FAILURE"
        market, scale = self.market, self.market.scale
        steps = self._steps(request.quantity.value)
        price = self._costs.bought_at(int(market.open[at]), int(market.high[at]), market.interval_ms)
        matched = match(
            [Offer(price, steps)], scale, is_buy=True, quantity=steps, limit=self._ticks(request.price)
        )
        if not matched.quantity:
            return "MISSED"
        spent, base = matched.cost(scale), scale.base(matched.quantity)
        fee = commission(base, self._costs.taker_units)
        self.wallet.free -= spent
        self.held += base - fee
        self.cost += spent
        entry_price = self._price(price)
        row = [0] * len(Column)
        row[Column.SYMBOL], row[Column.ENTRY_BAR], row[Column.ENTRY_PRICE] = self.number, bar, price
        row[Column.BOUGHT], row[Column.ENTRY_FEE], row[Column.SPENT] = matched.quantity, fee, spent
        row[Column.EXIT_BAR] = STILL_OPEN
        self.rows.append(row)
        self.position = Position(
            decision,
            decided,
            entry_price,
            terms,
            int(market.bars.open_time_ms[at]),
            entry_levels(market.instrument, entry_price, terms),
            row,
        )
        return ""

    def leave(self, bar: int, at: int, how: Exit) -> bool:
        """Sell at the open of a bar; return whether the position is over."""
        market = self.market
        terms = self._position.terms
        while True:
            sized = size_exit(self._facts(at), self._limits(terms, 0), Purpose.EXIT)
            if isinstance(sized, NothingToSell):
                self._end(bar, 0, Exit.DUST)
                return True
            if isinstance(sized, Denied):
                return False
            price = self._costs.sold_at(int(market.open[at]), int(market.low[at]), market.interval_ms)
            if price < self._ticks(sized.request.price):
                return False
            self._sell(price, self._steps(sized.request.quantity.value), self._costs.taker_units)
            if sized.rest.value == 0:
                self._end(bar, price, how)
                return True

    def pass_through(self, bar: int, at: int) -> bool:
        """Let the bar's prices meet stop and target; return whether one of them ended the position.

        What happened at the open is known. Of stop and target within one bar the stop is taken to be first.
        """
        market, levels = self.market, self._position.levels
        opened, low, high = int(market.open[at]), int(market.low[at]), int(market.high[at])
        stop = self._ticks(levels.stop)
        target = None if levels.target is None else self._ticks(levels.target)
        if opened > stop and target is not None and (opened > target or (low > stop and high > target)):
            self._sell(target, self.held // market.scale.step, self._costs.maker_units)
            self._end(bar, target, Exit.TARGET)
            return True
        if low <= stop:
            price = max(1, self._costs.stopped_at(min(opened, stop)))
            self._sell(price, self.held // market.scale.step, self._costs.taker_units)
            self._end(bar, price, Exit.STOP)
            return True
        return False

    def follow(self, bars: Bars, index: int, rule: PositionRule) -> bool:
        """Let a rule move the levels after a bar of decisions has closed.

        Return whether the price is through the stop already: the venue would refuse it, and all is sold.
        """
        position = self._position
        prices = (
            decimal_of(round(float(each[index]) * UNIT))
            for each in (bars.open, bars.high, bars.low, bars.close)
        )
        closed = Bar(int(bars.open_time_ms[index]), *prices)
        held = Held(position.entry_price, position.entry_ms, position.terms, position.levels)
        position.levels = rule(closed, held)
        return closed.close <= position.levels.stop

    def is_too_long(self, at: int) -> bool:
        """Tell whether the rules end the position at the close of a bar of the market."""
        market, position, rules = self.market, self._position, self.setup.rules
        end_ms = int(market.bars.open_time_ms[at]) + market.interval_ms
        if not rules.max_hold_ms or end_ms - position.entry_ms < rules.max_hold_ms:
            return False
        close = self._price(int(market.close[at]))
        held = PositionHeld(position.entry_price, position.entry_ms, position.levels)
        seen = Seen.price(close, end_ms)
        outlook = follow(rules, held, seen, market.instrument, self._costs.fees.taker_rate)
        return outlook.exit is ExitReason.HELD_TOO_LONG

    def value(self, price: int) -> int:
        """Return what the inventory is worth at a price in ticks, rounded down."""
        return self.held * price * self.market.scale.tick // UNIT

    @property
    def _position(self) -> Position:
        assert self.position is not None  # noqa: S101 - asked only while one is held
        return self.position

    @property
    def _costs(self) -> Costs:
        return self.setup.costs

    def _sell(self, price: int, steps: int, fee_units: int) -> None:
        scale, row = self.market.scale, self._position.row
        sold, quote = scale.base(steps), scale.quote(price, steps)
        fee = commission(quote, fee_units)
        rest = self.held - sold
        cost_of_rest = self.cost * rest // self.held if self.held else 0
        row[Column.SOLD] += steps
        row[Column.EXIT_FEE] += fee
        row[Column.RECEIVED] += quote - fee
        row[Column.REALIZED] += quote - fee - (self.cost - cost_of_rest)
        self.wallet.free += quote - fee
        self.held, self.cost = rest, cost_of_rest

    def _end(self, bar: int, price: int, how: Exit) -> None:
        row = self._position.row
        row[Column.EXIT_BAR], row[Column.EXIT_PRICE], row[Column.EXIT] = bar, price, how
        self.position = None

    def _facts(self, at: int) -> RiskFacts:
        market, costs = self.market, self._costs
        opened = int(market.open[at])
        now_ms = int(market.bars.open_time_ms[at])
        own = Base(decimal_of(self.held))
        return RiskFacts(
            instrument=market.instrument,
            book=BookTop(
                market.symbol,
                self._price(max(0, costs.bid(opened))),
                _PLENTY,
                self._price(costs.ask(opened)),
                _PLENTY,
                now_ms,
            ),
            average_price=self._price(opened),
            free_quote=Quote(decimal_of(self.wallet.free)),
            free_base=own,
            position=own,
            commission=costs.fees,
            trading_state=TradingState.ACTIVE,
            quarantined=False,
            in_flight=(),
            newest_bar=None,
            now_ms=now_ms,
            live=False,
            live_entries_today=0,
            live_realized_loss_today=_NONE,
            live_unrealized_loss=_NONE,
            open_orders=0,
            open_algo_orders=0,
        )

    def _limits(self, terms: EntryTerms, equity: int) -> RiskLimits:
        setup, max_order = self.setup, self.setup.max_order
        if terms.fraction is not None:
            max_order = min(max_order, Quote(DOWN.multiply(decimal_of(equity), terms.fraction)))
        return RiskLimits(
            risk_fraction=setup.risk_fraction,
            max_order=max_order,
            allowed_symbols=frozenset({self.market.symbol}),
            slippage_rate=setup.max_slippage_rate,
            price_band_rate=setup.max_slippage_rate,
            stop_rate=terms.stop_loss_rate,
            quote_age_ms_max=0,
            bar_grace_ms=0,
            live_trades_per_day=0,
            live_loss_per_day=_NONE,
            min_notional=setup.min_notional,
        )

    def _price(self, ticks: int) -> Decimal:
        return decimal_of(ticks * self.market.scale.tick)

    def _ticks(self, price: Decimal | None) -> int:
        return units(price) // self.market.scale.tick if price else 0

    def _steps(self, quantity: Decimal) -> int:
        return units(quantity) // self.market.scale.step
