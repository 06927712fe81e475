"""`/paper/faults`: the plan at work over HTTP, for tests and drills in other processes; no path of the venue.

GET returns it with how far its rules are, POST sets one (JSON, docs/faults.md), DELETE ends it. It takes no
key: who reaches this exchange is on its own machine.
"""

from __future__ import annotations

from typing import Any

import msgspec

from exchanges.paper.dialects.binance.routes import ROUTES, SAPI_ROUTES
from exchanges.paper.dialects.binance.serving import HttpAnswer, HttpRequest
from exchanges.paper.engine import Engine
from exchanges.paper.faults import PlanError, parse
from exchanges.paper.faults.deciding import ActivePlan

PATH = "/paper/faults"
PATHS = frozenset(path for _, path in (*ROUTES, *SAPI_ROUTES))
"""What a rule may name as its `path`."""


def answer(engine: Engine, request: HttpRequest) -> HttpAnswer:
    match request.method:
        case "GET":
            pass
        case "POST":
            try:
                plan = parse(request.body, PATHS)
            except PlanError as error:
                return _json(400, {"error": str(error)})
            engine.state.save_faults(ActivePlan.begin(plan, engine.now_ms))
        case "DELETE":
            engine.state.save_faults(None)
        case _:
            return _json(405, {"error": f"{request.method} is not one of GET, POST, DELETE"})
    return _json(200, described(engine.state.faults()))


def described(active: ActivePlan | None) -> dict[str, Any]:
    """Return a plan and how far each of its rules is, in the words of JSON."""
    if active is None:
        return {"plan": None, "began_ms": None, "tallies": [], "replay": None}
    return {
        "plan": active.plan,
        "began_ms": active.began_ms,
        "tallies": active.tallies,
        "replay": active.plan.replay_line(),
    }


def _json(status: int, body: dict[str, Any]) -> HttpAnswer:
    return HttpAnswer(status, msgspec.json.encode(body))
