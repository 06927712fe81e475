"""The symbols the paper exchange lists, with their trading rules.

Written from the venue's documents and a live sample of 2026, and on purpose not shared with the venue client:
two readings of one rule find each other's mistakes. All amounts are integers in units of 1e-8.
"""

from __future__ import annotations

from dataclasses import dataclass
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

    `max_position`: how much of the base one may hold and have ordered; 0: as much as one likes.
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

    @cached_property
    def scale(self) -> Scale:
        return Scale(self.tick, self.step)


def _usdt(
    base: str, tick: str, step: str, max_quantity: str, market_max: str, price: str, typical: str
) -> Symbol:
    return Symbol(
        name=f"{base}USDT",
        base=base,
        quote="USDT",
        tick=units(tick),
        min_price=units(tick),
        max_price=units("1000000") if base in ("BTC", "ETH") else units("100000"),
        step=units(step),
        min_quantity=units(step),
        max_quantity=units(max_quantity),
        market_max_quantity=units(market_max),
        min_notional=units("5"),
        max_notional=units("9000000"),
        base_price=units(price),
        typical_quantity=units(typical),
    )


def _btc(base: str, tick: str, step: str, market_max: str, price: str, typical: str) -> Symbol:
    return Symbol(
        name=f"{base}BTC",
        base=base,
        quote="BTC",
        tick=units(tick),
        min_price=units(tick),
        max_price=units("922327"),
        step=units(step),
        min_quantity=units(step),
        max_quantity=units("100000"),
        market_max_quantity=units(market_max),
        min_notional=units("0.0001"),
        max_notional=units("9000000"),
        base_price=units(price),
        typical_quantity=units(typical),
    )


SYMBOLS: dict[str, Symbol] = {
    symbol.name: symbol
    for symbol in (
        _usdt("BTC", "0.01", "0.00001", "9000", "118.31", "90000", "5"),
        _usdt("ETH", "0.01", "0.0001", "9000", "1982.41", "3000", "80"),
        _usdt("BNB", "0.01", "0.001", "900000", "3011.72", "850", "40"),
        _usdt("SOL", "0.01", "0.001", "90000", "38457.61", "140", "600"),
        _usdt("LTC", "0.01", "0.001", "90000", "7846.33", "85", "300"),
        _btc("ETH", "0.00001", "0.0001", "1352.44", "0.03333", "10"),
        _btc("LTC", "0.000001", "0.001", "2913.52", "0.000944", "60"),
    )
}

ASSETS: tuple[str, ...] = ("BTC", "ETH", "BNB", "USDT", "SOL", "LTC")
