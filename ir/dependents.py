"""What dependent hyperparameters are computed from, and what they can become."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from math import prod
from typing import TypeAlias, TypeVar

from .constants import Constant, typed
from .hyperparameters import DependentHyperparameter, Hyperparameter, IndependentHyperparameter
from .maps import Map
from .program import compute

T = TypeVar("T")
Read: TypeAlias = Callable[[IndependentHyperparameter], Constant]

_POSSIBLE_LIMIT = 4096  # combinations of arguments up to which a dependent is tried out


class Dependents:
    """Answers about hyperparameters, each worked out once, whatever the length of a chain.

    Keys are unique only among the hyperparameters of one architecture, so answers are kept by
    object, not by key.
    """

    def __init__(self, known: Map[str, Constant]) -> None:
        """Begin with the values `known` by key; hyperparameters in it count as constants."""
        self._known = known
        self._objects: dict[int, Hyperparameter] = {}  # keeps ids from being used again
        self._ancestors: dict[int, tuple[IndependentHyperparameter, ...]] = {}
        self._values: dict[tuple[object, ...], Constant] = {}
        self._possible: dict[int, tuple[tuple[Constant, ...] | None, bool]] = {}

    def ancestors(self, hyperparameter: Hyperparameter) -> tuple[IndependentHyperparameter, ...]:
        """Return the undecided independent hyperparameters that the value follows from."""
        if isinstance(hyperparameter, IndependentHyperparameter):
            return () if hyperparameter.key in self._known else (hyperparameter,)

        def one(
            h: Hyperparameter, parents: Mapping[str, tuple[IndependentHyperparameter, ...]]
        ) -> tuple[IndependentHyperparameter, ...]:
            if h.key in self._known:
                return ()
            if isinstance(h, IndependentHyperparameter):
                return (h,)
            return tuple(dict.fromkeys(a for found in parents.values() for a in found))

        return self._fold(hyperparameter, self._ancestors, one)

    def value(self, hyperparameter: Hyperparameter, read: Read) -> Constant:
        """Return the value, given a reader of undecided independent ones.

        Raises:
            InvalidArchitecture: A dependent's function refused.
        """
        if isinstance(hyperparameter, IndependentHyperparameter):
            known = self._known.get(hyperparameter.key)
            return read(hyperparameter) if known is None else known
        values: dict[int, Constant] = {}

        def one(h: Hyperparameter, parents: Mapping[str, Constant]) -> Constant:
            if h.key in self._known:
                return self._known[h.key]
            if isinstance(h, IndependentHyperparameter):
                return read(h)
            key = (id(h), *map(typed, parents.values()))
            if key not in self._values:
                self._values[key] = compute(h, parents)
            return self._values[key]

        return self._fold(hyperparameter, values, one)

    def may_refuse(self, hyperparameter: Hyperparameter) -> bool:
        """Say whether some values could make the function of a dependent raise.

        The parents are taken to be independent of each other, so this may be a false alarm. A
        function with more than 4,096 combinations of arguments is not tried and taken to be fine.
        """
        if isinstance(hyperparameter, IndependentHyperparameter):
            return False

        def one(
            h: Hyperparameter, parents: Mapping[str, tuple[tuple[Constant, ...] | None, bool]]
        ) -> tuple[tuple[Constant, ...] | None, bool]:
            if h.key in self._known:
                return (self._known[h.key],), False
            if isinstance(h, IndependentHyperparameter):
                small = h.domain.size is not None and h.domain.size <= _POSSIBLE_LIMIT
                return (tuple(h.domain) if small else None), False
            return _try_out(h, parents)

        return self._fold(hyperparameter, self._possible, one)[1]

    def _fold(
        self,
        hyperparameter: Hyperparameter,
        found: dict[int, T],
        one: Callable[[Hyperparameter, Mapping[str, T]], T],
    ) -> T:
        """Work out parents before children, without recursion."""
        stack = [hyperparameter]
        while stack:
            h = stack[-1]
            parents = _parents(h) if h.key not in self._known else ()
            missing = [parent for _, parent in parents if id(parent) not in found]
            if missing and id(h) not in found:
                stack.extend(missing)
                continue
            stack.pop()
            if id(h) not in found:
                self._objects[id(h)] = h
                found[id(h)] = one(h, {name: found[id(parent)] for name, parent in parents})
        return found[id(hyperparameter)]


def _parents(h: Hyperparameter) -> tuple[tuple[str, Hyperparameter], ...]:
    return h.parents if isinstance(h, DependentHyperparameter) else ()


def _try_out(
    dependent: DependentHyperparameter,
    parents: Mapping[str, tuple[tuple[Constant, ...] | None, bool]],
) -> tuple[tuple[Constant, ...] | None, bool]:
    """Return the values that a dependent takes over all its parents' values, and if it refuses."""
    refused = any(refuses for _, refuses in parents.values())
    choices = [values for values, _ in parents.values()]
    known = [values for values in choices if values is not None]
    if len(known) < len(choices) or prod(map(len, known)) > _POSSIBLE_LIMIT:
        return None, refused
    possible: dict[object, Constant] = {}
    for values in product(*known):
        try:
            value = compute(dependent, dict(zip(parents, values, strict=True)))
        except Exception:  # a combination that never occurs may raise anything: look closer
            refused = True
        else:
            possible[typed(value)] = value
    return tuple(possible.values()), refused


def open_ancestors(
    dependents: Dependents, hyperparameters: Sequence[Hyperparameter]
) -> tuple[IndependentHyperparameter, ...]:
    """Return the undecided independent hyperparameters that several follow from, each once."""
    if len(hyperparameters) == 1:
        return dependents.ancestors(hyperparameters[0])
    return tuple(dict.fromkeys([a for h in hyperparameters for a in dependents.ancestors(h)]))
