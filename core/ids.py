"""Names that no other machine, home or restored backup can produce."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

RandomBytes = Callable[[int], bytes]

PREFIX = "tr"
INSTALLATION_BYTES = 8
EMERGENCY_SEQUENCES = 10**11
"""From here on sequences come from the clock, for orders whose journal cannot count."""
_OURS = re.compile(rf"{PREFIX}([0-9a-f]{{{INSTALLATION_BYTES * 2}}})-([0-9]{{1,12}})\Z", re.ASCII)


def system_random(count: int) -> bytes:
    """Return unpredictable bytes from the operating system."""
    return secrets.token_bytes(count)


def new_installation_id(random_bytes: RandomBytes) -> str:
    """Return the random part of every client_order_id of one journal; minted with the journal."""
    return random_bytes(INSTALLATION_BYTES).hex()


def client_order_id(installation_id: str, sequence: int) -> str:
    """Return e.g. `tr9f86d081884c7d65-42`: at most 31 of the 36 letters Binance takes.

    A restart computes the same id for the same sequence; another installation cannot.
    """
    return f"{PREFIX}{installation_id}-{sequence}"


def order_list_id(stop_order_id: str) -> str:
    """Return the name of an order list, after that of its stop: at most 36 letters, and no order's name."""
    return f"{stop_order_id}-list"


def emergency_sequence(now_ms: int, after: int) -> int:
    """Return a sequence without asking a journal: hundredths of a second since 1970, above `after`."""
    return max(EMERGENCY_SEQUENCES, now_ms // 10, after + 1)


def is_ours(candidate: str, installation_id: str) -> bool:
    """Tell whether this installation made the id."""
    return installation_of(candidate) == installation_id


def installation_of(candidate: str) -> str | None:
    """Return the id of the installation that made an id, None when none did."""
    match = _OURS.match(candidate)
    return match and match[1]


def is_from_trader(candidate: str) -> bool:
    """Tell whether any installation of trader made the id."""
    return installation_of(candidate) is not None
