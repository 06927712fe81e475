"""The folder in which all processes of one user on one machine agree, whatever home they use.

Its default depends on nothing but the user: a folder taken from XDG_RUNTIME_DIR or TMPDIR would be another
one for cron than for a shell, and two senders would not see each other.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from core.errors import ConfigError

DEFAULT_PARENT: Final = Path("/var/tmp")  # noqa: S108 - survives a reboot as bans do; checked before use


def default_runtime_folder() -> Path:
    return DEFAULT_PARENT / f"trader-{os.geteuid()}"


def open_runtime_folder(path: Path) -> int:
    """Return a descriptor of the folder, made if absent: ours alone (0700), and not a link.

    Raises ConfigError RUNTIME_UNUSABLE.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise _unusable(path, error.strerror or type(error).__name__) from None
    found = os.fstat(descriptor)
    mode = stat.S_IMODE(found.st_mode)
    # Whoever can open a file for reading can also lock it, and so keep everybody else from sending.
    if found.st_uid != os.geteuid() or mode & 0o077:
        os.close(descriptor)
        owner = "another user" if found.st_uid != os.geteuid() else f"everybody with mode {mode:04o}"
        raise _unusable(path, f"it is open to {owner}")
    return descriptor


def open_private_file(folder: int, name: str, flags: int = 0) -> int:
    """Return a descriptor of a file in the folder, made if absent, to read and write. Raises OSError."""
    wanted = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | flags
    return os.open(name, wanted, 0o600, dir_fd=folder)


def _unusable(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"the runtime folder {path} cannot be used: {why}",
        code="RUNTIME_UNUSABLE",
        hint="mend it (chmod 700), or set TRADER_RUNTIME_DIR, the same for every command of this user",
    )
