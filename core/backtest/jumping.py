"""The quick engine for one run: from each thing that happens to the next, by the kernel's own rules.

Bars in which nothing happens are only searched, and nothing has to be compiled first. A symbol is a generator
that yields the bar at which it trades next; the earliest of them goes first, because they share a wallet.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.backtest import kernel
from core.backtest.arrays import Prepared, Wanted
from core.backtest.market import decimal_of, units
from core.backtest.outcome import Column, Counts, Exit, Outcome
from core.backtest.setup import NO_DECISION
from core.bars import BoolArray, IntArray
from core.matching import UNIT
from core.strategies.decision import Action, Standing

_NOWHERE, _DAY_MS = 1 << 62, 86_400_000
_BLOCK = 64
"""Bars that are searched at once to begin with: most positions end within so many."""


def run_jumping(prepared: Prepared, wants: Wanted) -> Outcome:
    """Do over a course what a strategy wants, with the same result as `run_plain`."""
    books = _Books(units(prepared.setup.balance.value))
    lanes = [_Lane(prepared, wants, number, books) for number in range(len(prepared.tapes))]
    books.lanes = lanes
    _trade(lanes, books)
    *counted, count = books.counts
    trades = np.array(books.trades[:count], dtype=np.int64).reshape(-1, kernel.TRADE_COLUMNS)
    length = prepared.course.length
    equity: IntArray = books.free.over(length) + sum(each.worth_over(length) for each in lanes)
    return Outcome(trades, equity, Counts(*counted), engine="jumping", signals=wants.signals)


@dataclass(slots=True)
class _Steps:
    """A number that changes now and then: `values[i]` from the end of bar `bars[i]` on."""

    bars: list[int]
    values: list[int]

    def add(self, bar: int, value: int) -> None:
        self.bars.append(bar)
        self.values.append(value)

    def at(self, bar: int) -> int:
        """Return the number at the end of a bar."""
        return self.values[max(0, bisect_right(self.bars, bar) - 1)]

    def over(self, length: int) -> IntArray:
        return np.repeat(np.array(self.values, dtype=np.int64), np.diff([*self.bars, length]))


class _Books:
    """What all symbols share; lists in the kernel's order."""

    lanes: Sequence[_Lane]

    def __init__(self, balance: int) -> None:
        self.money = [balance, balance]
        self.counts = [0] * 5
        self.trades = [[0] * kernel.TRADE_COLUMNS]
        self.free = _Steps([0], [balance])

    def equity(self, bar: int) -> int:
        """Return the equity at the close of a bar that is over; −1: at the start."""
        return self.free.at(bar) + sum(each.worth(bar) for each in self.lanes)


class _Lane:
    """One symbol. Its bars are counted from its own first; its decisions too, and are evenly spaced."""

    def __init__(self, prepared: Prepared, wants: Wanted, number: int, books: _Books) -> None:
        lane, tape, wishes = prepared.course.lanes[number], prepared.tapes[number], wants.wishes[number]
        self.number, self.offset, self.books, self.tape = number, prepared.course.offsets[number], books, tape
        self.end = len(tape.open)
        self.rules: list[int] = wants.rules.tolist()
        self.sizes: list[int] = prepared.sizes[number].tolist()
        self.terms: list[list[int]] = wants.terms.tolist()
        self.slot: list[int] = kernel.new_slots(1)[0].tolist()
        self.held = _Steps([0], [0])
        self.course = prepared.course
        self.evaluation = wants.evaluations[number] if wants.signals[number].confirm else None
        self.last_entry_ms: int | None = None
        self.last_stop_ms: int | None = None
        at = np.flatnonzero(lane.decide_at != NO_DECISION)
        self.count, self.every = len(at), int(at[1] - at[0]) if len(at) > 1 else 1
        self.first_bar = int(at[0]) if len(at) else self.end
        self.first = int(lane.decide_at[at[0]]) if len(at) else 0
        part = slice(self.first, self.first + self.count)
        on_close = self.rules[kernel.ON_CLOSE]
        self.low = (tape.close_seen if on_close else tape.low_seen)[part]
        self.high = (tape.close_seen if on_close else tape.high_seen)[part]
        self.entries, self.shorts = _where(wishes.entry[part] > 0), _where(wishes.entry[part] < 0)
        self.terms_at = wishes.terms_at[part]
        self.leaves, self.leaves_held, self.rearms = (
            [] if each is None else _where(each[part])
            for each in (wishes.leave, wishes.leave_held, wishes.rearm)
        )

    def life(self) -> Iterator[int]:
        """Yield the bar of what comes next; it is done when the generator goes on."""
        slot, books = self.slot, self.books
        decision: int | None = 0
        while decision is not None:
            entering = yield from self._entering(decision)
            bar = self._due(entering)
            if bar == self.end:
                return
            yield bar
            slot[kernel.TERMS] = int(self.terms_at[entering])
            term = self.terms[slot[kernel.TERMS]]
            if term[kernel.FRACTION] >= 0:
                books.money[kernel.EQUITY] = books.equity(bar + self.offset - 1)
            kernel.enter(
                self.rules,
                int(self.tape.ask[bar]),
                int(self.tape.bought_at[bar]),
                term,
                self.sizes,
                slot,
                books.money,
                books.counts,
                books.trades,
                self.number,
                bar + self.offset,
            )
            if slot[kernel.ROW] < 0:
                decision = self._after(bar)
            else:
                books.trades.append([0] * kernel.TRADE_COLUMNS)
                self.last_entry_ms, self.last_stop_ms = self._close_ms(entering), None
                decision = yield from self._position(bar, entering)

    def _entering(self, decision: int) -> Generator[int, None, int]:
        """Return the next decision that enters, `count` for none, and count those that would go short."""
        counts = self.books.counts
        if self.evaluation is None:
            entering = self._from(self.entries, decision)
            counts[kernel.SHORTS] += bisect_left(self.shorts, entering) - bisect_left(self.shorts, decision)
            return entering
        while (
            decision := min(self._from(self.entries, decision), self._from(self.shorts, decision))
        ) < self.count:
            yield self._bar(decision)
            action = self.evaluation.decide(self.first + decision, self._standing(decision)).action
            if action is Action.ENTER_LONG:
                break
            counts[kernel.SHORTS] += action is Action.ENTER_SHORT
            decision += 1
        return decision

    def _standing(self, decision: int) -> Standing:
        """Return where the account stands as a decision is made while flat, as the plain engine tells it."""
        bar, way = self._bar(decision) + self.offset, self.course
        into_day = (way.start_ms + bar * way.interval_ms) % _DAY_MS // way.interval_ms
        equity, opening = self.books.equity(bar - 1), self.books.equity(max(bar - into_day, 0) - 1)
        return Standing(
            last_entry_ms=self.last_entry_ms,
            last_stop_ms=self.last_stop_ms,
            drawdown_rate=(opening - equity) / opening if opening > 0 else None,
            equity=float(decimal_of(equity)),
        )

    def _close_ms(self, decision: int) -> int:
        """Return when the bar closed that a decision is made of."""
        return self.course.start_ms + (self._bar(decision) + self.offset) * self.course.interval_ms

    def _position(self, entered: int, entering: int) -> Generator[int, None, int | None]:
        """Go through a position; return the first decision that may enter after it, None: it stays open."""
        slot, books, rules, tape = self.slot, self.books, self.rules, self.tape
        leaving = self._leaving(entered, entering)
        since, due = entered, self._due(leaving)
        while True:
            touched = _first(tape.low, tape.high, slot[kernel.STOP], slot[kernel.TARGET] + 1, since, due)
            if touched < due:
                yield touched
                opened, low, high = (int(each[touched]) for each in (tape.open, tape.low, tape.high))
                bar = touched + self.offset
                trade = books.trades[slot[kernel.ROW]]
                kernel.pass_through(
                    rules, opened, low, high, self.sizes, slot, books.money, books.trades, bar
                )
                if trade[Column.EXIT] == Exit.STOP:
                    self.last_stop_ms = self._close_ms(self._after(touched))
                return self._next_entry(touched, due if self._bar(leaving) <= touched else touched)
            if due == self.end:
                return None
            yield due
            bid, price, bar = int(tape.bid[due]), int(tape.sold_at[due]), due + self.offset
            kernel.leave(rules, bid, price, self.sizes, slot, books.money, books.counts, books.trades, bar)
            if slot[kernel.ROW] < 0:
                return self._after(due)
            since, due = due, due + 1

    def _leaving(self, entered: int, entering: int) -> int:
        """Return the decision that leaves a position, unless stop or target end it before."""
        earliest, held_from = self._after(entered), entering + self.rules[kernel.MIN_HOLD]
        signal = self._from(self.leaves, earliest)
        if self.leaves_held:
            signal = min(signal, self._from(self.leaves_held, max(earliest, held_from)))
        price, term = self.books.trades[self.slot[kernel.ROW]][2], self.terms[self.slot[kernel.TERMS]]
        lowest = price * (UNIT - term[kernel.STOP_RATE]) // UNIT
        target = term[kernel.TARGET_RATE]
        highest = -(-price * (UNIT + target) // UNIT) if target >= 0 else _NOWHERE
        return _first(self.low, self.high, lowest, highest, earliest, signal)

    def _next_entry(self, ended: int, ordered: int) -> int:
        """Return the first decision that may enter after stop or target; an exit was `ordered` for a bar."""
        aware = self._after(ended)
        first = max(aware + 1, self._after(ordered))  # a bar that exits never enters
        if not self.slot[kernel.ARMED]:
            first = max(first, self._from(self.rearms, aware))
        return first

    def _from(self, decisions: list[int], first: int) -> int:
        """Return the first of these decisions from `first` on, `count` when there is none."""
        at = bisect_left(decisions, first)
        return decisions[at] if at < len(decisions) else self.count

    def _after(self, bar: int) -> int:
        """Return the first decision that is made after the open of a bar."""
        return min((bar - self.first_bar) // self.every + 1, self.count)

    def _bar(self, decision: int) -> int:
        """Return the bar at whose open a decision is made, `end` for none."""
        return self.first_bar + decision * self.every if decision < self.count else self.end

    def _due(self, decision: int) -> int:
        """Return the bar at whose open the order of a decision fills, `end` for none."""
        return min(self._bar(decision) + self.rules[kernel.BARS_LATE], self.end)

    def worth(self, bar: int) -> int:
        """Return what was held was worth at the close of a bar of the course, or at the last one."""
        held, at = self.held.at(bar), min(bar - self.offset, self.end - 1)
        return kernel.worth_of(held, int(self.tape.close[at]) * self.sizes[kernel.TICK]) if held else 0

    def worth_over(self, length: int) -> IntArray:
        """Return what was held was worth at the close of each bar of the course."""
        prices = self.tape.close * self.sizes[kernel.TICK]
        if length > self.end:
            prices = np.pad(prices, (self.offset, length - self.offset - self.end), mode="edge")
        return kernel.worth_of(self.held.over(length), prices)


def _trade(lanes: Sequence[_Lane], books: _Books) -> None:
    lives = [each.life() for each in lanes]
    queue = [
        (lane.offset + bar, lane.number)
        for lane, life in zip(lanes, lives, strict=True)
        if (bar := next(life, None)) is not None
    ]
    heapq.heapify(queue)
    while queue:
        bar, number = queue[0]
        upcoming = next(lives[number], None)
        books.free.add(bar, books.money[kernel.FREE])
        lanes[number].held.add(bar, lanes[number].slot[kernel.HELD])
        if upcoming is None:
            heapq.heappop(queue)
        else:
            heapq.heapreplace(queue, (lanes[number].offset + upcoming, number))


def _first(low: IntArray, high: IntArray, lowest: int, highest: int, start: int, end: int) -> int:
    """Return the first place in [start, end) with low ≤ `lowest` or high ≥ `highest`, `end` for none."""
    size = _BLOCK
    while start < end:
        until = min(start + size, end)
        reached = (low[start:until] <= lowest) | (high[start:until] >= highest)
        at = int(reached.argmax())
        if reached[at]:
            return start + at
        start, size = until, 4 * size
    return end


def _where(flags: BoolArray) -> list[int]:
    found: list[int] = np.flatnonzero(flags).tolist()
    return found
