"""The shared options work before and after the command, and below a group of commands."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from tests.cli.conversation import Shell

PLACES = [
    "trader {} paper keys",
    "trader paper {} keys",
    "trader paper keys {}",
]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.parametrize("place", PLACES)
def test_json_in_every_place(shell: Shell, place: str) -> None:
    exit_code, stdout, _ = shell.run(place.format("--json"))
    assert exit_code == 0
    assert json.loads(stdout)["command"] == "paper keys"


@pytest.mark.parametrize("place", PLACES)
def test_home_in_every_place(shell: Shell, place: str) -> None:
    assert shell.run(place.format("--home ./elsewhere"))[0] == 0
    assert (shell.folder / "elsewhere" / "paper").is_dir()


@pytest.mark.parametrize("place", PLACES)
def test_env_file_in_every_place(shell: Shell, place: str) -> None:
    exit_code, _, stderr = shell.run(place.format("--env-file missing.env"))
    assert exit_code == 3
    assert "missing.env does not exist" in stderr


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("option", ["--home", "--env-file"])
def test_an_empty_name_is_not_the_folder_one_is_in(shell: Shell, place: str, option: str) -> None:
    exit_code, _, stderr = shell.run(place.format(f"{option} ''"))
    assert exit_code == 2
    assert f"Invalid value for '{option}': it names nothing" in stderr


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("option", ["-q", "--quiet"])
def test_quiet_in_every_place(shell: Shell, place: str, option: str) -> None:
    exit_code, stdout, stderr = shell.run(place.format(option))
    assert exit_code == 0
    assert stdout
    assert stderr == ""


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(["--json", "-q", "-v", ""], 2)))
def test_an_option_on_one_side_does_not_undo_one_on_the_other(shell: Shell, before: str, after: str) -> None:
    _, stdout, stderr = shell.run(f"trader {before} paper keys {after}")
    assert ("--json" in (before, after)) == stdout.startswith("{")
    assert ("-q" in (before, after)) <= (stderr == "")


def test_a_usage_error_before_json_is_seen_is_still_json(shell: Shell) -> None:
    exit_code, stdout, stderr = shell.run("trader paper keys --persona life --json")
    assert exit_code == 2
    assert json.loads(stdout)["error"]["code"] == "USAGE"
    assert stderr == ""


def test_json_after_the_end_of_options_is_no_option(shell: Shell) -> None:
    exit_code, stdout, stderr = shell.run("trader paper keys -- --json")
    assert exit_code == 2
    assert stdout == ""
    assert "error[USAGE]" in stderr
