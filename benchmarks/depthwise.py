"""Depthwise convolutions as jarch lowers them against those of `jax.lax`.

`python -m benchmarks.depthwise` prints the figures. The net is the MobileNet of ten blocks in
`handwritten.py`, in which all that is not depthwise is the same on both sides.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# (the annotations of JAX and Flax are partial)

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Any

import jax

import jarch as ja
from jarch.lowering.rules.choices import situated

from .handwritten import architecture, batch
from .measure import Pair, time_in_turn, warm
from .programs import compiled_step, lowered_variables, no_stored_programs, training

Run = Callable[[], object]

_forget_programs: Run = jax.clear_caches
_finish: Callable[[object], object] = jax.block_until_ready


def depthwise_ratio(rounds: int = 40) -> float:
    """Return the time of a training step against the same with `jax.lax`: `depthwise_ratio`."""
    return compare_steps(rounds).ratio


def compare_steps(rounds: int = 40) -> Pair:
    """Time a training step of the net."""
    return _compare(lambda: training(ja.lower(architecture()).apply, lowered_variables()), rounds)


def compare_forward(rounds: int = 40) -> Pair:
    """Time inference of the net."""

    def make() -> Run:
        images, _ = batch()
        run: Any = jax.jit(ja.lower(architecture()).module.apply)
        variables = lowered_variables()
        compiled = run.lower(variables, images).compile()
        return lambda: _finish(compiled(variables, images))

    return _compare(make, rounds)


def compare_compiles(rounds: int = 5) -> float:
    """Return the processor time of trace + lower + compile of a step, against `jax.lax`."""

    def processor_seconds() -> float:
        variables = lowered_variables()
        _forget_programs()
        start = process_time()
        compiled_step(ja.lower(architecture()).apply, variables)
        return process_time() - start

    ratios: list[float] = []
    with no_stored_programs():
        for _ in range(rounds):
            with situated("often"):
                ours = processor_seconds()
            ratios.append(ours / processor_seconds())
    return median(ratios)


def _compare(make: Callable[[], Run], rounds: int) -> Pair:
    with situated("often"):
        ours = make()
    _forget_programs()
    plain = make()
    for run in (ours, plain):
        for _ in range(5):
            run()
    return time_in_turn(warm(ours), warm(plain), rounds)


def main() -> None:
    """Print the figures."""
    for name, pair in (("step", compare_steps()), ("forward", compare_forward())):
        first, second = pair.first.median * 1e3, pair.second.median * 1e3
        print(f"{name}: {first:.2f} ms against {second:.2f} ms, ratio {pair.ratio:.3f}")
    print(f"compile, processor time: ratio {compare_compiles():.2f}")


if __name__ == "__main__":
    main()
