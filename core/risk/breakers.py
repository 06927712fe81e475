"""When trading has to pause: what each breaker measures, and where it trips.

A breaker latches in the journal, for every process and across restarts, and binds what increases risk alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from core.clock import iso_utc
from core.values import EXACT, Quote, decimal_text

if TYPE_CHECKING:  # numpy loads only where bars are looked at
    from core.bars import Bars

PAUSE_MS = 15 * 60_000
"""How long after an extreme move no entry follows."""
SIGMA_BARS = 60
MOVE_BARS = 5
MINUTES_USED = PAUSE_MS // 60_000 + SIGMA_BARS + 1
"""Minute bars that tell of every extreme move which has not lapsed yet."""
CALM_MOVE = 0.005
"""Where nothing moved for an hour, what a minute may move."""


UNTIL_RESET_MS = 253_402_300_799_000
"""The end of the year 9999, where only a human lifts a breaker."""


class Breaker(StrEnum):
    DAILY_DRAWDOWN = "daily-drawdown"
    PEAK_DRAWDOWN = "peak-drawdown"
    CONSECUTIVE_LOSSES = "consecutive-losses"
    EXTREME_MARKET = "extreme-market"


ENDS_POSITIONS = frozenset({Breaker.DAILY_DRAWDOWN, Breaker.PEAK_DRAWDOWN})
"""What a position is sold for that a run holds; at the others it keeps its stop and its rules."""


@dataclass(frozen=True, slots=True)
class LatchedBreaker:
    """`since_ms`: by the journal's clock; `until_ms`: by the venue's, when it lapses by itself."""

    breaker: Breaker
    reason: str
    since_ms: int
    until_ms: int

    @property
    def way_out(self) -> str:
        return f'trader resume --breaker {self.breaker} --reason "…"'

    def __str__(self) -> str:
        end = "a human resets it" if self.until_ms >= UNTIL_RESET_MS else iso_utc(self.until_ms)
        return f"{self.breaker} since {iso_utc(self.since_ms)} until {end}: {self.reason}"


@dataclass(frozen=True, slots=True)
class DayOpening:
    """The account as it was first seen on a UTC day, in one quote asset. Drawdown is counted from here.

    `profit`: realized since ever and unrealized then: what changes it since is neither deposit nor
    withdrawal. `at_ms`: venue time.
    """

    day: int
    equity: Quote
    profit: Quote
    at_ms: int


def drawdown(opening: DayOpening, profit: Quote, limit_rate: Decimal) -> str:
    """Say how much of the day's opening equity is lost when that reaches the limit, "" before.

    `limit_rate`: fraction of the opening equity. `profit`: as in the opening, now.
    """
    lost = opening.profit - profit
    allowed = EXACT.multiply(opening.equity.value, limit_rate)
    if lost.value <= 0 or lost.value < allowed:
        return ""
    return (
        f"{lost} of the day's opening equity {opening.equity} is lost, realized and unrealized; "
        f"the limit is the fraction {decimal_text(limit_rate)}, {decimal_text(allowed)}"
    )


def lost_rate(opening: DayOpening, profit: Quote) -> Decimal | None:
    """Return the share of the day's opening equity that is lost, below 0 for a gain; None where it was 0."""
    if opening.equity.value <= 0:
        return None
    return (opening.profit - profit).value / opening.equity.value


def fall_from_peak(peak: Quote, profit: Quote, equity: Quote, limit_rate: Decimal) -> str:
    """Say how much of the equity at its peak is lost when that reaches the limit, "" before.

    `peak`: the highest that `profit` was. The peak's equity is what there would be now without the fall: what
    was deposited or withdrawn since is in both.
    """
    lost = peak - profit
    at_peak = equity + lost
    allowed = EXACT.multiply(at_peak.value, limit_rate)
    if lost.value <= 0 or lost.value < allowed:
        return ""
    return (
        f"{lost} of the peak's equity {at_peak} is lost, realized and unrealized; "
        f"the limit is the fraction {decimal_text(limit_rate)}, {decimal_text(allowed)}"
    )


def losses_in_a_row(newest_first: Iterable[Decimal]) -> int:
    """Count the losses since the last trade with a profit; one that earned nothing changes nothing."""
    count = 0
    for earned in newest_first:
        if earned > 0:
            break
        count += earned < 0
    return count


@dataclass(frozen=True, slots=True)
class ExtremeMove:
    """The newest one. `close_ms`: the end of the minute in which it was seen."""

    close_ms: int
    reason: str

    @property
    def until_ms(self) -> int:
        return self.close_ms + PAUSE_MS


def extreme_move(minutes: Bars, *, sigmas: float, move_rate: float) -> ExtremeMove | None:
    """Return the newest extreme move in the last `PAUSE_MS` of closed minute bars, None when there is none.

    Extreme is a minute that moved more than `sigmas` standard deviations of the 60 minutes before, or more
    than 0.5 % where these did not move at all; or five minutes that moved by the fraction `move_rate`.
    """
    import numpy as np

    close = minutes.close
    returns = close[1:] / close[:-1] - 1
    for index in range(len(close) - 1, max(0, len(close) - 1 - PAUSE_MS // 60_000), -1):
        ends_ms = int(minutes.open_time_ms[index]) + minutes.interval_ms
        moved, before = float(returns[index - 1]), returns[max(0, index - 1 - SIGMA_BARS) : index - 1]
        if len(before) == SIGMA_BARS:
            sigma = float(np.std(before))
            if abs(moved) > (sigmas * sigma if sigma > 0 else CALM_MOVE):
                said = f"{sigmas:g} standard deviations of the hour before, {sigmas * sigma:.3%}"
                limit = said if sigma > 0 else f"{CALM_MOVE:.1%} after an hour of no move"
                return ExtremeMove(ends_ms, f"a minute moved {moved:+.3%}, more than {limit}")
        if index >= MOVE_BARS:
            first, last = float(close[index - MOVE_BARS]), float(close[index])
            if abs(last - first) >= move_rate * first:
                told = f"five minutes moved {last / first - 1:+.3%}; {move_rate:.3%} is extreme"
                return ExtremeMove(ends_ms, told)
    return None
