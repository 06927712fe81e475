"""Binance's answers when something is to go wrong: the plan's rules applied to one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from exchanges.paper.books import EventOrder
from exchanges.paper.dialects.binance import fault_admin
from exchanges.paper.dialects.binance.errors import ApiError, from_too_many
from exchanges.paper.dialects.binance.serving import HttpAnswer, HttpRequest, answer, failure, find_route
from exchanges.paper.engine import Engine
from exchanges.paper.exchange import Exchange
from exchanges.paper.faults import plan
from exchanges.paper.faults.deciding import Hit, Subject, decide
from exchanges.paper.faults.tampering import Tampering, tampering
from exchanges.paper.limits import TooManyRequests

Manner = Literal["reset", "drop", "half", "delay", "hold", "slow", "silence"]

FAILURES: dict[int, tuple[int, str]] = {
    -1000: (500, "An unknown error occurred while processing the request."),
    -1001: (500, "Internal error; unable to process your request. Please try again."),
    -1006: (
        500,
        "An unexpected response was received from the message bus. Execution status unknown.",
    ),
    -1007: (
        504,
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    ),
    -1008: (
        503,
        "Server is currently overloaded with other requests. Please try again in a few minutes.",
    ),
}
"""Failures of the venue itself, with the HTTP status each is given here: the documents leave it open."""

_PAGE = b"<html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Delivery:
    """An answer that is not simply sent. `answer` is None where there is none, or not yet (`hold`)."""

    manner: Manner
    answer: HttpAnswer | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Served:
    """What became of a request; `wipes`: the account is to be wiped after it."""

    reply: HttpAnswer | Delivery
    wipes: bool = False


def serve(exchange: Exchange, engine: Engine, request: HttpRequest) -> Served:
    """Serve a request, under the plan at work if there is one; the plan itself is asked for and set here."""
    if request.path == fault_admin.PATH:
        return Served(fault_admin.answer(engine, request))
    active = engine.state.faults()
    if active is None:
        return Served(answer(exchange, engine, request))
    hits, counted = decide(active, _subject(exchange, request), engine.now_ms)
    if counted != active:
        engine.state.save_faults(counted)
    for hit in hits:
        if isinstance(hit.rule, plan.Permission):
            _restrict(engine, request, hit.rule)
    tampered = tampering(hits, seed=active.plan.seed, elapsed_ms=engine.now_ms - active.began_ms)
    order = _event_order(hits)
    if order is None:
        reply = _reply(exchange, engine, request, hits, tampered)
    else:
        engine.venue.flush(engine.now_ms)  # what others did is told as it happened
        engine.books.event_order = order
        reply = _reply(exchange, engine, request, hits, tampered)
        engine.venue.flush(engine.now_ms)
        engine.books.event_order = "as they happened"
    return Served(reply, any(isinstance(hit.rule, plan.Wipe) for hit in hits))


def _reply(
    exchange: Exchange, engine: Engine, request: HttpRequest, hits: list[Hit], tampered: Tampering
) -> HttpAnswer | Delivery:
    hit = next((hit for hit in hits if hit.rule.decides_delivery), None)
    if hit is None:
        return answer(exchange, engine, request, tampered)
    match hit.rule:
        case plan.Hold(seconds=seconds):
            return Delivery("hold", seconds=seconds)
        case plan.Silence(seconds=seconds):
            return Delivery("silence", seconds=seconds)
        case plan.RateLimit() | plan.Ban():
            return _refused(engine, hit)
        case plan.Executable(execute=False):
            return _undelivered(request, hit.rule)
    answered = answer(exchange, engine, request, tampered)
    match hit.rule:
        case plan.Twice():
            return answer(exchange, engine, request, tampered)
        case plan.Half():
            return Delivery("half", answered)
        case plan.Delay(seconds=seconds):
            return Delivery("delay", answered, seconds)
        case plan.Slow(seconds=seconds):
            return Delivery("slow", answered, seconds)
    return _undelivered(request, hit.rule)


def _undelivered(request: HttpRequest, rule: plan.Rule) -> HttpAnswer | Delivery:
    """Return what a client gets that learns nothing of what became of its request."""
    match rule:
        case plan.Drop():
            return Delivery("drop")
        case plan.Empty():
            return HttpAnswer(200, b"")
        case plan.Html(status=status):
            return HttpAnswer(status, _PAGE, "text/html")
        case plan.Error(code=code, status=status):
            usual, text = FAILURES[code]
            return failure(code, text, status or usual)
        case plan.Redirect():
            here = request.path + (f"?{request.query.decode(errors='replace')}" if request.query else "")
            return HttpAnswer(307, b"", headers={"Location": here})
    return Delivery("reset")


def _refused(engine: Engine, hit: Hit) -> HttpAnswer:
    left_s = max(0, -(-(hit.until_ms - engine.now_ms) // 1000))
    too_many = TooManyRequests(left_s, hit.until_ms, banned=isinstance(hit.rule, plan.Ban))
    refused = from_too_many(too_many, engine.world.account.limits)
    refusal = failure(refused.code, refused.message, refused.status)
    refusal.headers["Retry-After"] = str(left_s)
    return refusal


def _subject(exchange: Exchange, request: HttpRequest) -> Subject:
    route = find_route(exchange, request)
    try:
        params = request.values()
    except ApiError:
        params = {}
    return Subject(request.method, request.path, route.security.value if route else "", params)


def _restrict(engine: Engine, request: HttpRequest, rule: plan.Permission) -> None:
    """Change the rights of the key that asks."""
    key = engine.state.access.find_key(engine.world.account.persona, request.headers.get("X-MBX-APIKEY", ""))
    if key is None:
        return
    rights = key.permissions
    if rule.trading is not None:
        rights = replace(rights, spot_trading=rule.trading)
    if rule.reading is not None:
        rights = replace(rights, reading=rule.reading)
    ip_list = key.ip_list if rule.ip_list is None else rule.ip_list
    engine.state.access.save_key(replace(key, permissions=rights, ip_list=ip_list))


def _event_order(hits: list[Hit]) -> EventOrder | None:
    orders: dict[type[plan.Rule], EventOrder] = {
        plan.DuplicateEvents: "twice",
        plan.ReorderEvents: "reversed",
    }
    return next((orders[type(hit.rule)] for hit in hits if type(hit.rule) in orders), None)
