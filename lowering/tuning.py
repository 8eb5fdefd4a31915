"""Which way depthwise convolutions are fastest, for architectures and machine at hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from jarch.ir import Analysis, Architecture, Basic, Shape, Source, analyze, properties

from .rules.choices import CHOICES, DEPTHWISE_WAYS, Case, measure_choice, overrule
from .rules.convolution import per_axis
from .training.environment import environment
from .training.probes import remembered_probe

_OPERATION = "depthwise_conv"
_HOLDING = ("depthwise_conv", "separable_conv")


class Tuned(NamedTuple):
    """Which way depthwise convolutions are fastest, and why.

    Attributes:
        way: `"lax"` or `"shifted"`.
        table: What is taken where nothing overrules it.
        seconds: Of all the convolutions and their gradients together, by way.
        convolutions: How many were measured, equal ones once.
        measured: Whether that was now; else it was remembered.
    """

    way: str
    table: str
    seconds: Mapping[str, float]
    convolutions: int
    measured: bool


class _Depthwise(NamedTuple):
    """A depthwise convolution: what its time depends on."""

    shape: Shape  # of the input, without the batch axis
    kernel: Shape
    strides: Shape
    padding: str
    dilation: Shape
    multiplier: int


def measure_ways(
    architectures: Architecture | Iterable[Architecture], input_shape: Shape, batch_size: int = 64
) -> Tuned | None:
    """Return the fastest way for the depthwise convolutions of architectures, as `fit` runs them.

    Each is timed alone, with its gradients. That is done once on a machine, and remembered in the
    folder of the compilation cache by what the convolutions are. Nothing changes by it: see
    `probe_choices`.

    Args:
        architectures: One or several, such as some drawn from a space, each with one input.
        input_shape: Of one example.
        batch_size: Examples a step.

    Returns:
        None where there are no such convolutions.

    Raises:
        ShapeError: Shapes do not fit.
    """
    several = [architectures] if isinstance(architectures, Architecture) else architectures
    found = Counter(each for one in several for each in _depthwise(one, input_shape))
    if not found:
        return None

    def measure() -> Mapping[str, float]:
        total: dict[str, float] = {way: 0.0 for way in DEPTHWISE_WAYS}
        for case, times in found.items():
            for way, seconds in _measured(case, batch_size).items():
                total[way] += times * seconds
        return total

    around: Mapping[str, Any] = environment()
    probe = remembered_probe(
        _OPERATION,
        json.dumps([batch_size, sorted(found.items())]),
        measure,
        names=DEPTHWISE_WAYS,
        depends_on={name: value for name, value in around.items() if name != "convolutions"},
    )
    table = CHOICES.get(Case(_OPERATION, around["backend"], "often"), "lax")
    return Tuned(probe.choice, table, probe.seconds, len(found), probe.source == "measured")


def probe_choices(
    architectures: Architecture | Iterable[Architecture], input_shape: Shape, batch_size: int = 64
) -> Tuned | None:
    """Take the fastest way for depthwise convolutions in the programs of `fit`, in this process.

    The way belongs to the key of a program. It may change results in their last digits; so another
    process takes it only where it asks for it, by this function or by
    `jarch.lowering.overrule("depthwise_conv", way, "often")`.

    Args:
        architectures: As for `measure_ways`.
        input_shape: As for `measure_ways`.
        batch_size: As for `measure_ways`.

    Returns:
        What was measured; None where there is nothing to choose.

    Raises:
        ShapeError: As for `measure_ways`.
    """
    tuned = measure_ways(architectures, input_shape, batch_size)
    if tuned is not None:
        overrule(_OPERATION, None if tuned.way == tuned.table else tuned.way, "often")
    return tuned


def _measured(case: _Depthwise, batch_size: int) -> Mapping[str, float]:
    return measure_choice(
        (batch_size, *case.shape),
        case.kernel,
        case.strides,
        case.padding,
        dilation=case.dilation,
        multiplier=case.multiplier,
    )


def _depthwise(architecture: Architecture, input_shape: Shape) -> list[_Depthwise]:
    """Return the depthwise convolutions of an architecture, parts of separable ones included."""
    analysis = analyze(architecture, dict.fromkeys(architecture.inputs, input_shape))
    return [
        _described(node, _shape(node.inputs[0][1], analysis, input_shape))
        for _, node in architecture.nodes
        if node.op.name in _HOLDING
    ]


def _described(node: Basic, shape: Shape) -> _Depthwise:
    given: Mapping[str, Any] = properties(node)
    axes = len(shape) - 1
    kernel, strides, dilation = (
        per_axis(given[name], axes) for name in ("kernel_size", "strides", "dilation")
    )
    return _Depthwise(shape, kernel, strides, given["padding"], dilation, given["multiplier"])


def _shape(source: Source, analysis: Analysis, input_shape: Shape) -> Shape:
    if not source.node:
        return input_shape
    several = f"{source.node}:{source.output}"
    return analysis.shapes[several if several in analysis.shapes else source.node]
