"""The key with which a venue is spoken to, ready to sign."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import ConfigError
from core.secrets import Secret, key_fingerprint, last_four


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """An API key with one way to sign: a shared secret, or a private key as PEM text (never a path).

    Raises ConfigError: KEY_MISSING unless there is exactly one, SETTINGS_INVALID for a key that does not fit
    into a header.
    """

    api_key: Secret
    secret: Secret | None = None
    private_key_pem: Secret | None = None

    def __post_init__(self) -> None:
        text = self.api_key.reveal()
        if not text or bool(self.secret) == bool(self.private_key_pem):
            raise ConfigError("a key needs either its secret or a private key", code="KEY_MISSING")
        if not (text.isascii() and text.isprintable()) or " " in text:
            raise ConfigError("the API key holds letters that no key has; was it copied whole?")

    @property
    def fingerprint(self) -> str:
        return key_fingerprint(self.api_key.reveal())

    @property
    def ending(self) -> str:
        """The last letters of the key, for a human to compare."""
        return last_four(self.api_key.reveal())

    def __repr__(self) -> str:
        return f"SigningKey(…{self.ending})"
