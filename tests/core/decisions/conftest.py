"""A run of decisions over made-up bars, written down as a stage does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from core.account import AccountKey, Environment
from core.bars import Bars
from core.decisions.book import DECISION, Asked, DecisionBook
from core.decisions.replay import Recorded
from core.gates import StagePlan
from core.journal.chain import plain
from core.stages import STAGES, EntryMode
from core.strategies import FLAT, EntryTerms, MarketView, PositionState, Series, Standing, strategy

TRADED = Series("BTCUSDT", "1m")
ACCOUNT = AccountKey("paper", Environment.TESTNET, "paper", "7")
HELD = Standing(
    PositionState(Decimal("100.5"), 2, terms=EntryTerms(Decimal("0.02"), None, Decimal("0.25"))),
    last_entry_ms=60_000,
    equity=1000.1,
    memory={"won": 0.1},
)


@dataclass
class Written:
    """The notes of a journal, as their events would hold them."""

    events: list[tuple[str, Any]] = field(default_factory=list)

    def record_note(self, kind: str, account: AccountKey | None, payload: Mapping[str, object]) -> None:
        self.events.append((kind, plain(payload, floats_as_text=True)))

    @property
    def decisions(self) -> list[Recorded]:
        found = [payload for kind, payload in self.events if kind == DECISION]
        return [Recorded(number, number, payload) for number, payload in enumerate(found)]


def waves(count: int) -> Bars:
    age = np.arange(count)
    close = np.round(100 * np.exp(0.02 * np.sin(age / 9) + 0.003 * np.sin(age * 1.7)), 2)
    opened = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opened, close) + 0.1, np.minimum(opened, close) - 0.1
    volume = np.asarray(1000 + 7.3 * age, dtype=np.float64)
    return Bars(age * 60_000, opened, high, low, close, volume, 60_000)


def plan_of(name: str) -> StagePlan:
    return StagePlan(STAGES[1], "BTCUSDT", 1, EntryMode.SIGNAL, name, "1m", 0, 60)


def decide_and_record(name: str, bars: Bars, looks: int, journal: Written | None = None) -> Written:
    """Decide on the last closed bars, one after another, flat and in a position by turns."""
    written = journal or Written()
    chosen = strategy(name)
    book = DecisionBook(written, ACCOUNT, "ev00000001", plan_of(name), chosen)
    whole = MarketView(TRADED, {TRADED: bars})
    for index in range(len(bars) - looks, len(bars)):
        view = whole.window(index, chosen.needs(TRADED))
        standing = HELD if index % 2 else FLAT
        decision = chosen.decide(view, standing)
        book.record(Asked.EXIT if index % 2 else Asked.ENTRY, view, standing, decision)
    return written


@pytest.fixture(scope="session")
def ema_run() -> Written:
    return decide_and_record("ema-cross", waves(300), 20)
