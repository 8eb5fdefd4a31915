"""Hashes that are the same in every process, which Python's of strings are not."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

HashArray: TypeAlias = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def stable_hash(text: str) -> int:
    """Return 64 bits that only equal texts are likely to share.

    Example:
        >>> stable_hash("conv") == stable_hash("conv") != stable_hash("relu")
        True
    """
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def mix(*parts: HashArray) -> HashArray:
    """Return the hash of each row of hashes; the order of the parts counts.

    Each part is folded in by the finaliser of SplitMix64, whose output bits all depend on all
    input bits.

    Args:
        parts: Arrays of one shape (n,) each, or of shapes that broadcast to it.

    Reference:
        Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators", OOPSLA.
    """
    found = np.zeros(np.broadcast_shapes(*[part.shape for part in parts]), np.uint64)
    for part in parts:
        found = _finalize(found * _FIRST + (part ^ _GOLDEN))
    return found


def salted(hashes: HashArray, salt: int) -> HashArray:
    """Return hashes that differ from the same ones with another salt."""
    return mix(hashes, np.full(1, salt, np.uint64))


def _finalize(bits: HashArray) -> HashArray:
    bits = bits + _GOLDEN
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))
