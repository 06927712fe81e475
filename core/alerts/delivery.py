"""Telling people, by whatever service their URLs name. Takes as long as a dead network takes: never where
orders are made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from core.errors import ConfigError

if TYPE_CHECKING:
    from apprise import Apprise

TIMEOUT_S = 10
_SEPARATORS = re.compile(r"[,\s]+")

Tell = Callable[[str, str], bool]
"""Title and text in; whether it was delivered."""


def receivers(urls: str) -> dict[str, Tell]:
    """Return how to tell each receiver, by a name that betrays nothing.

    Raises ConfigError ALERT_URL_INVALID.
    """
    found: dict[str, Tell] = {}
    for number, url in enumerate(filter(None, _SEPARATORS.split(urls)), start=1):
        service = _service(url)
        if service is None:
            scheme = url.partition("://")[0] if "://" in url else "none"
            raise ConfigError(
                f"URL {number} of ALERT_URLS (scheme {scheme[:20]}) is none that alerts can go to",
                code="ALERT_URL_INVALID",
                hint="`trader alerts test` says when it works; apprise's documents list the schemes",
            )
        found[hashlib.sha256(url.encode()).hexdigest()[:12]] = _teller(service)
    return found


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
    def tell(title: str, text: str) -> bool:
        try:
            return bool(service.notify(body=text, title=f"trader: {title}", timeout=TIMEOUT_S))
        except Exception:
            return False  # whatever a service's plug-in does, the alert stays queued

    return tell
