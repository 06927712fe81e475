"""Whatever is wrong: one line that names it, a way out, the right exit code, no traceback, nothing sent."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exchanges.paper import admin
from exchanges.paper.keys import Permissions
from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, Spoil, body, edited, serving, when


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Loopback]:
    with serving(tmp_path / "venue") as loopback:
        yield loopback


def assert_refused(shell: Shell, command: str, code: str, exit_code: int, *words: str) -> None:
    """Run a command as a person and as a program would, and look at all that a refusal must be."""
    got, stdout, stderr = shell.run(command)
    told = [line for line in stderr.splitlines() if line.startswith("error[")]
    assert got == exit_code, stderr
    assert len(told) == 1, stderr
    assert told[0].startswith(f"error[{code}]: ")
    for word in words:
        assert word in stderr, f"{word!r} is not in {stderr!r}"
    assert stderr.splitlines()[-1].startswith("hint: ") or stderr.splitlines()[-1] == told[0]
    assert "Traceback" not in stdout + stderr

    got, stdout, stderr = shell.run(f"{command} --json")
    document = json.loads(stdout)
    assert stdout.count("\n") == 1
    assert got == exit_code == document["exit_code"]
    assert document["ok"] is False
    assert document["error"]["code"] == code
    assert document["error"]["message"]
    assert "Traceback" not in stderr


PLAIN: list[tuple[str, str, int, tuple[str, ...]]] = [
    ("trader stage 0 --symbol NOSUCH", "SYMBOL_UNKNOWN", 3, ("NOSUCH", "hint:")),
    ("trader check --symbol NOSUCH", "SYMBOL_UNKNOWN", 3, ("NOSUCH", "hint:")),
    ("trader stage 0 --symbol 'B€C'", "USAGE", 2, ("--symbol", "BTCUSDT", "hint:")),
    ("trader stage 0 --trades 0", "USAGE", 2, ("--trades", "0", "hint:")),
    ("trader stage 0 --trades=-3", "USAGE", 2, ("--trades", "-3", "hint:")),
    ("trader stage 0 --trades many", "USAGE", 2, ("--trades", "many", "hint:")),
    ("trader stage 3", "USAGE", 2, ("3", "hint:")),
    ("trader stage one", "USAGE", 2, ("one", "hint:")),
    ("trader stage", "USAGE", 2, ("hint:",)),
    ("trader stage 0 --entry maybe", "USAGE", 2, ("--entry", "maybe", "hint:")),
    ("trader stage 0 --soak 1h", "USAGE", 2, ("--soak", "--trades 2", "hint:")),
    ("trader stage 0 --soak soon --trades 2", "USAGE", 2, ("--soak", "soon", "hint:")),
    ("trader stage 0 --soak 1h --trades 2 --entry signal", "USAGE", 2, ("--soak", "probe", "hint:")),
    ("trader stage 0 --wait 0s", "USAGE", 2, ("--wait", "0s", "hint:")),
    ("trader stage 0 --strategy coherent", "STRATEGY_UNKNOWN", 3, ("coherent", "coherence")),
    ("trader check --only venues", "USAGE", 2, ("venues", "venue", "hint:")),
    ("BINANCE_SYMBOL='B T C' trader stage 0", "SETTINGS_INVALID", 3, ("BINANCE_SYMBOL", "hint:")),
    (
        "BINANCE_RISK_MAX_ORDER_USDT=4 trader stage 0",
        "NOTIONAL_EXCEEDS_CAP",
        4,
        ("the smallest sellable order is too large", "4 USDT", "hint:"),
    ),
    (
        "BINANCE_RISK_MAX_ORDER_USDT=-4 trader stage 0",
        "SETTINGS_INVALID",
        3,
        ("BINANCE_RISK_MAX_ORDER_USDT", "-4", "hint:"),
    ),
    ("BINANCE_RISK_FRACTION=1.5 trader stage 0", "SETTINGS_INVALID", 3, ("BINANCE_RISK_FRACTION", "1.5")),
    (
        "BINANCE_RISK_FRACTION=0.00001 trader stage 0",
        "FRACTION_EXCEEDED",
        4,
        ("the smallest sellable order is too large", "hint:"),
    ),
    ("TRADER_VENUE=binance trader stage 0", "KEY_MISSING", 3, ("BINANCE_TESTNET_API_KEY", "testnet")),
    ("TRADER_VENUE=binance trader check", "KEY_MISSING", 3, ("BINANCE_TESTNET_API_KEY", "testnet")),
    (
        "TRADER_VENUE=binance BINANCE_API_KEY=abc trader stage 0",
        "KEY_MISSING",
        3,
        ("BINANCE_API_SECRET", "hint:"),
    ),
    (
        "TRADER_VENUE=binance BINANCE_API_SECRET=abc trader stage 0",
        "KEY_MISSING",
        3,
        ("BINANCE_API_KEY", "hint:"),
    ),
    (
        "BINANCE_API_KEY=abc BINANCE_API_SECRET=def trader stage 0",
        "VENUE_NOT_CHOSEN",
        3,
        ("TRADER_VENUE", "hint:"),
    ),
    ("trader stage 0 --env-file nowhere.env", "SETTINGS_FILE_UNREADABLE", 3, ("nowhere.env",)),
    ("trader stage 2", "GATE_CLOSED", 4, ("BINANCE_USE_TESTNET", "hint: CONFIRM_LIVE=yes")),
    ("BINANCE_DRY_RUN=false trader stage 0", "GATE_CLOSED", 4, ("BINANCE_DRY_RUN is false", "hint:")),
    ("BINANCE_USE_TESTNET=false trader stage 0", "GATE_CLOSED", 4, ("BINANCE_USE_TESTNET is false",)),
    ("trader stage 1", "GATE_CLOSED", 4, ("BINANCE_DRY_RUN is true", "hint:")),
    ("BINANCE_DRY_RUN=false trader stage 1", "GATE_CLOSED", 4, ("stage 0 was not passed", "hint:")),
]


@pytest.mark.parametrize(("command", "code", "exit_code", "words"), PLAIN, ids=[c for c, *_ in PLAIN])
def test_what_was_asked_is_wrong(
    shell: Shell, command: str, code: str, exit_code: int, words: tuple[str, ...]
) -> None:
    assert_refused(shell, command, code, exit_code, *words)


@pytest.mark.parametrize("symbol", ["btcusdt", "BTC/USDT", "btc-usdt", "BTC_USDT", "BTC/USDT:USDT"])
def test_a_symbol_may_be_written_as_people_do(shell: Shell, symbol: str) -> None:
    exit_code, stdout, stderr = shell.run(f"trader stage 0 --symbol {symbol}")
    assert exit_code == 0, stderr
    assert "dry-run BTCUSDT: bought" in stdout


def spoiled(end_of_path: str, change: Callable[..., object], method: str = "") -> Spoil:
    return when(end_of_path, change, method)  # type: ignore[arg-type]  # Loopback's own signature


REDIRECT = body(b"", 302)
VENUE_FAULTS: list[tuple[str, Spoil, str, int, tuple[str, ...]]] = [
    ("HTML", spoiled("ping", body(b"<html>Welcome to the hotel</html>")), "VENUE_UNREADABLE", 7, ("ping",)),
    ("an empty body", spoiled("ping", body(b"")), "VENUE_UNREADABLE", 7, ("ping", "hint:")),
    ("truncated JSON", spoiled("time", body(b'{"serverTime": 17')), "VENUE_UNREADABLE", 7, ("time", "hint:")),
    ("a redirect", spoiled("ping", REDIRECT), "VENUE_REDIRECTED", 7, ("302", "hint:")),
    ("a redirect of a signed request", spoiled("account", REDIRECT), "VENUE_REDIRECTED", 7, ("hint:",)),
    ("a 500", spoiled("exchangeInfo", body(b"", 500)), "VENUE_UNREACHABLE", 7, ("500",)),
    ("a broken connection", spoiled("depth", lambda answer: None), "VENUE_UNREACHABLE", 7, ("depth",)),
    (
        "an empty book",
        spoiled("depth", body(b'{"lastUpdateId":1,"bids":[],"asks":[]}')),
        "EMPTY_BOOK",
        4,
        ("BTCUSDT",),
    ),
    (
        "a zero price",
        spoiled(
            "depth",
            body(b'{"lastUpdateId":1,"bids":[["0.00","1.0"]],"asks":[["0.00","1.0"]]}'),
        ),
        "EMPTY_BOOK",
        4,
        ("BTCUSDT",),
    ),
    (
        "a price that is no number",
        spoiled("depth", body(b'{"lastUpdateId":1,"bids":[["NaN","1.0"]],"asks":[["1.0","1.0"]]}')),
        "VENUE_UNREADABLE",
        7,
        ("NaN", "hint:"),
    ),
    (
        "NaN in JSON",
        spoiled("avgPrice", body(b'{"mins":5,"price":NaN,"closeTime":1}')),
        "VENUE_UNREADABLE",
        7,
        ("avgPrice", "hint:"),
    ),
    (
        "an average price of zero",
        spoiled("avgPrice", body(b'{"mins":5,"price":"0.0","closeTime":1}')),
        "VENUE_UNREADABLE",
        7,
        ("price", "hint:"),
    ),
    (
        "too few bars",
        spoiled("klines", body(b"[]")),
        "SELF_TEST_FAILED",
        5,
        ("self-test of coherence on BTCUSDT 15m bars failed", "hint:"),
    ),
    ("bars that are none", spoiled("klines", body(b"[[1,2]]")), "VENUE_UNREADABLE", 7, ("hint:",)),
    (
        "a 429",
        spoiled("account", body(b'{"code":-1003,"msg":"Too many requests."}', 429)),
        "VENUE_BUSY",
        7,
        ("429",),
    ),
]


@pytest.mark.parametrize(
    ("spoil", "code", "exit_code", "words"),
    [pytest.param(*case, id=name) for name, *case in VENUE_FAULTS],
)
def test_the_venue_answers_rubbish(
    shell: Shell, venue: Loopback, spoil: Spoil, code: str, exit_code: int, words: tuple[str, ...]
) -> None:
    venue.spoil = spoil
    shell.environ |= venue.environ()
    assert_refused(shell, "trader stage 0", code, exit_code, *words)
    assert venue.orders == []


def test_a_venue_that_is_down(shell: Shell, tmp_path: Path) -> None:
    with serving(tmp_path / "venue") as gone:
        shell.environ |= gone.environ()
    for command in ("trader stage 0", "trader check"):
        assert_refused(shell, command, "VENUE_UNREACHABLE", 7, "hint: check the network")


def test_a_name_that_does_not_resolve(shell: Shell, venue: Loopback) -> None:
    shell.environ |= venue.environ() | {"BINANCE_BASE_URL": "https://nowhere.invalid"}
    for command in ("trader stage 0", "trader check"):
        assert_refused(shell, command, "VENUE_UNREACHABLE", 7, "could not be resolved")


def test_a_wrong_secret(shell: Shell, venue: Loopback) -> None:
    shell.environ |= venue.environ() | {"BINANCE_API_SECRET": "x" * 64}
    for command in ("trader stage 0", "trader check"):
        assert_refused(shell, command, "KEY_REFUSED", 3, "-1022", "hint: check that the key")
    assert venue.orders == []


def test_a_key_of_another_environment(shell: Shell, venue: Loopback) -> None:
    shell.environ |= venue.environ() | {"BINANCE_API_KEY": "k" * 64}
    assert_refused(shell, "trader stage 0", "KEY_REFUSED", 3, "-2015", "hint: check that the key")


def test_a_key_without_the_right_to_trade(shell: Shell, venue: Loopback, tmp_path: Path) -> None:
    with admin.opened(venue.config, wall_clock_ms=lambda: 0, random_bytes=lambda n: bytes(n)) as exchange:
        admin.restrict_key(exchange, venue.api_key, permissions=Permissions(spot_trading=False))
    shell.environ |= venue.environ()
    assert_refused(shell, "trader stage 0", "KEY_REFUSED", 3, "-2015", "permission")
    assert venue.orders == []


@pytest.mark.parametrize("ahead_ms", [5_000, -5_000])
def test_a_clock_that_is_5_s_off(shell: Shell, tmp_path: Path, ahead_ms: int) -> None:
    with serving(tmp_path / "venue", clock_ahead_ms=ahead_ms) as venue:
        shell.environ |= venue.environ()
        assert_refused(shell, "trader stage 0", "GATE_CLOSED", 4, "gate clock", "500 ms", "hint: set this")
        assert_refused(shell, "trader check", "CHECK_FAILED", 5, "clock", "hint: set this machine's clock")
        assert venue.orders == []


def test_a_halted_symbol(shell: Shell, venue: Loopback) -> None:
    with admin.opened(venue.config, wall_clock_ms=lambda: 0, random_bytes=lambda n: bytes(n)) as exchange:
        admin.set_symbol_status(exchange, "BTCUSDT", "HALT")
    shell.environ |= venue.environ()
    assert_refused(shell, "trader stage 0", "SYMBOL_NOT_TRADING", 4, "BTCUSDT is HALT")
    assert_refused(shell, "trader check", "CHECK_FAILED", 5, "BTCUSDT is HALT", "hint: choose another")
    assert venue.orders == []


def test_a_mainnet_host_is_refused_by_stages_0_and_1_before_a_key_is_used(
    shell: Shell, tmp_path: Path
) -> None:
    with serving(tmp_path / "venue", persona="mainnet") as venue:
        shell.environ |= venue.environ()
        for command in ("trader stage 0", "BINANCE_DRY_RUN=false trader stage 1"):
            assert_refused(shell, command, "GATE_CLOSED", 4, "gate environment", "is mainnet", "hint:")
        assert venue.signed == []


def test_a_relay_that_cannot_prove_it_is_no_mainnet(shell: Shell, venue: Loopback) -> None:
    venue.spoil = spoiled("system/status", body(b"", 403))
    shell.environ |= venue.environ()
    assert_refused(shell, "trader stage 0", "GATE_CLOSED", 4, "its wallet API answered HTTP 403", "hint:")
    assert venue.signed == []


def test_a_home_that_has_seen_a_real_venue_and_lost_its_settings(shell: Shell, venue: Loopback) -> None:
    plain = dict(shell.environ)
    shell.environ |= venue.environ()
    exit_code, _, stderr = shell.run("trader stage 0")
    assert exit_code == 0, stderr
    shell.environ.clear()
    shell.environ |= plain
    venue.requests.clear()
    for command in ("trader stage 0", "trader check", "trader status"):
        assert_refused(shell, command, "VENUE_NOT_CHOSEN", 3, "has seen a real venue", "hint:")
    assert venue.requests == []


MINUTE_MS = 60_000


def bars(count: int, start_ms: int = 1_640_995_200_000) -> list[str]:
    lines = []
    for index in range(count):
        opened = start_ms + index * MINUTE_MS
        prices = "46000.1,46010.0,45990.0,46005.5"
        lines.append(f"{opened},{prices},12.5,{opened + MINUTE_MS - 1},575000.0,100,6.2,287000.0,0")
    return lines


def swapped(lines: list[str]) -> list[str]:
    return [*lines[:100], lines[101], lines[100], *lines[102:]]


def without_one(lines: list[str]) -> list[str]:
    return [*lines[:100], *lines[101:]]


def with_word(lines: list[str]) -> list[str]:
    return [*lines[:100], lines[100].replace("46000.1", "nan"), *lines[101:]]


def with_zero(lines: list[str]) -> list[str]:
    return [*lines[:100], lines[100].replace("45990.0", "0"), *lines[101:]]


def cut(lines: list[str]) -> list[str]:
    return [*lines[:-1], lines[-1][:20]]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (swapped, "line 101"),
        (without_one, "gap"),
        (with_word, "nan"),
        (with_zero, "price is 0"),
        (cut, "columns"),
        (lambda lines: [], "holds no bars"),
        (lambda lines: lines[:30], "too few bars"),
    ],
    ids=["unsorted", "a gap", "NaN", "a zero price", "cut off", "empty", "short"],
)
def test_a_recorded_market_that_cannot_be_used(
    shell: Shell, change: Callable[[list[str]], list[str]], word: str
) -> None:
    (shell.folder / "market.csv").write_text("\n".join(change(bars(9_000))))
    command = "TRADER_PAPER_MARKET=file:market.csv trader stage 0"
    assert_refused(shell, command, "MARKET_FILE_INVALID", 3, "market.csv", word, "hint:")


def test_a_recorded_market_that_is_missing_or_damaged(shell: Shell) -> None:
    command = "TRADER_PAPER_MARKET=file:nowhere.csv trader stage 0"
    assert_refused(shell, command, "MARKET_FILE_INVALID", 3, "nowhere.csv", "hint:")
    (shell.folder / "market.gz").write_bytes(gzip.compress(b"x" * 10_000)[:-20])
    command = "TRADER_PAPER_MARKET=file:market.gz trader stage 0"
    assert_refused(shell, command, "MARKET_FILE_INVALID", 3, "market.gz", "hint:")


def test_an_exchange_to_be_mirrored_that_does_not_answer(shell: Shell, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    command = f"TRADER_PAPER_MARKET=mirror:{url} trader stage 0"
    assert_refused(shell, command, "MIRROR_UNREACHABLE", 3, url, "hint:")
    command = f"TRADER_PAPER_MARKET=mirror:{url} trader paper keys"
    assert_refused(shell, command, "PAPER_STATE_INVALID", 3, f"nothing was fetched of {url}", "hint:")


def test_a_home_whose_path_is_no_text(shell: Shell) -> None:
    shell.environ["TRADER_HOME"] += os.fsdecode(b" \xff\xce\x93")
    for command in ("trader stage 0", "trader status", "trader reconcile", "trader audit verify"):
        assert shell.run(command)[0] == 0, command


def test_an_exchange_that_has_no_place_for_its_state(shell: Shell) -> None:
    home = Path(shell.environ["TRADER_HOME"])
    home.mkdir()
    (home / "paper").write_text("not a folder")
    assert_refused(shell, "trader stage 0", "SETTINGS_INVALID", 3, str(home / "paper"), "hint:")
    (home / "paper").unlink()
    (home / "paper" / "paper.sqlite3").mkdir(parents=True)
    assert_refused(shell, "trader stage 0", "PAPER_STATE_INVALID", 3, "paper.sqlite3", "hint:")


def test_the_document_of_a_refusal_names_the_place(shell: Shell) -> None:
    _, stdout, _ = shell.run("BINANCE_USE_TESTNET=false trader stage 0 --json")
    document = json.loads(stdout)
    assert (document["venue"], document["environment"]) == ("paper", "testnet")
    assert document["result"]["stage"] == 0
    assert document["result"]["gates"][0]["name"] == "settings"
    assert document["result"]["gates"][0]["result"] == "fail"


def test_a_spoiled_answer_is_really_spoiled(shell: Shell, venue: Loopback) -> None:
    """The same command passes when nothing is spoiled: the refusals above are about what they say."""
    shell.environ |= venue.environ()
    exit_code, stdout, stderr = shell.run("trader stage 0")
    assert exit_code == 0, stderr
    assert "evidence" in stdout
    assert venue.orders == []
    venue.spoil = spoiled("exchangeInfo", edited(b'"TRADING"', b'"BREAK"'))
    assert_refused(shell, "trader stage 0", "SYMBOL_NOT_TRADING", 4, "BREAK")
