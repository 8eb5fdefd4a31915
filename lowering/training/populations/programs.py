"""The programs of a population: those of one model, for P models that lie one behind the other.

Each array has an axis of length P in front, but for the data, which are shared, and the number of
the step, which is the same for all. A mask says which members go on: the others stay as they are,
and so do those whose loss is not finite any more.

Over a mesh each device computes its own members; nothing is sent between the rows of a mesh. Within
a row, where the examples of a batch are spread, what depends on all of them is summed, such as the
gradient and the statistics of batch normalisation, and nothing else is sent (see
`jarch.lowering.spreading`). Operations of the user's may look at the whole batch, and nobody knows
how: in their programs the compiler divides the batch, and sends what it finds necessary.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from jarch.lowering.flax_module import ArchitectureModule
from jarch.lowering.spreading import Spread, spread_over
from jarch.lowering.training.executables import Executable, executable
from jarch.lowering.training.program_key import describe_arguments, digest
from jarch.lowering.training.steps import (
    Program,
    TrainState,
    compiled,
    forward_function,
    forward_key,
    step_function,
    step_key,
)

from .meshes import (
    ALL,
    EXAMPLES,
    MEMBERS,
    POPULATION,
    columns_of,
    examples_spec,
    outputs_spec,
    sharding,
    spread_by_us,
    state_specs,
)
from .trees import as_row, row_of

_Function = Callable[..., Any]
_vmap = cast("Callable[..., _Function]", jax.vmap)  # JAX does not say the types of these
_shard_map = cast("Callable[..., _Function]", jax.shard_map)


def population_step(program: Program, arguments: tuple[Any, ...], mesh: Mesh | None) -> Executable:
    """Return the compiled step of a population; it reuses the memory of the state.

    Args:
        program: Of any member.
        arguments: State, training inputs and targets, epoch, numbers, values, and whether each
            goes on, bool; P of each but for the data and `state.step`.
        mesh: None for one device.
    """
    key, own = step_key(program, arguments, "step of a population")
    step = _many(_masked(step_function(program)), _state_axes(), (None, None, 0, 0, 0, 0))
    shardings: dict[str, Any] = {}
    if mesh is not None:
        specs, by_us = state_specs(), spread_by_us(program.module, mesh)
        given = (specs, ALL, ALL, MEMBERS, MEMBERS, MEMBERS, MEMBERS)
        step = _over(mesh, step, given, specs, by_us)
        shardings = {"out_shardings": _shardings(mesh, specs)}
    return executable(
        key,
        _own(own, mesh),
        lambda: compiled(step, arguments, donate_argnums=0, **shardings),
    )


def population_forward(
    module: ArchitectureModule, arguments: tuple[Any, ...], mesh: Mesh | None
) -> Executable:
    """Return what computes the outputs of a population: of shape (P, examples, …)."""
    key, own = forward_key(module, arguments, "outputs of a population")
    forward = _many(forward_function(module), 0, (None,))
    if mesh is not None:
        by_us = spread_by_us(module, mesh)
        x, outputs = (examples_spec(mesh), outputs_spec(mesh)) if by_us else (ALL, MEMBERS)
        forward = _over(mesh, forward, (MEMBERS, x), outputs, by_us)
    return executable(key, _own(own, mesh), lambda: compiled(forward, arguments))


def gathered(state: TrainState, rows: Any, mesh: Mesh | None) -> TrainState:
    """Return the state of some members of a population, in the order of their rows.

    Args:
        state: Of P members.
        rows: int32 of shape (Q,).
        mesh: Where both lie; its devices exchange members then.
    """
    arguments = (state._replace(step=()), rows)
    described = {"program": "gather", "arguments": describe_arguments(arguments)}
    named: dict[str, Any] = {} if mesh is None else {"out_shardings": sharding(mesh, MEMBERS)}
    key, own = digest(described), _own(None, mesh)
    take = executable(key, own, lambda: compiled(row_of, arguments, **named))
    return cast(TrainState, take(*arguments)._replace(step=state.step))


def _many(function: _Function, out: Any, axes: tuple[Any, ...]) -> _Function:
    """Return the function for many members; `out` says the axes of what changes, and of results.

    For one member there is nothing to be mapped, and convolutions stay as they are.
    """
    mapped = _vmap(function, in_axes=(out, *axes), out_axes=out)

    def many(changing: Any, *given: Any) -> Any:
        first: Any = jax.tree.leaves(changing)[0]
        if first.shape[0] > 1:
            return mapped(changing, *given)
        pairs = zip(given, axes, strict=True)
        alone = [each if axis is None else row_of(each, 0) for each, axis in pairs]
        if not isinstance(changing, TrainState):
            return function(row_of(changing, 0), *alone)[None]
        state = row_of(changing._replace(step=()), 0)
        made = function(state._replace(step=changing.step), *alone)
        return as_row(made._replace(step=()))._replace(step=made.step)

    return many


def _masked(step: _Function) -> _Function:
    """Return a step that may leave the state as it is, but for its number, which members share.

    It is told so, or the loss is not finite.
    """

    def masked(state: TrainState, *given: Any) -> TrainState:
        *others, goes_on = given
        made = step(state, *others)
        goes_on = goes_on & jnp.isfinite(state.loss)

        def kept(new: Any, old: Any) -> Any:
            return jnp.where(goes_on, new, old)

        frozen: TrainState = jax.tree.map(kept, made, state)
        return frozen._replace(step=made.step)

    return masked


def _over(mesh: Mesh, function: _Function, given: Any, made: Any, by_us: bool) -> _Function:
    """Return the function over a mesh; `by_us` says who divides a batch: we, or the compiler."""
    spread = Spread(EXAMPLES, columns_of(mesh)) if by_us else None

    def own(*arguments: Any) -> Any:
        with spread_over(spread):
            return function(*arguments)

    return _shard_map(
        own,
        mesh=mesh,
        in_specs=given,
        out_specs=made,
        axis_names={POPULATION, EXAMPLES} if by_us else {POPULATION},
        check_vma=False,
    )


def _state_axes() -> TrainState:
    axes: dict[str, Any] = dict.fromkeys(TrainState._fields, 0)
    return TrainState(**axes)._replace(step=None)


def _shardings(mesh: Mesh, specs: TrainState) -> TrainState:
    return TrainState(*(sharding(mesh, spec) for spec in specs))


def _own(own: Hashable, mesh: Mesh | None) -> Hashable:
    """Return what keeps programs apart beside the key; those for a mesh stay in this process."""
    return own if mesh is None else (own, cast(Hashable, mesh))
