"""The record of a rotation under way: the id of the key that goes, never its secret, and which one comes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from core.errors import ConfigError
from core.settings_edit import replace_file

FILE_NAME: Final = "rotation.json"
SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class Rotation:
    """`old_key`: the id that the venue knows the old key by. `old_worked`: from here, when this began.

    `uid`: of the account that both keys are of.
    """

    uid: str
    old_key: str
    old_fingerprint: str
    new_fingerprint: str
    old_worked: bool
    begun_ms: int


def load_rotation(home: Path) -> Rotation | None:
    """Return the rotation under way in a home, None for none. Raises ConfigError FILE_UNREADABLE."""
    path = home / FILE_NAME
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Rotation(**told[f"rotation {SCHEMA}"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError):
        raise ConfigError(
            f"{path} cannot be read as the record of a rotation",
            code="FILE_UNREADABLE",
            hint="look on the venue's page which key is old, delete it there, then remove this file",
        ) from None


def save_rotation(home: Path, rotation: Rotation) -> None:
    """Write the record, on disk when this returns. Raises ConfigError FILE_UNWRITABLE."""
    path = home / FILE_NAME
    try:
        replace_file(path, json.dumps({f"rotation {SCHEMA}": asdict(rotation)}, indent=1).encode())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", code="FILE_UNWRITABLE") from None


def remove_rotation(home: Path) -> None:
    (home / FILE_NAME).unlink(missing_ok=True)
