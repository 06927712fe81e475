"""Strategies: what they are told, what they answer, and which there are.

    from core.strategies import MarketView, Standing, strategy

    decision = strategy("coherence").decide(MarketView.of(bars), Standing())

Nothing here loads numpy; a strategy's modules do when it is asked for by name.
"""

from core.strategies.decision import (
    FLAT,
    Action,
    Decision,
    Direction,
    EntryTerms,
    PositionState,
    SelfTest,
    Standing,
    stop_price,
    target_price,
)
from core.strategies.market import Headline, LiveMarket, MarketView, Observed, Series
from core.strategies.protocol import (
    Evaluation,
    Learning,
    Observing,
    SelfTesting,
    Signals,
    Strategy,
    Vectorized,
    observed_by,
)
from core.strategies.registry import evidence_of, known_strategies, known_strategy, strategy
from core.strategies.self_test import self_test

__all__ = [
    "FLAT",
    "Action",
    "Decision",
    "Direction",
    "EntryTerms",
    "Evaluation",
    "Headline",
    "Learning",
    "LiveMarket",
    "MarketView",
    "Observed",
    "Observing",
    "PositionState",
    "SelfTest",
    "SelfTesting",
    "Series",
    "Signals",
    "Standing",
    "Strategy",
    "Vectorized",
    "evidence_of",
    "known_strategies",
    "known_strategy",
    "observed_by",
    "self_test",
    "stop_price",
    "strategy",
    "target_price",
]
