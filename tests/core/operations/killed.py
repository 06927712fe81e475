"""Work in a process that is killed just before its nth change of the file system."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

CHANGES = frozenset({"os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "open", "sqlite3.connect"})


def killed_before(nth: int, work: Callable[[], object]) -> bool:
    """Run `work` in a child and tell whether it was killed; False: it ended before the nth change.

    What a Python `finally` would clean up stays, as after a real kill -9.
    """
    child = os.fork()
    if child == 0:
        _run(nth, work)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the work failed"
    return os.WIFSIGNALED(status)


def _run(nth: int, work: Callable[[], object]) -> None:
    seen = 0

    def watch(event: str, _: tuple[object, ...]) -> None:
        nonlocal seen
        if event in CHANGES:
            seen += 1
            if seen == nth:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        sys.addaudithook(watch)
        work()
        os._exit(0)
    except BaseException:
        os._exit(1)
