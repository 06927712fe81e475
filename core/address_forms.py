"""Whether an address can be one of its network: its checksum, where the network has one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum

_BECH32M = 0x2BC830A3
_ETHEREUM = re.compile(r"0x[0-9a-fA-F]{40}\Z")


class Checksum(StrEnum):
    GOOD = "good"
    WRONG = "wrong"
    NONE = "none"


def checksum(network: str, address: str) -> Checksum:
    """Check an address against what its network writes into it; NONE where nothing is known of the network.

    Forms: base58check (Bitcoin, Litecoin, Tron), bech32 (BIP 173), bech32m (BIP 350), EIP-55. An Ethereum
    address in one case carries no checksum. Solana's have none either, only a length.
    """
    check = _FORMS.get(network)
    return Checksum.NONE if check is None else check(address)


def _verdict(good: bool) -> Checksum:
    return Checksum.GOOD if good else Checksum.WRONG


def _base58check(versions: frozenset[int]) -> Callable[[str], Checksum]:
    def check(address: str) -> Checksum:
        import base58

        try:
            payload = base58.b58decode_check(address)
        except ValueError:
            return Checksum.WRONG
        return _verdict(len(payload) == 21 and payload[0] in versions)

    return check


def _bitcoin_like(prefix: str, versions: frozenset[int]) -> Callable[[str], Checksum]:
    legacy = _base58check(versions)

    def check(address: str) -> Checksum:
        if not address.lower().startswith(f"{prefix}1"):
            return legacy(address)
        if not address.lower().startswith(f"{prefix}1q"):
            return _verdict(_is_bech32m(prefix, address))
        import bech32

        _, program = bech32.decode(prefix, address)
        return _verdict(program is not None)

    return check


def _is_bech32m(prefix: str, address: str) -> bool:
    """Tell whether a witness program of version 1 to 16 is well formed; the library knows version 0 only."""
    import bech32

    text = address.lower()
    symbols = [bech32.CHARSET.find(letter) for letter in text[len(prefix) + 1 :]]
    if address not in (text, address.upper()) or len(text) > 90 or -1 in symbols:
        return False
    if bech32.bech32_polymod([*bech32.bech32_hrp_expand(prefix), *symbols]) != _BECH32M:
        return False
    program = bech32.convertbits(symbols[1:-6], 5, 8, False)
    return symbols[0] <= 16 and program is not None and 2 <= len(program) <= 40


def _ethereum(address: str) -> Checksum:
    if not _ETHEREUM.match(address):
        return Checksum.WRONG
    digits = address[2:]
    if digits in (digits.lower(), digits.upper()):
        return Checksum.NONE
    from Crypto.Hash import keccak

    digest = keccak.new(digest_bits=256, data=digits.lower().encode()).hexdigest()
    expected = "".join(
        letter.upper() if int(nibble, 16) >= 8 else letter
        for letter, nibble in zip(digits.lower(), digest, strict=False)
    )
    return _verdict(digits == expected)


def _solana(address: str) -> Checksum:
    import base58

    try:
        return Checksum.NONE if len(base58.b58decode(address)) == 32 else Checksum.WRONG
    except ValueError:
        return Checksum.WRONG


_FORMS: Mapping[str, Callable[[str], Checksum]] = {
    "BTC": _bitcoin_like("bc", frozenset({0x00, 0x05})),
    "SEGWITBTC": _bitcoin_like("bc", frozenset({0x00, 0x05})),
    "LTC": _bitcoin_like("ltc", frozenset({0x30, 0x32, 0x05})),
    "TRX": _base58check(frozenset({0x41})),
    **dict.fromkeys(("ETH", "BSC", "ARBITRUM", "MATIC", "OPTIMISM", "AVAXC", "BASE"), _ethereum),
    "SOL": _solana,
}
