"""Lead-lag: every condition of its rule, its terms, and the agreement of live windows with the history."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from core.bars import Bars, FloatArray, aggregate, interval_ms
from core.strategies import (
    FLAT,
    Action,
    Decision,
    Headline,
    LiveMarket,
    MarketView,
    Series,
    Standing,
)
from core.strategies.evaluation import Code
from core.strategies.lead_lag import (
    LeadLag,
    LeadLagParameters,
    Reason,
)
from tests.core.strategies.equality import assert_same

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
RULE = LeadLagParameters()
ETH = Series("ETHUSDT", "15m")
BARS = 1_000
GOOD = "Record inflows: partnership and upgrade, growth is bullish"
BAD = "Exploit and lawsuit: liquidation, collapse, bearish dump"


def following(seed: int = 1, *, lag: int = 2, trend: float = 0.0) -> MarketView:
    """Return a target that repeats the lead's moves two bars later, with some noise of its own."""
    random = np.random.default_rng(seed)
    moves = random.normal(trend, 0.002, BARS + lag)
    lead, target = moves[lag:], moves[:-lag] + random.normal(0, 0.0004, BARS)
    end_ms = 40 * 24 * HOUR_MS
    start_ms = end_ms - BARS * 15 * MINUTE_MS

    def bars(steps: FloatArray, start_price: float) -> Bars:
        close = start_price * np.exp(np.cumsum(steps))
        opens = np.append(start_price, close[:-1])
        high, low = np.maximum(opens, close) * 1.001, np.minimum(opens, close) * 0.999
        times = start_ms + np.arange(BARS) * 15 * MINUTE_MS
        return Bars(times, opens, high, low, close, np.full(BARS, 1e6), 15 * MINUTE_MS)

    own = bars(target, 3_000)
    series = {
        ETH: own,
        Series("BTCUSDT", "15m"): bars(lead, 50_000),
        Series("ETHUSDT", "1h"): aggregate(own, interval_ms("1h")),
    }
    return MarketView(ETH, series)


def at_impulse(side: int, **news: Any) -> MarketView:
    """Return a view that ends where the lead has just moved to a side, with news of the same."""
    view = following()
    needs = LeadLag().needs(ETH)
    found = LeadLag().evaluate(view).inner.breakdown["predicted"]
    impulse = LeadLag().evaluate(view).inner.readings["impulse"]
    index = int(np.flatnonzero((found == side) & (np.abs(impulse) > 1))[-1])
    close_ms = int(view.bars.open_time_ms[index]) + view.bars.interval_ms
    title = GOOD if side > 0 else BAD
    headlines = (Headline(close_ms - MINUTE_MS, title),)
    return replace(view, headlines=headlines, **news).window(index, needs)


def decided(
    view: MarketView, standing: Standing = FLAT, *, allow_short: bool = True, **changes: Any
) -> Decision:
    return LeadLag(replace(RULE, allow_short=allow_short, **changes)).decide(view, standing)


@pytest.mark.parametrize(("side", "action"), [(1, Action.ENTER_LONG), (-1, Action.ENTER_SHORT)])
def test_news_that_the_lead_confirms(side: int, action: Action) -> None:
    decision = decided(at_impulse(side))
    assert (decision.action, decision.reason, decision.blocked) == (action, Reason.CONFIRMED, ())
    assert decision.breakdown["lag_bars"] == 2
    assert decision.terms is not None
    assert decision.terms.take_profit_rate == pytest.approx(
        decision.terms.stop_loss_rate * 2, abs=Decimal("2e-8")
    )


@pytest.mark.parametrize(
    ("changes", "blocked"),
    [
        ({"long_min": 1.0}, Reason.NO_SIDE),
        ({"correlation_min": 1.0}, Reason.NOT_CONFIRMED),
        ({"impulse_min": 10.0}, Reason.NOT_CONFIRMED),
        ({"trend_max": 1e-9}, Reason.AGAINST_TREND),
        ({"volume_min": 1.01}, Reason.VOLUME_TOO_LOW),
        ({"atr_min": 0.5}, Reason.ATR_TOO_LOW),
        ({"confidence_min": 1.0}, Reason.CONFIDENCE_TOO_LOW),
    ],
)
def test_each_condition_blocks(changes: dict[str, Any], blocked: Reason) -> None:
    views = (at_impulse(1), at_impulse(-1))
    found = [decided(view, **changes) for view in views]
    assert any(blocked in decision.blocked for decision in found)
    assert any(decision.action is Action.STAY_FLAT for decision in found)


def test_what_depends_on_where_we_stand_blocks() -> None:
    view = at_impulse(1)
    lately = Standing(last_entry_ms=view.now_ms - 299_000)
    assert decided(view, lately).blocked == (Reason.ENTERED_LATELY,)
    assert decided(view, Standing(last_entry_ms=view.now_ms - 300_000)).blocked == ()
    losing = Standing(memory={"bias": -9.0, "seen": 20.0, "wins": 0.0})
    assert decided(view, losing).blocked == (Reason.CONFIDENCE_TOO_LOW,)
    assert decided(at_impulse(-1), allow_short=False).blocked == (Reason.SHORT_NOT_ALLOWED,)


def test_news_against_the_lead_are_not_confirmed() -> None:
    view = at_impulse(1)
    against = replace(view, headlines=(Headline(view.now_ms, BAD),))
    assert Reason.NOT_CONFIRMED in decided(against).blocked


def test_no_news_give_no_side() -> None:
    decision = decided(replace(at_impulse(1), headlines=()))
    assert decision.reason == Reason.NO_NEWS
    assert Reason.NO_SIDE in decision.blocked
    assert (decision.breakdown["headlines"], decision.readings["sentiment"]) == (0, 0)
    assert decision.readings["confidence"] == 0


def test_crowded_side_counts_less() -> None:
    view = at_impulse(1)
    live = LiveMarket(view.now_ms, funding_ts_ms=view.now_ms, funding_rate=0.0003)
    plain, crowded = (
        decided(replace(view, live=each), crowded_funding=0.0002).readings["confidence"]
        for each in (None, live)
    )
    assert plain is not None
    assert crowded == pytest.approx(plain * 0.85)


def test_price_at_the_edge_of_its_day_turns_the_side() -> None:
    view = at_impulse(1)
    assert decided(view, contrarian=True, overbought=0.5).breakdown["side"] in (0, 1)
    place = decided(view).breakdown["day_place"]
    edge = {"contrarian": True, "overbought": max(0.5, place - 0.01), "oversold": min(0.5, place + 0.01)}
    turned = decided(view, **edge).breakdown["side"]
    assert turned == (0 if place > 0.5 else 1)
    neutral = decided(replace(view, headlines=()), **edge).breakdown["side"]
    assert neutral == (-1 if place > 0.5 else 1)


def test_strong_hour_gives_a_side_without_news() -> None:
    view = replace(at_impulse(1), headlines=())
    decision = decided(view, momentum_override=True, momentum_min=1e-6, overbought=1.0, oversold=0.0)
    assert decision.breakdown["side"] != 0
    assert decision.breakdown["base_confidence"] > 0


def test_missing_lead_is_undefined() -> None:
    view = at_impulse(1)
    alone = {key: bars for key, bars in view.series.items() if key.symbol != "BTCUSDT"}
    decision = decided(replace(view, series=alone))
    assert decision.reason == Code.UNDEFINED
    assert decision.readings["correlation"] is None
    assert decision.readings["confidence"] is None


def test_lead_cannot_be_what_is_traded() -> None:
    with pytest.raises(ValueError, match="BTCUSDT is what lead-lag takes the lead from"):
        LeadLag().needs(Series("BTCUSDT", "15m"))


def test_worked_terms() -> None:
    stop, target, fraction = LeadLag()._sizes(np.array([1.2 / 150, 0.1 / 150]))
    assert 150 * (1 - stop) == pytest.approx([147.6, 148.95])
    assert 150 * (1 + target) == pytest.approx([154.8, 152.1])
    assert 1_000 * fraction == pytest.approx([250, 400])


def test_closed_trades_are_learned_from() -> None:
    strategy, entry = LeadLag(), decided(at_impulse(1))
    memory = strategy.learn({}, entry, won=True)
    assert (memory["seen"], memory["wins"], memory["bias"]) == (1, 1, 0.125)
    assert memory["weight.side_long"] == 0.125
    assert strategy.learn(memory, Decision(Action.ENTER_LONG, "OTHER", 0), won=True) == memory


def test_live_windows_agree_with_the_whole_history() -> None:
    view, strategy = following(3), LeadLag(replace(RULE, allow_short=True))
    closes = view.bars.open_time_ms + view.bars.interval_ms
    headlines = tuple(
        Headline(int(closes[t]) - MINUTE_MS, title) for t, title in ((800, GOOD), (850, BAD), (900, GOOD))
    )
    view = replace(view, headlines=headlines)
    whole, needs = strategy.evaluate(view), strategy.needs(ETH)
    entered = 0
    for index in (*range(798, 812), *range(848, 860), *range(898, 910)):
        live, replayed = strategy.decide(view.window(index, needs)), whole.decide(index)
        assert_same(live, replayed)
        entered += live.terms is not None
        assert (live.terms is None) or whole.signals().entry[index] != 0
    assert entered > 0


def test_future_news_and_bars_change_nothing() -> None:
    view, strategy = at_impulse(1), LeadLag()
    later = Headline(view.now_ms + 1, BAD)
    assert strategy.decide(replace(view, headlines=(*view.headlines, later))) == strategy.decide(view)


def test_bad_parameters_are_named_together() -> None:
    with pytest.raises(
        ValueError, match=r"alpha must be > 0, < 1, was 0\.0; lag_max must not be below lag_min"
    ):
        LeadLagParameters(alpha=0.0, lag_min=4)


@pytest.mark.parametrize("symbol", ["", "btcusdt", "BTC/USDT"])
def test_lead_must_be_a_symbol(symbol: str) -> None:
    with pytest.raises(ValueError, match="lead_symbol must be a symbol"):
        LeadLagParameters(lead_symbol=symbol)


def test_rates_of_a_quiet_market() -> None:
    assert (LeadLag().stop_loss_rate, LeadLag().take_profit_rate) == (Decimal("0.007"), Decimal("0.014"))
