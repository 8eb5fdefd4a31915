"""At which level the compiler works: on CPUs, what runs seldom is compiled quickly.

Side by side with level 1, level 0 without XLA's newer code generator for fused operations compiled
the steps of six nets in 0.22 to 0.38 of the processor time, and a step took 1.9 to 3.9 times as
long. What that costs grows with the arrays between layers; what it saves, with their number. Of
level 2, the default, level 1 took 0.56 to 0.74 of the time to compile nets of the MobileNet space,
and its steps 0.98 to 1.03; steps of level 3 were no faster either.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import jax
import numpy as np

from jarch.ir import Architecture, Shape, analyze

QUICK = 0
"""The lowest level, at which fused operations are compiled by the older code generator too."""

USUAL = 1
"""The level of CPUs."""

LEVEL = "xla_backend_optimization_level"
EMITTERS = "xla_cpu_use_fusion_emitters"

DEPTHWISE = frozenset({"depthwise_conv", "separable_conv"})
"""Operations computed as sums of shifted arrays, the slowest of all at level 0."""

MOST_BYTES: Mapping[str, int] = {"depthwise": 8 << 20, "other": 16 << 20}
"""Bytes for each node, in all steps, up to which a program is compiled quickly, by what it holds.

Compiling by level 1 paid for itself from 14 million on with depthwise convolutions, and from 23 to
67 million without: multilayer perceptrons of 64 units after some 2,000 steps, small convolutional
nets after 45 to 140.
"""


def default_level() -> int | None:
    """Return the level at which the compiler works on this backend; None for its own."""
    return USUAL if jax.default_backend() == "cpu" else None


def compiler_options(level: int | None) -> dict[str, Any] | None:
    """Return the options of the compiler for a level; None where there are none."""
    if level is None:
        return None
    quick = level == QUICK and can_do_without_emitters()
    return {LEVEL: level, **({EMITTERS: False} if quick else {})}


def level_of(
    architecture: Architecture, input_shape: Shape, batch_size: int, steps: int
) -> int | None:
    """Return at which level to compile a training step of a whole net.

    Args:
        architecture: With one input.
        input_shape: Of one example.
        batch_size: Examples a step.
        steps: In all epochs.
    """
    level = default_level()
    if level is None:
        return None
    analysis = analyze(architecture, {architecture.inputs[0]: input_shape})
    # Parameters count twice: the optimiser has arrays of its own for them.
    bytes_a_step = batch_size * analysis.activation_bytes + 8 * analysis.parameters
    holds = any(node.op.name in DEPTHWISE for _, node in architecture.nodes)
    most = MOST_BYTES["depthwise" if holds else "other"] * len(architecture.nodes)
    return QUICK if steps * bytes_a_step <= most else level


@cache
def can_do_without_emitters() -> bool:
    """Say whether this compiler knows the option; others than that of CPUs do not look at it."""
    if jax.default_backend() != "cpu":
        return False
    try:
        jax.jit(_unchanged, compiler_options={EMITTERS: False}).lower(np.float32(0)).compile()
    except Exception:  # which error says so depends on the version
        return False
    return True


def _unchanged(value: Any) -> Any:
    return value
