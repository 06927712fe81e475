"""`trader doctor`: a bundle that helps and betrays nothing."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.cli.conversation import Shell
from tests.cli.test_schedule import CRONTAB

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
    assert "trading state: ACTIVE" in texts["state.txt"]
    assert "stage 0, BTCUSDT, coherence" in texts["state.txt"]
    assert texts["errors.log"] == "\n"
    assert path.stat().st_size < 100_000


def test_it_holds_what_was_scheduled_here_and_nothing_else_of_the_crontab(shell: Shell) -> None:
    program = shell.program.parent / "crontab"
    program.write_text(CRONTAB)
    program.chmod(0o755)
    table = Path(shell.environ["HOME"]) / "crontab"
    table.parent.mkdir(exist_ok=True)
    table.write_text("0 1 * * * curl https://me:private@example.org\n")
    assert shell.run("trader schedule --install --yes -q")[0] == 0
    assert shell.run("trader schedule --systemd --install --yes -q")[0] == 0
    assert shell.run("trader doctor help.zip")[0] == 0
    text = unpacked(shell.folder / "help.zip")["schedule.txt"]
    assert "17 * * * * " in text
    assert "trader-check.timer" in text
    assert "private" not in text


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


def test_a_part_of_a_secret_url_is_a_secret_too(shell: Shell) -> None:
    with (Path(shell.environ["TRADER_HOME"]) / "trade_audit.log").open("a") as log:
        log.write(f"a token alone: {SECRET}\n")
    exit_code, _, stderr = shell.run(f"ALERT_URLS=json://me:{SECRET}@127.0.0.1/path trader doctor help.zip")
    assert exit_code == 5, stderr
    assert all(SECRET not in text for text in unpacked(shell.folder / "help.zip").values())


def test_it_works_with_a_broken_journal(shell: Shell) -> None:
    (Path(shell.environ["TRADER_HOME"]) / "journal.sqlite3").write_bytes(b"rubbish" * 1000)
    assert shell.run("trader doctor help.zip")[0] == 0
    assert "could not be read" in unpacked(shell.folder / "help.zip")["journal.txt"]


def test_nothing_is_written_over(shell: Shell) -> None:
    (shell.folder / "help.zip").write_text("mine")
    exit_code, _, stderr = shell.run("trader doctor help.zip")
    assert (exit_code, "error[FILE_EXISTS]" in stderr) == (3, True)
    assert (shell.folder / "help.zip").read_text() == "mine"
