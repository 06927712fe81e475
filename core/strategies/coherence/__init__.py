"""Coherence: nine signed readings of the market, and how far they agree (docs/strategies.md)."""

from core.strategies.coherence.field import NODES, Field, coherence_field, field_from_nodes
from core.strategies.coherence.parameters import CoherenceParameters
from core.strategies.coherence.rule import Coherence, Reason

__all__ = [
    "NODES",
    "Coherence",
    "CoherenceParameters",
    "Field",
    "Reason",
    "coherence_field",
    "field_from_nodes",
]
