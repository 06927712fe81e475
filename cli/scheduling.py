"""Where the daily jobs are written: the user's crontab, or the user's systemd units."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ConfigError
from core.schedule import Job, Place, merged, units

if TYPE_CHECKING:
    from core.settings import Settings

TIMEOUT_S = 30


def place_of(settings: Settings, environ: Mapping[str, str]) -> Place:
    """Return where everything is, in absolute paths; the program is the one that runs now."""
    beside = Path(sys.executable).parent / "trader"
    program = (str(beside),) if beside.exists() else (sys.executable, "-m", "cli.main")
    env_file = None if settings.env_file is None else settings.env_file.resolve()
    return Place(program, settings.home.resolve(), env_file, _credentials(settings, environ))


def install_crontab(place: Place, chosen: Sequence[Job]) -> list[str]:
    """Put the jobs into the user's crontab; return what was done. Raises ConfigError."""
    present = _crontab(["-l"], None)
    # A user without a crontab is told so with an error, and has none to keep.
    text = present.stdout if present.returncode == 0 else ""
    done = _crontab(["-"], merged(text, place, chosen))
    if done.returncode:
        raise _unusable(f"`crontab` refused the lines: {done.stderr.strip() or done.returncode}")
    return [f"{len(chosen)} lines are in your crontab; `crontab -e` takes them out again"]


def install_units(place: Place, chosen: Sequence[Job], environ: Mapping[str, str]) -> list[str]:
    """Write the units to the user's folder; return what is left to do. Raises ConfigError."""
    base = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".config")
    folder = Path(base) / "systemd" / "user"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in units(place, chosen).items():
            draft = folder / f".{name}.new"
            draft.write_text(text)
            draft.replace(folder / name)
    except OSError as error:
        raise _unusable(f"{folder} cannot be written: {error.strerror}") from None
    timers = " ".join(f"trader-{job.name}.timer" for job in chosen)
    return [
        f"the units are in {folder}",
        f"switch them on: systemctl --user daemon-reload && systemctl --user enable --now {timers}",
    ]


def _crontab(arguments: list[str], text: str | None) -> subprocess.CompletedProcess[str]:
    program = shutil.which("crontab")
    if program is None:
        raise _unusable("there is no program `crontab` here")
    try:
        return subprocess.run(  # noqa: S603 - found on the path, as in a shell
            [program, *arguments], input=text, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unusable(f"`crontab` cannot be used: {error}") from None


def _unusable(text: str) -> ConfigError:
    return ConfigError(text, code="SCHEDULE_UNINSTALLED", hint="leave --install out and copy what is printed")


def _credentials(settings: Settings, environ: Mapping[str, str]) -> tuple[tuple[str, Path], ...]:
    """Return the credentials that a service needs where keys are kept as systemd's."""
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if settings.secrets_store != "systemd" or not folder:
        return ()
    return tuple((path.name, path) for path in sorted(Path(folder).iterdir()) if path.is_file())
