"""`trader doctor`: a bundle that helps and betrays nothing."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.cli.conversation import Shell

SECRET = "MARKED" * 11 + "xx"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    made.run("trader init -q")
    made.run("trader stage 0 -q")
    return made


def unpacked(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name).decode() for name in packed.namelist()}


def test_it_holds_what_helps(shell: Shell) -> None:
    exit_code, stdout, stderr = shell.run("trader doctor help.zip")
    assert exit_code == 0, stderr
    path = shell.folder / "help.zip"
    assert stdout.strip() == str(path)
    assert path.stat().st_mode & 0o077 == 0
    texts = unpacked(path)
    assert "trader " in texts["program.txt"]
    assert "aiohttp " in texts["program.txt"]
    assert "BINANCE_RISK_FRACTION=0.02" in texts["settings.txt"]
    assert "journal.sqlite3" in texts["home.txt"]
    assert texts["journal.txt"] == "findings: 0\n"
    assert "Evidence recorded" in texts["trade_audit_tail.log"]


def test_no_secret_gets_in(shell: Shell) -> None:
    keys = (
        f"BINANCE_API_KEY={SECRET[::-1]} BINANCE_API_SECRET={SECRET} ALERT_URLS=json://u:{SECRET}@127.0.0.1"
    )
    exit_code, stdout, stderr = shell.run(f"TRADER_VENUE=binance {keys} trader doctor help.zip")
    assert exit_code == 0, stderr
    texts = unpacked(shell.folder / "help.zip")
    assert "BINANCE_API_SECRET=(set, not shown)" in texts["settings.txt"]
    for text in (stdout, stderr, *texts.values()):
        assert SECRET not in text
        assert SECRET[::-1] not in text


def test_a_piece_that_holds_a_secret_is_left_out_and_named(shell: Shell) -> None:
    with (Path(shell.environ["TRADER_HOME"]) / "trade_audit.log").open("a") as log:
        log.write(f"somebody pasted {SECRET}\n")
    keys = f"BINANCE_API_KEY={SECRET[::-1]} BINANCE_API_SECRET={SECRET}"
    exit_code, _, stderr = shell.run(f"TRADER_VENUE=binance {keys} trader doctor help.zip")
    assert exit_code == 5
    assert "a secret stands in trade_audit_tail.log" in stderr
    assert "trade_audit_tail.log" not in unpacked(shell.folder / "help.zip")


def test_it_works_with_a_broken_journal(shell: Shell) -> None:
    (Path(shell.environ["TRADER_HOME"]) / "journal.sqlite3").write_bytes(b"rubbish" * 1000)
    assert shell.run("trader doctor help.zip")[0] == 0
    assert "could not be read" in unpacked(shell.folder / "help.zip")["journal.txt"]


def test_nothing_is_written_over(shell: Shell) -> None:
    (shell.folder / "help.zip").write_text("mine")
    exit_code, _, stderr = shell.run("trader doctor help.zip")
    assert (exit_code, "error[FILE_EXISTS]" in stderr) == (3, True)
    assert (shell.folder / "help.zip").read_text() == "mine"
