"""Alerts as an operator gets them: real HTTP receivers on loopback, the program as it is run."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conversation import Shell

PASSWORD = "MARKER-PASSWORD"


class Receiver:
    """Takes what is posted or asked for; `up` False: answers that it cannot."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.beats = 0
        self.up = True
        self.arrived = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.up:
                    receiver.told.append(json.loads(body))
                    receiver.arrived.set()
                self._answer(200 if receiver.up else 503)

            def do_GET(self) -> None:
                receiver.beats += receiver.up
                self._answer(200 if receiver.up else 503)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    yield Shell(tmp_path)
    # What still tells alerts beside a command goes when its home does.
    shutil.rmtree(tmp_path / "home", ignore_errors=True)


def configure(shell: Shell, *lines: str) -> None:
    shell.run("trader init -q")
    with (shell.folder / ".env").open("a") as file:
        file.write("\n".join(lines) + "\n")


def test_a_test_reaches_every_receiver_or_says_which_it_does_not(shell: Shell) -> None:
    with receiving() as receiver, receiving() as other:
        first = f"json://user:{PASSWORD}@{receiver.address}/a"
        configure(shell, f"ALERT_URLS={first},json://{other.address}/b?x=1,2, json://{other.address}/c")
        exit_code, stdout, _ = shell.run("trader alerts test")
        assert exit_code == 0
        assert (len(receiver.told), len(other.told)) == (1, 2)
        assert stdout.count(": delivered") == 3
        receiver.up = False
        exit_code, more, stderr = shell.run("trader alerts test")
        assert more.startswith("URL 1 of ALERT_URLS (scheme json): NOT delivered\nURL 2 of")
    assert exit_code == 3
    assert "error[ALERT_UNDELIVERED]: 1 of 3 receivers were not reached: URL 1 of ALERT_URLS" in stderr
    assert PASSWORD not in stdout + more + stderr


def test_a_url_that_is_none_is_named_without_being_shown_and_the_others_are_told(shell: Shell) -> None:
    with receiving() as receiver:
        configure(shell, f"ALERT_URLS=nosuch://user:{PASSWORD}@somewhere json://{receiver.address}/")
        shell.run("trader stage 0 -q")
        answers = [shell.run(f"trader {command}") for command in ("alerts test", "alerts send", "check")]
    assert [code for code, _, _ in answers] == [3, 3, 3]
    for _, stdout, stderr in answers:
        assert "alerts cannot go to URL 1 of ALERT_URLS (scheme nosuch)" in stderr
        assert PASSWORD not in stdout + stderr
    assert [told["title"] for told in receiver.told] == ["trader: test", "trader: A stage was passed"]


def test_a_mistyped_url_loses_nothing(shell: Shell) -> None:
    with receiving() as receiver:
        right = f"ALERT_URLS=json://{receiver.address}/"
        configure(shell, "ALERT_URLS=jsno://somewhere/")
        shell.run("trader stage 0 -q")
        assert shell.run("trader alerts send")[0] == 3
        receiver.up = False
        assert shell.run(f"{right} trader halt --reason storm")[0] == 0
        assert shell.run(f"{right} trader alerts send")[0] == 3
        exit_code, _, stderr = shell.run("trader alerts send")
        assert (exit_code, "2 alert(s) could not be told and stay queued" in stderr) == (3, True)
        receiver.up = True
        assert shell.run(f"{right} trader alerts send")[0] == 0
    assert [told["title"] for told in receiver.told] == [
        "trader: A stage was passed",
        "trader: Trading was stopped",
    ]


def test_without_receivers_there_is_nobody_to_tell(shell: Shell) -> None:
    shell.run("trader init -q")
    exit_code, _, stderr = shell.run("trader alerts send")
    assert exit_code == 2
    assert "ALERT_URLS is not set" in stderr


def test_a_halt_is_told_once_and_kept_while_nobody_answers(shell: Shell) -> None:
    with receiving() as receiver:
        configure(shell, f"ALERT_URLS=json://user:{PASSWORD}@{receiver.address}/")
        shell.run("trader stage 0 -q")
        exit_code, _, stderr = shell.run("trader alerts send")
        assert exit_code == 0
        receiver.up = False
        shell.run("trader halt --reason storm")
        exit_code, _, stderr = shell.run("trader alerts send")
        assert (exit_code, "ALERTS_WAITING" in stderr) == (3, True)
        waiting = json.loads(shell.run("trader alerts show --json")[1])["result"]["waiting"]
        assert [row["code"] for row in waiting] == ["TRADING_STOPPED"]
        receiver.up = True
        for command in ("alerts send", "alerts send", "resume --yes --reason calm", "alerts send"):
            assert shell.run(f"trader {command}")[0] == 0
    assert [told["title"] for told in receiver.told] == [
        "trader: A stage was passed",
        "trader: Trading was stopped",
    ]
    assert receiver.told[1]["message"].startswith("Trading is HALTED: storm (paper testnet …")
    home = Path(shell.environ["TRADER_HOME"])
    assert not [each for each in home.rglob("*") if each.is_file() and PASSWORD.encode() in each.read_bytes()]


@pytest.mark.parametrize("stage", [1, 2])
def test_a_refused_stage_is_told(shell: Shell, stage: int) -> None:
    with receiving() as receiver:
        configure(shell, f"ALERT_URLS=json://{receiver.address}/")
        assert shell.run(f"trader stage {stage} -q")[0] == 4
        assert shell.run("trader alerts send")[0] == 0
    (told,) = receiver.told
    assert told["title"] == "trader: A stage was refused"
    assert f"Refused on BTCUSDT: stage {stage} is closed by gate settings" in told["message"]


def test_a_key_that_grows_old_is_told_of_and_its_terms_are_written_down_once(shell: Shell) -> None:
    with receiving() as receiver:
        configure(
            shell,
            f"ALERT_URLS=json://{receiver.address}/",
            "BINANCE_USE_TESTNET=false",
            "GATE_MAX_KEY_AGE=5d",
        )
        for command in ("check", "check", "alerts send", "alerts send"):
            shell.run(f"trader {command}")
    (told,) = receiver.told
    assert told["title"] == "trader: A key grows old"
    assert "is 0 days old, 5 days is the limit (paper mainnet …" in told["message"]
    log = Path(shell.environ["TRADER_HOME"], "trade_audit.log").read_text()
    assert log.count("Key's age and end learned") == 1


def test_the_heartbeat_comes_of_completed_reconciliations_alone(shell: Shell) -> None:
    with receiving() as receiver:
        configure(shell, f"HEARTBEAT_URL=http://{receiver.address}/beat")
        for stage in ("trader stage 0 -q", "BINANCE_DRY_RUN=false trader stage 1 -q"):
            assert shell.run(stage)[0] == 0
        shell.run("trader alerts send -q")
        assert receiver.beats == 0
        shell.run("trader reconcile -q")
        receiver.up = False
        assert shell.run("trader alerts send -q")[0] == 0
        receiver.up = True
        for _ in range(2):
            assert shell.run("trader alerts send -q")[0] == 0
        assert receiver.beats == 1


def test_the_process_beside_a_command_tells_while_and_after_it_runs(shell: Shell) -> None:
    with receiving() as receiver:
        configure(shell, f"ALERT_URLS=json://user:{PASSWORD}@{receiver.address}/")
        shell.run("trader stage 0 -q")
        serving = subprocess.Popen(
            [str(shell.program), "paper", "serve", "--json"],
            cwd=shell.folder,
            env=shell.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert serving.stdout is not None
        assert serving.stdout.readline()
        assert receiver.arrived.wait(30)
        (beside,) = processes_beside(shell)
        assert PASSWORD not in beside
        receiver.arrived.clear()
        shell.run("trader halt --reason storm")
        serving.send_signal(signal.SIGKILL)
        serving.wait()
        serving.stdout.close()
        assert receiver.arrived.wait(30)
        end_s = time.monotonic() + 30
        while processes_beside(shell) and time.monotonic() < end_s:
            threading.Event().wait(0.05)
    assert processes_beside(shell) == []
    assert [told["title"] for told in receiver.told] == [
        "trader: A stage was passed",
        "trader: Trading was stopped",
    ]


def processes_beside(shell: Shell) -> list[str]:
    """Return the command lines of the processes that tell alerts of this home."""
    found: list[str] = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = each.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if "--beside" in command and shell.environ["TRADER_HOME"] in command:
            found.append(command)
    return found


def test_a_receiver_that_hangs_for_ever_delays_no_stage(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never says a word
        shell.run("trader init -q")
        began_s = time.monotonic()
        assert shell.bash("trader stage 0 -q")[0] == 0
        alone_s = time.monotonic() - began_s
        silent.settimeout(30)
        with (shell.folder / ".env").open("a") as file:
            file.write(f"ALERT_URLS=json://127.0.0.1:{silent.getsockname()[1]}/\n")
        began_s = time.monotonic()
        assert shell.bash("trader stage 0 -q")[0] == 0
        beside_s = time.monotonic() - began_s
        silent.accept()[0].close()  # it was told, or is being told
    assert beside_s < 2 * alone_s + 1, (alone_s, beside_s)


def test_a_home_that_cannot_be_written_tells_from_memory(shell: Shell) -> None:
    home = Path(shell.environ["TRADER_HOME"])
    with receiving() as receiver:
        configure(shell, f"ALERT_URLS=json://{receiver.address}/")
        shell.run("trader stage 0 -q")
        (home / "alerts.new").mkdir()  # root may write anywhere: only this cannot be written
        exit_code, _, stderr = shell.run("trader alerts send")
        assert exit_code == 0
    assert "cannot be written: what was told now is told again" in stderr
    assert [told["title"] for told in receiver.told] == ["trader: A stage was passed"]


def test_damage_of_the_home_is_named_and_nothing_is_made(shell: Shell) -> None:
    configure(shell, "ALERT_URLS=json://127.0.0.1:9/")
    shutil.rmtree(shell.environ["TRADER_HOME"], ignore_errors=True)
    exit_code, _, stderr = shell.run("trader alerts send")
    assert (exit_code, "error[HOME_UNUSABLE]" in stderr) == (3, True)
    assert not Path(shell.environ["TRADER_HOME"]).exists()
