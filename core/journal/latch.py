"""The latch: a file beside the journal that halts every account of this home.

It can be set when the database cannot be written, and by hand: `touch HALTED`. Its presence counts, whatever
it holds; so does not being able to tell.
"""

from __future__ import annotations

import os
from pathlib import Path

LATCH = "HALTED"


def is_set(home: Path) -> bool:
    """Tell whether the home is halted."""
    try:
        (home / LATCH).lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def set_latch(home: Path, text: str) -> None:
    """Halt the home; `text` tells a human why. Raises OSError when not even an empty file can be made."""
    path = home / LATCH
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, (" ".join(text.split()) + "\n").encode())
        os.fsync(descriptor)
    except OSError:
        # On a full disk the name is there all the same, and the name is what counts.
        return
    finally:
        os.close(descriptor)
    sync_folder(home)


def clear(home: Path) -> None:
    """Lift the latch. Raises OSError."""
    (home / LATCH).unlink(missing_ok=True)
    sync_folder(home)


def sync_folder(folder: Path) -> None:
    """Make names that were added or removed survive a power loss. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
