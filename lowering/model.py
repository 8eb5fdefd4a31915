"""An architecture as a model: initialised, applied, summarised."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX and Flax are partial)

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike, DTypeLike

from jarch.ir import Architecture, Shape

from .errors import LoweringError
from .flax_module import ArchitectureModule, architecture_module
from .initialization import Key, initial_variables
from .summary import summary_table

Mutable = bool | str | Iterable[str]


@dataclass(frozen=True, slots=True)
class Model:
    """An architecture lowered to Flax.

    Attributes:
        architecture: What was lowered.
        module: The Flax module that computes it, for use with Flax directly. Equal architectures
            have equal modules, so a function that jit compiled for one serves the others.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> model = ja.lower(ja.replay(ja.trace(lambda: ja.nn.dense(features=2)), []))
        >>> variables = model.init(0, np.ones((1, 3)))
        >>> model.apply(variables, np.ones((5, 3))).shape
        (5, 2)
    """

    architecture: Architecture
    module: ArchitectureModule

    def init(self, key: Key, *inputs: Any) -> dict[str, dict[str, Any]]:
        """Return the variables to start with, drawn as Flax would, without compiling.

        Args:
            key: A JAX random key, or an integer that stands for `jax.random.key` of it.
            inputs: Arrays, or anything with a shape such as `jax.ShapeDtypeStruct`, in the order
                of `architecture.inputs` with the batch axis in front; only shapes matter.

        Returns:
            `{"params": {node key: {…}}, "batch_stats": {node key: {…}}}`.

        Raises:
            LoweringError: Not as many inputs as the architecture has, or the key is no key.
            ShapeError: The shapes do not fit the architecture.

        Example:
            >>> import jarch as ja
            >>> import numpy as np
            >>> model = ja.lower(ja.replay(ja.trace(lambda: ja.nn.dense(features=2)), []))
            >>> model.init(0, np.ones((1, 3)))["params"]["dense"]["kernel"].shape
            (3, 2)
        """
        shapes = _shapes(self.architecture.inputs, inputs)
        return initial_variables(self.architecture, key, shapes, self.module.param_dtype)

    def apply(
        self,
        variables: Mapping[str, Any],
        *inputs: ArrayLike,
        train: bool = False,
        rngs: Mapping[str, jax.Array] | None = None,
        mutable: Mutable = False,
    ) -> Any:
        """Compute the model, compiled; inside a jitted function it becomes part of that.

        Args:
            variables: As `init` returns them.
            inputs: Arrays in the order of `architecture.inputs`, with the batch axis in front.
            train: Whether dropout drops and batch norm uses the batch's statistics.
            rngs: Random keys by name; training a model with dropout needs `{"dropout": key}`.
            mutable: Collections to update; batch norm in training needs `["batch_stats"]`.

        Returns:
            The output, or a dict of the outputs by name where there are several. With `mutable`,
            a pair of that and the new collections.

        Raises:
            LoweringError: Not as many inputs as the architecture has.

        Example:
            >>> import jarch as ja
            >>> import numpy as np
            >>> model = ja.lower(ja.replay(ja.trace(lambda: ja.nn.relu()), []))
            >>> model.apply({}, np.array([[-1.0, 2.0]])).tolist()
            [[0.0, 2.0]]
        """
        names = mutable if isinstance(mutable, (bool, str)) else tuple(mutable)
        arguments = (variables, inputs, dict(rngs or {}))
        # A jitted function inside of another costs time to trace and wins nothing.
        traced = any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(arguments))
        run: Any = _apply if traced else _compiled_apply
        return run(self.module, train, names, *arguments)

    def summary(self, inputs: Mapping[str, Shape]) -> str:
        """Return a table of the layers: output shapes and numbers of parameters, and totals.

        Args:
            inputs: The shape of each input by name, without the batch axis.

        Raises:
            ShapeError: The shapes do not fit the architecture.

        Example:
            >>> import jarch as ja
            >>> model = ja.lower(ja.replay(ja.trace(lambda: ja.nn.dense(features=2)), []))
            >>> print(model.summary({"in": (3,)}))
            layer          operation  output shape  parameters
            ──────────────────────────────────────────────────
            dense          dense      (2,)                   8
            ──────────────────────────────────────────────────
            total                                            8
            trainable                                        8
            not trainable                                    0
        """
        return summary_table(self.architecture, inputs)


def lower(
    architecture: Architecture,
    dtype: DTypeLike | None = None,
    param_dtype: DTypeLike = jnp.float32,
) -> Model:
    """Return the architecture as a Flax model.

    Args:
        architecture: Any.
        dtype: What to compute in, such as `"bfloat16"`; inputs of floating point are converted to
            it, and outputs have it. None for what inputs and parameters promote to.
        param_dtype: What parameters are kept in.

    Raises:
        LoweringError: An operation has no rule for Flax, or a node has a name that Flax refuses.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 16, "relu"])
        >>> model = ja.lower(net)
        >>> variables = model.init(0, np.zeros((1, 8, 8, 1), np.float32))
        >>> model.apply(variables, np.zeros((5, 8, 8, 1), np.float32)).shape
        (5, 10)
    """
    compute = None if dtype is None else jnp.dtype(dtype)
    return Model(architecture, architecture_module(architecture, compute, jnp.dtype(param_dtype)))


def _apply(
    module: ArchitectureModule,
    train: bool,
    mutable: bool | str | tuple[str, ...],
    variables: Mapping[str, Any],
    inputs: tuple[ArrayLike, ...],
    rngs: dict[str, jax.Array],
) -> Any:
    made: Any = module.apply(variables, *inputs, train=train, rngs=rngs, mutable=mutable)
    return made


_compiled_apply = jax.jit(_apply, static_argnums=(0, 1, 2))


def _shapes(names: tuple[str, ...], inputs: tuple[Any, ...]) -> dict[str, Shape]:
    """Return the shape of each input by name, without the batch axis."""
    if len(inputs) != len(names):
        raise LoweringError(
            f"{len(inputs)} arrays for the inputs {list(names)}; pass one for each, in order"
        )
    shapes = {name: np.shape(value) for name, value in zip(names, inputs, strict=True)}
    for name, shape in shapes.items():
        if not shape:
            raise LoweringError(f"input {name!r} has shape (); put the batch axis in front")
    return {name: shape[1:] for name, shape in shapes.items()}
