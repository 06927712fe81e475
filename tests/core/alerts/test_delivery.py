"""The URLs of receivers: read, named without a secret, and never waited for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from core.alerts import delivery
from core.alerts.delivery import heartbeat_problem, ping, receivers
from core.secrets import Secret

PASSWORD = "MARKER-PASSWORD"


@pytest.mark.parametrize(
    ("urls", "labels"),
    [
        ("", []),
        ("json://a.example", ["URL 1 of ALERT_URLS (scheme json)"]),
        ("json://a.example/?x=1,2", ["URL 1 of ALERT_URLS (scheme json)"]),
        ("json://a.example,xml://b.example", ["(scheme json)", "(scheme xml)"]),
        (
            " json://a.example , xml://b.example\n form://c.example, ",
            ["(scheme json)", "(scheme xml)", "(scheme form)"],
        ),
    ],
)
def test_urls_are_told_apart(urls: str, labels: list[str]) -> None:
    found, unusable = receivers(Secret(urls))
    assert unusable == []
    assert [each.label.endswith(label) for each, label in zip(found, labels, strict=True)] == [True] * len(
        labels
    )
    assert len({each.name for each in found}) == len(found)


@pytest.mark.parametrize(
    "url",
    [
        PASSWORD,
        f"mailto:me:{PASSWORD}@x?to=y://z",
        f"{PASSWORD.lower()}-and-more-of-it://x",
        f"nosuch://{PASSWORD}",
    ],
)
def test_what_is_no_receiver_is_named_by_place_and_scheme_alone(url: str) -> None:
    found, unusable = receivers(Secret(f"json://a.example {url}"))
    assert len(found) == 1
    (label,) = unusable
    assert label.startswith("URL 2 of ALERT_URLS (scheme n")
    assert PASSWORD.lower() not in label.lower()


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("https://hc.example/uuid", True),
        ("http://127.0.0.1:1/x", True),
        ("file:///etc/passwd", False),
        ("hc.example", False),
        ("http://[", False),
        ("http://", False),
    ],
)
def test_a_heartbeat_needs_a_web_address(url: str, is_good: bool) -> None:
    assert (heartbeat_problem(Secret(url)) == "") is is_good
    assert heartbeat_problem(None) == ""


def test_a_file_is_no_heartbeat() -> None:
    assert not ping(Secret("file:///etc/hostname"))


@contextmanager
def dripping() -> Iterator[int]:
    """Serve one connection that sends a byte now and then, and never ends; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not stop.wait(0.02):
                    connection.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("what", ["alert", "beat"])
def test_who_never_ends_his_answer_is_left_behind(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(delivery, "TIMEOUT_S", 0.2)
    with dripping() as port:
        began_s = time.monotonic()
        if what == "alert":
            ((receiver,), _) = receivers(Secret(f"json://127.0.0.1:{port}/"))
            assert not receiver.tell("title", "text")
        else:
            assert not ping(Secret(f"http://127.0.0.1:{port}/"))
        assert time.monotonic() - began_s < 2
