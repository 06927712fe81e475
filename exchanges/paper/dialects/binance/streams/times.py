"""Times in microseconds, for those who asked for that unit: each event has its own names for them."""

from __future__ import annotations

from typing import Any

_TIMES: dict[str, tuple[str, ...]] = {
    "trade": ("E", "T"),
    "aggTrade": ("E", "T"),
    "kline": ("E",),
    "24hrMiniTicker": ("E",),
    "24hrTicker": ("E", "O", "C"),
    "1hTicker": ("E", "O", "C"),
    "4hTicker": ("E", "O", "C"),
    "1dTicker": ("E", "O", "C"),
    "avgPrice": ("E", "T"),
    "depthUpdate": ("E",),
    "serverShutdown": ("E",),
    "executionReport": ("E", "T", "O", "W", "D"),
    "outboundAccountPosition": ("E", "u"),
    "balanceUpdate": ("E", "T"),
    "listStatus": ("E", "T"),
    "eventStreamTerminated": ("E",),
}


def in_microseconds(payload: Any) -> Any:
    """Return an event, or a list of events, with its times in microseconds."""
    if isinstance(payload, list):
        return [in_microseconds(each) for each in payload]
    finer = dict(payload)
    for name in _TIMES.get(payload.get("e", ""), ()):
        if name in finer:
            finer[name] *= 1000
    if "k" in finer and finer["e"] == "kline":
        bar = finer["k"]
        finer["k"] = {**bar, "t": bar["t"] * 1000, "T": bar["T"] * 1000 + 999}
    return finer
