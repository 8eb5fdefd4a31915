"""The programs of training: the state to start with, one step, and outputs of one batch.

They are jitted once for the process, with the module as a static argument: equal architectures
share a program. Learning rate, decay, smoothing and seed are numbers in it.

On CPUs the compiler works at level 1: side by side with the default, level 2, compiling nets of the
MobileNet space took 0.56 to 0.74 of the time and their steps 0.98 to 1.03.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax, optax and orbax are partial)

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeAlias, cast

import jax
import jax.numpy as jnp
import optax

from jarch.lowering.flax_module import ArchitectureModule

from .config import Optimizer
from .losses import mean_loss
from .metrics import Task
from .optimizers import Options, make_optimizer
from .statistics import momenta, warm_statistics

Variables: TypeAlias = Mapping[str, Any]
"""Collections such as `"params"` and `"batch_stats"`; each maps node keys to arrays by name."""


@dataclass(frozen=True, slots=True)
class Program:
    """What shapes a training step: all of it belongs to the key under which it is compiled."""

    module: ArchitectureModule
    task: Task
    optimizer: Optimizer
    options: Options


class Numbers(NamedTuple):
    """What a training step computes with, the same in all steps of a run: scalars on the device."""

    weight_decay: Any  # float32
    label_smoothing: Any  # float32
    seed: Any  # uint32


class Epoch(NamedTuple):
    """What differs between epochs; S steps of B examples. On the device."""

    order: Any  # int32 (S, B): which examples make up each batch
    rates: Any  # float32 (S,): the learning rate of each step


class TrainState(NamedTuple):
    """What a training step changes. On the device; given away at each step."""

    params: Any
    rest: Any  # the other collections, such as batch statistics
    optimizer: Any
    step: Any  # int32, counted from 0
    loss: Any  # float32, summed over the steps of this epoch


def start(program: Program, variables: Variables) -> TrainState:
    """Return the state before the first step, compiled."""
    return cast(TrainState, jitted(_start)(program, variables))


def train_step(
    program: Program, state: TrainState, x: Any, y: Any, epoch: Epoch, numbers: Numbers
) -> TrainState:
    """Return the state after one more step, compiled.

    Args:
        program: Static.
        state: Before; its memory is reused.
        x: All training inputs, of which the step takes its batch.
        y: All training targets.
        epoch: Order and learning rates of the epoch in which the step lies.
        numbers: Of the run.
    """
    return cast(TrainState, jitted(_train_step, "state")(program, state, x, y, epoch, numbers))


def forward(program: ArchitectureModule, variables: Variables, x: Any) -> Any:
    """Return the outputs of one batch, compiled, without dropout, as float32 or wider.

    Args:
        program: The module; static.
        variables: Of the model; batch normalisation takes its running averages.
        x: Inputs, examples first.
    """
    return jitted(_forward)(program, variables, x)


def forget_programs() -> None:
    """Free what was compiled for training and evaluation; later calls compile anew.

    A long search over many different architectures holds a program for each of them.
    """
    for function, donated in ((_start, ()), (_train_step, "state"), (_forward, ())):
        jitted(function, donated).clear_cache()


def jitted(function: Callable[..., Any], donated: str | tuple[()] = ()) -> Any:
    """Return the jitted form of a function whose first argument, `program`, is static."""
    return _jitted(function, donated, jax.default_backend())


@cache
def _jitted(function: Callable[..., Any], donated: str | tuple[()], backend: str) -> Any:
    options = {"xla_backend_optimization_level": 1} if backend == "cpu" else None
    return jax.jit(
        function, static_argnames="program", donate_argnames=donated, compiler_options=options
    )


def _start(program: Program, variables: Variables) -> TrainState:
    params = variables.get("params", {})
    optimizer = make_optimizer(program.optimizer, program.options, 0.0, 0.0)
    return TrainState(
        params,
        {name: tree for name, tree in variables.items() if name != "params" and tree},
        optimizer.init(params),
        jnp.zeros((), jnp.int32),
        jnp.zeros((), jnp.float32),
    )


def _train_step(
    program: Program, state: TrainState, x: Any, y: Any, epoch: Epoch, numbers: Numbers
) -> TrainState:
    position = state.step % epoch.rates.shape[0]
    batch = epoch.order[position]
    inputs, targets = x[batch], y[batch]
    key = jax.random.fold_in(jax.random.key(numbers.seed, impl="threefry2x32"), state.step)

    def loss_of(params: Any) -> tuple[Any, Any]:
        outputs, changed = program.module.apply(
            {"params": params, **state.rest},
            inputs,
            train=True,
            mutable=list(state.rest),
            rngs={"dropout": key},
        )
        return mean_loss(program.task, outputs, targets, numbers.label_smoothing), changed

    def loss_alone(params: Any) -> Any:
        return loss_of(params)[0]

    (loss, changed), gradients = jax.value_and_grad(loss_of, has_aux=True)(state.params)
    optimizer = make_optimizer(
        program.optimizer, program.options, epoch.rates[position], numbers.weight_decay
    )
    # The last three are for the few optimisers that search along a line; others ignore them.
    updates, optimizer_state = optimizer.update(
        gradients,
        state.optimizer,
        state.params,
        value=loss,
        grad=gradients,
        value_fn=loss_alone,
    )
    params = optax.apply_updates(state.params, updates)
    rest = warm_statistics(momenta(program.module.architecture), state.rest, changed, state.step)
    total = jnp.where(position == 0, 0, state.loss) + loss
    return TrainState(params, rest, optimizer_state, state.step + 1, total)


def _forward(program: ArchitectureModule, variables: Variables, x: Any) -> Any:
    outputs = program.apply(variables, x, train=False)
    return jnp.asarray(outputs, jnp.promote_types(jnp.result_type(outputs), jnp.float32))
