"""`trader halt` and `trader resume` from the outside, also against a stage at work in another process."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conversation import Shell
from tests.cli.spawned import ended, read_until, spawned
from tests.cli.test_cancel_all import run


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def home(shell: Shell) -> Path:
    return Path(shell.environ["TRADER_HOME"])


def kinds(home: Path) -> list[str]:
    with sqlite3.connect(home / "journal.sqlite3") as db:
        rows = db.execute("SELECT kind, payload FROM events ORDER BY sequence").fetchall()
    db.close()
    return [json.loads(payload)["state"] if kind == "TRADING_STATE" else kind for kind, payload in rows]


def test_a_stage_in_another_process_sends_nothing_after_the_halt(shell: Shell, home: Path) -> None:
    run(shell, "trader stage 0")
    real = {"BINANCE_DRY_RUN": "false", "TRADER_PAPER_SPEED": "60"}
    soaking = ("--trades", "2", "--soak", "5m")  # the pause is five seconds of the wall
    with spawned(shell, "stage", "1", *soaking, **real) as stage:
        read_until(stage.stdout, "✓ trade    1/2")
        document = run(shell, "trader halt --reason night")
        assert document["result"]["latched"] is True
        exit_code, _, said = ended(stage)
    assert exit_code == 4, said
    assert "error[TRADING_HALTED]" in said
    told = kinds(home)
    after = told[told.index("HALTED") :]
    assert {"INTENT", "FILL", "REPORT"} & set(after) == set()
    assert "DENIED" in after


@pytest.mark.parametrize(
    ("wrong", "exit_code"),
    [
        ("BINANCE_RISK_FRACTION=7", 0),
        ("BINANCE_USE_TESTNET=perhaps", 0),
        ("BINANCE_API_KEY=half-of-one", 0),
        ("TRADER_SECRETS=systemd", 0),
        ("what is this", 3),
        ("TRADER_HOM=/srv/another", 3),
    ],
)
def test_halt_needs_of_the_settings_only_the_home(shell: Shell, wrong: str, exit_code: int) -> None:
    home = Path(shell.environ.pop("TRADER_HOME")).with_name("elsewhere")
    (shell.folder / ".env").write_text(f"TRADER_HOME={home}\n{wrong}\n")
    document = run(shell, "trader halt", exit_code)
    assert document["result"]["latched"] is True
    assert document["env_file"] == str(shell.folder / ".env")
    assert (home / "HALTED").exists()


def test_halt_says_when_the_settings_may_mean_another_home(shell: Shell, home: Path) -> None:
    (shell.folder / ".env").mkdir()
    assert run(shell, "trader halt")["result"]["latched"] is True
    assert (home / "HALTED").exists()
    shell.environ["XDG_STATE_HOME"] = str(home.parent)
    del shell.environ["TRADER_HOME"]
    document = run(shell, "trader halt", 3)
    assert (document["result"]["latched"], document["error"]["code"]) == (True, "SETTINGS_FILE_UNREADABLE")


def test_resume_wants_a_reason_and_a_yes(shell: Shell, home: Path) -> None:
    run(shell, "trader stage 0")
    run(shell, "trader halt")
    assert run(shell, "trader resume --yes", 2)["error"]["code"] == "USAGE"
    assert run(shell, "trader resume --yes --reason ' '", 2)["error"]["code"] == "USAGE"
    assert run(shell, "trader resume --reason checked", 4)["error"]["code"] == "NOT_CONFIRMED"
    assert (home / "HALTED").exists()
    document = run(shell, "trader resume --yes --reason checked")
    assert set(document["result"]["accounts"].values()) == {"ACTIVE"}
    assert not (home / "HALTED").exists()
    run(shell, "trader stage 0")
    assert "checked" in (home / "trade_audit.log").read_text()


def test_resume_lifts_only_what_the_settings_select(shell: Shell, home: Path) -> None:
    run(shell, "trader stage 0")
    run(shell, "trader halt")
    document = run(shell, "BINANCE_USE_TESTNET=false trader resume --yes --reason checked")
    assert set(document["result"]["accounts"].values()) == {"HALTED"}
    assert run(shell, "trader stage 0", 4)["error"]["code"] == "GATE_CLOSED"


def test_a_broken_journal_is_halted_and_not_resumed(shell: Shell, home: Path) -> None:
    run(shell, "trader stage 0")
    (home / "journal.sqlite3").write_bytes(b"rubbish" * 1000)
    document = run(shell, "trader halt")
    assert document["result"]["latched"] is True
    assert document["result"]["troubles"]
    run(shell, "TRADER_VENUE=paper trader resume --yes --reason checked", 5)
    assert (home / "HALTED").exists()
