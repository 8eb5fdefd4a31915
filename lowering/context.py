"""What the rule of an operation is told, beside the operation's properties and inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from jax.typing import DTypeLike

from .random_bits import RandomBits


@dataclass(frozen=True, slots=True)
class Context:
    """Where a node is lowered, and how.

    Attributes:
        key: The node's key: the name under which its variables live.
        train: Whether the model is being trained: dropout drops, batch norm uses the batch.
        dtype: What it computes in; None for what inputs and parameters promote to.
        param_dtype: What its parameters are kept in.
        bits: What dropout draws from where all of a step's bits are drawn at once.
    """

    key: str
    train: bool
    dtype: DTypeLike | None
    param_dtype: DTypeLike
    bits: RandomBits | None = None

    def module(self) -> dict[str, Any]:
        """Return the arguments that every Flax module with parameters is made with."""
        return {"name": self.key, "dtype": self.dtype, "param_dtype": self.param_dtype}


Rule: TypeAlias = Callable[..., Any]
"""Computes a node inside a compact Flax method: `rule(context, properties, *inputs)`.

`properties` maps names to constants, and those that `numbers.py` lists to constants or traced
scalars; inputs have the batch axis in front and come in the order in which the node declares them.
Returns the output; or several as a tuple in the order in which the node declares them, or as a
mapping by name.
"""
