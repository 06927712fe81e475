"""From one machine to another: a backup made while a sender trades, restored, compared, traded on."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

from tests.cli.conversation import Shell
from tests.cli.spawned import ended, read_until, spawned

SECRET = "MARKED" * 11 + "xx"
FAST = "TRADER_PAPER_SPEED=600"
"""A minute of the exchange, in which a difference may be a matter of timing, is a tenth of a second."""


def orders(home: Path) -> set[str]:
    with closing(sqlite3.connect(home / "journal.sqlite3")) as db:
        return {name for (name,) in db.execute("SELECT client_order_id FROM orders WHERE dry_run = 0")}


def compared(shell: Shell, program: str, *options: str) -> list[dict[str, str]]:
    """Reconcile and return what differs."""
    _, stdout, _ = shell.run(f"{program} reconcile --json {' '.join(options)}")
    found: list[dict[str, str]] = json.loads(stdout)["result"]["breaks"]
    return found


def test_another_machine_goes_on_from_a_backup_made_while_the_first_one_traded(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    first, second = Path(shell.environ["TRADER_HOME"]), tmp_path / "second"
    assert shell.run(f"{FAST} trader stage 0 -q")[0] == 0
    settings = {"TRADER_PAPER_SPEED": "600", "BINANCE_DRY_RUN": "false"}
    with spawned(shell, "stage", "1", "--trades", "3", **settings) as sender:
        read_until(sender.stdout, "trade")
        exit_code, stdout, stderr = shell.run("trader backup b.zip")
        assert exit_code == 0, stderr
        assert stdout.strip() == str(shell.folder / "b.zip")
        assert ended(sender)[0] == 0

    there = f"{FAST} BINANCE_DRY_RUN=false trader --home {second}"
    assert shell.run(f"{there} restore b.zip --reason moved --yes")[0] == 0
    (second / "paper").symlink_to(first / "paper")  # the exchange does not move
    with closing(sqlite3.connect(second / "journal.sqlite3")) as db:
        ((new,),) = db.execute("SELECT id FROM installation")
    sent_later = orders(first) - orders(second)
    assert sent_later

    assert "restored       from a backup, not compared since" in shell.run(f"{there} status")[1]

    # What the backup holds of a trade that was under way may look unprotected: exit 9 comes first then.
    exit_code, _, stderr = shell.run(f"{there} resume --reason go --yes")
    assert exit_code in (4, 9)
    assert "restored from a backup, and not compared since" in stderr
    assert shell.run(f"{there} stage 1 -q")[0] in (4, 9)
    assert shell.run(f"{there} resolve")[0] in (0, 9)  # what the backup left in flight
    seen = compared(shell, there)
    assert {each["class"] for each in seen} <= {"MISSING_LOCAL", "TIMING"}
    while seen:
        may_be_late = any(each["class"] == "TIMING" for each in seen)
        accept = () if may_be_late else ("--accept MISSING_LOCAL --reason seen --yes",)
        seen = compared(shell, there, *accept)
    assert shell.run(f"{there} resume --reason go --yes")[0] == 0
    assert "from a backup" not in shell.run(f"{there} status")[1]
    assert orders(first) <= orders(second)

    exit_code, _, stderr = shell.run(f"{there} stage 1 -q")
    assert exit_code == 4, "the evidence is of the other machine"
    assert "stage 0 was not passed" in stderr
    assert shell.run(f"{FAST} trader --home {second} stage 0 -q")[0] == 0
    assert shell.run(f"{there} stage 1 -q")[0] == 0
    mine = orders(second) - orders(first)
    assert mine
    assert all(name.startswith(f"tr{new}-") for name in mine)
    assert shell.run(f"{there} audit verify")[0] == 0


def test_no_key_is_in_a_backup_unless_it_is_asked_for(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.run("trader stage 0 -q")
    (shell.folder / ".env").write_text(
        f"BINANCE_API_KEY={SECRET[::-1]}\nBINANCE_API_SECRET={SECRET}\nTRADER_VENUE=binance\n"
        f"# BINANCE_API_SECRET={SECRET}\nBINANCE_RISK_MAX_ORDER_USDT=7\nTRADER_HOME=/elsewhere\n"
    )
    exit_code, stdout, stderr = shell.run("trader backup b.zip")
    assert exit_code == 0, stderr
    with zipfile.ZipFile(shell.folder / "b.zip") as packed:
        pieces = {name: packed.read(name) for name in packed.namelist()}
    for text in (stdout.encode(), stderr.encode(), *pieces.values()):
        assert SECRET.encode() not in text
        assert SECRET[::-1].encode() not in text
        assert b"\nTRADER_HOME=" not in text
    assert b"\nBINANCE_RISK_MAX_ORDER_USDT=7\n" in pieces["settings.env"]
    exit_code, _, stderr = shell.run("trader backup all.zip --with-secrets")
    assert exit_code == 0
    assert "who can read it can trade" in stderr
    with zipfile.ZipFile(shell.folder / "all.zip") as packed:
        assert SECRET.encode() in packed.read("settings.env")


def test_a_backup_goes_into_a_folder_under_a_new_name_and_comes_from_there(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.run("trader stage 0 -q")
    exit_code, stdout, stderr = shell.run("trader backup backups/")
    assert exit_code == 0, stderr
    (made,) = (shell.folder / "backups").iterdir()
    assert stdout.strip() == str(made)
    assert shell.run(f"trader restore backups/{made.name} --home new --reason x")[0] == 4
    assert shell.run(f"trader restore backups/{made.name} --home new --reason '' --yes")[0] == 2
    assert shell.run(f"trader restore backups/{made.name} --home new --reason x --yes")[0] == 0
    exit_code, _, stderr = shell.run(f"trader restore backups/{made.name} --home new --reason x --yes")
    assert exit_code == 4
    assert "error[JOURNAL_EXISTS]" in stderr


def test_a_home_without_a_journal_is_said_to_have_none(tmp_path: Path) -> None:
    exit_code, _, stderr = Shell(tmp_path).run("trader backup")
    assert exit_code == 3
    assert "no journal to back up" in stderr
