"""Which listen keys are alive: old clients hear their account's events under one.

Kept in one server's memory. A client whose key is unknown asks for a new one, as when a venue forgets.
"""

from __future__ import annotations

from dataclasses import dataclass, field

LIFE_MS = 3_600_000


@dataclass
class ListenKeys:
    """Whose each key is, and until when it lives: an hour after it was made or last renewed."""

    _keys: dict[str, tuple[int, int]] = field(default_factory=dict)

    def account_of(self, listen_key: str, now_ms: int) -> int | None:
        """Return the account that a key hears, None where it is not alive."""
        account, until_ms = self._keys.get(listen_key, (0, 0))
        return account if until_ms > now_ms else None

    def renew(self, listen_key: str, account: int, now_ms: int) -> None:
        self._keys = {key: whose for key, whose in self._keys.items() if whose[1] > now_ms}
        self._keys[listen_key] = account, now_ms + LIFE_MS

    def end(self, listen_key: str) -> None:
        self._keys.pop(listen_key, None)
