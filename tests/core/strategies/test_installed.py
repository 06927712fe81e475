"""A strategy of the user's own: the one of the docs, and those that are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.bars import Bars
from core.operations.strategies import strategy_cards
from core.strategies import (
    Action,
    MarketView,
    PositionState,
    Standing,
    evidence_of,
    known_strategies,
    self_test,
    strategy,
)
from core.strategies.self_test import SelfTestReason
from tests.core.strategies.installed import documented_strategy, install

CODE_LINES_MAX = 35


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.fixture
def breakout(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site, "breakout", documented_strategy(), "Breakout")
    monkeypatch.delitem(__import__("sys").modules, "breakout", raising=False)


def bars_to(*closes: float) -> Bars:
    price = np.append(np.full(20, 100.0), closes)
    return Bars(np.arange(len(price)) * 60_000, price, price, price, price, np.ones(len(price)), 60_000)


@pytest.mark.usefixtures("breakout")
def test_documented_strategy_is_found_and_decides() -> None:
    assert "breakout" in known_strategies()
    found = strategy("breakout")
    assert found.decide(MarketView.of(bars_to(101.0))).action is Action.ENTER_LONG
    assert found.decide(MarketView.of(bars_to(100.0))).action is Action.STAY_FLAT
    held = Standing(PositionState(found.stop_loss_rate, 1))
    assert found.decide(MarketView.of(bars_to(99.0)), held).action is Action.EXIT
    assert found.decide(MarketView.of(bars_to(100.0)), held).action is Action.HOLD


@pytest.mark.usefixtures("breakout")
def test_documented_strategy_takes_parameters() -> None:
    view = MarketView.of(bars_to(101.0, 100.5))
    assert strategy("breakout", {"window": "2"}).decide(view).action is Action.STAY_FLAT
    with pytest.raises(ValueError, match="window must be ≥ 2, ≤ 500, was 1"):
        strategy("breakout", {"window": "1"})
    with pytest.raises(ValueError, match="there is no parameter 'windo'; did you mean 'window'"):
        strategy("breakout", {"windo": "5"})


@pytest.mark.usefixtures("breakout")
def test_documented_strategy_is_listed_and_tested() -> None:
    (card,) = strategy_cards("15m", ["breakout"])
    assert (card.built_in, card.vectorized, card.problem) == (False, False, None)
    assert [(each.name, each.default) for each in card.parameters] == [("window", "20")]
    assert self_test(strategy("breakout"), MarketView.of(bars_to(101.0))).ok
    too_few = self_test(strategy("breakout"), MarketView.of(bars_to()))
    assert too_few.reason == SelfTestReason.NOT_ENOUGH_BARS


def test_documented_strategy_is_short() -> None:
    lines = [line for line in documented_strategy().splitlines() if line.strip()]
    assert len(lines) <= CODE_LINES_MAX


@pytest.mark.usefixtures("breakout")
def test_evidence_is_tied_to_parameters_and_code(site: Path) -> None:
    evidence = evidence_of(strategy("breakout"))
    assert evidence["window"] == 20
    file = site / "breakout.py"
    file.write_text(file.read_text(encoding="utf-8") + "\n# another thought\n", encoding="utf-8")
    changed = evidence_of(strategy("breakout"))
    assert changed["code"] != evidence["code"]
    assert evidence_of(strategy("coherence")).keys() == strategy("coherence").parameters.as_dict().keys()


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("raise RuntimeError('boom')", "cannot be loaded: boom"),
        ("Broken = 7", "cannot be loaded: 'int' object is not callable"),
        ("class Broken: name = 'broken'", "has no summary, parameters, stop_loss_rate, take_profit_rate"),
        (
            "class Broken:\n  name = 'other'; summary = ''; parameters = None; stop_loss_rate = None\n"
            "  take_profit_rate = None; needs = None; decide = None",
            "calls itself 'other'",
        ),
    ],
)
def test_broken_package_says_what_is_wrong(
    site: Path, monkeypatch: pytest.MonkeyPatch, code: str, problem: str
) -> None:
    install(site, "broken", code, "Broken")
    monkeypatch.delitem(__import__("sys").modules, "broken", raising=False)
    with pytest.raises(ValueError, match=problem):
        strategy("broken")
    (card,) = strategy_cards("15m", ["broken"])
    assert card.problem is not None
    assert problem in card.problem
    assert len(strategy_cards("15m")) == len(known_strategies())


PLAIN = """
from decimal import Decimal
class Plain:
    name, summary, parameters = "plain", "has nothing to set", None
    stop_loss_rate, take_profit_rate = Decimal("0.01"), None
    def needs(self, traded): return {traded: 1}
    def decide(self, view, standing=None): return None
"""


def test_strategy_without_parameters(site: Path) -> None:
    install(site, "plain", PLAIN, "Plain")
    found = strategy("plain")
    assert list(evidence_of(found)) == ["code"]
    assert strategy_cards("15m", ["plain"])[0].parameters == ()
    with pytest.raises(ValueError, match="it has no parameters"):
        strategy("plain", {"window": "5"})


def test_strategy_that_cannot_be_copied_says_so(site: Path) -> None:
    code = PLAIN.replace("None\n    stop", "__import__('core.strategies.mean_reversion', fromlist=['x'])"
                         ".MeanReversionParameters()\n    stop").replace("plain", "rigid")  # fmt: skip
    install(site, "rigid", code, "Plain")
    with pytest.raises(ValueError, match="the parameters of strategy 'rigid' cannot be set"):
        strategy("rigid", {"lookback": "5"})


def test_name_that_is_built_in_cannot_be_taken(site: Path) -> None:
    install(site, "usurper", "class Usurper: name = 'coherence'", "Usurper", entry_point="coherence")
    assert type(strategy("coherence")).__module__.startswith("core.")
