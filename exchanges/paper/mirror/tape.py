"""The tape: what was learned of another exchange's market, in a file beside the state."""

from __future__ import annotations

import hashlib
import sqlite3
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from exchanges.paper.market import MINUTE_MS, STEP_MS, TRADES_PER_MINUTE

PATIENCE_MS = MINUTE_MS
"""How long the market stays open when nothing more is learned, and on to the end of that minute."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS bars (
  id INTEGER PRIMARY KEY, symbol TEXT NOT NULL, minute INTEGER NOT NULL, open INTEGER NOT NULL,
  high INTEGER NOT NULL, low INTEGER NOT NULL, close INTEGER NOT NULL, volume INTEGER NOT NULL,
  UNIQUE (symbol, minute)
);
CREATE TABLE IF NOT EXISTS prints (
  id INTEGER PRIMARY KEY, symbol TEXT NOT NULL, step INTEGER NOT NULL, price INTEGER NOT NULL,
  quantity INTEGER NOT NULL, taker_buys INTEGER NOT NULL,
  UNIQUE (symbol, step)
);
CREATE TABLE IF NOT EXISTS known (id INTEGER PRIMARY KEY CHECK (id = 1), step INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS folded (id INTEGER PRIMARY KEY CHECK (id = 1), minute INTEGER NOT NULL);
"""


class TapeBar(NamedTuple):
    """A minute of the other exchange, in ticks and steps; `minute` counts since 1970."""

    minute: int
    open: int
    high: int
    low: int
    close: int
    volume: int

    @property
    def last_step(self) -> int:
        return (self.minute + 1) * TRADES_PER_MINUTE - 1


class Print(NamedTuple):
    """What a poll saw, as the trade of one step."""

    step: int
    price: int
    quantity: int
    taker_buys: bool


class Tape:
    """The tape of one exchange. `known_step`: the last one something is known of; 0 for an empty tape.

    `folded_minute`: no prints are left of minutes before this one, their bars are. `bars` and `prints` hold
    the numbers of a symbol's bars and prints one after the other: a tape grows for weeks, and is made into
    arrays at every step. Prints are in the order of time, bars need not be.
    """

    def __init__(self, folder: Path, url: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(url.encode()).hexdigest()[:12]
        self.url = url
        self.bars: defaultdict[str, array[int]] = defaultdict(lambda: array("q"))
        self.prints: defaultdict[str, array[int]] = defaultdict(lambda: array("q"))
        self.known_step = self.folded_minute = 0
        self._last_bar = self._last_print = 0
        self._db = sqlite3.connect(folder / f"mirror-{digest}.sqlite3", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(_SCHEMA)
        self.read_on()

    def close(self) -> None:
        self._db.close()

    @property
    def end_ms(self) -> int:
        """When the market closes unless more is learned: a whole minute."""
        return -(-(self.known_step * STEP_MS + PATIENCE_MS) // MINUTE_MS) * MINUTE_MS

    def read_on(self) -> None:
        """Read what was added since the last time, by any process."""
        row = self._db.execute("SELECT step FROM known").fetchone()
        known_step = row[0] if row else 0
        if known_step == self.known_step:
            return
        bars = "SELECT * FROM bars WHERE id > ? ORDER BY id"
        for number, symbol, *bar in self._db.execute(bars, (self._last_bar,)):
            self.bars[symbol].extend(bar)
            self._last_bar = number
        prints = "SELECT * FROM prints WHERE id > ? ORDER BY id"
        for number, symbol, *each in self._db.execute(prints, (self._last_print,)):
            self.prints[symbol].extend(each)
            self._last_print = number
        self.known_step = known_step
        row = self._db.execute("SELECT minute FROM folded").fetchone()
        if row and row[0] != self.folded_minute:
            self.folded_minute = row[0]
            self._forget_prints(self.folded_minute * TRADES_PER_MINUTE)

    def add(
        self,
        bars: Iterable[tuple[str, TapeBar]] = (),
        prints: Iterable[tuple[str, Print]] = (),
        *,
        known_step: int,
        folded_minute: int = 0,
    ) -> None:
        """Write on, up to a later step; the caller sees to it that nobody has looked there yet.

        `folded_minute`: forget the prints of minutes before, whose bars are among `bars`.
        """
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(
                "INSERT OR IGNORE INTO bars (symbol, minute, open, high, low, close, volume) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(symbol, *bar) for symbol, bar in bars],
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO prints (symbol, step, price, quantity, taker_buys) "
                "VALUES (?, ?, ?, ?, ?)",
                [(symbol, *each) for symbol, each in prints],
            )
            self._db.execute(
                "INSERT INTO known VALUES (1, ?) "
                "ON CONFLICT (id) DO UPDATE SET step = max(step, excluded.step)",
                (known_step,),
            )
            if folded_minute:
                self._db.execute("DELETE FROM prints WHERE step < ?", (folded_minute * TRADES_PER_MINUTE,))
                self._db.execute("INSERT OR REPLACE INTO folded VALUES (1, ?)", (folded_minute,))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self.read_on()

    def _forget_prints(self, before_step: int) -> None:
        width = len(Print._fields)
        for prints in self.prints.values():
            steps = range(0, len(prints), width)
            del prints[: width * bisect_left(steps, before_step, key=prints.__getitem__)]
