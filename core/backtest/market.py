"""One symbol as a back-test trades it: its rules, and its bars in ticks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.bars import Bars, IntArray
from core.data.series import Row, Series
from core.instrument import Filters, Instrument, LotSize, NotionalFilter, PriceFilter, SymbolStatus
from core.matching import UNIT, Scale

_QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "GBP")
_PRECISION = 8
_FEW_BARS = 100
_PART = 16_384


@dataclass(frozen=True, slots=True)
class Rules:
    """What the venue takes: steps of price and quantity, and the smallest notional, as for `Instrument`."""

    tick_size: Decimal
    step_size: Decimal
    min_notional: Decimal


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """Prices in ticks, shape (n,), oldest first, without gaps; `bars` are the same bars as strategies see
    them. `interval_ms` is the finest that was recorded, and the one orders fill at.
    """

    instrument: Instrument
    scale: Scale
    open: IntArray
    high: IntArray
    low: IntArray
    close: IntArray
    bars: Bars

    def __len__(self) -> int:
        return len(self.bars)

    @property
    def symbol(self) -> str:
        return self.instrument.symbol

    @property
    def interval_ms(self) -> int:
        return self.bars.interval_ms


def market(series: Series, rules: Rules) -> Market:
    """Return recorded bars, ready to be traded.

    Prices are rounded to the nearest tick, which keeps the order of open, high, low and close. Raises
    ValueError at a gap, and when a price would be rounded to nothing.
    """
    tick, step = units(rules.tick_size), units(rules.step_size)
    recorded = series.table[Row.OPEN : Row.CLOSE + 1]
    ticks = recorded // tick
    if not _divides(tick, recorded):
        ticks = (recorded + tick // 2) // tick
        table = series.table.copy()
        table[Row.OPEN : Row.CLOSE + 1] = ticks * tick
        series = Series(series.symbol, series.interval, table)
    if len(series) and int(ticks.min()) < 1:
        raise ValueError(f"tick {rules.tick_size} is too coarse for the prices of {series.symbol}")
    opened, high, low, close = ticks
    return Market(
        instrument(series.symbol, rules), Scale(tick, step), opened, high, low, close, series.bars()
    )


def instrument(symbol: str, rules: Rules) -> Instrument:
    """Return the instrument that these rules make of a symbol."""
    base, quote = assets(symbol)
    return Instrument(
        symbol=symbol,
        base_asset=base,
        quote_asset=quote,
        status=SymbolStatus.TRADING,
        order_types=frozenset({"LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"}),
        base_precision=_PRECISION,
        quote_precision=_PRECISION,
        filters=Filters(
            price=PriceFilter(rules.tick_size, Decimal(0), rules.tick_size),
            lot=LotSize(rules.step_size, Decimal(0), rules.step_size),
            notional=NotionalFilter(rules.min_notional, None, True, False, 0),
        ),
    )


def assets(symbol: str) -> tuple[str, str]:
    """Return the assets that a symbol is made of: the known quote asset it ends with, else three letters."""
    symbol = symbol.removesuffix("PERP")
    quote = next((each for each in _QUOTES if symbol.endswith(each) and symbol != each), symbol[-3:])
    return symbol.removesuffix(quote) or symbol, quote


def recorded_tick(series: Series) -> Decimal:
    """Return the finest power of ten that all recorded prices are multiples of: 0.01 for 42000.01."""
    prices = series.table[Row.OPEN : Row.CLOSE + 1]
    tick = UNIT
    # A few bars rule out nearly all that is too coarse.
    while tick > 1 and not (_divides(tick, prices[:, :_FEW_BARS]) and _divides(tick, prices)):
        tick //= 10
    return decimal_of(tick)


def _divides(tick: int, prices: IntArray) -> bool:
    # NumPy divides by a constant much faster than it takes a remainder, and parts stay in the cache.
    parts = (prices[:, start : start + _PART] for start in range(0, prices.shape[1], _PART))
    return all(bool((part // tick * tick == part).all()) for part in parts)


def quote_asset(markets: Iterable[Market]) -> str:
    """Return the one quote asset of all markets. Raises ValueError when there are two: one account pays."""
    found = sorted({each.instrument.quote_asset for each in markets})
    if len(found) != 1:
        raise ValueError(f"symbols of one back-test share a quote asset, these have {' and '.join(found)}")
    return found[0]


def units(value: Decimal) -> int:
    """Return a positive amount in units of 1e-8. Raises ValueError for finer ones, and for 0."""
    amount = value * UNIT
    if amount != amount.to_integral_value() or amount <= 0:
        raise ValueError(f"{value} is not a positive number with at most 8 decimals")
    return int(amount)


def decimal_of(amount: int) -> Decimal:
    """Return an amount in units of 1e-8 exactly."""
    return Decimal(amount).scaleb(-_PRECISION)


def same_interval(markets: Sequence[Market]) -> int:
    """Return the interval of all markets. Raises ValueError when they differ: time has to pass alike."""
    found = {each.interval_ms for each in markets}
    if len(found) != 1:
        raise ValueError("symbols of one back-test are recorded at one interval")
    return found.pop()
