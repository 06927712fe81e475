"""The pulse of the streams: look at the exchange now and then, and tell those who listen what is new.

A feed is what one stream name stands for. Each is asked once a pulse, whoever listens, in one transaction
with all others; a pulse comes when this process changed something, and every `PULSE_S` for what the market
and other processes did.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Protocol

from exchanges.paper.engine import Engine
from exchanges.paper.exchange import Exchange

PULSE_S = 0.1

_log = logging.getLogger(__name__)


class Feed(Protocol):
    """What is told under one name. `period_s`: how often at most; 0: whenever there is something.

    A shallow copy of a feed is a feed that goes on from where this one is now.
    """

    @property
    def period_s(self) -> float: ...

    def news(self, engine: Engine) -> list[Any]:
        """Return what happened since the last call, oldest first; the first call only looks."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """One piece of news. `texts` keeps what was made of it, so that many listeners cost one encoding."""

    stream: str
    payload: Any
    texts: dict[tuple[bool, bool], bytes] = field(default_factory=dict)


Listener = Callable[[Told], None]


@dataclass
class _Stream:
    make: Callable[[], Feed]
    feed: Feed
    listeners: list[Listener] = field(default_factory=list)
    due_at: float = 0.0


class Hub:
    """Who listens to what, in one process."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._streams: dict[str, _Stream] = {}
        self._epoch: int | None = None
        self._kicked = False

    def kick(self) -> None:
        """Let a pulse come as soon as what is being done is done."""
        if self._streams and not self._kicked:
            self._kicked = True
            asyncio.get_running_loop().call_soon(self.pulse)

    def listen(self, streams: Mapping[str, Callable[[], Feed]], listener: Listener) -> None:
        """Tell a listener everything of these streams from now on; `streams`: how to make each one's feed."""
        self.pulse()  # so that it hears nothing that was before
        for name, make in streams.items():
            self._streams.setdefault(name, _Stream(make, make())).listeners.append(listener)
        self.pulse()

    def leave(self, name: str, listener: Listener) -> None:
        stream = self._streams[name]
        stream.listeners.remove(listener)
        if not stream.listeners:
            del self._streams[name]

    async def run(self) -> None:
        """Pulse until canceled."""
        while True:
            await asyncio.sleep(PULSE_S)
            if self._streams:
                self.pulse()

    def pulse(self) -> None:
        """Ask every feed that is due, and tell its listeners."""
        self._kicked = False
        now = asyncio.get_running_loop().time()
        due = {name: stream for name, stream in self._streams.items() if stream.due_at <= now}
        if not due:
            return
        feeds, epoch = {name: copy(stream.feed) for name, stream in due.items()}, self._epoch
        try:
            with self._exchange.transaction() as engine:
                self._begin_anew_after_a_wipe(engine)
                news = {name: stream.feed.news(engine) for name, stream in due.items()}
        except Exception as error:
            # Nothing was committed and nothing is told: the next pulse begins where this one did.
            self._epoch = epoch
            for name, feed in feeds.items():
                due[name].feed = feed
            if isinstance(error, sqlite3.OperationalError):
                _log.warning("the paper exchange could not use its state: %s", error)
            else:
                _log.exception("the paper exchange failed to look at what is new")
            return
        for name, payloads in news.items():
            stream = due[name]
            if payloads:
                stream.due_at = now + stream.feed.period_s
            for payload in payloads:
                told = Told(name, payload)
                for listener in tuple(stream.listeners):
                    listener(told)

    def _begin_anew_after_a_wipe(self, engine: Engine) -> None:
        epoch = engine.world.account.epoch
        if self._epoch not in (None, epoch):
            for stream in self._streams.values():
                stream.feed = stream.make()
        self._epoch = epoch
