"""Checksums of addresses, on the vectors that their specifications publish."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.address_forms import Checksum, checksum

GOOD = [
    ("BTC", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
    ("BTC", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"),
    ("BTC", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"),  # BIP 173
    ("BTC", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
    ("BTC", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),  # BIP 350
    ("BTC", "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr"),  # BIP 86
    ("LTC", "LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9"),
    ("TRX", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
    *(
        ("ETH", address)  # EIP-55
        for address in (
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        )
    ),
]


@pytest.mark.parametrize(("network", "address"), GOOD)
def test_published_addresses_are_good(network: str, address: str) -> None:
    assert checksum(network, address) is Checksum.GOOD


@pytest.mark.parametrize(("network", "address"), GOOD)
def test_one_wrong_character_is_noticed(network: str, address: str) -> None:
    at = len(address) // 2
    other = {"ETH": "0", "BTC": "9", "LTC": "9", "TRX": "9"}[network]
    wrong = address[:at] + (other if address[at].lower() != other else "7") + address[at + 1 :]
    assert checksum(network, wrong) is Checksum.WRONG


@pytest.mark.parametrize(
    ("network", "address", "found"),
    [
        ("ETH", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", Checksum.NONE),
        ("ETH", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", Checksum.WRONG),
        ("BTC", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", Checksum.WRONG),
        ("TRX", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", Checksum.WRONG),
        ("LTC", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", Checksum.WRONG),
        # BIP 350: the checksum of BIP 173, two cases at once, version 17, a program of 41 bytes
        ("BTC", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", Checksum.WRONG),
        ("BTC", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5JJ0", Checksum.WRONG),
        ("BTC", "bc13qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqscxrps4", Checksum.WRONG),
        (
            "BTC",
            "bc1pqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqy5pdpr8",
            Checksum.WRONG,
        ),
        ("BTC", "bc1p", Checksum.WRONG),
        ("SOL", "11111111111111111111111111111111", Checksum.NONE),
        ("SOL", "1111111111111111111111111111111", Checksum.WRONG),
        ("XRP", "rEb8TK3gBgk5auZkwc6sHnwrGVJH8DuaLh", Checksum.NONE),
        ("TRX", "PAPER-USDT-TRX-7", Checksum.WRONG),
    ],
)
def test_what_is_no_address_of_the_network(network: str, address: str, found: Checksum) -> None:
    assert checksum(network, address) is found


@given(network=st.sampled_from(["BTC", "LTC", "TRX", "ETH", "SOL", "XRP"]), address=st.text(max_size=80))
def test_no_text_makes_it_fail(network: str, address: str) -> None:
    assert checksum(network, address) in Checksum
