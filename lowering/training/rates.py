"""The learning rate of each step of a run."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax, optax and orbax are partial)

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from .config import TrainConfig
from .optimizers import is_transformation
from .schedules import scheduled_rates

_KEPT = 8  # schedules, four bytes a step


def learning_rates(config: TrainConfig, steps: int) -> npt.NDArray[np.float32]:
    """Return the learning rate of each step: float32 of shape (epochs, steps).

    Args:
        config: With a number and a schedule, or with an optax schedule, which is asked for each.
        steps: In an epoch.
    """
    total = config.epochs * steps
    if is_transformation(config.optimizer):
        rates = np.full(total, np.nan, np.float32)  # it has its own, which nobody can know
    elif callable(config.learning_rate):
        rates = _schedule_values(config.learning_rate, total)
    else:
        rates = scheduled_rates(
            config.schedule,
            config.learning_rate,
            total,
            config.final_fraction,
            config.warmup_fraction,
        )
    return rates.reshape(config.epochs, steps)


def _schedule_values(schedule: Callable[[Any], Any], total: int) -> npt.NDArray[np.float32]:
    hashable = isinstance(cast(object, schedule), Hashable)
    return (_remembered_values if hashable else _computed_values)(schedule, total)


def _computed_values(schedule: Callable[[Any], Any], total: int) -> npt.NDArray[np.float32]:
    try:
        values = cast(Any, jax.jit(jax.vmap(schedule))(jnp.arange(total)))
    except jax.errors.ConcretizationTypeError:  # plain Python, with branches
        values = [schedule(step) for step in range(total)]
    made = np.asarray(values, np.float32)
    made.setflags(write=False)
    return made


_remembered_values = lru_cache(_KEPT)(_computed_values)  # they take a twentieth of a second
