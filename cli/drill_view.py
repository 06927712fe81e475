"""How drills look: the list of incidents, what is left to do, and how one ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli.console import Console
from cli.presenting import MARKS
from core.clock import iso_utc
from core.drills.conditions import Condition
from core.drills.incidents import INCIDENTS, REQUIRED
from core.drills.rehearsed import Drill, shortfall
from core.stages import GateResult

if TYPE_CHECKING:
    from cli.drill_scenes import Scene
    from core.drills.attempt import Ended


def drills_listed(console: Console, newest: Mapping[str, Drill], now_ms: int, age_ms_max: int) -> None:
    """List the incidents with their last rehearsals, and whether those still count."""
    told = [(each, newest.get(each.name)) for each in INCIDENTS.values()]
    why_not = {each.name: shortfall(last, now_ms, age_ms_max) for each, last in told}
    console.result(
        drills=[
            {
                "drill": each.name,
                "title": each.title,
                "runbook": each.runbook,
                "required": each.name in REQUIRED,
                "last": last,
                "counts": not why_not[each.name],
                "why_not": why_not[each.name] or None,
            }
            for each, last in told
        ]
    )
    console.table(
        ["drill", "last", "took", "counts", "what"],
        [
            (
                each.name,
                "–" if last is None else _minute(last.ended_ms),
                "–" if last is None else duration(last.took_ms),
                f"no: {why_not[each.name]}"
                if last is None or why_not[each.name]
                else f"until {_minute(last.ended_ms + age_ms_max)}",
                each.title,
            )
            for each, last in told
        ],
    )
    console.line()
    console.line(f"real money at stage 2 requires {', '.join(REQUIRED)}")


def _minute(time_ms: int) -> str:
    return f"{iso_utc(time_ms)[:16]}Z"


def incident_told(console: Console, scene: Scene, limit_ms: int) -> None:
    """Tell what woke the operator, and where he acts."""
    incident = scene.incident
    console.say(f"DRILL {incident.name}: {incident.title}")
    console.say(incident.woke)
    for alert in scene.alerts:
        console.say(f"  alert            {alert}")
    console.say(f"It ends by itself when it is dealt with, or after {duration(limit_ms)}.")
    console.say(f"  runbook          trader runbook {incident.runbook}")
    console.say("  here             type `trader …` as you would; `exit` gives up")
    console.say(f"  another terminal {elsewhere(scene)}")


def elsewhere(scene: Scene) -> str:
    """Return the line that runs a command of the drill in another terminal, with no setting from there."""
    keep = 'HOME="$HOME" PATH="$PATH" TERM="$TERM"'
    file = str(scene.settings_file).replace("'", "'\\''")
    return f"env -i {keep} TRADER_ENV_FILE='{file}' trader …"


def standing_shown(console: Console, standing: Sequence[Condition]) -> None:
    """Show what holds and what is left."""
    for each in standing:
        mark = MARKS[GateResult.PASS if each.holds else GateResult.FAIL]
        console.say(f"{mark} {each.detail}")


def drill_result(console: Console, ended: Ended, kept: str | None) -> None:
    """Add how it ended to the document, and say it. `kept`: the folder that is left to look at."""
    console.result(
        drill=ended.name,
        passed=ended.passed,
        why=ended.why,
        started_ms=ended.started_ms,
        took_ms=ended.took_ms,
        recovered_ms=ended.took_ms if ended.passed else None,
        verified=ended.standing,
        kept=kept,
    )
    if ended.passed:
        console.line(f"{MARKS[GateResult.PASS]} {ended.name} was dealt with in {duration(ended.took_ms)}")
    if kept is not None:
        console.say(f"its home is left to look at: {kept}")


def drill_sentence(told: Mapping[str, Any]) -> str:
    """Return one line of a DRILL event of the journal."""
    took, verified = duration(told["took_ms"]), told["verified"]
    if told["recovered_ms"] is not None:
        return f"{told['name']} {told['outcome']} in {took}: {', '.join(verified)}"
    left = ", ".join(name for name, holds in verified.items() if not holds)
    return f"{told['name']} {told['outcome']} after {took}, {told['why']}; left: {left or 'nothing'}"


def duration(milliseconds: int) -> str:
    """Return e.g. `0.4 s`, `2 min 31 s`."""
    minutes, rest_ms = divmod(milliseconds, 60_000)
    if not minutes:
        return f"{rest_ms / 1000:.1f} s"
    return f"{minutes} min {rest_ms // 1000} s" if rest_ms >= 1000 else f"{minutes} min"
