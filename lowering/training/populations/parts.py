"""Training a population for a part of all that its members are to be trained."""

from __future__ import annotations

from collections.abc import Sequence
from sys import maxsize
from typing import TYPE_CHECKING

from jarch.lowering.training.batches import Data
from jarch.lowering.training.budgets import Budget, check_limits, ending, share
from jarch.lowering.training.compilation_cache import enable_compilation_cache
from jarch.lowering.training.config import TrainConfig
from jarch.lowering.training.errors import CheckpointError, TrainingFailed, TrainingInterrupted
from jarch.lowering.training.interrupts import noticed_interrupts
from jarch.lowering.training.preparation import Run, prepare
from jarch.lowering.training.resuming import (
    Checkpoint,
    Ending,
    Partial,
    check_checkpoint,
    identify,
    kind_of_state,
)
from jarch.lowering.training.ways import way_of

from .choosing import Executor, means_of, refuse_too_large, stacks_of
from .grouping import Architectures, Configs, grouped, paired
from .members import Member, Report
from .stacks import Stack

if TYPE_CHECKING:
    from typing import Any

    from jax.sharding import Mesh

_DEFAULT = TrainConfig()


def fit_population_partly(
    architectures: Architectures,
    data: Data,
    configs: Configs = _DEFAULT,
    *,
    seeds: Sequence[int] | None = None,
    executor: Executor = "auto",
    mesh: Mesh | None = None,
    devices: Sequence[Any] | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    seconds: float | None = None,
    checkpoints: Sequence[Checkpoint | None] | None = None,
    on_epoch: Report | None = None,
    memory_limit: float | None = None,
) -> list[Partial | TrainingFailed]:
    """Train many candidates for a part of what `fit_population` would, or go on from earlier parts.

    Each has a checkpoint of its own, so any of them may go on, in any company: a rung takes the
    checkpoints of the best. Those that were trained for as many steps go on together. Where few
    steps were taken by programs of segments, as `fit` and `"auto"` do on CPUs, all further ones
    are, in turn. The checkpoint of a member of a population is for this function alone, not for
    `fit_partly`.

    Args:
        architectures: As for `fit_population`.
        data: As for `fit_population`.
        configs: As for `fit_population`, with the epochs of the whole training.
        seeds: As for `fit_population`.
        executor: As for `fit_population`; it may be another one in each part.
        mesh: As for `fit_population`.
        devices: As for `fit_population`.
        epochs: Stop each when so many are done, those of earlier parts included.
        steps: Stop each when so many are done, those of earlier parts included.
        seconds: Stop all so long after the start of this call, compiling included, as `fit_partly`
            does. Those that are not trained at once but one after the other share the time.
        checkpoints: What each ended with before, in the order of what is returned; None begins.
        on_epoch: As for `fit_population`.
        memory_limit: As for `fit_population`.

    Returns:
        For each candidate, and for each seed of it in turn, where it stands, or why it failed.

    Raises:
        CheckpointError: One is of another architecture, configuration or data, or none at all, as
            for a member that failed, or their number is another than that of the members.
        ShapeError: As for `fit_population`.
        TrainConfigError: As for `fit_population`, or a limit is less than 1, more than any of them
            has, or no number.
        TrainingFailed: As for `fit_population`.
        TrainingInterrupted: By the keyboard; it holds where all stand that had begun.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.sequential(ja.nn.flatten, ja.nn.dense(10)))
        >>> architecture, data = ja.replay(space, []), ja.load_data("digits", limit=300)
        >>> configs = [ja.TrainConfig(epochs=3, learning_rate=rate) for rate in (1e-3, 1e-2)]
        >>> parts = ja.fit_population_partly(architecture, data, configs, epochs=1)
        >>> best = [parts[1].checkpoint]
        >>> rest = ja.fit_population_partly(architecture, data, configs[1], checkpoints=best)
        >>> [len(rest[0].trained.history), rest[0].ended]
        [3, 'epochs']
    """
    end = ending(seconds)
    means = means_of(executor, mesh, devices, memory_limit)
    runs = [prepare(net, data, config) for net, config in paired(architectures, configs, seeds)]
    _check_limits(runs, epochs, steps)
    names = [identify(run.model.architecture, run.config, run.data) for run in runs]
    members = _members(runs, names, checkpoints)
    refuse_too_large(members, memory_limit)
    enable_compilation_cache()
    stacks = [each for group in _together(members) for each in stacks_of(group, means, keeps=True)]
    with noticed_interrupts() as interrupted:
        for i, stack in enumerate(stacks):
            if interrupted():
                break
            own = None if end is None else share(end, len(stacks) - i)
            budget = Budget(_last(stack.members[0].run, epochs, steps), own, interrupted)
            _train(stack, budget, on_epoch)
    named = list(zip(members, names, strict=True))
    if interrupted():
        raise TrainingInterrupted([None if m.active else _partial(m, name) for m, name in named])
    return [_partial(member, name) for member, name in named]


def _partial(member: Member, name: str) -> Partial | TrainingFailed:
    return member.partial(kind_of_state(True, member.in_segments) + name)


def _members(
    runs: Sequence[Run], names: Sequence[str], checkpoints: Sequence[Checkpoint | None] | None
) -> list[Member]:
    given = [None] * len(runs) if checkpoints is None else [*checkpoints]
    if len(given) != len(runs):
        raise CheckpointError(
            f"{len(given)} checkpoints for {len(runs)} members; give one for each"
        )
    return [_member(i, *each) for i, each in enumerate(zip(runs, names, given, strict=True))]


def _member(position: int, run: Run, name: str, checkpoint: Checkpoint | None) -> Member:
    if checkpoint is None:
        return Member(position, run)
    began = str(getattr(checkpoint, "identity", "")).startswith(kind_of_state(True, True))
    in_segments = began and way_of(run) == "segments"
    identity = kind_of_state(True, in_segments) + name
    check_checkpoint(checkpoint, identity, f"the checkpoint of member {position}")
    return Member.going_on(position, run, checkpoint, in_segments)


def _together(members: Sequence[Member]) -> list[list[Member]]:
    """Return those that still train, by program, by steps behind them, and by kind of state."""
    found: dict[tuple[int, int, bool], list[Member]] = {}
    for i, group in enumerate(grouped([member for member in members if member.active])):
        for member in group:
            found.setdefault((i, member.steps, member.in_segments), []).append(member)
    return list(found.values())


def _check_limits(runs: Sequence[Run], epochs: int | None, steps: int | None) -> None:
    """Require limits that are no more than what those have that are trained for longest."""
    most_epochs = max((run.config.epochs for run in runs), default=maxsize)
    most_steps = max((int(run.rates.size) for run in runs), default=maxsize)
    check_limits(epochs, steps, most_epochs, most_steps)


def _last(run: Run, epochs: int | None, steps: int | None) -> int:
    """Return after how many steps in all to stop."""
    limits = [steps, None if epochs is None else epochs * run.rates.shape[1]]
    return min([each for each in limits if each is not None], default=maxsize)


def _train(stack: Stack, budget: Budget, on_epoch: Report | None) -> None:
    """Train up to a budget, or to the end of all members."""
    last = max(int(member.run.rates.size) for member in stack.members)
    why: Ending = "limit"
    while stack.active and stack.steps < min(budget.steps, last):
        whole = stack.train_epoch(on_epoch, budget)
        if stack.steps < budget.steps and (not whole or budget.is_over(stack.wait)):
            why = budget.why
            break
    stack.stop(why)
