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
