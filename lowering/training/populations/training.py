"""The loop that trains a population."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jarch.lowering.training.batches import Data
from jarch.lowering.training.budgets import Budget
from jarch.lowering.training.compilation_cache import enable_compilation_cache
from jarch.lowering.training.config import TrainConfig
from jarch.lowering.training.errors import TrainingInterrupted
from jarch.lowering.training.interrupts import noticed_interrupts
from jarch.lowering.training.preparation import prepare

from .choosing import Executor, means_of, refuse_too_large, stacks_of
from .grouping import Architectures, Configs, grouped, paired
from .halving import Halving, check_halving, drop_worst, rungs_of
from .members import Member, Outcome, Report
from .stacks import Stack

if TYPE_CHECKING:
    from typing import Any

    from jax.sharding import Mesh

_DEFAULT = TrainConfig()


def fit_population(
    architectures: Architectures,
    data: Data,
    configs: Configs = _DEFAULT,
    *,
    seeds: Sequence[int] | None = None,
    executor: Executor = "auto",
    mesh: Mesh | None = None,
    devices: Sequence[Any] | None = None,
    halving: Halving | None = None,
    on_epoch: Report | None = None,
    memory_limit: float | None = None,
) -> list[Outcome]:
    """Train many candidates, those of one program at once; each comes out as if trained alone.

    Candidates of one program, see `group_by_program`, differ in numbers: rates of dropout, learning
    rate, schedule, weight decay, label smoothing, momentum, seed. They are trained in turn by one
    compiled program, side by side in one, or spread over devices. By SGD in float32 the weights are
    those of `fit` to within 1e-5; sums in another order, and optimisers that divide by what is near
    zero, make more of a difference. A member that fails or stops does not affect the others.

    Args:
        architectures: One for all configurations, or as many as there are of them.
        data: A `jarch.data.Dataset`.
        configs: One for all architectures, or as many as there are of them.
        seeds: Train each candidate with each of these; None takes the seeds of the configurations.
        executor: `"serial"`, `"vmap"`, `"sharded"`, or `"auto"`: what a few timed steps show to be
            fastest, remembered for programs of this kind.
        mesh: For `"sharded"`: with an axis `"population"`, over which members are spread, and
            perhaps an axis `"data"`, over which the examples of each batch are.
        devices: Instead of a mesh; None takes all devices of this process.
        halving: `(fraction, epochs)`: each time after so many epochs this part goes on, the best by
            the first metric on the validation split. Or pairs of an epoch and how many go on after
            it. Others end with what they have then.
        on_epoch: Called with the position of a member and its report after each of its epochs;
            when it returns True, this member stops. The seconds are its share of the whole.
        memory_limit: As for `fit`, for each candidate, and by `"vmap"` for all that go together.

    Returns:
        For each candidate, and for each seed of it in turn, what `fit` returns, or the
        `TrainingFailed` that it would raise.

    Raises:
        ShapeError: As for `fit`, and before anything is trained.
        TrainConfigError: As for `fit`, or arguments do not fit each other.
        TrainingFailed: By `"vmap"`, where the members surely do not fit into memory at once.
        TrainingInterrupted: By the keyboard; it holds what has become of those that had ended.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(lambda: ja.sequential(ja.nn.flatten, ja.nn.dense(10)))
        >>> data = ja.load_data("digits", limit=300)
        >>> configs = [ja.TrainConfig(epochs=2, learning_rate=rate) for rate in (1e-3, 1e-2)]
        >>> trained = ja.fit_population(ja.replay(space, []), data, configs, executor="vmap")
        >>> [len(each.history) for each in trained]
        [2, 2]
    """
    means = means_of(executor, mesh, devices, memory_limit)
    pairs = paired(architectures, configs, seeds)
    members = [Member(i, prepare(net, data, config)) for i, (net, config) in enumerate(pairs)]
    if not members:
        return []
    last = max(member.run.config.epochs for member in members)
    rungs = [rung for rung in rungs_of(halving, len(members), last) if rung[0] < last]
    if halving is not None:
        check_halving([member.run for member in members])
    enable_compilation_cache()
    refuse_too_large(members, memory_limit)
    active = [member for member in members if member.active]
    stacks = [stack for group in grouped(active) for stack in stacks_of(group, means)]
    with noticed_interrupts() as interrupted:
        for epoch, keep in [*rungs, (last, len(members))]:
            if not _train(stacks, epoch, on_epoch, Budget(interrupted=interrupted)):
                break
            drop_worst(members, keep)
            for stack in stacks:
                stack.tidy()
    if interrupted():
        raise TrainingInterrupted([None if each.active else each.outcome() for each in members])
    return [member.outcome() for member in members]


def _train(stacks: Sequence[Stack], epoch: int, on_epoch: Report | None, budget: Budget) -> bool:
    """Train what is active up to an epoch, one stack after the other; say whether it was so far."""
    for stack in stacks:
        while stack.epoch < epoch and stack.active:
            if budget.interrupted() or not stack.train_epoch(on_epoch, budget):
                return False
    return True
