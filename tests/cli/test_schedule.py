"""`trader schedule` as an operator uses it, with a crontab program that keeps what it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conversation import Shell

CRONTAB = """#!/bin/sh
case "$1" in
  -l) cat "$HOME/crontab" 2>/dev/null || { echo "no crontab for $USER" >&2; exit 1; } ;;
  -) cat > "$HOME/crontab" ;;
esac
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    Path(made.environ["HOME"]).mkdir(exist_ok=True)
    made.run("trader init -q")
    return made


def test_what_it_prints_runs_from_anywhere(shell: Shell) -> None:
    _, stdout, stderr = shell.run("trader schedule")
    assert "nobody is told" in stderr
    line = next(line for line in stdout.splitlines() if " check " in line)
    command = line.split(" ", 5)[5]
    exit_code, told, _ = shell.bash(f"cd /; env -i PATH=/usr/bin:/bin PYTHONPATH=$PYTHONPATH {command}")
    assert exit_code in (0, 5)
    assert "Traceback" not in told


def test_installed_lines_join_a_crontab_once(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    program = shell.program.parent / "crontab"
    program.write_text(CRONTAB)
    program.chmod(0o755)
    kept = Path(shell.environ["HOME"]) / "crontab"
    kept.write_text("0 1 * * * my-own\n")
    for _ in range(2):
        exit_code, _, stderr = shell.bash("trader schedule --install --yes")
        assert exit_code == 0, stderr
    text = kept.read_text()
    assert text.startswith("0 1 * * * my-own\n")
    assert text.count("reconcile") == 1


def test_units_are_written_and_the_next_step_is_said(shell: Shell) -> None:
    exit_code, stdout, stderr = shell.bash("trader schedule --systemd --install --yes")
    assert exit_code == 0
    assert "systemctl --user daemon-reload" in stderr
    folder = Path(shell.environ["HOME"]) / ".config/systemd/user"
    assert {path.name for path in folder.iterdir()} == {
        f"trader-{name}.{kind}" for name in ("reconcile", "check", "archive") for kind in ("service", "timer")
    }
    assert "ExecStart=" in stdout


def test_off_a_terminal_nothing_is_installed_unasked(shell: Shell) -> None:
    exit_code, _, _ = shell.run("trader schedule --systemd --install")
    assert exit_code == 4
    assert not (Path(shell.environ["HOME"]) / ".config").exists()


def test_without_crontab_the_way_out_is_said(shell: Shell) -> None:
    exit_code, _, stderr = shell.bash(f"PATH={shell.program.parent} trader schedule --install --yes")
    assert exit_code == 3
    assert "error[SCHEDULE_UNINSTALLED]: there is no program `crontab` here" in stderr
