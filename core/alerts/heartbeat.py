"""The beat that tells a service elsewhere that all is well here: it alarms when it hears nothing. Pure."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

BEAT_EVERY_MS = 60_000
"""How often a watched position beats."""
BEAT_OWED_MS = 15 * 60_000
"""A beat that could not be sent for so long is dropped: it would vouch for what is long past."""


class Heartbeat(msgspec.Struct, frozen=True):
    """`owed_ms`: since when a beat is owed, 0 for none; `sent_ms`: when the last one arrived."""

    owed_ms: int = 0
    sent_ms: int = 0

    def while_watched(self, now_ms: int) -> Heartbeat:
        """Return it when a position is being watched."""
        if self.owed_ms or 0 <= now_ms - self.sent_ms < BEAT_EVERY_MS:
            return self
        return replace(self, owed_ms=now_ms)

    def due(self, now_ms: int) -> bool:
        return self.owed_ms > 0 and abs(now_ms - self.owed_ms) < BEAT_OWED_MS


def owed_since(beat: Heartbeat, completed_ms: int, now_ms: int) -> Heartbeat:
    """Return it after a reconciliation was completed; one that ended long ago is owed nothing."""
    return replace(beat, owed_ms=now_ms) if now_ms - completed_ms < BEAT_OWED_MS else beat
