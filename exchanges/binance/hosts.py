"""Which Binance is this? What cannot be proven to be a testnet is the live venue."""

from __future__ import annotations

import ipaddress
import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from core.account import Environment
from core.budget import Budget
from core.errors import ConfigError
from core.ports import HostFacts
from exchanges.binance.errors import Purpose, error_for, not_admitted
from exchanges.binance.once import ConnectionLost, never_again

# Source: Binance Spot API documents, "General API information" of mainnet, testnet and demo mode.
TESTNET_HOSTS: Final = frozenset(
    {"testnet.binance.vision", "api1.testnet.binance.vision", "demo-api.binance.com"}
)
MAINNET_HOSTS: Final = frozenset(
    {
        "api.binance.com",
        "api-gcp.binance.com",
        "api1.binance.com",
        "api2.binance.com",
        "api3.binance.com",
        "api4.binance.com",
        "data-api.binance.vision",
    }
)
PROBE_PATH: Final = "/sapi/v1/system/status"
PROBE_TIMEOUT_S: Final = 10.0

_API_SUFFIX = re.compile(r"/api(/v3)?/*\Z")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*\Z", re.ASCII)
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?\Z", re.ASCII)
_DEFAULT_PORTS = {"https": 443, "http": 80}


class Root(NamedTuple):
    """A checked base address. `url`: without `/api` at its end; `host`: with its port unless the default."""

    url: str
    host: str
    has_path: bool
    loopback: bool


async def classify(
    base_url: str, budget: Budget | None = None, *, probe_timeout_s: float = PROBE_TIMEOUT_S
) -> HostFacts:
    """Tell which environment answers at a base address.

    Official hosts are known by name; every other host is asked, without a key, for a path that only the live
    venue has. Raises ConfigError for an address that cannot be used, VenueUnavailable while `budget` lets
    nothing be asked.
    """
    root = parse_root(base_url)
    official = not root.has_path and root.host in TESTNET_HOSTS | MAINNET_HOSTS
    if official:
        testnet, proof = root.host in TESTNET_HOSTS, "an official host"
    else:
        if budget is not None and (wait := budget.admit(0, reducing=True)) is not None:
            raise error_for(not_admitted(f"GET {PROBE_PATH}", wait), Purpose.READ)
        testnet, proof = await _probe(root.url, probe_timeout_s)
    environment = Environment.TESTNET if testnet else Environment.MAINNET
    return HostFacts(root.url, root.host, official, environment, root.loopback, proof)


def parse_root(base_url: str) -> Root:
    """Check a base address such as `https://testnet.binance.vision/api`.

    Raises ConfigError; its text never repeats the address, which may hold a password.
    """
    try:
        parts = urlsplit(base_url)
        port = parts.port
        name = parts.hostname or ""
    except ValueError:
        raise _unusable("it cannot be read as an address") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise _unusable("it must begin with https://")
    if not base_url.isascii() or not base_url.isprintable() or " " in base_url or "\\" in base_url:
        raise _unusable("it holds letters that no address has; write international names in their xn-- form")
    if "@" in parts.netloc:
        raise _unusable("it holds a user name or password")
    if "?" in base_url or "#" in base_url:
        raise _unusable("it holds a query or fragment")
    address = _ip_address(name)
    if port == 0 or parts.netloc.endswith(":") or not (address or _HOST_NAME.match(name)):
        raise _unusable("its host name or port is malformed")
    path = _API_SUFFIX.sub("", parts.path).rstrip("/")
    if not _PATH.match(path) or ".." in path:
        raise _unusable("its path is malformed")

    loopback = address.is_loopback if address else name == "localhost"
    if parts.scheme == "http" and not loopback:
        raise _unusable("only an exchange on this machine may be spoken to without TLS: write https://")
    host = f"[{name}]" if ":" in name else name
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        host = f"{host}:{port}"
    return Root(f"{parts.scheme}://{host}{path}", host, bool(path), loopback)


def _unusable(why: str) -> ConfigError:
    return ConfigError(
        f"BINANCE_BASE_URL cannot be used: {why}", hint="example: https://testnet.binance.vision"
    )


def _ip_address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


async def _probe(root_url: str, timeout_s: float) -> tuple[bool, str]:
    """Ask for the wallet API, which exists on the live venue only. Returns (is testnet, what was seen)."""
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False, middlewares=(never_again,)) as session,
            session.get(root_url + PROBE_PATH, allow_redirects=False) as response,
        ):
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError, ConnectionLost) as error:
        return False, f"not an official host, and it could not be asked ({type(error).__name__})"
    if status == 404:
        return True, "not an official host, and it has no wallet API (HTTP 404)"
    return False, f"not an official host, and its wallet API answered HTTP {status}"
