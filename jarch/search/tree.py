"""The tree of decisions that tree search grows: statistics, and spaces that stay in their nodes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jarch.ir import Space, assign

LARGEST = 1000  # values of a decision for which the tree branches


@dataclass(slots=True, eq=False)
class Node:
    """A space on the way to architectures, and how those did that were suggested from below it.

    Attributes:
        visits: How many were suggested.
        told: How many of them have come back, failures included.
        failed: How many failed.
        total: The sum of the scores of the others.
        closed: Nothing below is left to suggest.
        children: One for each value of the next decision; None where the tree has not grown.
        space: Kept once the node was reached, so that nothing is replayed from the root.
    """

    visits: int = 0
    told: int = 0
    failed: int = 0
    total: float = 0.0
    closed: bool = False
    children: list[Node] | None = None
    space: Space | None = None

    def mean(self, failure: float) -> float | None:
        """Return the mean score, where a failure counts as `failure`; None where none is told."""
        if not self.told:
            return None
        return (self.total + self.failed * failure) / self.told


def branches(space: Space) -> int:
    """Return into how many children a node splits: 0 at the end, and at very large domains."""
    size = None if space.next is None else space.next.domain.size
    return size if size is not None and size <= LARGEST else 0


def enter(parent: Node, index: int) -> Node:
    """Return a child, with its space.

    Raises:
        InvalidArchitecture: The space refuses this value.
    """
    assert parent.children is not None
    child = parent.children[index]
    if child.space is None:
        assert parent.space is not None
        assert parent.space.next is not None
        child.space = assign(parent.space, parent.space.next.domain[index])
    return child


def close(path: Sequence[Node]) -> None:
    """Close the last node of a path, and those above all of whose children are closed."""
    path[-1].closed = True
    for node in reversed(path[:-1]):
        if node.children is None or not all(child.closed for child in node.children):
            return
        node.closed = True


def uct(mean: float, exploration: float, parent_visits: int, visits: int) -> float:
    """Return the upper confidence bound: mean + c * sqrt(2 * ln(N) / n).

    Example:
        >>> round(uct(0.5, 1.0, 4, 2), 4)
        1.6774
    """
    return mean + exploration * math.sqrt(2.0 * math.log(parent_visits) / visits)


def to_rows(root: Node) -> list[list[Any]]:
    """Return the statistics of all nodes, each before its children: flat, since trees are deep."""
    rows: list[list[Any]] = []
    stack = [root]
    while stack:
        node = stack.pop()
        size = -1 if node.children is None else len(node.children)
        rows.append([node.visits, node.told, node.failed, node.total, node.closed, size])
        stack.extend(reversed(node.children or []))
    return rows


def from_rows(space: Space, rows: Iterable[Sequence[Any]]) -> Node:
    """Return the tree that the rows describe, with the space at its root only."""
    root = Node(space=space)
    stack = [root]
    for visits, told, failed, total, closed, size in rows:
        node = stack.pop()
        node.visits, node.told, node.failed, node.total = visits, told, failed, total
        node.closed = closed
        if size >= 0:
            node.children = [Node() for _ in range(size)]
            stack.extend(reversed(node.children))
    return root
