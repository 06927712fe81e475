"""Which listen keys are alive: old clients hear their account's events under one.

Kept in one server's memory. A client whose key is unknown asks for a new one, as when a venue forgets.
"""

from __future__ import annotations

from dataclasses import dataclass, field

LIFE_MS = 3_600_000


@dataclass
class ListenKeys:
    """Until when each key lives: an hour after it was made or last renewed."""

    _until_ms: dict[str, int] = field(default_factory=dict)

    def is_alive(self, listen_key: str, now_ms: int) -> bool:
        return self._until_ms.get(listen_key, 0) > now_ms

    def renew(self, listen_key: str, now_ms: int) -> None:
        self._until_ms[listen_key] = now_ms + LIFE_MS

    def end(self, listen_key: str) -> None:
        self._until_ms.pop(listen_key, None)
