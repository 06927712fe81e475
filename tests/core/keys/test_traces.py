"""Where on a machine a key is found, and that only places are told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from core.keys.homes import other_homes
from core.keys.pairs import make_key_pair
from core.keys.traces import CHUNK, needles_of, traces
from core.secrets import Secret
from core.settings import Credentials

KEY = "k3y" * 20
SECRET = "s3cr3t" * 10


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "reports/reconcile").mkdir(parents=True)
    return home


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    top = tmp_path / "checkout"
    (top / "deep").mkdir(parents=True)
    git(top, "init", "-q")
    return top


def git(top: Path, *words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    subprocess.run(["git", *identity, *words], cwd=top, check=True, capture_output=True)


def commit(top: Path, name: str, text: str) -> None:
    (top / name).write_text(text)
    git(top, "add", name)
    git(top, "commit", "-q", "-m", "a change")


def test_nothing_is_found_where_nothing_is(home: Path, tmp_path: Path) -> None:
    (home / "trade_audit.log").write_text("nothing of the kind\n")
    assert traces((KEY, SECRET), home, tmp_path, tmp_path) == ()


def test_logs_reports_and_histories_are_searched(home: Path, tmp_path: Path) -> None:
    (home / "trade_audit.log").write_text(f"one\ntwo {KEY}\n")
    (home / "reports/reconcile/today.txt").write_text(SECRET)
    (tmp_path / ".zsh_history").write_text(f"\n\n{SECRET}")
    assert traces((KEY, SECRET), home, tmp_path, tmp_path) == (
        f"{home / 'trade_audit.log'}:2",
        f"{home / 'reports/reconcile/today.txt'}:1",
        f"{tmp_path / '.zsh_history'}:3",
    )


@pytest.mark.parametrize("before", [CHUNK - 30, CHUNK - 1, CHUNK, 3 * CHUNK - 7])
def test_a_key_across_two_chunks_is_found(home: Path, tmp_path: Path, before: int) -> None:
    (home / "a.log").write_text("\n" * before + KEY)
    assert traces((KEY,), home, None, tmp_path) == (f"{home / 'a.log'}:{before + 1}",)


def test_a_checkout_is_searched_from_any_folder_in_it(home: Path, checkout: Path) -> None:
    commit(checkout, "settings.py", f"KEY = '{KEY}'\n")
    found = traces((KEY,), home, None, checkout / "deep")
    assert found == (f"{checkout / 'settings.py'}:1", f"the git history of {checkout}")


def test_what_was_removed_stays_in_the_history(home: Path, checkout: Path) -> None:
    commit(checkout, "settings.py", f"KEY = '{KEY}'\n")
    commit(checkout, "settings.py", "KEY = ''\n")
    assert traces((KEY,), home, None, checkout) == (f"the git history of {checkout}",)


def test_an_untracked_settings_file_is_where_a_key_belongs(home: Path, checkout: Path) -> None:
    (checkout / ".env").write_text(f"BINANCE_API_KEY={KEY}\n")
    assert traces((KEY,), home, None, checkout) == ()


@pytest.mark.parametrize("passphrase", ["", "open sesame"])
def test_a_private_key_is_looked_for_too(home: Path, checkout: Path, passphrase: str) -> None:
    path = checkout / "ed25519.pem"
    path.write_text(make_key_pair(passphrase).private_pem.reveal())
    needles = needles_of(Credentials(Secret(KEY), None, path))
    assert traces(needles, home, None, checkout) == ()
    commit(checkout, "copy.txt", path.read_text())
    assert traces(needles, home, None, checkout) == (
        f"{checkout / 'copy.txt'}:2",
        f"the git history of {checkout}",
    )
    other = Credentials(Secret(KEY), None, home / "other.pem")
    (home / "other.pem").write_text(make_key_pair(passphrase).private_pem.reveal())
    assert traces(needles_of(other), home, None, checkout) == ()


def test_a_toy_key_is_not_looked_for(home: Path, tmp_path: Path) -> None:
    (home / "a.log").write_text("abc")
    assert traces(("abc",), home, None, tmp_path) == ()


def test_homes_that_share_a_key_see_each_other(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    runtime = tmp_path / "runtime"
    assert other_homes(runtime, "0123456789ab", first) == ()
    assert other_homes(runtime, "0123456789ab", first) == ()
    assert other_homes(runtime, "0123456789ab", second) == (str(first),)
    assert other_homes(runtime, "0123456789ab", first) == (str(second),)
    assert other_homes(runtime, "ffffffffffff", first) == ()
    second.rmdir()
    assert other_homes(runtime, "0123456789ab", first) == ()


def test_a_list_of_homes_that_cannot_be_kept_is_no_empty_one(tmp_path: Path) -> None:
    first, second, runtime = tmp_path / "first", tmp_path / "second", tmp_path / "runtime"
    first.mkdir()
    second.mkdir()
    assert other_homes(runtime, "0123456789ab", first) == ()
    list_ = runtime / "0123456789ab.homes"
    with list_.open("ab") as file:
        file.write(b'"/torn by a full di')
    assert other_homes(runtime, "0123456789ab", second) == (str(first),)
    assert other_homes(runtime, "0123456789ab", first) == (str(second),)
    list_.unlink()
    list_.mkdir()
    assert other_homes(runtime, "0123456789ab", first) is None
