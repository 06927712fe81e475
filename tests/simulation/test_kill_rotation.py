"""Killed at each step of a rotation: exactly one working key is configured, and the journal tells which."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

from core.settings_file import read_settings_file
from exchanges.paper.keys import ApiKey
from tests.cli.rotating import Place, rotating
from tests.simulation.rotation_victim import RESUME, ROTATE, die

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.simulation.rotation_victim", "cli.commands.rotate_key"])


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with rotating(tmp_path) as place:
        yield place


def killed(place: Place, arguments: list[str], step: str, stdin: str = "") -> None:
    folder = place.shell.folder
    victim = _context.Process(target=die, args=(arguments, place.shell.environ, folder, step, stdin))
    victim.start()
    victim.join(30)
    said = (folder / "output.txt").read_text()
    assert victim.exitcode == -signal.SIGKILL, said


def works(place: Place) -> bool:
    """Ask with the key that the settings file holds."""
    values = read_settings_file(place.env_file).values
    before = place.venue.api_key, place.venue.api_secret
    place.venue.api_key, place.venue.api_secret = values["BINANCE_API_KEY"], values["BINANCE_API_SECRET"]
    try:
        return bool(place.venue.ask("/api/v3/account"))
    except HTTPError:
        return False
    finally:
        place.venue.api_key, place.venue.api_secret = before


@pytest.mark.parametrize("step", ROTATE)
def test_killed_before_the_old_key_is_deleted(place: Place, step: str) -> None:
    old, new = place.venue.api_key, place.new_key()
    given = f"{new.api_key}\n{new.secret}\n"
    killed(place, ["--new-key-stdin", "--confirm", place.phrase(new)], step, given)
    assert works(place)
    told, configured = place.told(), place.configured
    assert configured in (old, new.api_key)
    if "KEY_SWAPPED" in told:
        assert configured == new.api_key
    if "KEY_ROTATION" not in told:
        assert configured == old

    begun = (place.home / "rotation.json").exists()
    place.rotate("--resume" if begun else "", new=new, exit_code=4 if configured == old and begun else 5)
    if begun and configured == old:
        place.rotate(new=new, exit_code=5)
    finished(place, old, new)


def finished(place: Place, old: str, new: ApiKey) -> None:
    place.delete(old)
    place.rotate("--resume")
    assert (place.configured, works(place)) == (new.api_key, True)
    assert place.told()[-1] == "KEY_DEAD"


@pytest.mark.parametrize("step", RESUME)
def test_killed_after_the_old_key_is_deleted(place: Place, step: str) -> None:
    old, new = place.venue.api_key, place.new_key()
    place.rotate(new=new, exit_code=5)
    place.delete(old)
    killed(place, ["--resume"], step)
    assert (place.configured, works(place)) == (new.api_key, True)
    place.rotate("--resume")
    assert place.told()[-1] == "KEY_DEAD"
