"""A running stage meets signals, kills, a venue that breaks off and one that stops trading."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.journal import Journal
from core.orders import OrderStatus, Side
from exchanges.paper import admin
from exchanges.paper.dialects.binance import HttpAnswer, HttpRequest
from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, Spoil, serving, untouched
from tests.cli.markets import write_waves
from tests.cli.spawned import ended, read_until, spawned
from tests.cli.test_protection import UNBROKEN

REAL = {"BINANCE_DRY_RUN": "false"}
FAST = {"TRADER_PAPER_SPEED": "600", "TRADER_BAR": "1m", "TRADER_PAPER_MARKET": "file:market.csv", **UNBROKEN}
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def home(shell: Shell) -> Path:
    return Path(shell.environ["TRADER_HOME"])


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Loopback]:
    with serving(tmp_path / "venue") as loopback:
        yield loopback


def passed(shell: Shell, command: str) -> None:
    exit_code, stdout, stderr = shell.run(command)
    assert exit_code == 0, stderr + stdout


def journal_of(home: Path) -> Journal:
    return Journal.open(home, clock=SystemClock(), random_bytes=lambda count: bytes(count), read_only=True)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_soaking_ends_the_stage_flat(shell: Shell, home: Path, number: signal.Signals) -> None:
    passed(shell, "trader stage 0")
    with spawned(shell, "stage", "1", "--trades", "2", "--soak", "1h", **REAL) as stage:
        read_until(stage.stderr, "soaking")
        stage.send_signal(number)
        stage.send_signal(number)  # an impatient second one breaks nothing
        exit_code, _, stderr = ended(stage)
    assert exit_code == 130, stderr
    assert f"{number.name}: finishing the request in flight" in stderr
    assert f"error[INTERRUPTED]: stopped by {number.name}: no position was open" in stderr
    assert "Traceback" not in stderr
    with journal_of(home) as journal:
        (account,) = journal.accounts()
        assert journal.unsettled() == ()
        assert journal.verify() == ()
        # The trade that was made counts; the stage can go on from it.
        assert [each.trades for each in journal.evidence() if each.stage == 1] == [1]
        assert journal.position(account, "BTCUSDT").cost.value < 5


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, *(pytest.param(other, marks=pytest.mark.slow) for other in SIGNALS[::2])]
)
def test_a_signal_in_a_position_sells_it_and_says_so(
    shell: Shell, home: Path, number: signal.Signals
) -> None:
    write_waves(shell.folder / "market.csv")
    shell.environ |= FAST
    passed(shell, "trader stage 0")
    with spawned(shell, "stage", "1", "--entry", "signal", "--trades", "9", "--json", **REAL) as stage:
        # From the beginning of a wave: what is entered in the middle of one may be left at once.
        read_until(stage.stderr, "waiting to enter")
        read_until(stage.stderr, "holding")
        stage.send_signal(number)
        stage.send_signal(number)
        exit_code, stdout, stderr = ended(stage)
    document = json.loads(stdout)
    assert exit_code == document["exit_code"] == 130, stderr
    assert document["error"]["message"].startswith(f"stopped by {number.name}: the position was sold")
    last = document["result"]["trades"][-1]
    assert last["exit"]["status"] == "FILLED"
    with journal_of(home) as journal:
        (account,) = journal.accounts()
        assert journal.unsettled() == ()
        assert journal.position(account, "BTCUSDT").cost.value < 5


def test_a_position_that_cannot_be_sold_is_exit_9_and_named(
    shell: Shell, home: Path, venue: Loopback
) -> None:
    shell.environ |= venue.environ()
    passed(shell, "trader stage 0")

    def halt_after_the_entry(request: HttpRequest, answer: HttpAnswer) -> HttpAnswer:
        if request.method == "POST" and b"side=BUY" in request.body:
            halt(venue, "HALT")
        return answer

    venue.spoil = halt_after_the_entry
    exit_code, stdout, _ = shell.run("BINANCE_DRY_RUN=false trader stage 1 --json")
    document = json.loads(stdout)
    assert exit_code == 9
    error = document["error"]
    assert error["code"] == "POSITION_OPEN"
    assert error["details"]["symbol"] == "BTCUSDT"
    assert f"{error['details']['quantity']} BTC of BTCUSDT is left open" in error["message"]
    assert "trader status" in error["hint"]
    assert document["result"]["trades"][0]["exit"] is None
    assert document["result"]["evidence_id"] is None

    exit_code, stdout, stderr = shell.run("trader status")
    assert exit_code == 9
    assert "protected by nothing" in stdout
    assert "error[POSITION_OPEN]" in stderr

    # The way out: once it trades again, the stage sells what it finds.
    venue.spoil = untouched
    halt(venue, "TRADING")
    passed(shell, "BINANCE_DRY_RUN=false trader stage 1")
    assert shell.run("trader status")[0] == 0


def halt(venue: Loopback, status: str) -> None:
    with admin.opened(
        venue.config,
        wall_clock_ms=SystemClock().now_ms,
        random_bytes=lambda count: bytes(count),
    ) as exchange:
        admin.set_symbol_status(exchange, "BTCUSDT", status)  # type: ignore[arg-type]  # a literal's text


ABOUT_ORDERS = ("order", "Orders", "myTrades")


@pytest.mark.parametrize("side", ["BUY", pytest.param("SELL", marks=pytest.mark.slow)])
def test_an_unknown_outcome_that_cannot_be_learned_is_exit_8(
    shell: Shell, home: Path, venue: Loopback, side: str
) -> None:
    shell.environ |= venue.environ()
    passed(shell, "trader stage 0")
    broken: list[str] = []

    def break_off(request: HttpRequest, answer: HttpAnswer) -> HttpAnswer | None:
        if request.method == "POST" and f"side={side}".encode() in request.body:
            broken.append(request.path)
        return None if broken and request.path.endswith(ABOUT_ORDERS) else answer

    venue.spoil = break_off
    exit_code, stdout, _ = shell.run("BINANCE_DRY_RUN=false trader stage 1 --json")
    document = json.loads(stdout)
    assert exit_code == 8
    assert document["error"]["code"] == "OUTCOME_UNKNOWN"
    with journal_of(home) as journal:
        (unsettled,) = journal.unsettled()
        name = unsettled.order.client_order_id
        assert unsettled.order.side is Side(side)
        assert unsettled.order.status is OrderStatus.SUBMITTED
    assert name in document["error"]["message"]
    assert document["result"]["evidence_id"] is None
    sent = venue.orders.count("POST")
    assert sent == (1 if side == "BUY" else 2)
    exit_code, stdout, _ = shell.run("trader status --json")
    assert exit_code == 8
    assert name in stdout
    if side == "BUY":  # asking takes the next stage a while, whatever the side
        assert shell.run("BINANCE_DRY_RUN=false trader stage 1")[0] != 0
        assert venue.orders.count("POST") == sent


def test_an_unknown_outcome_is_learned_by_asking_and_never_sent_again(
    shell: Shell, home: Path, venue: Loopback
) -> None:
    shell.environ |= venue.environ()
    passed(shell, "trader stage 0")
    venue.spoil = lambda request, answer: (
        None if (request.method, request.path) == ("POST", "/api/v3/order") else answer
    )
    passed(shell, "BINANCE_DRY_RUN=false trader stage 1")
    venue.spoil = untouched
    at_venue = venue.placed()
    assert venue.orders.count("POST") == len(at_venue)
    bought = [order for order in at_venue.values() if order["side"] == "BUY"]
    sold = [order for order in at_venue.values() if Decimal(order["executedQty"]) and order["side"] == "SELL"]
    assert (len(bought), len(sold)) == (1, 1)
    with journal_of(home) as journal:
        assert journal.unsettled() == ()
        assert journal.verify() == ()


@pytest.mark.parametrize(
    "round_number", [0, 1, 5, *(pytest.param(between, marks=pytest.mark.slow) for between in (2, 3, 4))]
)
def test_a_kill_loses_nothing_that_was_acknowledged(
    shell: Shell, home: Path, venue: Loopback, round_number: int
) -> None:
    """Killed while the n-th order is answered: each order at the venue is in the journal, as it is there."""
    shell.environ |= venue.environ()
    passed(shell, "trader stage 0")
    with spawned(shell, "stage", "1", "--trades", "9", **REAL) as stage:
        venue.spoil = kill_at_order(stage.kill, round_number + 1)
        exit_code, _, _ = ended(stage)
    assert exit_code == -signal.SIGKILL
    venue.spoil = untouched
    at_venue = venue.placed()
    with journal_of(home) as journal:
        assert journal.verify() == ()
        unsettled = {each.order.client_order_id for each in journal.unsettled()}
        assert len(unsettled) <= 1
        for name, theirs in at_venue.items():
            order = journal.order(name)
            assert order is not None, f"{name} is at the venue and not in the journal"
            if name not in unsettled:
                executed = Decimal(theirs["executedQty"])
                assert order.executed_quantity.value == order.filled_quantity.value == executed
    assert len(at_venue) == round_number + 1


def kill_at_order(kill: Callable[[], None], number: int) -> Spoil:
    seen: list[bytes] = []

    def spoil(request: HttpRequest, answer: HttpAnswer) -> HttpAnswer:
        if request.method == "POST" and request.path == "/api/v3/order":
            seen.append(request.body)
            if len(seen) == number:
                kill()
        return answer

    return spoil


def test_a_killed_dry_run_does_not_stop_the_next(shell: Shell, home: Path, venue: Loopback) -> None:
    shell.environ |= venue.environ()
    with spawned(shell, "stage", "0") as stage:

        def kill_at_test_order(request: HttpRequest, answer: HttpAnswer) -> HttpAnswer:
            if request.path == "/api/v3/order/test":
                stage.kill()
            return answer

        venue.spoil = kill_at_test_order
        exit_code, _, _ = ended(stage)
    assert exit_code == -signal.SIGKILL
    with journal_of(home) as journal:
        (account,) = journal.accounts()
        assert len(journal.in_flight(account, "BTCUSDT", dry_run=True)) == 1
    venue.spoil = untouched
    passed(shell, "trader stage 0")


def test_a_stage_killed_in_a_position_is_finished_by_the_next(shell: Shell, home: Path) -> None:
    write_waves(shell.folder / "market.csv")
    shell.environ |= FAST
    passed(shell, "trader stage 0")
    with spawned(shell, "stage", "1", "--entry", "signal", "--trades", "9", **REAL) as stage:
        read_until(stage.stderr, "waiting to enter")
        read_until(stage.stderr, "holding")
        stage.kill()
        ended(stage)
    # Stop and target rest at the venue, so the position is not left alone.
    exit_code, stdout, stderr = shell.run("trader status --json")
    (account,) = json.loads(stdout)["result"]["accounts"]
    assert exit_code == 0, stderr
    assert [(held["symbol"], bool(held["protection"])) for held in account["positions"]] == [
        ("BTCUSDT", True)
    ]
    assert [order["type"] for order in account["open_orders"]] == ["STOP_LOSS", "LIMIT_MAKER"]
    passed(shell, "BINANCE_DRY_RUN=false trader stage 1")
    _, stdout, _ = shell.run("trader status --json")
    (account,) = json.loads(stdout)["result"]["accounts"]
    assert (account["positions"], account["open_orders"], account["unsettled"]) == ([], [], [])
    with journal_of(home) as journal:
        assert journal.verify() == ()
