"""Typing that does not show."""

from __future__ import annotations

import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

LOCAL_MODES = 3


@contextmanager
def no_echo(terminal: TextIO) -> Iterator[None]:
    """Show nothing of what is typed. What is no terminal shows nothing anyway."""
    try:
        descriptor = terminal.fileno()
        before = termios.tcgetattr(descriptor)
    except (OSError, ValueError, termios.error):
        yield
        return
    hidden = list(before)
    hidden[LOCAL_MODES] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSAFLUSH, hidden)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
