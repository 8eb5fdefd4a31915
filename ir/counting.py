"""How many architectures a space holds, which is the n-th, and a fair draw among all."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from .architecture import Architecture
from .domains import draw_below
from .elimination import Elimination, OrderMatters
from .errors import AssignmentError, InvalidArchitecture, SpaceError
from .hyperparameters import IndependentHyperparameter
from .skeletons import architecture_of
from .space import Space
from .state import advance
from .transitions import architecture, assign, enumerate_architectures, thaw

if TYPE_CHECKING:
    import numpy as np

_REJECTIONS = 32  # draws of which one is accepted, on average, up to which drawing is faster


def count(space: Space) -> int:
    """Return how many sequences of values lead to an architecture, exactly.

    It equals the number of architectures that `enumerate_architectures` yields. Parts that do
    not depend on each other are counted apart, by variable elimination; only where a
    substitution drops an undecided input are the architectures walked.

    Raises:
        SpaceError: A `Float` is to be decided: there is no end of values.

    Example:
        >>> import jarch as ja
        >>> count(ja.trace(ja.spaces.mobilenet_blog))
        8640
    """
    return _count(space)[0]


def rank(space: Space, found: Architecture) -> int:
    """Return at which position `enumerate_architectures(space)` yields the architecture.

    Args:
        space: What it was drawn from, or a space on the way to it.
        found: An architecture of it, reached in the order of the space.

    Raises:
        AssignmentError: Its values do not lead through the space.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> rank(space, unrank(space, 17))
        17
    """
    done = len(space.decisions)
    if found.decisions[:done] != space.decisions:
        raise AssignmentError(f"the architecture does not begin with {space.decisions}")
    position = 0
    total, structural = _count(space)
    for value in found.values[done:]:
        following = space.next
        if following is None:
            raise AssignmentError(f"value {value!r} is left over: nothing is open")
        index = following.domain.index(value)
        if following.key in structural:
            before = (following.domain[i] for i in range(index))
            position += sum(_count_after(space, value)[0] for value in before)
            total, structural = _count_after(space, value)
        else:  # all values lead to as many
            total //= _size(following)
            position += index * total
        space = assign(space, value)
    return position


def unrank(space: Space, position: int) -> Architecture:
    """Return the architecture that `enumerate_architectures(space)` yields at a position.

    Args:
        space: Any finite space.
        position: From 0 to `count(space) - 1`.

    Raises:
        SpaceError: The position is out of range, or a domain is not finite.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.mobilenet_blog)
        >>> rank(space, unrank(space, 4321))
        4321
    """
    total, structural = _count(space)
    if not 0 <= position < total:
        raise SpaceError(f"position {position} is not in 0..{total - 1}")
    while (following := space.next) is not None:
        if following.key in structural:
            for value in following.domain:
                total, inner = _count_after(space, value)
                if position < total:
                    structural = inner
                    break
                position -= total
            else:
                raise SpaceError(f"{following.key}: the counts of its values do not add up")
        else:  # all values lead to as many
            total //= _size(following)
            index, position = divmod(position, total)
            value = following.domain[index]
        space = assign(space, value)
    return architecture(space)


def sample_uniform(space: Space, rng: np.random.Generator) -> Architecture:
    """Return a random architecture, each with the same probability.

    `sample` gives each *value* of a decision the same probability instead, so that an option
    with few architectures behind it comes up as often as one with many. Here its draws are
    accepted with a probability that makes up for that or, where few would be accepted, a position
    in the enumeration is drawn.

    Args:
        space: Any finite space.
        rng: Where the randomness comes from.

    Raises:
        InvalidArchitecture: The space has no valid architecture.
        SpaceError: It is not finite.

    Example:
        >>> import numpy as np
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> sample_uniform(space, np.random.default_rng(0)).values
        (2, 32, 'relu')
    """
    total, largest = _sizes(space)
    if total == 0:
        raise InvalidArchitecture("the space has no valid architecture")
    if largest > total * _REJECTIONS:
        return unrank(space, draw_below(total, rng))
    while True:
        try:
            drawn, choices = _draw(space, rng)
        except InvalidArchitecture:
            continue
        if rng.random() < choices / largest:
            return drawn


class _Counting(Elimination[int]):
    """Weights are numbers of sequences."""

    def plus(self, first: int, second: int) -> int:
        return first + second

    def times(self, weight: int, hyperparameter: IndependentHyperparameter) -> int:
        if hyperparameter.domain.size is None:
            raise SpaceError(
                f"{hyperparameter.key}: {hyperparameter.domain} has no end of values; "
                "only finite spaces can be counted"
            )
        return weight * hyperparameter.domain.size


class _Largest(_Counting):
    """Weights are products of the sizes of all domains on the way, of which the largest counts."""

    def plus(self, first: int, second: int) -> int:
        return max(first, second)

    def decide(self, weight: int, hyperparameter: IndependentHyperparameter, index: int) -> int:
        return self.times(weight, hyperparameter)


@lru_cache(maxsize=32)
def _sizes(space: Space) -> tuple[int, float]:
    """Return the count, and the largest product of domain sizes on the way to an architecture."""
    try:
        return count(space), _Largest(space).run(1) or 0
    except OrderMatters:
        return count(space), math.inf


def _draw(space: Space, rng: np.random.Generator) -> tuple[Architecture, int]:
    """Return what `sample` does, and the number of choices that it had: 1 / its probability."""
    state = thaw(space.state)
    choices = 1
    while (decision := state.next) is not None:
        choices *= _size(decision)
        advance(space.program, state, decision, decision.domain.sample(rng))
    return architecture_of(space.program, state), choices


def _count(space: Space) -> tuple[int, frozenset[str] | _All]:
    """Return the count, and the keys on whose values it may depend."""
    counting = _Counting(space)
    try:
        return counting.run(1) or 0, frozenset(counting.structural)
    except OrderMatters:
        return sum(1 for _ in enumerate_architectures(space)), _All()


class _All:
    """The set that holds everything."""

    def __contains__(self, item: object) -> bool:
        return True


def _count_after(space: Space, value: object) -> tuple[int, frozenset[str] | _All]:
    """Return what `_count` does of the space with the next value decided; 0 where it is refused."""
    try:
        return _count(assign(space, value))
    except InvalidArchitecture:
        return 0, frozenset()


def _size(hyperparameter: IndependentHyperparameter) -> int:
    """Return the size of a finite domain; `len` would not do for one of 30! values."""
    size = hyperparameter.domain.size
    assert size is not None
    return size
