"""What cannot be proven to be a testnet is the live venue."""

from __future__ import annotations

import pytest

from core.account import Environment
from core.errors import ConfigError
from exchanges.binance.hosts import MAINNET_HOSTS, TESTNET_HOSTS, classify, parse_root
from tests.exchanges.binance.scripted import Reply, ScriptedServer, answer, http, serve

UNPROVEN_S = 0.05


@pytest.mark.parametrize(
    ("url", "root", "host"),
    [
        ("https://testnet.binance.vision", "https://testnet.binance.vision", "testnet.binance.vision"),
        ("https://testnet.binance.vision/", "https://testnet.binance.vision", "testnet.binance.vision"),
        ("https://testnet.binance.vision/api", "https://testnet.binance.vision", "testnet.binance.vision"),
        (
            "https://testnet.binance.vision/api/v3/",
            "https://testnet.binance.vision",
            "testnet.binance.vision",
        ),
        ("HTTPS://TestNet.Binance.Vision:443", "https://testnet.binance.vision", "testnet.binance.vision"),
        ("https://testnet.binance.vision.", "https://testnet.binance.vision.", "testnet.binance.vision."),
        ("https://api.binance.com:8443", "https://api.binance.com:8443", "api.binance.com:8443"),
        ("https://relay.example/binance/api", "https://relay.example/binance", "relay.example"),
        ("https://10.0.0.7:9443/x-1/y_2", "https://10.0.0.7:9443/x-1/y_2", "10.0.0.7:9443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://127.9.9.9", "http://127.9.9.9", "127.9.9.9"),
        ("http://localhost:80/api", "http://localhost", "localhost"),
        ("http://[::1]:8080", "http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_addresses_are_brought_to_one_form(url: str, root: str, host: str) -> None:
    parsed = parse_root(url)
    assert (parsed.url, parsed.host) == (root, host)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "testnet.binance.vision",
        "ftp://testnet.binance.vision",
        "file:///etc/passwd",
        "https://",
        "https:///api",
        "https://user:hunter2@testnet.binance.vision",
        "https://testnet.binance.vision@evil.example",
        "https://testnet.binance.vision:hunter2@evil.example/api",
        "https://testnet.binance.vision%40evil.example",
        "https://testnet.binance.vision\\@evil.example",
        "https://evil.example\\.testnet.binance.vision",
        "https://testnet.binance.vision#@evil.example",
        "https://testnet.binance.vision?x=hunter2",
        "https://testnet.binance.vision /",
        " https://testnet.binance.vision",
        "https://testnet.binance.vision\n",
        "https://testnet.bi\tnance.vision",
        "https://testnet。binance。vision",
        "https://tеstnet.binance.vision",
        "https://testnet.binance.vision:99999",
        "https://testnet.binance.vision:0",
        "https://testnet.binance.vision:",
        "https://testnet.binance.vision:44x",
        "https://testnet.binance.vision/../api",
        "https://testnet.binance.vision/%2e%2e/api",
        "https://[::1",
        "https://-.example-",
    ],
)
def test_addresses_that_trick_or_break_are_refused(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_root(url)
    assert refused.value.code == "SETTINGS_INVALID"
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://testnet.binance.vision",
        "http://api.binance.com",
        "http://10.0.0.7:8080",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://128.0.0.1",
        "http://0.0.0.0:8080",
        "http://[fe80::1]:8080",
    ],
)
def test_tls_is_required_beyond_this_machine(url: str) -> None:
    with pytest.raises(ConfigError, match="TLS"):
        parse_root(url)


@pytest.mark.parametrize("host", sorted(TESTNET_HOSTS | MAINNET_HOSTS))
async def test_official_hosts_are_known_without_asking(host: str) -> None:
    facts = await classify(f"https://{host}/api", probe_timeout_s=UNPROVEN_S)
    assert facts.official
    assert not facts.loopback
    assert facts.environment is (Environment.TESTNET if host in TESTNET_HOSTS else Environment.MAINNET)


def test_no_official_host_is_both() -> None:
    assert not TESTNET_HOSTS & MAINNET_HOSTS


@pytest.mark.parametrize(
    "url",
    [
        "https://testnet.binance.vision.",
        "https://testnet.binance.vision:8443",
        "https://testnet.binance.vision/relay",
        "https://testnet-binance-vision.invalid",
        "https://api1.testnet.binance.vision.invalid",
        "https://xn--tstnet-5of.binance.vision.invalid",
    ],
)
async def test_likenesses_of_official_hosts_prove_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(root_url: str, timeout_s: float) -> tuple[bool, str]:
        return False, "not asked in this test"

    monkeypatch.setattr("exchanges.binance.hosts._probe", unreachable)  # a test sends nothing beyond loopback
    facts = await classify(url)
    assert not facts.official
    assert facts.environment is Environment.MAINNET


async def test_a_404_proves_a_testnet(server: ScriptedServer) -> None:
    server.otherwise = http(404, "<html>", headers={"Content-Type": "text/html"})
    facts = await classify(f"{server.root}/api")
    assert facts.environment is Environment.TESTNET
    assert not facts.official
    assert facts.loopback
    (request,) = server.received
    assert request.target == "/sapi/v1/system/status"
    assert "x-mbx-apikey" not in request.headers


async def test_the_same_root_is_asked_under_its_path(server: ScriptedServer) -> None:
    await classify(f"{server.root}/relay/to/api/v3")
    assert server.received[0].target == "/relay/to/sapi/v1/system/status"


@pytest.mark.parametrize(
    "reply",
    [
        answer({"status": 0, "msg": "normal"}),
        answer({"status": 1, "msg": "system_maintenance"}),
        answer({"code": 404, "msg": "no such page"}),
        *(http(status) for status in (200, 204, 400, 401, 403, 405, 410, 418, 429, 451, 500, 502, 503)),
        http(301, headers={"Location": "/404"}),
        http(302, headers={"Location": "/404"}),
        http(307, headers={"Location": "/404"}),
        Reply(then="close"),
        Reply(then="close", unread=True),
        Reply(then="hang"),
        Reply(b"HTTP/1.1 4", "close"),
        Reply(b"404 Not Found\r\n\r\n", "close"),
    ],
)
async def test_anything_but_a_404_is_the_live_venue(server: ScriptedServer, reply: Reply) -> None:
    """A relay or tunnel to the live venue, or one that does not say what it is."""
    server.script = [reply]
    server.otherwise = http(404)
    facts = await classify(server.root, probe_timeout_s=UNPROVEN_S if reply.then == "hang" else 20)
    assert facts.environment is Environment.MAINNET
    assert facts.proof


async def test_a_host_that_is_down_is_the_live_venue() -> None:
    async with serve() as gone:
        pass
    facts = await classify(gone.root)
    assert facts.environment is Environment.MAINNET
    assert "could not be asked" in facts.proof
