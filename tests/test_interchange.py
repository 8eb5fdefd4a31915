"""Law 7: what the analysis says in pure Python is what Flax reports of the lowered model."""

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import jarch as ja
from jarch.testing import strategies

any_jax: Any = jax  # not all types of `eval_shape` are known


def check_interchange(net: ja.Architecture, inputs: dict[str, tuple[int, ...]]) -> None:
    """Compare variables, output shapes and totals with those that JAX finds abstractly."""
    analysis = ja.analyze(net, inputs)
    model = ja.lower(net)
    module: Any = model.module
    arrays = [np.zeros((3, *inputs[name]), np.float32) for name in net.inputs]
    variables = any_jax.eval_shape(module.init, jax.random.key(0), *arrays)
    found = any_jax.eval_shape(module.apply, variables, *arrays)
    outputs = found if len(net.outputs) > 1 else {name: found for name, _ in net.outputs}
    shapes = {name: tuple(output.shape[1:]) for name, output in outputs.items()}
    assert shapes == dict(analysis.outputs)
    assert all(output.shape[0] == 3 for output in outputs.values())
    assert sum(x.size for x in jax.tree.leaves(variables)) == analysis.parameters
    trainable = jax.tree.leaves(variables.get("params", {}))
    assert sum(x.size for x in trainable) == analysis.trainable_parameters
    by_node: dict[str, int] = {}
    for collection in variables.values():
        for key, owned in collection.items():
            by_node[key] = by_node.get(key, 0) + sum(x.size for x in jax.tree.leaves(owned))
    assert by_node == {node.key: node.parameters for node in analysis.nodes if node.parameters}


@settings(max_examples=50)
@given(strategies.spaces(), st.integers(0, 2**32))
def test_generated_spaces(space: ja.Space, seed: int) -> None:
    net = ja.sample_uniform(space, np.random.default_rng(seed))
    check_interchange(net, dict.fromkeys(net.inputs, (strategies.WIDTH,)))


@pytest.mark.parametrize("seed", [0, 1])
def test_mobilenet(seed: int) -> None:
    net = ja.sample(ja.trace(ja.spaces.mobilenet), np.random.default_rng(seed))
    check_interchange(net, {"in": (16, 16, 3)})
