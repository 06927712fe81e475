"""Which homes on this machine use a key: told by a small file beside the leases, one home a line."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

from core.runtime_folder import open_private_file, open_runtime_folder


def other_homes(runtime: Path, fingerprint: str, home: Path) -> tuple[str, ...] | None:
    """Note that this home uses the key, and return the others that did and still exist.

    None when the file cannot be read or written: then nobody knows. Raises ConfigError RUNTIME_UNUSABLE.
    """
    folder = open_runtime_folder(runtime)
    try:
        file = open_private_file(folder, f"{fingerprint}.homes", os.O_APPEND)
        with os.fdopen(file, "r+b", buffering=0) as stream:
            if str(home) not in _homes_in(stream):
                # Appended, then read again: of two homes at once, one sees the other, and no note is lost.
                stream.write(f"\n{json.dumps(str(home))}\n".encode())
            known = _homes_in(stream)
        return tuple(each for each in known if each != str(home) and Path(each).is_dir())
    except OSError:
        return None
    finally:
        os.close(folder)


def _homes_in(stream: io.FileIO) -> list[str]:
    """Return the homes of all whole lines."""
    stream.seek(0)
    homes: dict[str, None] = {}
    for line in stream.read().splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, str):
            homes[told] = None
    return list(homes)
