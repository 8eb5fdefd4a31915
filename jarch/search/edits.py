"""Changes of an architecture within its space: edit, mutate, neighbours, crossover.

Each is a pure function of a space and an architecture of it (and a generator), and gives
architectures of the same space. The space is walked from its beginning: a decision whose key the
architecture knows keeps its value; one that is new, because an earlier change opened it, is drawn.
So every result is complete and well formed, whatever a change does to the structure.

A mutation draws a new value from the whole domain, however large. Neighbours are closer: of domains
with many values those near the present one, as `jarch.search.nearby` has them.

Reference: Real, Aggarwal, Huang and Le 2019, "Regularized evolution for image classifier
architecture search"; there a mutation changes one decision, with the structure always the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import numpy as np

from jarch.ir import (
    Architecture,
    AssignmentError,
    Constant,
    Domain,
    IndependentHyperparameter,
    InvalidArchitecture,
    Space,
    SpaceError,
    complete,
)

from .nearby import near

Where: TypeAlias = Callable[[IndependentHyperparameter], bool]
"""Says which decisions may be changed."""

MOST = 32  # values of one decision among the neighbours; of larger domains only what is near


class NothingToMutate(SpaceError):
    """An architecture without a decision that may be changed.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> before, rng = ja.replay(space, [2, 32, "relu"]), np.random.default_rng(0)
        >>> try:
        ...     mutate(space, before, rng, where=lambda h: h.key == "rate")
        ... except NothingToMutate as error:
        ...     print(error)
        no decision of this architecture may be changed
    """


def anywhere(hyperparameter: IndependentHyperparameter) -> bool:
    """Let every decision be changed."""
    return True


def mutable(
    space: Space, architecture: Architecture, where: Where = anywhere
) -> tuple[IndependentHyperparameter, ...]:
    """Return the decisions of an architecture that have another value to take, in order.

    Args:
        space: What the architecture was drawn from; decisions made in it already stay.
        architecture: Of this space.
        where: Which decisions to consider.

    Raises:
        AssignmentError: The architecture is not of this space.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> found = mutable(space, ja.replay(space, [2, 32, "relu"]))
        >>> [(h.key, h.domain.size) for h in found]
        [('depth', 3), ('width', 4), ('hidden/activation', 3)]
    """
    found = _decided(space, architecture)
    return tuple(h for h in found if h.domain.size != 1 and where(h))


def edit(
    space: Space,
    architecture: Architecture,
    changes: Mapping[str, object],
    rng: np.random.Generator,
) -> Architecture:
    """Return the architecture with some decisions changed.

    Args:
        space: What it was drawn from.
        architecture: Of this space.
        changes: New values by key. One has no effect where an earlier change makes it unreachable,
            or makes another decision of it, which does not take the value.
        rng: Where values of decisions come from that a change opens.

    Raises:
        AssignmentError: A key that the architecture does not decide, or a value out of its domain.
        InvalidArchitecture: A function of the space refused the values.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> rng = np.random.default_rng(0)
        >>> before = ja.sample(space, rng)
        >>> dict(edit(space, before, {"depth": 3}, rng).decisions)["depth"]
        3
    """
    decided = {h.key: h for h in _decided(space, architecture)}
    for key, value in changes.items():
        if key not in decided:
            raise AssignmentError(f"{key}: the architecture decides no such thing")
        if value not in decided[key].domain:
            raise AssignmentError(f"{key}: value {value!r} is not in {decided[key].domain}")
    return with_changes(space, architecture, changes, rng)


def mutate(
    space: Space,
    architecture: Architecture,
    rng: np.random.Generator,
    *,
    edits: int = 1,
    where: Where = anywhere,
) -> Architecture:
    """Return the architecture with other values of some decisions, at least one.

    Each is drawn from all others of its domain, near or far.

    Args:
        space: What it was drawn from.
        architecture: Of this space.
        rng: Chooses the decisions and draws their values.
        edits: How many decisions; all, where there are fewer.
        where: Which decisions may be changed.

    Raises:
        AssignmentError: The architecture is not of this space.
        NothingToMutate: No decision may be changed.
        InvalidArchitecture: A function of the space refused the values.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> rng = np.random.default_rng(0)
        >>> before = ja.sample(space, rng)
        >>> after = mutate(space, before, rng, where=lambda h: h.key == "depth")
        >>> dict(before.decisions)["depth"] != dict(after.decisions)["depth"]
        True
    """
    able = mutable(space, architecture, where)
    chosen = rng.choice(len(able), size=min(edits, len(able)), replace=False) if able else ()
    return _redraw(space, architecture, [able[int(i)] for i in chosen], rng)


def mutate_each(
    space: Space,
    architecture: Architecture,
    rng: np.random.Generator,
    rate: float,
    *,
    where: Where = anywhere,
) -> Architecture:
    """Return the architecture with each decision changed with a probability, at least one.

    Args:
        space: What it was drawn from.
        architecture: Of this space.
        rng: Chooses the decisions and draws their values.
        rate: The probability, for each decision by itself.
        where: Which decisions may be changed.

    Raises:
        AssignmentError: The architecture is not of this space.
        NothingToMutate: No decision may be changed.
        InvalidArchitecture: A function of the space refused the values.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> rng = np.random.default_rng(0)
        >>> before = ja.replay(space, [2, 32, "relu"])
        >>> for rate in (0.0, 1.0):
        ...     after = mutate_each(space, before, rng, rate)
        ...     print(rate, [a != b for a, b in zip(before.values, after.values)])
        0.0 [True, False, False]
        1.0 [True, True, True]
    """
    able = mutable(space, architecture, where)
    chosen = [h for h in able if rng.random() < rate]
    if able and not chosen:
        chosen = [able[int(rng.integers(len(able)))]]
    return _redraw(space, architecture, chosen, rng)


def moves(
    space: Space,
    architecture: Architecture,
    rng: np.random.Generator,
    *,
    where: Where = anywhere,
    most: int = MOST,
) -> list[tuple[str, Constant]]:
    """Return changes of one decision to a neighbour, as key and value, in the order of the space.

    Neighbours of a value are all others of its domain, where that holds at most `most`. Of larger
    ones they are some near it: a number on either side, at most half the way to the end of the
    range (in the logarithm with `log`); permutations with two items exchanged; of values without
    an order, `most` draws. See `jarch.search.nearby`.

    Args:
        space: What the architecture was drawn from.
        architecture: Of this space.
        rng: Draws among the values of domains that are too large to take all of.
        where: Which decisions may be changed.
        most: Take at most so many values of one decision.

    Raises:
        AssignmentError: The architecture is not of this space.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> before, rng = ja.replay(space, [2, 32, "relu"]), np.random.default_rng(0)
        >>> moves(space, before, rng, where=lambda h: h.key == "depth")
        [('depth', 1), ('depth', 3)]
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 1000, name="width")))
        >>> moves(space, ja.replay(space, [500]), rng)
        [('width', 458), ('width', 618)]
    """
    values = dict(architecture.decisions)
    able = mutable(space, architecture, where)
    return [(h.key, value) for h in able for value in near(h.domain, values[h.key], rng, most)]


def neighbours(
    space: Space,
    architecture: Architecture,
    rng: np.random.Generator,
    *,
    where: Where = anywhere,
    most: int = MOST,
) -> Iterator[Architecture]:
    """Yield the valid architectures that differ by one decision, and by what follows from it.

    Which values that decision takes, `moves` says: of large domains only some that are near.

    Args:
        space: What the architecture was drawn from.
        architecture: Of this space.
        rng: Draws decisions that a change opens, and among the values of large domains.
        where: Which decisions may be changed.
        most: Take at most so many values of one decision.

    Raises:
        AssignmentError: The architecture is not of this space.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16, 32], name="width")))
        >>> rng = np.random.default_rng(0)
        >>> [a.values for a in neighbours(space, ja.replay(space, [16]), rng)]
        [(8,), (32,)]
    """
    for key, value in moves(space, architecture, rng, where=where, most=most):
        try:
            yield with_changes(space, architecture, {key: value}, rng)
        except InvalidArchitecture:
            continue


def crossover(
    space: Space,
    first: Architecture,
    second: Architecture,
    rng: np.random.Generator,
    *,
    points: int | None = None,
) -> Architecture:
    """Return a child of two architectures: each decision that a parent knows has a parent's value.

    A decision that only one parent knows has its value; one that neither knows is drawn.

    Args:
        space: What both were drawn from.
        first: A parent.
        second: The other.
        rng: Chooses between them.
        points: Take decisions from the first parent and change parents so often on the way; None
            chooses for each decision by itself.

    Raises:
        InvalidArchitecture: A function of the space refused the values.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> first, second = ja.replay(space, [1, 16, "relu"]), ja.replay(space, [3, 128, "tanh"])
        >>> crossover(space, first, second, np.random.default_rng(0), points=2).values
        (1, 128, 'relu')
    """
    parents = dict(first.decisions), dict(second.decisions)
    last = max(map(len, parents)) - 1
    cuts = rng.permutation(last)[:points] + 1 if points and last > 0 else ()
    position = 0

    def choose(hyperparameter: IndependentHyperparameter) -> Constant:
        nonlocal position
        key, domain = hyperparameter.key, hyperparameter.domain
        turns = sum(cut <= position for cut in cuts)
        favourite = int(rng.integers(2)) if points is None else turns % 2
        position += 1
        for parent in (parents[favourite], parents[1 - favourite]):
            if key in parent and parent[key] in domain:
                return parent[key]
        return domain.sample(rng)

    return complete(space, choose)


def _redraw(
    space: Space,
    architecture: Architecture,
    chosen: list[IndependentHyperparameter],
    rng: np.random.Generator,
) -> Architecture:
    if not chosen:
        raise NothingToMutate("no decision of this architecture may be changed")
    values = dict(architecture.decisions)
    changes = {h.key: _other(h.domain, values[h.key], rng) for h in chosen}
    return with_changes(space, architecture, changes, rng)


def with_changes(
    space: Space,
    architecture: Architecture,
    changes: Mapping[str, object],
    rng: np.random.Generator,
) -> Architecture:
    """Return the architecture with some decisions changed, as `edit` does, without its checks.

    Those walk the space once more; `moves` gives keys and values that need none.
    """
    values = {**dict(architecture.decisions), **changes}

    def choose(hyperparameter: IndependentHyperparameter) -> object:
        key, domain = hyperparameter.key, hyperparameter.domain
        return values[key] if key in values and values[key] in domain else domain.sample(rng)

    return complete(space, choose)


def _decided(space: Space, architecture: Architecture) -> list[IndependentHyperparameter]:
    """Return the decisions of an architecture that the space leaves open, in order."""
    values = dict(architecture.decisions)
    found: list[IndependentHyperparameter] = []

    def choose(hyperparameter: IndependentHyperparameter) -> Constant:
        if hyperparameter.key not in values:
            raise AssignmentError(f"{hyperparameter.key}: the architecture decides no such thing")
        found.append(hyperparameter)
        return values[hyperparameter.key]

    complete(space, choose)
    return found


def _other(domain: Domain, now: Constant, rng: np.random.Generator) -> Constant:
    """Draw a value that is not the present one."""
    while (value := domain.sample(rng)) == now:
        pass
    return value
