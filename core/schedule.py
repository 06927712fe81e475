"""What a machine does every day without being asked, as crontab lines and as systemd units. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "# BEGIN trader", "# END trader"
ONESHOT = """Type=oneshot
TimeoutStartSec=15min"""
LASTING = """Type=notify
NotifyAccess=main
WatchdogSec=60
Restart=on-failure
RestartSec=5"""


@dataclass(frozen=True, slots=True)
class Job:
    """One command and when it runs: as cron writes it, and as systemd does.

    `writes`: folders it writes to beside the home. A `lasting` job has no time: it runs until it is stopped,
    and cron cannot look after it.
    """

    name: str
    what: str
    arguments: tuple[str, ...]
    cron: str = ""
    calendar: str = ""
    writes: tuple[str, ...] = ()

    @property
    def lasting(self) -> bool:
        return not self.calendar


@dataclass(frozen=True, slots=True)
class Place:
    """Where the program, the home and the settings are; paths are absolute, for cron knows none of ours.

    `runtime`: the folder in which all commands of this user agree. `credentials`: name -> file.
    """

    program: tuple[str, ...]
    home: Path
    env_file: Path | None
    runtime: Path
    credentials: tuple[tuple[str, Path], ...] = ()

    def command(self, job: Job) -> list[str]:
        settings = [] if self.env_file is None else ["--env-file", str(self.env_file)]
        return [*self.program, *job.arguments, "--quiet", "--home", str(self.home), *settings]


def jobs(archive: Path, keep: str, *, tells_alerts: bool, backups: Path | None = None) -> list[Job]:
    """Return what is worth doing regularly. Alerts are told only where there is somebody to tell.

    `backups`: a folder, best on another machine's disk; None for no backup.
    """
    archiving = ("audit", "archive", str(archive), "--keep", keep)
    chosen = [
        Job("reconcile", "compare the books with the venue's", ("reconcile",), "17 * * * *", "*:17"),
        Job("check", "look at every gate", ("check",), "43 6 * * *", "06:43"),
        Job("archive", "copy the journal, tidy the home", archiving, "29 4 * * *", "04:29", (str(archive),)),
    ]
    if backups is not None:
        # The slash at its end says that it is a folder, also while it is not there.
        command = ("backup", f"{backups}/")
        chosen.append(Job("backup", "back the home up", command, "11 4 * * *", "04:11", (str(backups),)))
    if tells_alerts:
        telling = ("alerts", "send")
        chosen.append(Job("alerts", "tell what must not wait", telling, "*/5 * * * *", "*:0/5"))
    return chosen


def unwritable_path(place: Place, chosen: Sequence[Job]) -> str | None:
    """Return what no crontab and no unit can hold, as a line's end in the name of a folder; None: nothing."""
    words = [word for job in chosen for word in (*place.command(job), *job.writes)]
    words += [str(place.runtime), *(str(path) for _, path in place.credentials)]
    return next((word for word in words if not word.isprintable()), None)


def paper_job(port: int) -> Job:
    """Return the service that keeps the paper exchange up for other programs."""
    return Job("paper", "serve the paper exchange", ("paper", "serve", "--port", str(port)))


def crontab(place: Place, chosen: Sequence[Job]) -> str:
    """Return the lines of a crontab, between two lines by which they are found again.

    A `%` ends a command in a crontab unless it is escaped.
    """
    lines = [f"{job.cron} {shlex.join(place.command(job))}".replace("%", "\\%") for job in chosen]
    return "\n".join([f"{BEGIN} {place.home}", *lines, f"{END} {place.home}"]) + "\n"


def merged(present: str, place: Place, chosen: Sequence[Job]) -> str:
    """Return a crontab with these lines where those of this home were, or at the end; all others stay.

    No jobs: those of this home go. Raises ValueError when only one of the two marking lines is there.
    """
    lines = present.splitlines(keepends=True)
    begin, end = f"{BEGIN} {place.home}", f"{END} {place.home}"
    marks = [index for index, line in enumerate(lines) if line.rstrip("\r\n") in (begin, end)]
    found = [lines[index].rstrip("\r\n") for index in marks]
    ours = crontab(place, chosen) if chosen else ""
    if not marks:
        whole = not present or present.endswith("\n")
        return present + ("" if whole or not ours else "\n") + ours
    if found != [begin, end]:
        raise ValueError(f"it does not have one line {begin!r} and then one line {end!r}")
    return "".join(lines[: marks[0]]) + ours + "".join(lines[marks[1] + 1 :])


def own_lines(present: str, place: Place) -> str:
    """Return the lines of a crontab from the first to the last mark of this home, "" without both."""
    lines = present.splitlines(keepends=True)
    marks = [
        index
        for index, line in enumerate(lines)
        if line.rstrip("\r\n") in (f"{BEGIN} {place.home}", f"{END} {place.home}")
    ]
    return "".join(lines[marks[0] : marks[-1] + 1]) if len(marks) > 1 else ""


def owner_line(place: Place) -> str:
    """Return the first line of a unit, by which it is known whose it is."""
    return f"# trader schedule for {place.home}"


def units(place: Place, chosen: Sequence[Job]) -> dict[str, str]:
    """Return systemd units by file name: a service that may do little, and the timer that starts it."""
    found: dict[str, str] = {}
    for job in chosen:
        found[f"trader-{job.name}.service"] = _service(place, job)
        if not job.lasting:
            found[f"trader-{job.name}.timer"] = _timer(place, job)
    return found


def _service(place: Place, job: Job) -> str:
    writable = [str(place.home), str(place.runtime), *job.writes]
    loads = "".join(f"LoadCredential={_quoted(f'{name}:{path}')}\n" for name, path in place.credentials)
    # In a command line, and only there, systemd puts values in for `$`.
    command = " ".join(_quoted(word).replace("$", "$$") for word in place.command(job))
    kind = ONESHOT if not job.lasting else LASTING
    install = "\n[Install]\nWantedBy=default.target\n" if job.lasting else ""
    # A private /var/tmp would hide the leases of other commands, so two could trade at once.
    return f"""{owner_line(place)}
[Unit]
Description=trader: {job.what}
Wants=network-online.target
After=network-online.target

[Service]
{kind}
ExecStart={command}
{loads}NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={" ".join(_quoted(f"-{path}") for path in writable)} -/var/tmp
PrivateTmp=no
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0077
{install}"""


def _timer(place: Place, job: Job) -> str:
    return f"""{owner_line(place)}
[Unit]
Description=trader: when to {job.what}

[Timer]
OnCalendar={job.calendar}
Persistent=true
RandomizedDelaySec=30

[Install]
WantedBy=timers.target
"""


def _quoted(word: str) -> str:
    """Return a word as systemd reads it; `%` means something everywhere."""
    escaped = word.replace("\\", "\\\\").replace("%", "%%").replace('"', '\\"')
    return f'"{escaped}"' if any(each in word for each in " \t\"'\\;") else escaped
