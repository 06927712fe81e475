"""The mix of faults, by seed: what can befall a request of the order path, at rates it survives."""

from __future__ import annotations

from exchanges.paper.faults import (
    Ban,
    CancelRace,
    Clock,
    Delay,
    Drop,
    Empty,
    Error,
    Half,
    Hold,
    Html,
    Lag,
    Partial,
    Permission,
    Plan,
    RateLimit,
    Redirect,
    Reset,
    Silence,
    Slow,
    Twice,
    When,
)
from exchanges.paper.faults.plan import FAILURE_CODES, Fault

HELD_S = 0.5
"""Longer than a sender waits for an order, shorter than "not found" takes to be believed."""
ORDER = "/api/v3/order"
PAIR = "/api/v3/orderList/oco"
LEFT_OUT = {
    "late_fill": "a fill of a settled order is found by `reconcile`, and a human books it",
    "wipe": "a testnet wipe ends the account's epoch, and the comparison with it",
    "duplicate_events": "no order is settled by the stream of events",
    "reorder_events": "no order is settled by the stream of events",
}
"""What this proof does not cover, and why."""


def mix(seed: int, rate: float = 1.0) -> Plan:
    """Return the plan. `rate` multiplies how often each fault comes."""

    def often(share: float, path: str = ORDER) -> When:
        return When(method="POST", path=path, probability=share * rate)

    def reads(share: float) -> When:
        return When(method="GET", security="USER_DATA", probability=share * rate)

    twice = When(method="POST", path=ORDER, params={"type": "STOP_LOSS"}, probability=min(1, 0.03 * rate))
    rules: list[Fault] = [
        # Doubled only where the venue refuses the second: an IOC sent twice by a proxy is bought twice.
        Twice(when=twice),
        Silence(seconds=20, when=often(0.001)),
        Drop(when=often(0.02, PAIR)),
        Reset(when=often(0.02, PAIR)),
        Hold(seconds=HELD_S, when=often(0.01, PAIR)),
        RateLimit(retry_after_s=5, when=often(0.003)),
        Ban(retry_after_s=30, when=often(0.001)),
        Delay(seconds=HELD_S, when=often(0.005)),
        Hold(seconds=HELD_S, when=often(0.004)),
        Slow(seconds=HELD_S, when=often(0.004)),
        Half(when=often(0.01)),
        Redirect(when=often(0.002)),
    ]
    for executed, share in ((True, 0.01), (False, 0.002)):
        rules += [
            Reset(execute=executed, when=often(share)),
            Drop(execute=executed, when=often(share)),
            Empty(execute=executed, when=often(share)),
            Html(status=200, execute=executed, when=often(share)),
            Html(execute=executed, when=often(share)),
            *(Error(code=code, execute=executed, when=often(share / 2)) for code in FAILURE_CODES),
        ]
    rules += [
        Drop(when=When(method="DELETE", probability=min(1, 0.02 * rate))),
        Half(when=reads(0.003)),
        Error(code=-1001, when=reads(0.003)),
        Html(when=reads(0.003)),
        Clock(offset_ms=-400_000, when=often(0.002)),
        Clock(offset_ms=200, drift_ppm=20, when=reads(0.01)),
        Lag(seconds=20, when=When(method="GET", path=ORDER, probability=0.05)),
        Lag(seconds=8, when=When(method="GET", path="/api/v3/myTrades", probability=0.05)),
        Partial(percent=50, when=often(0.03)),
        Partial(percent=0, when=often(0.01)),
        CancelRace(percent=100, when=When(method="DELETE", probability=min(1, 0.02 * rate))),
        CancelRace(percent=40, when=When(method="DELETE", probability=min(1, 0.02 * rate))),
        Permission(trading=True, when=reads(0.05)),
        Permission(trading=False, when=often(0.001)),
    ]
    return Plan(seed=seed, rules=tuple(rules))
