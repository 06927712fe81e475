"""Which rules of a plan hit a request. A decision depends on the seed, the rule, and the request's number."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from exchanges.paper.faults.plan import Fault, Lag, Plan, When


@dataclass(frozen=True, slots=True)
class Subject:
    """A request as far as rules look at it."""

    method: str
    path: str
    security: str
    params: Mapping[str, str]


class Tally(msgspec.Struct, frozen=True):
    """How far a rule is: requests that fitted, requests it hit by its own count, and until when it lasts."""

    seen: int = 0
    hit: int = 0
    until_ms: int = 0


class ActivePlan(msgspec.Struct, frozen=True):
    """A plan at work since `began_ms` of the exchange's clock; one tally for each rule."""

    plan: Plan
    began_ms: int
    tallies: tuple[Tally, ...]

    @classmethod
    def begin(cls, plan: Plan, now_ms: int) -> ActivePlan:
        return cls(plan, now_ms, (Tally(),) * len(plan.rules))


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that applies to a request. `until_ms`: how long it goes on, 0 when it does not."""

    rule: Fault
    number: int
    until_ms: int


def decide(active: ActivePlan, subject: Subject, now_ms: int) -> tuple[list[Hit], ActivePlan]:
    """Return what hits a request, and the plan with that counted."""
    hits: list[Hit] = []
    tallies = list(active.tallies)
    delivery_decided = False
    for number, rule in enumerate(active.plan.rules):
        tally = tallies[number]
        lasting, fits = now_ms < tally.until_ms, _fits(rule.when, subject, now_ms - active.began_ms)
        if fits:
            tally = replace(tally, seen=tally.seen + 1)
        free = not (rule.decides_delivery and delivery_decided)
        if lasting and (fits or rule.hits_everybody):
            applies = free
        elif applies := fits and free and _chosen(active.plan.seed, number, rule, tally):
            until_ms = now_ms + int(rule.lasts_s * 1000) if rule.lasts_s else 0
            tally = replace(tally, hit=tally.hit + 1, until_ms=until_ms)
        tallies[number] = tally
        if applies:
            delivery_decided = delivery_decided or rule.decides_delivery
            hits.append(Hit(rule, number, tally.until_ms))
    return hits, replace(active, tallies=tuple(tallies))


def chance(seed: int, rule: int, subject: object) -> float:
    """Return a number in [0, 1) that follows from these three."""
    digest = hashlib.blake2b(f"{seed} {rule} {subject}".encode(), digest_size=7).digest()
    return (int.from_bytes(digest) >> 3) / 2**53


def _fits(when: When, subject: Subject, elapsed_ms: int) -> bool:
    return (
        when.method in ("", subject.method)
        and when.path in ("", subject.path)
        and when.security in ("", subject.security)
        and (not when.symbol or when.symbol == subject.params.get("symbol"))
        and all(subject.params.get(name) == value for name, value in when.params.items())
        and when.from_s * 1000 <= elapsed_ms
        and (when.to_s is None or elapsed_ms < when.to_s * 1000)
    )


def _chosen(seed: int, number: int, rule: Fault, tally: Tally) -> bool:
    when = rule.when
    if when.times is not None and tally.hit >= when.times:
        return False
    if when.nth:
        return tally.seen in when.nth
    # A lag is drawn for each order, not for each look at it.
    return isinstance(rule, Lag) or chance(seed, number, tally.seen) < when.probability
