"""Which way convolutions are fastest, for architectures and machine at hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from jarch.ir import Analysis, Architecture, Basic, Shape, Source, analyze, properties

from .rules.choices import CHOICES, WORTH_COMPARING, Case, Situation, overrule
from .rules.convolution import per_axis
from .rules.measuring import Convolution, measure_choice
from .training.environment import environment
from .training.probes import remembered_probe

_DEPTHWISE = "depthwise_conv"
_HOLDING = ("conv", "depthwise_conv", "separable_conv")


class Tuned(NamedTuple):
    """Which way convolutions are fastest, and why.

    Attributes:
        way: One of `jarch.lowering.rules.choices.WORTH_COMPARING`.
        table: What is taken where nothing overrules it.
        seconds: Of all the convolutions and their gradients together, by way.
        convolutions: How many were measured, equal ones once.
        measured: Whether that was now; else it was remembered.

    Example:
        >>> tuned = Tuned("shifted", "lax", {"lax": 0.008, "shifted": 0.002}, 3, measured=True)
        >>> tuned.seconds[tuned.table] / tuned.seconds[tuned.way]  # so much faster
        4.0
    """

    way: str
    table: str
    seconds: Mapping[str, float]
    convolutions: int
    measured: bool


def measure_ways(
    architectures: Architecture | Iterable[Architecture],
    input_shape: Shape,
    batch_size: int = 64,
    *,
    operation: str = _DEPTHWISE,
    situation: Situation = "often",
) -> Tuned | None:
    """Return the fastest way for the convolutions of architectures, as `fit` runs them.

    Each is timed alone, with its gradients. That is done once on a machine, and remembered in the
    folder of the compilation cache by what the convolutions are. Nothing changes by it: see
    `probe_choices`.

    Args:
        architectures: One or several, such as some drawn from a space, each with one input.
        input_shape: Of one example.
        batch_size: Examples a step.
        operation: `"depthwise_conv"`, or `"conv"` for all others; a separable one is one of each.
        situation: `"often"` for programs of a step, `"loop"` for those of many steps.

    Returns:
        None where there are no such convolutions.

    Raises:
        ShapeError: Shapes do not fit.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 16, "relu"])
        >>> measure_ways(net, (8, 8, 1)) is None  # it has no convolutions
        True
    """
    several = [architectures] if isinstance(architectures, Architecture) else architectures
    found = Counter(each for one in several for each in _among(one, input_shape, operation))
    if not found:
        return None
    ways = WORTH_COMPARING[operation]

    def measure() -> Mapping[str, float]:
        total: dict[str, float] = dict.fromkeys(ways, 0.0)
        for case, times in found.items():
            for way, seconds in measure_choice(operation, case, batch_size, situation).items():
                total[way] += times * seconds
        return total

    around: Mapping[str, Any] = environment()
    probe = remembered_probe(
        operation,
        json.dumps([batch_size, situation, sorted(found.items())]),
        measure,
        names=ways,
        depends_on={name: value for name, value in around.items() if name != "convolutions"},
    )
    table = CHOICES.get(Case(operation, around["backend"], situation), "lax")
    return Tuned(probe.choice, table, probe.seconds, len(found), probe.source == "measured")


def probe_choices(
    architectures: Architecture | Iterable[Architecture],
    input_shape: Shape,
    batch_size: int = 64,
    *,
    operation: str = _DEPTHWISE,
    situation: Situation = "often",
) -> Tuned | None:
    """Take the fastest way for convolutions in the programs of `fit`, in this process.

    The way belongs to the key of a program. It may change results in their last digits; so another
    process takes it only where it asks for it, by this function or by
    `jarch.lowering.overrule(operation, way, situation)`.

    Args:
        architectures: As for `measure_ways`.
        input_shape: As for `measure_ways`.
        batch_size: As for `measure_ways`.
        operation: As for `measure_ways`.
        situation: As for `measure_ways`.

    Returns:
        What was measured; None where there is nothing to choose.

    Raises:
        ShapeError: As for `measure_ways`.
    """
    tuned = measure_ways(
        architectures, input_shape, batch_size, operation=operation, situation=situation
    )
    if tuned is not None:
        overrule(operation, None if tuned.way == tuned.table else tuned.way, situation)
    return tuned


def _among(architecture: Architecture, input_shape: Shape, operation: str) -> Iterator[Convolution]:
    """Yield the convolutions of an architecture, parts of separable ones included."""
    analysis = analyze(architecture, dict.fromkeys(architecture.inputs, input_shape))
    for key, node in architecture.nodes:
        if node.op.name in _HOLDING:
            before = _shape(node.inputs[0][1], analysis, input_shape)
            after = _shape(Source(key, node.outputs[0]), analysis, input_shape)
            parts = _parts(node, before, after)
            if operation in parts:
                yield parts[operation]


def _parts(node: Basic, before: Shape, after: Shape) -> dict[str, Convolution]:
    """Return the convolutions of which a node consists, by operation."""
    given: Mapping[str, Any] = properties(node)
    axes, channels = len(before) - 1, before[-1]
    kernel, strides, dilation = (
        per_axis(given[name], axes) for name in ("kernel_size", "strides", "dilation")
    )
    window = kernel, strides, given["padding"], dilation
    if node.op.name == "conv":
        return {"conv": Convolution(before, *window, given["groups"], given["features"])}
    made = channels * given["multiplier"]
    parts = {_DEPTHWISE: Convolution(before, *window, channels, made)}
    if node.op.name == "separable_conv":
        ones = (1,) * axes
        between = (*after[:-1], made)
        parts["conv"] = Convolution(between, ones, ones, "SAME", ones, 1, after[-1])
    return parts


def _shape(source: Source, analysis: Analysis, input_shape: Shape) -> Shape:
    if not source.node:
        return input_shape
    several = f"{source.node}:{source.output}"
    return analysis.shapes[several if several in analysis.shapes else source.node]
