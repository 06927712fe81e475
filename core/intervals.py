"""Bar lengths by the names Binance gives them.

Apart from `core.bars`, so that reading a setting such as `TRADER_BAR` does not load numpy.
"""

from __future__ import annotations

from types import MappingProxyType

_SECOND = 1_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

INTERVALS_MS = MappingProxyType(
    {
        "1s": _SECOND,
        "1m": _MINUTE,
        "3m": 3 * _MINUTE,
        "5m": 5 * _MINUTE,
        "15m": 15 * _MINUTE,
        "30m": 30 * _MINUTE,
        "1h": _HOUR,
        "2h": 2 * _HOUR,
        "4h": 4 * _HOUR,
        "6h": 6 * _HOUR,
        "8h": 8 * _HOUR,
        "12h": 12 * _HOUR,
        "1d": _DAY,
        "3d": 3 * _DAY,
        "1w": 7 * _DAY,
    }
)


def interval_ms(name: str) -> int:
    """Return the length of a Binance interval (`15m`, `1h`, …) in milliseconds.

    Raises ValueError for any other name. `1M` is one of them: months differ in length, so bars of a month
    have no constant interval. Case matters to Binance (`1m` is a minute, `1M` a month), hence here too.
    """
    try:
        return INTERVALS_MS[name]
    except KeyError:
        raise ValueError(f"unknown bar interval {name!r}; known: {', '.join(INTERVALS_MS)}") from None


def interval_name(length_ms: int) -> str:
    """Return the name of a length in milliseconds, or the length itself where it has none."""
    names = (name for name, length in INTERVALS_MS.items() if length == length_ms)
    return next(names, f"{length_ms}ms")
