"""The kernel compiled by numba: for sweeps, where thousands of runs pay for compiling it once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt

from core.backtest import kernel
from core.backtest.arrays import Prepared, Wanted
from core.backtest.market import units
from core.backtest.outcome import Counts, Outcome
from core.backtest.setup import NO_DECISION
from core.bars import IntArray

_ROW, _TABLE, _CUBE = "int64[::1]", "int64[:, ::1]", "int64[:, :, ::1]"
_SIGNS, _FLAGS = "int8[:, ::1]", "boolean[:, ::1]"
# Callees first. One signature each: numba would make a version for every constant it is called with.
_SIGNATURES = {
    kernel.mul_div_64: "int64(int64, int64, int64)",
    kernel.mul_div_up_64: "int64(int64, int64, int64)",
    kernel.worth_of: "int64(int64, int64)",
    kernel.touches: "boolean(int64, int64, int64, int64, int64)",
    kernel.stopped_at: "int64(int64, int64, int64)",
    kernel.end: f"void({_ROW}, {_TABLE}, int64, int64, int64)",
    kernel.sell: f"void({_ROW}, {_ROW}, {_ROW}, {_TABLE}, int64, int64)",
    kernel.enter: (
        f"void({_ROW}, int64, int64, {_ROW}, {_ROW}, {_ROW}, {_ROW}, {_ROW}, {_TABLE}, int64, int64)"
    ),
    kernel.leave: f"void({_ROW}, int64, int64, {_ROW}, {_ROW}, {_ROW}, {_ROW}, {_TABLE}, int64)",
    kernel.pass_through: f"void({_ROW}, int64, int64, int64, {_ROW}, {_ROW}, {_ROW}, {_TABLE}, int64)",
    kernel.simulate: (
        f"void({_ROW}, {_CUBE}, {_CUBE}, {_TABLE}, {_CUBE}, {_SIGNS}, {_FLAGS}, {_FLAGS}, {_FLAGS},"
        f" {_TABLE}, {_TABLE}, {_TABLE}, {_TABLE}, {_ROW}, {_ROW}, {_TABLE}, {_ROW})"
    ),
}


class NoCompiler(Exception):
    """Why this cannot be compiled, or nothing can here."""


@cache
def compiled_loop() -> Any:
    """Return `kernel.simulate`, compiled or read from numba's cache. Raises NoCompiler."""
    try:
        from numba import njit
    except ImportError:
        raise NoCompiler("numba is not installed (pip install 'trader[fast]')") from None
    known = dict(vars(kernel))
    try:
        for function, signature in _SIGNATURES.items():
            inner = function is not kernel.simulate
            compiling = njit(
                signature, cache=True, error_model="numpy", no_cfunc_wrapper=True, no_cpython_wrapper=inner
            )
            # A copy, whose names are those of compiled functions: the kernel itself stays as it is.
            name = function.__name__.removesuffix("_64")
            known[name] = compiling(FunctionType(function.__code__, known))
    except RuntimeError as error:
        raise NoCompiler(f"numba cannot keep what it compiled: {error}") from None
    return known["simulate"]


def run_compiled(prepared: Prepared, wants: Wanted) -> Outcome:
    """Do over a course what a strategy wants, with the same result as `run_plain`. Raises NoCompiler."""
    if wants.signals[0].confirm:
        raise NoCompiler("the strategy enters by where the account stands, too")
    simulate = compiled_loop()
    slots = kernel.new_slots(len(prepared.sizes))
    money = np.full(2, units(prepared.setup.balance.value), dtype=np.int64)
    counts = np.zeros(5, dtype=np.int64)
    entries = sum(int(np.count_nonzero(each.entry > 0)) for each in wants.wishes)
    trades = np.zeros((entries + 1, kernel.TRADE_COLUMNS), dtype=np.int64)
    equity = np.empty(prepared.course.length, dtype=np.int64)
    simulate(
        wants.rules, *_laid_out(prepared), *_side_by_side(wants), wants.terms, prepared.sizes,
        slots, money, counts, trades, equity,
    )  # fmt: skip
    *counted, n_trades = counts.tolist()
    made = trades[:n_trades].copy()
    return Outcome(made, equity, Counts(*counted), engine="compiled", signals=wants.signals)


@lru_cache(maxsize=1)
def _laid_out(prepared: Prepared) -> tuple[IntArray, ...]:
    """Return `bars`, `quotes`, `decide_at` and `reached`: the same for all runs of a sweep."""
    course, tapes = prepared.course, prepared.tapes
    recorded = [np.stack((each.open, each.high, each.low, each.close), axis=-1) for each in tapes]
    quoted = [np.stack((each.ask, each.bid, each.bought_at, each.sold_at), axis=-1) for each in tapes]
    decisions = [each.decide_at for each in course.lanes]
    seen = [np.stack((each.low_seen, each.high_seen, each.close_seen), axis=-1) for each in tapes]
    return (
        _table(recorded, course.offsets, course.length),
        _table(quoted, course.offsets, course.length),
        _table(decisions, course.offsets, course.length, NO_DECISION),
        _table(seen),
    )


def _side_by_side(wants: Wanted) -> Iterator[npt.NDArray[Any]]:
    """Yield the arrays of decisions in the order in which the kernel takes them."""
    nothing = [np.zeros(len(each.entry), dtype=np.bool_) for each in wants.wishes]
    for column in zip(*wants.wishes, strict=True):
        yield _table([none if each is None else each for each, none in zip(column, nothing, strict=True)])


def _table(
    parts: Sequence[npt.NDArray[Any]], offsets: Sequence[int] = (), length: int = 0, missing: int = 0
) -> npt.NDArray[Any]:
    """Return one row a lane, each from its offset on, filled up with `missing`."""
    if len(parts) == 1:
        return np.ascontiguousarray(parts[0][np.newaxis])
    length = length or max(map(len, parts))
    table = np.full((len(parts), length, *parts[0].shape[1:]), missing, dtype=parts[0].dtype)
    for row, offset, part in zip(table, offsets or [0] * len(parts), parts, strict=True):
        row[offset : offset + len(part)] = part
    return table
