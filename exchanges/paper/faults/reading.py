"""Read a plan from JSON and say what is wrong with it, with the nearest name that would be right."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

import msgspec

from exchanges.paper.faults.plan import FAULTS, Plan, PlanError, When


def parse(text: str | bytes, paths: Collection[str]) -> Plan:
    """Return the plan of a JSON text. `paths`: what the exchange serves. Raises PlanError."""
    try:
        raw = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise PlanError(f"the plan is not JSON: {error}") from None
    _check_names(raw, "the plan", Plan.__struct_fields__)
    for number, rule in enumerate(_listed(raw.get("rules")), start=1):
        where = f"rule {number}"
        if not isinstance(rule, dict):
            raise PlanError(f"{where} was {rule!r}, must be an object")
        name = rule.get("fault")
        if not isinstance(name, str) or name not in FAULTS:
            raise PlanError(f"the fault of {where} was {name!r}{_nearest(name, FAULTS)}")
        _check_names(rule, f"{where} ({name})", ("fault", *FAULTS[name].__struct_fields__))
        if "when" in rule:
            when = rule["when"]
            _check_names(when, f"`when` of {where}", When.__struct_fields__)
            path = when.get("path", "")
            if path and (not isinstance(path, str) or path not in paths):
                raise PlanError(f"the path of {where} was {path!r}{_nearest(path, paths)}")
    try:
        return msgspec.convert(raw, Plan)
    except msgspec.ValidationError as error:
        raise PlanError(f"the plan cannot be used: {error}") from None


def _listed(rules: Any) -> list[Any]:
    if not isinstance(rules, list):
        raise PlanError("the plan needs `rules`, a list of faults")
    return rules


def _check_names(value: Any, where: str, known: Collection[str]) -> None:
    if not isinstance(value, dict):
        raise PlanError(f"{where} was {value!r}, must be an object")
    for name in value:
        if name not in known:
            raise PlanError(f"{where} has no {name!r}{_nearest(name, known)}")


def _nearest(name: object, known: Collection[str]) -> str:
    near = get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(known))}"
