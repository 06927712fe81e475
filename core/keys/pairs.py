"""Ed25519 key pairs: the private half never leaves this machine, and the venue has nothing to steal.

cryptography takes 50 ms to import: only who makes or unlocks a pair waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from core.errors import ConfigError
from core.secrets import Secret

ENCRYPTED = "-----BEGIN ENCRYPTED PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """PEM text of both halves. `name`: of the pair, told by its public half."""

    private_pem: Secret
    public_pem: str

    @property
    def name(self) -> str:
        return sha256(self.public_pem.encode()).hexdigest()[:8]


def make_key_pair(passphrase: str) -> KeyPair:
    """Make a pair; with a passphrase the private half is useless without it, "" for none."""
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    lock = forms.BestAvailableEncryption(passphrase.encode()) if passphrase else forms.NoEncryption()
    private_pem = private.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, lock)
    public_pem = private.public_key().public_bytes(
        forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo
    )
    return KeyPair(Secret(private_pem.decode()), public_pem.decode())


def is_locked(pem: str) -> bool:
    return ENCRYPTED in pem


def unlocked(pem: str, passphrase: str) -> str:
    """Return the private key as PEM text that needs no passphrase. Raises ConfigError KEY_MISSING."""
    from cryptography.hazmat.primitives import serialization as forms

    try:
        private = forms.load_pem_private_key(pem.encode(), passphrase.encode())
    except (ValueError, TypeError):
        raise ConfigError(
            "the private key does not open with this passphrase", code="KEY_MISSING", hint="try again"
        ) from None
    return private.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()).decode()
