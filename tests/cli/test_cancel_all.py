"""`trader cancel-all` from the outside: exit codes, documents, and what is left at the exchange."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, serving
from tests.cli.orders_by_hand import open_names, place

STRANGER = "web_4711"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def home(shell: Shell) -> Path:
    """A home that knows its account, on the exchange in a box."""
    run(shell, "trader stage 0 -q")
    return Path(shell.environ["TRADER_HOME"])


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Loopback]:
    with serving(tmp_path / "venue") as loopback:
        yield loopback


def run(shell: Shell, command: str, exit_code: int = 0) -> dict[str, Any]:
    got, stdout, stderr = shell.run(f"{command} --json")
    assert got == exit_code, stdout + stderr
    document: dict[str, Any] = json.loads(stdout)
    assert document["exit_code"] == exit_code
    return document


def ours(home: Path, number: int) -> str:
    installation = (home / "installation").read_text().split()[-1]
    return f"tr{installation}-{number}"


def test_off_a_terminal_it_needs_yes_and_touches_nothing(shell: Shell, venue: Loopback) -> None:
    shell.environ |= venue.environ()
    document = run(shell, "trader cancel-all", 4)
    assert document["error"]["code"] == "NOT_CONFIRMED"
    assert venue.requests == []


def test_ours_go_and_the_strangers_stays(shell: Shell, home: Path) -> None:
    with serving(home / "paper") as exchange:
        for name in (ours(home, 901), ours(home, 902), STRANGER):
            place(exchange, name)
    document = run(shell, "BINANCE_DRY_RUN=true trader cancel-all --yes")
    result = document["result"]
    assert {order["client_order_id"]: order["outcome"] for order in result["orders"]} == {
        ours(home, 901): "canceled",
        ours(home, 902): "canceled",
    }
    assert [order["client_order_id"] for order in result["others"]] == [STRANGER]
    assert document["account"]
    with serving(home / "paper") as exchange:
        assert open_names(exchange) == {STRANGER}

    run(shell, "trader cancel-all --account --yes")
    with serving(home / "paper") as exchange:
        assert open_names(exchange) == set()


def test_finding_nothing_it_says_where_it_looked(shell: Shell, home: Path) -> None:
    exit_code, stdout, stderr = shell.run("trader cancel-all --symbol eth/usdt --yes")
    assert exit_code == 0
    assert stdout.startswith("no open order of ours on ETHUSDT at paper testnet, account ")
    assert "venue paper, environment testnet" in stderr


@pytest.mark.parametrize("is_named", [True, False])
def test_a_broken_journal_stops_it_only_where_paper_would_be_a_guess(
    shell: Shell, home: Path, is_named: bool
) -> None:
    with serving(home / "paper") as exchange:
        place(exchange, ours(home, 901))
    (home / "journal.sqlite3").write_bytes(b"rubbish" * 1000)
    if is_named:
        document = run(shell, "TRADER_VENUE=paper trader cancel-all --yes", 5)
        assert document["error"]["code"] == "BOOKS_UNKNOWN"
        assert document["result"]["troubles"]
    else:
        document = run(shell, "trader cancel-all --yes", 3)
        assert document["error"]["code"] == "VENUE_NOT_CHOSEN"
        assert "TRADER_VENUE=" in document["error"]["hint"]
    with serving(home / "paper") as exchange:
        assert open_names(exchange) == (set() if is_named else {ours(home, 901)})


def test_real_gates_loosened_for_real_money_do_not_stop_it(shell: Shell, venue: Loopback) -> None:
    shell.environ |= venue.environ()
    run(shell, "GATE_MIN_TRADES=1 trader stage 0", 3)
    run(shell, "GATE_MIN_TRADES=1 trader cancel-all --yes")


def test_an_unreachable_venue_leaves_the_document_whole(shell: Shell, venue: Loopback) -> None:
    shell.environ |= venue.environ()
    document = run(shell, "BINANCE_BASE_URL=http://127.0.0.1:1 trader cancel-all --yes", 7)
    assert document["error"]["code"] == "VENUE_UNREACHABLE"
    assert document["result"]["elsewhere"] == []


def test_a_symbol_that_cannot_be_is_a_usage_error(shell: Shell) -> None:
    assert run(shell, "trader cancel-all --yes --symbol Ω", 2)["error"]["code"] == "USAGE"


@pytest.mark.parametrize("command", ["cancel-all", "flatten"])
def test_a_typo_in_a_limit_keeps_nobody_from_reducing(shell: Shell, home: Path, command: str) -> None:
    name = ours(home, 903)
    with serving(home / "paper") as exchange:
        place(exchange, name)
    (shell.folder / ".env").write_text("BINANCE_RISK_MAX_ORDER_USDT=25,00\nBINANCE_RISK_FRACTON=0.02\n")
    exit_code, _, stderr = shell.run(f"trader {command} --yes")
    assert exit_code == 0, stderr
    for wrong in ("BINANCE_RISK_MAX_ORDER_USDT was 25,00", "BINANCE_RISK_FRACTON is not a setting"):
        assert f"warning: {wrong}" in stderr
    assert "it is ignored here" in stderr
    with serving(home / "paper") as exchange:
        assert open_names(exchange) == set()
