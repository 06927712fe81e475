"""Crontab lines and units that a machine would take."""

from __future__ import annotations

import configparser
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from core.schedule import Job, Place, crontab, jobs, merged, owner_line, paper_job, units, unwritable_path

HOME = Path("/home/an operator/100% here")
RUNTIME = Path("/var/tmp/trader-7")
PLACE = Place(("/opt/trader/bin/trader",), HOME, Path("/etc/trader/.env"), RUNTIME)
KEYS = (("BINANCE_API_KEY", Path("/run/cred/key")),)
ALL = jobs(HOME / "archive", "90d", tells_alerts=True, backups=Path("/mnt/backups of trader"))


def test_cron_runs_exactly_the_command_that_was_meant() -> None:
    lines = crontab(PLACE, ALL).splitlines()
    assert lines[0] == f"# BEGIN trader {HOME}"
    for job, line in zip(ALL, lines[1:-1], strict=True):
        fields = line.split(" ", 5)
        assert " ".join(fields[:5]) == job.cron
        # cron turns an escaped percent sign back before the shell reads the line
        assert shlex.split(fields[5].replace("\\%", "%")) == PLACE.command(job)
        assert "%" not in fields[5].replace("\\%", "")


@pytest.mark.parametrize("name", ["new\nline", "tab\there", "\udcff"])
def test_what_would_break_a_line_is_found(name: str) -> None:
    assert unwritable_path(PLACE, ALL) is None
    place = Place(PLACE.program, HOME / name, None, RUNTIME)
    assert unwritable_path(place, ALL) == str(HOME / name)
    assert unwritable_path(PLACE, jobs(HOME / name, "90d", tells_alerts=False)) == str(HOME / name)
    assert unwritable_path(Place((), HOME, None, HOME / name), ()) == str(HOME / name)


def test_installing_again_replaces_only_what_was_written_before() -> None:
    other = Place(("/opt/trader/bin/trader",), Path("/srv/other"), None, RUNTIME)
    mine = "# my own\n0 1 * * * backup\n"
    once = merged(mine, PLACE, ALL)
    both = merged(once, other, ALL[:1])
    again = merged(both, PLACE, ALL[:2])
    assert again.startswith(mine)
    assert again.count(f"# BEGIN trader {HOME}") == 1
    assert "/srv/other" in again
    assert "alerts send" not in again
    assert merged(again, PLACE, ALL[:2]) == again


@pytest.mark.parametrize("around", ["", "# my own\n", "# my own\n0 1 * * * backup", "\n\n# end\r\n"])
def test_what_was_written_can_be_taken_out_again(around: str) -> None:
    installed = merged(around, PLACE, ALL)
    assert merged(installed, PLACE, ()) in (around, f"{around}\n")
    assert merged(f"{installed}# after\n", PLACE, ()).endswith("# after\n")


@pytest.mark.parametrize("lost", ["# BEGIN", "# END"])
def test_a_crontab_with_half_of_our_marks_is_not_touched(lost: str) -> None:
    present = merged("", PLACE, ALL) + "0 1 * * * mine\n"
    damaged = "".join(line for line in present.splitlines(keepends=True) if not line.startswith(lost))
    with pytest.raises(ValueError, match="does not have one line"):
        merged(damaged, PLACE, ALL)


def test_alerts_are_scheduled_only_where_somebody_is_told() -> None:
    assert [job.name for job in jobs(HOME, "90d", tells_alerts=False)] == ["reconcile", "check", "archive"]


@pytest.mark.parametrize("job", ALL, ids=lambda job: job.name)
def test_units_may_do_little_and_say_so_in_a_form_that_can_be_read(job: Job) -> None:
    found = units(Place(PLACE.program, HOME, None, RUNTIME, KEYS), [job])
    service_name, timer_name = found
    service, timer = (_parsed(text) for text in found.values())
    assert service_name.removesuffix(".service") == timer_name.removesuffix(".timer")
    assert service["Service"]["Type"] == "oneshot"
    assert service["Service"]["NoNewPrivileges"] == "yes"
    assert service["Service"]["ProtectSystem"] == "strict"
    assert service["Service"]["LoadCredential"] == "BINANCE_API_KEY:/run/cred/key"
    assert "100%% here" in service["Service"]["ExecStart"]
    assert timer["Timer"]["Persistent"] == "true"


def test_what_lasts_is_watched_and_started_again() -> None:
    (text,) = units(PLACE, [paper_job(8750)]).values()
    assert text.startswith(owner_line(PLACE))
    service = _parsed(text)
    assert service["Service"]["Type"] == "notify"
    assert int(service["Service"]["WatchdogSec"]) > 0
    assert service["Service"]["Restart"] == "on-failure"
    assert service["Install"]["WantedBy"] == "default.target"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("manager", ["--system", "--user"])
def test_systemd_takes_the_units(tmp_path: Path, manager: str) -> None:
    program = tmp_path / "100% mine" / "trader"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    place = Place((str(program),), HOME, Path("/etc/trader $HOME/.env"), RUNTIME, KEYS)
    for name, text in units(place, [*ALL, paper_job(8750)]).items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", manager, "verify", *map(str, tmp_path.glob("*.*"))],
        capture_output=True,
        text=True,
        env={"XDG_RUNTIME_DIR": str(tmp_path), "PATH": os.environ["PATH"]},
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read_string(text)
    return parser
