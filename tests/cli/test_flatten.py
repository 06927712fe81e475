"""`trader flatten` from the outside."""

from __future__ import annotations

import signal
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import EXIT_INTERRUPTED
from tests.cli.conversation import Shell
from tests.cli.loopback import serving
from tests.cli.orders_by_hand import buy_now, open_names, place
from tests.cli.spawned import at_terminal
from tests.cli.test_cancel_all import ours, run

BASELINE = Decimal(1)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def home(shell: Shell) -> Path:
    """A home that knows its account, on the exchange in a box."""
    run(shell, "trader stage 0 -q")
    return Path(shell.environ["TRADER_HOME"])


def bitcoin(home: Path) -> Decimal:
    with serving(home / "paper") as exchange:
        return exchange.balances().get("BTC", Decimal(0))


def test_off_a_terminal_it_needs_yes_and_does_not_even_halt(shell: Shell, home: Path) -> None:
    assert run(shell, "trader flatten", 4)["error"]["code"] == "NOT_CONFIRMED"
    assert not (home / "HALTED").exists()


def test_flat_is_said_in_one_line(shell: Shell, home: Path) -> None:
    exit_code, stdout, _ = shell.run("trader flatten --yes")
    assert exit_code == 0
    assert stdout.startswith("FLAT at paper testnet, account ")
    assert (home / "HALTED").exists()
    assert run(shell, "trader stage 0", 4)["error"]["code"] == "GATE_CLOSED"


def test_with_a_broken_journal_screenis_sold_and_the_rest_stays(shell: Shell, home: Path) -> None:
    with serving(home / "paper") as exchange:
        buy_now(exchange, ours(home, 901), "0.0123")
        place(exchange, ours(home, 902))
    (home / "journal.sqlite3").write_bytes(b"rubbish" * 1000)
    document = run(shell, "TRADER_VENUE=paper trader flatten --yes", 5)
    result = document["result"]
    assert (result["flat"], result["position_from"]) == (True, "venue")
    assert [sale["symbol"] for sale in result["sales"]] == ["BTCUSDT"]
    assert BASELINE <= bitcoin(home) < BASELINE + Decimal("0.00001")
    with serving(home / "paper") as exchange:
        assert open_names(exchange) == set()
    assert (home / "emergency.ndjson").read_text().count('"kind":"INTENT"') == 1


def test_account_asks_for_a_phrase_that_changes(shell: Shell, home: Path) -> None:
    refused = run(shell, "trader flatten --account --yes", 4)
    assert refused["error"]["code"] == "NOT_CONFIRMED"
    assert refused["result"]["flat"] is None
    assert not (home / "HALTED").exists()
    phrase = refused["error"]["hint"].partition('"')[2].rstrip('"')
    assert phrase.startswith("flatten paper testnet …")

    document = run(shell, f'trader flatten --account --confirm "{phrase}"')
    assert document["result"]["flat"] is True
    assert bitcoin(home) == 0
    assert run(shell, f'trader flatten --account --confirm "{phrase}"', 4)["result"]["sales"] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_who_is_asked_for_the_phrase_can_get_out(shell: Shell, home: Path, number: signal.Signals) -> None:
    with at_terminal(shell, "flatten", "--account") as terminal:
        terminal.read_until("\n> ")
        terminal.program.send_signal(number)
        assert terminal.end() == EXIT_INTERRUPTED
    assert not (home / "HALTED").exists()


def test_an_unreachable_venue_still_halts(shell: Shell, home: Path) -> None:
    shell.environ |= {"TRADER_VENUE": "binance", "BINANCE_BASE_URL": "http://127.0.0.1:1"}
    shell.environ |= {"BINANCE_API_KEY": "k" * 64, "BINANCE_API_SECRET": "s" * 64}
    document = run(shell, "trader flatten --yes", 7)
    assert document["result"]["halted"] is True
    assert document["result"]["flat"] is None
    assert (home / "HALTED").exists()
