"""What the shells offer: by the protocol for every case, and once in each shell that is here."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from cli.completion import SCRIPTS, answer
from cli.known_names import names_of
from cli.main import command_line
from core.drills.incidents import INCIDENTS
from tests.cli.conversation import Shell
from tests.core.journal.books import open_account, open_journal, reconcile, record_intent


@pytest.fixture
def home(own_home: Path) -> Path:
    with open_journal(own_home) as journal:
        account = open_account(journal)
        for _ in range(2):
            record_intent(journal, account)
        reconcile(journal, account)
    return own_home


def offered(line: str, environ: dict[str, str] | None = None, shell: str = "bash") -> list[str]:
    words = line.split(" ")
    return answer(shell, words, command_line(), environ or {}, Path("/"))


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("", {"stage", "backup", "completion"}),
        ("re", {"reconcile", "restore", "report", "resolve", "resume", "replay"}),
        ("audit ", {"verify", "archive"}),
        ("stage ", {"0", "1", "2"}),
        ("stage 0 --e", {"--entry", "--env-file"}),
        ("stage 0 --entry ", {"probe", "signal"}),
        ("stage --quiet 0 --strategy co", {"coherence", "confluence"}),
        ("--quiet stage ", {"0"}),
        ("runbook st", {"stuck-order", "stage"}),
        ("drill ", set(INCIDENTS)),
        ("resume --breaker ", {"daily-drawdown"}),
        ("audit show --kind FI", {"FILL"}),
        ("audit verify --h", {"--home", "--help"}),
        ("completion ", {"bash", "zsh", "fish"}),
        ("stage 0 --entry = ", {"probe"}),
    ],
)
def test_what_may_come_next(line: str, some: set[str]) -> None:
    assert some <= set(offered(line))
    assert all(word.startswith(line.split(" ")[-1]) for word in offered(line))


@pytest.mark.parametrize("line", ["stage 0 ", "stage 0 -- --s", "backup ", "audit verify --copy "])
def test_where_nothing_is_known_the_shell_offers_files(line: str) -> None:
    assert offered(line) == []


def test_names_come_from_settings_and_journal(home: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BINANCE_SYMBOL=ETHUSDT\nBINANCE_SYMBOLS_ALLOWED=ETHUSDT, SOLUSDT\n")
    line = f"--home {home} --env-file {tmp_path / '.env'}"
    assert offered(f"{line} stage 0 --symbol ") == ["ETHUSDT", "SOLUSDT", "BNBBTC", "BTCUSDT"]
    orders = offered("resolve ", {"TRADER_HOME": str(home)})
    assert [name[-2:] for name in orders] == ["-2", "-1"]
    with sqlite3.connect(home / "journal.sqlite3") as db:
        db.execute("UPDATE breaks SET accepted_ms = NULL")
    assert len(offered("reconcile --accept ", {"TRADER_HOME": str(home)})) == 1


def test_only_plain_words_are_ever_offered(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BINANCE_SYMBOLS_ALLOWED=GOOD,$(touch evil),`id`,a b,-rf\n")
    environ = {"TRADER_ENV_FILE": str(tmp_path / ".env"), "TRADER_HOME": str(tmp_path)}
    assert offered("stage 0 --symbol ", environ) == ["BTCUSDT", "GOOD"]


def test_a_damaged_home_has_no_names_and_no_error(own_home: Path) -> None:
    own_home.mkdir()
    (own_home / "journal.sqlite3").write_bytes(b"rubbish" * 1000)
    (own_home / ".env").write_bytes(b"\xff\xfe")
    for line in ("resolve ", "reconcile --accept ", "stage 0 --symbol "):
        assert offered(line, {"TRADER_HOME": str(own_home)}) == []
    assert names_of("resolve", "order", None) == []  # type: ignore[arg-type]  # whatever fails


def test_each_shell_gets_its_form() -> None:
    assert "stage:Run stage 0, 1 or 2 on the way to live money" in offered("sta", shell="zsh")
    assert "stage\tRun stage 0, 1 or 2 on the way to live money" in offered("sta", shell="fish")


def test_the_program_answers_a_shell_and_never_complains(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    assert shell.bash("_TRADER_COMPLETE=bash trader stage ''") == (0, "0\n1\n2\n", "")
    assert shell.bash("_TRADER_COMPLETE=nonsense trader nonsense ''") == (0, "", "")
    assert shell.run("trader completion zsh")[1].strip() == SCRIPTS["zsh"].strip()


IN_SHELL = {
    "bash": """source ./script; COMP_WORDS=(trader stage ""); COMP_CWORD=2; _trader_complete trader
printf '%s\\n' "${COMPREPLY[@]}" """,
    "zsh": """compdef() { :; }; source ./script
_describe() { print -l "${found[@]}"; }; words=(trader stage ""); CURRENT=3; _trader""",
    "fish": """source ./script; complete -C 'trader stage '""",
}


@pytest.mark.parametrize("name", sorted(IN_SHELL))
def test_it_works_in_the_shell_itself(tmp_path: Path, name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"no {name} here")
    shell = Shell(tmp_path)
    (shell.folder / "script").write_text(SCRIPTS[name])
    done = subprocess.run(
        [name, "-c", IN_SHELL[name]],
        cwd=shell.folder,
        env=shell.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout.split(), done.stderr) == (["0", "1", "2"], "")
