"""One interface, two maps: persistent, and changing in place.

The persistent one is `rpds.HashTrieMap`, for values that others hold; the other is a dictionary,
for a run of transitions of which only the end is kept.

Transitions are written once, as `map = map.insert(key, value)`. On a persistent map that shares
structure and leaves the old map as it was; on a `Transient` it changes the map in place, which
is what `sample` and `replay` want: nobody else can see the states in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Map(Protocol[K, V]):
    """What transitions need of a map."""

    def insert(self, key: K, value: V, /) -> Map[K, V]:
        """Return the map with `key` set."""
        ...

    def discard(self, key: K, /) -> Map[K, V]:
        """Return the map without `key`, whether it was there or not."""
        ...

    def get(self, key: K, /) -> V | None:
        """Return what `key` leads to, or None."""
        ...

    def __getitem__(self, key: K, /) -> V: ...

    def __contains__(self, key: object, /) -> bool: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[K]: ...

    def items(self) -> Iterable[tuple[K, V]]:
        """Return all keys, and what they lead to."""
        ...


class Transient(dict[K, V], Generic[K, V]):
    """A dictionary that changes in place behind the interface of a persistent map."""

    __slots__ = ()

    def insert(self, key: K, value: V, /) -> Transient[K, V]:
        """Set `key` and return this map."""
        self[key] = value
        return self

    def discard(self, key: K, /) -> Transient[K, V]:
        """Remove `key` and return this map."""
        self.pop(key, None)
        return self
