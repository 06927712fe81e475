"""Coherence as arrays: they say what `decide` says, bar by bar, in every standing."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from core.bars import Bars, aggregate, interval_ms
from core.strategies import FLAT, Direction, EntryTerms, MarketView, PositionState, Standing
from core.strategies.coherence import Coherence, CoherenceParameters
from tests.core.markets import markets
from tests.core.strategies.equality import assert_agreement

BOTH_SIDES = CoherenceParameters(allow_short=True)
TERMS = EntryTerms(BOTH_SIDES.stop_loss_rate, BOTH_SIDES.take_profit_rate)


def standings(price: float) -> list[Standing]:
    """Return flat, and long and short positions entered at a price a while ago."""
    at = Decimal(repr(price))
    return [FLAT] + [
        Standing(PositionState(at, held, direction, TERMS))
        for held in (1, BOTH_SIDES.min_hold_bars)
        for direction in (Direction.LONG, Direction.SHORT)
    ]


@settings(deadline=None, max_examples=20)
@given(markets(min_bars=200), st.data())
def test_arrays_evaluation_and_live_windows_agree(bars: Bars, data: st.DataObject) -> None:
    rule = CoherenceParameters(allow_short=data.draw(st.booleans()), enter=0.9, exit=0.9, lambda_min=0.1)
    indexes = data.draw(st.lists(st.integers(0, len(bars) - 1), min_size=1, max_size=6))
    price = float(bars.close[data.draw(st.sampled_from(indexes))])
    assert_agreement(Coherence(rule), MarketView.of(bars), indexes, standings(price))


def test_recorded_bars_agree(recorded: Bars) -> None:
    bars = aggregate(recorded, interval_ms("15m"))[-600:]
    view = MarketView.of(bars)
    assert_agreement(Coherence(BOTH_SIDES), view, list(range(300, 600, 7)), standings(float(bars.close[400])))
    assert Coherence(BOTH_SIDES).evaluate(view).signals().entry[300:].any()
