"""Which candidates are one program, and of which kind a program is."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from jarch.ir import Architecture
from jarch.lowering.model import Model
from jarch.lowering.training.batches import Data
from jarch.lowering.training.config import TrainConfig
from jarch.lowering.training.errors import TrainConfigError
from jarch.lowering.training.memory import training_bytes
from jarch.lowering.training.preparation import Run, analysis_of, prepare
from jarch.lowering.training.seeds import check_seeds
from jarch.lowering.training.steps import normal_program

from .members import Member

Architectures = Architecture | Model | Sequence[Architecture | Model]
Configs = TrainConfig | Sequence[TrainConfig]


def group_by_program(
    architectures: Architectures, data: Data, configs: Configs | None = None
) -> list[list[int]]:
    """Return the positions of candidates that one program trains, group by group.

    Args:
        architectures: One for all configurations, or as many as there are of them.
        data: What they would be trained on.
        configs: One for all architectures, or as many as there are of them.

    Raises:
        ShapeError: A model does not fit the data.
        TrainConfigError: A configuration does not fit the data, or their numbers differ.

    Example:
        >>> import jarch as ja
        >>> def net(width, rate):
        ...     pieces = ja.nn.dense(width), ja.nn.dropout(rate), ja.nn.dense(10)
        ...     return ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])
        >>> data = ja.from_arrays([[0.0, 1.0]] * 20, list(range(10)) * 2)
        >>> group_by_program([net(4, 0.1), net(8, 0.1), net(4, 0.2)], data)
        [[0, 2], [1]]
    """
    pairs = paired(architectures, configs or TrainConfig())
    groups: dict[Hashable, list[int]] = {}
    for i, (architecture, config) in enumerate(pairs):
        groups.setdefault(program_of(prepare(architecture, data, config)), []).append(i)
    return list(groups.values())


def paired(
    architectures: Architectures, configs: Configs, seeds: Sequence[int] | None = None
) -> list[tuple[Architecture | Model, TrainConfig]]:
    """Return each architecture with its configuration; one of either is for all of the other.

    Each pair comes once with each seed, where seeds are given.

    Raises:
        TrainConfigError: There are several of both, not as many of one as of the other, or none; or
            seeds are no integers.
    """
    nets = [architectures] if isinstance(architectures, (Architecture, Model)) else [*architectures]
    how = [configs] if isinstance(configs, TrainConfig) else [*configs]
    if isinstance(architectures, (Architecture, Model)):
        nets = nets * len(how)
    if isinstance(configs, TrainConfig):
        how = how * len(nets)
    if len(nets) != len(how):
        raise TrainConfigError(
            f"{len(nets)} architectures and {len(how)} configurations; give as many of both, or "
            "one of either"
        )
    pairs = list(zip(nets, how, strict=True))
    if seeds is None:
        return pairs
    checked = check_seeds(seeds)
    return [(net, replace(config, seed=seed)) for net, config in pairs for seed in checked]


def program_of(run: Run) -> Hashable:
    """Return what is equal for those that one program trains on the same data."""
    return normal_program(run.program), run.batch_size


def grouped(members: Sequence[Member]) -> list[list[Member]]:
    """Return members by program, in order."""
    groups: dict[Hashable, list[Member]] = {}
    for member in members:
        groups.setdefault(program_of(member.run), []).append(member)
    return list(groups.values())


def parameters_of(run: Run) -> int:
    """Return how many parameters a model has, batch statistics among them."""
    return analysis_of(run).parameters


def bytes_of(run: Run) -> int:
    """Return how many bytes of memory training one member takes, roughly."""
    return training_bytes(analysis_of(run), run.config, run.batch_size)
