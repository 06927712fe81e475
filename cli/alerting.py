"""The process beside a command that tells its alerts, so that the command waits for nobody."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from core.clock import Clock, SystemClock
from core.errors import ConfigError
from core.ids import system_random

if TYPE_CHECKING:
    from core.alerts.delivery import Tell
    from core.alerts.queue import Queue
    from core.alerts.queue_file import QueueFile
    from core.alerts.standing import Wanted
    from core.journal import Journal
    from core.operations.telling import Delivery
    from core.settings import Settings

EVERY_S = 2.0
LINGER_S = 300.0
"""How long it stays after the command while something waits, or a position is watched by nobody."""


def start_beside(settings: Settings) -> None:
    """Start a process that tells alerts for as long as this one lives. Failing to is no reason to stop.

    It learns of our end by a pipe that the kernel closes then, however we end.
    """
    if settings.alert_urls is None and settings.heartbeat_url is None:
        return
    command = [sys.executable, "-m", "cli.main", "alerts", "send", "--beside", "-q"]
    command += ["--home", str(settings.home)]
    if settings.env_file is not None:
        command += ["--env-file", str(settings.env_file)]
    with suppress(OSError):
        ends, _stays_open = os.pipe()
        try:
            subprocess.Popen(  # noqa: S603 - our own program, with no word of anybody else's
                command,
                stdin=ends,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            os.close(ends)


@dataclass(slots=True)
class Teller:
    """What one process needs to tell the alerts of a home, pass after pass.

    `unusable`: URLs that alerts cannot go to; the others are told all the same.
    """

    settings: Settings
    file: QueueFile
    receivers: Mapping[str, Tell]
    unusable: Sequence[str]
    clock: Clock

    @classmethod
    def of(cls, settings: Settings) -> Teller:
        from core.alerts.delivery import receivers
        from core.alerts.queue_file import QueueFile

        found, unusable = receivers(settings.alert_urls)
        tells = {each.name: each.tell for each in found}
        return cls(settings, QueueFile(settings.home), tells, unusable, SystemClock())

    def collect(self) -> Queue:
        """Queue what is to be told. Raises OSError, TraderError when the journal cannot be read."""
        from core.journal import Journal
        from core.operations.alerts import collect

        home = self.settings.home
        with Journal.open(home, clock=self.clock, random_bytes=system_random, read_only=True) as journal:
            wanted = _wanted(self.settings, journal)
            has_receivers = bool(self.receivers or self.unusable)
            return collect(self.file, journal, self.clock, wanted, has_receivers=has_receivers)

    def tell(self, *, at_once: bool) -> Delivery:
        """Tell what waits. `at_once`: also those who could not be reached a moment ago.

        Raises Refused ALERTS_RUNNING when another process tells already, OSError.
        """
        from core.alerts.delivery import ping
        from core.operations.telling import beat, deliver

        done = deliver(self.file, self.receivers, self.clock, at_once=at_once)
        if self.settings.heartbeat_url is not None:
            beat(self.file, partial(ping, self.settings.heartbeat_url), self.clock, at_once=at_once)
        return done


def follow(settings: Settings, command_ends: int) -> None:
    """Tell alerts until a command has ended, and a while longer when there is a reason to.

    `command_ends`: a descriptor that becomes readable then. Commands at the same time have one such process
    each, of which one tells at a time.
    """
    teller = Teller.of(settings)
    leaves_ms: float | None = None
    while leaves_ms is None or (teller.clock.monotonic_ms() < leaves_ms and _stays(teller)):
        ended = bool(select.select([command_ends] if leaves_ms is None else [], [], [], EVERY_S)[0])
        if ended:
            leaves_ms = teller.clock.monotonic_ms() + LINGER_S * 1000
        # Nobody sees this process: whatever fails, it is there to try again.
        with suppress(Exception):
            teller.collect()
        with suppress(Exception):
            teller.tell(at_once=ended)


def _stays(teller: Teller) -> bool:
    """Tell whether something waits, or a position may come to be watched by nobody."""
    try:
        queue = teller.file.read()
    except OSError:
        return False
    if queue is None:
        return False
    beats = teller.settings.heartbeat_url is not None and queue.beat.due(teller.clock.now_ms())
    return beats or bool(queue.waiting or queue.unwatched_ms)


def _wanted(settings: Settings, journal: Journal) -> Wanted:
    from core.alerts.standing import Wanted
    from core.config import resolve_venue

    venue = None
    with suppress(ConfigError):
        venue = resolve_venue(settings, seen_real_venue=journal.seen_real_venue())
    return Wanted(
        venue,
        settings.environment,
        settings.alert_silence_ms,
        settings.alert_no_trade_ms,
        settings.gate_max_key_age_ms,
    )
