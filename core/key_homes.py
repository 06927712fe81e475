"""Which homes on this machine use a key: told by a small file beside the leases."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from core.runtime_folder import open_private_file, open_runtime_folder


def other_homes(runtime: Path, fingerprint: str, home: Path) -> tuple[str, ...]:
    """Note that this home uses the key, and return the others that did and still exist.

    Raises ConfigError RUNTIME_UNUSABLE. A file that cannot be read or written is an empty one.
    """
    folder = open_runtime_folder(runtime)
    try:
        with suppress(OSError):
            file = open_private_file(folder, f"{fingerprint}.homes")
            with os.fdopen(file, "r+") as stream:
                known = _homes_in(stream.read())
                others = [each for each in known if each != str(home) and Path(each).is_dir()]
                stream.seek(0)
                stream.truncate()
                json.dump([*others, str(home)], stream)
                return tuple(others)
        return ()
    finally:
        os.close(folder)


def _homes_in(text: str) -> list[str]:
    try:
        told = json.loads(text or "[]")
    except ValueError:
        return []
    return [each for each in told if isinstance(each, str)] if isinstance(told, list) else []
