"""Tick a runbook off against reality: by the checks and gates of `trader check`, by drills, and by what a
human said.

What a human ticks is a note in the journal. It holds for as long as the page says, and only for the text that
stood there when it was ticked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from core.clock import Clock, iso_utc
from core.desk import Access
from core.drills.record import newest_drills
from core.drills.rehearsed import Drill, shortfall
from core.gates import BOOK_GATES, GATES, KEY_GATES, StagePlan
from core.journal.history import Selection
from core.operations.check import CHECKS, Check, CheckResult, ask_checks, checks_of
from core.operations.inquiry import Inquiry
from core.runbooks import Page, Step
from core.stages import Gate, GateResult

if TYPE_CHECKING:
    from core.journal import Journal
    from core.strategies import Strategy

STEP_DONE = "RUNBOOK_STEP"


class StepState(StrEnum):
    DONE = "done"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    WAITING = "waiting for you"


@dataclass(frozen=True, slots=True)
class Tick:
    """What a human said of a manual step, and when."""

    note: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class TickedStep:
    """A step as it stands now. `gates`: what it was ticked off against; `tick`: a human's word."""

    step: Step
    state: StepState
    gates: tuple[Gate, ...] = ()
    tick: Tick | None = None


def known_gates() -> frozenset[str]:
    """Return the names that a step can be ticked off against."""
    return frozenset(
        {*CHECKS, *KEY_GATES, *BOOK_GATES, *(name for stage in GATES.values() for name in stage)}
    )


def next_step(ticked: Sequence[TickedStep]) -> TickedStep | None:
    """Return the first step that is not done, None when all are."""
    return next((each for each in ticked if each.state is not StepState.DONE), None)


def ticks_of(journal: Journal, page: Page, now_ms: int) -> dict[int, Tick]:
    """Return the ticks that hold now, by step."""
    digests = {step.number: step.digest for step in page.steps if step.is_manual}
    chosen = Selection(since_ms=now_ms - (page.ticks_hold_ms or 0), until_ms=now_ms + 1, kinds=(STEP_DONE,))
    found: dict[int, Tick] = {}
    for link in journal.history.events(chosen):
        event = link.stored.event()
        told = event.payload
        if told["runbook"] == page.name and digests.get(told["step"]) == told["text"]:
            found[told["step"]] = Tick(told["note"], event.time_ms)
    return found


def tick(journal: Journal, page: Page, step: Step, note: str) -> None:
    """Write down that a human did a manual step. Raises Refused JOURNAL_UNWRITABLE."""
    told = {
        "runbook": page.name,
        "step": step.number,
        "said": step.headline,
        "text": step.digest,
        "note": note,
    }
    journal.record_note(STEP_DONE, None, told)


async def tick_off(
    access: Access, plan: StagePlan, strategy: Strategy, page: Page, clock: Clock
) -> tuple[TickedStep, ...]:
    """Ask what the steps of a page name, each once, and return them as they stand."""
    result = CheckResult()
    asked = _checks_named(page, plan)
    if asked:
        await ask_checks(access, plan, strategy, asked, result)
    with access.read_journal() as journal:
        ticks = ticks_of(journal, page, clock.now_ms())
        newest = newest_drills(journal) if any(step.drills for step in page.steps) else {}
    age_ms_max = access.settings.gate_max_drill_age_ms
    drills = {
        _drill_name(name): _drill_gate(name, newest.get(name), clock.now_ms(), age_ms_max)
        for step in page.steps
        for name in step.drills
    }
    elsewhere = {
        name: _of_another_stage(name, plan)
        for step in page.steps
        for name in _names(step)
        if name not in asked and name not in drills
    }
    answered = elsewhere | drills | {gate.name: gate for gate in result.gates}
    return tuple(_ticked(step, answered, ticks) for step in page.steps)


def unasked(page: Page, why: str, ticks: Mapping[int, Tick]) -> tuple[TickedStep, ...]:
    """Return the steps of a page when nobody is asked, so that it can be read all the same."""
    answered = {name: Gate(name, GateResult.UNAVAILABLE, why) for step in page.steps for name in _names(step)}
    return tuple(_ticked(step, answered, ticks) for step in page.steps)


def _checks_named(page: Page, plan: StagePlan) -> Mapping[str, Check]:
    """Return the checks to ask, in the order of `trader check`: what is opened first spoils no other."""
    known: dict[str, Check] = {**checks_of(plan)}
    known |= {name: partial(Inquiry.gate, name=name) for name in BOOK_GATES if name not in known}
    known |= {f"stage-{number}": partial(Inquiry.evidence, number=number) for number in GATES}
    wanted = {name for step in page.steps for name in _names(step)}
    return {name: check for name, check in known.items() if name in wanted}


def _names(step: Step) -> tuple[str, ...]:
    evidence = () if step.evidence is None else (f"stage-{step.evidence}",)
    return (*step.gates, *evidence, *map(_drill_name, step.drills))


def _drill_name(name: str) -> str:
    return f"drill-{name}"


def _drill_gate(name: str, last: Drill | None, now_ms: int, age_ms_max: int) -> Gate:
    """Say whether the newest drill of an incident counts; on a real venue the gate `drills` asks the same."""
    why_not = shortfall(last, now_ms, age_ms_max)
    if last is None or why_not:
        return Gate(_drill_name(name), GateResult.FAIL, why_not, f"trader drill {name}")
    return Gate(_drill_name(name), GateResult.PASS, f"rehearsed {iso_utc(last.ended_ms)}")


def _ticked(step: Step, answered: Mapping[str, Gate], ticks: Mapping[int, Tick]) -> TickedStep:
    if step.is_manual:
        said = ticks.get(step.number)
        return TickedStep(step, StepState.WAITING if said is None else StepState.DONE, tick=said)
    gates = tuple(answered[name] for name in _names(step))
    results = {gate.result for gate in gates}
    if GateResult.FAIL in results:
        return TickedStep(step, StepState.FAILED, gates)
    if GateResult.UNAVAILABLE in results:
        return TickedStep(step, StepState.UNAVAILABLE, gates)
    return TickedStep(step, StepState.DONE, gates)


def _of_another_stage(name: str, plan: StagePlan) -> Gate:
    stages = [str(stage) for stage in GATES if name in GATES[stage]]
    detail = f"asked at stage {' or '.join(stages)}; these settings are for stage {plan.stage.number}"
    return Gate(name, GateResult.UNAVAILABLE, detail)
