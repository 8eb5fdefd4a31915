"""What a basic module computes, and what follows from its properties without running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from .constants import Constant

Shape: TypeAlias = tuple[int, ...]
"""Sizes of the axes of one example: the batch axis in front is left out."""

Properties: TypeAlias = Mapping[str, Constant]
Shapes: TypeAlias = Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class Variable:
    """An array that a node owns.

    Attributes:
        path: Names that lead to it below the node, such as `("query", "kernel")`.
        shape: All its axes.
        initializer: How it starts, such as `"lecun_normal"`, `"zeros"`, `"ones"`; what each
            means is said in `lowering/initializers.py`.
        collection: `"params"` where it is trained, else the name of its collection of state,
            such as `"batch_stats"`.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.nn.batch_norm), [])
        >>> (node,) = ja.analyze(net, {"in": (8,)}).nodes
        >>> [(v.collection, v.path, v.shape) for v in node.variables if not v.trainable]
        [('batch_stats', ('mean',), (8,)), ('batch_stats', ('var',), (8,))]
    """

    path: tuple[str, ...]
    shape: Shape
    initializer: str
    collection: str = "params"

    @property
    def trainable(self) -> bool:
        """Whether training by gradient changes it."""
        return self.collection == "params"


@dataclass(frozen=True, slots=True)
class Inference:
    """What an operation makes of given input shapes.

    Attributes:
        outputs: The shape of each output, by name.
        variables: The arrays that it owns, in the order in which it makes them.
        flops: Floating-point operations of one forward pass over one example; a
            multiply-accumulate counts two.

    Example:
        >>> from jarch.ir import OPS
        >>> found = OPS["dense"].infer({"features": 10, "use_bias": True}, {"in": (64,)})
        >>> found.outputs, found.flops, [(v.path, v.shape) for v in found.variables]
        ({'out': (10,)}, 1290, [(('kernel',), (64, 10)), (('bias',), (10,))])
    """

    outputs: Shapes
    variables: tuple[Variable, ...] = ()
    flops: int = 0


InferenceRule: TypeAlias = Callable[[Properties, Shapes], Inference]


@dataclass(frozen=True, slots=True)
class Op:
    """An operation, the same for every target. Two with one name are equal.

    Attributes:
        name: `"conv"` for one of jarch's own; `"module:name"` for one that a user made, from
            where it can be imported again.
        infer: Shapes, variables and FLOPs from properties and input shapes; raises `ShapeError`
            where they do not fit.
        lowerings: What a user's own operation becomes, by target; jarch's own have their rules
            in `lowering/`.

    Example:
        >>> import jarch as ja
        >>> def infer(properties, shapes):
        ...     *before, channels = shapes["in"]
        ...     return Inference({"out": (*before, channels * properties["times"])})
        >>> repeat_channels = Op("my_ops:repeat_channels", infer)
        >>> space = ja.trace(lambda: ja.basic(repeat_channels, {"times": ja.Discrete([2, 3])}))
        >>> ja.analyze(ja.replay(space, [3]), {"in": (8, 8, 4)}).outputs
        {'out': (8, 8, 12)}
    """

    name: str
    infer: InferenceRule = field(compare=False, repr=False)
    lowerings: Mapping[str, object] = field(
        default_factory=dict[str, object], compare=False, repr=False
    )

    @property
    def label(self) -> str:
        """The last part of the name: what nodes are called after."""
        return self.name.rpartition(":")[2].rpartition(".")[2]
