"""What a machine does every day without being asked, as crontab lines and as systemd units. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "# BEGIN trader", "# END trader"


@dataclass(frozen=True, slots=True)
class Job:
    """One command and when it runs: as cron writes it, and as systemd does."""

    name: str
    what: str
    arguments: tuple[str, ...]
    cron: str
    calendar: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where the program, the home and the settings are; paths are absolute, for cron knows none of ours."""

    program: tuple[str, ...]
    home: Path
    env_file: Path | None
    credentials: tuple[tuple[str, Path], ...] = ()

    def command(self, job: Job) -> list[str]:
        settings = [] if self.env_file is None else ["--env-file", str(self.env_file)]
        return [*self.program, *job.arguments, "--quiet", "--home", str(self.home), *settings]


def jobs(archive: Path, *, tells_alerts: bool) -> tuple[Job, ...]:
    """Return what is worth doing regularly. Alerts are told only where there is somebody to tell."""
    daily = (
        Job("reconcile", "compare the books with the venue's", ("reconcile",), "17 * * * *", "*:17"),
        Job("check", "look at every gate", ("check",), "43 6 * * *", "06:43"),
        Job("archive", "copy the journal", ("audit", "archive", str(archive)), "29 4 * * *", "04:29"),
    )
    alerts = Job("alerts", "tell what must not wait", ("alerts", "send"), "*/5 * * * *", "*:0/5")
    return (*daily, alerts) if tells_alerts else daily


def crontab(place: Place, chosen: Sequence[Job]) -> str:
    """Return the lines of a crontab, between two lines by which they are found again.

    A `%` ends a command in a crontab unless it is escaped.
    """
    lines = [f"{job.cron} {shlex.join(place.command(job))}".replace("%", "\\%") for job in chosen]
    return "\n".join([f"{BEGIN} {place.home}", *lines, f"{END} {place.home}"]) + "\n"


def merged(present: str, place: Place, chosen: Sequence[Job]) -> str:
    """Return a crontab with these lines in place of the ones written before; all others stay as they are."""
    kept: list[str] = []
    inside = False
    for line in present.splitlines():
        if line == f"{BEGIN} {place.home}":
            inside = True
        if not inside:
            kept.append(line)
        if line == f"{END} {place.home}":
            inside = False
    before = "\n".join(kept)
    return (f"{before}\n" if before else "") + crontab(place, chosen)


def units(place: Place, chosen: Sequence[Job]) -> dict[str, str]:
    """Return systemd units by file name: a service that may do little, and the timer that starts it."""
    found: dict[str, str] = {}
    for job in chosen:
        found[f"trader-{job.name}.service"] = _service(place, job)
        found[f"trader-{job.name}.timer"] = _timer(job)
    return found


def _service(place: Place, job: Job) -> str:
    writable = sorted({str(place.home), *(job.arguments[-1:] if job.name == "archive" else ())})
    loads = "".join(f"LoadCredential={name}:{path}\n" for name, path in place.credentials)
    return f"""[Unit]
Description=trader: {job.what}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart={" ".join(_quoted(word) for word in place.command(job))}
TimeoutStartSec=15min
{loads}NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={" ".join(_quoted(f"-{path}") for path in writable)} -/var/tmp
PrivateTmp=no
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictSUIDSGID=yes
LockPersonality=yes
UMask=0077
"""


def _timer(job: Job) -> str:
    return f"""[Unit]
Description=trader: when to {job.what}

[Timer]
OnCalendar={job.calendar}
Persistent=true
RandomizedDelaySec=30

[Install]
WantedBy=timers.target
"""


def _quoted(word: str) -> str:
    """Return a word as systemd reads it: `%` and `$` mean something there."""
    escaped = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    return f'"{escaped}"' if any(each in word for each in " \t\"'\\;") else escaped
