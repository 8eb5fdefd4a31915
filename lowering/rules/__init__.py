"""How each of jarch's operations lowers, by target: the tables are written out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from jarch.ir import Op
from jarch.lowering.context import Rule
from jarch.lowering.errors import LoweringError

from . import activations, convolution, features, normalization, pooling, structure

FLAX: Mapping[str, Rule] = {
    "activation": activations.activation,
    "add": structure.add,
    "attention": features.attention,
    "avg_pool": pooling.avg_pool,
    "batch_norm": normalization.batch_norm,
    "concatenate": structure.concatenate,
    "conv": convolution.conv,
    "dense": features.dense,
    "depthwise_conv": convolution.depthwise_conv,
    "drop_path": normalization.drop_path,
    "dropout": normalization.dropout,
    "elu": activations.elementwise(activations.FUNCTIONS["elu"]),
    "embedding": features.embedding,
    "flatten": structure.flatten,
    "gelu": activations.elementwise(activations.FUNCTIONS["gelu"]),
    "global_avg_pool": pooling.global_avg_pool,
    "global_max_pool": pooling.global_max_pool,
    "group_norm": normalization.group_norm,
    "hard_swish": activations.elementwise(activations.FUNCTIONS["hard_swish"]),
    "identity": structure.identity,
    "layer_norm": normalization.layer_norm,
    "leaky_relu": activations.leaky_relu,
    "max_pool": pooling.max_pool,
    "multiply": structure.multiply,
    "relu": activations.elementwise(activations.FUNCTIONS["relu"]),
    "relu6": activations.elementwise(activations.FUNCTIONS["relu6"]),
    "selu": activations.elementwise(activations.FUNCTIONS["selu"]),
    "separable_conv": convolution.separable_conv,
    "sigmoid": activations.elementwise(activations.FUNCTIONS["sigmoid"]),
    "silu": activations.elementwise(activations.FUNCTIONS["silu"]),
    "softmax": activations.elementwise(activations.FUNCTIONS["softmax"]),
    "softplus": activations.elementwise(activations.FUNCTIONS["softplus"]),
    "squeeze_excite": features.squeeze_excite,
    "tanh": activations.elementwise(activations.FUNCTIONS["tanh"]),
    "zero": structure.zero,
}

RULES: Mapping[str, Mapping[str, Rule]] = {"flax": FLAX}
"""Rules by target and by the operation's name."""


def find_rule(op: Op, target: str) -> Rule:
    """Return how an operation lowers: the rule that it carries, or jarch's own.

    Args:
        op: Any.
        target: Such as `"flax"`.

    Raises:
        LoweringError: There is no rule for this operation and this target.

    Example:
        >>> from jarch.ir import OPS, Op
        >>> find_rule(OPS["dense"], "flax") is FLAX["dense"]
        True
        >>> def rule(context, properties, x):
        ...     return 2 * x
        >>> twice = Op("my_ops:twice", OPS["identity"].infer, {"flax": rule})
        >>> find_rule(twice, "flax") is rule
        True
    """
    rule = op.lowerings.get(target) or RULES.get(target, {}).get(op.name)
    if rule is None:
        raise LoweringError(
            f"operation {op.name!r} has no rule for the target {target!r}; give it one: "
            f"Op(…, lowerings={{{target!r}: rule}})"
        )
    return cast(Rule, rule)
