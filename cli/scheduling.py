"""Where the daily jobs are written: the user's crontab, or the user's systemd units."""

from __future__ import annotations

import difflib
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import KEPT
from core.errors import ConfigError
from core.keys.kept_secrets import SYSTEMD
from core.runtime_folder import default_runtime_folder
from core.schedule import Job, Place, merged, own_lines, owner_line, units
from core.settings import describe_settings
from core.settings_file import read_settings_file

if TYPE_CHECKING:
    from core.settings import Settings

TIMEOUT_S = 30
CRONTAB = "crontab"
_GIVEN = frozenset({"TRADER_HOME", "TRADER_ENV_FILE", "CONFIRM_LIVE"})
"""Settings of a shell that a job does not need: on its command line, or never in a job's environment."""


@dataclass(frozen=True, slots=True)
class Change:
    """What installing would write: name -> text before and after, "" for what is not there."""

    before: Mapping[str, str]
    after: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        return [name for name, text in self.after.items() if text != self.before[name]]

    def diff(self) -> list[str]:
        """Return the changes as a unified diff."""
        return [
            line.rstrip("\n")
            for name in self.names
            for line in difflib.unified_diff(
                self.before[name].splitlines(keepends=True),
                self.after[name].splitlines(keepends=True),
                name,
                name,
                n=1,
            )
        ]


def place_of(settings: Settings, credentials: Path | None) -> Place:
    """Return where everything is, in absolute paths; the program is the one that runs now."""
    beside = Path(sys.executable).parent / "trader"
    program = (str(beside),) if beside.exists() else (sys.executable, "-m", "cli.main")
    env_file = None if settings.env_file is None else settings.env_file.resolve()
    runtime = (settings.runtime_dir or default_runtime_folder()).resolve()
    return Place(program, settings.home.resolve(), env_file, runtime, _credentials(settings, credentials))


def only_in_this_shell(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Return the settings that neither cron nor systemd will see as they are here."""
    kept = {} if settings.env_file is None else read_settings_file(settings.env_file).values
    names = [each.name for each in describe_settings() if each.name not in _GIVEN]
    return [name for name in names if environ.get(name) and environ[name] != kept.get(name)]


def _credentials(settings: Settings, folder: Path | None) -> tuple[tuple[str, Path], ...]:
    if settings.secrets_store != SYSTEMD or folder is None:
        return ()
    names = sorted({name.removesuffix("_PATH") for name in KEPT})
    return tuple((name, folder / name) for name in names if (folder / name).is_file())


def installed(home: Path, environ: Mapping[str, str]) -> str:
    """Return what `schedule --install` wrote for a home, and nothing of anybody else's."""
    place = Place((), home.resolve(), None, home)
    try:
        table = own_lines(_crontab(["-l"], None).stdout, place)
    except ConfigError as error:
        table = f"{error.message}\n"
    folder, owner = units_folder(environ), owner_line(place)
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("trader-*.*"))}
    ours = [f"{folder / name}\n{text}" for name, text in texts.items() if text.startswith(owner)]
    return "\n".join(["crontab:", table, "units:", *ours]) + "\n"


# --- crontab


def crontab_change(place: Place, chosen: Sequence[Job]) -> Change:
    """Return what the user's crontab would become. Raises ConfigError SCHEDULE_UNINSTALLED."""
    shown = _crontab(["-l"], None)
    if shown.returncode and "no crontab for" not in shown.stderr:
        # Taking a failure for an empty crontab would write over whatever is in it.
        raise _unusable(f"`crontab -l` failed: {shown.stderr.strip() or shown.returncode}")
    present = "" if shown.returncode else shown.stdout
    try:
        return Change({CRONTAB: present}, {CRONTAB: merged(present, place, chosen)})
    except ValueError as error:
        raise _unusable(f"your crontab was edited: {error}") from None


def write_crontab(change: Change) -> None:
    """Hand the crontab over, whole. Raises ConfigError SCHEDULE_UNINSTALLED."""
    done = _crontab(["-"], change.after[CRONTAB])
    if done.returncode:
        raise _unusable(f"`crontab` refused the lines: {done.stderr.strip() or done.returncode}")


def _crontab(arguments: list[str], text: str | None) -> subprocess.CompletedProcess[str]:
    program = shutil.which(CRONTAB)
    if program is None:
        raise _unusable("there is no program `crontab` here")
    try:
        return subprocess.run(  # noqa: S603 - found on the path, as in a shell
            [program, *arguments], input=text, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unusable(f"`crontab` cannot be used: {error}") from None


# --- systemd


def units_folder(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".config")
    return Path(base) / "systemd" / "user"


def units_change(place: Place, chosen: Sequence[Job], folder: Path) -> Change:
    """Return what would become of the units in a folder; those of this home that are not chosen go.

    Raises ConfigError SCHEDULE_UNINSTALLED, also for a unit of one of these names that is not of this home.
    """
    wanted = units(place, chosen)
    owner = owner_line(place)
    try:
        there = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("trader-*.*"))}
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(f"{folder} cannot be read: {error}") from None
    strange = [name for name in wanted if name in there and not there[name].startswith(owner)]
    if strange:
        raise _unusable(
            f"{folder / strange[0]} is not of this home ({place.home}); it is left as it is",
            "`trader schedule --install`, without --systemd: a crontab takes the jobs of several homes",
        )
    gone = {name: "" for name, text in there.items() if text.startswith(owner) and name not in wanted}
    after = {**wanted, **gone}
    return Change({name: there.get(name, "") for name in after}, after)


def write_units(change: Change, folder: Path) -> None:
    """Write each unit whole, and remove those that go. Raises ConfigError SCHEDULE_UNINSTALLED."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in change.names:
            if change.after[name]:
                draft = folder / f".{name}.new"
                draft.write_text(change.after[name], encoding="utf-8")
                draft.replace(folder / name)
            else:
                (folder / name).unlink()
    except OSError as error:
        raise _unusable(f"{folder} cannot be written: {error.strerror}") from None


def _unusable(text: str, hint: str = "leave --install out and copy what is printed") -> ConfigError:
    return ConfigError(text, code="SCHEDULE_UNINSTALLED", hint=hint)
