"""Which way a convolution is computed: a table by operation, backend and situation.

What is not in the table is computed by `jax.lax`. `overrule` puts a choice above it, such as one
that `measure_choice` found to be faster for the shapes at hand.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Any, Literal, NamedTuple, TypeAlias, cast

import jax
import jax.numpy as jnp
from jax import lax

from jarch.lowering.errors import LoweringError

from .shifted import product_convolution, shifted_convolution

Situation: TypeAlias = Literal["straight", "often", "loop"]
"""Where a convolution stands: in a program like any other; in one that runs many times, such as
those of `fit`, and so may take longer to compile; or in a `lax.scan` or another loop."""

Convolve: TypeAlias = Callable[..., jax.Array]
"""Takes the arguments of `jax.lax.conv_general_dilated`."""

WAYS: Mapping[str, Convolve] = {
    "lax": cast(Convolve, lax.conv_general_dilated),
    "product": product_convolution,
    "shifted": shifted_convolution,
}
"""The ways to convolve, by name; `"shifted"` is for depthwise convolutions alone."""


class Case(NamedTuple):
    """What a choice is made for."""

    operation: str  # "conv" or "depthwise_conv"; the parts of a separable one are these
    backend: str  # as `jax.default_backend()` names it
    situation: Situation


CHOICES: Mapping[Case, str] = {
    Case("depthwise_conv", "cpu", "often"): "shifted",
    Case("depthwise_conv", "cpu", "loop"): "shifted",
    Case("conv", "cpu", "loop"): "product",
}
"""By what was measured: see `depthwise_ratio` in the benchmarks."""

_finish = cast("Callable[[object], object]", jax.block_until_ready)  # JAX does not say its types
_overruled: dict[Case, str] = {}
_situation: ContextVar[Situation] = ContextVar("situation", default="straight")


def chosen(operation: str) -> Convolve:
    """Return how to convolve where this is called, while a program is traced."""
    case = Case(operation, jax.default_backend(), _situation.get())
    return WAYS[_overruled.get(case) or CHOICES.get(case, "lax")]


def choices_made() -> list[list[str]]:
    """Return what overrules the table, as plain data: it belongs to what a program depends on."""
    return sorted([*case, way] for case, way in _overruled.items())


@contextmanager
def situated(situation: Situation) -> Generator[None]:
    """Say where what is traced meanwhile stands, such as the body of a `lax.scan` in a loop."""
    token = _situation.set(situation)
    try:
        yield
    finally:
        _situation.reset(token)


@contextmanager
def overruled(
    operation: str, way: str | None, situation: Situation = "straight", backend: str | None = None
) -> Generator[None]:
    """Overrule the table meanwhile; see `overrule`.

    Example:
        >>> with overruled("conv", "product"):
        ...     chosen("conv") is product_convolution
        True
    """
    case = Case(operation, backend or jax.default_backend(), situation)
    before = _overruled.get(case)
    overrule(operation, way, situation, backend)
    try:
        yield
    finally:
        overrule(operation, before, situation, backend)


def overrule(
    operation: str, way: str | None, situation: Situation = "straight", backend: str | None = None
) -> None:
    """Convolve in another way than the table has it, in this process.

    Programs that were compiled by another choice are forgotten, all there are.

    Args:
        operation: `"conv"` or `"depthwise_conv"`.
        way: One of `WAYS`; None for the table's.
        situation: In which.
        backend: On which; None for the one in use.

    Raises:
        LoweringError: There is no such operation or way, or the way is not one for the operation.
    """
    if operation not in ("conv", "depthwise_conv"):
        raise LoweringError(f"{operation!r} is no 'conv' and no 'depthwise_conv'; name one of them")
    if way is not None and way not in WAYS:
        raise LoweringError(f"{way!r} is no way to convolve; it must be one of {sorted(WAYS)}")
    if operation == "conv" and way == "shifted":
        raise LoweringError("'shifted' is for 'depthwise_conv' alone; take 'lax' or 'product'")
    case = Case(operation, backend or jax.default_backend(), situation)
    if _overruled.get(case) == way:
        return
    if way is None:
        _overruled.pop(case, None)
    else:
        _overruled[case] = way
    forget: Callable[[], None] = jax.clear_caches
    forget()


def measure_choice(
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str = "SAME",
    rounds: int = 5,
) -> dict[str, float]:
    """Return the seconds that a depthwise convolution and its gradients take, by way.

    The ways are run in turn, and the least time of each counts. What is fastest may be given to
    `overrule`.

    Args:
        shape: Of the input: (batch, *spatial, channels).
        kernel: Of the window.
        strides: Of the window.
        padding: `"SAME"` or `"VALID"`.
        rounds: How often each is run.
    """
    value = jnp.ones(shape)
    weights = jnp.ones((*kernel, 1, shape[-1]))
    runs: dict[str, Callable[..., object]] = {
        way: jax.jit(_step(WAYS[way], strides, padding, value.ndim)) for way in ("lax", "shifted")
    }
    found: dict[str, list[float]] = {way: [] for way in runs}
    for _ in range(rounds + 1):  # the first compiles
        for way, run in runs.items():
            start = perf_counter()
            _finish(run(value, weights))
            found[way].append(perf_counter() - start)
    return {way: min(seconds[1:]) for way, seconds in found.items()}


def _step(convolve: Convolve, strides: tuple[int, ...], padding: str, rank: int) -> Any:
    layout = (0, rank - 1, *range(1, rank - 1))
    numbers = lax.ConvDimensionNumbers(layout, (rank - 1, rank - 2, *range(rank - 2)), layout)

    def loss(value: jax.Array, weights: jax.Array) -> jax.Array:
        made = convolve(
            value,
            weights,
            strides,
            padding,
            dimension_numbers=numbers,
            feature_group_count=value.shape[-1],
        )
        return (made * made).sum()

    return jax.value_and_grad(loss, (0, 1))
