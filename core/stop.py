"""A request to stop, from a signal or a limit, that waits can see."""

from __future__ import annotations

import asyncio

from core.clock import Clock


class StopRequest:
    """Asks a running operation to finish the request in flight, leave no position, and end."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.reason: str | None = None

    def ask(self, reason: str) -> None:
        """Ask to stop; the first reason stays."""
        self.reason = self.reason or reason
        self._event.set()

    @property
    def asked(self) -> bool:
        return self._event.is_set()

    async def wait(self, clock: Clock, seconds: float) -> bool:
        """Wait this long on the clock, or until asked to stop. Return whether a stop was asked for."""
        if seconds <= 0 or self.asked:
            return self.asked
        sleeping = asyncio.ensure_future(clock.sleep(seconds))
        stopping = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sleeping, stopping):
                task.cancel()
            await asyncio.gather(sleeping, stopping, return_exceptions=True)
        return self.asked
