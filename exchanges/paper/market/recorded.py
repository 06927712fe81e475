"""Recorded markets: bars of the past, replayed on a shifted clock.

**Numbers.** Prices go to the nearest tick: recordings carry the noise of a float (0.09946999000000001) and
the finer ticks of other venues and years, and rounding keeps the order of open, high, low and close. A tick
so coarse that it moves a price by more than 5 bps is refused, since then the recording is not of this
symbol. Volumes are cut to whole steps; a bar has at least one step for each of its trades. Bars longer than
a minute are walked through by their trades like minute bars, so finer intervals can be asked for; at the
recording's own interval the klines have its prices. Quote volume, trade count and the taker's share follow
from the trades, not from the recording.

**Clock.** Times are shifted by whole weeks, in a short recording by whole days or hours (one made of trades:
minutes), so that weekdays, or at least hours or minutes, stay what they were. At the anchor at least 2,000
minutes are history (a quarter of a recording that is shorter than 8,000), at most one unit of the shift
more, and never more than half. Recordings of several symbols are shifted alike, by the span they all cover,
so that what happened at the same time still does; where that span is too short, each by itself.

**End.** After the last bar the market is closed: `end_ms`, last price, no trades, empty book. It never
starts again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from exchanges.paper.market import hashing
from exchanges.paper.market.bar_market import BarMarket
from exchanges.paper.market.filled_bars import FilledBars
from exchanges.paper.market.klines import DAY_MS, WEEK_MS
from exchanges.paper.market.model import MINUTE_MS, TRADES_PER_MINUTE, Market, MarketFileError, SymbolSpec
from exchanges.paper.market.trades import Outline

BAR_MINUTES = (1, 3, 5, 15, 30, 60, 120, 240, 360, 480, 720, 1440)
ROUNDING_LIMIT = Decimal("0.0005")
_HISTORY_MS = 2000 * MINUTE_MS
_HOUR_MS = 60 * MINUTE_MS


@dataclass(frozen=True)
class Recording:
    """The bars of a file on the file's own clock. `of_trades`: it may be short, and is shifted by minutes."""

    path: Path
    start_ms: int
    bar_minutes: int
    bars: Outline
    of_trades: bool = False

    @property
    def end_ms(self) -> int:
        return self.start_ms + len(self.bars.open) * self.bar_minutes * MINUTE_MS


def replayed(recording: Recording, spec: SymbolSpec, *, shift_ms: int) -> Market:
    """Return the market that a recording makes of a symbol, so much later than it was."""
    start_ms = recording.start_ms + shift_ms
    first_bar = start_ms // (recording.bar_minutes * MINUTE_MS)

    def source(first: int, count: int) -> Outline:
        return recording.bars.cut(first - first_bar, first - first_bar + count)

    stream = hashing.key(0, spec.symbol, "trades")
    trades = FilledBars(source, stream, recording.bar_minutes * TRADES_PER_MINUTE)
    return BarMarket(spec, trades, seed=0, start_ms=start_ms, end_ms=recording.end_ms + shift_ms)


def shifts(recordings: Mapping[str, Recording], anchor_ms: int) -> dict[str, int]:
    """Return how much later each symbol's recording is replayed, laid out around the time `anchor_ms`.

    The same recordings and anchor give the same shifts. Raises MarketFileError for one that is too short.
    """
    each = list(recordings.values())
    start_ms, end_ms = max(one.start_ms for one in each), min(one.end_ms for one in each)
    common = _shift(start_ms, end_ms, _units(each), anchor_ms)
    if common is not None:
        return dict.fromkeys(recordings, common)
    return {symbol: _own_shift(recording, anchor_ms) for symbol, recording in recordings.items()}


def _own_shift(recording: Recording, anchor_ms: int) -> int:
    units = _units([recording])
    shift = _shift(recording.start_ms, recording.end_ms, units, anchor_ms)
    if shift is None:
        minutes, needed = (recording.end_ms - recording.start_ms) // MINUTE_MS, 4 * units[-1] // MINUTE_MS
        reason = f"holds too few bars: {minutes} minutes, at least {needed} are needed"
        raise MarketFileError(recording.path, None, reason)
    return shift


def _units(recordings: list[Recording]) -> list[int]:
    """Return what the clock may be shifted by, the largest first: no bar may be cut."""
    shortest = MINUTE_MS if all(each.of_trades for each in recordings) else _HOUR_MS
    return [
        unit
        for unit in (WEEK_MS, DAY_MS, _HOUR_MS, MINUTE_MS)
        if unit >= shortest and all(unit % (each.bar_minutes * MINUTE_MS) == 0 for each in recordings)
    ]


def _shift(start_ms: int, end_ms: int, units: list[int], anchor_ms: int) -> int | None:
    length_ms = end_ms - start_ms
    history_ms = min(_HISTORY_MS, length_ms // 4)
    for unit in units:
        if history_ms + unit <= length_ms // 2:
            return (anchor_ms - start_ms - history_ms) // unit * unit
    return None
