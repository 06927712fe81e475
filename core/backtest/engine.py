"""One back-test by one of three engines: the plain one, and two quick ones that give the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from core.backtest.arrays import OnlyPlain, Prepared, prepare, wanted
from core.backtest.outcome import Outcome
from core.backtest.setup import Course, Setup
from core.errors import ConfigError
from core.strategies.protocol import Strategy

if TYPE_CHECKING:
    from core.backtest.levels import PositionRule
    from core.backtest.plain import Observe

Engine = Literal["auto", "plain", "jumping", "compiled"]


def run(
    course: Course,
    strategy: Strategy,
    setup: Setup,
    *,
    engine: Engine = "auto",
    rule: PositionRule | None = None,
    observe: Observe | None = None,
) -> tuple[Outcome, str]:
    """Return the outcome, and why it took the plain engine ("" when it did not, or was asked to).

    All engines give the same outcome. A rule that moves levels, or somebody who wants to see each decision,
    takes the plain one. Raises ConfigError STRATEGY_UNFIT when another was asked for that cannot be used.
    `observe`: is told every decision, each made as live trading makes it, of just the bars it would fetch.
    `rule` None: stop and target stay where the entry put them.
    """
    why = ""
    if engine != "plain":
        try:
            if rule is None and observe is None:
                return run_quick(prepare(course, setup), strategy, engine), ""
            why = "a rule moves the stop, or every decision is looked at"
        except OnlyPlain as reason:
            why = str(reason)
        if engine != "auto":
            raise ConfigError(
                f"--engine {engine} cannot do this: {why}",
                code="STRATEGY_UNFIT",
                hint="--engine auto takes the quickest one that can",
            )
    # Its sizing and rules are slower to load than a quick run is to make.
    from core.backtest.levels import keep
    from core.backtest.plain import run_plain

    exact = observe is not None
    return run_plain(course, strategy, setup, rule=rule or keep, observe=observe, exact=exact), why


def run_quick(
    prepared: Prepared, strategy: Strategy, engine: Engine = "auto", *, one_of_many: bool = False
) -> Outcome:
    """Run by a quick engine: one of many runs compiled, where numba is there. Raises OnlyPlain."""
    wants = wanted(prepared, strategy)
    if engine == "compiled" or (engine == "auto" and one_of_many):
        from core.backtest.compiled import NoCompiler, run_compiled

        try:
            return run_compiled(prepared, wants)
        except NoCompiler as reason:
            if engine == "compiled":
                raise OnlyPlain(str(reason)) from None
    from core.backtest.jumping import run_jumping

    return run_jumping(prepared, wants)
