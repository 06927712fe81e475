"""The process beside a command that tells its alerts, so that the command waits for nobody."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from time import sleep
from typing import TYPE_CHECKING

from core.clock import SystemClock
from core.errors import Refused, TraderError
from core.ids import system_random

if TYPE_CHECKING:
    from core.alerts.delivery import Tell
    from core.alerts.queue import Waiting
    from core.settings import Settings

EVERY_S = 2.0
HEARTBEAT_TIMEOUT_S = 10


def start_beside(settings: Settings) -> None:
    """Start a process that tells alerts for as long as this one lives. Failing to is no reason to stop."""
    if settings.alert_urls is None and settings.heartbeat_url is None:
        return
    command = [sys.executable, "-m", "cli.main", "alerts", "send", "-q", "--while", str(os.getpid())]
    command += ["--home", str(settings.home)]
    if settings.env_file is not None:
        command += ["--env-file", str(settings.env_file)]
    with suppress(OSError):
        subprocess.Popen(  # noqa: S603 - our own program, with no word of anybody else's
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def follow(settings: Settings, receivers: Mapping[str, Tell], pid: int) -> None:
    """Tell alerts until a process has ended, and once more after it. One such process a home is enough."""
    from core.run_lock import only_run

    with suppress(Refused), only_run(settings.home, "alerts", "ALERTS_RUNNING"):
        lives = True
        while lives:
            lives = _lives(pid)
            with suppress(OSError, TraderError):
                one_pass(settings, receivers)
            if lives:
                sleep(EVERY_S)


def one_pass(settings: Settings, receivers: Mapping[str, Tell]) -> tuple[int, int]:
    """Queue what was journaled, tell what waits; return how many were told and how many wait still."""
    from core.journal import Journal
    from core.operations.alerts import collect, deliver

    clock = SystemClock()
    with Journal.open(settings.home, clock=clock, random_bytes=system_random, read_only=True) as journal:
        reconciled = collect(settings.home, journal, clock, settings.alert_silence_ms)
    if reconciled and settings.heartbeat_url is not None:
        _beat(settings.heartbeat_url.reveal())
    return deliver(settings.home, receivers)


def waiting(settings: Settings) -> tuple[Waiting, ...]:
    """Return what is queued."""
    from core.alerts.queue import opened

    if not settings.home.is_dir():
        return ()
    with opened(settings.home) as file:
        queue = file.read()
    return () if queue is None else queue.waiting


def _beat(url: str) -> None:
    # A missed beat is what the service at the other end is for.
    with suppress(OSError, ValueError), urllib.request.urlopen(url, timeout=HEARTBEAT_TIMEOUT_S):  # noqa: S310
        pass


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
