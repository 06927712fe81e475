"""The queue's file in the home: it survives crashes, reboots and dead networks.

Whoever changes it holds its lock, for as long as the change takes and never while somebody is told.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from core.alerts.queue import Queue

QUEUE_FILE = "alerts.json"


@dataclass(slots=True)
class QueueFile:
    """The queue of one home, as one process sees it.

    `unwritten`: what could not be written, since the disk is full or read-only. This process goes on from
    there; one that begins anew tells the same once more.
    """

    home: Path
    unwritten: Queue | None = None

    def read(self) -> Queue | None:
        """Return the queue, None when there is none yet, an empty one for a damaged one. Raises OSError."""
        if self.unwritten is not None:
            return self.unwritten
        try:
            return msgspec.json.decode((self.home / QUEUE_FILE).read_bytes(), type=Queue)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError:
            return Queue(was_damaged=True)

    def change(self, changed: Callable[[Queue | None], Queue]) -> Queue:
        """Replace the queue by what it becomes, and return that; a damaged one is kept beside it.

        Raises OSError when it cannot be read.
        """
        with self._locked():
            before = self.read()
            if before is not None and before.was_damaged:
                self._keep_damaged()
            after = changed(before)
            if after != before or self.unwritten is not None:
                self._keep(after)
            return after

    def _keep_damaged(self) -> None:
        path = self.home / QUEUE_FILE
        kept = path.with_suffix(".damaged")
        with suppress(OSError):
            kept.unlink(missing_ok=True)
            kept.hardlink_to(path)

    def _keep(self, queue: Queue) -> None:
        try:
            self._write(queue)
        except FileNotFoundError:
            raise  # the home itself is gone
        except OSError:
            self.unwritten = queue
        else:
            self.unwritten = None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait for the others; where no lock can be had, nothing can be written either."""
        try:
            lock = os.open(self.home / f"{QUEUE_FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            raise
        except OSError:
            yield
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, queue: Queue) -> None:
        path = self.home / QUEUE_FILE
        draft = path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(queue))
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
