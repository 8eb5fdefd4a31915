"""However a convolution is computed, it is the same function with the same gradients."""

# JAX and Flax leave types out:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from jax import lax

import jarch as ja
from jarch import nn
from jarch.lowering.normal_form import normal_form
from jarch.lowering.rules import choices
from jarch.lowering.rules.choices import (
    CHOICES,
    WAYS,
    WORTH_COMPARING,
    Case,
    chosen,
    overrule,
    overruled,
    situated,
)
from jarch.lowering.rules.convolution import per_axis
from jarch.lowering.rules.measuring import Convolution, measure_choice
from jarch.lowering.training.steps import compiled_forward

EXAMPLES = max(12, settings().max_examples // 8)  # each compiles a program


def architecture(piece: ja.Fragment) -> ja.Architecture:
    return ja.replay(ja.trace(lambda: piece), [])


def assert_same(
    way: str,
    shape: tuple[int, ...],
    drawn: dict[str, Any],
    groups: int,
    features: int,
    dtype: Any,
    looped: bool,
) -> None:
    """Compare output and gradients with those of `jax.lax`, by the greatest value of each.

    `looped` computes those that are compared within a `lax.scan`, over the input and its negative.
    """
    rng, axes = np.random.default_rng(0), len(shape) - 1
    sizes = {name: per_axis(drawn[name], axes) for name in ("kernel_size", "strides", "dilation")}
    x = jnp.asarray(rng.standard_normal((2, *shape)), dtype)
    kernel_shape = (*sizes["kernel_size"], shape[-1] // groups, features)
    kernel = jnp.asarray(rng.standard_normal(kernel_shape), dtype)
    layout = (0, axes + 1, *range(1, axes + 1))
    numbers = lax.ConvDimensionNumbers(layout, (axes + 1, axes, *range(axes)), layout)

    def run(convolve: Any, x: Any) -> Any:
        def loss(x: Any, kernel: Any) -> Any:
            made = convolve(
                x,
                kernel,
                sizes["strides"],
                drawn["padding"],
                rhs_dilation=sizes["dilation"],
                dimension_numbers=numbers,
                feature_group_count=groups,
            )
            factors = jnp.cos(jnp.arange(made.size, dtype=jnp.float32)).reshape(made.shape)
            return (made.astype(jnp.float32) * factors).sum(), made

        gradients, made = jax.grad(loss, (0, 1), has_aux=True)(x, kernel)
        return (made, *gradients)

    def scanned(convolve: Any) -> Any:
        _, made = lax.scan(lambda _, x: (None, run(convolve, x)), None, jnp.stack([-x, x]))
        return jax.tree.map(lambda each: each[1], made)

    def both() -> Any:
        ours = scanned(WAYS[way]) if looped else run(WAYS[way], x)
        return ours, run(WAYS["lax"], x)

    ours, theirs = jax.jit(both)()
    tolerance = 1e-5 if dtype == jnp.float32 else 3e-2
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.shape, mine.dtype) == (other.shape, other.dtype)
        found, expected = np.asarray(mine, np.float32), np.asarray(other, np.float32)
        scale = max(1.0, float(np.abs(expected).max(initial=0)))
        np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=tolerance)


@st.composite
def windows(draw: st.DrawFn) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Draw an image's shape, and how a kernel slides over it."""
    axes = draw(st.integers(1, 3))
    top = (9, 7, 5)[axes - 1]
    spatial = tuple(draw(st.integers(1, top)) for _ in range(axes))

    def sizes(highest: int) -> Any:
        one = st.integers(1, highest)
        return draw(st.one_of(one, st.tuples(*[one] * axes)))

    properties = {
        "kernel_size": sizes(7 if axes < 3 else 3),
        "strides": sizes(3),
        "dilation": sizes(3),
        "padding": draw(st.sampled_from(["SAME", "VALID"])),
        "use_bias": draw(st.booleans()),
    }
    return (*spatial, draw(st.integers(1, 4))), properties


def fits(shape: tuple[int, ...], properties: dict[str, Any]) -> bool:
    try:
        ja.analyze(architecture(nn.depthwise_conv(**properties)), {"in": shape})
    except ja.ShapeError:
        return False
    return True


@settings(max_examples=EXAMPLES)
@given(windows(), st.integers(1, 3), st.sampled_from([jnp.float32, jnp.bfloat16]), st.booleans())
def test_shifted_depthwise_convolutions(
    drawn: Any, multiplier: int, dtype: Any, looped: bool
) -> None:
    shape, properties = drawn
    assume(fits(shape, properties))
    features = shape[-1] * multiplier
    assert_same("shifted", shape, properties, shape[-1], features, jnp.dtype(dtype), looped)


@settings(max_examples=EXAMPLES)
@given(windows(), st.integers(1, 3), st.sampled_from([jnp.float32, jnp.bfloat16]), st.booleans())
def test_convolutions_as_products(drawn: Any, groups: int, dtype: Any, looped: bool) -> None:
    (*spatial, channels), properties = drawn
    shape = (*spatial, channels * groups)
    assume(fits(shape, properties))
    assert_same("product", shape, properties, groups, 2 * groups, jnp.dtype(dtype), looped)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("spatial", "kernel"), [((1, 1), 1), ((1, 1), 5), ((1,), 3), ((2, 1), 1)])
def test_convolutions_of_one_pixel_are_dense_layers(
    spatial: tuple[int, ...], kernel: int, groups: int
) -> None:
    shape = (*spatial, 3 * groups)
    drawn = {"kernel_size": kernel, "strides": 2, "dilation": 1, "padding": "SAME"}
    for padding in ("SAME", "VALID") if kernel == 1 else ("SAME",):
        drawn["padding"] = padding
        assert_same("dense", shape, drawn, groups, 4 * groups, jnp.dtype(jnp.float32), False)
    model = ja.lower(architecture(nn.conv(4 * groups, kernel, groups=groups)))
    x = jnp.ones((2, *shape))
    with situated("often"):
        text = jax.jit(model.module.apply).lower(model.init(0, x), x).as_text()
    assert ("convolution" in text) == (groups > 1 or spatial == (2, 1))


@pytest.mark.parametrize("piece", [nn.depthwise_conv(3, 2, 2), nn.separable_conv(3, 5, 2)])
def test_variables_are_the_same_whichever_way(piece: ja.Fragment) -> None:
    model, x = ja.lower(architecture(piece)), jnp.ones((2, 6, 5, 3)).at[0].set(0.5)
    variables = model.init(0, x)

    def computed() -> Any:
        key = jax.random.key(0)
        assert jax.tree.map(jnp.shape, variables) == jax.tree.map(
            jnp.shape, jax.eval_shape(model.module.init, key, x)
        )
        return model.apply(variables, x)

    theirs = computed()
    with situated("often"):
        ours = computed()
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_what_the_table_says() -> None:
    assert jax.default_backend() == "cpu"
    assert chosen("depthwise_conv") is lax.conv_general_dilated
    assert chosen("conv") is lax.conv_general_dilated
    with situated("often"):
        assert chosen("conv") is WAYS["dense"]
        assert chosen("depthwise_conv") is WAYS["shifted"]
    with situated("loop"):
        assert chosen("conv") is WAYS["product"]
        assert chosen("depthwise_conv") is WAYS["shifted"]
    assert chosen("conv") is lax.conv_general_dilated
    assert {case.backend for case in CHOICES} == {"cpu"}  # lax on all others


def test_no_convolution_in_a_loop() -> None:
    """A convolution in a loop is many times slower on a CPU; a product is not."""
    net = architecture(ja.sequential(nn.conv(4, 3), nn.separable_conv(4, 3), nn.depthwise_conv(3)))
    model, x = ja.lower(net), jnp.ones((2, 6, 6, 2))
    variables = model.init(0, x)

    def body(carry: Any, _: Any) -> Any:
        with situated("loop"):
            made: Any = model.module.apply(variables, x)
            return carry + made.sum(), None

    text = jax.jit(lambda: lax.scan(body, 0.0, length=3)).lower().as_text()
    assert "convolution" not in text
    straight = jax.jit(model.module.apply).lower(variables, x).as_text()
    assert "convolution" in straight


def test_an_overruled_choice_holds_also_for_what_was_compiled() -> None:
    model, x = ja.lower(architecture(nn.depthwise_conv(3))), jnp.ones((1, 5, 5, 2))
    step = jax.jit(model.module.apply)
    variables = model.init(0, x)
    assert "convolution" in step.lower(variables, x).as_text()
    with overruled("depthwise_conv", "shifted"):
        assert "convolution" not in step.lower(variables, x).as_text()
    assert "convolution" in step.lower(variables, x).as_text()
    with overruled("depthwise_conv", "shifted", backend="gpu"):
        assert Case("depthwise_conv", "gpu", "straight") not in CHOICES
        assert chosen("depthwise_conv") is lax.conv_general_dilated


@pytest.mark.parametrize(
    ("operation", "way", "message"),
    [
        ("dense", "lax", "no 'conv' and no 'depthwise_conv'"),
        ("conv", "fast", "must be one of"),
        ("conv", "shifted", "for 'depthwise_conv' alone"),
    ],
)
def test_what_cannot_be_chosen(operation: str, way: str, message: str) -> None:
    with pytest.raises(ja.LoweringError, match=message):
        overrule(operation, way)


def test_what_a_user_jits_is_as_written_and_fit_takes_the_faster_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[str] = []

    def spy(way: str) -> Any:
        def convolve(*arguments: Any, **named: Any) -> Any:
            taken.append(way)
            return WAYS[way](*arguments, **named)

        return convolve

    monkeypatch.setattr(choices, "WAYS", {way: spy(way) for way in WAYS})
    net = architecture(ja.sequential(nn.depthwise_conv(3), nn.global_avg_pool, nn.dense(2)))
    model, x = ja.lower(net), jnp.ones((1, 5, 5, 2))
    variables = model.init(0, x)
    jax.jit(model.module.apply).lower(variables, x)
    assert taken == ["lax"]
    compiled_forward(model.module, (normal_form(net).to_normal(variables), x))
    assert taken == ["lax", "shifted"]


@pytest.mark.parametrize("situation", ["often", "loop"])
@pytest.mark.parametrize(("operation", "groups"), [("conv", 1), ("depthwise_conv", 2)])
def test_measuring_times_all_ways(operation: str, groups: int, situation: Any) -> None:
    convolution = Convolution((4, 4, 2), (3, 3), (1, 1), "SAME", (1, 1), groups, 2)
    found = measure_choice(operation, convolution, 2, situation, rounds=1)
    assert set(found) == set(WORTH_COMPARING[operation])
    assert all(seconds > 0 for seconds in found.values())


def test_a_large_kernel_does_not_make_a_large_program() -> None:
    """The program grows with the width of the kernel, not with its area."""
    x = jnp.ones((1, 16, 16, 2))

    def size(kernel_size: int) -> int:
        model = ja.lower(architecture(nn.depthwise_conv(kernel_size)))
        variables = model.init(0, x)
        loss = jax.jit(jax.grad(lambda v: model.apply(v, x).sum()))
        with situated("often"):
            return loss.lower(variables).as_text().count("\n")

    assert size(7) < 2 * size(3)


def test_gradients_of_gradients() -> None:
    model, x = ja.lower(architecture(nn.depthwise_conv(3, strides=2))), jnp.ones((2, 5, 5, 3))
    variables = model.init(0, x)

    def norm(variables: Any) -> Any:
        gradients = jax.grad(lambda v: (model.apply(v, x) ** 3).sum())(variables)
        return sum((leaf**2).sum() for leaf in jax.tree.leaves(gradients))

    theirs = jax.grad(norm)(variables)
    with situated("often"):
        ours = jax.grad(norm)(variables)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), ours, theirs)
