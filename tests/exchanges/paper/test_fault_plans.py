"""Plans of faults: how they are read, that they repeat themselves, and that docs/faults.md is true."""

from __future__ import annotations

import json
import random
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.paper import PaperConfig, admin, serve
from exchanges.paper.dialects.binance.fault_admin import PATHS
from exchanges.paper.faults import FAULTS, Ban, Drop, Error, Lag, Plan, PlanError, Reset, Silence, When, parse
from exchanges.paper.faults.deciding import ActivePlan, Hit, Subject, decide
from exchanges.paper.faults.plan import Rule
from tests.conftest import REPOSITORY
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.serving import wall_clock_ms
from tests.exchanges.paper.test_faults import Client, Seen
from tests.exchanges.paper.venue import Venue

ORDER = "/api/v3/order"
PLACING = Subject("POST", ORDER, "TRADE", {"symbol": "BTCUSDT", "type": "LIMIT"})
READING = Subject("GET", ORDER, "USER_DATA", {"symbol": "ETHUSDT"})


def hits(plan: Plan, subjects: list[Subject], step_ms: int = 0) -> list[list[int]]:
    """Return the numbers of the rules that hit each of these requests, `step_ms` apart."""
    active, found = ActivePlan.begin(plan, 0), []
    for number, subject in enumerate(subjects):
        applied, active = decide(active, subject, number * step_ms)
        found.append([hit.number for hit in applied])
    return found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "the plan is not JSON"),
        ("[]", r"the plan was \[\], must be an object"),
        ("{}", "the plan needs `rules`, a list of faults"),
        ('{"rules": {}}', "the plan needs `rules`, a list of faults"),
        ('{"rules": [], "sead": 1}', "the plan has no 'sead'; did you mean 'seed'?"),
        ('{"rules": ["drop"]}', "rule 1 was 'drop', must be an object"),
        ('{"rules": [{"fault": "rate_limits"}]}', "rule 1 was 'rate_limits'; did you mean 'rate_limit'?"),
        ('{"rules": [{"fault": "zzz"}]}', "rule 1 was 'zzz'; known: ban, cancel_race, clock"),
        ('{"rules": [{"fault": 7}]}', "the fault of rule 1 was 7; known"),
        ('{"rules": [{"fault": "drop", "exekute": 1}]}', r"rule 1 \(drop\) has no 'exekute'; did you mean"),
        ('{"rules": [{"fault": "drop", "when": 3}]}', "`when` of rule 1 was 3, must be an object"),
        (
            '{"rules": [{"fault": "drop"}, {"fault": "drop", "when": {"nht": [1]}}]}',
            "`when` of rule 2 has no 'nht'; did you mean 'nth'?",
        ),
        ('{"rules": [{"fault": "drop", "when": {"path": "/api/v3/oder"}}]}', f"did you mean '{ORDER}'?"),
        ('{"rules": [{"fault": "drop", "when": {"path": [1]}}]}', "the path of rule 1 was"),
        ('{"rules": [{"fault": "drop", "when": {"method": "FETCH"}}]}', "Invalid enum value 'FETCH'"),
        ('{"rules": [{"fault": "drop", "when": {"probability": 1.5}}]}', "probability was 1.5"),
        ('{"rules": [{"fault": "drop", "when": {"nth": [0]}}]}', "requests are counted from 1"),
        ('{"rules": [{"fault": "drop", "when": {"times": -1}}]}', "times was -1, must not be negative"),
        ('{"rules": [{"fault": "delay", "seconds": -1}]}', "seconds was -1.0, must not be negative"),
        ('{"rules": [{"fault": "delay", "seconds": 1e400}]}', "the plan"),
        ('{"rules": [{"fault": "partial", "percent": 101}]}', "percent was 101, must be from 0 to 100"),
        ('{"rules": [{"fault": "drop", "execute": "yes"}]}', "Expected `bool`, got `str`"),
        ('{"rules": [{"fault": "html", "status": 99}]}', "status was 99, must be from 200 to 599"),
        ('{"rules": [{"fault": "error", "code": -9}]}', "code was -9, must be one of"),
    ],
)
def test_a_plan_that_cannot_be_used_is_refused_with_the_nearest_name(text: str, complaint: str) -> None:
    with pytest.raises(PlanError, match=complaint):
        parse(text, PATHS)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["rules", "seed", "fault", "when", "path", "nth", "seconds", "drop", "x"]),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_rubbish_is_refused_as_a_plan(rubbish: Any) -> None:
    for plan in (rubbish, {"rules": [rubbish]}, {"rules": [{"fault": "drop", "when": rubbish}]}):
        with suppress(PlanError):  # and nothing else
            assert isinstance(parse(json.dumps(plan), PATHS), Plan)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_written_and_replayed(name: str) -> None:
    plan = parse(json.dumps({"seed": 5, "rules": [{"fault": name, "when": {"path": ORDER}}]}), PATHS)
    program, *arguments, text = shlex.split(plan.replay_line())
    assert (program, arguments) == ("trader", ["paper", "faults", "set"])
    assert parse(text, PATHS) == plan
    assert type(plan.rules[0]) is FAULTS[name]


def test_decisions_follow_from_seed_rule_and_number() -> None:
    rules = (Drop(when=When(probability=0.3)), Error(when=When(probability=0.3)))
    subjects = [PLACING, READING] * 200
    first = hits(Plan(rules=rules, seed=1), subjects)
    assert first == hits(Plan(rules=rules, seed=1), subjects)
    assert first != hits(Plan(rules=rules, seed=2), subjects)
    assert 80 < sum(rules_hit == [0] for rules_hit in first) < 160  # 120 expected
    assert 60 < sum(rules_hit == [1] for rules_hit in first) < 120  # of the others, 84
    assert [0, 1] not in first  # one way of being answered


def test_other_requests_in_between_change_no_decision() -> None:
    plan = Plan(rules=(Drop(when=When(method="POST", probability=0.5)),), seed=4)
    alone = hits(plan, [PLACING] * 50)
    mixed = hits(plan, [PLACING, READING, READING] * 50)
    assert mixed[::3] == alone
    assert not any(mixed[1::3])


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (When(), [1, 1, 1, 1]),
        (When(method="POST"), [1, 0, 1, 0]),
        (When(path="/api/v3/account"), [0, 0, 0, 0]),
        (When(security="USER_DATA"), [0, 1, 0, 1]),
        (When(symbol="BTCUSDT"), [1, 0, 1, 0]),
        (When(params={"type": "LIMIT"}), [1, 0, 1, 0]),
        (When(nth=(2, 3)), [0, 1, 1, 0]),
        (When(method="POST", nth=(2,)), [0, 0, 1, 0]),
        (When(times=2), [1, 1, 0, 0]),
        (When(from_s=1), [0, 1, 1, 1]),
        (When(to_s=2), [1, 1, 0, 0]),
        (When(nth=(1,), lasts_s=2.5), [1, 1, 1, 0]),
        (When(method="GET", nth=(1,), lasts_s=9), [0, 1, 0, 1]),
        (When(probability=0), [0, 0, 0, 0]),
        (When(probability=0, nth=(4,)), [0, 0, 0, 1]),
    ],
)
def test_a_rule_hits_what_it_says(when: When, expected: list[int]) -> None:
    found = hits(Plan(rules=(Reset(when=when),)), [PLACING, READING] * 2, step_ms=1000)
    assert [len(rules) for rules in found] == expected


@pytest.mark.parametrize(
    "rule", [Ban(when=When(nth=(1,)), retry_after_s=3), Silence(when=When(nth=(1,)), seconds=3)]
)
def test_what_hits_everybody_lasts_for_everybody(rule: Ban | Silence) -> None:
    rule = msgspec.structs.replace(rule, when=When(method="POST", nth=(1,)))
    assert hits(Plan(rules=(rule,)), [READING, PLACING, READING, READING, READING, READING], 1000) == [
        [],
        [0],
        [0],
        [0],
        [],
        [],
    ]


def test_a_lag_is_drawn_for_orders_and_not_for_looks() -> None:
    assert hits(Plan(rules=(Lag(when=When(probability=0.01)),)), [READING] * 20) == [[0]] * 20


def test_a_hit_tells_until_when_it_lasts() -> None:
    applied, _ = decide(ActivePlan.begin(Plan(rules=(Ban(),)), 0), READING, 500)
    assert applied == [Hit(Ban(), 0, 120_500)]


def test_all_processes_of_a_state_obey_and_count_together(venues: OpenVenue) -> None:
    one, other = venues(), venues()
    admin.set_faults(one.exchange, Plan(rules=(Drop(when=When(method="POST", nth=(2,))),)))
    for venue in (other, one):
        with venue.exchange.transaction() as engine:
            active = engine.state.faults()
            assert active is not None
            _, counted = decide(active, PLACING, engine.now_ms)
            engine.state.save_faults(counted)
    active = admin.faults(other.exchange)
    assert active is not None
    assert (active.tallies[0].seen, active.tallies[0].hit) == (2, 1)
    admin.set_faults(other.exchange, None)
    assert admin.faults(one.exchange) is None


def test_what_a_failed_transaction_counted_is_forgotten(venue: Venue) -> None:
    plan = Plan(rules=(Drop(),))
    admin.set_faults(venue.exchange, plan)
    with suppress(RuntimeError), venue.exchange.transaction() as engine:
        engine.state.save_faults(None)
        raise RuntimeError
    active = admin.faults(venue.exchange)
    assert active is not None
    assert active.plan == plan


def test_a_failing_test_tells_the_line_that_replays_it(venue: Venue) -> None:
    plan = Plan(rules=(Drop(),), seed=9)
    with pytest.raises(AssertionError) as failed, admin.faulty(venue.exchange, plan):
        raise AssertionError
    assert failed.value.__notes__ == [f"replay: {plan.replay_line()}"]
    assert admin.faults(venue.exchange) is None


# docs/faults.md

DOCUMENT = (REPOSITORY / "docs" / "faults.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```\n\n```text\n(.*?)```", DOCUMENT, re.DOTALL)


def test_every_plan_in_the_document_is_followed_by_what_it_does() -> None:
    assert len(EXAMPLES) == DOCUMENT.count("```json") >= 5


def test_the_document_lists_every_fault_with_its_options_and_defaults() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ((?:`\w+` \S+(?:, )?)*) ?\|", DOCUMENT, re.MULTILINE)
    listed = {name: dict(re.findall(r"`(\w+)` ([^ ,]+)", options)) for name, options in rows}
    assert listed == {name: options_of(kind) for name, kind in FAULTS.items()}


def options_of(kind: type[Rule]) -> dict[str, str]:
    rule = kind()
    names = [name for name in rule.__struct_fields__ if name != "when"]
    return {name: json.dumps(getattr(rule, name)) for name in names}


def test_the_document_lists_every_condition() -> None:
    (table,) = re.findall(r"^\| `when` \|.*?\n\n", DOCUMENT, re.MULTILINE | re.DOTALL)
    first_cells = [line.split("|")[1] for line in table.splitlines()[2:] if line]
    listed = [name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(listed) == sorted(When.__struct_fields__)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    config = PaperConfig(tmp_path / "state", seed=7)
    async with serve(config, wall_clock_ms=wall_clock_ms, random_bytes=random.Random(1).randbytes) as at:
        yield Client(at)


@pytest.mark.parametrize(("plan", "conversation"), EXAMPLES)
async def test_the_examples_of_the_document_do_what_it_says(
    client: Client, plan: str, conversation: str
) -> None:
    await client.set(*parse(plan, PATHS).rules, seed=parse(plan, PATHS).seed)
    for line in conversation.splitlines():
        request, _, expected = line.partition(" -> ")
        method, path, *rest = request.split()
        name = rest.pop(0) if rest else ""
        if method == "POST":
            answer = await client.place(newClientOrderId=name, **dict(part.split("=") for part in rest))
        elif name:
            answer = await client.ask(method, path, symbol="BTCUSDT", origClientOrderId=name)
        else:
            answer = await client.ask(method, path, symbol="BTCUSDT")
        assert _told(answer).startswith(expected), line


def _told(seen: Seen) -> str:
    if not seen.status:
        return "no answer"
    body = seen.json
    if isinstance(body, list):
        return f"{seen.status} {len(body)} rows"
    if "code" in body:
        return f"{seen.status} {body['code']}"
    return f"{seen.status} {body['status']} {body['executedQty']}"


def test_the_python_of_the_document_runs(venue: Venue) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    names: dict[str, Any] = {"exchange": venue.exchange}
    exec(code, names)
    assert names["plan"].rules[0].when.probability == 0.2
