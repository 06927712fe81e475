"""The program as a process: signals, pipes, closed streams, completion."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.request import ProxyHandler, build_opener

import aiohttp
import pytest

from core.errors import EXIT_INTERRUPTED
from tests.cli.conversation import TIMEOUT_S, Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@contextmanager
def served(shell: Shell, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Start `trader paper serve --json`; yield the process and the first line of its stdout."""
    program = subprocess.Popen(
        ["trader", "paper", "serve", "--json", *options],
        executable=shell.program,
        cwd=shell.folder,
        env=shell.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout
        yield program, json.loads(program.stdout.readline())
    finally:
        program.kill()
        program.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_prints_its_address_and_ends_when_asked(shell: Shell, number: signal.Signals) -> None:
    with served(shell, "--persona", "mainnet") as (program, address):
        assert list(address) == ["rest", "stream", "ws_api", "api_key", "api_secret", "persona", "pid"]
        assert address["pid"] == program.pid
        assert address["persona"] == "mainnet"
        direct = build_opener(ProxyHandler({}))
        with direct.open(f"{address['rest']}/api/v3/ping", timeout=10) as answer:
            assert answer.read() == b"{}"
        program.send_signal(number)
        stdout, stderr = program.communicate(timeout=TIMEOUT_S)
    assert program.returncode == 0
    assert stdout == ""
    assert "Traceback" not in stderr


def test_serve_says_goodbye_to_open_connections_and_keeps_its_state(shell: Shell) -> None:
    with served(shell, "--legacy-listen-key") as (program, address):
        key, secret = address["api_key"], address["api_secret"]

        async def hear_the_end() -> list[Any]:
            async with aiohttp.ClientSession() as session:
                stream = await session.ws_connect(f"{address['stream']}/ws")
                api = await session.ws_connect(address["ws_api"])
                program.send_signal(signal.SIGTERM)
                return [await stream.receive_json(), await api.receive_json()]

        bare, wrapped = asyncio.run(hear_the_end())
        assert (bare["e"], wrapped["event"]["e"]) == ("serverShutdown", "serverShutdown")
        program.communicate(timeout=TIMEOUT_S)
    assert program.returncode == 0
    with served(shell) as (_, again):
        assert (again["api_key"], again["api_secret"]) == (key, secret)


def test_an_ephemeral_exchange_leaves_nothing(shell: Shell) -> None:
    before = set(shell.folder.rglob("*"))
    keys = []
    for _ in range(2):
        with served(shell, "--ephemeral") as (program, address):
            keys.append(address["api_key"])
            program.send_signal(signal.SIGTERM)
            program.communicate(timeout=TIMEOUT_S)
    assert keys[0] != keys[1]
    assert {path.name for path in set(shell.folder.rglob("*")) - before if "paper" in path.name} == set()


def test_serve_on_a_taken_port_is_an_error_with_the_port(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        exit_code, stdout, _ = shell.run(f"trader paper serve --json --port {port}")
    assert exit_code == 3
    assert f"127.0.0.1:{port}" in json.loads(stdout)["error"]["message"]


def test_keys_shows_the_key_that_serve_uses(shell: Shell) -> None:
    with served(shell) as (_, address):
        _, stdout, _ = shell.run("trader paper keys --json")
    key = json.loads(stdout)["result"]["keys"][0]
    assert (key["api_key"], key["api_secret"]) == (address["api_key"], address["api_secret"])


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [
        ("trader paper keys | true; exit ${PIPESTATUS[0]}", 0),
        ("trader paper keys --json > /dev/full", 1),
        ("trader chekc >&- 2>&- <&-", 2),
        ("mkdir gone; cd gone; rmdir ../gone; trader --version", 0),
        ("PYTHONIOENCODING=ascii LC_ALL=C trader paper keys --new Γ", 0),
    ],
)
def test_odd_surroundings_make_no_traceback(shell: Shell, command: str, exit_code: int) -> None:
    done = shell.bash(command)
    assert done[0] == exit_code
    assert "Traceback" not in done[2]
    assert "Exception ignored" not in done[2]


def test_output_that_is_lost_is_said(shell: Shell) -> None:
    exit_code, _, stderr = shell.bash("trader paper keys --json > /dev/full")
    assert exit_code == 1
    assert "error: the output could not be written: No space left on device" in stderr


def test_completion_offers_commands_and_options(shell: Shell) -> None:
    assert {"stage", "status"} <= set(shell.bash("_TRADER_COMPLETE=bash trader s")[1].split())
    assert "--persona" in shell.bash("_TRADER_COMPLETE=bash trader paper keys --")[1].split()


def test_ctrl_c_is_never_success(tmp_path: Path) -> None:
    with mock.patch("core.operations.halt.halt", side_effect=KeyboardInterrupt):
        exit_code, stdout, stderr = Shell(tmp_path).run("trader halt --json")
    assert exit_code == EXIT_INTERRUPTED, stdout + stderr
    assert json.loads(stdout)["ok"] is False
