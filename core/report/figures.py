"""What a report says, as plain data. Amounts are in the quote asset unless their name says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from core.account import AccountKey
from core.report.equity import Drawdown, Point
from core.report.trades import TradeFigures


@dataclass(frozen=True, slots=True)
class Profit:
    """What was earned, by two methods, all valued fees taken off.

    `fees_value`: those fees. `unvalued_fees`: asset -> amount paid in assets whose price was not recorded;
    they are in no other number.
    """

    fifo: Decimal
    average: Decimal
    fees_value: Decimal
    unvalued_fees: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One symbol on one UTC day, `day` counted from 1970-01-01."""

    day: int
    symbol: str
    fills: int
    bought: Decimal
    sold: Decimal
    profit: Profit


@dataclass(frozen=True, slots=True)
class SymbolFigures:
    """One symbol in the period. `bought`, `sold`: base, before fees. `spent`, `received`: quote, before fees.

    `quantity` and costs: the position at the end, dust included. `mark`: the price of the last fill, at which
    `unrealized` (by FIFO cost) values the position.
    """

    symbol: str
    fills: int
    bought: Decimal
    sold: Decimal
    spent: Decimal
    received: Decimal
    profit: Profit
    quantity: Decimal
    cost_fifo: Decimal
    cost_average: Decimal
    mark: Decimal
    unrealized: Decimal


@dataclass(frozen=True, slots=True)
class QuoteFigures:
    """All symbols of one quote asset; amounts of two quote assets are never added."""

    asset: str
    profit: Profit
    unrealized: Decimal
    trades: TradeFigures
    equity_start: Point
    equity_end: Point
    drawdown: Drawdown | None
    sharpe: float | None
    daily_returns: int
    symbols: tuple[SymbolFigures, ...]
    days: tuple[DayFigures, ...]
    curve: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class AssetFlow:
    """The balance equation of one asset, from the opening to the end: opening + moved - fees = closing."""

    asset: str
    opening: Decimal
    moved: Decimal
    fees: Decimal
    closing: Decimal


@dataclass(frozen=True, slots=True)
class BookReport:
    """One book of one account; books are never added. `fills`: those of the period."""

    account: AccountKey
    dry_run: bool
    fills: int
    quotes: tuple[QuoteFigures, ...]
    flows: tuple[AssetFlow, ...]
