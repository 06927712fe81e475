"""Charts over time as inline SVG: axes with dates and values, curves, areas, strokes; no script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from math import ceil, floor, log10

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 960, 76, 12, 10, 24
_LINES, _DATES = 5, 7
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS = 86_400_000

Point = tuple[float, float]
"""(time in ms, value)"""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where times and values lie in a picture of `height`; `low` is below `high`."""

    start_ms: float
    end_ms: float
    low: float
    high: float
    height: int

    def x(self, time_ms: float) -> float:
        return LEFT + (time_ms - self.start_ms) / (self.end_ms - self.start_ms) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * (self.height - TOP - BOTTOM)

    def path(self, points: Iterable[Point]) -> str:
        return " ".join(f"{self.x(time_ms):.1f},{self.y(value):.1f}" for time_ms, value in points)


def frame(points: Sequence[Point], height: int) -> Frame:
    """Return a frame that holds the points, with a little air above and below."""
    low, high = min(value for _, value in points), max(value for _, value in points)
    air = (high - low) * 0.04 or abs(high) * 0.01 or 1.0
    start, end = points[0][0], points[-1][0]
    return Frame(start, max(end, start + 1), low - air, high + air, height)


def picture(around: Frame, label: str, parts: Iterable[str], unit: str = "") -> Iterator[str]:
    """Yield an SVG element with axes and the given parts."""
    yield f'<svg viewBox="0 0 {WIDTH} {around.height}" role="img" aria-label="{escape(label)}">'
    for value in _round_values(around.low, around.high):
        y = around.y(value)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.10g}{escape(unit)}</text>'
    for number in range(_DATES):
        time_ms = around.start_ms + (around.end_ms - around.start_ms) * number / (_DATES - 1)
        anchor = "start" if number == 0 else "end" if number == _DATES - 1 else "middle"
        yield (
            f'<text x="{around.x(time_ms):.1f}" y="{around.height - 6}" text-anchor="{anchor}">'
            f"{_date(time_ms, around.end_ms - around.start_ms)}</text>"
        )
    yield from parts
    yield "</svg>"


def curve(around: Frame, points: Iterable[Point], name: str) -> str:
    return f'<polyline class="{name}" points="{around.path(points)}"/>'


def area(around: Frame, upper: Sequence[Point], lower: Sequence[Point], name: str) -> str:
    """Return what lies between two curves."""
    return f'<polygon class="{name}" points="{around.path(upper)} {around.path(reversed(lower))}"/>'


def strokes(around: Frame, lines: Iterable[tuple[Point, Point]], name: str) -> str:
    """Return straight lines; one of no length is a dot."""
    moves = "".join(
        f"M{around.x(a[0]):.1f} {around.y(a[1]):.1f}L{around.x(b[0]):.1f} {around.y(b[1]):.1f}"
        for a, b in lines
    )
    return f'<path class="{name}" d="{moves}"/>' if moves else ""


def _round_values(low: float, high: float) -> Iterator[float]:
    step = 10 ** floor(log10((high - low) / _LINES))
    step = next(step * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (step * factor) <= _LINES + 1)
    number = ceil(low / step)
    while number * step <= high:
        yield number * step
        number += 1


def _date(time_ms: float, span_ms: float) -> str:
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    return f"{moment:%Y-%m-%d}" if span_ms > _DATES * _DAY_MS else f"{moment:%m-%d %H:%M}"
