"""Show, on the bars about to be traded, that the field can be trusted with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np

from core.bars import Bars, FloatArray
from core.strategies.coherence.field import Field
from core.strategies.decision import SelfTest
from core.strategies.self_test import WITHHELD_BARS, SelfTestReason

# Vector units may round differently over arrays of another length; look-ahead differs by far more.
_TOLERANCE = 1e-12


def self_test(bars: Bars, compute: Callable[[Bars], Field], *, bars_required: int) -> SelfTest:
    """Check that `compute` is defined, bounded, repeatable, and blind to the future at the last bars.

    It is blind to the future when withholding the last bars leaves the values before them as they were.
    """
    n = len(bars)
    if n < bars_required:
        detail = f"{n} closed bars, {bars_required} are needed"
        return SelfTest(False, SelfTestReason.NOT_ENOUGH_BARS, detail, n)

    field = compute(bars)
    lambda_, gamma, magnitude = float(field.lambda_[-1]), float(field.gamma[-1]), float(field.magnitude[-1])
    recent = slice(-WITHHELD_BARS, None)
    if not (np.isfinite(field.gamma[recent]) & np.isfinite(field.lambda_[recent])).all():
        detail = f"Γ or Λ is undefined in the last {WITHHELD_BARS} bars"
        return SelfTest(False, SelfTestReason.UNDEFINED, detail, n)

    def result(reason: SelfTestReason, detail: str) -> SelfTest:
        ok = reason is SelfTestReason.PASSED
        return SelfTest(ok, reason, detail, n, {"lambda": lambda_, "gamma": gamma})

    if not _bounded(field):
        return result(
            SelfTestReason.OUT_OF_BOUNDS,
            f"|Λ| ≤ M ≤ 1, 0 ≤ Γ ≤ 1 broken: Λ {lambda_}, M {magnitude}, Γ {gamma}",
        )
    if _differs(field, compute(bars), 0.0):
        return result(SelfTestReason.NOT_REPEATABLE, "the same bars gave another field the second time")
    if _differs(_first(field, n - WITHHELD_BARS), compute(bars[:-WITHHELD_BARS]), _TOLERANCE):
        return result(SelfTestReason.LOOKS_AHEAD, f"the last {WITHHELD_BARS} bars change values before them")
    return result(SelfTestReason.PASSED, f"defined, bounded, repeatable and blind to the future on {n} bars")


def _bounded(field: Field) -> bool:
    known = np.isfinite(field.gamma)
    lambda_, magnitude, gamma = field.lambda_[known], field.magnitude[known], field.gamma[known]
    return bool(
        (np.abs(lambda_) <= magnitude).all()
        and (magnitude <= 1 + _TOLERANCE).all()
        and ((gamma >= 0) & (gamma <= 1)).all()
    )


def _first(field: Field, count: int) -> Field:
    return Field(**{item.name: getattr(field, item.name)[..., :count] for item in fields(Field)})


def _differs(one: Field, other: Field, tolerance: float) -> bool:
    return any(
        not _close(getattr(one, item.name), getattr(other, item.name), tolerance) for item in fields(Field)
    )


def _close(one: FloatArray, other: FloatArray, tolerance: float) -> bool:
    return one.shape == other.shape and bool(
        np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)
    )
