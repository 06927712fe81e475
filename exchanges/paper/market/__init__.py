"""The market of the paper exchange: a pure function of (seed, symbol, time) in whole ticks and steps.

Every minute holds `TRADES_PER_MINUTE` market trades, one at the start of each step of `STEP_MS`. Bars of
every interval, tickers, prices and the still-open bar are exact aggregates of these trades.
"""

from exchanges.paper.market.klines import INTERVALS
from exchanges.paper.market.model import (
    MINUTE_MS,
    STEP_MS,
    TRADES_PER_MINUTE,
    Bars,
    Book,
    Extremes,
    Kline,
    Level,
    Market,
    MarketFileError,
    MarketTrade,
    SymbolSpec,
)
from exchanges.paper.market.synthetic import crossed, synthetic

__all__ = [
    "INTERVALS",
    "MINUTE_MS",
    "STEP_MS",
    "TRADES_PER_MINUTE",
    "Bars",
    "Book",
    "Extremes",
    "Kline",
    "Level",
    "Market",
    "MarketFileError",
    "MarketTrade",
    "SymbolSpec",
    "crossed",
    "synthetic",
]
