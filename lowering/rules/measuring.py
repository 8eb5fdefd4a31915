"""How long the ways take to compute a convolution."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax import lax

from jarch.ir import Shape

from .choices import WAYS, WORTH_COMPARING, Convolve, Situation

_LOOPED = 8  # passes of a loop that is timed
_STEP = 1e-9  # by which arrays move from one pass to the next, lest the loop be computed once
_finish = cast("Callable[[object], object]", jax.block_until_ready)  # JAX does not say the types
_fori = cast("Callable[..., Any]", lax.fori_loop)  # of these


class Convolution(NamedTuple):
    """A convolution: what its time depends on beside the batch.

    Attributes:
        shape: Of the input, (*spatial, channels).
        kernel: Of the window.
        strides: Of the window.
        padding: `"SAME"` or `"VALID"`.
        dilation: Of the window.
        groups: Of channels that do not see each other; all of them in depthwise ones.
        features: Channels of the output.
    """

    shape: Shape
    kernel: Shape
    strides: Shape
    padding: str
    dilation: Shape
    groups: int
    features: int


def measure_choice(
    operation: str,
    convolution: Convolution,
    batch_size: int,
    situation: Situation = "often",
    rounds: int = 5,
) -> dict[str, float]:
    """Return the seconds that a convolution and its gradients take, by way.

    The ways are run in turn, and the least time of each counts. What is fastest may be given to
    `choices.overrule`.

    Args:
        operation: `"conv"` or `"depthwise_conv"`.
        convolution: Of which size.
        batch_size: Examples.
        situation: In `"loop"` the passes lie in a loop within the program.
        rounds: How often each is run.
    """
    value = jnp.ones((batch_size, *convolution.shape))
    inside = convolution.shape[-1] // convolution.groups
    weights = jnp.ones((*convolution.kernel, inside, convolution.features))
    runs: dict[str, Callable[..., object]] = {}
    for way in WORTH_COMPARING[operation]:
        step = _step(WAYS[way], convolution)
        runs[way] = jax.jit(_looped(step) if situation == "loop" else step)
    passes = _LOOPED if situation == "loop" else 1
    found: dict[str, list[float]] = {way: [] for way in runs}
    for _ in range(rounds + 1):  # the first compiles
        for way, run in runs.items():
            start = perf_counter()
            _finish(run(value, weights))
            found[way].append((perf_counter() - start) / passes)
    return {way: min(seconds[1:]) for way, seconds in found.items()}


def _step(convolve: Convolve, convolution: Convolution) -> Callable[..., Any]:
    rank = len(convolution.shape) + 1
    layout = (0, rank - 1, *range(1, rank - 1))
    numbers = lax.ConvDimensionNumbers(layout, (rank - 1, rank - 2, *range(rank - 2)), layout)

    def loss(value: jax.Array, weights: jax.Array) -> jax.Array:
        made = convolve(
            value,
            weights,
            convolution.strides,
            convolution.padding,
            rhs_dilation=convolution.dilation,
            dimension_numbers=numbers,
            feature_group_count=convolution.groups,
        )
        return (made * made).sum()

    return jax.value_and_grad(loss, (0, 1))


def _looped(step: Callable[..., Any]) -> Callable[..., Any]:
    def loop(value: jax.Array, weights: jax.Array) -> Any:
        def body(_: Any, held: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            _, (of_value, of_weights) = step(*held)
            return held[0] - _STEP * of_value, held[1] - _STEP * of_weights

        return _fori(0, _LOOPED, body, (value, weights))

    return loop
