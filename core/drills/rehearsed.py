"""Whether a rehearsal still counts."""

from __future__ import annotations

from dataclasses import dataclass

from core.clock import DAY_MS


@dataclass(frozen=True, slots=True)
class Drill:
    """One rehearsal. Times of this machine's clock; `took_ms` is measured on one that only grows.

    `here`: whether it was rehearsed in this home, and not in the one that this was restored from.
    """

    name: str
    passed: bool
    started_ms: int
    ended_ms: int
    took_ms: int
    here: bool


def shortfall(drill: Drill | None, now_ms: int, age_ms_max: int) -> str:
    """Say why the newest rehearsal of an incident does not count; "" when it does."""
    if drill is None:
        return "never rehearsed in this home"
    if not drill.here:
        return "rehearsed in the home that this one was restored from"
    if not drill.passed:
        return "given up the last time"
    age_ms = now_ms - drill.ended_ms
    if age_ms < 0:
        return "rehearsed in the future: the clock was set back"
    if age_ms > age_ms_max:
        return f"rehearsed {age_ms / DAY_MS:.1f} days ago; {age_ms_max / DAY_MS:g} is the limit"
    return ""
