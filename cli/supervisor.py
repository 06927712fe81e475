"""What systemd is told of a command that runs long: ready, alive, stopping.

The protocol of sd_notify(3): a datagram of `NAME=value` to the socket that NOTIFY_SOCKET names. Nothing here
may stop a trade: where nobody listens, nothing is said.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress


class Supervisor:
    """systemd as a command sees it; without one, every word is lost."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self.alive_within_s = _watchdog_s(environ)
        """How often `alive` has to be said, None when nobody waits for it."""

    def ready(self) -> None:
        self._tell("READY=1")

    def alive(self) -> None:
        """Say that the work goes on: to be called from the loop that does it, never from beside it."""
        if self.alive_within_s is not None:
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    async def wait(self, stopped: asyncio.Event) -> None:
        """Wait for the end, telling from this event loop that it still turns."""
        # Half of what is allowed, as sd_watchdog_enabled(3) asks for.
        pause_s = None if self.alive_within_s is None else self.alive_within_s / 2
        while not stopped.is_set():
            self.alive()
            with suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), pause_s)

    def _tell(self, word: str) -> None:
        if not self._address.startswith(("/", "@")):
            return
        # A leading @ stands for a name that is in no folder.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            out.sendto(word.encode(), address)


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """Return after how many seconds of silence this process is killed. Source: sd_watchdog_enabled(3)."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    text = environ.get("WATCHDOG_USEC", "")
    return int(text) / 1e6 if text.isascii() and text.isdigit() and int(text) > 0 else None
