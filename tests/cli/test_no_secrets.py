"""No command of the program shows a secret, whatever it meets; the command tree says which there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cli.catalog import COMMANDS
from cli.main import command_line
from cli.registry import Entry, Section, load
from exchanges.paper.dialects.binance import HttpAnswer, HttpRequest
from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, Spoil, serving, untouched

FOREVER = {"paper serve"}  # tests/cli/test_program.py looks at what it says
ENTRIES = [
    (f"{each.name} {entry.name}" if isinstance(each, Section) else each.name, entry)
    for each in COMMANDS
    for entry in (each.entries if isinstance(each, Section) else (each,))
]
ENDING = [(name, entry) for name, entry in ENTRIES if name not in FOREVER]


def echoing(status: int, content_type: str, **headers: str) -> Callable[[Loopback], Spoil]:
    """Answer everything with the request as it came, as a relay's error page would."""

    def spoil(venue: Loopback) -> Spoil:
        def answer(request: HttpRequest, given: HttpAnswer) -> HttpAnswer:
            told = f"{request.path}?{request.query.decode()} {request.body.decode()} {venue.api_key}"
            page = f"<html>{told} {venue.api_secret}</html>".encode()
            return replace(given, status=status, body=page, content_type=content_type, headers=headers)

        return answer

    return spoil


MEETS: dict[str, Callable[[Loopback], Spoil]] = {
    "success": lambda venue: untouched,
    "an HTML page": echoing(200, "text/html"),
    "a proxy's 502": echoing(502, "text/html"),
    "a redirect": echoing(302, "text/html", Location="http://127.0.0.1:9/elsewhere"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, Loopback]]:
    """Give a home that has traded, with a key in its settings file."""
    folder = tmp_path_factory.mktemp("place")
    shell = Shell(folder)
    with serving(folder / "venue") as venue:
        settings = shell.folder / ".env"
        settings.write_text("".join(f"{name}={value}\n" for name, value in venue.environ().items()))
        settings.chmod(0o600)
        assert shell.run("trader stage 0")[0] == 0
        assert shell.run("BINANCE_DRY_RUN=false trader stage 1")[0] == 0
        yield shell, venue


def words_of(entry: Entry) -> str:
    """Return the example of a command, so that it ends and asks nothing."""
    return entry.example.replace("--follow", "").replace("--wait 8h", "--wait 1s")


@pytest.mark.parametrize("meets", MEETS)
@pytest.mark.parametrize("entry", [entry for _, entry in ENDING], ids=[name for name, _ in ENDING])
def test_no_command_shows_a_secret(place: tuple[Shell, Loopback], entry: Entry, meets: str) -> None:
    shell, venue = place
    venue.spoil = MEETS[meets](venue)
    for options in ("-v", "--json") if meets == "success" else ("-v --json",):
        _, stdout, stderr = shell.run(f"BINANCE_DRY_RUN=false {words_of(entry)} {options}")
        for secret in (venue.api_secret, venue.api_key):
            assert secret not in stdout
            assert secret not in stderr
    venue.spoil = untouched


def test_nothing_that_was_written_holds_a_secret(place: tuple[Shell, Loopback]) -> None:
    shell, venue = place
    venue.spoil = untouched
    for command in ("stage 1", "reconcile", "audit export --output all.ndjson", "report --html report.html"):
        shell.run(f"BINANCE_DRY_RUN=false trader {command}")
    venue.spoil = echoing(502, "text/html")(venue)
    shell.run("BINANCE_DRY_RUN=false trader stage 1")
    shell.run("trader reconcile")
    venue.spoil = untouched
    home, runtime = (Path(shell.environ[name]) for name in ("TRADER_HOME", "TRADER_RUNTIME_DIR"))
    written = [path for top in (home, runtime, shell.folder) for path in top.rglob("*") if path.is_file()]
    assert len(written) > 8
    for path in written:
        if path.name != ".env":
            content = path.read_bytes()
            assert venue.api_secret.encode() not in content, path
            assert venue.api_key.encode() not in content, path


def test_no_option_takes_a_secret() -> None:
    """What is typed stands in the process list, and in the history of the shell."""
    options = [
        text.lstrip("-")
        for _, entry in ENTRIES
        for parameter in (*load(entry).params, *command_line().params)
        for text in parameter.opts
    ]
    assert options
    assert not {"api-key", "api-secret", "key", "secret", "new-key", "password", "passphrase"} & set(options)
