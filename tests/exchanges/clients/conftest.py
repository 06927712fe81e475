"""The exchange as clients meet it: on the machine's clock, behind a recorder."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from exchanges.paper import PaperConfig, serve
from tests.exchanges.clients.recorder import Recorder, recording
from tests.exchanges.paper.serving import wall_clock_ms

GOLDEN = Path(__file__).parent / "golden"
Venue = Callable[..., AbstractAsyncContextManager[Recorder]]


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    @asynccontextmanager
    async def serve_one(**changes: Any) -> AsyncIterator[Recorder]:
        config = PaperConfig(tmp_path / "state", seed=7, persona="mainnet", **changes)
        randomness = random.Random(1).randbytes
        async with (
            serve(config, wall_clock_ms=wall_clock_ms, random_bytes=randomness) as endpoint,
            recording(endpoint) as recorder,
        ):
            yield recorder

    return serve_one


def check_transcript(name: str, recorder: Recorder) -> None:
    """Compare a conversation with the one that is kept; `UPDATE_GOLDEN=1` keeps this one."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(recorder.transcript())
    assert recorder.transcript() == path.read_text()
