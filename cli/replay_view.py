"""How a replay looks."""

from __future__ import annotations

from cli.console import Console
from core.clock import iso_utc
from core.decisions.replay import Difference
from core.operations.replay import ReplayResult

FIELDS_SHOWN = 12


def show_replay(console: Console, result: ReplayResult) -> None:
    """Show how many decisions came out the same, and the first that did not."""
    replay, run = result.replay, result.replay.run
    first = replay.first
    console.result(
        evidence=run.id,
        proven=result.proven,
        other_code=result.other_code,
        stage=run.stage,
        strategy=run.strategy,
        symbol=run.traded.symbol,
        bar=run.traded.interval,
        changes=result.changes,
        decisions=replay.decisions,
        identical=replay.identical,
        first=None if first is None else _json(first),
    )
    if result.other_code:
        console.warn(f"{run.id} was made by another version of the code")
    if not result.proven:
        console.warn(f"run {run.id} left no evidence: it did not end well")
    console.table(
        ["run", "stage", "strategy", "symbol", "bar", "decisions", "identical"],
        [
            [run.id, run.stage, run.strategy, run.traded.symbol, run.traded.interval, replay.decisions,
             replay.identical]
        ],
    )  # fmt: skip
    if first is not None:
        _show(console, first)


def _show(console: Console, first: Difference) -> None:
    opened = first.bar_open_time_ms
    bar = "" if opened is None else f", on the bar that opened {iso_utc(opened)}"
    console.line()
    console.line(f"first difference: decision {first.number} (event {first.sequence}, {first.asked}){bar}")
    for text in first.inputs:
        console.line(f"changed input: {text}")
    if first.fields:
        console.line()
        console.table(
            ["part", "recorded", "recomputed"],
            [[each.name, each.recorded, each.recomputed] for each in first.fields[:FIELDS_SHOWN]],
        )
    if (more := len(first.fields) - FIELDS_SHOWN) > 0:
        console.line(f"and {more} more parts; --json has them all")


def _json(first: Difference) -> dict[str, object]:
    return {
        "decision": first.number,
        "event": first.sequence,
        "time_ms": first.time_ms,
        "asked": first.asked,
        "bar_open_time_ms": first.bar_open_time_ms,
        "inputs": first.inputs,
        "fields": first.fields,
    }
