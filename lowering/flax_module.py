"""The one Flax module that every architecture lowers to."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX and Flax are partial)

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeAlias, cast

import jax
import jax.numpy as jnp
from flax import linen as nn

from jarch.ir import Architecture, Basic, Source

from .context import Context, Rule
from .errors import LoweringError
from .random_bits import RandomBits, draw_words, pairs_needed
from .rules import find_rule
from .spreading import examples_of

Tap: TypeAlias = Callable[[Source, jax.Array], jax.Array]
"""Called with each output of each node while a module is traced; returns what others get of it."""

_KEPT = 4096  # architectures remembered, to be the same object when lowered again


class ArchitectureModule(nn.Module):
    """Computes an architecture; variables live under the keys of the nodes that own them.

    All attributes are static and hashable, so equal architectures are one entry in jit's cache.

    Attributes:
        architecture: What to compute.
        dtype: What it computes in; None for what inputs and parameters promote to.
        param_dtype: What its parameters are kept in.
        rules: Rules of the user's own operations, by name. They are here so that an operation
            that was written anew under its old name is traced anew.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> module = ja.lower(ja.replay(space, [1, 16, "relu"])).module
        >>> module == ja.lower(ja.replay(space, [1, 16, "relu"])).module  # jit compiles one of them
        True
    """

    architecture: Architecture
    dtype: Any = None
    param_dtype: Any = jnp.float32
    rules: tuple[tuple[str, Rule], ...] = ()

    @nn.compact
    def __call__(
        self,
        *inputs: jax.Array,
        train: bool = False,
        numbers: Mapping[str, Mapping[str, Any]] | None = None,
        bits: RandomBits | None = None,
        tap: Tap | None = None,
    ) -> Any:
        """Compute.

        Args:
            inputs: In the order of `architecture.inputs`, with the batch axis in front. With
                `dtype` given, those of floating point are converted to it.
            train: Whether dropout drops and batch norm uses, and updates, its statistics.
            numbers: By node and name, properties in place of those in the architecture; they may
                be traced. Dropout then draws for all nodes at once, other numbers than Flax's.
            bits: What dropout draws from then; None draws it by the random key named `dropout`.
            tap: Sees the output of every node, and may change what other nodes get of it.

        Returns:
            The output; for an architecture with several, a dict of them by name.

        Raises:
            LoweringError: Not as many inputs as the architecture has.
        """
        names = self.architecture.inputs
        if len(inputs) != len(names):
            raise LoweringError(
                f"{len(inputs)} arrays for the inputs {list(names)}; pass one for each, in order"
            )
        values = {
            Source("", name): _convert(value, self.dtype)
            for name, value in zip(names, inputs, strict=True)
        }
        rules = dict(self.rules)
        if bits is None and train and numbers is not None:
            bits = self._bits(inputs)
        for key, node in self.architecture.nodes:
            context = Context(key, train, self.dtype, self.param_dtype, bits)
            rule = rules.get(node.op.name) or find_rule(node.op, "flax")
            made = _compute(context, node, rule, values, (numbers or {}).get(key, {}))
            values.update(made if tap is None else {s: tap(s, value) for s, value in made.items()})
        outputs = {name: values[source] for name, source in self.architecture.outputs}
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def _bits(self, inputs: tuple[jax.Array, ...]) -> RandomBits | None:
        """Draw what all dropout of a step takes."""
        shapes = [value.shape for value in inputs]
        each = {n: s[1:] for n, s in zip(self.architecture.inputs, shapes, strict=True)}
        pairs = pairs_needed(self.architecture, each, examples_of(shapes[0][0]))
        return RandomBits.of(draw_words(self.make_rng("dropout"), pairs)) if pairs else None


def architecture_module(
    architecture: Architecture, dtype: Any = None, param_dtype: Any = jnp.float32
) -> ArchitectureModule:
    """Return the module of an architecture, built on the first one seen that equals it.

    jit compares its static arguments on each call; that costs nothing for the same object, but
    66 µs for two equal architectures of 600 nodes.

    Raises:
        LoweringError: An operation has no rule for Flax, or a node has a name that Flax refuses.
    """
    if any(key == "params" for key, _ in architecture.nodes):
        raise LoweringError("Flax allows no node called 'params'; give it another name")
    rules = {node.op.name: find_rule(node.op, "flax") for _, node in architecture.nodes}
    own = tuple(
        {
            node.op.name: rules[node.op.name]
            for _, node in architecture.nodes
            if "flax" in node.op.lowerings
        }.items()
    )
    return ArchitectureModule(_same(architecture, own), dtype, param_dtype, own)


def alone(key: str, node: Basic) -> Architecture:
    """Return the architecture of one node, whose inputs come in the order in which it has them."""
    names = tuple(f"in{i:06d}" for i in range(len(node.inputs)))  # an architecture sorts them
    ports = zip(node.inputs, names, strict=True)
    wired = tuple((port, Source("", name)) for (port, _), name in ports)
    outputs = tuple((name, Source(key, name)) for name in node.outputs)
    return Architecture(names, ((key, replace(node, inputs=wired)),), outputs)


@lru_cache(maxsize=_KEPT)
def _same(architecture: Architecture, rules: tuple[tuple[str, Rule], ...]) -> Architecture:
    """Return the architecture first given, among equal ones."""
    return architecture


def _convert(value: jax.Array, dtype: Any) -> jax.Array:
    """Convert floating-point values; integers, such as those of an embedding, stay exact."""
    value = jnp.asarray(value)
    if dtype is None or not jnp.issubdtype(value.dtype, jnp.floating):
        return value
    return value.astype(dtype)


def _compute(
    context: Context,
    node: Basic,
    rule: Rule,
    values: Mapping[Source, jax.Array],
    numbers: Mapping[str, Any],
) -> dict[Source, jax.Array]:
    """Return the node's outputs by where others take them from."""
    inputs = [values[source] for _, source in node.inputs]
    try:
        made = rule(context, {**dict(node.properties), **numbers}, *inputs)
    except Exception as error:
        error.add_note(f"in node {context.key!r}, a {node.op.name!r} of {_shapes(inputs)}")
        raise
    return {
        Source(context.key, name): value
        for name, value in zip(node.outputs, _outputs(made, context, node), strict=True)
    }


def _outputs(made: object, context: Context, node: Basic) -> list[jax.Array]:
    """Return what a rule gave, in the order of the node's outputs.

    Raises:
        LoweringError: It gave other outputs than the node declares.
    """
    if isinstance(made, Mapping):
        by_name = cast("Mapping[str, jax.Array]", made)
        found, given = [by_name[name] for name in node.outputs if name in by_name], list(by_name)
    else:
        found = list(cast("tuple[jax.Array, ...]", made if isinstance(made, tuple) else (made,)))
        given = [str(i) for i in range(len(found))]
    if not len(found) == len(given) == len(node.outputs):
        raise LoweringError(
            f"{context.key}: the rule of {node.op.name!r} gave outputs {given}, but the node has "
            f"{list(node.outputs)}; return one for each"
        )
    return found


def _shapes(inputs: list[jax.Array]) -> str:
    return ", ".join(f"{value.dtype}{list(value.shape)}" for value in inputs) or "nothing"
