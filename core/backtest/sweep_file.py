"""The results of a sweep as lines of JSON: a header, then one line a parameter set, as they came."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from core.backtest.ranking import Score
from core.errors import ConfigError, Refused

_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Result:
    """One set. `score` None: the strategy does not take these parameters, and `refused` says why."""

    index: int
    score: Score | None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class SweepFile:
    """A results file that is open and locked. `earlier`: what was in it."""

    file: BinaryIO
    earlier: Sequence[Result]

    def add(self, result: Result) -> None:
        """Append a result. A kill of this process loses none that was added; a torn last line is cut off."""
        self.file.write(_line(asdict(result)))
        self.file.flush()


@contextmanager
def opened(path: Path, digest: str) -> Iterator[SweepFile]:
    """Open the results of the sweep that `digest` names, or begin them.

    Raises ConfigError FILE_EXISTS when the file is something else, FILE_UNWRITABLE, and Refused SWEEP_RUNNING
    while another process writes to it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror or error}", code="FILE_UNWRITABLE"
        ) from None
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refused(
                f"another sweep is writing to {path}",
                code="SWEEP_RUNNING",
                hint="wait for it, or name another file with --results",
            ) from None
        yield SweepFile(file, _resumed(path, file, {"trader_sweep": _SCHEMA, "digest": digest}))


def _resumed(path: Path, file: BinaryIO, header: dict[str, object]) -> list[Result]:
    """Return the results that are there, and leave the file ready for the next line."""
    content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    first, *lines = whole.splitlines() or [b""]
    if not whole and _line(header).startswith(content):
        file.seek(0)
        file.truncate()
        file.write(_line(header))
        file.flush()
        return []
    try:
        if json.loads(first) != header:
            raise ValueError("another sweep")  # noqa: TRY301 - told below like a line that is no JSON
        results = [_result(line) for line in lines]
    except (ValueError, KeyError, TypeError):
        raise ConfigError(
            f"{path} holds something else than results of this sweep, and is not overwritten",
            code="FILE_EXISTS",
            hint="parameters, costs, bars or trader itself are others: name another file with --results",
        ) from None
    file.seek(len(whole))
    file.truncate()
    return results


def _line(record: dict[str, object]) -> bytes:
    return json.dumps(record, default=str).encode() + b"\n"


def _result(line: bytes) -> Result:
    record = json.loads(line)
    found = record["score"]
    score = None if found is None else Score(**{**found, "profit": Decimal(found["profit"])})
    return Result(int(record["index"]), score, str(record["refused"]))
