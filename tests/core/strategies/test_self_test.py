"""The self-test of strategies that have none: each way to fail it, shown by a strategy with that fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pytest

from core.bars import Bars
from core.strategies import FLAT, Action, Decision, MarketView, Series, Signals, Standing, self_test, strategy
from core.strategies.decision import EntryTerms
from core.strategies.evaluation import ArrayEvaluation, Reasons
from core.strategies.self_test import SelfTestReason

COUNT = 30


@dataclass
class Faulty:
    """A strategy with a fault of choice. `asked`: how often it was."""

    fault: str = ""
    asked: int = 0
    parameters: None = None
    name: str = "faulty"
    summary: str = "has a fault"
    stop_loss_rate: Decimal = Decimal("0.01")
    take_profit_rate: Decimal | None = None
    needed: Mapping[str, int] = field(default_factory=lambda: {"1m": 20})

    def needs(self, traded: Series) -> dict[Series, int]:
        return {Series(traded.symbol, interval): count for interval, count in self.needed.items()}

    def decide(self, view: MarketView, standing: Standing = FLAT) -> Decision:
        self.asked += 1
        value = None if self.fault == "undefined" else float(view.bars.close[-1])
        if self.fault == "restless":
            value = float(self.asked)
        return Decision(Action.STAY_FLAT, "NOTHING", 0, {"close": value} if self.fault != "mute" else {})


@dataclass
class Foreseeing(Faulty):
    """One that also computes all bars at once, and normalizes by the last of them."""

    def evaluate(self, view: MarketView) -> ArrayEvaluation:
        values = view.bars.close / view.bars.close[-1] if self.fault else view.bars.close
        none, nothing = np.zeros(len(values), dtype=bool), np.full(len(values), np.nan)
        signals = Signals(none.astype(np.int8), none, none, nothing, nothing)
        reasons = Reasons("ENTER", "LEAVE")
        return ArrayEvaluation(view.bars, signals, reasons, EntryTerms(Decimal("0.01")), {"close": values})


def view() -> MarketView:
    price = np.arange(100.0, 100.0 + COUNT)
    return MarketView.of(Bars(np.arange(COUNT) * 60_000, price, price, price, price, price, 60_000), "X")


@pytest.mark.parametrize(
    ("faulty", "reason", "detail"),
    [
        (Faulty(), SelfTestReason.PASSED, "defined, repeatable and blind to the future on 30 bars"),
        (Faulty(needed={"1m": 31}), SelfTestReason.NOT_ENOUGH_BARS, "30 closed bars of X 1m, 31 are needed"),
        (Faulty(needed={"5m": 1}), SelfTestReason.NOT_ENOUGH_BARS, "0 closed bars of X 5m, 1 are needed"),
        (Faulty("undefined"), SelfTestReason.UNDEFINED, "close is undefined at the last bar"),
        (Faulty("mute"), SelfTestReason.UNDEFINED, "everything is undefined at the last bar"),
        (Faulty("restless"), SelfTestReason.NOT_REPEATABLE, "another decision the second time"),
        (Foreseeing(), SelfTestReason.PASSED, "30 bars"),
        (Foreseeing("foresight"), SelfTestReason.LOOKS_AHEAD, "the last 8 bars change values before them"),
    ],
)
def test_fault_is_found(faulty: Faulty, reason: SelfTestReason, detail: str) -> None:
    result = self_test(faulty, view())
    assert result.reason == reason
    assert detail in result.detail
    assert result.ok is (reason is SelfTestReason.PASSED)


def test_strategy_with_a_self_test_of_its_own_makes_it() -> None:
    assert self_test(strategy("coherence"), view()).detail == "30 closed bars, 162 are needed"
