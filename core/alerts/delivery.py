"""Telling people, by whatever service their URLs name. Takes as long as a dead network takes: never where
orders are made.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import urlopen

from core.errors import ConfigError

if TYPE_CHECKING:
    from apprise import Apprise

    from core.secrets import Secret

TIMEOUT_S = 20.0
"""For one alert at one receiver. The services' own timeouts are shorter, but count each packet anew."""
_SEPARATORS = re.compile(r"\s+,?\s*|,\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)|,\s*\Z")
"""A comma may be a part of a URL, unless another one follows it."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,19})://")

Tell = Callable[[str, str], bool]
"""Title and text in; whether it was delivered."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """`name` tells it from the others on disk; `label` is for humans. Neither betrays anything of the URL."""

    name: str
    label: str
    tell: Tell


def receivers(urls: Secret | None) -> tuple[list[Receiver], list[str]]:
    """Return the receivers of ALERT_URLS, in its order, and the labels of the URLs that are none."""
    found: list[Receiver] = []
    unusable: list[str] = []
    for number, url in enumerate(_split(urls), start=1):
        named = _SCHEME.match(url)  # of anything else, a part may be a password
        scheme = named[1] if named else "none"
        label = f"URL {number} of ALERT_URLS (scheme {scheme})"
        service = _service(url)
        if service is None:
            unusable.append(label)
        else:
            found.append(Receiver(hashlib.sha256(url.encode()).hexdigest()[:12], label, _teller(service)))
    return found, unusable


def invalid(unusable: Sequence[str]) -> ConfigError:
    """Return the error that names URLs that are none."""
    return ConfigError(
        f"alerts cannot go to {', '.join(unusable)}",
        code="ALERT_URL_INVALID",
        hint="mend it in the settings file (docs/alerts.md); `trader alerts test` says when it works",
    )


def heartbeat_problem(url: Secret | None) -> str:
    """Say what is wrong with HEARTBEAT_URL, "" when nothing is."""
    try:
        parts = urlsplit("https://unset" if url is None else url.reveal())
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    return "" if good else "HEARTBEAT_URL is no http or https URL"


def _split(urls: Secret | None) -> Iterator[str]:
    return filter(None, _SEPARATORS.split("" if urls is None else urls.reveal()))


def _service(url: str) -> Apprise | None:
    """Return the service behind a URL, None when there is none."""
    import logging
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the library's, when it loads its plug-ins
        from apprise import Apprise, AppriseAsset

        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its messages hold parts of URLs
        service = Apprise(asset=AppriseAsset(secure_logging=True, async_mode=False))
        return service if service.add(url) else None


def _teller(service: Apprise) -> Tell:
    return lambda title, text: _in_time(lambda: bool(service.notify(body=text, title=f"trader: {title}")))


def ping(url: Secret) -> bool:
    """Ask for the heartbeat's URL; return whether it answered well."""

    def ask() -> bool:
        with urlopen(url.reveal(), timeout=TIMEOUT_S):  # noqa: S310 - a web address, see below
            return True

    return not heartbeat_problem(url) and _in_time(ask)


def _in_time(ask: Callable[[], bool]) -> bool:
    """Return what an attempt says, and False when it fails or takes too long.

    Who sends a byte now and then never times out by itself: he is left behind, not waited for.
    """
    said: list[bool] = []

    def attempt() -> None:
        with suppress(Exception):  # whatever a service's plug-in does, the alert stays queued
            said.append(ask())

    asking = threading.Thread(target=attempt, daemon=True)
    asking.start()
    asking.join(TIMEOUT_S)
    return said == [True]
