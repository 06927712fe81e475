"""Serve a paper exchange in a process of its own: `python -m tests.exchanges.paper.serving DIR`."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from pathlib import Path

from exchanges.paper import PaperConfig, admin, serve
from exchanges.paper.limits import Limits


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


async def main(directory: Path) -> None:
    config = PaperConfig(directory)
    limits = Limits(10**9, 10**9, 10**9, 10**9)
    with admin.opened(config, wall_clock_ms=wall_clock_ms, random_bytes=secrets.token_bytes) as exchange:
        admin.set_limits(exchange, limits)
    async with serve(config, wall_clock_ms=wall_clock_ms, random_bytes=secrets.token_bytes) as endpoint:
        sys.stdout.write(json.dumps([endpoint.rest, endpoint.api_key, endpoint.api_secret]) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
