"""Pieces of graph from pieces of graph.

A *piece* is a `Fragment` or a function without arguments that returns one. Most combinators take
pieces with the one input `in` and the one output `out`; `choose` and `nested_repeat` take pieces
with any named inputs and outputs, the same for all. Where a combinator depends on a
hyperparameter, its pieces are built in the scope of the node that it makes: hyperparameters made
by a piece function belong to that place, those made outside are shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, cast

from jarch.ir import (
    SINGLE_INPUT,
    SINGLE_OUTPUT,
    Fragment,
    Hyperparameter,
    Property,
    Source,
    SpaceError,
    Wiring,
    substitution,
)

from . import nn

Piece: TypeAlias = Fragment | Callable[[], Fragment]
Combine: TypeAlias = Callable[[int], Fragment]
"""Makes a piece with the inputs `in0`, `in1`, … from how many there are, such as `nn.add`."""

_IDENTITY = Fragment((SINGLE_INPUT,), (), ((SINGLE_OUTPUT, Source("", SINGLE_INPUT)),))


def build(piece: Piece) -> Fragment:
    """Return the piece itself, or what the piece function returns.

    Raises:
        SpaceError: It is neither.
    """
    made = piece() if callable(piece) else piece
    if not isinstance(made, Fragment):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise SpaceError(
            f"{piece!r} gives {made!r}, not a piece of graph; pass a piece or a function without "
            "arguments that returns one"
        )
    return made


def identity() -> Fragment:
    """Return the piece that passes its input on; it adds no node.

    Example:
        >>> identity().outputs[0][1].output
        'in'
    """
    return _IDENTITY


def sequential(*pieces: Piece, name: str = "") -> Fragment:
    """Return the pieces one after another.

    Args:
        pieces: Each with one input and one output; none makes the identity.
        name: Put before the names of all nodes.

    Example:
        >>> from jarch import nn
        >>> print(sequential(nn.relu, nn.relu, name="stem"))
        (@in) -> (out=%stem/relu-1)
          %stem/relu = relu(@in)
          %stem/relu-1 = relu(%stem/relu)
    """
    wiring = Wiring()
    source = wiring.input()
    for piece in pieces:
        source = _feed(wiring, build(piece), source, name)
    return wiring.build({SINGLE_OUTPUT: source})


def optional(piece: Piece, include: Property, name: str = "optional") -> Fragment:
    """Return a piece that is there when `include` is true, and the identity when it is not.

    Args:
        piece: With one input and one output; a function is called only when it is included.
        include: A `Bool`, a `Discrete` of 0 and 1, or a constant.
        name: The node's name.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: optional(ja.nn.batch_norm, ja.Bool("normalize")))
        >>> [len(net.nodes) for net in ja.enumerate_architectures(space)]
        [0, 1]
    """

    def function(include: object) -> Fragment:
        return build(piece) if include else identity()

    return substitution(function, {"include": include}, name=name)


def choose(
    pieces: Sequence[Piece] | Mapping[str, Piece],
    which: Property,
    inputs: Sequence[str] = (SINGLE_INPUT,),
    outputs: Sequence[str] = (SINGLE_OUTPUT,),
    name: str = "choose",
) -> Fragment:
    """Return one of the pieces.

    Args:
        pieces: The candidates, by position or by name; only the chosen function is called.
        which: The position or the name of the one to take, such as `OneOfK(len(pieces))`.
        inputs: What each of the pieces takes.
        outputs: What each of the pieces gives.
        name: The node's name.

    Raises:
        SpaceError: `which` takes a value that names none of the pieces.

    Example:
        >>> import jarch as ja
        >>> pools = {"max": ja.nn.max_pool(window=2), "mean": ja.nn.avg_pool(window=2)}
        >>> space = ja.trace(lambda: choose(pools, ja.Discrete(list(pools), "pool")))
        >>> [net.nodes[0][0] for net in ja.enumerate_architectures(space)]
        ['choose/max_pool', 'choose/avg_pool']
    """
    by_key: dict[object, Piece] = dict(
        pieces.items() if isinstance(pieces, Mapping) else enumerate(pieces)
    )

    def function(which: object) -> Fragment:
        if which not in by_key:
            raise SpaceError(f"choice {which!r} is none of {list(by_key)}; add it or remove it")
        return build(by_key[which])

    return substitution(function, {"which": which}, inputs, outputs, name)


def repeat(piece: Piece, times: Property, name: str = "repeat") -> Fragment:
    """Return the piece `times` times in series.

    A piece function is called for each repetition, so that hyperparameters which it makes are
    decided for each; a fragment is placed repeatedly and shares its hyperparameters.

    Args:
        piece: With one input and one output.
        times: How often: 0 or more.
        name: The node's name.

    Example:
        >>> import jarch as ja
        >>> def layer():
        ...     return ja.nn.dense(ja.Discrete([16, 32], "width"))  # a width for each
        >>> ja.count(ja.trace(lambda: repeat(layer, ja.Discrete([1, 2, 3], "depth"))))
        14
        >>> def same():
        ...     return repeat(layer(), ja.Discrete([1, 2, 3], "depth"))  # one width for all
        >>> ja.count(ja.trace(same))
        6
    """

    def function(times: int) -> Fragment:
        return sequential(*[piece] * _count(times, "times"))

    return substitution(function, {"times": times}, name=name)


def nested_repeat(
    first: Piece,
    around: Callable[[Fragment], Fragment],
    times: Property,
    inputs: Sequence[str] = (SINGLE_INPUT,),
    outputs: Sequence[str] = (SINGLE_OUTPUT,),
    name: str = "nested_repeat",
) -> Fragment:
    """Return `around(around(… first …))`: the piece with `times - 1` layers around it.

    Args:
        first: The innermost piece.
        around: Returns a piece that holds the piece it is given.
        times: How many pieces in all: 1 or more.
        inputs: What each of the pieces takes.
        outputs: What each of the pieces gives.
        name: The node's name.

    Example:
        >>> import jarch as ja
        >>> def net():
        ...     return nested_repeat(ja.nn.relu, lambda inner: ja.residual(inner), 3)
        >>> [node.op.name for _, node in ja.replay(ja.trace(net), []).nodes]
        ['relu', 'add', 'add']
    """

    def function(times: int) -> Fragment:
        fragment = build(first)
        for _ in range(_count(times, "times", 1) - 1):
            fragment = around(fragment)
        return fragment

    return substitution(function, {"times": times}, inputs, outputs, name)


def permutation(pieces: Sequence[Piece], order: Property, name: str = "permutation") -> Fragment:
    """Return the pieces in series, in an order that is decided.

    Args:
        pieces: Each with one input and one output.
        order: A `Permutation(len(pieces))`, or a tuple.
        name: The node's name.

    Example:
        >>> import jarch as ja
        >>> pieces = [ja.nn.relu, ja.nn.batch_norm, ja.nn.dropout(0.1)]
        >>> ja.count(ja.trace(lambda: permutation(pieces, ja.Permutation(3))))
        6
    """
    made = list(pieces)

    def function(order: tuple[int, ...]) -> Fragment:
        if sorted(order) != list(range(len(made))):
            raise SpaceError(f"order {order} is no permutation of {len(made)} pieces")
        return sequential(*[made[i] for i in order])

    return substitution(function, {"order": order}, name=name)


def split_combine(
    piece: Piece, combine: Combine, branches: Property, name: str = "split_combine"
) -> Fragment:
    """Return `branches` copies of the piece side by side, combined into one output.

    Args:
        piece: With one input and one output; a function is called for each branch.
        combine: Makes the piece that joins them, such as `nn.add` or `nn.concatenate`.
        branches: How many: 1 or more.
        name: The node's name.

    Example:
        >>> import jarch as ja
        >>> def branches():
        ...     number = ja.Discrete([1, 2, 4], "branches")
        ...     return split_combine(lambda: ja.nn.dense(8), ja.nn.concatenate, number)
        >>> space = ja.trace(branches)
        >>> [ja.analyze(ja.replay(space, [n]), {"in": (3,)}).outputs["out"] for n in (1, 2, 4)]
        [(8,), (16,), (32,)]
    """

    def function(branches: int) -> Fragment:
        wiring = Wiring()
        count = _count(branches, "branches", 1)
        ends = [_feed(wiring, build(piece), wiring.input()) for _ in range(count)]
        return wiring.build({SINGLE_OUTPUT: _join(wiring, combine, ends)})

    return substitution(function, {"branches": branches}, name=name)


def residual(main: Piece, shortcut: Piece = identity, combine: Combine | None = None) -> Fragment:
    """Return the main piece and the shortcut side by side, added (He et al. 2016).

    Args:
        main: With one input and one output.
        shortcut: The other way; by default the identity.
        combine: Makes the piece that joins the two; by default `nn.add`.

    Example:
        >>> import jarch as ja
        >>> def block():
        ...     return residual(ja.sequential(ja.nn.dense(8), ja.nn.relu))
        >>> net = ja.replay(ja.trace(block), [])
        >>> ja.analyze(net, {"in": (8,)}).outputs["out"]  # both ways must have one shape
        (8,)
    """
    wiring = Wiring()
    ends = [_feed(wiring, build(piece), wiring.input()) for piece in (main, shortcut)]
    return wiring.build({SINGLE_OUTPUT: _join(wiring, combine or nn.add, ends)})


def dense_block(
    piece: Piece,
    times: Property,
    combine: Combine | None = None,
    name: str = "dense_block",
) -> Fragment:
    """Return `times` pieces of which each sees the input and all earlier outputs.

    The output joins the input and all outputs (Huang et al. 2017, "Densely connected
    convolutional networks").

    Args:
        piece: With one input and one output; a function is called for each.
        times: How many: 0 or more.
        combine: Makes the piece that joins what came before; by default `nn.concatenate`.
        name: The node's name.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: dense_block(lambda: ja.nn.dense(8), ja.Discrete([1, 2])))
        >>> [ja.analyze(ja.replay(space, [n]), {"in": (3,)}).outputs["out"] for n in (1, 2)]
        [(11,), (19,)]
    """

    def function(times: int) -> Fragment:
        wiring = Wiring()
        ends = [wiring.input()]
        join = combine or nn.concatenate
        for _ in range(_count(times, "times")):
            ends.append(_feed(wiring, build(piece), _join(wiring, join, ends)))
        return wiring.build({SINGLE_OUTPUT: _join(wiring, join, ends)})

    return substitution(function, {"times": times}, name=name)


def hyperparameter_aggregator(
    hyperparameters: Mapping[str, Hyperparameter] | Iterable[Hyperparameter],
    name: str = "hyperparameter_aggregator",
) -> Fragment:
    """Return an identity that has these hyperparameters as properties.

    It adds no node to the model. Its place in the graph says when they are decided: put it at the
    end of a space to have them decided before all others.

    Args:
        hyperparameters: By name, or in any number.
        name: The node's name.

    Example:
        >>> import jarch as ja
        >>> def space():
        ...     depth, width = ja.Discrete([1, 2], "depth"), ja.Discrete([8, 16], "width")
        ...     layers = ja.repeat(ja.nn.dense(width), depth)
        ...     return ja.sequential(layers, hyperparameter_aggregator([width]))
        >>> ja.trace(space).next.key
        'width'
    """

    def function(**_: object) -> Fragment:
        return identity()

    if isinstance(hyperparameters, Mapping):
        named = dict(cast("Mapping[str, Hyperparameter]", hyperparameters))
    else:
        named = {f"h{i:03d}": h for i, h in enumerate(hyperparameters)}
    return substitution(function, named, name=name)


def share(**factories: Callable[[str], Hyperparameter]) -> Callable[[str], Hyperparameter]:
    """Make hyperparameters once and hand them out by name.

    Args:
        factories: For each name a function that makes the hyperparameter of that name.

    Returns:
        A function from a name to the hyperparameter, the same object each time.

    Example:
        >>> import jarch as ja
        >>> def space():
        ...     get = ja.share(width=lambda name: ja.Discrete([8, 16], name))
        ...     return ja.sequential(ja.nn.dense(get("width")), ja.nn.dense(get("width")))
        >>> ja.count(ja.trace(space))
        2
    """
    made = {name: make(name) for name, make in factories.items()}

    def get(name: str) -> Hyperparameter:
        if name not in made:
            raise SpaceError(f"no shared hyperparameter {name!r}; there are {sorted(made)}")
        return made[name]

    return get


def _feed(wiring: Wiring, fragment: Fragment, source: Source, prefix: str = "") -> Source:
    """Place a piece with one input and one output."""
    outputs = tuple([name for name, _ in fragment.outputs])
    if fragment.inputs != (SINGLE_INPUT,) or outputs != (SINGLE_OUTPUT,):
        raise SpaceError(
            f"a piece with inputs {list(fragment.inputs)} and outputs {list(outputs)} stands where "
            "one with the input 'in' and the output 'out' is needed; connect it with Wiring"
        )
    return wiring.add(fragment, {SINGLE_INPUT: source}, prefix)[SINGLE_OUTPUT]


def _join(wiring: Wiring, combine: Combine, ends: Sequence[Source]) -> Source:
    """Combine several sources into one; a single one stands for itself."""
    if len(ends) == 1:
        return ends[0]
    inputs = {f"in{i}": source for i, source in enumerate(ends)}
    return wiring.add(combine(len(ends)), inputs)[SINGLE_OUTPUT]


def _count(value: object, what: str, least: int = 0) -> int:
    if not isinstance(value, int) or value < least:
        raise SpaceError(f"{what} is {value!r}; it must be an integer of at least {least}")
    return value
