"""Position rules as the texts of settings. ValueError says what was expected: see `core.setting_values`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator

from core.setting_values import shown
from core.values import parse_decimal


def rate(text: str) -> Decimal:
    """Return a fraction from 0 to below 1; 0 switches a rule off."""
    try:
        value = parse_decimal(text.strip(), "the value")
    except ValueError:
        raise ValueError(f"was {shown(text)}; it takes a plain decimal number") from None
    if not 0 <= value < 1:
        raise ValueError(f"was {shown(text)}; it must be from 0 to below 1 (0.008 is 0.8 %)")
    return value


def locks(text: str) -> tuple[tuple[Decimal, Decimal], ...]:
    """Return the pairs of `0.01:0.002,0.02:0.008`: gain that is reached, gain that is locked."""
    pairs = []
    for part in text.split(","):
        trigger, colon, lock = part.partition(":")
        if not colon:
            raise ValueError(f"was {shown(text)}; it takes pairs such as 0.01:0.002,0.02:0.008")
        pairs.append((rate(trigger), rate(lock)))
        if not pairs[-1][1] < pairs[-1][0]:
            raise ValueError(f"was {shown(text)}; each gain must be above the one that it locks")
    return tuple(pairs)


Rate = Annotated[Decimal, BeforeValidator(rate)]
Locks = Annotated[tuple[tuple[Decimal, Decimal], ...] | None, BeforeValidator(locks)]
