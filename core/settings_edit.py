"""Change settings in their file: what is not changed, comments and order included, stays as it was."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream

from core.errors import ConfigError

OWNER_ONLY = 0o600
_BARE = re.compile(r"[A-Za-z0-9_./:,+=@%~-]+\Z")
_LINE_END = re.compile(r"\r\n|\n|\r")


def edited(text: str, changes: Mapping[str, str | None]) -> str:
    """Return the text of a settings file with other values; None removes a setting with its line.

    A setting that was absent comes right after the last one that is changed, or at the end. Raises ValueError
    for a value that the file could not give back.
    """
    parts: list[str] = []
    absent = {name: value for name, value in changes.items() if value is not None}
    last = -1
    for binding in parse_stream(io.StringIO(text, newline="")):
        original = binding.original.string
        if binding.key is not None and binding.key in changes and not binding.error:
            original = _with_value(original, binding.key, changes[binding.key])
            absent.pop(binding.key, None)
            last = len(parts)
        parts.append(original)
    end = _end_of(text)
    added = "".join(f"{name}={_written(value)}{end}" for name, value in absent.items())
    if added:
        at = last if last >= 0 else len(parts) - 1
        if at >= 0 and not parts[at].endswith(("\n", "\r")):
            parts[at] += end if parts[at] else ""
        parts.insert(at + 1, added)
    result = "".join(parts)
    _prove(text, result, changes)
    return result


def _with_value(original: str, name: str, value: str | None) -> str:
    """Return one line, and the empty ones before it, with another value; its comment stays."""
    start = len(original) - len(original.lstrip())
    before, line = original[:start], original[start:]
    if value is None:
        return before
    head = re.match(rf"(?:export[^\S\r\n]+)?'?{re.escape(name)}'?[^\S\r\n]*=[^\S\r\n]*", line)
    if head is None:
        raise ValueError(f"the line of {name} has a form that is not known")
    return before + head[0] + _written(value) + _after_value(line[head.end() :])


def _after_value(rest: str) -> str:
    """Return what follows a value on its line: white space, a comment, the line's end."""
    quoted = re.match(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", rest, re.DOTALL)
    if quoted:
        return rest[quoted.end() :]
    bare = re.match(r"[^\r\n]*?(?=[^\S\r\n]+#|[^\S\r\n]*(?:[\r\n]|\Z))", rest)
    return rest[bare.end() :] if bare else ""


def _written(value: str) -> str:
    if _BARE.match(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _end_of(text: str) -> str:
    found = _LINE_END.search(text)
    return found[0] if found else "\n"


def _prove(before: str, after: str, changes: Mapping[str, str | None]) -> None:
    """Read both texts back: only what was to change has changed."""
    wanted = {**_values(before), **changes}
    expected = {name: value for name, value in wanted.items() if value is not None}
    if _values(after) != expected:
        raise ValueError("a value cannot be written into the settings file as it is")


def _values(text: str) -> dict[str, str | None]:
    found = parse_stream(io.StringIO(text, newline=""))
    return {each.key: each.value for each in found if each.key is not None and each.value is not None}


def edit_settings_file(path: Path, changes: Mapping[str, str | None]) -> None:
    """Change settings on disk: afterwards the file is the old one or the new one, whole, whatever happens.

    Readable by its owner only. A link stays, and what it leads to is replaced. Raises ConfigError
    FILE_UNWRITABLE; then nothing has changed.
    """
    try:
        target = path.resolve(strict=True)
        text = target.read_bytes().decode("utf-8-sig")
        replace_file(target, edited(text, changes).encode())
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"the settings file {path} cannot be changed: {why}",
            code="FILE_UNWRITABLE",
            hint="make it and its folder writable; nothing was changed",
        ) from None


def replace_file(path: Path, content: bytes) -> None:
    """Put a whole file under its name and on disk, readable by its owner only. Raises OSError."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, OWNER_ONLY)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
