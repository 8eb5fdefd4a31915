"""Operations of one's own: from a JAX function, or from any Flax module.

What such an operation makes of given shapes is found by JAX, which is loaded for it on first use.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, overload

from jarch import lowering
from jarch.ir import (
    SINGLE_INPUT,
    SINGLE_OUTPUT,
    Constant,
    Fragment,
    Inference,
    Op,
    Properties,
    Property,
    Shapes,
    SpaceError,
    basic,
)

if TYPE_CHECKING:
    from jarch.lowering.context import Context

FLAGS: Mapping[str, bool] = {
    "deterministic": False,
    "is_training": True,
    "train": True,
    "training": True,
    "use_running_average": False,
}
"""Arguments that say whether the model is being trained, and what they then are."""


@dataclass(frozen=True, slots=True)
class CustomOp:
    """Makes pieces of an operation of the user's: call it with properties by name.

    Attributes:
        op: The operation.
        inputs: Names of its inputs.
        outputs: Names of its outputs.
        defaults: Properties that a piece has where they are not given.
        required: Properties that must be given.
        optional: Properties that may be given, whose defaults are no plain data.

    Example:
        >>> from jarch import nn
        >>> @nn.op
        ... def blend(x, y, *, weight, scale=1.0):
        ...     return scale * (weight * x + (1 - weight) * y)
        >>> blend.inputs, sorted(blend.required), blend.defaults
        (('in0', 'in1'), ['weight'], {'scale': 1.0})
        >>> print(blend(weight=0.5).nodes[0][1].properties)
        (('scale', 1.0), ('weight', 0.5))
    """

    op: Op
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    defaults: Mapping[str, Constant] = field(compare=False)
    required: frozenset[str]
    optional: frozenset[str] = frozenset()

    def __call__(self, *, name: str | None = None, **properties: Property) -> Fragment:
        """Return a piece of one node.

        Args:
            name: The node's name; None for the operation's.
            properties: Hyperparameters or plain data.

        Raises:
            SpaceError: A property is missing, unknown, or neither of the two.
        """
        known = self.required | self.optional | self.defaults.keys()
        for what, names in (
            ("does not have", properties.keys() - known),
            ("needs", self.required - properties.keys()),
        ):
            if names:
                raise SpaceError(
                    f"{self.op.name!r} {what} {', '.join(sorted(names))}; its properties are "
                    f"{', '.join(sorted(known)) or 'none'}"
                )
        return basic(self.op, {**self.defaults, **properties}, self.inputs, self.outputs, name)


@dataclass(frozen=True, slots=True)
class FunctionRule:
    """Computes a node by calling a function.

    Attributes:
        function: Takes the inputs by position and the properties by name.
        flags: Which of `FLAGS` it takes.
    """

    function: Callable[..., object]
    flags: tuple[str, ...]

    def __call__(self, context: Context, properties: Mapping[str, Any], *inputs: Any) -> object:
        """Compute the node."""
        return self.function(*inputs, **properties, **flag_values(self.flags, context.train))


@overload
def op(
    function: Callable[..., object],
    /,
    *,
    inputs: int | Sequence[str] | None = None,
    outputs: Sequence[str] = (SINGLE_OUTPUT,),
    name: str | None = None,
) -> CustomOp: ...


@overload
def op(
    *,
    inputs: int | Sequence[str] | None = None,
    outputs: Sequence[str] = (SINGLE_OUTPUT,),
    name: str | None = None,
) -> Callable[[Callable[..., object]], CustomOp]: ...


def op(
    function: Callable[..., object] | None = None,
    /,
    *,
    inputs: int | Sequence[str] | None = None,
    outputs: Sequence[str] = (SINGLE_OUTPUT,),
    name: str | None = None,
) -> CustomOp | Callable[[Callable[..., object]], CustomOp]:
    """Make a JAX function an operation, as a decorator.

    Positional arguments without a default are the inputs, arrays with the batch axis in front;
    all others are properties. An argument `train` or `deterministic` is told whether the model is
    being trained, and is no property.

    Args:
        function: A pure function of arrays; what has weights is a Flax module, see `from_linen`.
        inputs: How many inputs, or their names. By default counted: one is called `in`, more are
            called `in0`, `in1`, ….
        outputs: Names of the outputs, where the function returns several as a tuple or a dict.
        name: `"module:name"` under which the result can be imported; by default where the
            function is defined.

    Raises:
        SpaceError: The function has `*args` and `inputs` does not say how many.

    Example:
        >>> import jarch as ja
        >>> from jarch import nn
        >>> @nn.op
        ... def scale(x, *, factor=2.0):
        ...     return x * factor
        >>> space = ja.trace(lambda: scale(factor=ja.Discrete([0.5, 1.5], name="factor")))
        >>> architecture = ja.replay(space, [1.5])
        >>> ja.lower(architecture).apply({}, [[1.0, 2.0]]).tolist()
        [[1.5, 3.0]]
    """
    make = partial(_from_function, inputs=inputs, outputs=tuple(outputs), name=name)
    return make if function is None else make(function)


def _from_function(
    function: Callable[..., object],
    inputs: int | Sequence[str] | None,
    outputs: tuple[str, ...],
    name: str | None,
) -> CustomOp:
    full_name = name or f"{function.__module__}:{function.__qualname__}"
    parameters = list(inspect.signature(function).parameters.values())
    properties = [p for p in parameters if _is_property(p)]
    rule = FunctionRule(function, tuple(p.name for p in parameters if p.name in FLAGS))
    return CustomOp(
        make_op(full_name, rule, outputs),
        input_names(full_name, parameters, inputs),
        outputs,
        {p.name: p.default for p in properties if p.default is not p.empty},
        frozenset(p.name for p in properties if p.default is p.empty),
    )


def make_op(name: str, rule: Callable[..., object], outputs: tuple[str, ...]) -> Op:
    """Return an operation of which the Flax rule says everything."""

    def infer(properties: Properties, shapes: Shapes) -> Inference:
        return lowering.infer_by_tracing(name, rule, properties, shapes, outputs)

    return Op(name, infer, {"flax": rule})


def input_names(
    name: str, parameters: Sequence[inspect.Parameter], inputs: int | Sequence[str] | None
) -> tuple[str, ...]:
    """Return the names given, or names for as many inputs as given or counted."""
    if inputs is None and any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise SpaceError(f"{name!r} takes any number of arrays; say how many: inputs=2")
    if inputs is None:
        inputs = len([p for p in parameters if _is_input(p)])
    if not isinstance(inputs, int):
        return tuple(inputs)
    return (SINGLE_INPUT,) if inputs == 1 else tuple(f"in{i}" for i in range(inputs))


def flag_values(flags: Sequence[str], train: bool) -> dict[str, bool]:
    """Return what the flags are in training, or outside of it."""
    return {flag: FLAGS[flag] == train for flag in flags}


def _is_input(parameter: inspect.Parameter) -> bool:
    by_position = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    return by_position and parameter.default is parameter.empty and parameter.name not in FLAGS


def _is_property(parameter: inspect.Parameter) -> bool:
    by_name = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    return by_name and not _is_input(parameter) and parameter.name not in FLAGS
