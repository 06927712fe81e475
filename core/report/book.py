"""From the fills of a book to its figures, in one pass in the order of venue time."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from core.account import AccountKey
from core.clock import utc_day
from core.journal.history import BookedFill
from core.journal.inventory import ZERO, Inventory, after
from core.orders import Side
from core.report.equity import Equity, Point, sharpe
from core.report.figures import AssetFlow, BookReport, DayFigures, Profit, QuoteFigures, SymbolFigures
from core.report.lots import Fifo
from core.report.movement import Movement, changes, movement_of
from core.report.trades import Trades
from core.values import EXACT

_Key = TypeVar("_Key", bound=Hashable)


def report_book(
    account: AccountKey,
    dry_run: bool,
    fills: Iterable[BookedFill],
    opening: Mapping[str, Decimal],
    since_ms: int,
) -> BookReport:
    """Return the figures of a book from `since_ms` on.

    `fills`: all from the opening to the end of the period, by time: what is sold in it was bought before.
    """
    flows, quotes, counted = _Flows(opening), dict[str, _Quote](), 0
    for fill in fills:
        moved = movement_of(fill)
        flows.add(fill, moved)
        counts = fill.time_ms >= since_ms
        counted += counts
        if fill.is_ours:
            asset = fill.quote_asset
            if asset not in quotes:
                quotes[asset] = _Quote(asset, opening.get(asset, ZERO))
            quotes[asset].add(fill, moved, counts)
    figures = [quotes[asset].figures() for asset in sorted(quotes)]
    return BookReport(
        account, dry_run, counted, tuple(each for each in figures if each is not None), flows.figures()
    )


@dataclass
class _Sum:
    """Adds up the profit of a day, a symbol or all."""

    fills: int = 0
    fifo: Decimal = ZERO
    average: Decimal = ZERO
    fees_value: Decimal = ZERO
    unvalued: dict[str, Decimal] = field(default_factory=dict)
    base: dict[Side, Decimal] = field(default_factory=lambda: dict.fromkeys(Side, ZERO))
    quote: dict[Side, Decimal] = field(default_factory=lambda: dict.fromkeys(Side, ZERO))

    def add(self, fill: BookedFill, moved: Movement, fifo: Decimal, average: Decimal) -> None:
        self.fills += 1
        self.fifo = EXACT.add(self.fifo, fifo)
        self.average = EXACT.add(self.average, average)
        if moved.fee_value is None:
            _add(self.unvalued, fill.fee_asset, fill.fee)
        else:
            self.fees_value = EXACT.add(self.fees_value, moved.fee_value)
        _add(self.base, fill.side, fill.quantity)
        _add(self.quote, fill.side, EXACT.multiply(fill.quantity, fill.price))

    def profit(self) -> Profit:
        return Profit(self.fifo, self.average, self.fees_value, dict(sorted(self.unvalued.items())))


@dataclass
class _Symbol:
    name: str
    fifo: Fifo = field(default_factory=Fifo)
    average: Inventory = field(default_factory=Inventory)
    mark: Decimal = ZERO
    period: _Sum = field(default_factory=_Sum)

    def move(self, fill: BookedFill, moved: Movement) -> tuple[Decimal, Decimal]:
        """Book a fill; return what it realized by FIFO and by average cost."""
        before = self.average.realized
        self.average = after(self.average, moved.base, moved.profit_quote)
        self.mark = fill.price
        return self.fifo.move(moved.base, moved.profit_quote), EXACT.subtract(self.average.realized, before)

    @property
    def value(self) -> Decimal:
        """What the position would bring at the mark."""
        return EXACT.multiply(self.average.quantity, self.mark)

    def figures(self) -> SymbolFigures:
        cost = self.fifo.cost
        return SymbolFigures(
            symbol=self.name,
            fills=self.period.fills,
            bought=self.period.base[Side.BUY],
            sold=self.period.base[Side.SELL],
            spent=self.period.quote[Side.BUY],
            received=self.period.quote[Side.SELL],
            profit=self.period.profit(),
            quantity=self.average.quantity,
            cost_fifo=cost,
            cost_average=self.average.cost,
            mark=self.mark,
            unrealized=EXACT.subtract(self.value, cost),
        )


class _Quote:
    """All symbols of one quote asset."""

    def __init__(self, asset: str, opening: Decimal) -> None:
        self._asset = asset
        self._cash = opening  # of this quote asset, as far as our fills moved it
        self._held = ZERO  # what all positions would bring
        self._symbols: dict[str, _Symbol] = {}
        self._days: dict[tuple[int, str], _Sum] = {}
        self._total = _Sum()
        self._trades = Trades()
        self._equity: Equity | None = None

    def add(self, fill: BookedFill, moved: Movement, counts: bool) -> None:
        symbol = self._symbols.setdefault(fill.symbol, _Symbol(fill.symbol))
        if counts and self._equity is None:
            self._equity = Equity(Point(fill.time_ms, EXACT.add(self._cash, self._held)))
        closes = symbol.average.quantity * moved.base < 0
        value = symbol.value
        fifo, average = symbol.move(fill, moved)
        self._cash = EXACT.add(self._cash, moved.profit_quote)
        self._held = EXACT.add(self._held, EXACT.subtract(symbol.value, value))
        if not counts or self._equity is None:
            return
        self._equity.add(fill.time_ms, EXACT.add(self._cash, self._held))
        day = self._days.setdefault((utc_day(fill.time_ms), fill.symbol), _Sum())
        for each in (symbol.period, day, self._total):
            each.add(fill, moved, fifo, average)
        if closes:
            self._trades.add(fill.client_order_id, fifo)

    def figures(self) -> QuoteFigures | None:
        """Return what to say of the period; None when nothing was filled in it."""
        if self._equity is None:
            return None
        symbols = tuple(self._symbols[name].figures() for name in sorted(self._symbols))
        returns = self._equity.daily_returns()
        return QuoteFigures(
            asset=self._asset,
            profit=self._total.profit(),
            unrealized=_total(each.unrealized for each in symbols),
            trades=self._trades.figures(),
            equity_start=self._equity.start,
            equity_end=self._equity.last,
            drawdown=self._equity.drawdown,
            sharpe=sharpe(returns),
            daily_returns=len(returns),
            symbols=symbols,
            days=tuple(_day(*key, self._days[key]) for key in sorted(self._days)),
            curve=self._equity.curve(),
        )


def _total(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def _day(day: int, symbol: str, total: _Sum) -> DayFigures:
    return DayFigures(day, symbol, total.fills, total.base[Side.BUY], total.base[Side.SELL], total.profit())


class _Flows:
    """The balance equation, over every fill of the account's book, also of what is not our position."""

    def __init__(self, opening: Mapping[str, Decimal]) -> None:
        self._opening = opening
        self._changed: dict[str, Decimal] = {}
        self._fees: dict[str, Decimal] = {}

    def add(self, fill: BookedFill, moved: Movement) -> None:
        for asset, amount in changes(fill, moved).items():
            _add(self._changed, asset, amount)
        _add(self._fees, fill.fee_asset, fill.fee)

    def figures(self) -> tuple[AssetFlow, ...]:
        """Return every asset that moved; the balance of the others is that of the opening."""
        return tuple(self._flow(asset) for asset in sorted(self._changed))

    def _flow(self, asset: str) -> AssetFlow:
        opening, fees = self._opening.get(asset, ZERO), self._fees.get(asset, ZERO)
        changed = self._changed[asset]
        return AssetFlow(asset, opening, EXACT.add(changed, fees), fees, EXACT.add(opening, changed))


def _add(amounts: dict[_Key, Decimal], key: _Key, amount: Decimal) -> None:
    amounts[key] = EXACT.add(amounts.get(key, ZERO), amount)
