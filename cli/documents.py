"""The JSON document of every command, and the plain form of what goes into it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path

from core.errors import TraderError
from core.values import Base, Quote, decimal_text

SCHEMA = 1
PLACE = ("venue", "environment", "account", "env_file")


def json_ready(value: object) -> object:
    """Return the value in JSON's own types: decimals and amounts as text, records as objects.

    A float that is no number (an indicator's warm-up) is null. Raises TypeError for anything else, first of
    all for a Secret.
    """
    if value is None or (isinstance(value, bool | int | str) and not isinstance(value, Enum)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, Base | Quote | Path):
        return str(value)
    if isinstance(value, Enum):
        return json_ready(value.value)
    if isinstance(value, Mapping):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [json_ready(item) for item in items]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: json_ready(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} has no place in a JSON document")


def one_line(values: Mapping[str, object]) -> str:
    """Return any mapping as one line of JSON in ASCII, which every terminal and locale can carry."""
    return json.dumps(json_ready(values), allow_nan=False)


def document(
    command: str,
    exit_code: int,
    place: Mapping[str, str | None],
    result: Mapping[str, object],
    error: TraderError | None,
) -> str:
    """Return the one document as one line of ASCII."""
    return one_line(
        {
            "schema": SCHEMA,
            "command": command,
            "ok": exit_code == 0,
            "exit_code": exit_code,
            **{name: place.get(name) for name in PLACE},
            "result": result,
            "error": None if error is None else _error(error),
        }
    )


def _error(error: TraderError) -> dict[str, object]:
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "details": error.details,
    }
