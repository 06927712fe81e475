"""The market that a tape makes of one symbol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchanges.paper.market import MINUTE_MS, TRADES_PER_MINUTE, Market, SymbolSpec, hashing
from exchanges.paper.market.bar_market import BarMarket
from exchanges.paper.market.model import Ints
from exchanges.paper.market.trades import Outline, Trades, fill
from exchanges.paper.mirror.tape import Print, Tape, TapeBar


def mirrored(tape: Tape, spec: SymbolSpec) -> Market:
    """Return the market of a symbol that the tape has bars of: from its first bar until the tape's end."""
    trades = TapeTrades.of(tape, spec)
    start_ms = int(trades.minutes[0]) * MINUTE_MS
    return BarMarket(spec, trades, seed=0, start_ms=start_ms, end_ms=tape.end_ms)


def folded(tape: Tape, spec: SymbolSpec, end_minute: int) -> list[TapeBar]:
    """Return the bars that the prints of a symbol make up in the minutes before one."""
    steps = np.array(tape.prints[spec.symbol], dtype=np.int64)[:: len(Print._fields)]
    minutes = np.unique(steps // TRADES_PER_MINUTE)
    minutes = minutes[minutes < end_minute]
    if not len(minutes):
        return []
    first = int(minutes[0])
    bars = mirrored(tape, spec).minutes(first, int(minutes[-1]) - first + 1)
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    rows = np.stack([minutes, *(column[minutes - first] for column in columns)], axis=1)
    return [TapeBar(*row) for row in rows.tolist()]


@dataclass(frozen=True, eq=False)
class TapeTrades:
    """The trades of a tape: those of bars where it has one, else its prints, each until the next.

    `known`: steps after which the price is known, sorted, and what is known of each.
    """

    stream: np.uint64
    minutes: Ints
    bars: Ints
    known: Ints
    price: Ints
    quantity: Ints
    taker_buys: NDArray[np.bool_]
    bar_steps: int = TRADES_PER_MINUTE

    @classmethod
    def of(cls, tape: Tape, spec: SymbolSpec) -> TapeTrades:
        bars = np.array(tape.bars[spec.symbol], dtype=np.int64).reshape(-1, len(TapeBar._fields))
        bars = bars[np.argsort(bars[:, 0], kind="stable")]
        minutes, closes = bars[:, 0], bars[:, 4]
        ends = np.stack(
            [(minutes + 1) * TRADES_PER_MINUTE - 1, closes, np.ones_like(closes), np.zeros_like(closes)],
            axis=1,
        )
        prints = np.array(tape.prints[spec.symbol], dtype=np.int64).reshape(-1, len(Print._fields))
        known = np.concatenate([ends, prints])
        known = known[np.argsort(known[:, 0], kind="stable")]
        return cls(
            stream=hashing.key(0, spec.symbol, "trades"),
            minutes=minutes,
            bars=bars[:, 1:].T,
            known=known[:, 0],
            price=known[:, 1],
            quantity=known[:, 2],
            taker_buys=known[:, 3].astype(np.bool_),
        )

    def __call__(self, first: int, end: int) -> Iterator[Trades]:
        """Yield the trades of whole minutes from step `first` to step `end`."""
        size = self.bar_steps
        minutes = np.arange(first // size, end // size)
        steps = size * minutes + np.arange(size)[:, None]
        at = np.maximum(np.searchsorted(self.known, steps, side="right") - 1, 0)
        happened = self.known[at] == steps
        quantity = np.where(happened, self.quantity[at], 1)
        seen = Trades(self.price[at], quantity, self.taker_buys[at])
        bar = np.minimum(np.searchsorted(self.minutes, minutes), len(self.minutes) - 1)
        has_bar = self.minutes[bar] == minutes
        if has_bar.any():
            filled = fill(Outline(*self.bars[:, bar]), self.stream, first, size)
            for column, of_bars in (
                (seen.price, filled.price),
                (seen.quantity, filled.quantity),
                (seen.taker_buys, filled.taker_buys),
            ):
                column[:, has_bar] = of_bars[:, has_bar]
        yield seen
