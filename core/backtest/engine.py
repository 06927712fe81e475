"""One back-test: by the compiled engine where it can, else by the plain one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from core.backtest.compiled import NotCompiled, prepare, run_compiled
from core.backtest.outcome import Outcome
from core.backtest.setup import Course, Setup
from core.strategies.protocol import Strategy

if TYPE_CHECKING:
    from core.backtest.levels import PositionRule
    from core.backtest.plain import Observe

Engine = Literal["auto", "plain", "compiled"]


def run(
    course: Course,
    strategy: Strategy,
    setup: Setup,
    *,
    engine: Engine = "auto",
    rule: PositionRule | None = None,
    observe: Observe | None = None,
) -> tuple[Outcome, str]:
    """Return the outcome, and why it was not compiled ("" when it was, or was not asked to be).

    Both engines give the same outcome. A rule that moves levels, or somebody who wants to see each decision,
    takes the plain one. Raises NotCompiled only when the compiled engine was asked for.
    `observe`: is told every decision, each made as live trading makes it, of just the bars it would fetch.
    `rule` None: stop and target stay where the entry put them.
    """
    why = ""
    if engine != "plain":
        try:
            if rule is None and observe is None:
                return run_compiled(prepare(course, setup), strategy), ""
            why = "a rule moves the stop, or every decision is looked at"
        except NotCompiled as reason:
            why = str(reason)
        if engine == "compiled":
            raise NotCompiled(why)
    # Its sizing and rules are slower to load than a compiled run is to make.
    from core.backtest.levels import keep
    from core.backtest.plain import run_plain

    exact = observe is not None
    return run_plain(course, strategy, setup, rule=rule or keep, observe=observe, exact=exact), why
