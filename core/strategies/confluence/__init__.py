"""Confluence: ten indicators scored together, and seven gates before an entry (docs/strategies.md)."""

from core.strategies.confluence.parameters import ConfluenceParameters
from core.strategies.confluence.rule import Confluence, Reason
from core.strategies.confluence.score import Score, SignalClass, candle_score, latest_scores

__all__ = [
    "Confluence",
    "ConfluenceParameters",
    "Reason",
    "Score",
    "SignalClass",
    "candle_score",
    "latest_scores",
]
