"""What is typed as a secret does not show, and the terminal is as before afterwards."""

from __future__ import annotations

import io
import os
import pty
import termios
from contextlib import suppress

from cli.hidden_input import LOCAL_MODES, no_echo


def test_typing_does_not_show_even_when_it_is_interrupted() -> None:
    master, slave = pty.openpty()

    def shows() -> bool:
        return bool(termios.tcgetattr(slave)[LOCAL_MODES] & termios.ECHO)

    with open(slave, closefd=False) as terminal:
        assert shows()
        hidden = False
        with suppress(KeyboardInterrupt), no_echo(terminal):
            hidden = not shows()
            raise KeyboardInterrupt
        assert hidden
        assert shows()
    os.close(slave)
    os.close(master)


def test_what_is_no_terminal_is_left_alone() -> None:
    with no_echo(io.StringIO("text")):
        pass
