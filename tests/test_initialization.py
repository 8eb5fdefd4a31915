"""Variables start as Flax would start them, from streams of their own, without compiling."""

# JAX and Flax leave types out:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.nn import initializers as flax_initializers
from numpy.typing import NDArray
from scipy import stats

import jarch as ja
from jarch import lowering, nn
from jarch.ir import Inference, Op, Shape, Variable
from jarch.lowering.initializers import INITIALIZERS, truncated_normal

RNG_SEED = 5
REJECTED = 1e-3  # with fixed seeds, a p-value below this means that distributions differ


def model_of(make: Callable[[], ja.Fragment]) -> ja.Model:
    return ja.lower(ja.replay(ja.trace(make), []))


def drawn(name: str, shape: Shape, seed: int = RNG_SEED) -> NDArray[Any]:
    return INITIALIZERS[name](np.random.default_rng(seed), shape, np.dtype(np.float32))


def of_one_distribution(ours: Any, theirs: Any) -> bool:
    found: Any = stats.ks_2samp(np.asarray(ours).ravel(), np.asarray(theirs).ravel())
    return bool(found.pvalue > REJECTED)


def test_truncated_normal_has_its_moments_and_its_limits() -> None:
    values = truncated_normal(np.random.default_rng(0), (400_000,), np.dtype(np.float32))
    assert values.dtype == np.float32
    assert np.abs(values).max() <= 2
    assert np.abs(values).max() > 1.99
    assert values.mean() == pytest.approx(0, abs=0.005)
    assert values.std() == pytest.approx(0.87962566103423978, abs=0.003)
    assert stats.kstest(values, stats.truncnorm(-2, 2).cdf).pvalue > REJECTED


@pytest.mark.parametrize("shape", [(300, 400), (3, 3, 16, 512), (3, 3, 1, 2048), (5, 24, 700)])
def test_lecun_normal_is_that_of_jax(shape: Shape) -> None:
    ours = drawn("lecun_normal", shape)
    theirs = flax_initializers.lecun_normal()(jax.random.key(0), shape)
    fan_in = np.prod(shape[:-1])
    assert ours.std() == pytest.approx(1 / np.sqrt(fan_in), rel=0.02)
    assert ours.mean() == pytest.approx(0, abs=0.02 / np.sqrt(fan_in))
    assert np.abs(ours).max() <= 2 / np.sqrt(fan_in) / 0.87962566103423978 * (1 + 1e-6)
    assert of_one_distribution(ours, theirs)


def test_the_comparison_can_fail() -> None:
    theirs = flax_initializers.lecun_normal()(jax.random.key(0), (300, 400))
    assert not of_one_distribution(drawn("lecun_normal", (300, 400)) * 1.05, theirs)
    assert not of_one_distribution(drawn("embedding_normal", (400, 300)), theirs)  # same variance


CASES: dict[str, tuple[Callable[[], ja.Fragment], Any, Shape]] = {
    "conv": (lambda: nn.conv(64, 3), linen.Conv(64, (3, 3)), (4, 4, 32)),
    "grouped": (
        lambda: nn.conv(64, 3, groups=8),
        linen.Conv(64, (3, 3), feature_group_count=8),
        (4, 4, 64),
    ),
    "depthwise": (
        lambda: nn.depthwise_conv(5),
        linen.Conv(512, (5, 5), feature_group_count=512),
        (2, 2, 512),
    ),
    "dense": (lambda: nn.dense(100), linen.Dense(100), (128,)),
    "embedding": (lambda: nn.embedding(500, 64), linen.Embed(500, 64), (3,)),
    "attention": (
        lambda: nn.attention(4, qkv_features=96),
        linen.MultiHeadDotProductAttention(4, qkv_features=96),
        (3, 64),
    ),
    "batch_norm": (lambda: nn.batch_norm(), linen.BatchNorm(use_running_average=True), (8,)),
    "layer_norm": (lambda: nn.layer_norm(), linen.LayerNorm(), (8,)),
}


def by_path(tree: Any) -> dict[str, Any]:
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


@pytest.mark.parametrize("case", CASES)
def test_variables_start_as_those_of_flax(case: str) -> None:
    make, module, shape = CASES[case]
    x = jnp.ones((1, *shape), jnp.int32 if case == "embedding" else jnp.float32)
    theirs: Any = module.init(jax.random.key(3), x)
    ours = model_of(make).init(3, x)
    for collection, variables in theirs.items():
        (alone,) = ours[collection].values()
        mine_by_path, its_by_path = by_path(alone), by_path(variables)
        assert mine_by_path.keys() == its_by_path.keys()
        for path, its in its_by_path.items():
            mine = mine_by_path[path]
            assert mine.shape == its.shape
            if np.ptp(its):
                assert float(np.std(mine)) == pytest.approx(float(np.std(its)), rel=0.03)
                assert of_one_distribution(mine, its)
            else:
                np.testing.assert_array_equal(mine, its)


def net(features: int = 16, kernel_size: int = 3) -> ja.Fragment:
    return ja.sequential(
        nn.conv(features=8, kernel_size=kernel_size, name="stem"),
        nn.batch_norm,
        nn.global_avg_pool,
        nn.dense(features=features, name="head"),
        nn.dense(features=3, name="last"),
    )


IMAGE = jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)  # type: ignore[no-untyped-call]


def test_keys_of_all_kinds_give_the_same_numbers() -> None:
    model = model_of(net)
    expected = model.init(7, IMAGE)
    words = np.array([0, 7], np.uint32)
    keys: list[Any] = [jax.random.key(7), jax.random.PRNGKey(7), np.int64(7), words]
    for key in keys:
        jax.tree.map(np.testing.assert_array_equal, model.init(key, IMAGE), expected)
    other = model.init(8, IMAGE)["params"]["stem"]["kernel"]
    assert not np.array_equal(other, expected["params"]["stem"]["kernel"])


def test_numbers_depend_on_key_node_and_path_alone() -> None:
    wide, narrow = (model_of(partial(net, n)).init(0, IMAGE) for n in (16, 8))
    np.testing.assert_array_equal(
        wide["params"]["stem"]["kernel"], narrow["params"]["stem"]["kernel"]
    )
    same_shape = model_of(lambda: ja.sequential(nn.dense(8, name="a"), nn.dense(8, name="b"))).init(
        0, np.ones((1, 8))
    )["params"]
    assert not np.array_equal(same_shape["a"]["kernel"], same_shape["b"]["kernel"])
    attention = model_of(lambda: nn.attention(2)).init(0, np.ones((1, 4, 8)))["params"]["attention"]
    assert not np.array_equal(attention["query"]["kernel"], attention["key"]["kernel"])


def test_a_seed_means_the_same_in_every_version() -> None:
    kernel = model_of(lambda: nn.dense(2)).init(0, np.ones((1, 2)))["params"]["dense"]["kernel"]
    expected = [[0.11177789, -0.81092167], [-0.47875088, -0.63424563]]
    np.testing.assert_allclose(np.asarray(kernel), expected, rtol=1e-5)


def test_initialising_inside_a_traced_function() -> None:
    model = model_of(net)
    key = jax.random.key(1)
    expected = model.init(key, IMAGE)
    x = jnp.ones(IMAGE.shape)
    jax.tree.map(np.testing.assert_array_equal, jax.jit(model.init)(key, x), expected)
    shapes = by_path(jax.eval_shape(model.init, key, IMAGE))
    assert {path: (leaf.shape, leaf.dtype) for path, leaf in shapes.items()} == {
        path: (leaf.shape, leaf.dtype) for path, leaf in by_path(expected).items()
    }
    many = jax.vmap(model.init, in_axes=(0, None))(jax.random.split(key, 2), x)
    first = by_path(model.init(jax.random.split(key, 2)[0], IMAGE))
    for path, leaf in by_path(many).items():
        np.testing.assert_array_equal(leaf[0], first[path])


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_parameters_have_their_type_and_statistics_float32(dtype: Any) -> None:
    model = ja.lower(ja.replay(ja.trace(net), []), param_dtype=dtype)
    variables = model.init(0, IMAGE)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables["params"])} == {np.dtype(dtype)}
    assert {leaf.dtype for leaf in jax.tree.leaves(variables["batch_stats"])} == {np.dtype("f4")}


def test_float64_is_drawn_in_float64() -> None:
    with jax.enable_x64(True):
        model = ja.lower(ja.replay(ja.trace(net), []), param_dtype=jnp.float64)
        kernel = np.asarray(model.init(0, IMAGE)["params"]["head"]["kernel"])
        assert kernel.dtype == np.float64
        assert (kernel != kernel.astype(np.float32)).any()


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (-1, "from 0 to"),
        (1 << 64, "from 0 to"),
        (0.5, "no random key"),
        ("seed", "no random key"),
        (np.ones(3), "no random key"),
        (jnp.ones((2, 2), jnp.uint32), "no random key"),
    ],
)
def test_what_is_no_key(key: Any, message: str) -> None:
    with pytest.raises(ja.LoweringError, match=message):
        model_of(net).init(key, IMAGE)


def test_unknown_initialisers_are_named() -> None:
    def infer(properties: Any, shapes: Any) -> Inference:
        return Inference({"out": shapes["in"]}, (Variable(("bias",), (2,), "magic"),))

    op = Op("odd", infer, {"flax": lambda context, properties, value: value})
    with pytest.raises(ja.LoweringError, match="'magic' of bias is none of"):
        model_of(lambda: ja.basic(op, {})).init(0, np.ones((1, 2)))


def test_initial_variables_of_an_architecture() -> None:
    architecture = ja.replay(ja.trace(net), [])
    found = lowering.initial_variables(architecture, 0, {"in": (8, 8, 3)})
    jax.tree.map(np.testing.assert_array_equal, found, ja.lower(architecture).init(0, IMAGE))


@pytest.mark.slow
def test_initialising_takes_a_twentieth_of_compiled_flax() -> None:
    architecture = ja.sample(ja.trace(ja.spaces.mobilenet), np.random.default_rng(0))
    model, x = ja.lower(architecture), jnp.ones((1, 32, 32, 3))
    start = time.perf_counter()
    ours = jax.tree.leaves(model.init(0, x))
    ours[-1].block_until_ready()
    middle = time.perf_counter()
    theirs = jax.tree.leaves(jax.jit(model.module.init)(jax.random.key(0), x))
    theirs[-1].block_until_ready()
    assert middle - start < 0.05 * (time.perf_counter() - middle)
