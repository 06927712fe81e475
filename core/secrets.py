"""Secrets as a type that cannot be shown by accident, and the safe names of a key."""

from __future__ import annotations

import hashlib
import hmac
from typing import NoReturn

SHOWN = "Secret(****)"
FINGERPRINT_LENGTH = 12
SHORTEST_KEY_WITH_SHOWN_END = 16


class Secret:
    """Text that prints as `Secret(****)`.

    Neither a str nor iterable, so joining, slicing and JSON fail; pickling and copying (and with them
    `dataclasses.asdict`) refuse. `reveal` is the one way to the text.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return SHOWN

    def __str__(self) -> str:
        return SHOWN

    def __format__(self, spec: str) -> str:
        return format(SHOWN, spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is neither pickled nor copied")


def key_fingerprint(api_key: str) -> str:
    """Return the name under which a key appears in evidence, journal and screens: 12 hex letters."""
    return hashlib.sha256(api_key.encode()).hexdigest()[:FINGERPRINT_LENGTH]


def last_four(api_key: str) -> str:
    """Return the end of a key, for a human to compare; `????` where it would be a large part of it."""
    return api_key[-4:] if len(api_key) >= SHORTEST_KEY_WITH_SHOWN_END else "????"
