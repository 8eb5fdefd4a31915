"""What the properties of an operation may be, checked before its inference rule runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeGuard, cast

from jarch.ir.constants import Constant, format_constant
from jarch.ir.domains import DiscreteDomain, FloatDomain, IntegerDomain, PermutationDomain
from jarch.ir.errors import ShapeError, SpaceError
from jarch.ir.hyperparameters import (
    Hyperparameter,
    IndependentHyperparameter,
    Property,
    is_hyperparameter,
)
from jarch.ir.operations import Inference, InferenceRule, Op, Properties, Shape, Shapes


class Check(NamedTuple):
    """What a property must be.

    Attributes:
        must_be: In words, to follow "it must be".
        holds: Whether a value is.
    """

    must_be: str
    holds: Callable[[Constant], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """An inference rule that first checks its properties.

    Attributes:
        checks: What each property must be; a node has these properties and no others.
        function: The rule for properties that are right.
    """

    checks: Mapping[str, Check]
    function: InferenceRule

    def __call__(self, properties: Properties, shapes: Shapes) -> Inference:
        """Infer, or raise `ShapeError` where a property or a shape does not do."""
        if properties.keys() != self.checks.keys():
            raise ShapeError(
                f"has the properties {sorted(properties)}; give it {sorted(self.checks)}"
            )
        for name, check in self.checks.items():
            if not check.holds(properties[name]):
                raise ShapeError(_complaint(name, properties[name], check))
        return self.function(properties, shapes)


def check_property(op: Op, name: str, value: Property) -> None:
    """Raise where a property of one of jarch's operations can be wrong, before any value is drawn.

    Args:
        op: One of `OPS`.
        name: The property's name.
        value: A constant, or a hyperparameter of which every value must do. What a dependent
            hyperparameter will be is not known here; analysis checks it.

    Raises:
        SpaceError: A value that the property cannot have.

    Example:
        >>> from jarch.ir import OPS
        >>> check_property(OPS["conv"], "strides", 0)
        Traceback (most recent call last):
        ...
        jarch.ir.errors.SpaceError: conv: strides is 0; it must be an integer of at least 1, or ...
    """
    assert isinstance(op.infer, Rule)
    check = op.infer.checks[name]
    for candidate in _candidates(value) if is_hyperparameter(value) else (cast(Constant, value),):
        if not check.holds(candidate):
            source = f" ({value.key})" if is_hyperparameter(value) else ""
            raise SpaceError(f"{op.name}: {_complaint(name, candidate, check, source)}")


def only_shape(shapes: Shapes) -> Shape:
    """Return the shape of the only input."""
    if len(shapes) != 1:
        raise ShapeError(f"takes one input but has {len(shapes)}: {sorted(shapes)}")
    return next(iter(shapes.values()))


def channels_of(shapes: Shapes) -> int:
    """Return the size of the last axis of the only input."""
    shape = only_shape(shapes)
    if not shape:
        raise ShapeError("the input has shape (), without a channel axis; give it one or more axes")
    return shape[-1]


def spatial_of(shapes: Shapes) -> Shape:
    """Return the sizes of the only input's axes before its channels: one or more."""
    shape = only_shape(shapes)
    if len(shape) < 2:
        raise ShapeError(
            f"the input has shape {shape}, without a spatial axis; it takes (length, channels), "
            "(height, width, channels) and the like"
        )
    return shape[:-1]


def integer(properties: Properties, name: str) -> int:
    """Return a property that was checked to be an integer."""
    value = properties[name]
    assert isinstance(value, int)
    return value


def sizes(properties: Properties, name: str, spatial: Shape) -> tuple[int, ...]:
    """Return a property as one integer for each spatial axis."""
    value = properties[name]
    if isinstance(value, int):
        return (value,) * len(spatial)
    assert isinstance(value, tuple)
    if len(value) != len(spatial):
        raise ShapeError(
            f"{name} {value} has {len(value)} sizes but the input has {len(spatial)} spatial axes, "
            f"{spatial}; give one size for each axis, or one integer for all"
        )
    return cast("tuple[int, ...]", value)


def _complaint(name: str, value: Constant, check: Check, source: str = "") -> str:
    return f"{name}{source} is {format_constant(value)}; it must be {check.must_be}"


def _candidates(value: Hyperparameter) -> tuple[Constant, ...]:
    """Return values that stand for all that a hyperparameter may become."""
    domain = value.domain if isinstance(value, IndependentHyperparameter) else None
    if isinstance(domain, DiscreteDomain):
        return domain.values
    if isinstance(domain, (IntegerDomain, FloatDomain)):
        return domain.low, domain.high  # what a property may be has no gaps between these
    return (domain[0],) if isinstance(domain, PermutationDomain) else ()


def _is_positive(value: Constant) -> bool:
    return isinstance(value, int) and value.__class__ is int and value >= 1


def _is_sizes(value: Constant) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(map(_is_positive, value))
    return _is_positive(value)


def _is_boolean(value: Constant) -> bool:
    return value.__class__ in (bool, int) and value in (False, True)


def _is_number(value: Constant) -> TypeGuard[float]:
    return value.__class__ in (int, float)


def _is_above_zero(value: Constant) -> bool:
    return _is_number(value) and value > 0


def _is_rate(value: Constant) -> bool:
    return _is_number(value) and 0 <= value < 1


def _is_fraction(value: Constant) -> bool:
    return _is_number(value) and 0 <= value <= 1


def one_of(names: tuple[str, ...]) -> Check:
    """Return a check for a name among a few."""

    def holds(value: Constant) -> bool:
        return value in names

    return Check(f"one of {', '.join(map(repr, names))}", holds)


def or_none(check: Check) -> Check:
    """Return a check that lets None through too."""

    def holds(value: Constant) -> bool:
        return value is None or check.holds(value)

    return Check(f"None, or {check.must_be}", holds)


POSITIVE = Check("an integer of at least 1", _is_positive)
SIZES = Check("an integer of at least 1, or a tuple of one for each spatial axis", _is_sizes)
PADDING = one_of(("SAME", "VALID"))
BOOLEAN = Check("True or False", _is_boolean)
NUMBER = Check("a number", _is_number)
ABOVE_ZERO = Check("a number above 0", _is_above_zero)
RATE = Check("a number of at least 0 and below 1", _is_rate)
FRACTION = Check("a number in 0..1", _is_fraction)
