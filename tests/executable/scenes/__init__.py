"""The situations in which pages begin, and what happens meanwhile that is typed nowhere.

A page names them in comments: `<!-- scene: outage -->`, and later `<!-- meanwhile: the venue is back -->`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from tests.executable.person import Person
from tests.executable.scenes import homes, incidents, moving, recordings, venues

Scene = Callable[[Person, ExitStack], object]
"""Brings a person into a situation; what it starts is ended by the stack."""

STAGED = ("stuck-order", "outage", "balance-depleted", "suspicious-activity", "flatten")
"""Incidents of `trader drill` that pages begin with."""

SCENES: dict[str, Scene] = {
    "": homes.empty,
    "newcomer": homes.empty,
    "traded": homes.traded,
    "anchored": homes.anchored,
    "backed up": homes.backed_up,
    "halted": homes.halted,
    "losing": homes.losing,
    "headlines": homes.headlines,
    "fish": homes.fish,
    "told": homes.told,
    "equipped": homes.equipped,
    "begun": homes.begun,
    "live": homes.live,
    "recorded": recordings.recorded,
    "recordings of freqtrade": recordings.freqtrade,
    "imported": recordings.imported,
    "own strategy": recordings.own_strategy,
    "moved": moving.moved,
    "restored": moving.restored,
    "sent after the backup": moving.sent_after,
    "lost": venues.lost,
    "contradicted": venues.contradicted,
    "quarantined": venues.quarantined,
    "binance": venues.binance,
    "address": venues.address,
    "rotating": venues.rotating,
    "intruded": venues.intruded,
    "open orders": incidents.open_orders,
    "sold by hand": incidents.sold_by_hand,
    **{name: partial(incidents.incident, name) for name in STAGED},
}
