"""No key, secret, signature or signed address leaves by an error, whatever the server does."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Awaitable, Callable

import pytest

from core.errors import TraderError
from core.keys.signing import SigningKey
from core.orders import SendOnce
from core.ports import Venue
from core.secrets import Secret
from exchanges.binance.session import Timeouts
from tests.exchanges.binance.scripted import (
    API_KEY,
    API_SECRET,
    PATIENT,
    SIGNING_KEY,
    Received,
    Reply,
    ScriptedServer,
    http,
    make_intent,
    open_venue,
)
from tests.exchanges.binance.test_submit_once import NOT_EXECUTED, UNKNOWN_FATES

FAILURES = UNKNOWN_FATES | {name: reply for name, (reply, _, _) in NOT_EXECUTED.items()}

ACTIONS: dict[str, Callable[[Venue], Awaitable[object]]] = {
    "read": lambda venue: venue.account.snapshot(),
    "submit": lambda venue: venue.trading.submit(SendOnce(make_intent())),
    "validate": lambda venue: venue.trading.validate(make_intent()),
}


async def shown(
    action: Callable[[Venue], Awaitable[object]], server: ScriptedServer, timeouts: Timeouts = PATIENT
) -> str:
    """Return everything a screen, a log or a journal could get hold of when the action fails."""
    async with open_venue(server, timeouts=timeouts) as venue:
        with pytest.raises(TraderError) as failed:
            await action(venue)
    error = failed.value
    causes = [error, error.__cause__, error.__context__]
    causes += [cause.__context__ for cause in causes if cause is not None]
    return "\n".join(
        [
            *traceback.format_exception(error),
            *(f"{cause!r} {cause}" for cause in causes),
            json.dumps([error.message, error.hint, error.details]),
        ]
    )


def assert_clean(text: str, server: ScriptedServer) -> None:
    assert API_KEY not in text
    assert "markedSECRET" not in text
    for request in server.received:
        signature = request.params.get("signature")
        assert not signature or signature not in text
        assert request.payload not in text
    assert text


@pytest.mark.parametrize(
    ("name", "action"),
    [
        (name, action)
        for name in FAILURES
        for action in ACTIONS
        if (name, action) != ("empty object", "validate")  # which is how a validation succeeds
    ],
)
async def test_no_failure_shows_a_secret(
    server: ScriptedServer, name: str, action: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.otherwise = FAILURES[name]
    text = await shown(ACTIONS[action], server, FAILURES[name].timeouts)
    assert_clean(text + caplog.text, server)


@pytest.mark.parametrize("status", [200, 400, 403, 500])
@pytest.mark.parametrize(
    "template",
    [
        '{"code": -1022, "msg": "you sent ECHO"}',
        '{"code": -9999, "msg": "\\"signature\\": \\"SIGN\\" or SIGN"}',
        "<html>ECHO</html>",
        "bad signature SIGN",
    ],
)
@pytest.mark.parametrize("action", ACTIONS)
async def test_an_echo_of_the_request_is_not_shown(
    server: ScriptedServer, action: str, template: str, status: int
) -> None:
    def echo(request: Received) -> Reply:
        sent = f"{request.headers.get('x-mbx-apikey')} {request.target} {request.body.decode()}"
        return http(status, template.replace("ECHO", sent).replace("SIGN", request.params["signature"]))

    server.otherwise = echo
    text = await shown(ACTIONS[action], server)
    signatures = {request.params["signature"] for request in server.received}
    assert not any(signature in text for signature in signatures)
    assert API_KEY not in text
    assert "markedSECRET" not in text


async def test_an_echo_of_an_unusually_short_key_is_not_shown(server: ScriptedServer) -> None:
    key = SigningKey(Secret("shortKEY7"), Secret("shortSECRET"))
    server.otherwise = lambda request: http(400, f'{{"code":-1,"msg":"{request.headers["x-mbx-apikey"]}"}}')
    async with open_venue(server, key=key) as venue:
        with pytest.raises(TraderError) as failed:
            await venue.account.snapshot()
    assert "shortKEY7" not in f"{failed.value!r} {failed.value.details}"
    assert "****" in str(failed.value)


def test_a_signing_key_does_not_print() -> None:
    for text in (repr(SIGNING_KEY), str(SIGNING_KEY), f"{SIGNING_KEY}"):
        assert text == f"SigningKey(…{API_KEY[-4:]})"
    assert API_SECRET not in repr(vars(SigningKey)) + repr(SigningKey(Secret("a"), Secret(API_SECRET)))


@pytest.mark.parametrize(
    ("api_key", "secret", "pem"),
    [
        ("", "s", ""),
        ("k", "", ""),
        ("k", "s", "p"),
        ("k\r\nX-Evil: 1", "s", ""),
        ("kéy", "s", ""),
        ("a b", "s", ""),
    ],
)
def test_half_a_key_is_refused(api_key: str, secret: str, pem: str) -> None:
    with pytest.raises(TraderError) as refused:
        SigningKey(Secret(api_key), Secret(secret), Secret(pem))
    assert refused.value.exit_code == 3


def test_the_fingerprint_is_the_start_of_the_hash() -> None:
    key = SigningKey(Secret("abc"), Secret("s"))
    assert key.fingerprint == "ba7816bf8f01"
