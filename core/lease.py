"""The lease: one sender per account, among all processes and homes of a user on this machine.

A holder has two things: a lock (`flock`, which the kernel drops when the holder dies, however it dies) on a
file, and that file's name. Taking the lease over puts another, already locked file under the name. From that
instant the former holder is fenced off, whether it runs, hangs or sleeps: before each order it looks whether
the name still leads to its file. Nobody ever waits for somebody else's lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.account import AccountKey
from core.clock import Clock, iso_utc
from core.errors import ConfigError, Refused
from core.runtime_folder import open_private_file, open_runtime_folder

LOCK_WAIT_S: Final = 0.25
"""No reducing command waits longer for a lock."""
POLL_S: Final = 0.005

_IN_FLIGHT, _IDLE = b"*", b"-"
_RECORD_MAX: Final = 4_096


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the lease, as it wrote itself down. `token` grows with every holder of an account's lease."""

    token: int
    pid: int
    command: str
    since_ms: int

    def __str__(self) -> str:
        if not self.pid:
            return "a command that left no name"
        return f"`{self.command}` (pid {self.pid}, since {iso_utc(self.since_ms)})"


UNNAMED: Final = Holder(token=0, pid=0, command="", since_ms=0)


class Lease:
    """The lease of one account, not held until it is acquired or taken over.

    Keyed by venue, environment and account, not by key or host: a second key or a relay leads to the same
    account. `command`: how the holder is named to others. `displaced`: whom we took it from. `warning`: what
    went wrong where that must not matter.
    """

    def __init__(self, folder: Path, account: AccountKey, *, command: str, clock: Clock) -> None:
        self._folder_path = folder
        self._name = f"{account.venue}-{account.environment}-{account.uid}.lease".replace("/", "_")
        self._command = command
        self._clock = clock
        self._folder: int | None = None
        self._file: int | None = None
        self._predecessor: int | None = None
        self._in_flight = 0
        self._unguarded = False
        self.token = 0
        self.displaced: Holder | None = None
        self.warning: str | None = None

    @contextmanager
    def acquired(self) -> Iterator[Lease]:
        """Hold the lease. Raises Refused LEASE_HELD naming the holder, ConfigError RUNTIME_UNUSABLE."""
        try:
            self._folder = open_runtime_folder(self._folder_path)
            try:
                self._acquire(self._folder)
            except OSError as error:
                raise ConfigError(
                    f"the lease {self._folder_path / self._name} cannot be used: {error.strerror}",
                    code="RUNTIME_UNUSABLE",
                ) from None
            yield self
        finally:
            self._release()

    @contextmanager
    def taken_over(self) -> Iterator[Lease]:
        """Hold the lease from now on, whoever held it (`displaced`): that one can send no further order.

        For what reduces risk only. A folder or disk that cannot be used does not stop it: see `warning`.
        """
        try:
            try:
                self._folder = open_runtime_folder(self._folder_path)
                self._take_over(self._folder)
            except (ConfigError, OSError) as error:
                self._unguarded = True
                self._remove_name()
                self.warning = f"going on without the lease, another command may send too: {error}"
            yield self
        finally:
            self._release()

    async def displaced_is_idle(self, within_s: float = LOCK_WAIT_S) -> bool:
        """Wait until the former holder has no request in flight, or is gone. False when the time is over."""
        if self._predecessor is None:
            return True
        for _ in range(max(1, round(within_s / POLL_S))):
            if _lock(self._predecessor) or os.pread(self._predecessor, 1, 0) != _IN_FLIGHT:
                return True
            await self._clock.sleep(POLL_S)
        return False

    def is_held(self) -> bool:
        """Tell whether the lease is still ours: one look at a name, a few microseconds."""
        if self._unguarded:
            return True
        return self._file is not None and self._name_leads_to(self._file)

    def why_not_held(self) -> str:
        """Say why nothing may be sent, where `is_held` is false."""
        if self._folder is None:
            return "this command does not hold the lease of the account"
        return f"{self._named_holder(self._folder)} has taken over the lease of the account"

    @contextmanager
    def request(self) -> Iterator[None]:
        """Mark a request as in flight, for one who takes the lease over. Ask `is_held` inside, then send.

        In this order, one of two always sees the other: we its file under the name, or it our mark.
        """
        self._in_flight += 1
        self._mark(_IN_FLIGHT)
        try:
            yield
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._mark(_IDLE)

    def _acquire(self, folder: int) -> None:
        with _one_at_a_time(folder):
            file = self._file = open_private_file(folder, self._name)
            if not _lock(file) or not self._name_leads_to(file):
                raise self._held_by(self._named_holder(folder))
            self._sign(file, _written_in(file).token + 1)

    def _take_over(self, folder: int) -> None:
        with _one_at_a_time(folder):
            self._predecessor = open_private_file(folder, self._name)
            former = _written_in(self._predecessor)
            self.displaced = None if _lock(self._predecessor) else former
            new_name = f"{self._name}.{os.getpid()}"
            file = self._file = open_private_file(folder, new_name, os.O_TRUNC)
            if not _lock(file):
                raise BlockingIOError("another take-over of this process is at work")
            self._sign(file, former.token + 1)
            os.rename(new_name, self._name, src_dir_fd=folder, dst_dir_fd=folder)

    def _sign(self, file: int, token: int) -> None:
        self.token = token
        who = {"token": token, "pid": os.getpid(), "command": self._command, "since_ms": self._clock.now_ms()}
        # A full disk must not stop a take-over: what fences is the file, not what it says.
        with suppress(OSError):
            os.truncate(file, 0)
            os.pwrite(file, _IDLE + json.dumps(who).encode() + b"\n", 0)

    def _mark(self, mark: bytes) -> None:
        if self._file is not None:
            with suppress(OSError):
                os.pwrite(self._file, mark, 0)

    def _name_leads_to(self, file: int) -> bool:
        try:
            named = os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)
        except OSError:
            return False
        return os.path.samestat(named, os.fstat(file))

    def _remove_name(self) -> None:
        """Fence the former holder off where no new file can be made: on a full disk a name can be removed."""
        if self._folder is not None:
            with suppress(OSError):
                os.unlink(self._name, dir_fd=self._folder)

    def _named_holder(self, folder: int) -> Holder:
        """Return who signed the file that the name leads to, for a message."""
        try:
            file = os.open(self._name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            return UNNAMED
        with os.fdopen(file, "rb"):
            return _written_in(file)

    def _held_by(self, holder: Holder) -> Refused:
        return Refused(
            f"{holder} is trading on this account; there is one sender at a time",
            code="LEASE_HELD",
            hint="wait for it, or stop it (Ctrl-C leaves no position); `trader flatten` takes over",
            details={
                "pid": holder.pid,
                "command": holder.command,
                "since_ms": holder.since_ms,
                "token": holder.token,
            },
        )

    def _release(self) -> None:
        for descriptor in (self._file, self._predecessor, self._folder):
            if descriptor is not None:
                os.close(descriptor)
        self._file = self._predecessor = self._folder = None
        self._unguarded = False


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _one_at_a_time(folder: int) -> Iterator[None]:
    """Let the few microseconds in which the name changes hands belong to one process.

    One that was stopped just there is not waited for: at worst two tokens are alike.
    """
    for _ in range(round(LOCK_WAIT_S / POLL_S)):
        if _lock(folder):
            break
        time.sleep(POLL_S)
    try:
        yield
    finally:
        fcntl.flock(folder, fcntl.LOCK_UN)


def _written_in(file: int) -> Holder:
    """Return what a holder wrote; it is for messages, so anything unreadable is nobody in particular."""
    try:
        said = json.loads(os.pread(file, _RECORD_MAX, 0)[1:])
        return Holder(int(said["token"]), int(said["pid"]), str(said["command"]), int(said["since_ms"]))
    except (OSError, ValueError, KeyError, TypeError):
        return UNNAMED
