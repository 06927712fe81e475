"""Whether it is a paper exchange that answers at an address: by a path that no real venue has."""

from __future__ import annotations

from typing import Final

import aiohttp

from exchanges.paper.dialects.binance.fault_admin import PATH

TIMEOUT_S: Final = 10.0


async def is_paper(root: str) -> bool:
    """Tell whether a paper exchange is served at a root; what does not answer like one is none."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.get(root + PATH, allow_redirects=False) as answer,
        ):
            told = await answer.json() if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return False
    return isinstance(told, dict) and "plan" in told
