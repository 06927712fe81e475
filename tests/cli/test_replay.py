"""`trader replay` from outside: a stage waits for its signal, and its decisions are made again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.journal.chain import canonical_json
from core.journal.files import DATABASE
from tests.cli.conversation import Shell
from tests.cli.markets import write_waves

FAST = "TRADER_PAPER_SPEED=600 TRADER_BAR=1m TRADER_PAPER_MARKET=file:market.csv"


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Return a home in which stage 0 traded a signal."""
    shell = Shell(tmp_path_factory.mktemp("replay"))
    write_waves(shell.folder / "market.csv")
    exit_code, _, stderr = shell.run(f"{FAST} trader stage 0 --entry signal --strategy ema-cross")
    assert exit_code == 0, stderr
    return shell


def document(shell: Shell, command: str, exit_code: int = 0) -> dict[str, Any]:
    got, stdout, stderr = shell.run(f"{command} --json")
    assert got == exit_code, stderr + stdout
    found: dict[str, Any] = json.loads(stdout)
    return found


def database(shell: Shell) -> sqlite3.Connection:
    return sqlite3.connect(Path(shell.environ["TRADER_HOME"]) / DATABASE)


def change(shell: Shell, number: int, edit: Callable[[Any], None]) -> int:
    """Change one decision as a forger would who knows the tables; return its event's number."""
    with closing(database(shell)) as db, db:
        (trigger,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'events_keep'").fetchone()
        db.execute("DROP TRIGGER events_keep")
        rows = db.execute("SELECT sequence, payload FROM events WHERE kind = 'DECISION'").fetchall()
        sequence, payload = next(
            (sequence, told) for sequence, text in rows if (told := json.loads(text))["number"] == number
        )
        edit(payload)
        db.execute("UPDATE events SET payload = ? WHERE sequence = ?", (canonical_json(payload), sequence))
        db.execute(trigger)
    return int(sequence)


def test_every_decision_of_a_stage_comes_out_the_same(staged: Shell) -> None:
    last = document(staged, "trader replay --last")["result"]
    assert last["identical"] == last["decisions"] >= 3
    assert (last["proven"], last["other_code"], last["first"]) == (True, False, None)
    named = document(staged, f"trader replay {last['evidence']}")["result"]
    assert named == last
    exit_code, stdout, _ = staged.run(f"trader replay {last['evidence']}")
    assert exit_code == 0
    assert stdout.splitlines()[1].split()[:5] == [last["evidence"], "0", "ema-cross", "BTCUSDT", "1m"]


def test_the_audit_log_leaves_the_bars_out(staged: Shell) -> None:
    log = (Path(staged.environ["TRADER_HOME"]) / "trade_audit.log").read_text()
    told = [line for line in log.splitlines() if " Decision {" in line]
    assert told
    assert all(len(line) < 1_500 and '"bars":{"BTCUSDT 1m":260}' in line for line in told)
    assert document(staged, "trader audit verify")["ok"]


def test_recorded_decisions_are_written_to_a_file(staged: Shell) -> None:
    result = document(staged, "trader replay --last --output decisions.ndjson")["result"]
    lines = [json.loads(line) for line in (staged.folder / "decisions.ndjson").read_text().splitlines()]
    assert len(lines) == result["decisions"] - 1  # the self-test's own is left out
    opened = [line["bar_open_time_ms"] for line in lines]
    assert opened == sorted(set(opened))
    assert {line["action"] for line in lines} >= {"ENTER_LONG", "EXIT"}
    again = document(staged, "trader replay --last --output decisions.ndjson", exit_code=3)
    assert again["error"]["code"] == "FILE_EXISTS"


def test_another_parameter_shows_the_first_decision_that_would_differ(staged: Shell) -> None:
    found = document(staged, "trader replay --last --set fast=11", exit_code=5)
    assert found["result"]["first"]["decision"] == 1
    assert found["result"]["first"]["inputs"] == []
    assert "decided again with fast=11" in found["error"]["message"]


def test_a_changed_bar_is_named_with_the_first_decision_on_it(staged: Shell) -> None:
    number = document(staged, "trader replay --last")["result"]["decisions"]
    kept: list[str] = []

    def forge(payload: Any) -> None:
        (window,) = payload["bars"].values()
        kept.append(window["new"][0])
        parts = kept[0].split(",")
        parts[4] = f"{float(parts[4]) + 0.01:.2f}"
        window["new"][0] = ",".join(parts)

    def mend(payload: Any) -> None:
        (window,) = payload["bars"].values()
        window["new"][0] = kept[0]

    sequence = change(staged, number, forge)
    found = document(staged, "trader replay --last", exit_code=5)
    first = found["result"]["first"]
    assert (first["decision"], first["event"]) == (number, sequence)
    assert first["inputs"][0] == f"event {sequence} is not what its hash was made of"
    assert "the BTCUSDT 1m bar that opened 20" in first["inputs"][1]
    assert found["result"]["identical"] == number - 1
    assert found["error"]["code"] == "REPLAY_DIFFERS"
    change(staged, number, mend)
    document(staged, "trader replay --last")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        ("", 2, "USAGE"),
        ("ev00000000 --last", 2, "USAGE"),
        ("ev00000000", 3, "EVIDENCE_UNKNOWN"),
        ("--last --set fastt=3", 3, "STRATEGY_UNFIT"),
        ("--last --set fast", 2, "USAGE"),
    ],
)
def test_bad_input_is_named(staged: Shell, arguments: str, exit_code: int, code: str) -> None:
    assert document(staged, f"trader replay {arguments}", exit_code)["error"]["code"] == code


def test_a_home_without_decisions_says_so(tmp_path: Path) -> None:
    error = document(Shell(tmp_path), "trader replay --last", exit_code=3)["error"]
    assert (error["code"], "has no decisions" in error["message"]) == ("EVIDENCE_UNKNOWN", True)
