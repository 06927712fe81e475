"""A rehearsal of an incident: until it has ended, is given up or is late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.clock import Clock
from core.drills.conditions import Condition
from core.drills.incidents import Incident
from core.errors import Interrupted, ReconciliationBreak, TraderError

ENDED = "the incident has ended"
INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A rehearsal under way, since the operator was told. `began_ms`: on a clock that only grows."""

    incident: Incident
    clock: Clock
    limit_ms: int
    started_ms: int
    began_ms: float

    @classmethod
    def begin(cls, incident: Incident, clock: Clock, limit_ms: int) -> Attempt:
        return cls(incident, clock, limit_ms, clock.now_ms(), clock.monotonic_ms())

    def elapsed_ms(self) -> int:
        return round(self.clock.monotonic_ms() - self.began_ms)

    @property
    def is_late(self) -> bool:
        return self.elapsed_ms() > self.limit_ms

    def end(self, standing: Sequence[Condition], why: str, *, at_terminal: bool) -> Ended:
        """End it now. It is passed when everything holds within the limit, whatever else is the reason."""
        took_ms = self.elapsed_ms()
        passed = took_ms <= self.limit_ms and all(each.holds for each in standing)
        return Ended(
            name=self.incident.name,
            passed=passed,
            why=ENDED if passed else why,
            started_ms=self.started_ms,
            took_ms=took_ms,
            standing=tuple(standing),
            at_terminal=at_terminal,
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """How a rehearsal ended. `at_terminal`: whether somebody typed, and no script."""

    name: str
    passed: bool
    why: str
    started_ms: int
    took_ms: int
    standing: tuple[Condition, ...]
    at_terminal: bool

    def failure(self) -> TraderError | None:
        """Return why it does not count: Interrupted, or ReconciliationBreak DRILL_GIVEN_UP."""
        if self.passed:
            return None
        left = ", ".join(each.detail for each in self.standing if not each.holds)
        message = f"the drill {self.name} does not count: {self.why}; left: {left or 'nothing, but too late'}"
        hint = f"`trader drill {self.name}` begins it again"
        if self.why == INTERRUPTED:
            return Interrupted(message, hint=hint)
        return ReconciliationBreak(message, code="DRILL_GIVEN_UP", hint=hint)
