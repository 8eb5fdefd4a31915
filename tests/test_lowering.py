"""Lowered models are what analysis says they are, and compute what the same Flax net computes."""

# JAX and Flax leave types out:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import jarch as ja
from jarch import lowering, nn
from jarch.ir import Inference, Op, Shape, Source
from jarch.testing.strategies import WIDTH, space_functions

IMAGE: dict[str, Shape] = {"in": (8, 8, 3)}


def replayed(make: Callable[[], ja.Fragment], *values: object) -> ja.Architecture:
    return ja.replay(ja.trace(make), values)


def small_net() -> ja.Fragment:
    return ja.sequential(
        nn.conv(features=8, kernel_size=3, name="stem"),
        nn.batch_norm,
        nn.relu,
        ja.residual(ja.sequential(nn.depthwise_conv(kernel_size=3), nn.conv(8, 1, name="mix"))),
        nn.max_pool(window=2),
        nn.flatten,
        nn.dropout(rate=0.5),
        nn.dense(features=5),
        name="net",
    )


class SmallNet(linen.Module):
    """The same by hand, with the same names."""

    @linen.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        x = linen.Conv(8, (3, 3), name="net/stem")(x)
        x = linen.BatchNorm(use_running_average=not train, name="net/batch_norm")(x)
        x = linen.relu(x)
        y = linen.Conv(8, (3, 3), feature_group_count=8, name="net/depthwise_conv")(x)
        x = linen.Conv(8, (1, 1), name="net/mix")(y) + x
        x = linen.max_pool(x, (2, 2), strides=(2, 2))  # type: ignore[no-untyped-call]
        x = x.reshape((x.shape[0], -1))
        x = linen.Dropout(0.5, deterministic=not train, name="net/dropout")(x)
        return linen.Dense(5, name="net/dense")(x)


def every_op() -> ja.Fragment:
    """A net of images in which each operation that takes floating point occurs."""
    activations: list[Callable[[], ja.Fragment]] = [
        nn.relu,
        nn.relu6,
        nn.leaky_relu,
        nn.elu,
        nn.selu,
        nn.gelu,
        nn.silu,
        nn.tanh,
    ]
    activations += [nn.sigmoid, nn.hard_swish, nn.softmax, nn.softplus, nn.activation]
    wiring = ja.Wiring()
    stem = wiring.add(nn.conv(8, 3, groups=1), {"in": wiring.input()})["out"]
    norms = [nn.batch_norm(), nn.layer_norm(), nn.group_norm(groups=4), nn.squeeze_excite()]
    norms += [nn.identity(), nn.zero(), nn.depthwise_conv(3), nn.separable_conv(8, 3)]
    ends = [wiring.add(piece, {"in": stem})["out"] for piece in norms]
    joined = {f"in{i}": end for i, end in enumerate(ends)}
    value = wiring.add(nn.concatenate(len(ends)), joined)["out"]
    for piece in (nn.avg_pool(2), nn.max_pool(2), nn.dropout(0.5)):
        value = wiring.add(piece, {"in": value})["out"]
    pools = [wiring.add(p, {"in": value})["out"] for p in (nn.global_avg_pool(), nn.flatten())]
    pools.append(wiring.add(nn.global_max_pool(), {"in": value})["out"])
    dense = [wiring.add(nn.dense(8), {"in": pool})["out"] for pool in pools]
    value = wiring.add(nn.add(3), {f"in{i}": end for i, end in enumerate(dense)})["out"]
    ends = [wiring.add(make(), {"in": value})["out"] for make in activations]
    product = wiring.add(nn.multiply(13), {f"in{i}": end for i, end in enumerate(ends)})["out"]
    return wiring.build({"out": product})


def sequence_net() -> ja.Fragment:
    return ja.sequential(
        nn.embedding(num_embeddings=11, features=8),
        ja.residual(nn.attention(num_heads=2, qkv_features=12, dropout_rate=0.25)),
        nn.layer_norm,
        nn.conv(features=4, kernel_size=3),
        nn.global_avg_pool,
    )


def two_in_two_out() -> ja.Fragment:
    wiring = ja.Wiring(["left", "right"])
    left = wiring.add(nn.dense(4, name="a"), {"in": wiring.input("left")})["out"]
    right = wiring.add(nn.dense(4, name="b"), {"in": wiring.input("right")})["out"]
    total = wiring.add(nn.add(), {"in0": left, "in1": right})["out"]
    return wiring.build({"total": total, "left": left, "raw": wiring.input("right")})


def leaves(tree: Any) -> dict[str, Any]:
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def types(tree: Any) -> dict[str, Any]:
    return {path: (leaf.shape, np.dtype(leaf.dtype)) for path, leaf in leaves(tree).items()}


def same_as_flax(architecture: ja.Architecture, inputs: dict[str, Shape], dtype: Any) -> None:
    """Check shapes, paths and numbers of all variables, and the shapes of the outputs."""
    model, analysis = ja.lower(architecture), ja.analyze(architecture, inputs)
    arrays = [jax.ShapeDtypeStruct((2, *inputs[name]), dtype) for name in architecture.inputs]  # type: ignore[no-untyped-call]
    key = jax.random.key(0)
    made, variables = jax.eval_shape(model.module.init_with_output, key, *arrays)
    assert types(model.init(key, *arrays)) == types(variables)
    sizes = {c: sum(leaf.size for leaf in jax.tree.leaves(t)) for c, t in variables.items()}
    assert analysis.parameters == sum(sizes.values())
    assert analysis.trainable_parameters == sizes.get("params", 0)
    names = [name for name, _ in architecture.outputs]
    named: Any = made if len(names) > 1 else dict.fromkeys(names, made)
    assert {name: value.shape for name, value in named.items()} == {
        name: (2, *shape) for name, shape in analysis.outputs.items()
    }


@pytest.mark.parametrize(
    ("make", "inputs", "dtype"),
    [
        (small_net, IMAGE, jnp.float32),
        (every_op, IMAGE, jnp.float32),
        (sequence_net, {"in": (6,)}, jnp.int32),
        (two_in_two_out, {"left": (3,), "right": (4,)}, jnp.float32),
    ],
)
def test_analysis_says_what_flax_says(
    make: Callable[[], ja.Fragment], inputs: dict[str, Shape], dtype: Any
) -> None:
    same_as_flax(replayed(make), inputs, dtype)


@pytest.mark.parametrize("space", [ja.spaces.mobilenet, ja.spaces.digits_conv])
def test_analysis_says_what_flax_says_of_random_images_nets(
    space: Callable[[], ja.Fragment],
) -> None:
    rng = np.random.default_rng(0)
    for _ in range(3):
        same_as_flax(ja.sample(ja.trace(space), rng), {"in": (16, 16, 1)}, jnp.float32)


@settings(max_examples=20)
@given(space_functions(), st.integers(0, 2**32 - 1))
def test_analysis_says_what_flax_says_of_any_space(space: Any, seed: int) -> None:
    try:
        architecture = ja.sample(ja.trace(space), np.random.default_rng(seed))
    except ja.InvalidArchitecture:
        return
    same_as_flax(architecture, dict.fromkeys(architecture.inputs, (WIDTH,)), jnp.float32)


def test_the_published_example() -> None:
    values = [2, 0, 1, 16, 3, 2, 1, 1, 1, 1, 3, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1]
    architecture = ja.replay(ja.trace(ja.spaces.mobilenet_blog), values)
    model = ja.lower(architecture)
    variables = model.init(0, jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32))  # type: ignore[no-untyped-call]
    sizes = {c: sum(leaf.size for leaf in jax.tree.leaves(t)) for c, t in variables.items()}
    assert sizes == {"params": 19_464, "batch_stats": 288}
    same_as_flax(architecture, {"in": (224, 224, 3)}, jnp.float32)


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (ja.spaces.mobilenet, {"in": (32, 32, 3)}),
        (ja.spaces.digits_conv, {"in": (8, 8, 1)}),
        (ja.spaces.digits_dense, {"in": (8, 8, 1)}),
        (small_net, IMAGE),
    ],
)
def test_flops_are_those_of_the_lowered_program(
    make: Callable[[], ja.Fragment], inputs: dict[str, Shape]
) -> None:
    architecture = ja.sample(ja.trace(make), np.random.default_rng(1))
    model = ja.lower(architecture)
    x = jnp.zeros((1, *inputs["in"]))
    costs: Any = jax.jit(model.apply).lower(model.init(0, x), x).cost_analysis()
    assert 0.9 < ja.analyze(architecture, inputs).flops / costs["flops"] < 1.1


@pytest.fixture(scope="module")
def images() -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).standard_normal((4, 8, 8, 3)), jnp.float32)


def loss_of(apply: Callable[..., Any], images: jax.Array) -> Callable[[Any, Any], Any]:
    def loss(params: Any, statistics: Any) -> Any:
        made, new = apply(
            {"params": params, "batch_stats": statistics},
            images,
            train=True,
            rngs={"dropout": jax.random.key(7)},
            mutable=["batch_stats"],
        )
        return (made**2).mean(), new

    return jax.jit(jax.value_and_grad(loss, has_aux=True))


def test_outputs_gradients_and_statistics_are_those_of_flax(images: jax.Array) -> None:
    model, by_hand = ja.lower(replayed(small_net)), SmallNet()
    variables = model.init(0, images)
    assert types(variables) == types(jax.eval_shape(by_hand.init, jax.random.key(0), images))
    expected: Any = by_hand.apply(variables, images)
    found = model.apply(variables, images)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    losses = [
        loss_of(apply, images)(variables["params"], variables["batch_stats"])
        for apply in (model.apply, by_hand.apply)
    ]
    ours, theirs = (leaves(loss) for loss in losses)
    assert ours.keys() == theirs.keys()
    for path in ours:
        np.testing.assert_allclose(ours[path], theirs[path], rtol=1e-4, atol=1e-6, err_msg=path)


def test_the_program_is_that_of_flax(images: jax.Array) -> None:
    variables = ja.lower(replayed(small_net)).init(0, images)
    counts = [
        Counter(
            re.findall(
                r"stablehlo\.\w+",
                loss_of(apply, images)
                .lower(variables["params"], variables["batch_stats"])  # type: ignore[attr-defined]
                .as_text(),
            )
        )
        for apply in (ja.lower(replayed(small_net)).apply, SmallNet().apply)
    ]
    assert counts[0] == counts[1]
    assert sum(counts[0].values()) > 50


def test_training_updates_statistics_and_inference_does_not(images: jax.Array) -> None:
    model = ja.lower(replayed(small_net))
    variables = model.init(0, images)
    rngs = {"dropout": jax.random.key(0)}
    _, new = model.apply(variables, images, train=True, rngs=rngs, mutable=["batch_stats"])
    old = variables["batch_stats"]["net/batch_norm"]
    assert not np.array_equal(new["batch_stats"]["net/batch_norm"]["mean"], old["mean"])
    _, same = model.apply(variables, images, mutable=["batch_stats"])
    np.testing.assert_array_equal(same["batch_stats"]["net/batch_norm"]["mean"], old["mean"])


def test_dropout_needs_a_random_key_in_training_only(images: jax.Array) -> None:
    model = ja.lower(replayed(small_net))
    variables = model.init(0, images)
    with pytest.raises(Exception, match="dropout") as caught:
        model.apply(variables, images, train=True, mutable=["batch_stats"])
    assert "in node 'net/dropout'" in str(caught.value.__notes__)
    made = [
        model.apply(
            variables,
            images,
            train=True,
            rngs={"dropout": jax.random.key(seed)},
            mutable=["batch_stats"],
        )[0]
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])
    np.testing.assert_array_equal(model.apply(variables, images), model.apply(variables, images))


def test_several_inputs_and_outputs_go_by_name() -> None:
    model = ja.lower(replayed(two_in_two_out))
    assert model.architecture.inputs == ("left", "right")
    left, right = jnp.ones((2, 3)), jnp.full((2, 4), 2.0)
    variables = model.init(0, left, right)
    made = model.apply(variables, left, right)
    assert sorted(made) == ["left", "raw", "total"]
    kernels = {key: variables["params"][key]["kernel"] for key in ("a", "b")}
    np.testing.assert_array_equal(made["raw"], right)
    np.testing.assert_allclose(made["left"], left @ kernels["a"], rtol=1e-6)
    np.testing.assert_allclose(made["total"], left @ kernels["a"] + right @ kernels["b"], rtol=1e-6)


def test_a_tap_sees_every_output_and_may_change_it() -> None:
    model = ja.lower(replayed(lambda: ja.sequential(nn.relu(name="a"), nn.relu(name="b"))))
    seen: dict[Source, jax.Array] = {}

    def tap(source: Source, value: jax.Array) -> jax.Array:
        seen[source] = value
        return value + 1 if source.node == "a" else value

    made = model.module.apply({}, jnp.array([[-1.0, 2.0]]), tap=tap)
    assert {source.node: value.tolist() for source, value in seen.items()} == {
        "a": [[0, 2]],
        "b": [[1, 3]],
    }
    np.testing.assert_array_equal(made, [[1, 3]])


def test_equal_architectures_are_traced_once(images: jax.Array) -> None:
    traces: list[str] = []

    def infer(properties: Any, shapes: Any) -> Inference:
        return Inference({"out": shapes["in"]})

    def rule(context: Any, properties: Any, value: jax.Array) -> jax.Array:
        traces.append(context.key)
        return value

    def space() -> ja.Fragment:
        counted = Op("counted", infer, {"flax": rule})
        return ja.sequential(small_net(), ja.basic(counted, {}))

    first, second = ja.lower(replayed(space)), ja.lower(replayed(space))
    assert first.architecture is not second.architecture
    assert first.module == second.module
    assert first.module.architecture is second.module.architecture
    variables = first.init(0, images)
    first.apply(variables, images)
    assert traces == ["counted"]
    second.apply(second.init(1, images), images)
    assert traces == ["counted"]

    step = jax.jit(lambda module, v, x: module.apply(v, x), static_argnums=0)
    for model in (first, second):
        step(model.module, variables, images)
    assert traces == ["counted"] * 2
    other = Op("counted", infer, {"flax": lambda *arguments: -rule(*arguments)})
    renewed = ja.lower(replayed(lambda: ja.sequential(small_net(), ja.basic(other, {}))))
    assert renewed.architecture == first.architecture
    np.testing.assert_array_equal(
        renewed.apply(variables, images), -first.apply(variables, images)
    )  # an operation that was written anew is traced anew


@pytest.mark.parametrize(
    ("make", "inputs", "dtype"),
    [(every_op, IMAGE, jnp.float32), (sequence_net, {"in": (6,)}, jnp.int32)],
)
def test_computing_in_bfloat16(
    make: Callable[[], ja.Fragment], inputs: dict[str, Shape], dtype: Any
) -> None:
    architecture = replayed(make)
    x = jnp.ones((2, *inputs["in"]), dtype)
    for param_dtype in (jnp.float32, jnp.bfloat16):
        model = ja.lower(architecture, jnp.bfloat16, param_dtype)
        variables = model.init(0, x)
        assert types(variables) == types(jax.eval_shape(model.module.init, jax.random.key(0), x))
        assert {leaf.dtype for leaf in jax.tree.leaves(variables["params"])} == {
            np.dtype(param_dtype)
        }
        apply = partial(model.apply, train=True, mutable=["batch_stats"])
        made, _ = jax.eval_shape(
            lambda v, key, apply=apply: apply(v, x, rngs={"dropout": key}),
            variables,
            jax.random.key(0),
        )
        assert made.dtype == jnp.bfloat16
    model = ja.lower(architecture, jnp.bfloat16)
    variables = model.init(0, x)
    made = model.apply(variables, x)
    assert made.dtype == jnp.bfloat16
    full = ja.lower(architecture).apply(variables, x)
    np.testing.assert_allclose(np.asarray(made, np.float32), full, rtol=0.1, atol=0.1)


def test_each_node_computes_in_the_type_asked_for() -> None:
    """Of every operation alone, as an intermediate value of the wrong type would not show."""
    architecture = replayed(every_op)
    for key, node in architecture.nodes:
        op = node.op.name
        names = tuple(f"in{i}" for i in range(len(node.inputs)))
        ports = tuple((p, Source("", n)) for (p, _), n in zip(node.inputs, names, strict=True))
        sole = ja.Architecture(
            tuple(sorted(names)),
            ((key, type(node)(node.op, node.properties, ports, node.outputs)),),
            (("out", Source(key, "out")),),
        )
        model = ja.lower(sole, dtype="bfloat16")
        arrays = [jnp.ones((2, 8, 8, 8))] * len(names)
        made = jax.eval_shape(model.apply, model.init(0, *arrays), *arrays)
        assert made.dtype == jnp.bfloat16, op


@pytest.mark.parametrize("name", ["init", "dtype", "param", "architecture", "name", "apply"])
def test_nodes_may_be_called_like_attributes_of_the_module(name: str) -> None:
    model = ja.lower(replayed(lambda: nn.dense(2, name=name)))
    x = jnp.ones((1, 3))
    assert model.apply(model.init(0, x), x).shape == (1, 2)
    assert list(jax.eval_shape(model.module.init, jax.random.key(0), x)["params"]) == [name]


def test_a_node_called_params_is_refused() -> None:
    with pytest.raises(ja.LoweringError, match="called 'params'; give it another name"):
        ja.lower(replayed(lambda: nn.dense(2, name="params")))


def test_variables_survive_orbax(tmp_path: Path, images: jax.Array) -> None:
    import orbax.checkpoint as ocp

    variables = ja.lower(replayed(small_net)).init(0, images)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "variables", variables)
        checkpointer.wait_until_finished()
        restored = checkpointer.restore(tmp_path / "variables", variables)
    assert "net/stem" in restored["params"]
    jax.tree.map(np.testing.assert_array_equal, restored, variables)


def test_an_operation_without_a_rule_is_named_with_the_target() -> None:
    op = Op("mine", lambda properties, shapes: Inference({"out": shapes["in"]}))
    with pytest.raises(ja.LoweringError, match=r"'mine' has no rule for the target 'flax'"):
        ja.lower(replayed(lambda: ja.basic(op, {})))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), r"0 arrays for the inputs \['in'\]"),
        ((np.ones((1, 3)), np.ones((1, 3))), "2 arrays"),
        ((np.float32(1),), "batch axis"),
    ],
)
def test_wrong_inputs_to_init(given: tuple[Any, ...], message: str) -> None:
    model = ja.lower(replayed(lambda: nn.dense(2)))
    with pytest.raises(ja.LoweringError, match=message):
        model.init(0, *given)


def test_wrong_number_of_inputs_to_apply() -> None:
    model = ja.lower(replayed(lambda: nn.relu()))
    with pytest.raises(ja.LoweringError, match="2 arrays"):
        model.apply({}, np.ones((1, 3)), np.ones((1, 3)))


def test_shapes_that_do_not_fit_name_the_node() -> None:
    model = ja.lower(replayed(small_net))
    with pytest.raises(ja.ShapeError, match=r"net/max_pool"):
        model.init(0, np.ones((1, 1, 1, 3)))


def test_embeddings_take_integers() -> None:
    model = ja.lower(replayed(sequence_net))
    variables = model.init(0, np.ones((1, 6), np.int32))
    with pytest.raises(ja.LoweringError, match="embedding takes integers, not float32"):
        model.apply(variables, np.ones((1, 6), np.float32))


@pytest.mark.parametrize("given", [(1, 2, 3), {"left": 1}])
def test_a_rule_that_gives_other_outputs_than_declared(given: object) -> None:
    def infer(properties: Any, shapes: Any) -> Inference:
        return Inference({"a": shapes["in"], "b": shapes["in"]})

    op = Op("wrong", infer, {"flax": lambda *_: given})
    model = ja.lower(replayed(lambda: ja.basic(op, {}, outputs=["a", "b"])))
    with pytest.raises(ja.LoweringError, match=r"the node has \['a', 'b'\]"):
        model.apply({}, np.ones((1, 3)))


def test_summary() -> None:
    model = ja.lower(replayed(small_net))
    assert model.summary(IMAGE).splitlines() == [
        "layer               operation       output shape  parameters",
        "────────────────────────────────────────────────────────────",
        "net/stem            conv            (8, 8, 8)            224",
        "net/batch_norm      batch_norm      (8, 8, 8)             32",
        "net/relu            relu            (8, 8, 8)              0",
        "net/depthwise_conv  depthwise_conv  (8, 8, 8)             80",
        "net/mix             conv            (8, 8, 8)             72",
        "net/add             add             (8, 8, 8)              0",
        "net/max_pool        max_pool        (4, 4, 8)              0",
        "net/flatten         flatten         (128,)                 0",
        "net/dropout         dropout         (128,)                 0",
        "net/dense           dense           (5,)                 645",
        "────────────────────────────────────────────────────────────",
        "total                                                  1,053",
        "trainable                                              1,037",
        "not trainable                                             16",
    ]


def test_lowering_names_are_found() -> None:
    assert lowering.lower is ja.lower
