"""The tree of decisions that tree search grows: statistics, and spaces that stay in their nodes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jarch.ir import Architecture, Space, assign, sample

from .bisection import Span, draw_within, halves, place, single, whole

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
        children: One for each value of the next decision, or for each half of the span; None where
            the tree has not grown.
        space: Kept once the node was reached, so that nothing is replayed from the root.
        span: The values to which the next decision has come down, where it is made by halving.
    """

    visits: int = 0
    told: int = 0
    failed: int = 0
    total: float = 0.0
    closed: bool = False
    children: list[Node] | None = None
    space: Space | None = None
    span: Span | None = None

    @property
    def untouched(self) -> bool:
        """Whether a new node is the same: not visited, not closed, and not grown."""
        return not (self.visits or self.closed or self.children is not None)

    def mean(self, failure: float) -> float | None:
        """Return the mean score, where a failure counts as `failure`; None where none is told."""
        if not self.told:
            return None
        return (self.total + self.failed * failure) / self.told


def plant(space: Space, bisection: bool = False) -> Node:
    """Return the root of a tree of a space."""
    root = Node()
    _settle(root, space, bisection)
    return root


def branches(node: Node) -> int:
    """Return into how many children a node splits: 0 at the end, and where its values are drawn.

    They are drawn of domains that are very large and not halved, and in the smallest parts of a
    range of real numbers.
    """
    assert node.space is not None
    decision = node.space.next
    if decision is None:
        return 0
    if node.span is not None:
        return 2 if node.span[1] - node.span[0] > 1 else 0
    size = decision.domain.size
    return size if size is not None and size <= LARGEST else 0


def enter(parent: Node, index: int, bisection: bool = False) -> Node:
    """Return a child, with its space.

    Raises:
        InvalidArchitecture: The space refuses this value.
    """
    assert parent.children is not None
    child = parent.children[index]
    if child.space is None:
        assert parent.space is not None
        assert parent.space.next is not None
        domain = parent.space.next.domain
        if parent.span is None:
            _settle(child, assign(parent.space, domain[index]), bisection)
        elif single(domain, part := halves(domain, parent.span)[index]):
            _settle(child, assign(parent.space, domain[part[0]]), bisection)
        else:
            child.space, child.span = parent.space, part
    return child


def complete_below(node: Node, rng: np.random.Generator) -> Architecture:
    """Return an architecture below a node that was reached: each decision is drawn.

    Raises:
        InvalidArchitecture: A function of the space refused the values drawn.
    """
    space = node.space
    assert space is not None
    if node.span is not None:
        assert space.next is not None
        space = assign(space, draw_within(space.next.domain, node.span, rng))
    return sample(space, rng)


def way(root: Node, architecture: Architecture, bisection: bool = False) -> list[int]:
    """Return the indices of children that lead to an architecture, as far as the tree has grown."""
    node, indices, values = root, list[int](), architecture.values
    while node.children is not None:
        assert node.space is not None
        decision = node.space.next
        assert decision is not None
        at = place(decision.domain, values[len(node.space.decisions)])
        if node.span is not None:
            at = int(at >= halves(decision.domain, node.span)[1][0])
        indices.append(at)
        node = enter(node, at, bisection)
    return indices


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
    """Return the statistics of all nodes, each before its children: flat, since trees are deep.

    Of the children of a node, those about which nothing is known are left out: a node of a domain
    of a thousand values has as many, of which few were visited. A row ends with how many children
    there are, -1 where the tree has not grown, and the places of those whose rows follow.
    """
    rows: list[list[Any]] = []
    stack = [root]
    while stack:
        node = stack.pop()
        children = node.children or []
        kept = [i for i, child in enumerate(children) if not child.untouched]
        size = -1 if node.children is None else len(children)
        rows.append([node.visits, node.told, node.failed, node.total, node.closed, size, kept])
        stack.extend(children[i] for i in reversed(kept))
    return rows


def from_rows(space: Space, rows: Iterable[Sequence[Any]], bisection: bool = False) -> Node:
    """Return the tree that the rows describe, with the space at its root only."""
    root = plant(space, bisection)
    stack = [root]
    for visits, told, failed, total, closed, size, kept in rows:
        node = stack.pop()
        node.visits, node.told, node.failed, node.total = visits, told, failed, total
        node.closed = closed
        if size >= 0:
            children = node.children = [Node() for _ in range(size)]
            places: Iterable[int] = reversed(kept)
            stack.extend(children[place] for place in places)
    return root


def _settle(node: Node, space: Space, bisection: bool) -> None:
    """Give a node its space, and the span of its next decision."""
    node.space = space
    if bisection and space.next is not None:
        node.span = whole(space.next.domain)
