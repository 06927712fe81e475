"""The back-test moves a stop by the very function that live trading uses."""

from __future__ import annotations

from decimal import Decimal

from core.backtest.levels import Bar, Held, Levels, following
from core.positions import PositionRules
from core.strategies.decision import EntryTerms
from tests.core.risk.worlds import BTCUSDT

D = Decimal


def test_a_bar_that_closed_moves_the_stop_for_the_next() -> None:
    rule = following(PositionRules(trail_from=D("0.008"), trail_by=D("0.004")), BTCUSDT, D("0.001"))
    held = Held(D(150), 0, EntryTerms(D("0.016"), D("0.032")), Levels(D("147.6"), D("154.8")))
    assert rule(Bar(0, D(150), D(152), D(149), D(151)), held) == Levels(D("151.4"), D("154.8"))
    assert rule(Bar(0, D(150), D(151), D(149), D(151)), held) == held.levels
