"""Crontab lines and units that a machine would take."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

import pytest

from core.schedule import Place, crontab, jobs, merged, units

HOME = Path("/home/an operator/100% here")
PLACE = Place(("/opt/trader/bin/trader",), HOME, Path("/etc/trader/.env"))
ALL = jobs(HOME / "archive", tells_alerts=True)


def test_cron_runs_exactly_the_command_that_was_meant() -> None:
    lines = crontab(PLACE, ALL).splitlines()
    assert lines[0] == f"# BEGIN trader {HOME}"
    for job, line in zip(ALL, lines[1:-1], strict=True):
        fields = line.split(" ", 5)
        assert " ".join(fields[:5]) == job.cron
        # cron turns an escaped percent sign back before the shell reads the line
        assert shlex.split(fields[5].replace("\\%", "%")) == PLACE.command(job)
        assert "%" not in fields[5].replace("\\%", "")


def test_installing_again_replaces_only_what_was_written_before() -> None:
    other = Place(("/opt/trader/bin/trader",), Path("/srv/other"), None)
    mine = "# my own\n0 1 * * * backup\n"
    once = merged(mine, PLACE, ALL)
    both = merged(once, other, ALL[:1])
    again = merged(both, PLACE, ALL[:2])
    assert again.startswith(mine)
    assert again.count(f"# BEGIN trader {HOME}") == 1
    assert "/srv/other" in again
    assert "alerts send" not in again
    assert merged(again, PLACE, ALL[:2]) == again


def test_alerts_are_scheduled_only_where_somebody_is_told() -> None:
    assert [job.name for job in jobs(HOME, tells_alerts=False)] == ["reconcile", "check", "archive"]


@pytest.mark.parametrize("job", ALL, ids=lambda job: job.name)
def test_units_may_do_little_and_say_so_in_a_form_that_can_be_read(job: object) -> None:
    found = units(Place(PLACE.program, HOME, None, (("BINANCE_API_KEY", Path("/run/cred/key")),)), [job])  # type: ignore[list-item]
    service_name, timer_name = found
    service, timer = (_parsed(text) for text in found.values())
    assert service_name.removesuffix(".service") == timer_name.removesuffix(".timer")
    assert service["Service"]["Type"] == "oneshot"
    assert service["Service"]["NoNewPrivileges"] == "yes"
    assert service["Service"]["ProtectSystem"] == "strict"
    assert service["Service"]["LoadCredential"] == "BINANCE_API_KEY:/run/cred/key"
    assert "100%% here" in service["Service"]["ExecStart"]
    assert timer["Timer"]["Persistent"] == "true"


def _parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read_string(text)
    return parser
