"""Signatures: the venue's published vectors, raw bytes, and every kind of key."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from exchanges.paper import admin, keys
from exchanges.paper.keys import ApiKey
from tests.exchanges.paper.venue import Venue, sign

SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
REST = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
WEBSOCKET = (
    "apiKey=vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A&price=52000.00&quantity=0.01000000"
    "&recvWindow=100&side=SELL&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
)
KEY = ApiKey("k" * 64, "testnet", "HMAC", SECRET, "vectors", 0)


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (f"symbol=LTCBTC&{REST}", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (
            f"symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&{REST}",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
        (WEBSOCKET, "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"),
    ],
)
def test_published_hmac_vectors(payload: str, signature: str) -> None:
    assert keys.verify(KEY, payload.encode(), signature)
    assert keys.verify(KEY, payload.encode(), signature.upper())
    assert not keys.verify(KEY, payload.encode() + b"0", signature)


@pytest.mark.parametrize("signature", ["", "zz", "é", "00" * 32])
def test_a_wrong_hmac_signature_is_refused(signature: str) -> None:
    assert not keys.verify(KEY, b"timestamp=1", signature)


def test_parameters_may_come_in_query_body_or_both_in_any_order(venue: Venue) -> None:
    stamp = f"timestamp={venue.exchange.now_ms()}"
    for query, body in (
        (f"symbol=BTCUSDT&{stamp}", ""),
        ("", f"{stamp}&symbol=BTCUSDT"),
        ("symbol=BTCUSDT", stamp),
    ):
        signature = sign(venue.secret, query + body)
        for in_query in (True, False):
            pair = f"&signature={signature}"
            answer = venue.send(
                "DELETE",
                "/api/v3/openOrders",
                query=(query + pair if in_query else query).lstrip("&"),
                body=body if in_query else (body + pair).lstrip("&"),
                X_MBX_APIKEY=venue.api_key,
                Content_Type="application/json",
            )
            assert answer.refusal == (400, -2011)  # understood: there is nothing to cancel


def test_signature_may_stand_first_and_is_left_out_wherever_it_stands(venue: Venue) -> None:
    payload = f"omitZeroBalances=true&timestamp={venue.exchange.now_ms()}"
    signature = sign(venue.secret, payload)
    for query in (f"signature={signature}&{payload}", payload.replace("&", f"&signature={signature}&")):
        assert venue.send("GET", "/api/v3/account", query=query, x_mbx_apikey=venue.api_key).status == 200


def test_signing_values_that_were_not_percent_encoded_is_refused(venue: Venue) -> None:
    plain = f"symbol=BTCUSDT&origClientOrderId=a b&timestamp={venue.exchange.now_ms()}"
    encoded = plain.replace(" ", "%20")
    answer = venue.send(
        "GET",
        "/api/v3/order",
        query=f"{encoded}&signature={sign(venue.secret, plain)}",
        X_MBX_APIKEY=venue.api_key,
    )
    assert answer.refusal == (400, -1022)


def test_the_query_wins_when_a_name_is_in_both(venue: Venue) -> None:
    query = f"symbol=NOSUCH&timestamp={venue.exchange.now_ms()}"
    body = "symbol=BTCUSDT"
    signed = f"{body}&signature={sign(venue.secret, query + body)}"
    answer = venue.send("DELETE", "/api/v3/openOrders", query=query, body=signed, X_MBX_APIKEY=venue.api_key)
    assert answer.refusal == (400, -1121)


def test_ed25519_and_rsa_keys_sign_in_base64(venue: Venue) -> None:
    edwards = ed25519.Ed25519PrivateKey.generate()
    rivest = rsa.generate_private_key(65537, 2048)
    for kind, private in (("ED25519", edwards), ("RSA", rivest)):
        pem = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        key = admin.create_key(venue.exchange, kind, kind=kind, public_key=pem.decode())  # type: ignore[arg-type]  # text from the loop
        payload = f"timestamp={venue.exchange.now_ms()}"
        if isinstance(private, ed25519.Ed25519PrivateKey):
            raw = private.sign(payload.encode())
        else:
            raw = private.sign(payload.encode(), padding.PKCS1v15(), hashes.SHA256())
        signature = base64.b64encode(raw).decode()
        for text, status in ((signature, 200), (signature.swapcase(), 400), (f"{signature}!", 400)):
            query = f"{payload}&signature={quote(text, safe='')}"
            answer = venue.send("GET", "/api/v3/account", query=query, X_MBX_APIKEY=key.api_key)
            assert answer.status == status, (kind, answer)


def test_a_public_key_of_another_kind_is_refused(venue: Venue) -> None:
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    with pytest.raises(ValueError, match="not RSA"):
        admin.create_key(venue.exchange, "wrong", kind="RSA", public_key=pem)
    with pytest.raises(ValueError, match="not a PEM public key"):
        admin.create_key(venue.exchange, "wrong", kind="ED25519", public_key="nonsense")
