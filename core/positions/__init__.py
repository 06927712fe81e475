"""Where an open position ends: its stop, its target, its time. Pure; the same live and in a back-test.

Nothing here asks a venue, reads a clock or loads numpy (docs/positions.md).
"""

from core.positions.cooldown import entry_allowed_ms
from core.positions.entry import AtrStops, RoiStops, atr_terms, liquidation_price, net_price, roi_terms
from core.positions.follow import ExitReason, Held, Outlook, Seen, follow
from core.positions.levels import Levels, entry_levels
from core.positions.quantity import StopQuantity, stop_quantity
from core.positions.rules import NO_RULES, PositionRules, divided

__all__ = [
    "NO_RULES",
    "AtrStops",
    "ExitReason",
    "Held",
    "Levels",
    "Outlook",
    "PositionRules",
    "RoiStops",
    "Seen",
    "StopQuantity",
    "atr_terms",
    "divided",
    "entry_allowed_ms",
    "entry_levels",
    "follow",
    "liquidation_price",
    "net_price",
    "roi_terms",
    "stop_quantity",
]
