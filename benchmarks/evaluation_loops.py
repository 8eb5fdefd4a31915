"""What `fit` adds to the steps of an epoch."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import jax

import jarch as ja
from jarch.lowering.training.batches import device_data, epoch_order
from jarch.lowering.training.preparation import prepare
from jarch.lowering.training.steps import Epoch, program_values, start, step_program
from jarch.lowering.training.ways import overruled_way

from .handwritten import architecture
from .measure import Pair, Timing, young_garbage_only

_finish: Callable[[object], object] = jax.block_until_ready
_EPOCHS = 10


def compare_loops(rounds: int = 21) -> Pair:
    """Time ten epochs of `fit`, after a first one, against the bare steps, in turn.

    The net is the MobileNet of ten blocks, the data has no validation split, the compiled step is
    the same on both sides, and so is the order of the examples, which is made outside of the bare
    loop.
    """
    data = ja.load_data("digits", validation=0.0)
    config = ja.TrainConfig(epochs=_EPOCHS + 1, batch_size=128)
    bare, pairs = _bare(data, config), list[tuple[float, float]]()
    with young_garbage_only():
        for i in range(rounds):
            if i % 2:
                second, first = bare(), _fitted(data, config)
            else:
                first, second = _fitted(data, config), bare()
            pairs.append((first, second))
    ours, theirs = zip(*pairs, strict=True)
    ratio = median(a / b for a, b in pairs)
    return Pair(Timing(median(ours), min(ours)), Timing(median(theirs), min(theirs)), ratio)


def _fitted(data: ja.Dataset, config: ja.TrainConfig) -> float:
    """Return the seconds from the end of the first epoch to that of the last."""
    ends: list[float] = []
    with overruled_way("whole"):
        ja.fit(architecture(), data, config, on_epoch=lambda report: ends.append(perf_counter()))
    return ends[-1] - ends[0]


def _bare(data: ja.Dataset, config: ja.TrainConfig) -> Callable[[], float]:
    """Return what times so many epochs as a loop over the compiled step, all arguments at hand."""
    run = prepare(architecture(), data, config)
    device = device_data(data, run.batch_size)
    epochs: list[Any] = [
        jax.device_put(
            Epoch(epoch_order(len(data.x_train), run.batch_size, 0, i + 1), run.rates[i])
        )
        for i in range(_EPOCHS)
    ]
    numbers: Any = jax.device_put(run.numbers)
    variables = run.model.init(0, data.x_train[:1])
    values = program_values(run.program)

    def train() -> float:
        state = start(run.program, variables)
        step = step_program(run.program, (state, device.x, device.y, epochs[0], numbers, values))
        begun = perf_counter()
        for epoch in epochs:
            for _ in range(run.rates.shape[1]):
                state = step(state, device.x, device.y, epoch, numbers, values)
            _finish(state.loss)
        return perf_counter() - begun

    return train
