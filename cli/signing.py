"""From configured credentials to a key that signs: its private key is read, and unlocked by a human."""

from __future__ import annotations

from cli.console import Console
from core.errors import ConfigError
from core.keys.kept_secrets import SYSTEMD
from core.keys.pairs import is_locked, unlocked
from core.keys.signing import SigningKey
from core.secrets import Secret
from core.settings import Credentials

OTHERS = 0o077


def ready_to_sign(credentials: Credentials, console: Console, store: str) -> SigningKey:
    """Return the key, its passphrase asked for where it has one. Raises ConfigError KEY_MISSING.

    `store`: where secrets are kept. Who may read a credential of systemd is decided by its unit.
    """
    path = credentials.private_key_path
    if path is None:
        return SigningKey(credentials.api_key, credentials.api_secret)
    try:
        pem = path.read_text(encoding="ascii")
        shared = store != SYSTEMD and path.stat().st_mode & OTHERS
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the private key {path} cannot be read ({type(error).__name__})", code="KEY_MISSING"
        ) from None
    if shared:
        console.warn(f"other users can read the private key {path}; chmod 600 {path}")
    if is_locked(pem):
        passphrase = console.ask_secret(f"Passphrase of {path} (not shown): ")
        if passphrase is None:
            raise ConfigError(
                f"the private key {path} has a passphrase, and nobody can be asked",
                code="KEY_MISSING",
                hint="run it at a terminal, or use a key without a passphrase (trader init --ed25519)",
            )
        pem = unlocked(pem, passphrase)
    return SigningKey(credentials.api_key, private_key_pem=Secret(pem))
