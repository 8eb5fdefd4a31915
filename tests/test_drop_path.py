# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.lowering import program_key
from jarch.lowering.normal_form import normal_form

jit = cast(
    Callable[[Callable[..., Any]], Callable[..., Any]], jax.jit
)  # JAX does not say the types of these
vmap = cast(Callable[[Callable[..., Any]], Callable[..., Any]], jax.vmap)
SHAPE = (64, 3, 3, 2)


def path(rate: float) -> ja.Architecture:
    return ja.replay(ja.trace(lambda: nn.drop_path(rate, name="drop")), [])


def in_training(rate: float, seed: int, *, number: bool) -> np.ndarray[Any, Any]:
    """Return what ones become: by the rate of the node, or by one that the program is given."""
    model = ja.lower(path(rate))
    numbers = {"drop": {"rate": jnp.float32(rate)}} if number else None

    @jit
    def run(numbers: Any) -> Any:
        return model.module.apply(
            {}, jnp.ones(SHAPE), train=True, numbers=numbers, rngs={"dropout": jax.random.key(seed)}
        )

    return np.asarray(run(numbers))


@pytest.mark.parametrize("number", [False, True])
def test_whole_examples_are_dropped_and_the_others_make_up_for_it(number: bool) -> None:
    kept = 0
    for seed in range(10):
        rows: Any = in_training(0.25, seed, number=number).reshape(SHAPE[0], -1)
        assert (rows == rows[:, :1]).all()
        assert {float(value) for value in rows[:, 0]} <= {0.0, float(np.float32(1 / 0.75))}
        kept += int((rows[:, 0] > 0).sum())
    assert 0.68 < kept / 640 < 0.82


def test_outside_of_training_nothing_is_dropped() -> None:
    model = ja.lower(path(0.5))
    assert (np.asarray(model.apply({}, np.ones(SHAPE, np.float32))) == 1).all()


def test_which_examples_are_dropped_is_the_same_under_vmap_as_alone() -> None:
    model = ja.lower(path(0.5))

    def run(rate: Any, seed: Any) -> Any:
        key = jax.random.key(seed)
        numbers = {"drop": {"rate": rate}}
        rngs = {"dropout": key}
        return model.module.apply({}, jnp.ones(SHAPE), train=True, numbers=numbers, rngs=rngs)

    rates, seeds = jnp.array([0.2, 0.6], jnp.float32), jnp.arange(2)
    together = vmap(run)(rates, seeds)
    for i in range(2):
        assert (together[i] == jit(run)(rates[i], seeds[i])).all()


def test_rates_are_numbers_in_a_program_but_for_none() -> None:
    data = ja.from_arrays(np.zeros((40, 2), np.float32), [*range(10)] * 4)

    def net(rate: float) -> ja.Architecture:
        block = ja.residual(lambda: ja.sequential(nn.dense(2), nn.drop_path(rate)))
        return ja.replay(ja.trace(lambda: ja.sequential(block, nn.dense(10))), [])

    keys = [program_key(net(rate), data) for rate in (0.1, 0.2, 0.0)]
    assert [*Counter(keys).values()] == [2, 1]
    assert len(normal_form(net(0.1)).numbers) == 1


def test_nets_with_it_are_trained() -> None:
    def net() -> ja.Fragment:
        block = ja.residual(lambda: ja.sequential(nn.dense(32), nn.relu, nn.drop_path(0.2)))
        return ja.sequential(nn.flatten, nn.dense(32), block, nn.dropout(0.1), nn.dense(10))

    data = ja.load_data("digits", limit=600)
    config = ja.TrainConfig(epochs=8, learning_rate=1e-2)
    trained = ja.fit(ja.replay(ja.trace(net), []), data, config)
    assert trained.validation["accuracy"] > 0.8
