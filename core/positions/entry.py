"""From volatility, or from a return on the margin, to the stop and the target of an entry.

The ATR form is that of the published AuraQuant engine; the ROI form that of Miniature Enigma, whose original
applied returns on the margin to the price: -6 % at 6x leverage was -36 % (docs/positions.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from core.positions.levels import away
from core.risk.facts import ONE
from core.risk.sellable import DOWN, UP
from core.strategies.decision import RATE_DIGITS, Direction, EntryTerms
from core.strategies.parameters import check, parameter

MAINTENANCE_RATE = Decimal("0.005")
_RATE_STEP = ONE.scaleb(-RATE_DIGITS)


@dataclass(frozen=True, slots=True)
class AtrStops:
    """Raises ValueError naming every bad value."""

    stop_multiple: Decimal = parameter(Decimal(2), "stop distance in ATR", above=0)
    target_multiple: Decimal = parameter(Decimal(4), "target distance in ATR", above=0)
    floor_rate: Decimal = parameter(
        Decimal("0.0035"), "smallest ATR that counts, of the price", low=0, below=1
    )

    def __post_init__(self) -> None:
        check(self, "ATR stop")


@dataclass(frozen=True, slots=True)
class RoiStops:
    """Returns on the margin. Raises ValueError naming every bad value."""

    stop_roi: Decimal = parameter(Decimal("0.06"), "loss that ends a position", above=0, high=1)
    target_roi: Decimal = parameter(Decimal("0.15"), "gain that ends it", above=0)
    hard_limit_roi: Decimal = parameter(Decimal("0.10"), "loss beyond which no stop may lie", above=0, high=1)

    def __post_init__(self) -> None:
        check(self, "ROI stop")


def atr_terms(price: Decimal, atr: Decimal, stops: AtrStops, *, leverage: int = 1) -> EntryTerms:
    """Return the terms whose stop and target lie multiples of the ATR from the entry price.

    Raises ValueError for a price that is not above 0, a negative ATR, or a stop that would lie below 0.
    """
    if price <= 0 or atr < 0:
        raise ValueError(f"price must be above 0 and the ATR not below, were {price} and {atr}")
    counted = max(atr, UP.multiply(stops.floor_rate, price))
    return _terms(
        DOWN.divide(DOWN.multiply(stops.stop_multiple, counted), price),
        UP.divide(UP.multiply(stops.target_multiple, counted), price),
        leverage,
    )


def roi_terms(stops: RoiStops, leverage: int) -> EntryTerms:
    """Return the terms for returns on the margin: divided by the leverage, as rates of the price."""
    by = Decimal(leverage)
    loss = min(stops.stop_roi, stops.hard_limit_roi)
    return _terms(DOWN.divide(loss, by), UP.divide(stops.target_roi, by), leverage)


def net_price(entry_price: Decimal, rate: Decimal, taker_rate: Decimal, direction: Direction) -> Decimal:
    """Return the price at which the gain after the fees of both sides is `rate` of the entry, unrounded."""
    return away(entry_price, rate + 2 * taker_rate, direction)


def liquidation_price(entry_price: Decimal, leverage: int, direction: Direction) -> Decimal:
    """Return where a venue takes a leveraged position away, keeping a maintenance margin of 0.5 %."""
    distance = DOWN.divide(ONE - MAINTENANCE_RATE, Decimal(leverage))
    return away(entry_price, -distance, direction)


def _terms(stop_rate: Decimal, target_rate: Decimal, leverage: int) -> EntryTerms:
    """Round the stop toward the entry and the target away from it, at the digit where rates end."""
    stop = stop_rate.quantize(_RATE_STEP, ROUND_FLOOR)
    if not 0 < stop < 1:
        raise ValueError(f"the stop must lie above 0 and below the entry, was {stop} of it away")
    return EntryTerms(stop, target_rate.quantize(_RATE_STEP, ROUND_CEILING), leverage=leverage)
