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

ACCOUNTS = ("main", "other")


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


async def main(directory: Path) -> None:
    """Say where in one line of JSON, with a key of each account, and serve until stdin ends."""
    config = PaperConfig(directory)
    limits = Limits(10**9, 10**9, 10**9, 10**9)
    with admin.opened(config, wall_clock_ms=wall_clock_ms, random_bytes=secrets.token_bytes) as exchange:
        admin.set_limits(exchange, limits)
        known = {key.account: key for key in (exchange.default_key(), *admin.list_keys(exchange))}
        keys = [known.get(name) or admin.create_key(exchange, name, account=name) for name in ACCOUNTS]
    pairs = [(key.api_key, key.secret) for key in keys]
    async with serve(config, wall_clock_ms=wall_clock_ms, random_bytes=secrets.token_bytes) as endpoint:
        sys.stdout.write(json.dumps([endpoint.rest, endpoint.ws_api, pairs]) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
