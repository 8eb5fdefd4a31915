"""Hypothesis strategies: random search spaces, and random ways through any space.

`space_functions` makes small spaces of every kind: nested substitutions, hyperparameters shared
across scopes, chains of dependents, many inputs and outputs, pieces that drop an input, values
that are refused. `architectures` and `partial_spaces` lead through any space, a user's own too:

    @given(strategies.architectures(jarch.trace(my_space)))
    def test_my_space_is_small(architecture):
        assert jarch.analyze(architecture, {"in": (28, 28, 1)}).parameters < 1e6

All generated pieces take and give vectors, so every architecture also has shapes, can be lowered
and run: feed each of its inputs a vector of `WIDTH` numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import assume, note, strategies as st

import jarch as ja
from jarch import nn
from jarch.ir import Hyperparameter, Property, Source, is_hyperparameter

WIDTH = 4
"""The size of each input of a generated space."""

Pool: TypeAlias = Sequence[Hyperparameter]


@dataclass(frozen=True)
class Number:
    """How a piece gets a small number: 0 or 1, plus `offset`.

    Attributes:
        kind: `"constant"`, `"own"` (a decision made where it is used), `"shared"` (one of those
            made at the beginning), `"computed"` (a dependent of one) or `"joined"` (of two).
        index: Which shared one, or the constant itself.
        offset: Added to it.
    """

    kind: str
    index: int
    offset: int = 0

    def make(self, pool: Pool) -> Property:
        """Return the number as a property."""
        if self.kind == "constant" or (not pool and self.kind != "own"):
            return self.index % 2 + self.offset
        if self.kind == "own":
            return ja.Discrete([self.offset, self.offset + 1], name="own")
        shared = pool[self.index % len(pool)]
        if self.kind == "shared" and not self.offset:
            return shared

        def add_offset(x: int, y: int = 0) -> int:
            return abs(x - y) + self.offset

        parents = {"x": shared}
        if self.kind == "joined":
            parents = {"x": pool[(self.index + 1) % len(pool)], "y": shared}
        return ja.Dependent(add_offset, parents, name="computed")


@dataclass(frozen=True)
class Piece:
    """A description of a piece of graph: plain data, so that hypothesis can shrink it.

    Attributes:
        kind: A key of the table `_BUILDERS`.
        number: The hyperparameter or constant that it depends on.
        pieces: What it is made of.
    """

    kind: str
    number: Number
    pieces: tuple[Piece, ...] = ()

    def build(self, pool: Pool) -> ja.Fragment:
        """Return the piece, with hyperparameters of `pool` where it shares some."""
        return _BUILDERS[self.kind](self, pool)


@dataclass(frozen=True)
class SpaceFunction:
    """A space function that can be shown, compared and written down.

    Attributes:
        shared: For each hyperparameter made at the beginning: None for an independent one, or
            the positions of the two earlier ones that it is computed from.
        pieces: One for each input of the space, joined at the end.
        outputs: How many outputs the space has.
    """

    shared: tuple[tuple[int, int] | None, ...]
    pieces: tuple[Piece, ...]
    outputs: int

    def __call__(self) -> ja.Fragment:
        """Return the space as a fragment, to be traced."""
        pool: list[Hyperparameter] = []
        for parents in self.shared:
            if parents is None or not pool:
                pool.append(ja.Discrete([0, 1], name="shared"))
            else:
                a, b = (pool[i % len(pool)] for i in parents)
                pool.append(ja.Dependent(_not_both, {"a": a, "b": b}))
        names = [f"in{i}" for i in range(len(self.pieces))]
        wiring = ja.Wiring(names)
        ends = [
            wiring.add(piece.build(pool), {"in": wiring.input(name)})["out"]
            for piece, name in zip(self.pieces, names, strict=True)
        ]
        return wiring.build({f"out{i}": ends[i % len(ends)] for i in range(self.outputs)})


_numbers = st.builds(
    Number,
    st.sampled_from(["constant", "own", "shared", "computed", "joined"]),
    st.integers(0, 3),
)
_leaves = st.builds(
    Piece, st.sampled_from(["relu", "dense", "dropout", "normalize", "refuse", "picky"]), _numbers
)


def _not_both(a: int, b: int) -> int:
    return 1 - a * b


def _branches(pieces: st.SearchStrategy[Piece]) -> st.SearchStrategy[Piece]:
    one = st.tuples(pieces)
    two = st.tuples(pieces, pieces)
    return st.one_of(
        st.builds(
            Piece,
            st.sampled_from(
                ["optional", "repeat", "nested", "split", "residual", "dense_block", "tower"]
            ),
            _numbers,
            one,
        ),
        st.builds(
            Piece,
            st.sampled_from(
                ["sequential", "choose", "permutation", "pick", "cross", "first", "fork"]
            ),
            _numbers,
            two,
        ),
    )


def pieces(max_leaves: int = 6) -> st.SearchStrategy[Piece]:
    """Return a strategy of descriptions of pieces with one input and one output."""
    return st.recursive(_leaves, _branches, max_leaves=max_leaves)


def space_functions(max_leaves: int = 6) -> st.SearchStrategy[SpaceFunction]:
    """Return a strategy of space functions.

    Args:
        max_leaves: About how many basic modules a piece is made of.
    """
    pool = st.lists(st.none() | st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=4)
    return st.builds(
        SpaceFunction,
        pool.map(tuple),
        st.lists(pieces(max_leaves), min_size=1, max_size=2).map(tuple),
        st.integers(1, 2),
    )


@st.composite
def spaces(
    draw: st.DrawFn, max_leaves: int = 6, max_count: int | None = 200, decide: bool = False
) -> ja.Space:
    """Draw a traced space.

    Args:
        draw: Given by hypothesis.
        max_leaves: About how many basic modules a piece is made of.
        max_count: No space with more architectures is drawn, nor an empty one; None for any.
        decide: Draw also spaces in which something is assigned already.
    """
    space_function = draw(space_functions(max_leaves))
    try:
        space = ja.trace(space_function)
    except ja.InvalidArchitecture:  # it holds a constant that is refused
        assume(False)
        raise
    if max_count is not None:
        assume(0 < ja.count(space) <= max_count)
    space = draw(partial_spaces(space)) if decide else space
    note(f"{space_function!r}, decided: {space.decisions}")
    return space


@st.composite
def partial_spaces(draw: st.DrawFn, space: ja.Space) -> ja.Space:
    """Draw a space that some assignments, in the order of the space, lead to."""
    for _ in range(draw(st.integers(0, 8))):
        if space.next is None:
            break
        space = _step(draw, space)
    return space


@st.composite
def architectures(draw: st.DrawFn, space: ja.Space) -> ja.Architecture:
    """Draw an architecture of a space: each decision is hypothesis's to make, and to shrink."""
    while space.next is not None:
        space = _step(draw, space)
    return ja.architecture(space)


def values(domain: ja.Domain) -> st.SearchStrategy[object]:
    """Return a strategy of the values of a domain."""
    if domain.size is None:
        assert isinstance(domain, ja.FloatDomain)
        return st.floats(domain.low, domain.high)
    return st.integers(0, domain.size - 1).map(lambda i: domain[i])


def _step(draw: st.DrawFn, space: ja.Space) -> ja.Space:
    assert space.next is not None
    try:
        return ja.assign(space, draw(values(space.next.domain)))
    except ja.InvalidArchitecture:
        assume(False)
        raise


def _pick(piece: Piece, pool: Pool) -> ja.Fragment:
    """Two branches of which one is dropped."""
    wiring, left, right = _both(piece, pool)
    return wiring.build(wiring.add(_picked(piece, pool), {"left": left, "right": right}))


def _picked(piece: Piece, pool: Pool) -> ja.Fragment:
    def function(which: int) -> ja.Fragment:
        name = ("left", "right")[which]
        wiring = ja.Wiring([name])
        return wiring.build({"out": wiring.input(name)})

    properties = {"which": piece.number.make(pool)}
    return ja.substitution(function, properties, ["left", "right"], name="pick", may_drop=True)


def _cross(piece: Piece, pool: Pool) -> ja.Fragment:
    """Two branches through a choice with two inputs and two outputs."""

    def straight(swap: bool) -> ja.Fragment:
        inner = ja.Wiring(["a", "b"])
        a, b = inner.input("a"), inner.input("b")
        c = inner.add(nn.dense(features=ja.Discrete([2, 3])), {"in": b})["out"]
        return inner.build({"left": c if swap else a, "right": a if swap else c})

    wiring, left, right = _both(piece, pool)
    options = [lambda: straight(False), lambda: straight(True)]
    number = piece.number.make(pool)
    crossed = ja.choose(options, number, ["a", "b"], ["left", "right"], name="cross")
    ends = wiring.add(crossed, {"a": left, "b": right})
    return wiring.build(wiring.add(nn.concatenate(2), {"in0": ends["right"], "in1": ends["left"]}))


def _first(piece: Piece, pool: Pool) -> ja.Fragment:
    """A choice with two outputs of which only one is used."""
    wiring = ja.Wiring()
    ends = wiring.add(_two_ended(piece, piece.number.make(pool), pool), {"in": wiring.input()})
    return wiring.build({"out": ends["first"]})


def _fork(piece: Piece, pool: Pool) -> ja.Fragment:
    """A choice with two outputs, and a node behind one of them that may be dropped."""
    wiring = ja.Wiring()
    chosen = _two_ended(piece, ja.Discrete([0, 1], name="own"), pool)
    ends = wiring.add(chosen, {"in": wiring.input()})
    left = wiring.add(nn.relu(), {"in": ends["first"]})["out"]
    sides = {"left": left, "right": ends["second"]}
    return wiring.build(wiring.add(_picked(piece, pool), sides))


def _two_ended(piece: Piece, number: Property, pool: Pool) -> ja.Fragment:
    def two(order: Sequence[Piece]) -> ja.Fragment:
        inner = ja.Wiring()
        ends = [inner.add(p.build(pool), {"in": inner.input()})["out"] for p in order]
        return inner.build({"first": ends[0], "second": ends[1]})

    options = [lambda: two(piece.pieces), lambda: two(piece.pieces[::-1])]
    return ja.choose(options, number, outputs=["first", "second"])


def _tower(piece: Piece, pool: Pool) -> ja.Fragment:
    """A substitution on two numbers."""

    def function(height: int, width: int) -> ja.Fragment:
        stack = [_lazy(piece.pieces[0], pool)] * height
        return ja.sequential(*stack, nn.dense(features=width))

    numbers = {"height": piece.number.make(pool), "width": ja.Discrete([2, 3], name="own")}
    return ja.substitution(function, numbers, name="tower")


def _both(piece: Piece, pool: Pool) -> tuple[ja.Wiring, Source, Source]:
    wiring = ja.Wiring()
    left, right = (wiring.add(p.build(pool), {"in": wiring.input()})["out"] for p in piece.pieces)
    return wiring, left, right


def _refuse(piece: Piece, pool: Pool) -> ja.Fragment:
    def function(number: int) -> ja.Fragment:
        if number:
            raise ja.InvalidArchitecture("refused")
        return ja.identity()

    return ja.substitution(function, {"number": piece.number.make(pool)}, name="refuse")


def _picky(piece: Piece, pool: Pool) -> ja.Fragment:
    """A basic node of which a property may be refused."""

    def features(number: int) -> int:
        if number:
            raise ja.InvalidArchitecture("refused")
        return 3

    number = piece.number.make(pool)
    if is_hyperparameter(number):
        return nn.dense(features=ja.Dependent(features, {"number": number}, name="picky"))
    return nn.dense(features=3)


def _shifted(piece: Piece, offset: int, pool: Pool) -> Property:
    return Number(piece.number.kind, piece.number.index, offset).make(pool)


def _lazy(piece: Piece, pool: Pool) -> Callable[[], ja.Fragment]:
    return lambda: piece.build(pool)


_BUILDERS: dict[str, Callable[[Piece, Pool], ja.Fragment]] = {
    "relu": lambda piece, pool: nn.relu(),
    "dense": lambda piece, pool: nn.dense(features=_shifted(piece, 2, pool)),
    "dropout": lambda piece, pool: nn.dropout(rate=ja.Discrete([0.0, 0.25], name="rate")),
    "normalize": lambda piece, pool: nn.layer_norm(),
    "refuse": _refuse,
    "optional": lambda p, pool: ja.optional(_lazy(p.pieces[0], pool), p.number.make(pool)),
    "repeat": lambda p, pool: ja.repeat(_lazy(p.pieces[0], pool), p.number.make(pool)),
    "nested": lambda p, pool: ja.nested_repeat(
        _lazy(p.pieces[0], pool),
        lambda inner: ja.residual(inner, combine=nn.concatenate),
        _shifted(p, 1, pool),
    ),
    "split": lambda p, pool: ja.split_combine(
        _lazy(p.pieces[0], pool), nn.concatenate, _shifted(p, 1, pool)
    ),
    "residual": lambda p, pool: ja.residual(_lazy(p.pieces[0], pool), combine=nn.concatenate),
    "dense_block": lambda p, pool: ja.dense_block(_lazy(p.pieces[0], pool), p.number.make(pool)),
    "sequential": lambda p, pool: ja.sequential(*[_lazy(piece, pool) for piece in p.pieces]),
    "choose": lambda p, pool: ja.choose(
        [_lazy(piece, pool) for piece in p.pieces], p.number.make(pool)
    ),
    "permutation": lambda p, pool: ja.permutation(
        [_lazy(piece, pool) for piece in p.pieces], ja.Permutation(2)
    ),
    "pick": _pick,
    "picky": _picky,
    "tower": _tower,
    "cross": _cross,
    "first": _first,
    "fork": _fork,
}
