"""From a space to an architecture, a value at a time: pure functions on spaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, cast

from .architecture import Architecture
from .constants import Constant
from .errors import AssignmentError, InvalidArchitecture, SpaceError
from .hyperparameters import IndependentHyperparameter
from .maps import Transient
from .skeletons import architecture_of
from .space import Space
from .state import State, advance

if TYPE_CHECKING:
    import numpy as np


def assign(space: Space, value: object, key: str | None = None) -> Space:
    """Return the space in which one more hyperparameter has its value. `space` stays as it is.

    Dependents and substitutions that became ready are computed and expanded.

    Args:
        space: Any space with something left to decide.
        value: A value of the hyperparameter's domain.
        key: Which hyperparameter, among all that are reachable now; by default the next in order.

    Raises:
        AssignmentError: The value is not in the domain, the key is not to be assigned, or
            nothing is left.
        InvalidArchitecture: A function of the space refused these values.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> assign(space, 2).decisions
        (('depth', 2),)
    """
    decision = _decision(space.state, key)
    state = space.state.copy()
    advance(space.program, state, decision, _canonical(decision, value))
    return Space(space.program, state)


def replay(space: Space, values: Iterable[object] | Mapping[str, object]) -> Architecture:
    """Return the architecture that the values lead to.

    Args:
        space: Where to begin.
        values: Values of what is left to decide, in order, as `architecture.values` has them; or
            by key, in any order in which they can be assigned, as `dict(architecture.decisions)`.

    Raises:
        AssignmentError: A value does not fit, one is missing, or one is left over.
        InvalidArchitecture: A function of the space refused these values.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> net = replay(space, [2, 64, "relu"])
        >>> net == replay(space, dict(net.decisions))
        True
    """
    state = thaw(space.state)
    pairs: Iterable[tuple[str | None, object]]
    if isinstance(values, Mapping):
        pairs = cast("Mapping[str, object]", values).items()
    else:
        pairs = ((None, value) for value in values)
    count = 0
    for count, (key, value) in enumerate(pairs, 1):
        if state.next is None:
            raise AssignmentError(f"value {value!r}, number {count}, is left over: nothing is open")
        decision = _decision(state, key)
        advance(space.program, state, decision, _canonical(decision, value))
    if state.next is not None:
        raise AssignmentError(f"{count} values end before {state.next.key!r}: give it one too")
    return architecture_of(space.program, state)


def sample(space: Space, rng: np.random.Generator) -> Architecture:
    """Return a random architecture: each decision in turn is drawn uniformly from its domain.

    This is not uniform over architectures: see `sample_uniform`.

    Args:
        space: Where to begin.
        rng: Where the randomness comes from.

    Raises:
        InvalidArchitecture: A function of the space refused the values drawn.

    Example:
        >>> import numpy as np
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> sample(space, np.random.default_rng(0)).values
        (2, 32, 'relu')
    """
    state = thaw(space.state)
    program = space.program
    while (decision := state.next) is not None:
        advance(program, state, decision, decision.domain.sample(rng))
    return architecture_of(program, state)


def complete(space: Space, choose: Callable[[IndependentHyperparameter], object]) -> Architecture:
    """Return the architecture to which a function leads that is asked for each value in turn.

    Args:
        space: Where to begin.
        choose: Called with each hyperparameter when it is next; returns a value of its domain.

    Raises:
        AssignmentError: A value is not in the domain.
        InvalidArchitecture: A function of the space refused these values.

    Example:
        >>> import jarch as ja
        >>> complete(ja.trace(ja.spaces.digits_dense), lambda h: h.domain[0]).decisions[0]
        ('depth', 1)
    """
    state = thaw(space.state)
    while (decision := state.next) is not None:
        advance(space.program, state, decision, _canonical(decision, choose(decision)))
    return architecture_of(space.program, state)


def enumerate_architectures(space: Space) -> Iterator[Architecture]:
    """Yield every architecture in odometer order: the last decision changes fastest.

    Values that make an invalid architecture are passed over.

    Raises:
        SpaceError: A hyperparameter's domain is not finite.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16]), use_bias=ja.Bool()))
        >>> [net.values for net in enumerate_architectures(space)]
        [(8, False), (8, True), (16, False), (16, True)]
    """
    stack: list[Iterator[Space]] = [iter([space])]
    while stack:
        following = next(stack[-1], None)
        if following is None:
            stack.pop()
        elif following.next is None:
            yield architecture(following)
        else:
            stack.append(_successors(following, following.next))


def architecture(space: Space) -> Architecture:
    """Return the architecture that a space with nothing left to decide is.

    Raises:
        SpaceError: Something is left to decide.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> while space.next is not None:
        ...     space = assign(space, space.next.domain[0])
        >>> architecture(space).values
        (1, 16, 'relu')
    """
    if space.next is not None:
        raise SpaceError(f"{space.next.key!r} has no value yet; assign it first")
    return architecture_of(space.program, space.state)


def _decision(state: State, key: str | None) -> IndependentHyperparameter:
    """Return the hyperparameter to assign, by key or the next in order."""
    if key is None:
        if state.next is None:
            raise AssignmentError("nothing is left to assign: the space is one architecture")
        return state.next
    entry = state.pending.get(key)
    if entry is not None and isinstance(entry[0], IndependentHyperparameter):
        return entry[0]
    if key in state.environment:
        raise AssignmentError(f"{key}: has the value {state.environment[key]!r} already")
    if entry is not None:
        raise AssignmentError(f"{key}: is computed from others; assign those")
    found = ", ".join(h.key for h in state.assignable())
    raise AssignmentError(f"{key}: is not open now; these are: {found or 'none'}")


def _canonical(decision: IndependentHyperparameter, value: object) -> Constant:
    try:
        return decision.domain.canonical(value)
    except AssignmentError as error:
        raise AssignmentError(f"{decision.key}: {error}") from None


def _successors(space: Space, decision: IndependentHyperparameter) -> Iterator[Space]:
    for value in decision.domain:
        try:
            yield assign(space, value)
        except InvalidArchitecture:
            continue


def thaw(state: State) -> State:
    """Return a copy with maps that change in place, for a run of which only the end is kept."""
    new = state.copy()

    new.environment = Transient(state.environment.items())
    new.pending = Transient(state.pending.items())
    new.expanded = Transient(state.expanded.items())
    return new
