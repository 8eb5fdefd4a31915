"""Where candidates come from among which an acquisition function chooses.

All give a pool: architectures by fingerprint, each valid, allowed and new to the gate, in the order
in which they were found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from jarch.ir import Architecture, Space, sample
from jarch.search.edits import NothingToMutate, Where, anywhere, mutable, mutate
from jarch.search.gate import Gate
from jarch.search.mcts import MctsSearcher
from jarch.search.objective import Objective
from jarch.search.searcher import SearchError, SpaceExhausted, Suggestion
from jarch.surrogates import FloatArray

Pool: TypeAlias = dict[str, Architecture]
"""Candidates by fingerprint."""

TOGETHER = 16  # walks of a tree search that are valued at once
_DRAWS = 100  # of the number of changes in a mutation, before it is taken for one


def random_pool(gate: Gate, rng: np.random.Generator, number: int) -> Pool:
    """Return what so many draws give that is new; each decision is drawn uniformly.

    Args:
        gate: What they must pass.
        rng: Where the randomness comes from.
        number: How many draws.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16, 32], name="width")))
        >>> gate, rng = Gate(space), np.random.default_rng(0)
        >>> suggested = gate.draw(rng)
        >>> pool = random_pool(gate, rng, 50)
        >>> len(pool), suggested.fingerprint in pool
        (2, False)
    """
    pool: Pool = {}
    for _ in range(number):
        _add(pool, gate.consider(sample, gate.space, rng))
    return pool


def mutation_pool(
    gate: Gate,
    parents: Sequence[Architecture],
    rng: np.random.Generator,
    number: int,
    *,
    attempts: int,
    edits: float = 1.0,
    where: Where = anywhere,
) -> Pool:
    """Return at most so many mutations of the parents, from the first parent on.

    Args:
        gate: What they must pass.
        parents: To mutate, the best first; the last only where the first give too little.
        rng: Where the randomness comes from.
        number: How many at most.
        attempts: How often each parent is mutated.
        edits: How many decisions a mutation changes on average, before those that change nothing
            are drawn again; see `vary`.
        where: Which decisions may be changed.

    Example:
        >>> import jarch as ja
        >>> space, rng = ja.trace(ja.spaces.digits_dense), np.random.default_rng(0)
        >>> parents = [ja.replay(space, [1, 16, "relu"])]
        >>> pool = mutation_pool(
        ...     Gate(space), parents, rng, 10, attempts=20, where=lambda h: h.key == "depth"
        ... )
        >>> sorted(architecture.values for architecture in pool.values())
        [(2, 16, 'relu'), (3, 16, 'relu')]
    """
    pool: Pool = {}
    for parent in parents:
        choices = len(mutable(gate.space, parent, where))
        for _ in range(attempts if choices else 0):
            if len(pool) == number:
                return pool
            _add(pool, gate.consider(vary, gate.space, parent, rng, edits, choices, where))
    return pool


def vary(
    space: Space,
    parent: Architecture,
    rng: np.random.Generator,
    edits: float,
    choices: int,
    where: Where = anywhere,
) -> Architecture:
    """Return the parent with each decision changed with a probability, at least one.

    Args:
        space: What the parent was drawn from.
        parent: To mutate.
        rng: Where the randomness comes from.
        edits: The probability for each decision is this over their number.
        choices: How many decisions of the parent may be changed.
        where: Which.

    Raises:
        NothingToMutate: None may.
        InvalidArchitecture: A function of the space refused the values.
    """
    if not choices:
        raise NothingToMutate("no decision of this architecture may be changed")
    number, draws = 0, 0
    while not number:
        number, draws = int(rng.binomial(choices, min(1.0, edits / choices))), draws + 1
        if draws == _DRAWS:  # edits near 0: of those that change anything nearly all change one
            number = max(number, 1)
    return mutate(space, parent, rng, edits=number, where=where)


def tree_pool(
    gate: Gate,
    rng: np.random.Generator,
    number: int,
    value: Callable[[Sequence[Architecture]], FloatArray],
) -> Pool:
    """Return what is new of so many walks of a tree search for what is of most value.

    The tree is grown anew each time, since values change with what is known. Several walks are
    valued at once, which costs less.

    Args:
        gate: What they must pass.
        rng: Where the randomness comes from.
        number: How many walks.
        value: Returns what architectures are worth; more is better.

    Example:
        >>> import jarch as ja
        >>> space, rng = ja.trace(ja.spaces.digits_dense), np.random.default_rng(0)
        >>> def sizes(architectures):
        ...     return np.array([1.0 * a.values[0] * a.values[1] for a in architectures])
        >>> pool = tree_pool(Gate(space), rng, 24, sizes)
        >>> max(architecture.values[:2] for architecture in pool.values())
        (3, 128)
    """
    tree = MctsSearcher(gate.space, objective=Objective("value"), constraint=gate.constraint)
    pool: Pool = {}
    for begin in range(0, number, TOGETHER):
        walks = _walk(tree, rng, min(TOGETHER, number - begin))
        if not walks:
            break
        values = value([walk.architecture for walk in walks])
        for walk, worth in zip(walks, values.tolist(), strict=True):
            tree.tell(walk, {"value": worth})
            gate.invalid += walk.invalid_draws
            if gate.is_new(walk.fingerprint):
                pool[walk.fingerprint] = walk.architecture
    return pool


def _walk(tree: MctsSearcher, rng: np.random.Generator, number: int) -> list[Suggestion]:
    """Return up to so many suggestions; fewer at the end of the space."""
    walks: list[Suggestion] = []
    try:
        while len(walks) < number:
            walks.append(tree.ask(rng))
    except (SpaceExhausted, SearchError):
        pass
    return walks


def _add(pool: Pool, candidate: tuple[Architecture, str] | None) -> None:
    if candidate is not None:
        architecture, found = candidate
        pool.setdefault(found, architecture)
