"""The journal: append-only, hash-chained, on disk before anything is sent."""

from core.journal.journal import Journal, OrderRef
from core.journal.records import Finding, Opening, Order, Position, Quarantine, UnsettledOrder

__all__ = ["Finding", "Journal", "Opening", "Order", "OrderRef", "Position", "Quarantine", "UnsettledOrder"]
