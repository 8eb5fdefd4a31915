"""Spaces: a program, the values assigned so far, and what is next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from rpds import HashTrieMap

from .constants import Constant
from .errors import SpaceError
from .graph import Fragment
from .hyperparameters import IndependentHyperparameter
from .program import Program
from .scopes import scope
from .state import State, initial_state

SpaceFunction: TypeAlias = Callable[..., Fragment]


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """All architectures that a space function describes and the decisions so far leave open.

    Immutable. Two spaces are equal when their programs are, and the values assigned, and the order
    of what is next; all else that a space holds follows from these and is kept to be fast.

    Attributes:
        program: The space function, traced.
        state: The decisions, and what follows from them.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> deeper = ja.assign(space, 2)  # a new one: `space` stays as it is
        >>> space, deeper
        (Space(0 decided, next depth), Space(1 decided, next width))
        >>> deeper.decisions, [h.key for h in deeper.open]
        ((('depth', 2),), ['width'])
    """

    program: Program
    state: State

    @property
    def next(self) -> IndependentHyperparameter | None:
        """The next hyperparameter in order; None when the space is one architecture."""
        return self.state.next

    @property
    def open(self) -> tuple[IndependentHyperparameter, ...]:
        """All hyperparameters that can be assigned by key now: first this round's, in order."""
        return self.state.assignable()

    @property
    def decisions(self) -> tuple[tuple[str, Constant], ...]:
        """Keys and values assigned so far, in the order assigned."""
        return self.state.decisions()

    @property
    def values(self) -> tuple[Constant, ...]:
        """The values assigned so far, in the order assigned."""
        return tuple(value for _, value in self.decisions)

    def __eq__(self, other: object) -> bool:
        """Compare programs, values and what is next."""
        if not isinstance(other, Space):
            return NotImplemented
        return self is other or (
            self.program == other.program
            and dict(self.decisions) == dict(other.decisions)
            and self.state.upcoming() == other.state.upcoming()
        )

    def __hash__(self) -> int:
        """Hash the values, whatever their order."""
        return hash((self.program, frozenset(self.decisions)))

    def __repr__(self) -> str:
        """Say how far it is decided."""
        following = "nothing left" if self.next is None else f"next {self.next.key}"
        return f"Space({len(self.decisions)} decided, {following})"


def trace(space_function: SpaceFunction, /, **arguments: object) -> Space:
    """Run a space function and return the space that it describes.

    Args:
        space_function: Returns a piece of graph. The hyperparameters that it makes get keys.
        arguments: What the function is called with.

    Raises:
        SpaceError: The function returned something else, or the space is bad.

    Example:
        >>> import jarch as ja
        >>> def space():
        ...     return ja.sequential(ja.nn.dense(features=ja.Discrete([8, 16])), ja.nn.relu())
        >>> ja.trace(space).next.key
        'discrete'
    """
    with scope(""):
        fragment = space_function(**arguments)
    if not isinstance(fragment, Fragment):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise SpaceError(
            f"the space function returned {fragment!r}, not a piece of graph; return what a "
            "combinator or a function of jarch.nn returns"
        )
    program = Program(fragment)
    return Space(program, initial_state(program, HashTrieMap()))
