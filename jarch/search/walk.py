"""A walk through a whole space, which shows also what is refused, and may be begun anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from jarch.ir import InvalidArchitecture, Space, SpaceError, assign

Branch: TypeAlias = "tuple[int, Space | InvalidArchitecture]"
"""Where in its domain a value stands, and what it leads to."""


class Walk:
    """Goes through a space depth first, in odometer order: the last decision changes fastest.

    Each step is short, however much of the space is refused: one value that is refused is a step of
    its own.

    Attributes:
        last: Where the last step led to: for each decision where in its domain the value stands;
            None at the beginning.

    Example:
        >>> import jarch as ja
        >>> walk = Walk(ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16], name="width"))))
        >>> walk.step().values, walk.step().values, walk.step(), walk.last
        ((8,), (16,), None, (1,))
    """

    def __init__(self, space: Space, last: tuple[int, ...] | None = None) -> None:
        """Stand right after the step that led to `last`, or at the beginning.

        Args:
            space: Any; every domain that is met must be finite.
            last: Of another walk through the same space.
        """
        self.last = last
        self._path = list(last or ())
        self._stack: list[Iterator[Branch]] = [iter([(0, space)] if last is None else [])]
        for number, index in enumerate(last or (), 1):
            self._stack.append(_branches(space, index + 1))
            if last is not None and number < len(last):
                assert space.next is not None
                space = assign(space, space.next.domain[index])

    def step(self) -> Space | InvalidArchitecture | None:
        """Return the next space with nothing left to decide, or why a value is refused.

        None after the last.

        Raises:
            SpaceError: A domain has no end.
        """
        while self._stack:
            branch = next(self._stack[-1], None)
            depth = len(self._stack) - 1
            if branch is None:
                self._stack.pop()
                continue
            index, found = branch
            self._path[max(depth - 1, 0) :] = [index] if depth else []
            if isinstance(found, InvalidArchitecture) or found.next is None:
                self.last = tuple(self._path)
                return found
            self._stack.append(_branches(found, 0))
        return None


def _branches(space: Space, start: int) -> Iterator[Branch]:
    """Yield what the values of the next decision lead to, from an index on."""
    following = space.next
    assert following is not None
    size = following.domain.size
    if size is None:
        raise SpaceError(
            f"{following.key}: {following.domain} has no end of values to go through; use a "
            "Discrete of some of them, or a searcher that draws"
        )
    for index in range(start, size):
        try:
            found: Space | InvalidArchitecture = assign(space, following.domain[index])
        except InvalidArchitecture as error:
            found = error
        yield index, found
