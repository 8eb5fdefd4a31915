"""What the benchmark of evaluation runs in processes of their own: caches count there.

`python -m benchmarks.evaluation_tasks NAME NUMBER` runs a task and prints its figure as the last
line; lines on how it goes come before, on the other stream. `fresh` does so in a new process.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

import gc
import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np

import jarch as ja
from jarch import lowering, nn
from jarch.lowering.training.ways import Way, overruled_way

from .evaluation_candidates import config_of, draw_candidates
from .evaluation_flax import module_of, train

_KB = 1024
WAYS: tuple[Way, ...] = ("whole", "segments")


def fresh(task: str, number: int, cache: Path | None = None) -> float:
    """Return the figure of a task in a new process.

    Args:
        task: One of `TASKS`.
        number: Its argument.
        cache: The folder of programs that the process may read and write; None for none, JAX's own
            cache off too.
    """
    named = {"JARCH_CACHE": "off" if cache is None else str(cache)}
    taken = {k: v for k, v in os.environ.items() if not k.startswith("JAX_COMPILATION_CACHE")}
    if cache is None:
        named["JAX_ENABLE_COMPILATION_CACHE"] = "false"
    command = [sys.executable, "-m", f"{__package__}.evaluation_tasks", task, str(number)]
    environment = {**taken, **named}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.splitlines()[-1])


def obvious_search(number: int) -> float:
    """Return the seconds in which so many candidates are trained by the obvious loop."""
    start, data = perf_counter(), ja.load_data("digits")
    for seed, candidate in enumerate(draw_candidates(number)):
        metrics = train(module_of(candidate.decisions), data, config_of(seed))
        _show("obvious loop", seed, perf_counter() - start, metrics)
    return perf_counter() - start


def jarch_search(number: int) -> float:
    """Return the seconds in which so many candidates are trained by jarch's evaluator."""
    start, data = perf_counter(), ja.load_data("digits")
    for seed, candidate in enumerate(draw_candidates(number)):
        evaluate = ja.TrainingEvaluator(data, config_of(seed))
        metrics = evaluate(candidate.architecture, seed)
        _show("jarch", seed, perf_counter() - start, metrics)
    counts = lowering.program_counts()
    print(f"jarch: programs {counts}", file=sys.stderr, flush=True)
    return perf_counter() - start


def evaluate_repeats(number: int, together: bool) -> float:
    """Return the seconds in which so many candidates are evaluated with three seeds each.

    Args:
        number: Of candidates.
        together: By `repeats`, which may train the three at once; else by three calls.
    """
    start, data = perf_counter(), ja.load_data("digits", limit=400)
    evaluate = ja.TrainingEvaluator(data, replace(config_of(0), epochs=3))
    for candidate in draw_candidates(number):
        if together:
            evaluate.repeats(candidate.architecture, range(3))
        else:
            for seed in range(3):
                evaluate(candidate.architecture, seed)
    return perf_counter() - start


def first_step(number: int) -> float:
    """Return the seconds until a candidate has taken its first step, imports left out.

    Args:
        number: Which candidate.
    """
    architecture = draw_candidates(number + 1)[number].architecture
    data, config = ja.load_data("digits", validation=0.0), config_of(0)
    start = perf_counter()
    ja.fit_partly(architecture, data, config, steps=1)
    return perf_counter() - start


def memory_growth(number: int) -> float:
    """Return by how many MB resident memory grows from a third of the programs to all of them.

    Args:
        number: Different nets, each compiled and trained in this process as one program and by
            those of its segments.
    """
    data, config = ja.load_data("digits", limit=100), ja.TrainConfig(epochs=1, batch_size=32)
    side = math.isqrt(number - 1) + 1
    pairs = np.random.default_rng(0).permutation(side * side)  # so that sizes stay alike throughout
    before = 0.0
    for i in range(number):
        widths = 8 + int(pairs[i]) % side, 8 + int(pairs[i]) // side
        hidden = nn.dense(widths[0]), nn.relu, nn.dense(widths[1]), nn.relu
        layers = nn.flatten, *hidden, nn.dense(10)
        net = ja.replay(ja.trace(partial(ja.sequential, *layers)), [])
        for way in WAYS:
            with overruled_way(way):
                ja.fit(net, data, config)
        if i + 1 == number // 3:
            before = resident_mb()
        if (i + 1) % 20 == 0:
            print(f"{i + 1} programs: {resident_mb():.0f} MB", file=sys.stderr, flush=True)
    return resident_mb() - before


def resident_mb() -> float:
    """Return the resident memory of this process, as Linux tells it."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _KB**2


TASKS: Mapping[str, Callable[[int], float]] = {
    "obvious": obvious_search,
    "jarch": jarch_search,
    "repeats": partial(evaluate_repeats, together=True),
    "repeats in turn": partial(evaluate_repeats, together=False),
    "first_step": first_step,
    "memory": memory_growth,
}
"""What can be run in a process of its own."""


def _show(who: str, number: int, seconds: float, metrics: Mapping[str, float]) -> None:
    line = f"{who}: candidate {number + 1} at {seconds:.1f} s, accuracy {metrics['accuracy']:.3f}"
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    print(TASKS[sys.argv[1]](int(sys.argv[2])))
