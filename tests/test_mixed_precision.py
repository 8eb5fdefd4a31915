# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (the annotations of JAX are partial)

"""What is computed in bfloat16, and what stays in float32, by what is traced."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.lowering import program_key
from jarch.lowering.rules.choices import situated
from jarch.lowering.training.preparation import prepare
from jarch.lowering.training.steps import (
    Epoch,
    forward_function,
    normal_program,
    program_values,
    start,
    step_function,
)

DATA = ja.load_data("digits", limit=200)
CONFIG = ja.TrainConfig(dtype="bfloat16", augment=("flip", "mixup"), ema_decay=0.9, clip_norm=1.0)


def net() -> ja.Fragment:
    return ja.sequential(
        nn.conv(8, 3),
        nn.batch_norm,
        nn.relu,
        ja.residual(lambda: ja.sequential(nn.separable_conv(8, 3), nn.drop_path(0.1))),
        nn.layer_norm,
        nn.squeeze_excite,
        nn.dropout(0.1),
        nn.avg_pool(2),
        nn.global_avg_pool,
        nn.dense(10),
    )


NET = ja.replay(ja.trace(net), [])


@lru_cache
def traced() -> tuple[Any, Any]:
    """Return the step as JAX's own program, and the state that it takes."""
    run = prepare(NET, DATA, CONFIG)
    state = start(run.program, run.model.init(0, DATA.x_train[:1]))
    epoch = Epoch(np.zeros((4, 32), np.int32), np.zeros(4, np.float32))
    given = DATA.x_train, DATA.y_train, epoch, run.numbers, program_values(run.program)
    step: Any = step_function(normal_program(run.program))
    with situated("often"):
        return jax.make_jaxpr(step)(state, *given), state


def equations(jaxpr: Any) -> Iterator[Any]:
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, (tuple, list)) else [value]:
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from equations(inner)


def types_in(*names: str) -> list[tuple[set[str], tuple[int, ...]]]:
    """Return the types of inputs and outputs, and the shape of the output, of some operations."""
    found: list[tuple[set[str], tuple[int, ...]]] = []
    for equation in equations(traced()[0].jaxpr):
        if equation.primitive.name in names:
            seen = [*equation.invars, *equation.outvars]
            found.append(({str(each.aval.dtype) for each in seen}, equation.outvars[0].aval.shape))
    return found


def test_products_and_convolutions_are_in_bfloat16() -> None:
    found = types_in("dot_general", "conv_general_dilated")
    assert len(found) >= 12  # forward and backward
    assert all(types == {"bfloat16"} for types, _ in found)


def test_the_loss_and_batch_statistics_are_reduced_in_float32() -> None:
    sums = types_in("reduce_sum", "reduce_max")
    of_classes = [types for types, shape in sums if shape in ((), (32,))]
    assert len(of_classes) >= 5  # softmax, its sum over classes, the mean over the batch
    assert all(types == {"float32"} for types in of_classes)
    assert sum(types == {"float32"} and shape == (8,) for types, shape in sums) >= 2


@pytest.mark.parametrize("rate", [0.0, 0.25])
def test_weights_of_attention_are_normalised_in_float32(rate: float) -> None:
    attentive = ja.replay(ja.trace(lambda: nn.attention(2, dropout_rate=rate, name="see")), [])
    model, x = ja.lower(attentive, dtype="bfloat16"), jnp.ones((2, 5, 8))

    def train(variables: Any, x: Any, numbers: Any) -> Any:
        key = jax.random.key(0)
        return model.module.apply(variables, x, train=True, numbers=numbers, rngs={"dropout": key})

    numbers = {"see": {"dropout_rate": rate}} if rate else {}
    made = jax.make_jaxpr(train)(model.init(0, x), x, numbers)
    exponentials = [e for e in equations(made.jaxpr) if e.primitive.name == "exp"]
    assert {str(each.outvars[0].aval.dtype) for each in exponentials} == {"float32"}
    assert [str(each.dtype) for each in made.out_avals] == ["bfloat16"]


def test_averages_over_positions_are_summed_in_float32() -> None:
    windows = types_in("reduce_window_sum")
    assert windows
    assert all(types == {"float32"} for types, _ in windows)


def test_what_a_step_keeps_is_float32() -> None:
    program, state = traced()
    kept = [str(leaf.dtype) for leaf in jax.tree.leaves(state)]
    made = [str(leaf.dtype) for leaf in program.out_avals]
    assert kept == made
    assert {*kept} == {"float32", "int32"}
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(state.params))
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves((state.rest, state.averages)))


def test_outputs_are_computed_in_bfloat16_and_given_as_float32() -> None:
    run = prepare(NET, DATA, CONFIG)
    normal = normal_program(run.program).module
    state = traced()[1]
    variables = {"params": state.params, **state.rest}
    made: Any = jax.make_jaxpr(forward_function(normal))(variables, DATA.x_train[:4])
    types = {str(e.outvars[0].aval.dtype) for e in made.eqns if e.primitive.name == "dot_general"}
    assert types == {"bfloat16"}
    assert [str(each.dtype) for each in made.out_avals] == ["float32"]


def test_it_is_another_program() -> None:
    assert program_key(NET, DATA, ja.TrainConfig()) != program_key(
        NET, DATA, ja.TrainConfig(dtype="bfloat16")
    )


def test_models_learn_digits_and_come_back(tmp_path: Path) -> None:
    pieces = nn.flatten, nn.dense(32), nn.batch_norm, nn.relu, nn.dense(10)
    architecture = ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])
    data = ja.load_data("digits", limit=600)
    trained = ja.fit(
        architecture, data, ja.TrainConfig(epochs=8, learning_rate=1e-2, dtype="bfloat16")
    )
    assert trained.validation["accuracy"] > 0.85
    assert trained.model.module.dtype == jnp.bfloat16
    read = ja.load(ja.save(trained, tmp_path, new_process=False))
    outputs = read.predict(data.x_validation)
    assert np.asarray(outputs).dtype != jnp.bfloat16
    accuracy = read.evaluate(data.x_validation, data.y_validation)["accuracy"]
    assert accuracy == pytest.approx(trained.validation["accuracy"])
