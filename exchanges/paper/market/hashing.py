"""Random numbers that are addressed, not drawn: the same counter gives the same number, in any order.

Only integer arithmetic and the exactly rounded operations of IEEE 754 (+ − × ÷ √) are used here and in the
market built on it: `exp` and `log` differ in the last place between machines, and so would a price by a tick.
"""

from __future__ import annotations

import hashlib
from math import sqrt

import numpy as np

from exchanges.paper.market.model import Floats, Hashes, Ints

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_EVEN_BYTES = np.uint64(0x00FF00FF00FF00FF)
_EVEN_WORDS = np.uint64(0x0000FFFF0000FFFF)
_LOW_16 = np.uint64(0xFFFF)
_LOW_32 = np.uint64(0xFFFFFFFF)
_FOUR_BYTES_MEAN = 4 * 127.5
_FOUR_BYTES_DEVIATION = sqrt((65536 - 1) / 3)
_THREE_WORDS_MEAN = 3 * 32767.5
_THREE_WORDS_DEVIATION = 32768.0


def key(seed: int, *names: str) -> np.uint64:
    """Return the key of one independent stream of numbers."""
    text = "\x1f".join((str(seed), *names))
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big"))


def hashes(stream: np.uint64, counters: Ints) -> Hashes:
    """Return 64 random bits for each counter.

    Source: Steele, Lea, Flood (2014), Fast splittable pseudorandom number generators (SplitMix64).
    """
    bits = counters.astype(np.uint64)
    bits *= _GOLDEN
    bits += stream
    bits ^= bits >> np.uint64(30)
    bits *= _MIX_1
    bits ^= bits >> np.uint64(27)
    bits *= _MIX_2
    bits ^= bits >> np.uint64(31)
    return bits


def word(bits: Hashes, place: int) -> Floats:
    """Return one of the four 16-bit words, evenly spread over 0 … 65535."""
    return ((bits >> np.uint64(16 * place)) & _LOW_16).astype(np.float64)


def normal(bits: Hashes) -> Floats:
    """Return nearly normal numbers, mean 0, variance 1, within ±3, from the three lower words.

    The sum of a few even numbers is bounded, and so is a price built from it.
    """
    words: Hashes = (
        (bits & _LOW_16) + ((bits >> np.uint64(16)) & _LOW_16) + ((bits >> np.uint64(32)) & _LOW_16)
    )
    return (words.astype(np.float64) - _THREE_WORDS_MEAN) / _THREE_WORDS_DEVIATION


def exponential(bits: Hashes) -> Floats:
    """Return nearly exponential numbers, mean 1, at most 12: half the sum of two squared normal numbers."""
    pairs = (bits & _EVEN_BYTES) + ((bits >> np.uint64(8)) & _EVEN_BYTES)
    fours = (pairs & _EVEN_WORDS) + ((pairs >> np.uint64(16)) & _EVEN_WORDS)
    one = ((fours & _LOW_32).astype(np.float64) - _FOUR_BYTES_MEAN) / _FOUR_BYTES_DEVIATION
    two = ((fours >> np.uint64(32)).astype(np.float64) - _FOUR_BYTES_MEAN) / _FOUR_BYTES_DEVIATION
    return (one * one + two * two) / 2
