"""Devices in rows and columns: members of a population along one axis, examples along the other."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jarch.lowering.flax_module import ArchitectureModule
from jarch.lowering.training.batches import Data, batches, device_data, target_rows
from jarch.lowering.training.errors import TrainConfigError
from jarch.lowering.training.program_key import own_rules
from jarch.lowering.training.steps import Epoch, TrainState

POPULATION, EXAMPLES = "population", "data"
"""The names of the axes of a mesh; the second need not be there."""

_spec = cast(Callable[..., PartitionSpec], PartitionSpec)
ALL, MEMBERS = _spec(), _spec(POPULATION)


class PlacedData(NamedTuple):
    """A data set where a population is trained."""

    x: Any  # training inputs
    y: Any  # training targets; in regression of shape (N, K)
    validation: Sequence[Any]  # inputs of B examples each, the last one padded


_placed: WeakKeyDictionary[Data, dict[tuple[Mesh, int], PlacedData]] = WeakKeyDictionary()


def population_mesh(devices: Sequence[Any] | None = None, data: int = 1) -> Mesh:
    """Return a mesh for a population.

    Args:
        devices: All of this process if None.
        data: Over how many devices the examples of a batch are spread.

    Raises:
        TrainConfigError: The devices cannot be divided so.

    Example:
        >>> population_mesh().axis_names
        ('population', 'data')
    """
    found = [*(local_devices() if devices is None else devices)]
    if data < 1 or not found or len(found) % data:
        raise TrainConfigError(
            f"{len(found)} devices cannot be divided into rows of {data}; let data divide them"
        )
    return _mesh(np.array(found, dtype=object).reshape(-1, data), (POPULATION, EXAMPLES))


def local_devices() -> list[Any]:
    """Return the devices of this process."""
    return cast("list[Any]", jax.local_devices())


def check_mesh(mesh: Mesh, batch_size: int) -> Mesh:
    """Return the mesh with axes that the compiler looks after.

    Raises:
        TrainConfigError: It has other axes, or the examples of a batch cannot be spread over it.
    """
    names = tuple(cast("tuple[str, ...]", mesh.axis_names))
    if POPULATION not in names or not {*names} <= {POPULATION, EXAMPLES}:
        raise TrainConfigError(
            f"the mesh has axes {names}; it must have {POPULATION!r} and may have {EXAMPLES!r}"
        )
    if batch_size % columns_of(mesh):
        raise TrainConfigError(
            f"batches of {batch_size} examples cannot be spread over {columns_of(mesh)} devices; "
            f"let the length of the mesh's {EXAMPLES!r} axis divide batch_size"
        )
    return _mesh(cast(Any, mesh).devices, names)


def rows_of(mesh: Mesh | None) -> int:
    """Return over how many devices the members are spread."""
    return 1 if mesh is None else int(cast(Any, mesh.shape)[POPULATION])


def columns_of(mesh: Mesh) -> int:
    """Return over how many devices the examples of a batch are spread."""
    return int(cast(Any, mesh.shape).get(EXAMPLES, 1))


def sharding(mesh: Mesh, spec: PartitionSpec) -> Any:
    """Return how arrays lie on the mesh."""
    return NamedSharding(mesh, spec)


def state_specs() -> TrainState:
    """Return how the state of a population lies: a prefix of its tree."""
    specs: dict[str, Any] = dict.fromkeys(TrainState._fields, MEMBERS)
    return TrainState(**specs)._replace(step=ALL)


def spread_by_us(module: ArchitectureModule, mesh: Mesh) -> bool:
    """Say whether our programs divide batches among devices; else the compiler does it, or none."""
    return columns_of(mesh) > 1 and own_rules(module) is None


def examples_spec(mesh: Mesh) -> PartitionSpec:
    """Return how a batch lies, examples first."""
    return _spec(EXAMPLES) if columns_of(mesh) > 1 else ALL


def outputs_spec(mesh: Mesh) -> PartitionSpec:
    """Return how the outputs of members for a batch lie: (P, N, …)."""
    return _spec(POPULATION, EXAMPLES) if columns_of(mesh) > 1 else MEMBERS


def epoch_specs(module: ArchitectureModule, mesh: Mesh) -> Epoch:
    """Return how what differs between epochs lies: compilers divide batches by their indices."""
    by_compiler = columns_of(mesh) > 1 and not spread_by_us(module, mesh)
    return Epoch(_spec(POPULATION, None, EXAMPLES) if by_compiler else MEMBERS, MEMBERS)


def placed_data(data: Data, batch_size: int, mesh: Mesh | None) -> PlacedData:
    """Return the data on the device, or on each of a mesh; kept as long as the data set lives."""
    if mesh is None:
        found = device_data(data, batch_size)
        return PlacedData(found.x, found.y, found.validation)
    kept = _placed.setdefault(data, {})
    if (mesh, batch_size) not in kept:
        everywhere = sharding(mesh, ALL)
        spread = sharding(mesh, examples_spec(mesh))
        y = target_rows(data.y_train, data.num_classes)
        x, y = jax.device_put((data.x_train, y), everywhere)
        validation = jax.device_put([*batches(data.x_validation, batch_size)], spread)
        kept[mesh, batch_size] = PlacedData(x, y, validation)
    return kept[mesh, batch_size]


def _mesh(devices: Any, names: tuple[str, ...]) -> Mesh:
    return Mesh(devices, names, axis_types=(AxisType.Auto,) * len(names))
