"""An Ed25519 key pair from `trader init --ed25519` to trading with it."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.keys.pairs import is_locked, make_key_pair, unlocked
from exchanges.paper import admin
from tests.cli.conversation import Shell
from tests.cli.rotating import Place, rotating


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with rotating(tmp_path) as place:
        yield place


def test_init_makes_a_pair_that_only_its_owner_reads(shell: Shell) -> None:
    exit_code, stdout, stderr = shell.run("trader init --ed25519")
    assert exit_code == 0, stderr
    home = Path(shell.environ["TRADER_HOME"])
    (private,) = home.glob("ed25519-*.pem")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert private.with_suffix(".pub").read_text().strip() in stdout
    assert "PRIVATE KEY-----" not in stdout + stderr
    assert (shell.folder / ".env").exists()
    before = (shell.folder / ".env").read_bytes()
    assert shell.run("trader init --ed25519")[0] == 0
    assert len(list(home.glob("ed25519-*.pem"))) == 2
    assert (shell.folder / ".env").read_bytes() == before
    assert shell.run("trader init")[0] == 3


def test_a_rotation_to_a_key_pair_and_everything_with_it(place: Place) -> None:
    result = json.loads(place.shell.run("trader init --ed25519 --json")[1])["result"]
    with place.exchange() as exchange:
        new = admin.create_key(
            exchange, "pair", kind="ED25519", public_key=result["public_key_pem"], ip_list=("127.0.0.1",)
        )
    place.rotate(f"--private-key {result['private_key']}", new=new, exit_code=5)
    text = place.env_file.read_text()
    assert f"BINANCE_PRIVATE_KEY_PATH={result['private_key']}" in text
    assert "BINANCE_API_SECRET" not in text
    place.delete(place.venue.api_key)
    assert place.rotate("--resume")["result"]["rotation"]["new_ending"] == new.api_key[-4:]
    gates = json.loads(place.shell.run("trader check --only key-rights --json")[1])["result"]["gates"]
    assert gates[0]["result"] == "pass"


def test_a_locked_key_opens_with_its_passphrase_only(place: Place) -> None:
    pair = make_key_pair("correct horse")
    assert is_locked(pair.private_pem.reveal())
    with pytest.raises(ConfigError, match="does not open"):
        unlocked(pair.private_pem.reveal(), "wrong horse")

    file = place.home / "locked.pem"
    file.parent.mkdir()
    file.write_text(pair.private_pem.reveal())
    file.chmod(0o600)
    with place.exchange() as exchange:
        new = admin.create_key(
            exchange, "pair", kind="ED25519", public_key=pair.public_pem, ip_list=("127.0.0.1",)
        )
    error = place.rotate(f"--private-key {file}", new=new, exit_code=3)["error"]
    assert "has a passphrase, and nobody can be asked" in error["message"]

    def human(question: str) -> str:
        if "Passphrase" in question:
            return "correct horse"
        if "API key" in question:
            return new.api_key
        return "q" if "press Enter" in question else place.phrase(new)

    place.rotate(f"--private-key {file}", human=human, exit_code=5)
    assert place.configured == new.api_key
