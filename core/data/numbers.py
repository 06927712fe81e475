"""Decimal texts and floats as whole units of 1e-8, fast and exact."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

import numpy as np

from core.bars import FloatArray, IntArray
from core.data.series import DECIMALS, UNIT

_EXACT_BELOW = 1 << 50
"""Up to here parsing, scaling and rounding a float all err by less than half a unit together."""
_LARGEST = 1 << 62


def units_of_texts(texts: Sequence[str]) -> IntArray:
    """Return decimal texts in units; what lies beyond 8 decimals, the noise of a recorder, is rounded away.

    Raises ValueError for what is no finite number, or too large to count.
    """
    units = _rounded(np.array(texts, dtype=np.float64))
    for index in np.flatnonzero(np.abs(units) >= _EXACT_BELOW).tolist():
        units[index] = _exact(texts[index])
    return units


def units_of_floats(values: FloatArray) -> IntArray:
    """Return floats in units, each taken for the shortest decimal that reads back as it."""
    units = _rounded(values)
    for index in np.flatnonzero(np.abs(units) >= _EXACT_BELOW):
        units[index] = _exact(repr(float(values[index])))
    return units


def counts(texts: Sequence[str]) -> IntArray:
    """Return whole numbers. Raises ValueError."""
    try:
        return np.array([int(text) for text in texts], dtype=np.int64)
    except OverflowError:
        raise ValueError("holds a whole number that is too large") from None


def _rounded(values: FloatArray) -> IntArray:
    if not np.isfinite(values).all():
        raise ValueError("holds a value that is no finite number")
    if values.size and np.abs(values).max() * UNIT >= _LARGEST:
        raise ValueError(f"holds {np.abs(values).max():.0f}; at most {_LARGEST // UNIT} can be kept")
    units: IntArray = np.rint(values * UNIT).astype(np.int64)
    return units


def _exact(text: str) -> int:
    try:
        scaled = Decimal(text).scaleb(DECIMALS)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    return int(scaled.to_integral_value(ROUND_HALF_EVEN))
