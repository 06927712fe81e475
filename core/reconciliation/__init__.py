"""Reconciliation: our books against the venue's, as pure functions (ours, theirs) -> breaks."""

from core.reconciliation.classes import RULES, BreakClass, Rule
from core.reconciliation.records import (
    Break,
    Effects,
    OwnOrder,
    Terms,
    Trade,
    Transfer,
    TransferKind,
    VenueOrder,
)

__all__ = [
    "RULES",
    "Break",
    "BreakClass",
    "Effects",
    "OwnOrder",
    "Rule",
    "Terms",
    "Trade",
    "Transfer",
    "TransferKind",
    "VenueOrder",
]
