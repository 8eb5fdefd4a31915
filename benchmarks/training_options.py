"""Training steps with options of `TrainConfig` against the same without, timed in turn.

`python -m benchmarks.training_options` prints the figures: bfloat16, each augmentation, averages of
weights and a limit of gradients. The net is a small residual one on images of 32 by 32 in colour,
made up, since what they show does not matter for the time.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tyro

import jarch as ja
from jarch import nn
from jarch.lowering.training.batches import device_data, epoch_order
from jarch.lowering.training.preparation import prepare
from jarch.lowering.training.steps import Epoch, make_step, start

from .measure import Pair, Run, time_in_turn, warm
from .programs import no_stored_programs

EXAMPLES, SHAPE, CLASSES, BATCH = 512, (32, 32, 3), 10, 64

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "bfloat16": {"dtype": "bfloat16"},
    "flip": {"augment": ("flip",)},
    "crop": {"augment": ("crop",)},
    "cutout": {"augment": ("cutout",)},
    "mixup": {"augment": ("mixup",)},
    "cutmix": {"augment": ("cutmix",)},
    "randaugment": {"augment": ("randaugment",)},
    "flip, crop, cutout": {"augment": ("flip", "crop", "cutout")},
    "ema_decay": {"ema_decay": 0.99},
    "clip_norm": {"clip_norm": 1.0},
}
"""What is set in a configuration, by the figure's name."""


@dataclass(frozen=True)
class Command:
    """Time training steps with options against the same without."""

    only: tuple[str, ...] = ()
    """Some of the figures; all of them if none is named."""
    rounds: int = 9
    """How often each pair is timed."""
    json: Path | None = None
    """Where to write an object of names and ratios."""
    markdown: bool = False
    """Print a table for benchmarks/README.md."""


def architecture() -> ja.Architecture:
    """Return the net: three stages of one residual block each, 16, 32 and 64 channels."""

    def block(features: int) -> ja.Fragment:
        def main() -> ja.Fragment:
            return ja.sequential(nn.conv(features, 3), nn.batch_norm, nn.relu)

        return ja.sequential(nn.conv(features, 3, 2), nn.batch_norm, nn.relu, ja.residual(main))

    def net() -> ja.Fragment:
        blocks = [block(features) for features in (16, 32, 64)]
        return ja.sequential(*blocks, nn.global_avg_pool, nn.dense(CLASSES))

    return ja.replay(ja.trace(net), [])


def images() -> ja.Dataset:
    """Return images and classes that were drawn at random."""
    rng = np.random.default_rng(0)
    x = rng.random((EXAMPLES, *SHAPE), dtype=np.float32)
    return ja.from_arrays(x, rng.integers(0, CLASSES, EXAMPLES), seed=0)


def compare(option: str, rounds: int) -> Pair:
    """Time an epoch of steps with an option and without, both compiled before."""
    data = images()
    ours, plain = _epoch(data, OPTIONS[option]), _epoch(data, {})
    for run in (ours, plain):
        run()
    return time_in_turn(warm(ours), warm(plain), rounds)


def measure(only: tuple[str, ...], rounds: int) -> Iterator[tuple[str, Pair]]:
    """Yield the figures, one after the other."""
    with no_stored_programs():
        for option in only or OPTIONS:
            yield option, compare(option, rounds)


def main(command: Command) -> None:
    """Measure, print and write."""
    unknown = [name for name in command.only if name not in OPTIONS]
    if unknown:
        raise SystemExit(f"there are no figures {unknown}; there are {[*OPTIONS]}")
    found: dict[str, Pair] = {}
    for name, pair in measure(command.only, command.rounds):
        found[name] = pair
        milliseconds = [timing.median * 1e3 for timing in (pair.first, pair.second)]
        print("{}: {:.3g} ms against {:.3g} ms an epoch".format(name, *milliseconds), flush=True)
    if command.markdown:
        print("\n".join(_table(found)))
    if command.json is not None:
        ratios = {name: pair.ratio for name, pair in found.items()}
        command.json.write_text(json.dumps(ratios, indent=2) + "\n", encoding="utf-8")


def _epoch(data: ja.Dataset, given: Mapping[str, Any]) -> Run:
    """Return what takes all steps of an epoch and waits for them."""
    run = prepare(architecture(), data, ja.TrainConfig(batch_size=BATCH, **given))
    device = device_data(data, run.batch_size)
    order = epoch_order(len(data.x_train), run.batch_size, 0, 1)
    epoch, numbers = jax.device_put((Epoch(order, run.rates[0]), run.numbers))
    state = start(run.program, run.model.init(0, data.x_train[:1]))
    step: Callable[[Any], Any] = make_step(run.program, state, device.x, device.y, epoch, numbers)

    def take_all() -> None:
        nonlocal state
        for _ in range(len(order)):
            state = step(state)
        np.asarray(state.step)

    return take_all


def _table(found: Mapping[str, Pair]) -> Iterator[str]:
    yield "| option | step with it against without |"
    yield "|---|---|"
    for name, pair in found.items():
        yield f"| {name} | {pair.ratio:.3g} |"


if __name__ == "__main__":
    main(tyro.cli(Command))
