"""Who may ask, and in which order that is checked."""

from __future__ import annotations

import pytest

from exchanges.paper import Permissions, admin
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.venue import START_MS, Venue, Wall, sign

ACCOUNT = "/api/v3/account"


def account(venue: Venue, query: str, api_key: str | None = None, *, secret: str = "") -> tuple[int, int]:
    """Ask for the account with a query that gets a signature; return status and code."""
    signed = f"{query}&signature={sign(secret or venue.secret, query)}"
    key = venue.api_key if api_key is None else api_key
    return venue.send("GET", ACCOUNT, query=signed, X_MBX_APIKEY=key).refusal


def test_every_wrong_thing_is_reported_before_the_ones_after_it(venue: Venue) -> None:
    unknown_key, old = "a" * 64, f"timestamp={START_MS - 60_000}"
    assert venue.send("GET", ACCOUNT, query="nonsense=1", X_MBX_APIKEY="!").refusal == (400, -1102)
    assert account(venue, f"{old}&nonsense=1", "short", secret="wrong") == (401, -2014)
    assert account(venue, f"{old}&nonsense=1", unknown_key, secret="wrong") == (401, -2015)
    assert account(venue, f"{old}&nonsense=1", secret="wrong") == (400, -1021)
    assert account(venue, f"timestamp={START_MS}&nonsense=1", secret="wrong") == (400, -1022)
    assert account(venue, f"timestamp={START_MS}&nonsense=1") == (400, -1104)


@pytest.mark.parametrize(
    ("timestamp", "recv_window", "expected"),
    [
        (START_MS, None, 200),
        (START_MS * 1000 + 500, None, 200),
        (START_MS + 999, None, 200),
        (START_MS + 1000, None, -1021),
        (START_MS + 1000, "60000", -1021),
        (START_MS + 9_999, None, -1021),
        (START_MS + 10_001, None, -1130),
        (START_MS - 5_000, None, 200),
        (START_MS - 5_001, None, -1021),
        (START_MS - 5_001, "5001.5", 200),
        (START_MS - 60_000, "60000", 200),
        (START_MS - 1, "0.999", -1021),
        (START_MS, "60000.001", -1131),
        (START_MS, "60001", -1131),
        (START_MS, "1.2345", -1100),
        (START_MS, "-1", -1100),
        (1_483_228_799_999, "60000", -1130),
        ("soon", None, -1100),
        ("1e12", None, -1100),
        ("9" * 20, None, -1108),
    ],
)
def test_timestamp_and_recv_window(
    venue: Venue, timestamp: int | str, recv_window: str | None, expected: int
) -> None:
    window = {} if recv_window is None else {"recvWindow": recv_window}
    answer = venue.signed("GET", ACCOUNT, timestamp=timestamp, **window)
    assert (answer.status if answer.status == 200 else answer.code) == expected


def test_signed_endpoints_take_what_clients_send_everywhere(venue: Venue) -> None:
    everywhere = {"newOrderRespType": "FULL", "selfTradePreventionMode": "NONE", "recvWindow": "5000"}
    assert venue.signed("GET", ACCOUNT, **everywhere).status == 200
    assert venue.public("/api/v3/time", newOrderRespType="FULL").refusal == (400, -1101)


def test_the_two_texts_of_a_bad_timestamp(venue: Venue) -> None:
    ahead = venue.signed("GET", ACCOUNT, timestamp=START_MS + 1000)
    behind = venue.signed("GET", ACCOUNT, timestamp=START_MS - 5001)
    assert ahead.body["msg"] == "Timestamp for this request was 1000ms ahead of the server's time."
    assert behind.body["msg"] == "Timestamp for this request is outside of the recvWindow."


def test_on_a_fast_clock_being_late_is_measured_in_real_time(venues: OpenVenue, wall: Wall) -> None:
    venue = venues(speed=60)
    stamp = venue.exchange.now_ms()
    wall.forward(4_000)
    assert venue.signed("GET", ACCOUNT, timestamp=stamp).status == 200
    wall.forward(2_000)
    assert venue.signed("GET", ACCOUNT, timestamp=stamp).refusal == (400, -1021)


def test_a_key_is_bound_to_its_addresses_rights_and_persona(venues: OpenVenue) -> None:
    venue = venues()
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}

    def status(method: str, path: str, **params: str) -> int:
        return venue.signed(method, path, **params).status

    reader = admin.create_key(venue.exchange, "reader", permissions=Permissions(spot_trading=False))
    venue.api_key, venue.secret = reader.api_key, reader.secret
    assert (status("GET", ACCOUNT), status("POST", "/api/v3/order", **order)) == (200, 401)
    assert status("POST", "/api/v3/order/test", **order) == 401
    admin.restrict_key(venue.exchange, reader.api_key, permissions=Permissions())
    assert status("POST", "/api/v3/order", **order) == 200
    admin.restrict_key(venue.exchange, reader.api_key, ip_list=("10.0.0.1",))
    assert status("GET", ACCOUNT) == 401
    venue.ip = "10.0.0.1"
    assert status("GET", ACCOUNT) == 200
    admin.restrict_key(venue.exchange, reader.api_key, expires_ms=START_MS)
    assert (status("GET", ACCOUNT), status("POST", "/api/v3/order", **order)) == (200, 401)
    mainnet = venues(persona="mainnet")
    mainnet.api_key, mainnet.secret, mainnet.ip = reader.api_key, reader.secret, "10.0.0.1"
    assert mainnet.signed("GET", ACCOUNT).refusal == (401, -2015)
    admin.delete_key(venue.exchange, reader.api_key)
    assert status("GET", ACCOUNT) == 401
    with pytest.raises(LookupError):
        admin.delete_key(venue.exchange, reader.api_key)


def test_another_process_sees_a_deleted_key_at_once(venues: OpenVenue) -> None:
    one, other = venues(), venues()
    assert other.signed("GET", ACCOUNT).status == 200
    admin.delete_key(one.exchange, one.api_key)
    assert other.signed("GET", ACCOUNT).refusal == (401, -2015)
    assert one.exchange.default_key().api_key != one.api_key


def test_no_withdrawals_without_an_ip_list(venue: Venue) -> None:
    with pytest.raises(ValueError, match="IP list"):
        admin.create_key(venue.exchange, "w", permissions=Permissions(withdrawals=True))
    created = admin.create_key(
        venue.exchange, "w", permissions=Permissions(withdrawals=True), ip_list=("127.0.0.1",)
    )
    assert created in admin.list_keys(venue.exchange)


def test_secrets_are_not_shown(venue: Venue) -> None:
    assert venue.secret not in repr(venue.exchange.default_key())


def test_unknown_paths_are_404_and_removed_ones_410(venue: Venue) -> None:
    assert venue.send("GET", "/api/v3/nothing").status == 404
    assert venue.send("PUT", "/api/v3/order").status == 404
    assert venue.send("GET", "/sapi/v1/system/status").status == 404
    page = venue.send("GET", "/api/v3/nothing", Accept="text/html,*/*")
    assert page.body.startswith(b"<html>")
    for method in ("POST", "PUT", "DELETE"):
        gone = venue.send(method, "/api/v3/userDataStream")
        assert gone.status == 410
        assert b"410 Gone" in gone.body
