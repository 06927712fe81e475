"""Questions that a signal can end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt at a signal even where an event loop took it over: waiting for a human blocks
    the loop, which would hear of it only after the answer.
    """
    at_work: dict[int, Callable[[int, FrameType | None], object]] = {}
    if threading.current_thread() is threading.main_thread():  # signals come to no other
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            handler = signal.getsignal(each)
            if callable(handler):
                at_work[each] = handler
                signal.signal(each, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in at_work.items():
            signal.signal(number, handler)
