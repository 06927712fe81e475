"""One back-test: by the compiled engine where it can, else by the plain one."""

from __future__ import annotations

from typing import Literal

from core.backtest.compiled import NotCompiled, prepare, run_compiled
from core.backtest.levels import PositionRule, keep
from core.backtest.outcome import Outcome
from core.backtest.plain import Observe, run_plain
from core.backtest.setup import Course, Setup
from core.strategies.protocol import Strategy

Engine = Literal["auto", "plain", "compiled"]


def run(
    course: Course,
    strategy: Strategy,
    setup: Setup,
    *,
    engine: Engine = "auto",
    rule: PositionRule = keep,
    observe: Observe | None = None,
) -> tuple[Outcome, str]:
    """Return the outcome, and why it was not compiled ("" when it was, or was not asked to be).

    Both engines give the same outcome. A rule that moves levels, or somebody who wants to see each decision,
    takes the plain one. Raises NotCompiled only when the compiled engine was asked for.
    """
    why = ""
    if engine != "plain":
        try:
            if rule is keep and observe is None:
                return run_compiled(prepare(course, setup), strategy), ""
            why = "a rule moves the stop, or every decision is looked at"
        except NotCompiled as reason:
            why = str(reason)
        if engine == "compiled":
            raise NotCompiled(why)
    return run_plain(course, strategy, setup, rule=rule, observe=observe), why
