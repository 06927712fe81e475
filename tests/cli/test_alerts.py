"""Alerts as an operator gets them: real HTTP receivers on loopback, the program as it is run."""

from __future__ import annotations

import json
import threading
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
                receiver.beats += 1
                self._answer(200)

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
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def configure(shell: Shell, *lines: str) -> None:
    shell.run("trader init -q")
    with (shell.folder / ".env").open("a") as file:
        file.write("\n".join(lines) + "\n")


def test_a_test_reaches_every_receiver_or_says_which_it_does_not(shell: Shell) -> None:
    with receiving() as receiver:
        first = f"json://user:{PASSWORD}@{receiver.address}/a"
        configure(shell, f"ALERT_URLS={first},json://{receiver.address}/b")
        exit_code, stdout, _ = shell.run("trader alerts test")
        assert exit_code == 0
        assert len(receiver.told) == 2
        assert stdout.count(": delivered") == 2
        receiver.up = False
        exit_code, more, stderr = shell.run("trader alerts test")
    assert exit_code == 3
    assert "error[ALERT_UNDELIVERED]: 2 of 2" in stderr
    assert PASSWORD not in stdout + more + stderr


def test_what_is_no_address_is_named_without_being_shown(shell: Shell) -> None:
    configure(shell, f"ALERT_URLS=nosuch://user:{PASSWORD}@somewhere")
    exit_code, stdout, stderr = shell.run("trader alerts test")
    assert exit_code == 3
    assert "error[ALERT_URL_INVALID]: URL 1 of ALERT_URLS (scheme nosuch)" in stderr
    assert PASSWORD not in stdout + stderr


def test_without_receivers_there_is_nobody_to_tell(shell: Shell) -> None:
    shell.run("trader init -q")
    exit_code, _, stderr = shell.run("trader alerts send")
    assert exit_code == 2
    assert "ALERT_URLS is not set" in stderr


def test_a_halt_is_told_once_and_kept_while_nobody_answers(shell: Shell) -> None:
    with receiving() as receiver:
        configure(shell, f"ALERT_URLS=json://{receiver.address}/")
        shell.run("trader stage 0 -q")
        assert shell.run("trader alerts send")[0] == 0  # begins with what comes next
        receiver.up = False
        shell.run("trader halt --reason storm")
        exit_code, _, stderr = shell.run("trader alerts send")
        assert (exit_code, "ALERTS_WAITING" in stderr) == (3, True)
        waiting = json.loads(shell.run("trader alerts show --json")[1])["result"]["waiting"]
        assert [row["code"] for row in waiting] == ["TRADING_STOPPED"]
        receiver.up = True
        for command in ("alerts send", "alerts send", "resume --yes --reason calm", "alerts send"):
            assert shell.run(f"trader {command}")[0] == 0
    assert [told["title"] for told in receiver.told] == ["trader: Trading was stopped"]
    assert "storm" in receiver.told[0]["message"]


def test_the_process_beside_a_command_tells_and_beats_after_a_reconciliation(shell: Shell) -> None:
    with receiving() as receiver:
        configure(
            shell,
            f"ALERT_URLS=json://{receiver.address}/",
            f"HEARTBEAT_URL=http://{receiver.address}/beat",
        )
        shell.run("trader stage 0 -q")
        shell.run("trader alerts send")
        shell.run("trader halt --reason storm")
        shell.bash("trader status")
        assert receiver.arrived.wait(30)
        shell.run("trader resume --yes --reason calm")
        shell.run("BINANCE_DRY_RUN=false trader stage 1 -q")
        assert receiver.beats == 0
        shell.run("trader reconcile -q")
        shell.run("trader alerts send")
        assert receiver.beats == 1
    assert "trader: A stage was passed" in [told["title"] for told in receiver.told]
