"""Charts over time as inline SVG: axes with dates and values, curves, areas, strokes; no script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from math import ceil, floor, log10

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 960, 76, 12, 10, 24
_LINES, _DATES = 5, 7
STYLE = """
svg { width: 100%; height: auto; display: block; overflow: visible; }
svg text { font-size: 11px; fill: currentColor; opacity: .75; }
.grid { stroke: #8884; } polyline, path { fill: none; vector-effect: non-scaling-stroke; }
.equity { stroke: #1a73e8; stroke-width: 1.6; } .hint { fill: transparent; } .hint:hover { fill: #8883; }
@media (max-width: 640px) { svg text { font-size: 24px; } svg .odd { display: none; } }
"""
"""What a page with pictures has among its styles."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS, _MINUTE_MS = 86_400_000, 60_000

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
    for number, value in enumerate(_round_values(around.low, around.high)):
        y = around.y(value)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(number, LEFT - 6, y + 4, "end", f"{value:.10g}{unit}")
    for number in range(_DATES):
        time_ms = around.start_ms + (around.end_ms - around.start_ms) * number / (_DATES - 1)
        anchor = "start" if number == 0 else "end" if number == _DATES - 1 else "middle"
        date = _date(time_ms, around.end_ms - around.start_ms)
        yield _text(number, around.x(time_ms), around.height - 6, anchor, date)
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


def hints(around: Frame, texts: Sequence[tuple[float, str]]) -> Iterator[str]:
    """Yield what a pointer is told: each text holds from its time to the next one's."""
    ends = [*(time_ms for time_ms, _ in texts[1:]), around.end_ms]
    for (time_ms, text), end_ms in zip(texts, ends, strict=True):
        left, right = around.x(time_ms), around.x(end_ms)
        yield (
            f'<rect class="hint" x="{left:.1f}" y="0" width="{right - left:.1f}" height="{around.height}">'
            f"<title>{escape(text)}</title></rect>"
        )


def hinted(part: str, text: str) -> str:
    """Return a part that tells a pointer, or who reads the picture aloud, what it is."""
    return f"<g><title>{escape(text)}</title>{part}</g>"


def _text(number: int, x: float, y: float, anchor: str, text: str) -> str:
    """Return a label; a narrow screen has room for every other one."""
    name = ' class="odd"' if number % 2 else ""
    return f'<text{name} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _round_values(low: float, high: float) -> Iterator[float]:
    step = 10 ** floor(log10((high - low) / _LINES))
    step = next(step * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (step * factor) <= _LINES + 1)
    number = ceil(low / step)
    while number * step <= high:
        yield number * step
        number += 1


def _date(time_ms: float, span_ms: float) -> str:
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    if span_ms > _DATES * _DAY_MS:
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%m-%d %H:%M}" if span_ms > _DATES * _MINUTE_MS else f"{moment:%H:%M:%S}"
