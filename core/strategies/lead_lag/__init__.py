"""Lead-lag: news give a side, bitcoin's lead confirms it (docs/strategies.md)."""

from core.strategies.lead_lag.parameters import LeadLagParameters
from core.strategies.lead_lag.rule import LeadLag, Reason
from core.strategies.lead_lag.sentiment import headline_score, sentiment
from core.strategies.lead_lag.trigger import Trigger, required_correlation, trigger

__all__ = [
    "LeadLag",
    "LeadLagParameters",
    "Reason",
    "Trigger",
    "headline_score",
    "required_correlation",
    "sentiment",
    "trigger",
]
