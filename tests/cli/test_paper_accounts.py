"""`trader paper keys --account` and `trader paper deposit --account`: more than one customer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

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


def test_without_another_account_the_table_is_as_before(shell: Shell) -> None:
    _, table, _ = shell.run("trader paper keys")
    assert table.split()[:2] == ["label", "may"]


def test_what_cannot_be_is_refused_with_the_way_out(shell: Shell) -> None:
    error = answered(shell, "paper deposit USDT 5 --account nobody", exit_code=3)["error"]
    assert error["message"] == "there is no account 'nobody', there are: main"
    assert error["hint"] == "trader paper keys --new LABEL --account NAME makes one"
    assert answered(shell, "paper keys --account other", exit_code=2)["error"]["hint"] == "add --new LABEL"
    error = answered(shell, "paper keys --new spare --account a/b", exit_code=3)["error"]
    assert "'a/b'" in error["message"]
    assert [key["label"] for key in answered(shell, "paper keys")["result"]["keys"]] == ["default"]
