"""`trader schedule` as an operator uses it, with a crontab program that keeps what it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conversation import Shell

CRONTAB = """#!/bin/sh
case "$1" in
  -l) [ -e "$HOME/broken" ] && { echo "crontab: permission denied" >&2; exit 1; }
      cat "$HOME/crontab" 2>/dev/null || { echo "no crontab for $USER" >&2; exit 1; } ;;
  -) cat > "$HOME/crontab" ;;
esac
"""
MINE = "0 1 * * * my-own\n"
UNITS = {
    f"trader-{name}.{kind}" for name in ("reconcile", "check", "archive") for kind in ("service", "timer")
}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    Path(made.environ["HOME"]).mkdir(exist_ok=True)
    made.run("trader init -q")
    return made


@pytest.fixture
def kept(shell: Shell) -> Path:
    """The crontab of a user with a line of his own."""
    program = shell.program.parent / "crontab"
    program.write_text(CRONTAB)
    program.chmod(0o755)
    path = Path(shell.environ["HOME"]) / "crontab"
    path.write_text(MINE)
    return path


def folder_of(shell: Shell) -> Path:
    return Path(shell.environ["HOME"]) / ".config/systemd/user"


def test_what_it_prints_runs_from_anywhere(shell: Shell) -> None:
    _, stdout, stderr = shell.run("trader schedule")
    assert "nobody is told" in stderr
    line = next(line for line in stdout.splitlines() if " check " in line)
    command = line.split(" ", 5)[5]
    exit_code, told, _ = shell.bash(f"cd /; env -i PATH=/usr/bin:/bin PYTHONPATH=$PYTHONPATH {command}")
    assert exit_code in (0, 5)
    assert "Traceback" not in told


def test_a_nightly_backup_is_made_where_it_is_asked_for(shell: Shell) -> None:
    _, stdout, stderr = shell.run("trader schedule")
    assert " backup " not in stdout
    assert "no backup is made" in stderr
    _, stdout, stderr = shell.run("trader schedule --backup 'the backups'")
    assert "no backup is made" not in stderr
    line = next(line for line in stdout.splitlines() if " backup " in line)
    shell.run("trader stage 0 -q")
    assert shell.bash(f"cd /; {line.split(' ', 5)[5]}")[0] == 0
    (made,) = (shell.folder / "the backups").iterdir()
    assert made.name.startswith("trader-backup-")
    _, _, stderr = shell.run('trader schedule --backup "$TRADER_HOME/backups"')
    assert "is in the home itself" in stderr


def test_a_home_that_no_line_can_hold_is_refused(shell: Shell) -> None:
    exit_code, stdout, stderr = shell.run("trader schedule --home $'new\nline'")
    assert (exit_code, stdout) == (2, "")
    assert "new\\nline' has letters that no crontab" in stderr


def test_installed_lines_join_a_crontab_once_and_leave_it_again(shell: Shell, kept: Path) -> None:
    exit_code, stdout, stderr = shell.run("trader schedule --install --yes")
    assert exit_code == 0, stderr
    assert "+17 * * * * " in stdout
    assert "\n+0 1 * * * my-own" not in stdout
    assert kept.read_text().startswith(MINE)
    assert kept.read_text().count(" reconcile ") == 1
    once = kept.stat().st_mtime_ns
    exit_code, stdout, stderr = shell.run("trader schedule --install")  # nothing to ask about
    assert (exit_code, stdout) == (0, "")
    assert "nothing to change" in stderr
    assert kept.stat().st_mtime_ns == once
    assert shell.run("trader schedule --remove --yes")[0] == 0
    assert kept.read_text() == MINE


def test_who_has_no_crontab_gets_one(shell: Shell, kept: Path) -> None:
    kept.unlink()
    assert shell.run("trader schedule --install --yes")[0] == 0
    assert kept.read_text().startswith("# BEGIN trader ")
    assert shell.run("trader schedule --remove --yes")[0] == 0
    assert kept.read_text() == ""


def test_a_crontab_that_cannot_be_read_is_not_taken_for_an_empty_one(shell: Shell, kept: Path) -> None:
    (kept.parent / "broken").touch()
    exit_code, _, stderr = shell.run("trader schedule --install --yes")
    assert exit_code == 3
    assert "permission denied" in stderr
    assert kept.read_text() == MINE


def test_units_are_written_and_the_next_step_is_said(shell: Shell) -> None:
    exit_code, stdout, stderr = shell.run("trader schedule --systemd --install --yes")
    assert exit_code == 0
    assert "systemctl --user daemon-reload" in stderr
    assert {path.name for path in folder_of(shell).iterdir()} == UNITS
    assert "+ExecStart=" in stdout
    assert shell.run("trader schedule --systemd --install")[1] == ""
    exit_code, _, stderr = shell.run("trader schedule --systemd --remove --yes")
    assert exit_code == 0
    assert "systemctl --user disable --now" in stderr
    assert list(folder_of(shell).iterdir()) == []


def test_units_of_somebody_else_are_left_alone(shell: Shell) -> None:
    folder_of(shell).mkdir(parents=True)
    other = folder_of(shell) / "trader-check.service"
    other.write_text("# trader schedule for /srv/other\n")
    exit_code, _, stderr = shell.run("trader schedule --systemd --install --yes")
    assert exit_code == 3
    assert "is not of this home" in stderr
    assert "hint: `trader schedule --install`, without --systemd" in stderr
    assert [path.name for path in folder_of(shell).iterdir()] == [other.name]
    assert shell.run("trader schedule --systemd --remove --yes")[0] == 0
    assert other.exists()


def test_keys_of_a_service_come_from_the_named_folder(shell: Shell) -> None:
    folder = shell.folder / "keys"
    folder.mkdir()
    for name in ("BINANCE_API_KEY", "BINANCE_API_SECRET", "UNRELATED"):
        (folder / name).write_text("k" * 64)
    settings = "TRADER_SECRETS=systemd TRADER_VENUE=binance"
    exit_code, stdout, stderr = shell.run(f"{settings} trader schedule --systemd --credentials keys")
    assert exit_code == 0, stderr
    assert f"LoadCredential=BINANCE_API_KEY:{folder}/BINANCE_API_KEY" in stdout
    assert "UNRELATED" not in stdout
    assert "k" * 64 not in stdout + stderr
    assert "set in this shell only" in stderr
    assert "TRADER_SECRETS" in stderr


def test_off_a_terminal_nothing_is_installed_unasked(shell: Shell) -> None:
    exit_code, _, _ = shell.run("trader schedule --systemd --install")
    assert exit_code == 4
    assert not folder_of(shell).exists()


def test_without_crontab_the_way_out_is_said(shell: Shell) -> None:
    exit_code, _, stderr = shell.run(f"PATH={shell.program.parent} trader schedule --install --yes")
    assert exit_code == 3
    assert "error[SCHEDULE_UNINSTALLED]: there is no program `crontab` here" in stderr
