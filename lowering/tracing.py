"""What follows from shapes for an operation of which only the Flax rule is known.

JAX traces the rule with shapes in place of arrays; nothing is computed or compiled.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX and Flax are partial)

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
from flax.errors import FlaxError

from jarch.ir import Basic, Inference, Op, Properties, Shape, ShapeError, Shapes, Source, Variable

from .context import Rule
from .flax_module import ArchitectureModule, alone, architecture_module
from .initialization import OWN

_BATCH = 2  # examples in the batch: more than one, to see that the batch axis is kept
_KEY = "node"

_struct: Callable[..., Any] = jax.ShapeDtypeStruct  # Flax and JAX do not say its types


def infer_by_tracing(
    name: str, rule: Rule, properties: Properties, shapes: Shapes, outputs: tuple[str, ...]
) -> Inference:
    """Return output shapes, variables and FLOPs of a rule, some 0.05 s each.

    Inputs are float32. The variables are initialised by the rule itself.

    Args:
        name: The operation's, for messages.
        rule: How it lowers to Flax.
        properties: The node's.
        shapes: Of its inputs, in the order in which the node declares them.
        outputs: Names of its outputs.

    Raises:
        ShapeError: The rule refused the shapes, or gave something without the batch axis.

    Example:
        >>> def total(context, properties, x):
        ...     return x.sum(axis=-1)
        >>> infer_by_tracing("my_ops:total", total, {}, {"in": (4, 3)}, ("out",)).outputs
        {'out': (4,)}
    """
    op = Op(name, _unknown, {"flax": rule})
    inputs = tuple((port, Source("", port)) for port in shapes)
    node = Basic(op, tuple(sorted(properties.items())), inputs, outputs)
    module = architecture_module(alone(_KEY, node))
    try:
        made, variables = _trace(module, shapes)
        flops = _flops(module, shapes, variables)
    except (TypeError, ValueError, FlaxError) as error:
        raise ShapeError(f"{name!r} does not take {dict(shapes)}: {error}") from error
    by_name = cast("Mapping[str, Any]", made if len(outputs) > 1 else dict.fromkeys(outputs, made))
    return Inference(
        {port: _without_batch(tuple(by_name[port].shape), name) for port in outputs},
        _variables(variables),
        flops,
    )


def _unknown(properties: Properties, shapes: Shapes) -> Inference:
    raise NotImplementedError("what this operation infers is just being found out")


def _arrays(shapes: Shapes, batch: int) -> list[Any]:
    return [_struct((batch, *shape), jnp.float32) for shape in shapes.values()]


def _trace(module: ArchitectureModule, shapes: Shapes) -> tuple[Any, Any]:
    """Return the shapes of the outputs and of the variables."""
    key = jax.eval_shape(lambda: jax.random.key(0))
    traced = jax.eval_shape(module.init_with_output, key, *_arrays(shapes, _BATCH))
    return cast("tuple[Any, Any]", traced)


def _flops(module: ArchitectureModule, shapes: Shapes, variables: Mapping[str, Any]) -> int:
    lowered = jax.jit(module.apply).lower(variables, *_arrays(shapes, 1))
    costs = cast("dict[str, float] | None", lowered.cost_analysis())
    return int((costs or {}).get("flops", 0))


def _variables(variables: Mapping[str, Any]) -> tuple[Variable, ...]:
    return tuple(
        Variable(path, tuple(leaf.shape), OWN, collection)
        for collection, nodes in variables.items()
        for path, leaf in _leaves(nodes[_KEY], ())
    )


def _leaves(tree: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(tree, Mapping):
        yield path, tree
        return
    for name, branch in cast("Mapping[str, Any]", tree).items():
        yield from _leaves(branch, (*path, name))


def _without_batch(shape: Shape, name: str) -> Shape:
    if shape[:1] != (_BATCH,):
        raise ShapeError(
            f"{name!r} gave an output of shape {shape} for a batch of {_BATCH}; keep the batch "
            "axis in front"
        )
    return tuple(shape[1:])
