"""Keys in the OS keyring and in systemd credentials: read, and replaced where that can be done."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.errors
import pytest
from keyring.backend import KeyringBackend

from core.account import Environment
from core.config import load_settings
from core.errors import ConfigError
from core.keys.kept_secrets import read_keyring
from core.keys.store import key_store
from core.secrets import Secret
from core.settings import Credentials, Settings

KEY, SECRET = "k" * 64, "s" * 64


class InMemory(KeyringBackend):
    priority = 1

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.is_locked:
            raise keyring.errors.KeyringLocked
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


@pytest.fixture
def ring() -> Iterator[InMemory]:
    before = keyring.get_keyring()
    backend = InMemory()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


def settings(folder: Path, text: str = "", **environ: str) -> Settings:
    (folder / ".env").write_text(text)
    (folder / ".env").chmod(0o600)
    return load_settings({"TRADER_HOME": str(folder / "home"), **environ}, folder)


def keep(ring: InMemory, folder: Path, **values: str) -> None:
    ring.entries["trader", str(folder / "home")] = json.dumps(values)


def test_a_key_in_the_keyring_goes_before_the_file_and_comes_whole(tmp_path: Path, ring: InMemory) -> None:
    keep(ring, tmp_path, BINANCE_API_KEY=KEY, BINANCE_PRIVATE_KEY_PATH="/key.pem", BINANCE_SYMBOL="ETHUSDT")
    text = "TRADER_SECRETS=keyring\nBINANCE_API_KEY=old\nBINANCE_API_SECRET=old\n"
    found = settings(tmp_path, text)
    assert found.credentials(Environment.MAINNET) == Credentials(Secret(KEY), None, Path("/key.pem"))
    assert found.symbol == "BTCUSDT"
    outside = settings(tmp_path, "TRADER_SECRETS=keyring\n", BINANCE_API_KEY="mine")
    assert outside.api_key == Secret("mine")


def test_the_new_key_takes_the_old_ones_place_in_one_step(tmp_path: Path, ring: InMemory) -> None:
    keep(ring, tmp_path, BINANCE_API_KEY=KEY, BINANCE_API_SECRET=SECRET, ALERT_URLS="https://a.example")
    store = key_store(settings(tmp_path, "TRADER_SECRETS=keyring\n"), Environment.MAINNET, {})
    assert store.where == "the OS keyring"
    store.write(Credentials(Secret("new"), None, Path("/new.pem")))
    assert read_keyring(tmp_path / "home") == {
        "BINANCE_API_KEY": "new",
        "BINANCE_PRIVATE_KEY_PATH": "/new.pem",
        "ALERT_URLS": "https://a.example",
    }


def test_a_keyring_that_cannot_be_used_is_named(
    tmp_path: Path, ring: InMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring.is_locked = True
    with pytest.raises(ConfigError, match=r"cannot be read \(KeyringLocked\)"):
        settings(tmp_path, "TRADER_SECRETS=keyring\n")
    ring.is_locked = False
    ring.entries["trader", str(tmp_path / "home")] = KEY
    with pytest.raises(ConfigError, match="not a JSON object") as refused:
        settings(tmp_path, "TRADER_SECRETS=keyring\n")
    assert KEY not in str(refused.value)
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match="not installed") as missing:
        settings(tmp_path, "TRADER_SECRETS=keyring\n")
    assert missing.value.code == "EXTRA_MISSING"


def test_systemd_credentials_are_read_and_never_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "BINANCE_API_KEY").write_text(f"{KEY}\n")
    (folder / "BINANCE_PRIVATE_KEY").write_text("a PEM text")
    found = settings(tmp_path, "TRADER_SECRETS=systemd\n", CREDENTIALS_DIRECTORY=str(folder))
    expected = Credentials(Secret(KEY), None, folder / "BINANCE_PRIVATE_KEY")
    assert found.credentials(Environment.MAINNET) == expected
    with pytest.raises(ConfigError, match="can only be read") as refused:
        key_store(found, Environment.MAINNET, {})
    assert refused.value.code == "KEY_OUT_OF_REACH"
    with pytest.raises(ConfigError, match="CREDENTIALS_DIRECTORY is not set"):
        settings(tmp_path, "TRADER_SECRETS=systemd\n")
