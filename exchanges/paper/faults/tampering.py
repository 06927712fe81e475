"""What is wrong inside the exchange while it serves one request: plain parameters, by default harmless."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from exchanges.paper.faults.deciding import Hit, chance
from exchanges.paper.faults.plan import CancelRace, Clock, Lag, LateFill, Partial
from exchanges.paper.records import Fill, Order

Row = TypeVar("Row", Order, Fill)


@dataclass(frozen=True, slots=True)
class Lagging:
    """Rows of a `share` of the orders are not seen before they are `length_ms` old."""

    seed: int
    rule: int
    share: float
    length_ms: int

    def hides(self, row: Order | Fill, now_ms: int) -> bool:
        born_ms = row.created_ms if isinstance(row, Order) else row.time_ms
        return now_ms - born_ms < self.length_ms and (
            chance(self.seed, self.rule, f"{row.symbol} {row.order_id}") < self.share
        )


@dataclass(frozen=True, slots=True)
class Tampering:
    """`clock_ms`: what the clock shows beyond the true time. Shares of an order are in percent."""

    clock_ms: int = 0
    lags: tuple[Lagging, ...] = ()
    match_percent: int = 100
    race_percent: int = 0
    late_fill_ms: int | None = None

    def hides(self, row: Order | Fill, now_ms: int) -> bool:
        return any(lag.hides(row, now_ms) for lag in self.lags)

    def visible(self, rows: Iterable[Row], now_ms: int) -> list[Row]:
        """Return the rows that are not lagged away."""
        return [row for row in rows if not self.hides(row, now_ms)]


NOTHING = Tampering()


def tampering(hits: Iterable[Hit], *, seed: int, elapsed_ms: int) -> Tampering:
    """Return what the rules that hit a request do inside the exchange."""
    clock_ms, lags, match_percent, race_percent, late_fill_ms = 0, [], 100, 0, None
    for hit in hits:
        match hit.rule:
            case Clock(offset_ms=offset_ms, drift_ppm=drift_ppm):
                clock_ms += offset_ms + elapsed_ms * drift_ppm // 1_000_000
            case Lag(seconds=seconds, when=when):
                lags.append(Lagging(seed, hit.number, when.probability, int(seconds * 1000)))
            case Partial(percent=percent):
                match_percent = percent
            case CancelRace(percent=percent):
                race_percent = percent
            case LateFill(seconds=seconds):
                late_fill_ms = int(seconds * 1000)
    return Tampering(clock_ms, tuple(lags), match_percent, race_percent, late_fill_ms)
