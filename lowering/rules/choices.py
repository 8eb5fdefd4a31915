"""Which way a convolution is computed: a table by operation, backend and situation.

What is not in the table is computed by `jax.lax`. `overrule` puts a choice above it, such as one
that `measuring.measure_choice` found to be faster for the shapes at hand;
`jarch.lowering.probe_choices` does both for an architecture.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Literal, NamedTuple, ParamSpec, TypeAlias, TypeVar, cast

import jax
from jax import lax

from jarch.lowering.errors import LoweringError

from .pixels import dense_convolution
from .shifted import product_convolution, shifted_convolution

P = ParamSpec("P")
T = TypeVar("T")

Situation: TypeAlias = Literal["straight", "often", "loop"]
"""Where a convolution stands: in a program like any other; in one that runs many times, such as
those of `fit`, and so may take longer to compile; or in a `lax.scan` or another loop."""

Convolve: TypeAlias = Callable[..., jax.Array]
"""Takes the arguments of `jax.lax.conv_general_dilated`."""

WAYS: Mapping[str, Convolve] = {
    "dense": dense_convolution,
    "lax": cast(Convolve, lax.conv_general_dilated),
    "product": product_convolution,
    "shifted": shifted_convolution,
}
"""The ways to convolve, by name; `"shifted"` is for depthwise convolutions alone, and `"dense"` is
`"lax"` but for images of one pixel."""

WORTH_COMPARING: Mapping[str, tuple[str, ...]] = {
    "conv": ("dense", "lax", "product"),
    "depthwise_conv": ("lax", "shifted"),
}
"""The ways by operation, without those that are never the fastest."""


class Case(NamedTuple):
    """What a choice is made for."""

    operation: str  # "conv" or "depthwise_conv"; the parts of a separable one are these
    backend: str  # as `jax.default_backend()` names it
    situation: Situation


CHOICES: Mapping[Case, str] = {
    Case("depthwise_conv", "cpu", "often"): "shifted",
    Case("depthwise_conv", "cpu", "loop"): "shifted",
    Case("conv", "cpu", "often"): "dense",
    Case("conv", "cpu", "loop"): "product",
}
"""By what was measured: see `depthwise_ratio` in the benchmarks."""

_overruled: dict[Case, str] = {}
_memories: list[Callable[[], object]] = []  # clear what was worked out under other choices
_situation: ContextVar[Situation] = ContextVar("situation", default="straight")


def chosen(operation: str) -> Convolve:
    """Return how to convolve where this is called, while a program is traced."""
    return WAYS[way_of(operation, _situation.get())]


def way_of(operation: str, situation: Situation) -> str:
    """Return the name of the way to convolve on the backend in use: as overruled, or the table's.

    Example:
        >>> with overruled("conv", "product", "often"):
        ...     way_of("conv", "often")
        'product'
    """
    case = Case(operation, jax.default_backend(), situation)
    return _overruled.get(case) or CHOICES.get(case, "lax")


def until_overruled(size: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return what remembers as `functools.lru_cache` does, until a choice is overruled.

    For what follows from how convolutions are computed, such as the keys of programs.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        remembered = lru_cache(size)(function)
        _memories.append(remembered.cache_clear)
        return cast("Callable[P, T]", remembered)

    return decorate


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

    Example:
        >>> overrule("conv", "product", "often")
        >>> way_of("conv", "often")
        'product'
        >>> overrule("conv", None, "often")  # by the table again
    """
    if operation not in ("conv", "depthwise_conv"):
        raise LoweringError(f"{operation!r} is no 'conv' and no 'depthwise_conv'; name one of them")
    if way is not None and way not in WAYS:
        raise LoweringError(f"{way!r} is no way to convolve; it must be one of {sorted(WAYS)}")
    if operation == "conv" and way == "shifted":
        raise LoweringError(
            "'shifted' is for 'depthwise_conv' alone; take 'dense', 'lax' or 'product'"
        )
    case = Case(operation, backend or jax.default_backend(), situation)
    if _overruled.get(case) == way:
        return
    if way is None:
        _overruled.pop(case, None)
    else:
        _overruled[case] = way
    forget: Callable[[], None] = jax.clear_caches
    for each in (forget, *_memories):
        each()
