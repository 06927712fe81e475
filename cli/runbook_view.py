"""How runbooks look: drawn by rich on a terminal, as their own Markdown elsewhere, marks before the steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import indent
from typing import TYPE_CHECKING

from cli.console import Console
from cli.presenting import MARKS, gate_json
from core.clock import iso_utc
from core.operations.runbook import StepState, TickedStep, next_step
from core.runbooks import Page, Step
from core.stages import GateResult

if TYPE_CHECKING:
    from rich.console import RenderableType

STEP_MARKS = {
    StepState.DONE: MARKS[GateResult.PASS],
    StepState.FAILED: MARKS[GateResult.FAIL],
    StepState.UNAVAILABLE: MARKS[GateResult.UNAVAILABLE],
    StepState.WAITING: "☐",
}
COLORS = {
    StepState.DONE: "green",
    StepState.FAILED: "bold red",
    StepState.UNAVAILABLE: "yellow",
    StepState.WAITING: "bold",
}


def pages_listed(console: Console, pages: Sequence[Page]) -> None:
    """List what there is to do first, then the pages of the commands."""
    procedures = [page for page in pages if page.steps]
    commands = [page for page in pages if not page.steps]
    console.result(
        runbooks=[
            {"name": page.name, "title": page.title, "summary": page.summary, "steps": len(page.steps)}
            for page in (*procedures, *commands)
        ]
    )
    console.table(
        ["runbook", "steps", "when"], [[page.name, len(page.steps), page.title] for page in procedures]
    )
    console.line()
    console.line(f"one page a command: {', '.join(page.name for page in commands)}")


def page_result(console: Console, page: Page, ticked: Sequence[TickedStep]) -> None:
    """Add the page to the document: its steps as they stand, and which is next."""
    coming = next_step(ticked)
    console.result(
        runbook=page.name,
        title=page.title,
        next=None if coming is None else coming.step.number,
        steps=[_step_json(each) for each in ticked],
    )


def page_shown(console: Console, page: Page, ticked: Sequence[TickedStep]) -> None:
    """Show a whole page."""
    by_number = {each.step.number: each for each in ticked}
    parts = [by_number[part.number] if isinstance(part, Step) else part for part in page.parts]
    if console.draws:
        console.drawing(_drawn(parts))
        return
    for number, part in enumerate(parts):
        if number and not _both_steps(parts[number - 1], part):
            console.line()
        console.line(part if isinstance(part, str) else _plain(part))


def next_shown(console: Console, page: Page, ticked: Sequence[TickedStep]) -> None:
    """Show the one step that comes next."""
    coming = next_step(ticked)
    if coming is None:
        console.line(f"nothing is left to do in {page.name}")
        return
    if console.draws:
        console.drawing(_drawn([coming]))
    else:
        console.line(_plain(coming))
    if coming.step.command:
        console.line(f"   next: {coming.step.command}")
    if coming.state is StepState.WAITING:
        done = f'trader runbook {page.name} --done {coming.step.number} --note "…"'
        console.line(f"   when it is done: {done}")


def _both_steps(one: str | TickedStep, other: str | TickedStep) -> bool:
    return isinstance(one, TickedStep) and isinstance(other, TickedStep)


def _plain(ticked: TickedStep) -> str:
    head = f"{STEP_MARKS[ticked.state]} {ticked.step.number}. "
    text = indent(ticked.step.text, " " * len(head))[len(head) :]
    return "\n".join([head + text, *(f"{' ' * len(head)}{line}" for line in _findings(ticked))])


def _findings(ticked: TickedStep) -> Iterable[str]:
    """Yield what the step was ticked off against, and the way out of what failed."""
    if ticked.tick is not None:
        yield f"{STEP_MARKS[StepState.DONE]} you, {iso_utc(ticked.tick.time_ms)}: {ticked.tick.note}"
    for gate in ticked.gates:
        yield f"{MARKS[gate.result]} {gate.name}: {gate.detail}"
        if gate.result is GateResult.FAIL and gate.way_out:
            yield f"  → {gate.way_out}"


def _drawn(parts: Sequence[str | TickedStep]) -> RenderableType:
    from rich.console import Group
    from rich.markdown import Markdown
    from rich.table import Table
    from rich.text import Text

    def markdown(text: str) -> Markdown:
        # No background of its own: it would be a block of the wrong color on half of all terminals.
        return Markdown(text, code_theme="ansi_dark")

    drawn: list[RenderableType] = []
    for part in parts:
        if isinstance(part, str):
            drawn += [Text(""), markdown(part), Text("")]
            continue
        color = COLORS[part.state]
        row = Table.grid(padding=(0, 1))
        row.add_row(
            Text(STEP_MARKS[part.state], style=color),
            Text(f"{part.step.number}.", style="bold"),
            Group(markdown(part.step.text), *(Text(line, style=color) for line in _findings(part))),
        )
        drawn.append(row)
    return Group(*drawn)


def _step_json(ticked: TickedStep) -> dict[str, object]:
    step, tick = ticked.step, ticked.tick
    return {
        "step": step.number,
        "section": step.section,
        "text": step.text,
        "state": ticked.state.name.lower(),
        "command": step.command or None,
        "gates": [gate_json(gate) for gate in ticked.gates],
        "done": None if tick is None else {"time_ms": tick.time_ms, "note": tick.note},
    }
