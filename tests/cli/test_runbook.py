"""`trader runbook` from outside: the verdicts of `check`, on pages that are there without the repository."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conversation import REPOSITORY, Shell
from tests.cli.loopback import Loopback, serving


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def page(shell: Shell, command: str, exit_code: int = 0) -> dict[str, Any]:
    got, stdout, stderr = shell.run(f"{command} --json")
    assert got == exit_code, stderr + stdout
    found: dict[str, Any] = json.loads(stdout)["result"]
    return found


def states(document: dict[str, Any]) -> dict[int, str]:
    return {step["step"]: step["state"] for step in document["steps"]}


def test_procedures_are_listed_before_the_pages_of_commands(shell: Shell) -> None:
    listed = page(shell, "trader runbook")["runbooks"]
    with_steps = [each["name"] for each in listed if each["steps"]]
    assert [each["name"] for each in listed][: len(with_steps)] == with_steps
    assert {"live-launch", "daily", "outage"} <= set(with_steps)
    assert not Path(shell.environ["TRADER_HOME"]).exists()


def test_the_page_of_a_command_is_shown_as_it_is(shell: Shell) -> None:
    exit_code, stdout, _ = shell.run("trader runbook halt")
    assert exit_code == 0
    page = (REPOSITORY / "runbooks/halt.md").read_text()
    assert stdout.rstrip() == re.sub(r"^<!-- .* -->\n", "", page, flags=re.MULTILINE).rstrip()


def test_what_check_says_is_what_the_page_shows(shell: Shell) -> None:
    (shell.folder / ".env").write_text("CONFIRM_LIVE=yes\n")
    (shell.folder / ".env").chmod(0o600)
    steps = page(shell, "trader runbook live-launch")["steps"]
    shown = {gate["name"]: gate for step in steps for gate in step["gates"]}
    checked = {gate["name"]: gate for gate in page(shell, "trader check", exit_code=5)["gates"]}
    both = (shown.keys() & checked.keys()) - {"clock"}  # measured anew each time
    assert {"settings", "venue", "signal", "key-rights", "trading-state"} <= both
    assert {name: shown[name] for name in both} == {name: checked[name] for name in both}
    assert shown["settings"]["result"] == "fail"
    assert shown["deposit-address"]["detail"] == "asked at stage 2; these settings are for stage 0"


def test_steps_are_done_by_doing_them(shell: Shell) -> None:
    before = page(shell, "trader runbook first-hour --next")
    assert before["next"] == 1
    assert states(before)[3] == "failed"
    assert shell.run("trader init")[0] == 0
    assert shell.run("trader runbook first-hour --done 1 --note made")[0] == 0
    assert shell.run("trader stage 0")[0] == 0
    assert shell.run("trader reconcile")[0] == 0
    after = page(shell, "trader runbook first-hour --next")
    assert after["next"] == 4
    assert {number for number, state in states(after).items() if state == "done"} == {1, 2, 3, 6, 8, 14}
    assert shell.run('trader halt --reason "first hour"')[0] == 0
    assert states(page(shell, "trader runbook first-hour"))[8] == "failed"


def test_offline_asks_nobody(shell: Shell, tmp_path: Path) -> None:
    with serving(tmp_path / "venue") as venue:
        shell.environ |= venue.environ()
        found = page(shell, "trader runbook outage --offline")
        assert venue.requests == []
    assert set(states(found).values()) == {"waiting", "unavailable"}
    assert not Path(shell.environ["TRADER_HOME"]).exists()


def test_a_venue_out_of_reach_is_a_mark_and_no_error(shell: Shell, tmp_path: Path) -> None:
    with serving(tmp_path / "venue") as venue:
        gone: Loopback = venue
    shell.environ |= gone.environ()
    steps = page(shell, "trader runbook outage")["steps"]
    assert {gate["name"]: gate["result"] for gate in steps[3]["gates"]} == {
        "venue": "fail",
        "clock": "unavailable",
        "account": "unavailable",
    }


def test_a_journal_that_cannot_be_used_leaves_the_page_to_read(shell: Shell) -> None:
    home = Path(shell.environ["TRADER_HOME"])
    home.mkdir(mode=0o700)
    (home / "journal.sqlite3").write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    exit_code, stdout, stderr = shell.run("trader runbook stuck-order")
    assert exit_code == 5, stderr
    assert "Do not send it again" in stdout
    assert "error[JOURNAL_FOREIGN]" in stderr


def test_the_installed_program_has_the_pages(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(REPOSITORY)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as packed:
        found = {name for name in packed.namelist() if name.startswith("cli/runbooks/")}
    assert found == {f"cli/runbooks/{path.name}" for path in (REPOSITORY / "runbooks").glob("*.md")}


def test_installed_pages_are_read_without_the_repository(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages/cli"
    (installed / "runbooks").mkdir(parents=True)
    (installed / "runbooks/daily.md").write_text("# Installed\n")
    monkeypatch.setattr("cli.runbook_pages.PLACES", (installed / "runbooks", installed.parent / "runbooks"))
    assert shell.run("trader runbook daily") == (0, "# Installed\n", "")
