"""Find and read the settings file: `NAME=value` lines, as python-dotenv reads them, nothing expanded."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import parse_stream

from core.errors import ConfigError

FILE_NAME = ".env"
LARGEST_FILE_BYTES = 1_000_000
_NAME = re.compile(r"\s*(?:export\s+)?([A-Z][A-Z0-9_]*)\b")


@dataclass(frozen=True, slots=True)
class Fault:
    """What could not be read. `name`: that the line seems to be about, "" where it cannot be told."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """What a settings file holds. `lines`: name -> line number. `faults`: by line."""

    path: Path
    values: Mapping[str, str]
    lines: Mapping[str, int]
    faults: tuple[Fault, ...]
    readable_by_others: bool


def find_settings_file(cwd: Path, home: Path) -> Path | None:
    """Return the file to read when none was named: `./.env`, else `$TRADER_HOME/.env`, else None.

    A file that exists but cannot be used is not passed over: reading it fails with its own error.
    """
    return next((folder / FILE_NAME for folder in (cwd, home) if _exists(folder / FILE_NAME)), None)


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True


def read_settings_file(path: Path) -> SettingsFile:
    """Read one file. Raises ConfigError SETTINGS_FILE_UNREADABLE when it is missing or not text."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(LARGEST_FILE_BYTES + 1)
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise _unreadable(path, "does not exist") from None
    except UnicodeDecodeError:
        raise _unreadable(path, "is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if len(content) > LARGEST_FILE_BYTES:
        raise _unreadable(path, f"is larger than {LARGEST_FILE_BYTES} bytes")
    return _parse(path, text, readable_by_others=bool(mode & (stat.S_IRWXG | stat.S_IRWXO)))


def _unreadable(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"the settings file {path} {why}",
        code="SETTINGS_FILE_UNREADABLE",
        hint="name the right file with --env-file or TRADER_ENV_FILE; `trader init` writes a new one",
        details={"path": str(path)},
    )


def _parse(path: Path, text: str, *, readable_by_others: bool) -> SettingsFile:
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    faults: list[Fault] = []
    for binding in parse_stream(io.StringIO(text)):
        line = binding.original.line + _leading_line_ends(binding.original.string)
        if binding.error or (binding.key is not None and binding.value is None):
            begins = _NAME.match(binding.original.string)
            faults.append(Fault(begins[1] if begins else "", f"line {line} is not NAME=value"))
        elif binding.key is not None and binding.value is not None:
            if binding.key in lines:
                twice = f"{binding.key} is set twice, in lines {lines[binding.key]} and {line}"
                faults.append(Fault(binding.key, twice))
            values[binding.key] = binding.value
            lines[binding.key] = line
    return SettingsFile(path, values, lines, tuple(faults), readable_by_others)


def _leading_line_ends(text: str) -> int:
    return text[: len(text) - len(text.lstrip())].count("\n")
