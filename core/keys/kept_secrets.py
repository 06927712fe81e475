"""Keys kept outside the settings file: in the OS keyring, or as systemd credentials."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

FILE, KEYRING, SYSTEMD = "file", "keyring", "systemd"
SERVICE: Final = "trader"
FOLDER: Final = "CREDENTIALS_DIRECTORY"
LONGEST: Final = 65_536
_PATH: Final = "_PATH"


def kept_secrets(store: str, names: Iterable[str], environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return what a store holds of these settings. Raises ConfigError KEY_MISSING or EXTRA_MISSING.

    The keyring has one entry a home, a JSON object, so that both halves of a key change together.
    """
    if store == KEYRING:
        return {name: text for name, text in read_keyring(home).items() if name in set(names)}
    if store == SYSTEMD:
        return _read_credentials(names, environ)
    return {}


def with_kept(
    values: Mapping[str, str], kept: Mapping[str, str], outside: Mapping[str, str]
) -> dict[str, str]:
    """Return settings with what a store holds, which goes before the file but not before the environment.

    A key comes whole from one place: a secret in the file is no half of a key in the store.
    """
    result = dict(values)
    for prefix in ("BINANCE_", "BINANCE_TESTNET_"):
        if f"{prefix}API_KEY" in kept:
            for half in ("API_KEY", "API_SECRET", "PRIVATE_KEY_PATH"):
                if f"{prefix}{half}" not in outside:
                    result.pop(f"{prefix}{half}", None)
    return result | {name: text for name, text in kept.items() if name not in outside}


def read_keyring(home: Path) -> dict[str, str]:
    """Return name -> text of the home's entry, empty where there is none. Raises ConfigError."""
    keyring = _keyring()
    try:
        text = keyring.get_password(SERVICE, str(home))
    except Exception as error:  # each backend has errors of its own
        raise _unusable(f"cannot be read ({type(error).__name__})") from None
    try:
        told = json.loads(text or "{}")
        return {str(name): str(value) for name, value in told.items()}
    except (ValueError, AttributeError):
        raise _unusable(f"has an entry of {SERVICE} for {home} that is not a JSON object") from None


def write_keyring(home: Path, changes: Mapping[str, str | None]) -> None:
    """Change the home's entry in one step; None removes a name. Raises ConfigError."""
    kept = {name: text for name, text in {**read_keyring(home), **changes}.items() if text is not None}
    keyring = _keyring()
    try:
        keyring.set_password(SERVICE, str(home), json.dumps(kept))
    except Exception as error:  # each backend has errors of its own
        raise _unusable(f"cannot be written ({type(error).__name__})") from None


def _keyring() -> ModuleType:
    try:
        import keyring
    except ImportError:
        raise ConfigError(
            "TRADER_SECRETS is keyring, but the package keyring is not installed",
            code="EXTRA_MISSING",
            hint="pip install 'trader[keyring]', or TRADER_SECRETS=file",
        ) from None
    return keyring


def _read_credentials(names: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    folder = environ.get(FOLDER)
    if not folder:
        raise ConfigError(
            f"TRADER_SECRETS is systemd, but {FOLDER} is not set: this is no service with credentials",
            code="KEY_MISSING",
            hint="LoadCredential=BINANCE_API_KEY:/path in the unit; by hand, set TRADER_SECRETS=file",
        )
    found = {}
    for name in names:
        path = Path(folder) / name.removesuffix(_PATH)
        if path.is_file():
            found[name] = str(path) if name.endswith(_PATH) else _text_of(path)
    return found


def _text_of(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(LONGEST).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the credential {path} cannot be read ({type(error).__name__})", code="KEY_MISSING"
        ) from None


def _unusable(why: str) -> ConfigError:
    return ConfigError(
        f"the OS keyring {why}",
        code="KEY_MISSING",
        hint="unlock it, or set TRADER_SECRETS=file (docs/keys.md)",
    )
