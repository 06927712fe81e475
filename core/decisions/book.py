"""Write down, while a run decides, each decision with what it was made of.

Bars are written once a run: first the whole window that the strategy needs, then those that are new, or that
the venue tells otherwise than before. All of it is in the journal's events, and so under its hashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from core.account import AccountKey
from core.decisions.texts import (
    decision_record,
    digest,
    digest_of,
    observed_record,
    rows_of,
    series_text,
    standing_record,
    time_of,
    with_checksum,
)
from core.journal.chain import plain
from core.strategies.registry import evidence_of

if TYPE_CHECKING:
    from core.gates import StagePlan
    from core.strategies import Decision, MarketView, Series, Standing, Strategy

RUN, DECISION = "DECISIONS", "DECISION"
"""The kinds of the events: of a run that begins to decide, and of each of its decisions."""


class Asked(StrEnum):
    """What a decision was asked for."""

    SELF_TEST = "self-test"
    ENTRY = "entry"
    EXIT = "exit"


class Notes(Protocol):
    """The journal, as far as this needs it."""

    def record_note(self, kind: str, account: AccountKey | None, payload: Mapping[str, object]) -> None: ...


@dataclass(slots=True)
class DecisionBook:
    """The decisions of one run. `run`: the id of the evidence that it will have if it proves something."""

    journal: Notes
    account: AccountKey
    run: str
    plan: StagePlan
    strategy: Strategy
    _parameters: Mapping[str, Any] = field(init=False)
    _number: int = field(default=0, init=False)
    _kept: dict[Series, dict[int, str]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._parameters = plain(evidence_of(self.strategy))

    def record(self, asked: Asked, view: MarketView, standing: Standing, decision: Decision) -> None:
        """Write a decision down. `view`: just what it was made of. Raises Refused JOURNAL_UNWRITABLE."""
        if not self._number:
            self._record_run()
        rows = {series: {time_of(row): row for row in rows_of(bars)} for series, bars in view.series.items()}
        stood, observed = standing_record(standing), observed_record(view)
        self.journal.record_note(
            DECISION,
            self.account,
            {
                "run": self.run,
                "number": self._number + 1,
                "asked": asked,
                "bars": {series_text(series): self._window(series, each) for series, each in rows.items()},
                "standing": stood,
                "observed": observed,
                "digests": {
                    "parameters": digest_of(self._parameters),
                    "standing": digest_of(stood),
                    "observed": digest_of(observed),
                },
                "decision": decision_record(decision),
            },
        )
        self._number += 1
        self._kept = rows

    def _record_run(self) -> None:
        plan = self.plan
        self.journal.record_note(
            RUN,
            self.account,
            {
                "run": self.run,
                "stage": plan.stage.number,
                "strategy": self.strategy.name,
                "parameters": self._parameters,
                "symbol": plan.symbol,
                "bar": plan.bar,
            },
        )

    def _window(self, series: Series, rows: Mapping[int, str]) -> dict[str, object]:
        kept = self._kept.get(series, {})
        times = list(rows)
        return {
            "count": len(rows),
            "first_ms": times[0] if times else None,
            "last_ms": times[-1] if times else None,
            "digest": digest("\n".join(rows.values())),
            "new": [with_checksum(row) for time, row in rows.items() if kept.get(time) != row],
        }
