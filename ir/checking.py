"""Proof that a space has no shape errors, or the fewest decisions that lead to one."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from .analysis import analyze
from .constants import Constant
from .domains import Domain, FloatDomain
from .errors import AssignmentError, InvalidArchitecture, ShapeError, SpaceError
from .hyperparameters import IndependentHyperparameter
from .operations import Shape
from .shape_elimination import (
    Decision,
    Misfit,
    RelaxedShapeElimination,
    ShapeElimination,
    TooMuch,
    Witness,
)
from .space import Space
from .transitions import assign, complete

_WORK = 500_000  # up to which fewer decisions are looked for: some seconds
_ASSIGNED, _GUESSED, _INFERRED = 30, 100, 5  # what takes more work than to look at a set: 1
_QUICK = 50_000  # inferences after which a quicker look is tried: half a second
_GUESSES = 2  # random architectures that are tried before anything is proven


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Decisions after which no architecture of a space fits, whatever else is decided.

    Attributes:
        decisions: Keys and values, in an order in which `assign` takes them by key.
        node: The key of the node at which shapes do not fit.
        reason: What does not fit there.
        shortest: Whether it is proven that no fewer decisions do.

    Example:
        >>> import jarch as ja
        >>> def space():
        ...     pool = ja.nn.max_pool(window=4, strides=ja.Discrete([1, 2, 4], name="strides"))
        ...     return ja.sequential(pool, ja.nn.max_pool(window=3))
        >>> found = ja.check(ja.trace(space), {"in": (8, 8, 1)})
        >>> found.node, dict(found.decisions), found.shortest
        ('max_pool-1', {'strides': 4}, True)
    """

    decisions: tuple[Decision, ...]
    node: str
    reason: str
    shortest: bool = True

    def __str__(self) -> str:
        """Tell the decisions and the error."""
        decided = ", ".join(f"{key} = {value!r}" for key, value in self.decisions)
        return f"{self.node}: {self.reason} (after {decided or 'no decision at all'})"


def check(space: Space, inputs: Mapping[str, Shape]) -> Counterexample | None:
    """Prove that every architecture of a space fits the input shapes, or say which does not.

    Shapes are followed through the space for all values at once, by variable elimination: parts
    that do not depend on each other are not combined. Architectures that a function of the space
    refuses need not fit, nor do parts that a substitution drops.

    Args:
        space: Any.
        inputs: The shape of each input, without the batch axis.

    Returns:
        None where all is well. Otherwise the fewest decisions after which nothing fits. Where it
        would take more than seconds to rule out all sets of fewer, such as any three of forty
        decisions, none of those returned can be left out, and `shortest` is False.

    Raises:
        SpaceError: An input has no shape, or shapes depend on a domain too large to try.

    Example:
        >>> import jarch as ja
        >>> def space():
        ...     strides = ja.Discrete([1, 2, 4], name="strides")
        ...     pool = ja.nn.max_pool(window=4, strides=strides)
        ...     return ja.sequential(pool, ja.nn.relu(), ja.nn.max_pool(window=3))
        >>> print(check(ja.trace(space), {"in": (8, 8, 1)}).decisions)
        (('strides', 4),)
    """
    missing = set(space.program.fragment.inputs) - set(inputs)
    if missing:
        raise SpaceError(f"inputs {sorted(missing)} have no shape; give one for each")
    checking = ShapeElimination(space, inputs)
    try:
        misfit, _ = checking.results(_QUICK)
    except TooMuch:
        if _fits_relaxed(space, inputs):
            return None
        misfit, _ = checking.results()
    if misfit is None:
        return None
    search = _Search(space, inputs, frozenset(checking.relevant))
    return search.shortest(search.irreducible(misfit))


def _fits_relaxed(space: Space, inputs: Mapping[str, Shape]) -> bool:
    """Say whether a quick look suffices to see that all fits; False where it does not tell."""
    try:
        return RelaxedShapeElimination(space, inputs).results()[0] is None
    except SpaceError:  # what is decided elsewhere need not be too large to try
        return False


class _Search:
    """Looks for decisions after which nothing fits.

    Such decisions contradict every architecture that fits. So architectures that fit are gathered,
    and only decisions that contradict all of them are worth a proof: what is sought is a smallest
    hitting set, as in the extraction of smallest unsatisfiable subsets.

    Reference:
        Ignatiev, Previti, Liffiton and Marques-Silva 2015, "Smallest MUS extraction with minimal
        hitting set dualization", CP.
    """

    def __init__(self, space: Space, inputs: Mapping[str, Shape], relevant: frozenset[str]) -> None:
        self._space = space
        self._inputs = inputs
        self._relevant = relevant
        self._fitting: list[Witness] = []
        self._random = random.Random(0)
        self._work = 0

    def irreducible(self, misfit: Misfit) -> Counterexample:
        """Return decisions that lead to a misfit, and of which none can be left out."""
        needed = _sequence(self._space, misfit.decisions)
        tried = 0
        while tried < len(needed):
            decided, order = _assign_all(self._space, needed[:tried] + needed[tried + 1 :])
            found = None if self._allows(order) else self._misfit(decided)
            if found is None:
                tried += 1
            else:  # what was not assigned is not even asked
                misfit, needed, tried = found, order, 0
        return Counterexample(tuple(needed), misfit.node, misfit.reason)

    def shortest(self, found: Counterexample) -> Counterexample:
        """Return the first with fewer decisions, going through their sets by size."""
        self._work = 0
        level: dict[Witness, tuple[Space, tuple[Decision, ...]]]
        level = {frozenset(): (self._space, ())}
        for size in range(1, len(found.decisions)):
            before, level = level, {}
            for decided, (space, order) in before.items():
                for key, value in self._open(space):
                    self._work += 1
                    longer = decided | {(key, value)}
                    allowed = self._allows(longer)
                    if longer in level or (allowed and size == len(found.decisions) - 1):
                        continue
                    self._work += _ASSIGNED
                    if self._work > _WORK:
                        return replace(found, shortest=False)
                    after = _assigned(space, key, value)
                    if after is None:
                        continue
                    misfit = None if allowed else self._misfit(after)
                    if misfit is not None:
                        return Counterexample((*order, (key, value)), misfit.node, misfit.reason)
                    level[longer] = after, (*order, (key, value))
        return found

    def _open(self, space: Space) -> Iterator[Decision]:
        """Yield the decisions that may come next and that matter."""
        for h in space.state.assignable():
            if h.key in self._relevant:
                for value in h.domain:
                    yield h.key, value

    def _allows(self, decisions: Iterable[Decision]) -> bool:
        """Say whether an architecture is known that fits, with these decisions."""
        return any(map(frozenset(decisions).issubset, self._fitting))

    def _misfit(self, space: Space) -> Misfit | None:
        """Return an error where no architecture of the space fits; else remember one that does."""
        if any(self._remember(space, {}) for _ in range(_GUESSES)):
            return None
        elimination = ShapeElimination(space, self._inputs)
        misfit, fitting = elimination.results()
        self._work += _INFERRED * elimination.inferences
        if fitting is not None:
            self._remember(space, dict(fitting))
        return misfit if fitting is None else None

    def _remember(self, space: Space, values: Mapping[str, Constant]) -> bool:
        """Remember a random architecture with these values, and say so, where it fits."""

        def choose(h: IndependentHyperparameter) -> Constant:
            return values[h.key] if h.key in values else _any(h.domain, self._random)

        self._work += _GUESSED
        try:
            architecture = complete(space, choose)
            analyze(architecture, self._inputs)
        except (InvalidArchitecture, ShapeError):
            return False
        self._fitting.append(frozenset(architecture.decisions))
        return True


def _any(domain: Domain, source: random.Random) -> Constant:
    """Return some value: of real numbers, on whose values no shape depends, the lowest."""
    if isinstance(domain, FloatDomain):
        return domain.low
    assert domain.size is not None
    return domain[source.randrange(domain.size)]


def _sequence(space: Space, decisions: Iterable[Decision]) -> list[Decision]:
    """Return the decisions in an order in which they can be assigned.

    Those that wait behind others, whichever way these are decided, have one such way before them.
    """
    space, order = _assign_all(space, decisions)
    while (left := set(decisions) - set(order)) and (following := space.next) is not None:
        ways = ((v, _assigned(space, following.key, v)) for v in following.domain)
        value, after = next(((v, after) for v, after in ways if after is not None), (None, None))
        if value is None or after is None:
            break
        space, more = _assign_all(after, left)
        order += [(following.key, value), *more]
    return order


def _assign_all(space: Space, decisions: Iterable[Decision]) -> tuple[Space, list[Decision]]:
    """Assign decisions by key, each as soon as it is open; return also the order."""
    left = list(decisions)
    order: list[Decision] = []
    while left:
        for key, value in _upcoming(space, left):
            after = _assigned(space, key, value)
            if after is not None:
                space = after
                order.append((key, value))
                left.remove((key, value))
                break
        else:
            break
    return space, order


def _assigned(space: Space, key: str, value: Constant) -> Space | None:
    """Return the space after a decision; None where it is not open or refused."""
    try:
        return assign(space, value, key=key)
    except (AssignmentError, InvalidArchitecture):
        return None


def _upcoming(space: Space, left: list[Decision]) -> list[Decision]:
    """Return first the decisions that are next in the order of the space."""
    queued = {h.key: i for i, h in enumerate(space.state.upcoming())}
    return sorted(left, key=lambda decision: (queued.get(decision[0], len(queued)), repr(decision)))
