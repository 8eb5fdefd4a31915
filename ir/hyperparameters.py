"""Hyperparameters: decisions that are made, and values that follow from them.

Two hyperparameters are the same decision exactly when they have the same key, so equality and
hash look at the key alone. Sharing a decision is passing the same object twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeGuard

from .constants import Constant
from .domains import DiscreteDomain, Domain, FloatDomain, IntegerDomain, PermutationDomain
from .errors import SpaceError
from .scopes import new_key


@dataclass(frozen=True, slots=True)
class IndependentHyperparameter:
    """A decision: takes any value of its domain.

    Attributes:
        key: Its path, unique in the space.
        domain: What it may be.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16], "width"), ja.Bool("bias")))
        >>> {h.key: list(h.domain) for h in space.open}
        {'width': [8, 16], 'bias': [False, True]}
    """

    key: str
    domain: Domain = field(compare=False)


@dataclass(frozen=True, slots=True)
class DependentHyperparameter:
    """A value computed from others: `function(**values of the parents)`.

    Attributes:
        key: Its path, unique in the space.
        function: Pure; returns plain data.
        parents: Argument names and the hyperparameters they take, sorted by name.

    Example:
        >>> import jarch as ja
        >>> def space():
        ...     width = ja.Discrete([8, 16], name="width")
        ...     print(ja.Dependent(lambda w: 2 * w, {"w": width}, name="twice"))
        ...     return ja.nn.dense(width)
        >>> traced = ja.trace(space)
        DependentHyperparameter('twice', w=width)
    """

    key: str
    function: Callable[..., object] = field(compare=False)
    parents: tuple[tuple[str, Hyperparameter], ...] = field(compare=False)

    def __repr__(self) -> str:
        """Show the parents by key: a chain of dependents may be long."""
        parents = ", ".join(f"{name}={parent.key}" for name, parent in self.parents)
        return f"DependentHyperparameter({self.key!r}, {parents})"


Hyperparameter: TypeAlias = IndependentHyperparameter | DependentHyperparameter
Property: TypeAlias = "Hyperparameter | Constant"


def is_hyperparameter(value: object) -> TypeGuard[Hyperparameter]:
    """Say whether a property is still open, rather than a constant.

    Example:
        >>> import jarch as ja
        >>> from jarch.ir import is_hyperparameter
        >>> def space():
        ...     piece = ja.nn.dense(features=ja.Discrete([8, 16]), use_bias=False)
        ...     for name, value in piece.nodes[0][1].properties:
        ...         print(name, is_hyperparameter(value))
        ...     return piece
        >>> traced = ja.trace(space)
        features True
        use_bias False
    """
    return isinstance(value, (IndependentHyperparameter, DependentHyperparameter))


def Discrete(values: Iterable[object], name: str = "discrete") -> IndependentHyperparameter:
    """Return a decision among finitely many values, in the order given.

    Args:
        values: Plain data: bool, int, float, str, None or tuples of those; no two equal.
        name: The last part of its key; a number is added where the scope has the name already.

    Raises:
        SpaceError: No values, equal values, or made outside of a space function.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.nn.dense(features=ja.Discrete([16, 32], name="width")))
        >>> space.next
        IndependentHyperparameter(key='width', domain=DiscreteDomain(values=(16, 32)))
    """
    return IndependentHyperparameter(new_key(name), DiscreteDomain(tuple(values)))  # type: ignore[arg-type]


def Bool(name: str = "bool") -> IndependentHyperparameter:
    """Return a decision between False and True, in this order.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.optional(ja.nn.relu, ja.Bool("activate")))
        >>> space.next.key, space.next.domain.values
        ('activate', (False, True))
    """
    return Discrete((False, True), name)


def OneOfK(k: int, name: str = "one_of_k") -> IndependentHyperparameter:
    """Return a decision among 0, 1, …, k - 1.

    Args:
        k: How many; 1 or more.
        name: The last part of its key.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.choose([ja.nn.relu, ja.nn.gelu], ja.OneOfK(2)))
        >>> ja.count(space)
        2
    """
    return Discrete(range(k), name)


def Permutation(n: int, name: str = "permutation") -> IndependentHyperparameter:
    """Return a decision among the n! orders of 0, 1, …, n - 1; each is a tuple.

    Args:
        n: How many things are put in order.
        name: The last part of its key.

    Example:
        >>> import jarch as ja
        >>> pieces = [ja.nn.relu, ja.nn.batch_norm]
        >>> space = ja.trace(lambda: ja.permutation(pieces, ja.Permutation(2)))
        >>> [net.values for net in ja.enumerate_architectures(space)]
        [((0, 1),), ((1, 0),)]
    """
    return IndependentHyperparameter(new_key(name), PermutationDomain(n))


def Integer(
    low: int, high: int, log: bool = False, name: str = "integer"
) -> IndependentHyperparameter:
    """Return a decision among the integers low..high; `log` draws uniformly over the logarithm.

    Args:
        low: The least, included.
        high: The greatest, included.
        log: Small numbers are drawn as often as large ones: for widths, say.
        name: The last part of its key.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(8, 512, log=True, name="width")))
        >>> ja.count(space), ja.replay(space, [100]).values
        (505, (100,))
    """
    return IndependentHyperparameter(new_key(name), IntegerDomain(low, high, log))


def Float(
    low: float, high: float, log: bool = False, name: str = "float"
) -> IndependentHyperparameter:
    """Return a decision among the reals low..high; `log` draws uniformly over the logarithm.

    Args:
        low: The least, included.
        high: The greatest, included.
        log: Small numbers are drawn as often as large ones: for rates, say.
        name: The last part of its key.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.nn.dropout(ja.Float(0.0, 0.5, name="rate")))
        >>> ja.replay(space, [0.25]).decisions
        (('rate', 0.25),)
    """
    return IndependentHyperparameter(new_key(name), FloatDomain(float(low), float(high), log))


def Dependent(
    function: Callable[..., object],
    parents: Mapping[str, Hyperparameter],
    name: str = "dependent",
) -> DependentHyperparameter:
    """Return a value that follows from others: `function(**values of the parents)`.

    Args:
        function: Pure; called once all parents have values; returns plain data, or raises
            `InvalidArchitecture`.
        parents: Argument names and the hyperparameters that they take; at least one.
        name: The last part of its key.

    Raises:
        SpaceError: A parent is not a hyperparameter, or there is none.

    Example:
        >>> import jarch as ja
        >>> def space():
        ...     width = ja.Discrete([8, 16], name="width")
        ...     twice = ja.Dependent(lambda width: 2 * width, {"width": width})
        ...     return ja.sequential(ja.nn.dense(features=width), ja.nn.dense(features=twice))
        >>> architecture = ja.replay(ja.trace(space), [8])
        >>> [dict(node.properties)["features"] for key, node in architecture.nodes]
        [8, 16]
    """
    if not parents:
        raise SpaceError(f"dependent {name!r} has no parents; use a constant instead")
    for argument, parent in parents.items():
        if not is_hyperparameter(parent):
            raise SpaceError(
                f"dependent {name!r}: {argument} is {parent!r}, not a hyperparameter; "
                "a constant can be written into the function"
            )
    return DependentHyperparameter(new_key(name), function, tuple(sorted(parents.items())))
