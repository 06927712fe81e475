"""The symbols the paper exchange lists, with their trading rules.

Written from the venue's documents and a live sample of 2026, and on purpose not shared with the venue client:
two readings of one rule find each other's mistakes. All amounts are integers in units of 1e-8. The venue
moves ticks and steps now and then, and the largest market order every day: a client has to read them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

from core.matching import UNIT, Scale


def units(text: str) -> int:
    """Return a decimal text as integer units; exact, or ValueError."""
    value = Decimal(text) * UNIT
    if value != value.to_integral_value():
        raise ValueError(f"{text} has more than 8 decimals")
    return int(value)


@dataclass(frozen=True)
class Symbol:
    """One symbol and its rules; a price may lie between the two multipliers (in units) of the average.

    `max_position`: how much of the base one may hold and have ordered; 0: as much as one likes. `volatility`
    and `loadings` are the synthetic market's, see `SymbolSpec`; where the quote is BTC it needs none.
    """

    name: str
    base: str
    quote: str
    tick: int
    min_price: int
    max_price: int
    step: int
    min_quantity: int
    max_quantity: int
    market_max_quantity: int
    min_notional: int
    max_notional: int
    base_price: int
    typical_quantity: int
    multiplier_up: int = 5 * UNIT
    multiplier_down: int = UNIT // 5
    average_minutes: int = 5
    max_iceberg_parts: int = 100
    max_orders: int = 200
    max_order_lists: int = 20
    max_algo_orders: int = 5
    max_amends: int = 10
    max_position: int = 0
    trailing_min_bips: int = 10
    trailing_max_bips: int = 2000
    volatility: float = 0.5
    loadings: tuple[tuple[str, float], ...] = ()

    @cached_property
    def scale(self) -> Scale:
        return Scale(self.tick, self.step)


_DOLLAR_ROWS = """\
base  tick     max_price  step     max_quantity  market_max  price  typical  volatility  market  alts
BTC   0.01     1000000    0.00001  9000          118.31      90000  5        0.50        0.92    0
ETH   0.01     1000000    0.0001   9000          1982.41     3000   80       0.65        0.85    0.3
BNB   0.01     100000     0.001    900000        3011.72     850    40       0.50        0.75    0.25
SOL   0.01     100000     0.001    90000         38457.61    140    600      0.80        0.75    0.4
XRP   0.0001   10000      0.1      9222449       1843267.4   2      60000    0.75        0.65    0.4
ADA   0.0001   1000       0.1      900000        861402.5    0.5    60000    0.80        0.70    0.5
DOGE  0.00001  1000       1        9000000       5120311     0.14   400000   0.90        0.70    0.4
LTC   0.01     100000     0.001    90000         7846.33     85     300      0.65        0.70    0.4
"""
"""`market` and `alts`: how much of the price is what moves everything, and everything but bitcoin."""
_BITCOIN_ROWS = """\
base  tick        max_price  step    max_quantity  market_max  typical
ETH   0.00001     922327     0.0001  100000        1352.44     10
BNB   0.000001    100000     0.001   100000        412.85      5
SOL   0.0000001   10000      0.001   90000000      3120.77     30
XRP   0.00000001  1000       1       90000000      160233      2000
ADA   0.00000001  1000       0.1     90000000      143377.2    3000
DOGE  0.00000001  1000       1       90000000      610455      20000
LTC   0.000001    922327     0.001   100000        2913.52     60
"""


def _rows(table: str) -> list[dict[str, str]]:
    names, *rows = (line.split() for line in table.splitlines())
    return [dict(zip(names, row, strict=True)) for row in rows]


def _symbol(row: dict[str, str], quote: str, min_notional: str, base_price: int) -> Symbol:
    return Symbol(
        name=row["base"] + quote,
        base=row["base"],
        quote=quote,
        tick=units(row["tick"]),
        min_price=units(row["tick"]),
        max_price=units(row["max_price"]),
        step=units(row["step"]),
        min_quantity=units(row["step"]),
        max_quantity=units(row["max_quantity"]),
        market_max_quantity=units(row["market_max"]),
        min_notional=units(min_notional),
        max_notional=units("9000000"),
        base_price=base_price,
        typical_quantity=units(row["typical"]),
    )


def _listed() -> dict[str, Symbol]:
    symbols = {}
    for row in _rows(_DOLLAR_ROWS):
        symbol = _symbol(row, "USDT", "5", units(row["price"]))
        loadings = tuple((factor, float(row[factor])) for factor in ("market", "alts"))
        symbols[symbol.name] = replace(symbol, volatility=float(row["volatility"]), loadings=loadings)
    for row in _rows(_BITCOIN_ROWS):
        base_price = symbols[f"{row['base']}USDT"].base_price * UNIT // symbols["BTCUSDT"].base_price
        symbol = _symbol(row, "BTC", "0.0001", base_price)
        symbols[symbol.name] = symbol
    return symbols


SYMBOLS: dict[str, Symbol] = _listed()

ASSETS: tuple[str, ...] = ("BTC", "ETH", "BNB", "USDT", "SOL", "LTC", "XRP", "ADA", "DOGE")
