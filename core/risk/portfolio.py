"""Everything we hold at one moment, what it is worth, and the limits that it stays within."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from core.values import Quote

if TYPE_CHECKING:  # numpy loads only where returns are measured
    from core.bars import Bars, FloatArray


@dataclass(frozen=True, slots=True)
class Held:
    """What is, or may be, held through one symbol. `value`: at its best bid; None in another quote asset."""

    symbol: str
    base_asset: str
    value: Quote | None


@dataclass(frozen=True, slots=True, eq=False)
class DailyReturns:
    """Simple returns of whole days, aligned: row = day, oldest first; column = symbol."""

    symbols: tuple[str, ...]
    rows: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Portfolio:
    """Our own positions on the account; dust is left out.

    `equity`: all of the quote asset, free and locked, and the positions in it at their best bids. `held`: one
    entry a symbol, entries of unknown fate with them. `returns`: None when they were not asked for.
    """

    equity: Quote
    held: tuple[Held, ...]
    returns: DailyReturns | None = None


@dataclass(frozen=True, slots=True)
class PortfolioLimits:
    """Rates are fractions of the equity; `var_rate`: None for no limit.

    Raises ValueError, naming every value that cannot be used.
    """

    positions_max: int = 5
    asset_rate: Decimal = Decimal("0.1")
    exposure_rate: Decimal = Decimal(1)
    var_rate: Decimal | None = None

    def __post_init__(self) -> None:
        wrong = [f"positions_max was {self.positions_max}, below 1"] if self.positions_max < 1 else []
        for name in ("asset_rate", "exposure_rate", "var_rate"):
            rate: Decimal | None = getattr(self, name)
            if rate is not None and not (rate.is_finite() and rate > 0):
                wrong.append(f"{name} was {rate}, not above 0")
        if wrong:
            raise ValueError("; ".join(wrong))


DEFAULT_LIMITS = PortfolioLimits()


def daily_returns(bars: Mapping[str, Bars]) -> DailyReturns:
    """Return the returns of the days that all symbols have, none when there are no two such days.

    `bars`: symbol -> closed daily bars, without gaps.
    """
    import numpy as np

    symbols = tuple(bars)
    first_ms = max((int(each.open_time_ms[0]) for each in bars.values() if len(each)), default=0)
    end_ms = min((each.end_ms if len(each) else first_ms for each in bars.values()), default=0)
    closes = [
        each.close[(each.open_time_ms >= first_ms) & (each.open_time_ms < end_ms)] for each in bars.values()
    ]
    if not closes or len({len(each) for each in closes}) > 1 or len(closes[0]) < 2:
        return DailyReturns(symbols, np.empty((0, len(symbols))))
    columns = np.column_stack(closes)
    return DailyReturns(symbols, columns[1:] / columns[:-1] - 1)
