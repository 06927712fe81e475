"""`trader paper keys --account` and `trader paper deposit --account`: more than one customer."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.paper_account_wiring import deposit
from cli.paper_wiring import PaperConfig
from core.errors import ConfigError
from tests.cli.conversation import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def answered(shell: Shell, command: str, exit_code: int = 0) -> dict[str, Any]:
    got, stdout, stderr = shell.run(f"trader {command} --json")
    assert got == exit_code, stdout + stderr
    document: dict[str, Any] = json.loads(stdout)
    return document


def test_a_key_makes_its_account_and_money_goes_to_whom_one_names(shell: Shell) -> None:
    (key,) = answered(shell, "paper keys --new counterparty --account other")["result"]["keys"]
    assert (key["label"], key["account"]) == ("counterparty", "other")
    assert answered(shell, "paper deposit USDT 5 --account other")["result"]["balance"]["free"] == "10005"
    assert answered(shell, "paper deposit USDT 1")["result"]["balance"]["free"] == "10001"
    listed = answered(shell, "paper keys")["result"]["keys"]
    assert {each["label"]: each["account"] for each in listed} == {"counterparty": "other", "default": "main"}
    _, table, _ = shell.run("trader paper keys")
    assert table.split()[:2] == ["label", "account"]


def test_without_another_account_none_is_named(shell: Shell) -> None:
    names = ["label", "may", "from", "api_key", "api_secret"]
    _, one_key, _ = shell.run("trader paper keys")
    assert [line.split()[0] for line in one_key.splitlines()] == names
    shell.run("trader paper keys --new second")
    _, table, _ = shell.run("trader paper keys")
    assert table.splitlines()[0].split() == names


def test_what_cannot_be_is_refused_with_the_way_out(shell: Shell) -> None:
    error = answered(shell, "paper deposit USDT 5 --account nobody", exit_code=3)["error"]
    assert error["message"] == "there is no account 'nobody', there are: main"
    assert error["hint"] == "trader paper keys --new LABEL --account NAME makes one"
    assert answered(shell, "paper keys --account other", exit_code=2)["error"]["hint"] == "add --new LABEL"
    error = answered(shell, "paper keys --new spare --account a/b", exit_code=3)["error"]
    assert "'a/b'" in error["message"]
    assert [key["label"] for key in answered(shell, "paper keys")["result"]["keys"]] == ["default"]


def test_fees_are_an_account_s_own(shell: Shell) -> None:
    answered(shell, "paper keys --new counterparty --account other")
    changed = answered(shell, "paper fees --taker 0.0004 --bnb --account other")["result"]["fees"]
    assert changed == {"account": "other", "maker_rate": "0.001", "taker_rate": "0.0004", "in_bnb": True}
    assert answered(shell, "paper fees --account other")["result"]["fees"] == changed
    assert answered(shell, "paper fees")["result"]["fees"]["taker_rate"] == "0.001"
    _, table, _ = shell.run("trader paper fees --no-bnb --account other")
    assert table.split() == ["account", "maker", "taker", "in", "BNB", "other", "0.001", "0.0004", "no"]
    for rate in ("1", "-0.1", "nan", "much"):
        refused = answered(shell, f"paper fees --maker={rate}", exit_code=2)["error"]
        assert refused["message"].startswith(f"--maker was {rate}") or "not a number" in refused["message"]
    too_fine = answered(shell, "paper fees --maker 0.000000001", exit_code=3)["error"]
    assert "8 decimals" in too_fine["message"]


@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_wherever_it_is_met(tmp_path: Path) -> None:
    said = set()
    for size in range(20, 60, 3):
        state = tmp_path / f"{size}"
        with no_room_beyond(size * 1024):
            try:
                deposit(PaperConfig(state), "USDT", Decimal(1), "main")
            except ConfigError as error:
                said.add(error.message.replace(str(state), "DIR"))
    assert said == {
        "DIR/paper.sqlite3 cannot be opened: disk I/O error",
        "the paper exchange cannot use its state in DIR: disk I/O error",
    }
