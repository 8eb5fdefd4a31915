# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# (the annotations of optax are partial)

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import optax
import pytest

import jarch as ja
from jarch.lowering.training.rates import learning_rates


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("constant", optax.constant_schedule(0.1)),
        ("linear", optax.linear_schedule(0.1, 0.02, 100)),
        ("cosine", optax.cosine_decay_schedule(0.1, 100, 0.2)),
        ("warmup_cosine", optax.warmup_cosine_decay_schedule(0, 0.1, 25, 100, 0.02)),
        ("exponential", optax.exponential_decay(0.1, 100, 0.2)),
    ],
)
def test_named_schedules_are_those_of_optax(name: Any, schedule: Callable[[Any], Any]) -> None:
    config = ja.TrainConfig(
        epochs=4, learning_rate=0.1, schedule=name, final_fraction=0.2, warmup_fraction=0.25
    )
    rates = learning_rates(config, 25)
    expected = learning_rates(replace(config, learning_rate=schedule), 25)
    assert rates.shape == (4, 25)
    np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=1e-8)


def test_a_plain_function_may_branch() -> None:
    config = ja.TrainConfig(epochs=2, learning_rate=lambda step: 0.1 if step < 3 else 0.01)
    np.testing.assert_allclose(learning_rates(config, 2), [[0.1, 0.1], [0.1, 0.01]])
