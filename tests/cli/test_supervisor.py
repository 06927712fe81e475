"""What long-running commands tell systemd, over a real datagram socket."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.supervisor import Supervisor
from tests.cli.conversation import TIMEOUT_S, Shell
from tests.cli.spawned import ended, read_until, spawned


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(TIMEOUT_S)
        yield listening


def heard(systemd: socket.socket) -> str:
    return systemd.recv(256).decode()


def all_heard(systemd: socket.socket) -> None:
    """Listen until nothing more is said."""
    while True:
        heard(systemd)


def test_a_served_exchange_is_ready_alive_and_says_when_it_stops(
    tmp_path: Path, systemd: socket.socket
) -> None:
    told = {"NOTIFY_SOCKET": str(systemd.getsockname()), "WATCHDOG_USEC": "100000"}
    with spawned(Shell(tmp_path), "paper", "serve", "--json", **told) as program:
        read_until(program.stdout, "rest")
        assert heard(systemd) == "READY=1"
        assert [heard(systemd) for _ in range(3)] == ["WATCHDOG=1"] * 3
        program.send_signal(signal.SIGSTOP)  # a loop that hangs says nothing
        systemd.settimeout(0.5)
        with pytest.raises(TimeoutError):
            all_heard(systemd)
        program.send_signal(signal.SIGCONT)
        program.send_signal(signal.SIGTERM)
        systemd.settimeout(TIMEOUT_S)
        while (word := heard(systemd)) != "STOPPING=1":
            assert word == "WATCHDOG=1"
        assert ended(program)[0] == 0


def test_a_stage_is_ready_alive_and_says_when_it_stops(tmp_path: Path, systemd: socket.socket) -> None:
    told = f"NOTIFY_SOCKET={systemd.getsockname()} WATCHDOG_USEC=60000000"
    exit_code, _, stderr = Shell(tmp_path).run(f"{told} trader stage 0")
    assert exit_code == 0, stderr
    words = [heard(systemd)]
    while words[-1] != "STOPPING=1":
        words.append(heard(systemd))
    assert words[0] == "READY=1"
    assert set(words[1:-1]) == {"WATCHDOG=1"}


def test_an_abstract_address_is_understood(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{tmp_path}")
        listening.settimeout(TIMEOUT_S)
        Supervisor({"NOTIFY_SOCKET": f"@{tmp_path}"}).ready()
        assert heard(listening) == "READY=1"


@pytest.mark.parametrize("address", ["", "nonsense", "/nowhere/at/all", "vsock:2:1"])
def test_without_anybody_listening_nothing_happens(address: str) -> None:
    Supervisor({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1"}).alive()


@pytest.mark.parametrize(
    ("environ", "within_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "often"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_how_often_it_is_asked_to_speak(environ: dict[str, str], within_s: float | None) -> None:
    assert Supervisor(environ).alive_within_s == within_s
