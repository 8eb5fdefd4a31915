"""Operations of one's own, from functions and from Flax modules, do all that jarch's own do."""

# JAX and Flax leave types out:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
# pyright: reportUnknownParameterType=false

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import jarch as ja
from jarch import nn

ROOT = Path(__file__).parent.parent


@nn.op
def scale(x: jax.Array, *, factor: float = 2.0, shift: float) -> jax.Array:
    return x * factor + shift


@nn.op(outputs=["small", "large"])
def split(x: jax.Array, at: int = 1) -> tuple[jax.Array, jax.Array]:
    return x[:, :at], x[:, at:]


@nn.op
def mix(first: jax.Array, second: jax.Array, *, weight: float = 0.5) -> jax.Array:
    return weight * first + (1 - weight) * second


@nn.op(inputs=3)
def total(*values: jax.Array, train: bool) -> jax.Array:
    return sum(values, start=jnp.zeros_like(values[0])) * (10 if train else 1)


class Gated(linen.Module):
    """Weights, statistics, dropout, a flag of each kind, and two inputs."""

    features: int
    rate: float = 0.5
    gates: tuple[str, ...] = ("sigmoid",)
    kernel_init: Any = linen.initializers.lecun_normal()
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @linen.compact
    def __call__(self, x: jax.Array, gate: jax.Array, *, train: bool) -> jax.Array:
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        x = linen.Dense(self.features, kernel_init=self.kernel_init, name="value", **types)(x)
        x = linen.BatchNorm(use_running_average=not train, name="norm", **types)(x)
        for name in self.gates:
            gate = getattr(linen, name)(gate)
        x = x * linen.Dense(self.features, name="gate", **types)(gate)
        made: jax.Array = linen.Dropout(self.rate, name="drop")(x, deterministic=not train)
        return made


class Ends(linen.Module):
    @linen.compact
    def __call__(self, x: jax.Array) -> dict[str, jax.Array]:
        return {"last": x[..., -1:], "first": x[..., :1]}


gated = nn.from_linen(Gated)
dense = nn.from_linen(linen.Dense)
wide = nn.from_linen(
    linen.Dense,
    kernel_init=linen.initializers.uniform(0.5),
    name="tests.test_custom_ops:wide",
)
embed = nn.from_linen(linen.Embed, input_dtype="int32", name="tests.test_custom_ops:embed")
ends = nn.from_linen(Ends, outputs=["first", "last"], name="tests.test_custom_ops:ends")


def replayed(make: Callable[[], ja.Fragment], *values: object) -> ja.Architecture:
    return ja.replay(ja.trace(make), values)


def types(tree: Any) -> dict[str, Any]:
    return {
        jax.tree_util.keystr(path): (leaf.shape, np.dtype(leaf.dtype))
        for path, leaf in jax.tree.leaves_with_path(tree)
    }


def two_inputs(piece: ja.Fragment) -> ja.Fragment:
    wiring = ja.Wiring(["a", "b"])
    sources = {"in0": wiring.input("a"), "in1": wiring.input("b")}
    return wiring.build(wiring.add(piece, sources))


def test_a_function_takes_hyperparameters() -> None:
    space = ja.trace(lambda: scale(factor=ja.Discrete([3.0, 4.0], "factor"), shift=1))
    model = ja.lower(ja.replay(space, [4.0]))
    assert model.apply(model.init(0, np.ones((2, 3))), np.ones((2, 3))).tolist() == [[5.0] * 3] * 2
    (key, node) = model.architecture.nodes[0]
    assert key == "scale"
    assert dict(node.properties) == {"factor": 4.0, "shift": 1}


def test_a_function_is_analysed() -> None:
    found = ja.analyze(replayed(lambda: scale(shift=1.0)), {"in": (4, 5)})
    assert (found.outputs, found.parameters, found.flops) == ({"out": (4, 5)}, 0, 40)


def test_a_function_with_several_outputs() -> None:
    model = ja.lower(replayed(lambda: split(at=2)))
    assert ja.analyze(model.architecture, {"in": (5,)}).outputs == {"small": (2,), "large": (3,)}
    made = model.apply({}, np.arange(5.0)[None])
    assert {name: value.tolist() for name, value in made.items()} == {
        "small": [[0, 1]],
        "large": [[2, 3, 4]],
    }


def test_a_function_with_several_inputs() -> None:
    model = ja.lower(replayed(lambda: two_inputs(mix(weight=0.25))))
    assert model.apply({}, np.ones((1, 2)), np.full((1, 2), 5.0)).tolist() == [[4.0, 4.0]]


def test_a_function_that_is_told_whether_it_trains() -> None:
    assert total.inputs == ("in0", "in1", "in2")
    wiring = ja.Wiring()
    sources = dict.fromkeys(total.inputs, wiring.input())
    fragment = wiring.build(wiring.add(total(), sources))
    model = ja.lower(replayed(lambda: fragment))
    assert model.apply({}, np.ones((1, 1))).tolist() == [[3.0]]
    assert model.apply({}, np.ones((1, 1)), train=True).tolist() == [[30.0]]


def test_any_number_of_arrays_must_be_counted() -> None:
    with pytest.raises(ja.SpaceError, match="say how many: inputs=2"):
        nn.op(lambda *values: values[0], name="module:first")


@pytest.mark.parametrize(
    ("properties", "message"),
    [({}, "needs shift"), ({"shift": 1, "wrong": 2}, "does not have wrong.*factor, shift")],
)
def test_wrong_properties(properties: dict[str, Any], message: str) -> None:
    with pytest.raises(ja.SpaceError, match=message):
        scale(**properties)


def test_shapes_that_a_function_refuses() -> None:
    architecture = replayed(lambda: two_inputs(mix()))
    with pytest.raises(ja.ShapeError, match=r"mix: .*does not take \{'in0': \(2,\), 'in1'"):
        ja.analyze(architecture, {"a": (2,), "b": (3,)})


def test_outputs_keep_the_batch_axis() -> None:
    mean = nn.op(lambda x: x.mean(), name="module:mean")
    architecture = replayed(lambda: mean(name="mean"))
    with pytest.raises(ja.ShapeError, match=r"output of shape \(\).*keep the batch axis"):
        ja.analyze(architecture, {"in": (2,)})


def test_what_a_bug_in_a_function_raises_is_passed_on() -> None:
    broken = nn.op(lambda x: x.missing, name="module:broken")
    with pytest.raises(AttributeError, match="missing"):
        ja.analyze(replayed(lambda: broken(name="broken")), {"in": (2,)})


def test_a_flax_module_is_what_it_is_in_flax() -> None:
    """Types, values, gradients, statistics and dropout, by the same random keys."""
    space = ja.trace(lambda: two_inputs(gated(features=ja.Discrete([3, 4], "f"), name="g")))
    model = ja.lower(ja.replay(space, [4]))
    a, b = jnp.ones((5, 3)), jnp.linspace(0, 1, 10).reshape(5, 2)
    variables = model.init(0, a, b)
    alone = Gated(4)
    expected = jax.eval_shape(
        lambda key: alone.init({"params": key, "dropout": key}, a, b, train=True),
        jax.random.key(0),
    )
    of_node = {collection: nodes["g"] for collection, nodes in variables.items()}
    assert types(of_node) == types(expected)
    theirs: Any = alone.apply(of_node, a, b, train=False)
    np.testing.assert_allclose(model.apply(variables, a, b), theirs, rtol=1e-5)
    made, new = model.apply(
        variables,
        a,
        b,
        train=True,
        rngs={"dropout": jax.random.key(1)},
        mutable=["batch_stats"],
    )
    assert (np.asarray(made) == 0).any()
    _, theirs = alone.apply(
        of_node, a, b, train=True, rngs={"dropout": jax.random.key(1)}, mutable=["batch_stats"]
    )
    np.testing.assert_allclose(
        new["batch_stats"]["g"]["norm"]["mean"], theirs["batch_stats"]["norm"]["mean"], rtol=1e-5
    )


def test_a_flax_module_is_analysed() -> None:
    architecture = replayed(lambda: two_inputs(gated(features=4)))
    found = ja.analyze(architecture, {"a": (3,), "b": (2,)})
    assert found.outputs == {"out": (4,)}
    assert found.parameters == (3 * 4 + 4) + (2 * 4 + 4) + 4 * 4
    assert found.trainable_parameters == found.parameters - 2 * 4
    assert found.flops > 2 * (3 * 4 + 2 * 4)
    assert "gated" in ja.lower(architecture).summary({"a": (3,), "b": (2,)}).lower()


def test_analysis_of_a_flax_module_agrees_with_jarch() -> None:
    theirs = ja.analyze(replayed(lambda: dense(features=7)), {"in": (5,)})
    ours = ja.analyze(replayed(lambda: nn.dense(features=7)), {"in": (5,)})
    assert (theirs.parameters, theirs.flops, theirs.outputs) == (
        ours.parameters,
        ours.flops,
        ours.outputs,
    )


def test_defaults_of_a_flax_module_are_properties() -> None:
    ((_, node),) = replayed(lambda: two_inputs(gated(features=4))).nodes
    assert dict(node.properties) == {"features": 4, "rate": 0.5, "gates": ("sigmoid",)}
    with pytest.raises(ja.SpaceError, match="needs features"):
        gated()
    with pytest.raises(ja.SpaceError, match="does not have train"):
        gated(features=4, train=True)


def test_own_variables_depend_on_key_node_and_path_alone() -> None:
    x = np.ones((1, 3))
    first, second = (
        ja.lower(replayed(make)).init(0, x)["params"]["a"]["kernel"]
        for make in (
            lambda: ja.sequential(dense(features=4, name="a"), dense(features=4, name="b")),
            lambda: ja.sequential(nn.relu, dense(features=4, name="a")),
        )
    )
    np.testing.assert_array_equal(first, second)
    both = ja.lower(
        replayed(lambda: ja.sequential(dense(features=3, name="a"), dense(features=3, name="b")))
    )
    variables = both.init(0, x)["params"]
    assert not np.array_equal(variables["a"]["kernel"], variables["b"]["kernel"])
    traced = jax.jit(both.init)(jax.random.key(0), x)["params"]
    np.testing.assert_allclose(traced["a"]["kernel"], variables["a"]["kernel"], rtol=1e-6)


class ToldByField(linen.Module):
    training: bool

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return x * (2 if self.training else 1)


@pytest.mark.parametrize(
    ("module_class", "properties"),
    [(linen.BatchNorm, {}), (linen.Dropout, {"rate": 0.5}), (ToldByField, {})],
)
def test_modules_are_told_whether_they_train(
    module_class: type[linen.Module], properties: dict[str, Any]
) -> None:
    piece = nn.from_linen(module_class)
    model = ja.lower(replayed(partial(piece, **properties)))
    x = jnp.arange(6.0).reshape(3, 2)
    variables = model.init(0, x)
    np.testing.assert_allclose(model.apply(variables, x), x, rtol=1e-4)
    made, _ = model.apply(
        variables, x, train=True, rngs={"dropout": jax.random.key(0)}, mutable=["batch_stats"]
    )
    assert not np.allclose(made, x)


def test_fixed_fields_reach_the_module() -> None:
    model = ja.lower(replayed(lambda: wide(features=300)))
    kernel = np.asarray(model.init(0, np.ones((1, 20)))["params"]["wide"]["kernel"]).ravel()
    assert stats.kstest(kernel, stats.uniform(0, 0.5).cdf).pvalue > 1e-3


def test_inputs_are_converted_where_asked_for() -> None:
    model = ja.lower(replayed(lambda: embed(num_embeddings=5, features=2)))
    variables = model.init(0, np.ones((1, 3)))
    made = model.apply(variables, np.array([[0.0, 4.0, 4.0]]))
    np.testing.assert_array_equal(made[0, 1], variables["params"]["embed"]["embedding"][4])


def test_a_flax_module_with_several_outputs() -> None:
    model = ja.lower(replayed(lambda: ends()))
    made = model.apply({}, np.arange(4.0)[None])
    assert (made["first"].tolist(), made["last"].tolist()) == ([[0.0]], [[3.0]])
    assert ja.analyze(model.architecture, {"in": (4,)}).outputs == {"first": (1,), "last": (1,)}


def test_computing_in_bfloat16() -> None:
    model = ja.lower(replayed(lambda: two_inputs(gated(features=4))), dtype="bfloat16")
    a, b = jnp.ones((5, 3)), jnp.ones((5, 2))
    variables = model.init(0, a, b)
    assert model.apply(variables, a, b).dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {np.dtype("float32")}
    narrow = ja.lower(replayed(lambda: dense(features=4)), param_dtype="bfloat16")
    kernel = narrow.init(0, a)["params"]["Dense"]["kernel"]
    assert kernel.dtype == jnp.bfloat16


@pytest.mark.parametrize(
    "arguments",
    [{"kernel_init": linen.initializers.ones}, {"outputs": ["a"]}, {"input_dtype": "int32"}],
)
def test_what_is_more_than_the_class_needs_a_name(arguments: dict[str, Any]) -> None:
    with pytest.raises(ja.SpaceError, match="name='module:name'"):
        nn.from_linen(linen.Dense, **arguments)


def test_fixed_fields_are_hashable() -> None:
    with pytest.raises(ja.SpaceError, match="cannot be hashed"):
        nn.from_linen(linen.Dense, name="module:odd", kernel_init=[1])


def test_library_modules_are_found_by_name_in_another_process(tmp_path: Path) -> None:
    architecture = replayed(lambda: dense(features=3))
    assert architecture.nodes[0][1].op.name == "jarch.nn.linen:classes.flax.linen.linear.Dense"
    assert ja.from_json(ja.to_json(architecture)) == architecture
    assert ja.parse(ja.to_text(architecture)) == architecture
    (tmp_path / "architecture.json").write_text(ja.to_json(architecture))
    program = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
import jarch, pathlib, numpy
text = pathlib.Path({str(tmp_path / "architecture.json")!r}).read_text()
model = jarch.lower(jarch.from_json(text))
print(model.init(0, numpy.ones((1, 2)))["params"]["Dense"]["kernel"].shape)
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == "(2, 3)", found.stderr


def test_operations_of_a_module_are_found_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_operations.py").write_text(
        "from jarch import nn\n"
        "import flax.linen\n"
        "@nn.op\n"
        "def double(x, *, times=1):\n"
        "    return x * 2**times\n"
        "class Scale(flax.linen.Module):\n"
        "    @flax.linen.compact\n"
        "    def __call__(self, x):\n"
        "        return x * self.param('scale', flax.linen.initializers.ones, (1,))\n"
        "scaled = nn.from_linen(Scale, name='my_operations:scaled')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import my_operations  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]

    mine: Any = my_operations
    architecture = replayed(lambda: ja.sequential(mine.double(times=2), mine.scaled()))
    names = [node.op.name for _, node in architecture.nodes]
    assert names == ["my_operations:double", "my_operations:scaled"]
    again = ja.from_json(ja.to_json(architecture))
    assert again == architecture
    model = ja.lower(again)
    assert model.apply(model.init(0, np.ones((1, 2))), np.ones((1, 2))).tolist() == [[4.0, 4.0]]


@pytest.mark.parametrize("path", ["flax.linen.linear.Dens", "no_such_module.X", "flax.linen.relu"])
def test_names_that_lead_nowhere(path: str) -> None:
    text = ja.to_text(replayed(lambda: dense(features=3)))
    with pytest.raises(ja.ParseError, match="unknown here"):
        ja.parse(text.replace("flax.linen.linear.Dense", path))


def test_equal_operations_made_twice_share_what_was_compiled() -> None:
    pieces = [nn.from_linen(linen.Dense) for _ in range(2)]
    first, second = (ja.lower(replayed(partial(piece, features=3))) for piece in pieces)
    assert first.module == second.module
    assert hash(first.module) == hash(second.module)
