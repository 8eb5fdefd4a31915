"""Each operation says the same shapes, variables and FLOPs as the Flax module it stands for."""

# JAX and Flax leave types out:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import flax.linen as linen
import jax
import jax.numpy as jnp
import pytest

from jarch import nn
from jarch.ir import ACTIVATION_NAMES, OPS, Basic, Fragment, Inference, Shape

Case: TypeAlias = tuple[Fragment, Any, Shape]


class Separable(linen.Module):
    features: int
    kernel: tuple[int, ...]
    strides: int
    multiplier: int
    use_bias: bool

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        x = linen.Conv(
            channels * self.multiplier,
            self.kernel,
            strides=self.strides,
            feature_group_count=channels,
            use_bias=False,
            name="depthwise",
        )(x)
        ones = (1,) * len(self.kernel)
        return linen.Conv(self.features, ones, use_bias=self.use_bias, name="pointwise")(x)


class SqueezeExcite(linen.Module):
    hidden: int

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        means = jnp.mean(x, tuple(range(1, x.ndim - 1)), keepdims=True)
        hidden = linen.relu(linen.Dense(self.hidden, name="reduce")(means))
        return x * linen.sigmoid(linen.Dense(x.shape[-1], name="expand")(hidden))


def pool(function: Callable[..., Any], window: tuple[int, ...], **options: Any) -> Any:
    return lambda x: function(x, window, **options)


def over_axes(function: Callable[..., Any]) -> Callable[[jax.Array], jax.Array]:
    return lambda x: function(x, axis=tuple(range(1, x.ndim - 1)))


def convolutions() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for padding in ("SAME", "VALID"):
        for size, kernel, strides, dilation in (
            (8, 3, 1, 1),
            (8, 3, 2, 1),
            (7, 5, 2, 1),
            (9, 2, 3, 1),
            (9, 3, 1, 2),
            (11, 4, 2, 3),
            (5, 1, 2, 1),
        ):
            cases[f"conv-{padding}-{size}-{kernel}-{strides}-{dilation}"] = (
                nn.conv(6, kernel, strides, padding, dilation),
                linen.Conv(
                    6,
                    (kernel, kernel),
                    strides=strides,
                    padding=padding,
                    kernel_dilation=dilation,
                ),
                (size, size + 1, 4),
            )
    return cases | {
        "conv-1d": (nn.conv(6, 3, 2), linen.Conv(6, (3,), strides=2), (9, 4)),
        "conv-3d": (nn.conv(6, (1, 2, 3)), linen.Conv(6, (1, 2, 3)), (3, 4, 5, 2)),
        "conv-groups": (
            nn.conv(8, 3, groups=2, use_bias=False),
            linen.Conv(8, (3, 3), feature_group_count=2, use_bias=False),
            (6, 6, 4),
        ),
        "conv-kernel-and-strides": (
            nn.conv(8, (3, 5), strides=(1, 2)),
            linen.Conv(8, (3, 5), strides=(1, 2)),
            (6, 6, 4),
        ),
        "conv-kernel-wider-than-input": (nn.conv(8, 7), linen.Conv(8, (7, 7)), (2, 3, 4)),
        "depthwise": (
            nn.depthwise_conv(5, strides=2),
            linen.Conv(4, (5, 5), strides=2, feature_group_count=4),
            (8, 8, 4),
        ),
        "depthwise-multiplier": (
            nn.depthwise_conv(3, multiplier=3, dilation=2, use_bias=False),
            linen.Conv(12, (3, 3), kernel_dilation=2, feature_group_count=4, use_bias=False),
            (8, 8, 4),
        ),
        "separable": (nn.separable_conv(6, 3), Separable(6, (3, 3), 1, 1, True), (8, 8, 4)),
        "separable-1d": (
            nn.separable_conv(6, 3, multiplier=2, strides=2, use_bias=False),
            Separable(6, (3,), 2, 2, False),
            (8, 4),
        ),
    }


CASES: Mapping[str, Case] = {
    **convolutions(),
    "dense": (nn.dense(5), linen.Dense(5), (7,)),
    "dense-of-images": (nn.dense(5, use_bias=False), linen.Dense(5, use_bias=False), (3, 4, 7)),
    "embedding": (nn.embedding(50, 8), linen.Embed(50, 8), (20,)),
    "embedding-of-one-row": (nn.embedding(1, 8), linen.Embed(1, 8), (20,)),
    "embedding-of-one": (nn.embedding(50, 8), linen.Embed(50, 8), ()),
    "batch_norm": (nn.batch_norm(), linen.BatchNorm(use_running_average=True), (8, 8, 4)),
    "batch_norm-flat": (nn.batch_norm(), linen.BatchNorm(use_running_average=True), (16,)),
    "layer_norm": (nn.layer_norm(), linen.LayerNorm(), (10, 16)),
    "group_norm": (nn.group_norm(groups=4), linen.GroupNorm(4), (8, 8, 12)),
    "drop_path": (
        nn.drop_path(0.5),
        linen.Dropout(0.5, broadcast_dims=(1, 2), deterministic=True),
        (4, 9),
    ),
    "dropout": (nn.dropout(0.5), linen.Dropout(0.5, deterministic=True), (9,)),
    "max_pool": (nn.max_pool(2), pool(linen.max_pool, (2, 2), strides=(2, 2)), (9, 8, 4)),
    "max_pool-same": (
        nn.max_pool(3, strides=2, padding="SAME"),
        pool(linen.max_pool, (3, 3), strides=(2, 2), padding="SAME"),
        (9, 8, 4),
    ),
    "avg_pool": (
        nn.avg_pool((2, 3), strides=1),
        pool(linen.avg_pool, (2, 3), strides=(1, 1)),
        (9, 8, 4),
    ),
    "avg_pool-1d": (nn.avg_pool(2), pool(linen.avg_pool, (2,), strides=(2,)), (9, 4)),
    "global_max_pool": (nn.global_max_pool(), over_axes(jnp.max), (5, 6, 7)),
    "global_avg_pool": (nn.global_avg_pool(), over_axes(jnp.mean), (5, 6, 7)),
    "flatten": (nn.flatten(), lambda x: x.reshape(x.shape[0], -1), (5, 6, 7)),
    "identity": (nn.identity(), lambda x: x, (5, 6, 7)),
    "zero": (nn.zero(), jnp.zeros_like, (5, 6, 7)),
    "leaky_relu": (nn.leaky_relu(0.2), lambda x: linen.leaky_relu(x, 0.2), (100,)),
    **{
        name: (getattr(nn, name)(), getattr(linen, name), (10, 10))
        for name in ACTIVATION_NAMES
        if name != "leaky_relu"
    },
    **{
        f"activation-{name}": (nn.activation(name), getattr(linen, name), (10, 10))
        for name in ACTIVATION_NAMES
    },
    "add": (nn.add(3), lambda x, y, z: x + y + z, (4, 5)),
    "multiply": (nn.multiply(), lambda x, y: x * y, (4, 5)),
    "concatenate": (nn.concatenate(3), lambda *xs: jnp.concatenate(xs, -1), (4, 5)),
    "attention": (nn.attention(4), linen.MultiHeadDotProductAttention(4), (10, 16)),
    "attention-narrow": (
        nn.attention(2, qkv_features=8, dropout_rate=0.5),
        linen.MultiHeadDotProductAttention(2, qkv_features=8, dropout_rate=0.5, deterministic=True),
        (10, 12),
    ),
    "squeeze_excite": (nn.squeeze_excite(), SqueezeExcite(4), (8, 8, 16)),
    "squeeze_excite-of-few": (nn.squeeze_excite(ratio=8), SqueezeExcite(1), (9, 3)),
}


def basic_node(fragment: Fragment) -> Basic:
    ((_, node),) = fragment.nodes
    assert isinstance(node, Basic)
    return node


def inferred(node: Basic, shape: Shape) -> Inference:
    properties: Any = dict(node.properties)
    return node.op.infer(properties, {name: shape for name, _ in node.inputs})


def test_every_operation_is_compared() -> None:
    assert {basic_node(fragment).op.name for fragment, _, _ in CASES.values()} == set(OPS)


@pytest.mark.parametrize("case", CASES)
def test_shapes_variables_and_flops(case: str) -> None:
    fragment, module, shape = CASES[case]
    found = inferred(basic_node(fragment), shape)
    dtype = jnp.int32 if case.startswith("embedding") else jnp.float32
    inputs = [jnp.zeros((1, *shape), dtype) for _ in fragment.inputs]

    is_module = isinstance(module, linen.Module)
    variables: Any = jax.eval_shape(module.init, jax.random.key(0), *inputs) if is_module else {}
    forward = module.apply if is_module else lambda _, *xs: module(*xs)
    lowered = jax.jit(forward).lower(variables, *inputs)

    leaves = jax.tree_util.tree_leaves_with_path(variables)
    assert {(v.collection, *v.path): v.shape for v in found.variables} == {
        tuple(entry.key for entry in path): leaf.shape for path, leaf in leaves
    }
    assert (1, *found.outputs["out"]) == lowered.out_info.shape
    cost: Any = lowered.cost_analysis()
    assert found.flops == cost.get("flops", 0)
