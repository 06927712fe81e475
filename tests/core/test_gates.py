"""Every gate: closed by exactly its own condition, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.account import AccountKey, Environment
from core.clock import DAY_MS
from core.drills.rehearsed import Drill
from core.gates import (
    BOOK_GATES,
    GATES,
    KEY_GATES,
    AccountFacts,
    GateFacts,
    StagePlan,
    answer,
    answer_evidence,
    closed,
    evaluate,
)
from core.gates.reports import AddressReport, KeyReport, LiveHistory, LiveRequest
from core.journal.reconciliations import Coverage, Reconciled
from core.orders import OrderType
from core.ports import ClockReading, HostFacts, KeyFacts
from core.risk.breakers import Breaker, LatchedBreaker
from core.settings import Finding, Settings
from core.stages import STAGES, EntryMode, Evidence, GateResult, TradingState
from core.values import Quote

D1 = Decimal(1)
NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
TESTNET = AccountKey("binance", Environment.TESTNET, "testnet.binance.vision", "7")
MAINNET = AccountKey("binance", Environment.MAINNET, "api.binance.com", "8")

PHRASE = "live binance …a1b2 BTCUSDT 1 trade cap 25 USDT k7f3"
LIVE = LiveRequest(PHRASE, PHRASE, "the venue takes it", "")
PROVEN = LiveHistory(1, NOW_MS - DAY_MS, Decimal("0.01"))
RIGHTS = KeyFacts(
    ip_restricted=True,
    created_ms=NOW_MS - DAY_MS,
    reading=True,
    spot_trading=True,
    withdrawals=False,
    internal_transfer=False,
    universal_transfer=False,
    margin=False,
    futures=False,
    options=False,
    trading_authority_expires_ms=None,
)
KEY = KeyReport(
    RIGHTS, "Normal", exposed="", used_on_testnet=False, traces=(), other_homes=(), exposure_ms=None
)
RECONCILED = Reconciled(
    time_ms=NOW_MS - HOUR_MS,
    until_ms=NOW_MS - HOUR_MS,
    open_breaks={},
    accepted=0,
    full=False,
    coverage={"BTCUSDT": Coverage(1, 1)},
    transfers_to_ms=None,
)

WEEK_MS = 7 * DAY_MS
REHEARSED = {
    name: Drill(name, True, NOW_MS - WEEK_MS - 1, NOW_MS - WEEK_MS, 1, here=True)
    for name in ("halt", "cancel-all", "flatten")
}

Change = Callable[[GateFacts], GateFacts]


def evidence(stage: int, **changed: Any) -> Evidence:
    values: dict[str, Any] = {
        "evidence_id": f"ev{stage}",
        "stage": stage,
        "account": TESTNET,
        "official_host": True,
        "symbol": "BTCUSDT",
        "strategy": "coherence",
        "entry_mode": EntryMode.PROBE,
        "trades": 3,
        "first_fill_ms": NOW_MS - 2 * HOUR_MS,
        "last_fill_ms": NOW_MS - HOUR_MS,
        "risk_digest": "risk",
        "code_digest": "code",
        "key_fingerprint": "key",
        "checks": {},
        "created_ms": NOW_MS - HOUR_MS,
    }
    return Evidence(**(values | changed))


def facts(stage: int, evidences: tuple[Evidence, ...] = (evidence(0), evidence(1))) -> GateFacts:
    """Return facts that open every gate of the stage that is built."""
    environment = STAGES[stage].environment
    testnet = environment is Environment.TESTNET
    account = TESTNET if testnet else MAINNET
    settings = Settings.model_validate(
        {
            "TRADER_HOME": Path("/nowhere"),
            "BINANCE_USE_TESTNET": str(testnet).lower(),
            "BINANCE_DRY_RUN": str(STAGES[stage].dry_run).lower(),
            "CONFIRM_LIVE": "yes",
        }
    )
    return GateFacts(
        plan=StagePlan(STAGES[stage], "BTCUSDT", 1, EntryMode.PROBE, "coherence", "15m", 0, 60),
        settings=settings,
        host=HostFacts(f"https://{account.host}", account.host, True, environment, False, "an official host"),
        account=AccountFacts(
            account=account,
            now_ms=NOW_MS,
            reading=ClockReading(NOW_MS, NOW_MS, offset_ms=3, bound_ms=10),
            free_quote=Decimal(100),
            quote_asset="USDT",
            smallest_order=Quote(Decimal(6)),
            home_lost="",
            unsettled=(),
            quarantined=(),
            breakers=(),
            foreign_orders=(),
            stop_type=OrderType.STOP_LOSS,
            open_stops=0,
            stops_max=5,
            trading_state=TradingState.ACTIVE,
            journal_findings=0,
            reconciled=RECONCILED,
            open_breaks=0,
            symbols=frozenset({"BTCUSDT"}),
            evidence=evidences,
            drills=REHEARSED,
            risk_digest="risk",
            code_digest="code",
            key=KEY,
            addresses=AddressReport(("USDT on TRX",), ()),
            live_history={},
            live=LIVE,
            live_entries_today=0,
            live_loss_today=Quote(Decimal(0)),
        ),
    )


def settings(**changed: Any) -> Change:
    return lambda f: replace(f, settings=f.settings.model_copy(update=changed))


def account(**changed: Any) -> Change:
    def change(f: GateFacts) -> GateFacts:
        assert f.account
        return replace(f, account=replace(f.account, **changed))

    return change


def host(**changed: Any) -> Change:
    def change(f: GateFacts) -> GateFacts:
        assert f.host
        return replace(f, host=replace(f.host, **changed))

    return change


def plan(**changed: Any) -> Change:
    return lambda f: replace(f, plan=replace(f.plan, **changed))


def clock(offset_ms: float, bound_ms: float) -> Change:
    return account(reading=ClockReading(NOW_MS, NOW_MS, offset_ms, bound_ms))


def key(**changed: Any) -> Change:
    return account(key=replace(KEY, **changed))


def rights(**changed: Any) -> Change:
    return key(facts=replace(RIGHTS, **changed))


LIVE_KEY: list[tuple[str, Change, str]] = [
    ("a key that may not read", rights(reading=False), "key-rights"),
    ("a key that may not trade spot", rights(spot_trading=False), "key-rights"),
    ("a key that may withdraw", rights(withdrawals=True), "key-rights"),
    ("a key that may transfer internally", rights(internal_transfer=True), "key-rights"),
    ("a key that may transfer universally", rights(universal_transfer=True), "key-rights"),
    ("a key that may use margin", rights(margin=True), "key-rights"),
    ("a key that may trade futures", rights(futures=True), "key-rights"),
    ("a key that may trade options", rights(options=True), "key-rights"),
    ("a key that works from anywhere", rights(ip_restricted=False), "key-ip"),
    ("a key of 90 days", rights(created_ms=NOW_MS - 90 * DAY_MS), "key-age"),
    ("a key from the future", rights(created_ms=NOW_MS + 1), "key-age"),
    ("trading ends today", rights(trading_authority_expires_ms=NOW_MS + DAY_MS - 1), "key-expiry"),
    ("a locked account", key(status="Locked"), "account-status"),
    ("an exposed key", key(exposed="lost laptop"), "key-exposure"),
    ("a key used on a testnet", key(used_on_testnet=True), "key-exposure"),
    ("a key in a shell history", key(traces=("~/.bash_history:7",)), "key-exposure"),
    ("a key used from another home", key(other_homes=("/elsewhere",)), "key-alone"),
    ("a key used from nobody knows where", key(other_homes=None), "key-alone"),
]


def live(**changed: Any) -> Change:
    return account(live=replace(LIVE, **changed))


def climbing(trades: int, history: LiveHistory) -> Change:
    return lambda f: plan(trades=trades)(account(live_history={"BTCUSDT": history})(f))


def by_signal(change: Change) -> Change:
    return lambda f: plan(entry=EntryMode.SIGNAL)(change(f))


def reconciled(until_ms: int) -> Change:
    return account(reconciled=replace(RECONCILED, until_ms=until_ms))


def drilled(name: str, **changed: Any) -> Change:
    return account(drills={**REHEARSED, name: replace(REHEARSED[name], **changed)})


def undrilled(name: str) -> Change:
    return account(drills={each: drill for each, drill in REHEARSED.items() if each != name})


LATCHED = LatchedBreaker(Breaker.CONSECUTIVE_LOSSES, "3 losing trades in a row", NOW_MS, NOW_MS + 1)
ANY_STAGE: list[tuple[str, Change, str]] = [
    ("clock 0.5 s ahead", clock(500, 0), "clock"),
    ("clock 0.5 s behind", clock(-500, 0), "clock"),
    ("clock not known well enough", clock(10, 490), "clock"),
    ("less than the smallest order", account(free_quote=Decimal("5.99")), "balance"),
    ("no stop order on the symbol", account(stop_type=None), "protective-stop"),
    ("no room for one more stop", account(open_stops=5), "protective-stop"),
    ("an order of unknown fate", account(unsettled=("tr0123456789abcdef-1 since TIME",)), "unsettled"),
    ("another installation", account(foreign_orders=("tr0123456789abcdef-1",)), "second-machine"),
    ("a quarantined symbol", account(quarantined=("ETHUSDT",)), "unsettled"),
    ("halted", account(trading_state=TradingState.HALTED), "trading-state"),
    ("reducing", account(trading_state=TradingState.REDUCING), "trading-state"),
    ("altered journal", account(journal_findings=1), "journal"),
]
TESTNET_STAGES: list[tuple[str, Change, str]] = [
    ("settings for mainnet", settings(use_testnet=False), "settings"),
    ("a host that is mainnet", host(environment=Environment.MAINNET), "environment"),
]


def spoiled(stage: int, **changed: Any) -> Change:
    """Change the evidence of one stage."""

    def change(f: GateFacts) -> GateFacts:
        assert f.account
        found = tuple(replace(e, **changed) if e.stage == stage else e for e in f.account.evidence)
        return replace(f, account=replace(f.account, evidence=found))

    return change


def missing(stage: int) -> Change:
    def change(f: GateFacts) -> GateFacts:
        assert f.account
        kept = tuple(e for e in f.account.evidence if e.stage != stage)
        return replace(f, account=replace(f.account, evidence=kept))

    return change


def voided(stage: int) -> list[tuple[str, Change, str]]:
    gate = f"stage-{stage}"
    return [
        (f"stage {stage} never passed", missing(stage), gate),
        (f"stage {stage} on another venue", spoiled(stage, account=replace(TESTNET, venue="paper")), gate),
        (
            f"stage {stage} on mainnet",
            spoiled(stage, account=replace(TESTNET, environment=Environment.MAINNET)),
            gate,
        ),
        (f"stage {stage} at a relay", spoiled(stage, official_host=False), gate),
        (f"stage {stage} for another symbol", spoiled(stage, symbol="ETHUSDT"), gate),
        (f"stage {stage} with another strategy", spoiled(stage, strategy="other"), gate),
        (f"stage {stage} with other risk settings", spoiled(stage, risk_digest="other"), gate),
        (f"stage {stage} with other code", spoiled(stage, code_digest="other"), gate),
        (f"stage {stage} too old", spoiled(stage, created_ms=NOW_MS - 7 * DAY_MS - 1), gate),
        (f"stage {stage} in the future", spoiled(stage, created_ms=NOW_MS + 1), gate),
    ]


CASES = [
    *[(stage, *case) for stage in (0, 1, 2) for case in ANY_STAGE],
    *[(stage, *case) for stage in (0, 1) for case in TESTNET_STAGES],
    (0, "settings for real orders", settings(dry_run=False), "settings"),
    (1, "settings for a dry run", settings(dry_run=True), "settings"),
    *[(1, *case) for case in voided(0)],
    (
        1,
        "stage 0 before a wipe",
        account(account=replace(TESTNET, epoch=1)),
        "stage-0",
    ),
    *[(2, *case) for stage in (0, 1) for case in voided(stage)],
    (2, "settings for testnet", settings(use_testnet=True), "settings"),
    (2, "settings for a dry run", settings(dry_run=True), "settings"),
    (2, "a host that is a testnet", host(environment=Environment.TESTNET), "environment"),
    (2, "too few trades", spoiled(1, trades=2), "stage-1"),
    (2, "too short a soak", spoiled(1, first_fill_ms=NOW_MS - HOUR_MS - HOUR_MS + 1), "stage-1"),
    (2, "signal with real money, never by signal before", by_signal(climbing(1, PROVEN)), "stage-1"),
    (
        2,
        "the first live run by signal",
        by_signal(spoiled(1, entry_mode=EntryMode.SIGNAL)),
        "ladder",
    ),
    *[(2, *case) for case in LIVE_KEY],
    (2, "a home in memory", account(home_lost="/run is tmpfs"), "home"),
    (2, "no address confirmed", account(addresses=AddressReport((), ())), "deposit-address"),
    (
        2,
        "an address that changed",
        account(addresses=AddressReport(("USDT on TRX",), ("USDT on TRX",))),
        "deposit-address",
    ),
    (2, "two trades at first", plan(trades=2), "ladder"),
    (2, "two trades within a day", climbing(2, replace(PROVEN, first_fill_ms=NOW_MS - DAY_MS + 1)), "ladder"),
    (2, "two trades without a profit", climbing(2, replace(PROVEN, pnl=Decimal(0))), "ladder"),
    (2, "eleven trades", climbing(11, PROVEN), "ladder"),
    (2, "another symbol too soon", account(live_history={"ETHUSDT": replace(PROVEN, trades=9)}), "ladder"),
    (2, "another symbol at a loss", account(live_history={"ETHUSDT": LiveHistory(10, 0, -D1)}), "ladder"),
    (2, "an order the venue refuses", live(refused="PRICE_FILTER"), "pre-flight"),
    (2, "no phrase", live(typed=None), "phrase"),
    (2, "the phrase of another run", live(typed=PHRASE[:-4] + "zzzz"), "phrase"),
    (2, "books never compared", account(reconciled=None), "reconciliation"),
    (2, "a symbol not compared", account(symbols=frozenset({"BTCUSDT", "ETHUSDT"})), "reconciliation"),
    (2, "an open break", account(open_breaks=1), "reconciliation"),
    (2, "books compared too long ago", reconciled(NOW_MS - DAY_MS - 1), "reconciliation"),
    (2, "books compared in the future", reconciled(NOW_MS + 1), "reconciliation"),
    (2, "all entries of the day used", account(live_entries_today=10), "daily-limits"),
    (2, "the day's loss used up", account(live_loss_today=Quote(Decimal(10))), "daily-limits"),
    (2, "a breaker is latched", account(breakers=(LATCHED,)), "breakers"),
    (2, "not confirmed", settings(confirm_live=False), "confirm-live"),
    *[(2, f"{name} never rehearsed", undrilled(name), "drills") for name in REHEARSED],
    *[(2, f"{name} given up", drilled(name, passed=False), "drills") for name in REHEARSED],
    *[
        (2, f"{name} rehearsed too long ago", drilled(name, ended_ms=NOW_MS - WEEK_MS - 1), "drills")
        for name in REHEARSED
    ],
    (2, "a drill before the clock was set back", drilled("halt", ended_ms=NOW_MS + 1), "drills"),
    (2, "a drill in the home it was restored from", drilled("flatten", here=False), "drills"),
]


@pytest.mark.parametrize(
    ("stage", "change", "gate"),
    [pytest.param(stage, change, gate, id=f"{stage}: {name}") for stage, name, change, gate in CASES],
)
def test_one_condition_taken_away_closes_exactly_its_gate(stage: int, change: Change, gate: str) -> None:
    gates = evaluate(change(facts(stage)))
    failed = [each for each in gates if each.result is GateResult.FAIL]
    assert [each.name for each in failed] == [gate]
    assert failed[0].detail
    assert failed[0].way_out


@pytest.mark.parametrize("stage", [0, 1])
def test_stages_0_and_1_open_when_every_condition_holds(stage: int) -> None:
    assert closed(evaluate(facts(stage))) == ()


def test_stage_2_opens_when_every_condition_holds() -> None:
    gates = evaluate(facts(2))
    assert closed(gates) == ()
    assert [gate.name for gate in gates] == list(GATES[2])


def test_every_gate_has_a_case_that_closes_it() -> None:
    for stage in (0, 1, 2):
        tested = {gate for number, _, _, gate in CASES if number == stage}
        assert tested == set(GATES[stage])


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_what_was_not_asked_is_unavailable_and_closed(stage: int) -> None:
    unasked = replace(facts(stage), host=None, account=None)
    by_name = {gate.name: gate for gate in evaluate(unasked)}
    assert by_name["settings"].result is GateResult.PASS
    for name in set(by_name) - {"settings", "confirm-live"}:
        assert by_name[name].result is GateResult.UNAVAILABLE
        assert by_name[name] in closed(tuple(by_name.values()))


@pytest.mark.parametrize("name", KEY_GATES)
@pytest.mark.parametrize("stage", [0, 1])
def test_on_a_testnet_nothing_is_said_of_the_key(stage: int, name: str) -> None:
    on_testnet = key(facts=None, status=None)(facts(stage))
    assert answer(name, on_testnet).result is GateResult.UNAVAILABLE


@pytest.mark.parametrize(("days", "warns"), [(79, False), (80, True), (89, True)])
def test_a_key_of_80_days_passes_with_a_warning(days: int, warns: bool) -> None:
    gate = answer("key-age", rights(created_ms=NOW_MS - days * DAY_MS)(facts(2)))
    assert gate.result is GateResult.PASS
    assert ("replace it soon" in gate.detail) is warns


def test_the_ladder_is_climbed_rung_by_rung() -> None:
    other = account(live_history={"ETHUSDT": replace(PROVEN, trades=10)})
    for change in (climbing(10, PROVEN), climbing(1, replace(PROVEN, pnl=-D1)), other):
        assert answer("ladder", change(facts(2))).result is GateResult.PASS


def test_the_home_of_toy_money_may_be_lost() -> None:
    on_paper = account(account=replace(MAINNET, venue="paper"), home_lost="/run is tmpfs")
    assert answer("home", on_paper(facts(2))).result is GateResult.PASS


def test_the_drills_that_are_missing_are_named_with_their_commands() -> None:
    gate = answer("drills", account(drills={"halt": REHEARSED["halt"]})(facts(2)))
    assert gate.detail == "cancel-all, flatten: never rehearsed in this home"
    assert gate.way_out == "trader drill cancel-all; trader drill flatten"


def test_toy_money_needs_no_drills() -> None:
    gate = answer("drills", account(account=replace(MAINNET, venue="paper"), drills={})(facts(2)))
    assert gate.result is GateResult.PASS
    assert gate.detail.startswith("not required for toy money; halt, cancel-all, flatten: never rehearsed")


def test_runs_of_one_digest_add_up() -> None:
    first = evidence(1, trades=1, first_fill_ms=NOW_MS - 3 * HOUR_MS, last_fill_ms=NOW_MS - 3 * HOUR_MS)
    second = evidence(1, trades=2, first_fill_ms=NOW_MS - HOUR_MS, last_fill_ms=NOW_MS - HOUR_MS)
    gates = evaluate(facts(2, (evidence(0), first, second)))
    assert {gate.name: gate.result for gate in gates}["stage-1"] is GateResult.PASS


def test_a_run_of_another_digest_does_not_add_up() -> None:
    first = evidence(1, trades=1, risk_digest="other", first_fill_ms=NOW_MS - 3 * HOUR_MS)
    second = evidence(1, trades=2)
    gates = evaluate(facts(2, (evidence(0), first, second)))
    assert {gate.name: gate.result for gate in gates}["stage-1"] is GateResult.FAIL


@pytest.mark.parametrize(
    ("number", "change", "said"),
    [
        (1, {}, ""),
        (1, {"trades": 2}, "3 over 3600 s are needed"),
        (2, {}, ""),
        (2, {"account": TESTNET}, "not on the live venue"),
        (0, {"account": MAINNET}, "not on a testnet"),
        (0, {"risk_digest": "other"}, "with other risk"),
    ],
)
def test_evidence_is_judged_for_the_next_stage_wherever_one_stands(
    number: int, change: dict[str, Any], said: str
) -> None:
    made = evidence(number, **({"account": MAINNET if number == 2 else TESTNET} | change))
    for stage in STAGES:
        gate = answer_evidence(number, facts(stage, (made,)))
        assert (gate.name, gate.result) == (f"stage-{number}", GateResult.FAIL if said else GateResult.PASS)
        assert said in gate.detail


@pytest.mark.parametrize("name", BOOK_GATES)
def test_the_books_may_be_asked_about_at_any_stage(name: str) -> None:
    assert {answer(name, facts(stage)).result for stage in STAGES} == {GateResult.PASS}


def test_evidence_from_a_relay_counts_at_that_relay() -> None:
    at_a_relay = host(official=False, host="relay.example")
    gates = evaluate(at_a_relay(facts(1, (evidence(0, official_host=False),))))
    assert closed(gates) == ()


def test_signal_with_real_money_after_a_stage_1_trade_by_signal() -> None:
    rehearsed = evidence(1, entry_mode=EntryMode.SIGNAL)
    gates = evaluate(plan(entry=EntryMode.SIGNAL)(facts(2, (evidence(0), rehearsed))))
    assert {gate.name: gate.result for gate in gates}["stage-1"] is GateResult.PASS


def test_confirm_live_in_a_file_is_told_apart() -> None:
    finding = Finding("CONFIRM_LIVE_IN_FILE", "CONFIRM_LIVE in .env does not count", "remove the line")
    change = settings(confirm_live=False, findings=(finding,))
    gate = {each.name: each for each in evaluate(change(facts(2)))}["confirm-live"]
    assert "in a settings file it does not count" in gate.detail


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (0, "BINANCE_USE_TESTNET=true BINANCE_DRY_RUN=true trader stage 0 --symbol BTCUSDT"),
        (1, "BINANCE_USE_TESTNET=true BINANCE_DRY_RUN=false trader stage 1 --symbol BTCUSDT"),
        (
            2,
            "CONFIRM_LIVE=yes BINANCE_USE_TESTNET=false BINANCE_DRY_RUN=false "
            "trader stage 2 --symbol BTCUSDT",
        ),
    ],
)
def test_a_contradiction_names_the_line_that_would_be_right(stage: int, expected: str) -> None:
    contradicted = settings(use_testnet=stage == 2, dry_run=stage != 0)(facts(stage))
    assert evaluate(contradicted)[0].way_out == expected


def test_the_way_to_evidence_is_the_whole_command_line() -> None:
    gates = evaluate(spoiled(1, trades=2)(facts(2)))
    assert {gate.name: gate for gate in gates}["stage-1"].way_out == (
        "BINANCE_USE_TESTNET=true BINANCE_DRY_RUN=false trader stage 1 --symbol BTCUSDT --trades 3 --soak 1h"
    )


def test_an_exposed_key_takes_the_account_back_to_stage_zero() -> None:
    told = facts(2)
    at_ms = max(each.created_ms for each in told.account.evidence)
    exposed = replace(told.account, key=replace(told.account.key, exposure_ms=at_ms))
    gates = {gate.name: gate for gate in evaluate(replace(told, account=exposed))}
    for name in ("stage-0", "stage-1"):
        assert "before a key of this home was exposed" in gates[name].detail
    earlier = replace(told.account, key=replace(told.account.key, exposure_ms=0))
    assert closed(evaluate(replace(told, account=earlier))) == closed(evaluate(told))
