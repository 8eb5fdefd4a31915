"""The programs of training: one step, and the outputs of one batch; and the state to start with.

What shapes a program is compiled once: equal architectures, and those that differ in numbers alone,
share it. Learning rate, decay, smoothing, dropout, momentum and seed are numbers in it.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax, optax and orbax are partial)

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jarch.ir import Architecture
from jarch.lowering.augmentation.applying import augment_batch
from jarch.lowering.augmentation.kinds import Augmentation
from jarch.lowering.flax_module import ArchitectureModule, architecture_module
from jarch.lowering.normal_form import normal_form
from jarch.lowering.rules.choices import situated, until_overruled
from jarch.lowering.spreading import first_own, mean_of_all, own_part, shared

from .averages import averaged
from .config import Optimizer
from .environment import jax_options
from .executables import Executable, executable
from .initial_state import zero_shapes, zero_state, zeros
from .levels import compiler_options, default_level
from .losses import mean_loss
from .metrics import Task
from .optimizers import (
    Options,
    are_plain,
    clipped,
    describe_options,
    make_optimizer,
    numeric_options,
    place_options,
    split_options,
)
from .program_key import describe_arguments, describe_module, digest, own_rules
from .regularizers import NO_REGULARIZERS, Regularizers
from .statistics import warm_momenta

Variables: TypeAlias = Mapping[str, Any]
"""Collections such as `"params"` and `"batch_stats"`; each maps node keys to arrays by name."""

_shape: Callable[..., Any] = jax.ShapeDtypeStruct  # JAX does not say the types of these
_structure = cast(Callable[[Any], Any], jax.tree.structure)
_KEPT = 1024  # things that follow from a program, remembered: some kB each


@dataclass(frozen=True, slots=True)
class Program:
    """What a training step is of; what of it shapes the program is told by `shape_of`."""

    module: ArchitectureModule
    task: Task
    optimizer: Optimizer
    options: Options
    regularizers: Regularizers = NO_REGULARIZERS


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
    """What a training step changes. On the device; given away at each step.

    Variables go by the names of the architecture's normal form; `variables_of` gives them back.
    """

    params: Any
    rest: Any  # the other collections, such as batch statistics
    optimizer: Any
    step: Any  # int32, counted from 0
    loss: Any  # float32, summed over the steps of this epoch
    averages: Any = ()  # of params and rest, where there are any


def start(program: Program, variables: Variables) -> TrainState:
    """Return the state before the first step; the variables stay as they are."""
    return cast(TrainState, jax.device_put(start_on_host(program, variables)))


def start_on_host(program: Program, variables: Variables) -> TrainState:
    """Return the state before the first step, which nothing else holds, not yet on the device."""
    form = normal_form(program.module.architecture)
    host: Any = jax.tree.map(np.array, form.to_normal(variables))  # copies: steps reuse memory
    params = host.pop("params", {})
    rest = {name: tree for name, tree in host.items() if tree}
    averages = (params, rest) if program.regularizers.ema_decay is not None else ()
    return TrainState(
        params,
        rest,
        _slots(program, params),
        np.zeros((), np.int32),
        np.zeros((), np.float32),
        jax.tree.map(np.copy, averages),
    )


def _slots(program: Program, params: Any) -> Any:
    """Return the state of the optimiser before the first step."""
    shapes = _slot_shapes(normal_program(program), _signature(params))
    if shapes is not None:
        return zeros(shapes)
    return zero_state(make_optimizer(program.optimizer, program.options, 0.0, 0.0), params)


@lru_cache(_KEPT)
def _slot_shapes(program: Program, signature: Any) -> Any:
    """Remember the shapes of an optimiser's state, which take milliseconds; None if not zeros."""
    tree, leaves = signature
    params = jax.tree.unflatten(tree, [_shape(*leaf) for leaf in leaves])
    numeric = numeric_options(program.optimizer, tuple((name, 0.5) for name, _ in program.options))
    options = tuple(
        (name, numeric.get(name) if value is None else value) for name, value in program.options
    )
    return zero_shapes(make_optimizer(program.optimizer, options, 0.0, 0.0), params)


def variables_of(module: ArchitectureModule, state: TrainState) -> Variables:
    """Return the variables in a state, or their averages, by the keys of the nodes."""
    form = normal_form(module.architecture)
    params, rest = state.averages or (state.params, state.rest)
    return form.from_normal({"params": params, **rest})


def make_step(
    program: Program,
    state: TrainState,
    x: Any,
    y: Any,
    epoch: Epoch,
    numbers: Numbers,
    level: int | None = None,
) -> Callable[[TrainState], TrainState]:
    """Return what makes a state into that after one more step, compiled; it reuses the memory.

    Args:
        program: Static.
        state: Of the shapes that the step is for.
        x: All training inputs, of which the step takes its batch.
        y: All training targets.
        epoch: Order and learning rates of the epoch in which the steps lie.
        numbers: Of the run.
        level: Of the compiler; None for the one of this backend.
    """
    given = (x, y, epoch, numbers, program_values(program))
    run = step_program(program, (state, *given), level)
    return lambda state: run(state, *given)


def forward(program: ArchitectureModule, variables: Variables, x: Any) -> Any:
    """Return the outputs of one batch, compiled, without dropout, as float32 or wider.

    Args:
        program: The module; what of it shapes the program is compiled once.
        variables: Of the model; batch normalisation takes its running averages.
        x: Inputs, examples first.
    """
    arguments = (normal_form(program.architecture).to_normal(variables), x)
    return forward_program(program, arguments)(*arguments)


def step_program(
    program: Program, arguments: tuple[Any, ...], level: int | None = None
) -> Executable:
    """Return the compiled step for arguments of these shapes."""
    key, own = step_key(program, arguments, level=level)
    return executable(key, own, lambda: compiled_step(program, arguments, level))


def forward_program(module: ArchitectureModule, arguments: tuple[Any, ...]) -> Executable:
    """Return what computes the outputs, compiled for arguments of these shapes."""
    key, own = forward_key(module, arguments)
    return executable(key, own, lambda: compiled_forward(module, arguments))


def step_key(
    program: Program, arguments: tuple[Any, ...], form: str = "step", level: int | None = None
) -> tuple[str, Hashable]:
    """Return the key of a training step, and those objects of the user's that belong to it.

    Args:
        program: What it is of.
        arguments: Of these shapes.
        form: What else shapes the program, such as that it is one for many models.
        level: Of the compiler; None for the one of this backend.
    """
    level = default_level() if level is None else level
    return _step_key(program, _signature(arguments), form, level, jax_options())


def forward_key(
    module: ArchitectureModule, arguments: tuple[Any, ...], form: str = "forward"
) -> tuple[str, Hashable]:
    """Return the key of what computes the outputs, as `step_key` does that of a step."""
    return _forward_key(cast(Hashable, module), _signature(arguments), form, jax_options())


def compiled_step(program: Program, arguments: Any, level: int | None = None) -> Executable:
    """Trace and compile a training step; arguments may be shapes in place of arrays."""
    return compiled(step_function(program), arguments, level, donate_argnums=0)


def compiled_forward(
    module: ArchitectureModule, arguments: Any, level: int | None = None
) -> Executable:
    """Trace and compile what computes the outputs."""
    return compiled(forward_function(module), arguments, level)


def step_function(program: Program) -> Callable[..., TrainState]:
    """Return a training step that is not compiled: a pure function of state and what is given."""
    return partial(_train_step, normal_program(program))


def forward_function(module: ArchitectureModule) -> Callable[[Variables, Any], Any]:
    """Return what computes the outputs, of variables by the names of the normal form."""
    return partial(_forward, normal_module(module))


def normal_module(module: ArchitectureModule) -> ArchitectureModule:
    """Return the module that all architectures of one normal form share."""
    normal = normal_form(module.architecture).architecture
    return architecture_module(normal, module.dtype, module.param_dtype)


def _signature(arguments: Any) -> Hashable:
    """Return a value that tells trees and shapes of arguments apart, quickly."""
    leaves: list[Any] = jax.tree.leaves(arguments)
    return _structure(arguments), tuple([(leaf.shape, leaf.dtype) for leaf in leaves])


@until_overruled(_KEPT)
def _step_key(
    program: Program, signature: Any, form: str, level: int | None, around: Hashable
) -> tuple[str, Hashable]:
    """Remember keys, by what is `around` them too: options of JAX, which `digest` looks at."""
    options, _ = split_options(program.optimizer, program.options)
    named = isinstance(program.optimizer, str)
    plain = named and are_plain(options)
    described = {
        "program": form,
        **describe_module(program.module),
        "task": program.task,
        "optimizer": program.optimizer if named else None,
        "options": describe_options(options) if plain else None,
        "regularizers": program.regularizers.describe(),
        "arguments": _described(signature),
        "level": level,
    }
    rules = own_rules(program.module)
    own = (rules, None if plain else (program.optimizer, options))
    return digest(described), None if own == (None, None) else own


@until_overruled(_KEPT)
def _forward_key(module: Any, signature: Any, form: str, around: Hashable) -> tuple[str, Hashable]:
    described = {
        "program": form,
        **describe_module(module),
        "arguments": _described(signature),
        "level": default_level(),
    }
    return digest(described), own_rules(module)


def _described(signature: Any) -> list[Any]:
    tree, leaves = signature
    return describe_arguments(jax.tree.unflatten(tree, [_shape(*leaf) for leaf in leaves]))


def compiled(
    function: Callable[..., Any],
    arguments: Any,
    level: int | None = None,
    **named: Any,
) -> Executable:
    """Trace and compile a function as those of training are.

    Args:
        function: Pure.
        arguments: Of these shapes.
        level: Of the compiler; None for the one of this backend.
        named: Further arguments of `jax.jit`.
    """
    options = compiler_options(default_level() if level is None else level)
    jitted = jax.jit(function, compiler_options=options, **named)
    with situated("often"):
        lowered = jitted.lower(*arguments)
    return cast(Executable, lowered.compile())


@lru_cache(_KEPT)
def normal_program(program: Program) -> Program:
    """Return what all programs of one shape share."""
    options, _ = split_options(program.optimizer, program.options)
    module, shaping = normal_module(program.module), program.regularizers.shaping
    return Program(module, program.task, program.optimizer, options, shaping)


@lru_cache(_KEPT)
def program_values(program: Program) -> Any:
    """Return the numbers of net, optimiser and regularisers: float32 (K,), on the device."""
    form = normal_form(program.module.architecture)
    _, options = split_options(program.optimizer, program.options)
    values = [*(n for *_, n in form.numbers), *options, *program.regularizers.numbers]
    return jax.device_put(np.array(values, np.float32))


def _placed(program: Program, values: Any, step: Any) -> tuple[dict[str, Any], Options]:
    """Return the numbers by node and name, and the optimiser's options with theirs.

    Args:
        program: Of the normal form, whose numbers are placeholders.
        values: As `program_values` has them.
        step: Counted from 0; the momentum of running averages warms up with it.
    """
    architecture: Architecture = program.module.architecture
    places = normal_form(architecture).numbers
    numbers: dict[str, Any] = {}
    for i, (node, name, _) in enumerate(places):
        numbers.setdefault(node, {})[name] = values[i]
    others = [values[i] for i in range(len(places), values.shape[0])]
    options = place_options(program.optimizer, program.options, others)
    return warm_momenta(architecture, numbers, step), options


def _train_step(
    program: Program,
    state: TrainState,
    x: Any,
    y: Any,
    epoch: Epoch,
    numbers: Numbers,
    values: Any,
) -> TrainState:
    position = state.step % epoch.rates.shape[0]
    batch = epoch.order[position]
    key = jax.random.fold_in(jax.random.key(numbers.seed, impl="threefry2x32"), state.step)
    placed, options = _placed(program, values, state.step)
    regularizers, strengths = program.regularizers.placed(values)
    inputs, targets = _augmented(regularizers.augment, strengths, key, x, y, batch)

    def loss_of(params: Any) -> tuple[Any, Any]:
        outputs, changed = program.module.apply(
            {"params": shared(params), **state.rest},
            inputs,
            train=True,
            numbers=placed,
            mutable=list(state.rest),
            rngs={"dropout": key},
        )
        loss = mean_loss(program.task, outputs, targets, numbers.label_smoothing)
        return mean_of_all(loss), changed

    def loss_alone(params: Any) -> Any:
        return loss_of(params)[0]

    (loss, changed), gradients = jax.value_and_grad(loss_of, has_aux=True)(state.params)
    gradients = clipped(gradients, regularizers.clip_norm)
    optimizer = make_optimizer(
        program.optimizer, options, epoch.rates[position], numbers.weight_decay
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
    total = jnp.where(position == 0, 0, state.loss) + loss
    rest = {**state.rest, **changed}
    averages = averaged(state.averages, (params, rest), regularizers.ema_decay, state.step)
    return TrainState(params, rest, optimizer_state, state.step + 1, total, averages)


def _augmented(
    kinds: Sequence[Augmentation], strengths: Any, key: Any, x: Any, y: Any, batch: Any
) -> tuple[Any, Any]:
    """Return inputs and targets of this device's examples of a batch.

    Images that are mixed need those of other devices, so each device makes the whole batch then.
    """
    if any(kind.mixes for kind in kinds):
        return cast(
            tuple[Any, Any], own_part(augment_batch(kinds, strengths, key, x[batch], y[batch]))
        )
    own = own_part(batch)
    return augment_batch(kinds, strengths, key, x[own], y[own], first_own(own.shape[0]))


def _forward(module: ArchitectureModule, variables: Variables, x: Any) -> Any:
    outputs = module.apply(variables, x, train=False)
    return jnp.asarray(outputs, jnp.promote_types(jnp.result_type(outputs), jnp.float32))
