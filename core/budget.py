"""The request budget: what all processes of this user may still ask of one host.

A venue counts the weight of requests per address and minute; asking on after it said "wait" turns a limit
into a ban. So every process adds the weight of its requests to one small file before it sends them, learns
from every answer what the venue counted, and stops when any process was told to wait.

The file is read and written whole (`pread`, `pwrite`), not mapped into memory: a write to a mapped page kills
the process when the disk is full, and cancels must work then. No failure stops a request: without the file
the process keeps its own count and says so (`warning`).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from core.clock import Clock
from core.errors import ConfigError
from core.runtime_folder import open_private_file, open_runtime_folder

MINUTE_MS: Final = 60_000
WEIGHT_PER_MINUTE: Final = 6_000
ORDINARY_SHARE: Final = 0.8
"""Reads and entries leave the rest of a minute's weight to what reduces risk."""

BANNED: Final = 418
LONGEST_S: Final = {429: 5 * 60, BANNED: 3 * 86_400}
"""HTTP status -> longest wait that a venue asks for; a broken proxy may ask for years."""

_MAGIC: Final = b"TRBUDGT1"
_FIELDS: Final = struct.Struct("<8s5q")
_CHECKSUM: Final = struct.Struct("<I")
_SIZE: Final = _FIELDS.size + _CHECKSUM.size
_LOCK_TRIES: Final = 50
_LOCK_PAUSE_S: Final = 0.0002


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a request is not sent now. `status`: the venue's 429 or 418, None when our own sum says so."""

    left_s: int
    status: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Count:
    """`minute`: of the venue, since 1970. `closed_…`: by this machine's clock; `status`: who closed."""

    minute: int = 0
    used: int = 0
    closed_at_ms: int = 0
    closed_until_ms: int = 0
    status: int = 0

    def used_in(self, minute: int) -> int:
        return self.used if minute == self.minute else 0

    def closed_for_ms(self, now_ms: int) -> int:
        # Never longer than the venue asked for: the clock may have been set back since.
        return min(self.closed_until_ms - now_ms, self.closed_until_ms - self.closed_at_ms)


_NOTHING: Final = _Count()


class Budget:
    """One process's access to the budget of one host. `offset_ms`: venue time minus ours, once measured."""

    def __init__(self, clock: Clock, file: int | None = None, warning: str | None = None) -> None:
        self._clock = clock
        self._file = file
        self._own_count = _NOTHING
        self._reducing = 0
        self.offset_ms = 0.0
        self.warning = warning

    @classmethod
    def shared(cls, folder: Path, host: str, clock: Clock) -> Budget:
        """Open the budget that all processes share for a host. Never fails: see `warning`."""
        name = f"{hashlib.sha256(host.encode(errors='surrogateescape')).hexdigest()[:16]}.budget"
        try:
            descriptor = open_runtime_folder(folder)
            try:
                return cls(clock, open_private_file(descriptor, name))
            finally:
                os.close(descriptor)
        except (ConfigError, OSError) as error:
            return cls(clock, warning=f"other commands' requests are not counted: {error}")

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @contextmanager
    def reducing(self) -> Iterator[None]:
        """Let everything asked meanwhile use the whole budget: it makes a position smaller."""
        self._reducing += 1
        try:
            yield
        finally:
            self._reducing -= 1

    def admit(self, weight: int, *, reducing: bool = False) -> Wait | None:
        """Count a request before it is sent, or return why it must wait.

        Only the venue's own word keeps back what reduces risk; our sum never does.
        """
        count, now_ms = self._read(), self._clock.now_ms()
        closed_ms = count.closed_for_ms(now_ms)
        if closed_ms > 0:
            return Wait(-(-closed_ms // 1000), count.status, f"HTTP {count.status} asked to wait")
        minute, into_minute_ms = divmod(round(now_ms + self.offset_ms), MINUTE_MS)
        used, most = count.used_in(minute), int(WEIGHT_PER_MINUTE * ORDINARY_SHARE)
        if used + weight > most and not (reducing or self._reducing):
            left_s = -(-(MINUTE_MS - into_minute_ms) // 1000)
            return Wait(left_s, None, f"{used} of {most} weight is used in this minute")
        if weight:
            self._change(lambda now: replace(now, minute=minute, used=now.used_in(minute) + weight))
        return None

    def learn_used(self, used: int) -> None:
        """Take over what the venue counted in this minute, when it is more than we know of."""
        minute = round(self._clock.now_ms() + self.offset_ms) // MINUTE_MS
        if used > self._read().used_in(minute):
            self._change(lambda now: replace(now, minute=minute, used=max(used, now.used_in(minute))))

    def close_for(self, seconds: int, status: int) -> None:
        """Let nobody send anything for this long: the venue answered 429 or 418."""
        at_ms = self._clock.now_ms()
        until_ms = at_ms + min(seconds, LONGEST_S[status]) * 1000

        def closed(now: _Count) -> _Count:
            if now.closed_for_ms(at_ms) > until_ms - at_ms:
                return now
            return replace(now, closed_at_ms=at_ms, closed_until_ms=until_ms, status=status)

        self._change(closed)

    def _change(self, change: Callable[[_Count], _Count]) -> None:
        """Replace the count under a lock; without it when another process was stopped while it held it.

        What may be lost then is one request's weight, and the venue's next answer corrects it.
        """
        locked = self._file is not None and _lock(self._file)
        try:
            self._write(change(self._read()))
        finally:
            if locked and self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _read(self) -> _Count:
        if self._file is None:
            return self._own_count
        try:
            content = os.pread(self._file, _SIZE, 0)
        except OSError as error:
            self._lose_file(error)
            return self._own_count
        return _decoded(content)

    def _write(self, count: _Count) -> None:
        self._own_count = count
        if self._file is not None:
            try:
                os.pwrite(self._file, _encoded(count), 0)
            except OSError as error:
                self._lose_file(error)

    def _lose_file(self, error: OSError) -> None:
        self.close()
        self.warning = f"other commands' requests are no longer counted: {error.strerror}"


def _lock(file: int) -> bool:
    """Try for about 10 ms: others hold it for microseconds, unless the machine took the processor away."""
    for _ in range(_LOCK_TRIES):
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_LOCK_PAUSE_S)
    return False


def _encoded(count: _Count) -> bytes:
    fields = _FIELDS.pack(
        _MAGIC, count.minute, count.used, count.closed_at_ms, count.closed_until_ms, count.status
    )
    return fields + _CHECKSUM.pack(zlib.crc32(fields))


def _decoded(content: bytes) -> _Count:
    """Read a count. An empty, half-written or foreign one is no count: the next answer brings a new one."""
    if len(content) == _SIZE and content.startswith(_MAGIC):
        fields = content[: _FIELDS.size]
        if _CHECKSUM.unpack_from(content, _FIELDS.size)[0] == zlib.crc32(fields):
            return _Count(*_FIELDS.unpack(fields)[1:])
    return _NOTHING
