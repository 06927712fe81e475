"""The real command in a process of its own, which meets its end at a chosen step of the submit path.

Nothing in the program knows of this: the functions at each step are wrapped in the victim's memory, after the
fork and before the command runs.
"""

from __future__ import annotations

import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp

import core.journal.store
import core.operations.order_path
from cli.main import run
from core.journal import Journal
from exchanges.binance.session import BinanceSession

STARTED = b"on its way"
"""What a victim says when its first order sets out."""

PLACING = "POST /api/v3/order"


@dataclass(frozen=True)
class Step:
    """One instant of the submit path: before or after a call, where its arguments fit."""

    owner: Any
    name: str
    after: bool = False
    fits: Callable[[Sequence[Any]], bool] = lambda arguments: True


def _writes(*kinds: str) -> Callable[[Sequence[Any]], bool]:
    return lambda arguments: arguments[1].kind in kinds


def _places(arguments: Sequence[Any]) -> bool:
    return PLACING in arguments


def _posts_order(arguments: Sequence[Any]) -> bool:
    request = arguments[0]
    return (request.method, request.url.path) == ("POST", "/api/v3/order")


STEPS: Mapping[str, Step] = {
    "approved": Step(Journal, "record_intent"),
    "intent half written": Step(core.journal.store, "project", fits=_writes("INTENT")),
    "intent on disk": Step(Journal, "record_intent", after=True),
    "still wanted": Step(core.operations.order_path, "_abandon_unless_still_wanted", after=True),
    "signed": Step(BinanceSession, "_exchange", fits=_places),
    "half sent": Step(aiohttp.ClientRequest, "send", after=True, fits=_posts_order),
    "executed, answer not read": Step(aiohttp.ClientResponse, "read", fits=_posts_order),
    "answer read": Step(BinanceSession, "_exchange", after=True, fits=_places),
    "answer understood": Step(Journal, "record_report"),
    "fill half written": Step(core.journal.store, "project", fits=_writes("FILL")),
    "outcome half written": Step(core.journal.store, "project", after=True, fits=_writes("REPORT")),
    "outcome on disk": Step(Journal, "record_report", after=True),
}


@dataclass(frozen=True)
class Fate:
    """What befalls a victim at its n-th order: a kill, or sleep for `after_s` seconds.

    `step`: None for a kill `after_s` seconds after the order was approved.
    """

    step: str | None = None
    order: int = 1
    number: signal.Signals = signal.SIGKILL
    after_s: float = 0.0


def live(
    arguments: Sequence[str], environ: Mapping[str, str], folder: Path, fate: Fate, parent: Connection
) -> None:
    """Be `trader ARGUMENTS` in this process, with its output in `folder`/output.txt, and meet the fate."""
    output = os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    sys.argv = ["trader", *arguments]
    remaining = iter(range(fate.order - 1, -1, -1))
    if fate.step is None:
        wrap(STEPS["approved"], lambda: _once(remaining, lambda: parent.send_bytes(STARTED)))
    else:
        wrap(STEPS[fate.step], lambda: _once(remaining, lambda: _meet(fate, parent)))
    run()


def _once(remaining: Iterator[int], act: Callable[[], object]) -> None:
    if next(remaining, None) == 0:
        act()


def _meet(fate: Fate, parent: Connection) -> None:
    parent.send_bytes(STARTED)
    os.kill(os.getpid(), fate.number)


def wrap(step: Step, reached: Callable[[], None]) -> None:
    """Have something happen at a step of this process."""
    call = getattr(step.owner, step.name)

    @functools.wraps(call)
    def plain(*arguments: Any, **named: Any) -> Any:
        if step.fits(arguments) and not step.after:
            reached()
        result = call(*arguments, **named)
        if step.fits(arguments) and step.after:
            reached()
        return result

    @functools.wraps(call)
    async def awaited(*arguments: Any, **named: Any) -> Any:
        if step.fits(arguments) and not step.after:
            reached()
        result = await call(*arguments, **named)
        if step.fits(arguments) and step.after:
            reached()
        return result

    setattr(step.owner, step.name, awaited if inspect.iscoroutinefunction(call) else plain)
