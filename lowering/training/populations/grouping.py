"""Which candidates are one program, and of which kind a program is."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from math import log2
from typing import Any, cast

from jarch.ir import Analysis, Architecture, analyze
from jarch.lowering.model import Model
from jarch.lowering.training.batches import Data
from jarch.lowering.training.config import TrainConfig
from jarch.lowering.training.errors import TrainConfigError
from jarch.lowering.training.memory import training_bytes
from jarch.lowering.training.preparation import Run, prepare
from jarch.lowering.training.program_key import own_rules
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
    architectures: Architectures, configs: Configs
) -> list[tuple[Architecture | Model, TrainConfig]]:
    """Return each architecture with its configuration; one of either is for all of the other.

    Raises:
        TrainConfigError: There are several of both, not as many of one as of the other, or none.
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
    return list(zip(nets, how, strict=True))


def program_of(run: Run) -> Hashable:
    """Return what is equal for those that one program trains on the same data."""
    return normal_program(run.program), run.batch_size


def grouped(members: Sequence[Member]) -> list[list[Member]]:
    """Return members by program, in order."""
    groups: dict[Hashable, list[Member]] = {}
    for member in members:
        groups.setdefault(program_of(member.run), []).append(member)
    return list(groups.values())


def kind_of(run: Run, members: int) -> str:
    """Return the kind of a program, as text: what decides whether members gain by going together.

    That are its operations, its work to within a factor of two either way, the examples of a batch,
    and how many members there are.
    """
    architecture, analysis = run.model.architecture, _analysis(run)
    described: dict[str, Any] = {
        "operations": sorted({node.op.name for _, node in architecture.nodes}),
        "own": [name for name, _ in cast(Any, own_rules(run.program.module)) or ()],
        "work": round(log2(max(1, analysis.flops * run.batch_size)) / 2),
        "parameters": round(log2(max(1, analysis.parameters)) / 2),
        "dtype": str(run.program.module.dtype),
        "optimizer": run.program.optimizer if isinstance(run.program.optimizer, str) else None,
        "batch": run.batch_size,
        "members": members,
    }
    return json.dumps(described, sort_keys=True)


def parameters_of(run: Run) -> int:
    """Return how many parameters a model has, batch statistics among them."""
    return _analysis(run).parameters


def bytes_of(run: Run) -> int:
    """Return how many bytes of memory training one member takes, roughly."""
    return training_bytes(_analysis(run), run.config, run.batch_size)


def _analysis(run: Run) -> Analysis:
    architecture = run.model.architecture
    return analyze(architecture, {architecture.inputs[0]: run.signature.input_shape})
