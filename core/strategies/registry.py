"""The strategies by name: those that come with `trader`, and those that users install.

A package adds one through an entry point of the group `trader.strategies` (docs/strategies.md):

    [project.entry-points."trader.strategies"]
    my_strategy = "my_package.my_strategy:MyStrategy"

A strategy's modules, and numpy with them, are loaded when it is asked for.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from core.strategies.parameters import as_dict, changed
from core.strategies.protocol import Strategy

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "trader.strategies"

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "coherence": "core.strategies.coherence:Coherence",
        "ema-cross": "core.strategies.ema_cross:EmaCross",
        "confluence": "core.strategies.confluence:Confluence",
        "lead-lag": "core.strategies.lead_lag:LeadLag",
        "mean-reversion": "core.strategies.mean_reversion:MeanReversion",
    }
)


def known_strategies() -> tuple[str, ...]:
    """Return the names of all strategies; an installed one cannot take the name of one that is built in."""
    return (*BUILT_IN, *sorted(_installed()))


def known_strategy(name: str) -> str:
    """Return the name as it is, without loading anything. Raises ValueError naming the nearest known one."""
    if name not in BUILT_IN and name not in (known := known_strategies()):
        from difflib import get_close_matches

        nearest = get_close_matches(name.lower(), known, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise ValueError(f"unknown strategy {name!r}{hint} (known: {', '.join(known)})")
    return name


def strategy(name: str, changes: Mapping[str, str] | None = None) -> Strategy:
    """Return the named strategy, with the parameters changed that are given as text.

    Raises ValueError naming the nearest known strategy, a bad parameter, or why an installed strategy cannot
    be loaded.
    """
    if known_strategy(name) in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        made: Strategy = getattr(import_module(module), attribute)()
    else:
        made = _load(_installed()[name])
    if not changes:
        return made
    values = changed(made.parameters, changes)
    try:
        return cast("Strategy", replace(cast("Any", made), parameters=values))
    except TypeError as error:
        raise ValueError(f"the parameters of strategy {name!r} cannot be set: {error}") from error


def evidence_of(strategy: Strategy) -> dict[str, object]:
    """Return what evidence of a stage is tied to: the parameters, and the code where it is not our own."""
    known = as_dict(strategy.parameters)
    return known if strategy.name in BUILT_IN else {**known, "code": _code_digest(strategy)}


def _installed() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {each.name: each for each in entry_points(group=GROUP) if each.name not in BUILT_IN}


def _load(entry: EntryPoint) -> Strategy:
    name = entry.name
    try:
        made: Strategy = entry.load()()
    except Exception as error:
        raise ValueError(f"strategy {name!r} ({entry.value}) cannot be loaded: {error}") from error
    missing = [*_missing(made)]
    if missing:
        raise ValueError(f"strategy {name!r} ({entry.value}) has no {', '.join(missing)}")
    if made.name != name:
        raise ValueError(f"strategy {name!r} ({entry.value}) calls itself {made.name!r}")
    return made


def _missing(made: object) -> Iterator[str]:
    asked = ("name", "summary", "parameters", "stop_loss_rate", "take_profit_rate", "needs", "decide")
    yield from (each for each in asked if not hasattr(made, each))


def _code_digest(strategy: Strategy) -> str:
    """Return the digest of the sources of the package, or the single module, that a strategy comes from."""
    module = sys.modules[type(strategy).__module__.partition(".")[0]]
    file = Path(module.__file__ or "")
    sources = sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]
    digest = hashlib.sha256()
    for path in sources:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(file.parent).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
