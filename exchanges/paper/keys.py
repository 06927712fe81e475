"""API keys of the paper exchange: what a key may do, from where, and whether a signature is its own."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import msgspec

from exchanges.paper.records import MAIN, Persona

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

KeyKind = Literal["HMAC", "ED25519", "RSA"]
DEFAULT_LABEL = "default"


class Permissions(msgspec.Struct, frozen=True):
    """What a key may do. Only reading and spot trading mean anything here; the rest is reported as set."""

    reading: bool = True
    spot_trading: bool = True
    withdrawals: bool = False
    internal_transfer: bool = False
    universal_transfer: bool = False
    margin: bool = False
    futures: bool = False
    vanilla_options: bool = False


DEFAULT_PERMISSIONS = Permissions()


class ApiKey(msgspec.Struct, frozen=True):
    """A key of one persona. `secret`: the HMAC secret, or the PEM text of the public key. `account`: the name
    of the one it opens, on every market.

    `ip_list` empty: usable from anywhere. `expires_ms`: end of the trading right of an unrestricted key.
    """

    api_key: str
    persona: Persona
    kind: KeyKind
    secret: str
    label: str
    created_ms: int
    ip_list: tuple[str, ...] = ()
    permissions: Permissions = DEFAULT_PERMISSIONS
    expires_ms: int | None = None
    account: str = MAIN

    def __repr__(self) -> str:
        return f"ApiKey({self.api_key[:4]}…, {self.persona}, {self.kind}, {self.label!r})"

    def allows_ip(self, ip: str) -> bool:
        return not self.ip_list or ip in self.ip_list

    def allows_trading(self, now_ms: int) -> bool:
        return self.permissions.spot_trading and (self.expires_ms is None or now_ms < self.expires_ms)


def generate(random_bytes: Callable[[int], bytes]) -> str:
    """Return 64 random letters and digits: the form of the venue's keys and secrets."""
    return base64.b64encode(random_bytes(48), altchars=b"xY").decode()


def check_public_key(kind: KeyKind, pem: str) -> None:
    """Raise ValueError unless the text is a public key of this kind."""
    try:
        key = _public_key(pem)
    except ValueError as error:
        raise ValueError(f"not a PEM public key: {error}") from None
    found = type(key).__name__.removeprefix("_").removesuffix("PublicKey").upper()
    if found != kind:
        raise ValueError(f"the PEM text holds a key of kind {found}, not {kind}")


def verify(key: ApiKey, payload: bytes, signature: str) -> bool:
    """Tell whether the signature of these bytes was made with this key.

    HMAC-SHA-256 in hex of any case; Ed25519 and RSASSA-PKCS1-v1_5 with SHA-256 in base64.
    """
    if key.kind == "HMAC":
        expected = hmac.digest(key.secret.encode(), payload, "sha256").hex()
        return hmac.compare_digest(expected.encode(), signature.lower().encode())
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return _verify_public(key.secret, payload, raw)


def _verify_public(pem: str, payload: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public_key = _public_key(pem)
    try:
        if isinstance(public_key, Ed25519PublicKey):
            public_key.verify(signature, payload)
        else:
            public_key.verify(signature, payload, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=64)
def _public_key(pem: str) -> Ed25519PublicKey | RSAPublicKey:
    # cryptography takes 50 ms to import and most keys are HMAC: only those who use it pay for it.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    if isinstance(key, Ed25519PublicKey | RSAPublicKey):
        return key
    raise ValueError("only Ed25519 and RSA keys are known")
