"""The container, without an engine: its entry script as it is, and what the image is made of."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conversation import REPOSITORY, TIMEOUT_S, Shell
from tests.cli.loopback import serving

ENTRY = REPOSITORY / "container/entry.sh"
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text(encoding="utf-8"))
HARDENED = COMPOSE["x-hardened"]

IS_ROOT = os.geteuid() == 0
USER = 10001 if IS_ROOT else os.geteuid()
AS_USER = (
    ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"] if IS_ROOT else []
)
# The Python of the tests may be where only root can read it.
WHO_READS_ALL = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"] if IS_ROOT else []


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a folder that every user can reach, with the entry script in it; pytest's are its user's alone."""
    with tempfile.TemporaryDirectory(prefix="trader-container-") as name:
        place = Path(name)
        place.chmod(0o755)
        shutil.copy2(ENTRY, place)
        yield place


@pytest.fixture
def home(place: Path) -> Path:
    home = place / "volume"
    home.mkdir(mode=0o700)
    os.chown(home, USER, -1)
    return home


def enter(
    *arguments: str, home: object, stub: str = "exit 1", place: Path, user: list[str] = AS_USER
) -> subprocess.CompletedProcess[str]:
    """Run the entry script with another program in trader's place."""
    program = place / "bin" / "trader"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{stub}\n")
    program.chmod(0o755)
    return subprocess.run(
        [*user, str(place / ENTRY.name), *arguments],
        env={"PATH": f"{program.parent}:/usr/bin:/bin", "TRADER_HOME": str(home)},
        text=True,
        capture_output=True,
        timeout=TIMEOUT_S,
    )


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Take the right to write from the folder's owner."""
    folder.chmod(0o500)
    try:
        yield
    finally:
        folder.chmod(0o700)


def test_it_becomes_trader_with_all_its_words_and_writes_for_its_user_alone(place: Path, home: Path) -> None:
    stub = "id -u; umask; printf '%s|' \"$@\"; exit 9"
    entered = enter("stage", "0", "--reason", "two words", home=home, place=place, stub=stub)
    assert entered.stdout.splitlines() == [str(USER), "0077", "stage|0|--reason|two words|"]
    assert entered.returncode == 9


@pytest.mark.skipif(not IS_ROOT, reason="only root can be root")
def test_it_is_not_root(place: Path, home: Path) -> None:
    entered = enter("stage", "0", home=home, place=place, user=[])
    assert (entered.returncode, entered.stdout) == (3, "")
    assert entered.stderr.startswith("error: the container runs as root")
    assert "\nhint: " in entered.stderr


def test_a_home_that_keeps_nothing_is_refused(place: Path, home: Path) -> None:
    missing = enter("stage", "0", home=home / "missing", place=place)
    assert missing.returncode == 3
    assert missing.stderr.startswith(f"error: the home {home}/missing is not there\nhint: mount a volume")

    unset = enter("stage", "0", home="", place=place)
    assert (unset.returncode, unset.stderr.splitlines()[0]) == (3, "error: TRADER_HOME is empty")

    with read_only(home):
        closed = enter("stage", "0", home=home, place=place)
    assert closed.returncode == 3
    assert f"user {USER} may not write to the home {home}" in closed.stderr


def test_sigterm_reaches_the_program_and_ends_it_well(place: Path, home: Path) -> None:
    environ = Shell(place).environ | {"TRADER_HOME": str(home), "TRADER_RUNTIME_DIR": str(home / "runtime")}
    served = subprocess.Popen(
        [*AS_USER, *WHO_READS_ALL, str(place / ENTRY.name), "paper", "serve", "--json"],
        env=environ,
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert served.stdout
        assert json.loads(served.stdout.readline())["pid"] == served.pid
        served.terminate()
        assert served.wait(TIMEOUT_S) == 0
    finally:
        served.kill()
        served.communicate()
    made = [path for path in home.rglob("*") if path.is_file()]
    assert made
    assert {path.stat().st_uid for path in made} == {USER}
    assert not [path for path in made if path.stat().st_mode & 0o077]


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="this machine has no /dev/shm")
def test_real_money_is_refused_on_a_home_in_memory(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    live = "BINANCE_USE_TESTNET=false BINANCE_DRY_RUN=false"
    with (
        tempfile.TemporaryDirectory(prefix="trader-", dir="/dev/shm") as home,
        serving(tmp_path / "venue", persona="mainnet") as venue,
    ):
        shell.environ |= venue.environ() | {"TRADER_HOME": home}
        exit_code, stdout, _ = shell.run(f"{live} trader check --only home --json")
    (gate,) = json.loads(stdout)["result"]["gates"]
    assert (exit_code, gate["result"]) == (5, "fail")
    assert "/dev/shm is tmpfs" in gate["detail"]


def test_the_image_is_built_from_hashed_locks_and_runs_as_nobody_in_particular() -> None:
    installs = re.findall(r"pip install (.*?)(?: \\)?$", DOCKERFILE, re.MULTILINE)
    assert installs
    assert all("--require-hashes" in each or "--no-deps dist/" in each for each in installs)
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER \$TRADER_UID:\$TRADER_UID$", last_stage, re.MULTILINE)
    assert int(re.findall(r"^ARG TRADER_UID=(\d+)$", last_stage, re.MULTILINE)[0]) > 1000
    assert "HEALTHCHECK" in last_stage
    # Without a volume of the operator's the program is to say so; Docker would make one without a name.
    assert "\nVOLUME" not in DOCKERFILE


def test_the_build_is_pinned_as_everywhere_else() -> None:
    def pins(name: str) -> set[str]:
        lock = (REPOSITORY / name).read_text(encoding="utf-8")
        return set(re.findall(r"^([a-z0-9-]+==[^ ]+)", lock, re.MULTILINE))

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    backend = project["build-system"]["requires"][0]
    assert any(each.startswith(f"{backend}==") for each in pins("requirements-build.lock"))
    assert pins("requirements-build.lock") <= pins("requirements-dev.lock")


def test_only_named_files_come_into_a_build() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert "**/.env*" in rules[rules.index("!LICENSE") :]
    allowed = [rule[1:] for rule in rules if rule.startswith("!")]
    assert all((REPOSITORY / name).exists() for name in allowed)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["force-include"], "pyproject.toml"} <= set(allowed)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_is_hardened(name: str) -> None:
    service = COMPOSE["services"][name]
    assert {key: service[key] for key in HARDENED} == HARDENED
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("network_mode") in (None, "none")
    assert not {"ports", "privileged", "cap_add", "devices", "pid", "ipc"} & set(service)
    (volume,) = service["volumes"]
    target = volume["target"] if isinstance(volume, dict) else volume.partition(":")[2]
    assert f"TRADER_HOME={target}" in DOCKERFILE


def test_the_paper_exchange_is_reached_from_its_own_network_alone() -> None:
    paper = COMPOSE["services"]["paper"]
    assert paper["networks"] == ["paper"]
    assert COMPOSE["networks"]["paper"] == {"internal": True}
    assert "--i-know" in paper["command"]
