"""Whatever a command was about, a position that no stop protects is shown at its end."""

from __future__ import annotations

from cli.invocation import Invocation
from core.errors import PositionOpen

WAIT_MS = 50
"""How long it waits for the journal: this is an extra, and the command may be in a hurry."""


def unprotected_position(invocation: Invocation) -> PositionOpen | None:
    """Return what this home holds without protection, None when that is nothing or cannot be read.

    What is wrong with the settings or the journal is for the command itself to say.
    """
    try:
        from core.clock import SystemClock
        from core.config import told_home
        from core.ids import system_random
        from core.journal import Journal
        from core.operations.protection import position_open

        options = invocation.options
        home = told_home(invocation.environ, invocation.cwd, options.env_file, options.home)
        with Journal.open(
            home.path,
            clock=SystemClock(),
            random_bytes=system_random,
            read_only=True,
            busy_timeout_ms=WAIT_MS,
        ) as journal:
            return position_open(journal)
    except Exception:
        return None
