"""`trader address` on a live venue of paper: read, confirmed against the page, an alarm when it changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, edited, serving, untouched, when

WALLET = "/sapi/v1/capital/deposit/address"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def venue(shell: Shell, tmp_path: Path) -> Iterator[Loopback]:
    with serving(tmp_path / "venue", persona="mainnet") as loopback:
        shell.environ |= loopback.environ() | {"TRADER_VENUE": "paper", "BINANCE_USE_TESTNET": "false"}
        yield loopback


def run(shell: Shell, command: str, exit_code: int = 0) -> dict[str, Any]:
    got, stdout, stderr = shell.run(f"{command} --json")
    assert got == exit_code, stdout + stderr
    document: dict[str, Any] = json.loads(stdout)
    return document


def told(venue: Loopback) -> str:
    return str(venue.ask(WALLET, coin="USDT", network="TRX")["address"])


def test_it_is_confirmed_once_by_its_ending_on_the_page(shell: Shell, venue: Loopback) -> None:
    address = told(venue)
    unconfirmed = run(shell, "trader address USDT", 4)
    assert unconfirmed["error"]["code"] == "NOT_CONFIRMED"
    assert (unconfirmed["result"]["address"], unconfirmed["result"]["confirmed"]) == (address, False)
    assert run(shell, "trader address USDT --confirm 000000", 4)["error"]["code"] == "NOT_CONFIRMED"
    result = run(shell, f"trader address usdt --confirm {address[-6:]}")["result"]
    assert (result["coin"], result["network"], result["address"]) == ("USDT", "TRX", address)
    assert (result["tag"], result["confirmed"]) == (None, True)
    assert {each["network"]: each["deposits"] for each in result["networks"]} == {
        "TRX": True,
        "ETH": True,
        "SOL": False,
    }
    exit_code, stdout, stderr = shell.run("trader address USDT")
    assert exit_code == 0
    assert "send only USDT, only on TRX: on another network the money is lost" in stderr
    assert f"address   {address}" in stdout
    assert "a toy's: no network accepts it" in stdout
    assert "SOL (closed)" in stdout


def test_a_tag_is_confirmed_as_well(shell: Shell, venue: Loopback) -> None:
    ending = told(venue)[-6:]
    venue.spoil = when(WALLET, edited(b'"tag":""', b'"tag":"40012"'))
    assert run(shell, f"trader address USDT --confirm {ending}", 4)["error"]["code"] == "NOT_CONFIRMED"
    assert (
        run(shell, f"trader address USDT --confirm '{ending} 40013'", 4)["error"]["code"] == "NOT_CONFIRMED"
    )
    result = run(shell, f"trader address USDT --confirm '{ending} 40012'")["result"]
    assert (result["tag"], result["confirmed"]) == ("40012", True)


def test_a_change_is_an_alarm_with_both_and_no_code(shell: Shell, venue: Loopback) -> None:
    address = told(venue)
    run(shell, f"trader address USDT --confirm {address[-6:]}")
    other = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
    venue.spoil = when(WALLET, edited(address.encode(), other.encode()))
    error = run(shell, "trader address USDT --png code.png", 4)["error"]
    assert (error["code"], error["details"]) == ("ADDRESS_CHANGED", {"confirmed": address, "told": other})
    assert not (shell.folder / "code.png").exists()
    _, stdout, stderr = shell.run("trader address USDT -v")
    assert "█" not in stdout
    assert address in stderr
    assert other in stderr
    gates = run(shell, "trader check --only deposit-address", 5)["result"]["gates"]
    assert "changed at the venue: USDT on TRX" in gates[0]["detail"]

    run(shell, f"trader address USDT --replace --confirm {other[-6:]}")
    assert run(shell, "trader address USDT")["result"]["address"] == other
    venue.spoil = untouched
    assert run(shell, "trader address USDT", 4)["error"]["code"] == "ADDRESS_CHANGED"


def test_an_address_that_its_network_cannot_have_is_refused(shell: Shell, venue: Loopback) -> None:
    wrong = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u"
    venue.spoil = when(WALLET, edited(told(venue).encode(), wrong.encode()))
    error = run(shell, f"trader address USDT --confirm {wrong[-6:]}", 4)["error"]
    assert error["code"] == "ADDRESS_INVALID"
    assert run(shell, "trader check --only deposit-address", 5)["result"]["gates"][0]["result"] == "fail"


def test_the_code_goes_into_a_new_file(shell: Shell, venue: Loopback) -> None:
    run(shell, f"trader address USDT --confirm {told(venue)[-6:]} --png code.png")
    assert (shell.folder / "code.png").read_bytes().startswith(b"\x89PNG")
    assert run(shell, "trader address USDT --png code.png", 3)["error"]["code"] == "FILE_EXISTS"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("NOCOIN", "the venue knows no coin NOCOIN"),
        ("USDT --network DOGE", "USDT has no network DOGE"),
        ("USDT --network sol", "USDT takes no deposits on SOL now: closed for maintenance"),
    ],
)
def test_what_cannot_be_had_is_named(shell: Shell, venue: Loopback, words: str, said: str) -> None:
    error = run(shell, f"trader address {words}", 3)["error"]
    assert error["code"] == "ADDRESS_UNAVAILABLE"
    assert said in error["message"]


def test_another_host_than_the_venues_own_is_not_believed(shell: Shell, venue: Loopback) -> None:
    error = run(shell, "TRADER_VENUE=binance trader address USDT", 3)["error"]
    assert "is not the venue's own host" in error["message"]


def test_a_testnet_has_none(shell: Shell) -> None:
    error = run(shell, "trader address USDT", 3)["error"]
    assert error["message"] == "a testnet has no deposit addresses"
