"""Replay the decisions of a stage: from the journal alone, without a venue, a key or a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from core.decisions.book import DECISION, RUN, Asked
from core.decisions.replay import Recorded, Replay, Run, run_of, strategy_of
from core.decisions.replay import replay as run_again
from core.decisions.texts import decision_line
from core.errors import ConfigError, ReconciliationBreak
from core.journal.history import Link, Selection
from core.strategies.parameters import changed
from core.strategies.registry import known_strategy

if TYPE_CHECKING:
    from core.journal import Journal
    from core.strategies import Strategy


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """`changes`: parameters that were set otherwise than they were. `proven`: whether the run left evidence.
    `other_code`: whether that evidence is of another version of the code; None without evidence.
    """

    replay: Replay
    changes: Mapping[str, str]
    proven: bool
    other_code: bool | None

    def raise_if_different(self) -> None:
        """Raise ReconciliationBreak REPLAY_DIFFERS naming the first decision that differs, and why."""
        first = self.replay.first
        if first is None:
            return
        why = "; ".join(first.inputs)
        if self.changes:
            asked = ", ".join(f"{name}={value}" for name, value in self.changes.items())
            why = f"it was decided again with {asked}" + (f"; {why}" if why else "")
        elif not why:
            why = "its inputs are what they were, so the decision was changed, or the code decides otherwise"
        raise ReconciliationBreak(
            f"decision {first.number} of run {self.replay.run.id} (event {first.sequence}) differs: {why}",
            code="REPLAY_DIFFERS",
            hint="`trader audit verify` tells whether the journal was changed",
            details={"decision": first.number, "event": first.sequence, "inputs": list(first.inputs)},
        )


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run, and the event it begins with."""

    run: Run
    sequence: int


def find_run(journal: Journal, evidence: str | None) -> FoundRun:
    """Return the run that made this evidence, or the newest run. Raises ConfigError EVIDENCE_UNKNOWN."""
    chosen = Selection(kinds=(RUN,))
    links = journal.history.newest(chosen, 1) if evidence is None else journal.history.events(chosen)
    for link in links:
        found = FoundRun(_read(link, run_of), link.stored.sequence)
        if evidence in (None, found.run.id):
            return found
    if evidence in [each.evidence_id for each in journal.evidence()]:
        raise ConfigError(
            f"the decisions of {evidence} were not written down: it is of an older version",
            code="EVIDENCE_UNKNOWN",
            hint="run the stage again; `trader replay --last` replays the newest run",
        )
    what = "no decisions" if evidence is None else f"no evidence {evidence}"
    raise ConfigError(
        f"the journal of {journal.home} has {what}",
        code="EVIDENCE_UNKNOWN",
        hint="a stage prints the id of its evidence; --home and TRADER_HOME name another folder",
    )


def replay(journal: Journal, found: FoundRun, changes: Mapping[str, str], code_digest: str) -> ReplayResult:
    """Make every decision of a run again. `changes`: parameters to set otherwise, as text.

    Raises ConfigError STRATEGY_UNKNOWN or STRATEGY_UNFIT, ReconciliationBreak REPLAY_DIFFERS for parameters
    that the strategy does not take, JOURNAL_DAMAGED for events that cannot be read.
    """
    strategy = _strategy(found.run, changes)
    try:
        result = run_again(found.run, strategy, _decisions(journal, found))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _damaged(found.sequence, error) from None
    evidence = next((each for each in journal.evidence() if each.evidence_id == found.run.id), None)
    return ReplayResult(
        result,
        changes,
        evidence is not None,
        None if evidence is None else evidence.code_digest != code_digest,
    )


def recorded_lines(journal: Journal, found: FoundRun) -> Iterator[str]:
    """Yield a line for each decision as it was written down, those of the self-test left out."""
    for each in _decisions(journal, found):
        if each.payload["asked"] != Asked.SELF_TEST:
            yield decision_line(found.run.traded, each.payload["decision"])


def _strategy(run: Run, changes: Mapping[str, str]) -> Strategy:
    try:
        known_strategy(run.strategy)
    except ValueError as error:
        hint = "install the package that has it; `trader strategies` lists them"
        raise ConfigError(str(error), code="STRATEGY_UNKNOWN", hint=hint) from None
    try:
        made = strategy_of(run)
    except ValueError as error:
        raise ReconciliationBreak(
            f"{run.strategy} does not take the parameters of run {run.id}: {error}",
            code="REPLAY_DIFFERS",
            hint="the version of trader that decided takes them; `trader audit verify` tells whether the"
            " journal was changed",
        ) from None
    if not changes:
        return made
    try:
        return cast(
            "Strategy", replace(cast("Any", made), parameters=changed(made.parameters, dict(changes)))
        )
    except ValueError as error:
        hint = f"`trader strategies {run.strategy}` shows its parameters"
        raise ConfigError(str(error), code="STRATEGY_UNFIT", hint=hint) from None


def _decisions(journal: Journal, found: FoundRun) -> Iterator[Recorded]:
    for link in journal.history.events(Selection(kinds=(DECISION,)), after=found.sequence):
        payload = _read(link, dict)
        if payload.get("run") == found.run.id:
            stored = link.stored
            yield Recorded(stored.sequence, stored.time_ms, payload, stored.follows(link.previous))


def _read(link: Link, read: Any) -> Any:
    try:
        return read(link.stored.event().payload)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(link.stored.sequence, error) from None


def _damaged(sequence: int, error: Exception) -> ReconciliationBreak:
    return ReconciliationBreak(
        f"event {sequence} or one after it is no decision that can be read: {error!r}",
        code="JOURNAL_DAMAGED",
        hint="`trader audit verify` says what was changed",
    )
