"""A live venue of paper, and a home whose key is rotated; the human's part is done by the operator."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from cli.console import Console
from cli.invocation import Invocation
from cli.main import main
from cli.options import Options
from core.clock import SystemClock
from core.ids import system_random
from core.journal import Journal
from core.journal.history import Selection
from core.settings_file import read_settings_file
from exchanges.paper import Exchange, admin
from exchanges.paper.keys import ApiKey
from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, serving

BEFORE = """\
# my settings; the order is mine
TRADER_VENUE=paper
BINANCE_USE_TESTNET=false

export BINANCE_API_KEY='{key}'  # made in March
BINANCE_API_SECRET={secret}
BINANCE_BASE_URL={root}
# the end
"""


class Terminal(io.StringIO):
    """A human at a terminal: `at`: question -> what is typed."""

    def __init__(self, at: Callable[[str], str], screen: io.StringIO) -> None:
        super().__init__()
        self._at, self._screen = at, screen

    def isatty(self) -> bool:
        return True

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]  # as io.StringIO itself
        return self._at(self._screen.getvalue().splitlines()[-1]) + "\n"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@dataclass
class Place:
    shell: Shell
    venue: Loopback
    env_file: Path

    @property
    def home(self) -> Path:
        return Path(self.shell.environ["TRADER_HOME"])

    def rotate(
        self,
        options: str = "",
        new: ApiKey | None = None,
        exit_code: int = 0,
        human: Callable[[str], str] | None = None,
    ) -> dict[str, Any]:
        """Run the command and return its document; the human's terminal shows no key."""
        words = ["rotate-key", "--json", *options.split()]
        stdout, stderr = io.StringIO(), Screen() if human else io.StringIO()
        stdin = io.StringIO()
        if human is not None:
            stdin = Terminal(human, stderr)
        elif new is not None:
            words += ["--new-key-stdin"]
            stdin.write(f"{new.api_key}\n{new.secret}\n")
            stdin.seek(0)
            if "--resume" not in words:
                words += ["--confirm", self.phrase(new, " exposed" if "--exposed" in words else "")]
        settings = Options()
        console = Console(settings, self.shell.environ, stdin, stdout, stderr)
        with contextlib.chdir(self.shell.folder), mock.patch.dict(os.environ, self.shell.environ, clear=True):
            got = main(words, Invocation(console, settings, self.shell.environ, self.shell.folder))
        said = stdout.getvalue() + stderr.getvalue()
        assert got == exit_code, said
        for key in self.keys():
            assert key.secret not in said
            assert key.api_key not in said
        document: dict[str, Any] = json.loads(stdout.getvalue())
        return document

    def phrase(self, new: ApiKey, more: str = "") -> str:
        uid = self.venue.ask("/api/v3/account")["uid"]
        return f"rotate paper mainnet {uid} …{self.venue.api_key[-4:]} to …{new.api_key[-4:]}{more}"

    @contextlib.contextmanager
    def exchange(self) -> Iterator[Exchange]:
        wall = lambda: time.time_ns() // 1_000_000  # noqa: E731
        with admin.opened(self.venue.config, wall_clock_ms=wall, random_bytes=os.urandom) as exchange:
            yield exchange

    def keys(self) -> list[ApiKey]:
        with self.exchange() as exchange:
            return admin.list_keys(exchange)

    def new_key(self, label: str = "second", **rights: Any) -> ApiKey:
        with self.exchange() as exchange:
            return admin.create_key(exchange, label, **{"ip_list": ("127.0.0.1",), **rights})

    def delete(self, api_key: str) -> None:
        with self.exchange() as exchange:
            admin.delete_key(exchange, api_key)

    @property
    def configured(self) -> str:
        return read_settings_file(self.env_file).values["BINANCE_API_KEY"]

    @contextlib.contextmanager
    def journal(self) -> Iterator[Journal]:
        with Journal.open(self.home, clock=SystemClock(), random_bytes=system_random) as journal:
            yield journal

    def told(self) -> list[str]:
        with self.journal() as journal:
            kinds = [each.stored.kind for each in journal.history.events(Selection())]
        return [kind for kind in kinds if kind.startswith("KEY_")]


@contextlib.contextmanager
def rotating(folder: Path) -> Iterator[Place]:
    """Give a home whose settings file leads to a served live venue of paper."""
    shell = Shell(folder)
    with serving(folder / "venue", persona="mainnet") as venue:
        env_file = shell.folder / ".env"
        env_file.write_text(BEFORE.format(key=venue.api_key, secret=venue.api_secret, root=venue.root))
        env_file.chmod(0o600)
        yield Place(shell, venue, env_file)
