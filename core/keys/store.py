"""Where the configured key is kept, and how another one takes its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.account import Environment
from core.errors import ConfigError
from core.keys.kept_secrets import KEYRING, SYSTEMD, read_keyring, write_keyring
from core.settings import Credentials, Settings
from core.settings_edit import edit_settings_file
from core.settings_file import read_settings_file


@dataclass(frozen=True, slots=True)
class KeyStore:
    """`where`: for the human. `write`: put another key in the old one's place, wholly or not at all."""

    where: str
    write: Callable[[Credentials], None]


def key_store(settings: Settings, environment: Environment, environ: Mapping[str, str]) -> KeyStore:
    """Return where the key of an environment is kept. Raises ConfigError KEY_OUT_OF_REACH, before anything
    is done, where it could not be replaced.
    """
    testnet_twin = environment is Environment.TESTNET and bool(settings.testnet_api_key)
    prefix = "BINANCE_TESTNET_" if testnet_twin else "BINANCE_"
    names = (f"{prefix}API_KEY", f"{prefix}API_SECRET", f"{prefix}PRIVATE_KEY_PATH")
    outside = [name for name in names if environ.get(name)]
    if outside:
        raise out_of_reach(
            f"{outside[0]} is set in the process environment, where it would survive the rotation",
            "unset it there, and keep the key in the settings file",
        )
    if settings.secrets_store == SYSTEMD:
        raise out_of_reach(
            "systemd's credentials can only be read",
            "prove the new key with the key in a settings file (TRADER_SECRETS=file), then replace what "
            "LoadCredential reads and restart the unit",
        )
    if settings.secrets_store == KEYRING and names[0] in read_keyring(settings.home):
        return KeyStore(
            "the OS keyring",
            lambda key: write_keyring(settings.home, dict(zip(names, _texts(key), strict=True))),
        )
    if settings.env_file is None or names[0] not in read_settings_file(settings.env_file).values:
        raise out_of_reach(f"{names[0]} is not in a settings file", "name the file with --env-file")
    path = settings.env_file

    def write(key: Credentials) -> None:
        edit_settings_file(path, dict(zip(names, _texts(key), strict=True)))

    return KeyStore(str(path), write)


def _texts(key: Credentials) -> tuple[str, str | None, str | None]:
    return (
        key.api_key.reveal(),
        key.api_secret.reveal() if key.api_secret else None,
        str(key.private_key_path) if key.private_key_path else None,
    )


def out_of_reach(why: str, way_out: str) -> ConfigError:
    return ConfigError(f"the key cannot be replaced: {why}", code="KEY_OUT_OF_REACH", hint=way_out)
