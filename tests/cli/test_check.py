"""`trader check` from outside: silent when well, every condition named, nothing opened that is not asked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchanges.paper import admin
from exchanges.paper.keys import Permissions
from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, body, serving, when

CHECKS = ["settings", "venue", "environment", "symbol", "signal", "account", "journal", "positions"]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Loopback]:
    with serving(tmp_path / "venue") as loopback:
        yield loopback


def gates(shell: Shell, command: str, exit_code: int = 0) -> dict[str, dict[str, Any]]:
    got, stdout, stderr = shell.run(f"{command} --json")
    assert got == exit_code, stderr + stdout
    return {gate["name"]: gate for gate in json.loads(stdout)["result"]["gates"]}


def test_all_well_is_silence(shell: Shell) -> None:
    assert shell.run("trader check") == (0, "", "")


def test_verbose_shows_every_condition(shell: Shell) -> None:
    exit_code, stdout, stderr = shell.run("trader check -v")
    assert exit_code == 0, stderr
    listed = [line.split()[1] for line in stdout.splitlines()[1:]]
    assert listed[: len(CHECKS)] == CHECKS
    assert {"clock", "balance", "unsettled", "trading-state"} <= set(listed)
    assert all(line[0] in "✓?" for line in stdout.splitlines()[1:])


def test_off_a_terminal_only_what_is_wrong_is_printed(shell: Shell) -> None:
    (shell.folder / ".env").write_text("CONFIRM_LIVE=yes\n")
    exit_code, stdout, stderr = shell.run("trader check")
    assert exit_code == 5
    assert [line.split()[1] for line in stdout.splitlines()[1:] if line[0] == "✗"] == ["settings"]
    assert "→ remove the line" in stdout
    assert "error[CHECK_FAILED]: 1 of" in stderr
    assert "CONFIRM_LIVE" in stderr


def test_nothing_is_placed_and_nothing_tested(shell: Shell, venue: Loopback) -> None:
    shell.environ |= venue.environ()
    assert shell.run("trader check")[0] == 0
    assert venue.orders == []
    assert not [path for _, path in venue.requests if path.endswith("order/test")]


@pytest.mark.parametrize(
    ("only", "asked"),
    [
        (("settings",), ()),
        (("journal",), ()),
        (("settings", "journal"), ()),
        (("venue",), ("status", "ping")),
        (("environment",), ("status", "ping")),
        (("symbol",), ("status", "ping", "exchangeInfo")),
        (("signal",), ("status", "ping", "klines")),
    ],
    ids=" ".join,
)
def test_only_what_is_asked_is_opened(
    shell: Shell, venue: Loopback, only: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    shell.environ |= venue.environ()
    found = gates(shell, f"trader check {' '.join(f'--only {name}' for name in only)}")
    assert tuple(found) == only
    assert {path.rpartition("/")[2] for _, path in venue.requests} == set(asked)
    if not asked:
        assert not Path(shell.environ["TRADER_HOME"]).exists()


def test_a_gate_can_be_asked_alone(shell: Shell) -> None:
    assert list(gates(shell, "trader check --only clock --only balance")) == ["clock", "balance"]
    exit_code, _, stderr = shell.run("trader check --only stage-0")
    assert exit_code == 2
    assert "no check 'stage-0' for stage 0" in stderr
    found = gates(shell, "BINANCE_DRY_RUN=false trader check --only stage-0", exit_code=5)
    assert found["stage-0"]["result"] == "fail"


def test_what_cannot_be_asked_fails_once_and_spoils_no_other(shell: Shell, venue: Loopback) -> None:
    shell.environ |= venue.environ() | {"BINANCE_API_SECRET": "x" * 64}
    found = gates(shell, "trader check", exit_code=3)
    passed = {name for name, gate in found.items() if gate["result"] == "pass"}
    failed = {name for name, gate in found.items() if gate["result"] == "fail"}
    assert passed == {"settings", "venue", "environment", "symbol", "signal", "journal"}
    assert failed == {"account"}
    assert found["clock"]["detail"] == "not asked: account failed"


def test_a_missing_key_is_told_among_the_others(shell: Shell) -> None:
    found = gates(shell, "TRADER_VENUE=binance trader check", exit_code=3)
    assert found["settings"]["result"] == "pass"
    assert found["journal"]["result"] == "pass"
    assert "no API key is set for the testnet environment" in found["venue"]["detail"]
    assert "BINANCE_TESTNET_API_KEY" in found["venue"]["way_out"]


def test_the_most_dangerous_finding_decides_the_exit_code(shell: Shell, venue: Loopback) -> None:
    venue.spoil = when("klines", body(b"", 500))
    shell.environ |= venue.environ()
    assert gates(shell, "trader check", exit_code=7)["signal"]["result"] == "fail"
    (shell.folder / ".env").write_text("CONFIRM_LIVE=yes\n")
    found = gates(shell, "trader check", exit_code=5)
    assert {name for name, gate in found.items() if gate["result"] == "fail"} == {"settings", "signal"}


KEY_CHECKS = (
    "key-rights",
    "key-ip",
    "key-age",
    "key-expiry",
    "account-status",
    "key-exposure",
    "key-alone",
)
ONLY_KEY = "trader check " + " ".join(f"--only {name}" for name in KEY_CHECKS)
DAY_MS = 86_400_000
FLIPS: list[tuple[str, dict[str, Any], str]] = [
    ("key-rights", {"permissions": Permissions(spot_trading=False)}, "may not trade spot"),
    ("key-rights", {"permissions": Permissions(withdrawals=True)}, "may withdraw"),
    ("key-rights", {"permissions": Permissions(internal_transfer=True)}, "may transfer internally"),
    ("key-rights", {"permissions": Permissions(universal_transfer=True)}, "may transfer between accounts"),
    ("key-rights", {"permissions": Permissions(margin=True)}, "may use margin"),
    ("key-rights", {"permissions": Permissions(futures=True)}, "may trade futures"),
    ("key-rights", {"permissions": Permissions(vanilla_options=True)}, "may trade options"),
    ("key-ip", {"ip_list": ()}, "works from any address"),
    ("key-age", {"created_ms": -90 * DAY_MS}, "90 days old"),
    ("key-expiry", {"expires_ms": DAY_MS // 2}, "ends in 0.5 days"),
]


@pytest.fixture
def live(shell: Shell, tmp_path: Path) -> Iterator[Loopback]:
    """Give a live venue whose key is as it should be."""
    with serving(tmp_path / "venue", persona="mainnet") as venue:
        shell.environ |= venue.environ() | {"BINANCE_USE_TESTNET": "false", "BINANCE_DRY_RUN": "false"}
        found = gates(shell, ONLY_KEY)
        assert {name: gate["result"] for name, gate in found.items()} == dict.fromkeys(KEY_CHECKS, "pass")
        yield venue


@pytest.mark.parametrize(("name", "changed", "said"), FLIPS, ids=[said for _, _, said in FLIPS])
def test_each_fact_of_the_key_flips_exactly_its_gate(
    shell: Shell, live: Loopback, name: str, changed: dict[str, Any], said: str
) -> None:
    since_now = {
        part: value + live.now_ms() if part.endswith("_ms") else value for part, value in changed.items()
    }
    with admin.opened(
        live.config, wall_clock_ms=live.now_ms, random_bytes=lambda count: bytes(count)
    ) as exchange:
        admin.restrict_key(exchange, live.api_key, **since_now)
    found = gates(shell, ONLY_KEY, exit_code=5)
    assert [each for each, gate in found.items() if gate["result"] != "pass"] == [name]
    assert said in found[name]["detail"]


def test_a_key_on_this_machine_is_told_by_place(shell: Shell, live: Loopback) -> None:
    user = Path(shell.environ["HOME"])
    user.mkdir()
    (user / ".bash_history").write_text(f"ls\nexport BINANCE_API_SECRET={live.api_secret}\n")
    found = gates(shell, ONLY_KEY, exit_code=5)
    assert [each for each, gate in found.items() if gate["result"] != "pass"] == ["key-exposure"]
    assert f"{user / '.bash_history'}:2" in found["key-exposure"]["detail"]
    assert live.api_secret not in json.dumps(found)


def test_a_key_used_from_two_homes_is_a_finding(shell: Shell, live: Loopback, tmp_path: Path) -> None:
    found = gates(shell, f"TRADER_HOME={tmp_path / 'other'} {ONLY_KEY}", exit_code=5)
    assert [each for each, gate in found.items() if gate["result"] != "pass"] == ["key-alone"]
    assert shell.environ["TRADER_HOME"] in found["key-alone"]["detail"]


def test_on_a_testnet_the_key_is_unavailable_never_green(shell: Shell, venue: Loopback) -> None:
    shell.environ |= venue.environ()
    found = gates(shell, ONLY_KEY)
    assert {gate["result"] for gate in found.values()} == {"unavailable"}


def test_an_altered_journal_is_found(shell: Shell) -> None:
    assert shell.run("trader stage 0")[0] == 0
    database = Path(shell.environ["TRADER_HOME"]) / "journal.sqlite3"
    with sqlite3.connect(database) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE events SET payload = replace(payload, 'BTCUSDT', 'ETHUSDT') WHERE sequence = 6")
    db.close()
    exit_code, stdout, _ = shell.run("trader check --only journal --json")
    document = json.loads(stdout)
    assert exit_code == 5
    assert document["result"]["gates"][0]["result"] == "fail"
    exit_code, stdout, _ = shell.run("trader stage 0 --json")
    assert exit_code in (4, 5)
    assert json.loads(stdout)["result"]["trades"] == []
