"""`trader rotate-key` end to end on a live venue of paper: the human's part is done by its operator."""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.request import ProxyHandler, build_opener

import pytest

from cli.console import Console
from cli.invocation import Invocation
from cli.main import main
from cli.options import Options
from core.account import AccountKey, Environment
from core.clock import SystemClock
from core.ids import system_random
from core.journal import Journal
from core.journal.history import Selection
from core.lease import Lease
from core.secrets import key_fingerprint
from core.settings_file import read_settings_file
from exchanges.paper import Exchange, Permissions, admin
from exchanges.paper.keys import ApiKey
from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, body, serving, untouched, when

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

    def readline(self, size: int = -1, /) -> str:
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


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    shell = Shell(tmp_path)
    with serving(tmp_path / "venue", persona="mainnet") as venue:
        env_file = shell.folder / ".env"
        env_file.write_text(BEFORE.format(key=venue.api_key, secret=venue.api_secret, root=venue.root))
        env_file.chmod(0o600)
        yield Place(shell, venue, env_file)


def test_a_whole_rotation_at_a_terminal(place: Place) -> None:
    old, new = place.venue.api_key, place.new_key()
    asked: list[str] = []

    def human(question: str) -> str:
        asked.append(question)
        if "secret" in question:
            return new.secret
        if "API key" in question:
            return new.api_key
        if "press Enter" in question:
            if asked.count(question) == 2:
                place.delete(old)
            return ""
        return place.phrase(new)

    result = place.rotate(human=human)["result"]["rotation"]
    assert (result["old_ending"], result["new_ending"]) == (old[-4:], new.api_key[-4:])
    assert len(asked) == 5
    expected = BEFORE.replace("'{key}'", new.api_key).format(secret=new.secret, root=place.venue.root)
    assert place.env_file.read_text() == expected
    assert stat.S_IMODE(place.env_file.stat().st_mode) == 0o600
    assert place.told() == ["KEY_ROTATION", "KEY_SWAPPED", "KEY_CONFIGURED", "KEY_USED", "KEY_DEAD"]
    assert not (place.home / "rotation.json").exists()
    assert place.rotate("--resume")["result"]["rotation"] is None


def test_a_script_rotates_and_goes_on_once_the_old_key_is_deleted(place: Place) -> None:
    old, new = place.venue.api_key, place.new_key()
    error = place.rotate(new=new, exit_code=5)["error"]
    assert error["code"] == "KEY_UNPROVEN"
    assert f"the venue still knows the old key …{old[-4:]}" in error["message"]
    record = place.home / "rotation.json"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert place.venue.api_secret not in record.read_text()
    assert new.secret not in record.read_text()
    assert place.rotate(new=place.new_key("third"), exit_code=4)["error"]["code"] == "ROTATION_UNFINISHED"
    place.delete(old)
    assert place.rotate("--resume")["result"]["rotation"]["new_ending"] == new.api_key[-4:]


def test_the_control_request_tells_a_dead_key_from_a_dead_line(place: Place) -> None:
    new = place.new_key()
    place.rotate(new=new, exit_code=5)
    place.delete(place.venue.api_key)
    refused = b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}'
    place.venue.spoil = when("/api/v3/account", body(refused, 401))
    error = place.rotate("--resume", exit_code=5)["error"]
    assert error["message"].startswith("unproven: the new key did not work just now")
    place.venue.spoil = untouched
    place.rotate("--resume")


def test_a_key_that_was_refused_before_is_never_proven_dead(place: Place) -> None:
    old, new = place.venue.api_key, place.new_key()
    place.rotate(new=new, exit_code=5)
    place.delete(old)
    place.rotate("--resume")
    # The journal knows now whose the second key is.
    place.venue.api_key, place.venue.api_secret = new.api_key, new.secret
    third = place.new_key("third")
    phrase = place.phrase(third)
    place.delete(new.api_key)
    with mock.patch.object(Place, "phrase", return_value=phrase):
        error = place.rotate(new=third, exit_code=5)["error"]
    assert "refused from here, but it was before as well" in error["message"]
    assert place.configured == third.api_key
    assert place.rotate("--resume")["result"]["rotation"] is None


@pytest.mark.parametrize(
    ("rights", "said"),
    [
        ({"permissions": Permissions(withdrawals=True)}, "it may withdraw"),
        ({"permissions": Permissions(futures=True)}, "it may trade futures"),
        ({"ip_list": ()}, "it works from any address"),
    ],
)
def test_a_key_that_may_more_is_refused(place: Place, rights: dict[str, Any], said: str) -> None:
    error = place.rotate(new=place.new_key(**rights), exit_code=4)["error"]
    assert (error["code"], said in error["message"]) == ("KEY_UNFIT", True)
    assert place.configured == place.venue.api_key
    assert place.told() == []


def test_the_old_key_and_an_exposed_one_are_no_new_ones(place: Place) -> None:
    (old,) = place.keys()
    assert "it is the old one" in place.rotate(new=old, exit_code=4)["error"]["message"]
    new = place.new_key()
    with place.journal() as journal:
        journal.keys.record_exposed(key_fingerprint(new.api_key), "shown on a screen")
    assert "it is exposed" in place.rotate(new=new, exit_code=4)["error"]["message"]


def test_a_key_of_another_account_is_refused(place: Place) -> None:
    new = place.new_key()
    uid = str(place.venue.ask("/api/v3/account")["uid"]).encode()

    def another(request: Any, answer: Any) -> Any:
        if request.headers.get("X-MBX-APIKEY") == new.api_key:
            return body(answer.body.replace(uid, b"987654321"))(answer)
        return answer

    place.venue.spoil = another
    assert place.rotate(new=new, exit_code=3)["error"]["code"] == "WRONG_ACCOUNT"
    assert place.configured == place.venue.api_key


def test_a_wrong_phrase_and_a_held_lease_change_nothing(place: Place) -> None:
    new = place.new_key()
    with mock.patch.object(Place, "phrase", return_value="yes"):
        assert place.rotate(new=new, exit_code=4)["error"]["code"] == "NOT_CONFIRMED"
    place.rotate(new=new, exit_code=5)
    place.delete(place.venue.api_key)
    place.rotate("--resume")
    place.venue.api_key, place.venue.api_secret = new.api_key, new.secret
    with place.journal() as journal:
        account = next(iter(journal.keys.accounts_of(key_fingerprint(new.api_key))))
    assert account.startswith("paper:mainnet:paper:")
    runtime = Path(place.shell.environ["TRADER_RUNTIME_DIR"])
    key = AccountKey("paper", Environment.MAINNET, "paper", account.split(":")[3])
    with Lease(runtime, key, command="trader stage 2", clock=SystemClock()).acquired():
        error = place.rotate(new=place.new_key("third"), exit_code=4)["error"]
    assert error["code"] == "LEASE_HELD"
    assert place.configured == new.api_key


def test_a_key_from_the_process_environment_is_out_of_reach(place: Place) -> None:
    place.shell.environ["BINANCE_API_KEY"] = place.venue.api_key
    error = place.rotate(new=place.new_key(), exit_code=3)["error"]
    assert error["code"] == "KEY_OUT_OF_REACH"
    assert "process environment" in error["message"]


def test_exposure_is_written_down_and_ends_what_was_proven(place: Place) -> None:
    old, new = place.venue.api_key, place.new_key()
    place.rotate("--exposed", new=new, exit_code=5)
    with place.journal() as journal:
        assert set(journal.keys.exposed()) == {key_fingerprint(old)}
        assert journal.keys.last_exposure_ms() is not None
    place.delete(old)
    place.rotate("--resume")


def test_resting_orders_stay(place: Place) -> None:
    with build_opener(ProxyHandler({})).open(f"{place.venue.root}/api/v3/avgPrice?symbol=BTCUSDT") as answer:
        price = Decimal(json.loads(answer.read())["price"])
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    order |= {"quantity": "0.001", "price": str((price * Decimal("0.9")).quantize(Decimal(1)))}
    place.venue.send("POST", "/api/v3/order", **order)
    new = place.new_key()
    place.rotate(new=new, exit_code=5)
    place.venue.api_key, place.venue.api_secret = new.api_key, new.secret
    assert len(place.venue.ask("/api/v3/openOrders")) == 1
