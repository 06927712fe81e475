"""`trader drill` from outside: every incident can be dealt with, and none reaches beyond its own home."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from cli import drill_staging
from cli.console import Console
from cli.drill_scenes import staged
from cli.invocation import Invocation
from cli.main import main
from cli.options import Options
from core.clock import SystemClock
from core.drills.incidents import INCIDENTS, REQUIRED
from core.ids import system_random
from core.journal import Journal
from core.journal.history import Selection
from core.settings_file import FILE_NAME
from tests.cli.conversation import Shell
from tests.cli.loopback import serving
from tests.cli.spawned import at_terminal

Line = str | Callable[[str], str]
"""What an operator types, or how he makes it of all that he has seen so far."""

ACCEPT_ALL = re.compile(r"^([0-9a-f]{8})  [A-Z_]+ ", re.MULTILINE)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    for name, seconds in (("UNREACHABLE_S", 0.3), ("OUTAGE_S", 0.3), ("LAG_S", 1.0)):
        monkeypatch.setattr(drill_staging, name, seconds)
    return Shell(tmp_path)


class Operator(io.StringIO):
    """Types one line at a time, and reads the screen before each."""

    def __init__(self, lines: tuple[Line, ...], screen: io.StringIO) -> None:
        super().__init__()
        self._lines, self._screen = iter(lines), screen

    def readline(self, *_: Any) -> str:
        line = next(self._lines, "")
        if callable(line):
            line = line(self._screen.getvalue())
        return line and f"{line}\n"


def rehearse(shell: Shell, name: str, *lines: Line, words: tuple[str, ...] = ()) -> tuple[int, Any, str]:
    """Return exit code, document and everything that was said of one drill."""
    options, stdout, screen = Options(), io.StringIO(), io.StringIO()
    console = Console(options, shell.environ, Operator(lines, screen), stdout, screen)
    run = Invocation(console, options, shell.environ, shell.folder)
    with contextlib.chdir(shell.folder), mock.patch.dict(os.environ, shell.environ, clear=True):
        exit_code = main(["drill", name, "--json", *words], run)
    return exit_code, json.loads(stdout.getvalue()), screen.getvalue()


def home(shell: Shell) -> Path:
    return Path(shell.environ["TRADER_HOME"])


def scenes(shell: Shell) -> list[Path]:
    folder = home(shell) / "drills"
    return sorted(folder.iterdir()) if folder.exists() else []


def told(shell: Shell) -> list[dict[str, Any]]:
    """Return what the operator's journal keeps of drills."""
    with Journal.open(
        home(shell), clock=SystemClock(), random_bytes=system_random, read_only=True
    ) as journal:
        assert journal.verify() == ()
        return [
            dict(link.stored.event().payload) for link in journal.history.events(Selection(kinds=("DRILL",)))
        ]


def accept(screen: str) -> str:
    """Accept every break that was shown."""
    breaks = " ".join(f"--accept {name}" for name in dict.fromkeys(ACCEPT_ALL.findall(screen)))
    return f'trader reconcile {breaks} --reason "it was the drill" --yes'


DEALT_WITH: dict[str, tuple[Line, ...]] = {
    "halt": ("trader status", 'trader halt --reason "the spread"'),
    "cancel-all": ("trader cancel-all --yes",) * 4,
    "flatten": ("trader flatten --yes",),
    "stuck-order": (
        "trader resolve --wait 30s",
        "trader flatten --yes",
        "trader reconcile",
        "trader resume --reason settled --yes",
    ),
    "outage": (
        "trader halt",
        *("trader check --only venue",) * 3,
        "trader resolve",
        "trader reconcile",
        "trader resume --reason back --yes",
    ),
    "suspicious-activity": (
        "trader halt",
        "trader paper keys --delete default",
        "trader cancel-all --account --yes",
        "trader reconcile --full",
        accept,
    ),
    "balance-depleted": (
        "trader check --only balance",
        "trader reconcile",
        "trader paper deposit USDT 100",
        "trader reconcile",
        accept,
    ),
}


@pytest.mark.parametrize("name", INCIDENTS)
def test_an_incident_that_is_dealt_with_is_recorded(shell: Shell, name: str) -> None:
    exit_code, document, said = rehearse(shell, name, *DEALT_WITH[name])
    assert exit_code == 0, said
    result = document["result"]
    assert (result["passed"], result["recovered_ms"]) == (True, result["took_ms"])
    assert {each["name"] for each in result["verified"] if each["holds"]} == set(INCIDENTS[name].ended)
    assert scenes(shell) == []
    (event,) = told(shell)
    assert (event["name"], event["outcome"], event["recovered_ms"]) == (name, "passed", result["took_ms"])
    with Journal.open(
        home(shell), clock=SystemClock(), random_bytes=system_random, read_only=True
    ) as journal:
        assert journal.accounts() == ()
        assert list(journal.history.events(Selection(kinds=("INTENT", "TRADING_STATE")))) == []
    assert not (home(shell) / "HALTED").exists()


@pytest.mark.parametrize("name", INCIDENTS)
def test_nothing_is_over_before_somebody_acts(shell: Shell, name: str) -> None:
    exit_code, document, _ = rehearse(shell, name)
    assert (exit_code, document["error"]["code"]) == (2, "USAGE")
    assert (told(shell), scenes(shell)) == ([], [])


def test_half_of_it_does_not_count(shell: Shell) -> None:
    assert rehearse(shell, "flatten", *DEALT_WITH["flatten"])[0] == 0
    exit_code, document, said = rehearse(shell, "flatten", "trader halt", "exit")
    assert (exit_code, document["error"]["code"]) == (5, "DRILL_GIVEN_UP")
    assert "left: held: 0.000" in document["error"]["message"]
    (kept,) = scenes(shell)
    assert document["result"]["kept"] == str(kept)
    assert "✗ held: 0.000" in said
    assert [event["outcome"] for event in told(shell)] == ["passed", "given up"]
    listed = json.loads(shell.run("trader drill --json")[1])["result"]["drills"]
    flatten = next(each for each in listed if each["drill"] == "flatten")
    assert (flatten["counts"], flatten["why_not"]) == (False, "given up the last time")
    shown = shell.run("trader audit show --kind DRILL")[1]
    assert re.search(r"DRILL +flatten passed in \d\.\d s: flat, halted, none-of-ours-open, settled", shown)
    assert re.search(r"flatten given up after .*, given up; left: flat, none-of-ours-open", shown)


def test_who_interrupts_has_given_up(shell: Shell) -> None:
    def interrupt(_: str) -> str:
        raise KeyboardInterrupt

    exit_code, document, _ = rehearse(shell, "halt", "trader status", interrupt)
    assert (exit_code, document["error"]["code"]) == (130, "INTERRUPTED")
    (event,) = told(shell)
    assert (event["outcome"], event["why"], event["recovered_ms"]) == ("given up", "interrupted", None)


def test_who_is_late_has_failed_though_it_is_done(shell: Shell) -> None:
    exit_code, document, _ = rehearse(shell, "halt", "trader halt", words=("--limit", "1ms"))
    assert (exit_code, document["error"]["code"]) == (5, "DRILL_GIVEN_UP")
    (event,) = told(shell)
    assert event["why"].startswith("time was up")


def test_lines_may_come_from_options_and_files(shell: Shell) -> None:
    assert shell.run("trader drill halt --run 'trader status' --run 'trader halt'")[0] == 0
    (shell.folder / "lines").write_text("# the way out\ntrader flatten --yes\n")
    assert shell.run("trader drill flatten --commands lines --keep")[0] == 0
    assert len(scenes(shell)) == 1
    for words in ("parachute", "halt --commands missing", "halt --limit soon", "--keep"):
        assert shell.run(f"trader drill {words}")[0] == 2


@pytest.fixture
def live(shell: Shell, tmp_path: Path) -> Iterator[list[tuple[str, str]]]:
    """Point every setting, in the environment and in files, at something that calls itself the live venue."""
    with serving(tmp_path / "live", persona="mainnet") as venue:
        settings = venue.environ() | {
            "BINANCE_USE_TESTNET": "false",
            "BINANCE_DRY_RUN": "false",
            "ALERT_URLS": f"json://{venue.root.removeprefix('http://')}",
            "HEARTBEAT_URL": venue.root,
        }
        for folder in (shell.folder, home(shell)):
            folder.mkdir(exist_ok=True, mode=0o700)
            (folder / FILE_NAME).touch(mode=0o600)
            (folder / FILE_NAME).write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        shell.environ |= settings | {"CONFIRM_LIVE": "yes"}
        yield venue.requests


def test_a_venue_out_of_reach_is_tried_again(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drill_staging, "UNREACHABLE_S", 2.0)
    exit_code, _, said = rehearse(shell, "cancel-all", *DEALT_WITH["cancel-all"])
    assert exit_code == 0
    assert "error[VENUE_UNREACHABLE]" in said
    assert "no open order" not in said


@pytest.mark.parametrize("name", REQUIRED)
def test_live_settings_are_not_seen_in_a_drill(shell: Shell, live: list[tuple[str, str]], name: str) -> None:
    exit_code, _, said = rehearse(shell, name, *DEALT_WITH[name])
    assert exit_code == 0, said
    assert "mainnet" not in said
    assert live == []


def test_no_line_leads_out_of_a_drill(shell: Shell, live: list[tuple[str, str]]) -> None:
    real = home(shell)

    def point_at_the_live_venue(_: str) -> str:
        (scene,) = scenes(shell)
        (scene / FILE_NAME).write_text((real / FILE_NAME).read_text())
        return "trader cancel-all --yes"

    _, _, said = rehearse(
        shell,
        "flatten",
        f"trader --home {real} halt",
        f"trader halt --home={real}",
        f"trader flatten --yes --env-file {real / FILE_NAME}",
        "TRADER_VENUE=binance trader flatten --yes",
        f"TRADER_HOME={real} trader halt",
        "trader drill halt",
        "trader schedule --install",
        "trader paper faults clear",
        "trader paper reset --yes",
        "trader paper --persona testnet reset",
        "rm -rf /",
        "trader 'halt",
        point_at_the_live_venue,
        "trader flatten --yes",
        "exit",
    )
    assert said.count("is fixed in a drill") == 5
    assert said.count("is not run in a drill") == 5
    assert said.count("type `trader …`") >= 2
    assert said.count("error[DRILL_LEFT]") == 2
    assert live == []
    assert not (real / "HALTED").exists()


def test_real_money_asks_for_the_three_drills(shell: Shell, live: list[tuple[str, str]]) -> None:
    def gate() -> dict[str, str]:
        asked = json.loads(shell.run("trader check --only drills --json")[1])
        return dict(asked["result"]["gates"][0])

    def step() -> str:
        page = json.loads(shell.run("trader runbook live-launch --json")[1])
        return str(page["result"]["steps"][6]["state"])

    assert (gate()["result"], step()) == ("fail", "failed")
    for name in REQUIRED:
        assert name in gate()["detail"]
        assert rehearse(shell, name, *DEALT_WITH[name])[0] == 0
    assert (gate()["result"], step()) == ("pass", "done")


def test_at_a_terminal_the_time_runs_while_one_types(shell: Shell) -> None:
    with at_terminal(shell, "drill", "halt", TERM="xterm") as terminal:
        terminal.read_until("00:01  ")
        terminal.type("trader halt")
        assert terminal.end() == 0, terminal.said
    text = terminal.said.decode()
    assert "00:00  ✗ halted  ✓ protected  ✓ settled" in text
    assert "✓ halt was dealt with in" in text
    assert [event["at_terminal"] for event in told(shell)] == [True]


def test_a_scene_that_fails_leaves_nothing_and_takes_no_other_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = staged("flatten", tmp_path / "scene", environ={"BINANCE_API_KEY": "k" * 64, "PATH": "/bin"})
    assert set(scene.environ) == {"PATH", "TRADER_ENV_FILE"}
    with pytest.raises(FileExistsError):
        staged("halt", scene.home)
    assert not scene.resolved()

    async def fail(_: drill_staging.Stage) -> None:
        raise OSError("no room")

    monkeypatch.setattr("cli.drill_scenes.PLAYS", {"halt": fail})
    with pytest.raises(OSError, match="no room"):
        staged("halt", tmp_path / "another")
    assert not (tmp_path / "another").exists()
