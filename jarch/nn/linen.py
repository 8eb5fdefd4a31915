"""Any Flax module as an operation."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from jarch.ir import SINGLE_OUTPUT, SpaceError

from .custom import FLAGS, CustomOp, flag_values, input_names, make_op

if TYPE_CHECKING:
    from jarch.lowering.context import Context

_TYPES = frozenset({"dtype", "param_dtype"})
_NOT_PROPERTIES = frozenset({"parent", "name", *FLAGS})


@dataclass(frozen=True, slots=True)
class LinenRule:
    """Computes a node by a Flax module.

    Attributes:
        module_class: The module's class; its fields are the node's properties.
        fixed: Fields that are no properties, such as functions, and their values.
        types: Those of the fields `dtype` and `param_dtype` that the class has.
        field_flags: Fields that say whether the model is being trained.
        call_flags: Arguments of the call that say so.
        input_dtype: What inputs are converted to; None to leave them.
    """

    module_class: type[Any]
    fixed: tuple[tuple[str, Any], ...]
    types: tuple[str, ...]
    field_flags: tuple[str, ...]
    call_flags: tuple[str, ...]
    input_dtype: str | None

    def __call__(self, context: Context, properties: Mapping[str, Any], *inputs: Any) -> Any:
        """Compute the node."""
        fields: dict[str, Any] = {
            **{name: getattr(context, name) for name in self.types},
            **flag_values(self.field_flags, context.train),
            **dict(self.fixed),
            **properties,
        }
        module = self.module_class(**fields, name=context.key)
        if self.input_dtype is not None:
            inputs = tuple(value.astype(self.input_dtype) for value in inputs)
        return module(*inputs, **flag_values(self.call_flags, context.train))


def from_linen(
    module_class: type[Any],
    /,
    *,
    inputs: int | Sequence[str] | None = None,
    outputs: Sequence[str] = (SINGLE_OUTPUT,),
    input_dtype: str | None = None,
    name: str | None = None,
    **fixed: Any,
) -> CustomOp:
    """Make a class of Flax modules an operation.

    The fields of the class become properties, with its defaults where those are numbers, strings
    or tuples of them. Fields and arguments such as `train` and `deterministic` are told whether
    the model is being trained, `dtype` and `param_dtype` what the model is lowered with. Where
    the module has weights, it initialises them itself.

    Args:
        module_class: A class derived from `flax.linen.Module`.
        inputs: How many inputs, or their names. By default the arguments of `__call__` without a
            default are counted: one is called `in`, more are called `in0`, `in1`, ….
        outputs: Names of the outputs, where the module returns several as a tuple or a dict.
        input_dtype: What the inputs are converted to, such as `"int32"` for an embedding.
        name: `"module:name"` under which the result can be imported again, by `from_json` and
            `parse`. By default the class's own, which says all only of a class as it is: give a
            name together with `fixed`, `outputs` or `input_dtype`.
        fixed: Fields that are not plain data, such as initialisers.

    Raises:
        SpaceError: A name is needed, or a value cannot be hashed.

    Example:
        >>> import flax.linen
        >>> import jarch as ja
        >>> dense_general = ja.nn.from_linen(flax.linen.DenseGeneral)
        >>> space = ja.trace(lambda: dense_general(features=ja.Discrete([4, 8])))
        >>> ja.analyze(ja.replay(space, [8]), {"in": (3,)}).parameters
        32
    """
    plain = not fixed and input_dtype is None and tuple(outputs) == (SINGLE_OUTPUT,)
    if name is None and not plain:
        raise SpaceError(
            f"{module_class.__qualname__} with fixed fields, outputs or an input type of its own "
            "is another operation than the class; pass name='module:name', where it is assigned"
        )
    full_name = name or f"{__name__}:classes.{module_class.__module__}.{module_class.__qualname__}"
    parameters = list(inspect.signature(module_class.__call__).parameters.values())[1:]
    call_flags = FLAGS.keys() & {p.name for p in parameters}  # Flax takes each in one place only
    fields = {f.name: f for f in dataclasses.fields(module_class) if f.init}
    rule = LinenRule(
        module_class,
        _hashable(full_name, fixed),
        tuple(sorted(_TYPES & fields.keys())),
        tuple(sorted(FLAGS.keys() & fields.keys() - call_flags)),
        tuple(sorted(call_flags)),
        input_dtype,
    )
    free = {n: f for n, f in fields.items() if n not in fixed and n not in _NOT_PROPERTIES}
    values: dict[str, Any] = {n: f.default for n, f in free.items() if n not in _TYPES}
    defaults = {n: value for n, value in values.items() if _is_plain(value)}
    required = frozenset(n for n, f in free.items() if _has_no_default(f))
    return CustomOp(
        make_op(full_name, rule, tuple(outputs)),
        input_names(full_name, parameters, inputs),
        tuple(outputs),
        defaults,
        required,
        frozenset(free) - required - defaults.keys(),
    )


class Classes:
    """Finds the operation of a class by the class's full name, an attribute at a time.

    The name of an operation that `from_linen` made leads here when it is imported again.

    Example:
        >>> classes.flax.linen.linear.Dense.op.name
        'jarch.nn.linen:classes.flax.linen.linear.Dense'
    """

    def __init__(self, found: ModuleType | type[Any] | None = None) -> None:
        self._found = found

    def __getattr__(self, name: str) -> Classes | CustomOp:
        """Return the operation of a class of modules, else where to look further.

        Raises:
            AttributeError: There is nothing of this name.
        """
        inner = _find(self._found, name)
        if isinstance(inner, type) and dataclasses.is_dataclass(inner) and hasattr(inner, "apply"):
            return from_linen(inner)
        if isinstance(inner, (type, ModuleType)):
            return Classes(inner)
        raise AttributeError(f"{name!r} is no module and no class")


classes = Classes()


def _find(outer: ModuleType | type[Any] | None, name: str) -> object:
    if outer is not None and hasattr(outer, name):
        return getattr(outer, name)
    try:
        return importlib.import_module(name if outer is None else f"{outer.__name__}.{name}")
    except ImportError as error:
        raise AttributeError(str(error)) from error


def _hashable(name: str, fixed: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    items = tuple(sorted(fixed.items()))
    try:
        hash(items)
    except TypeError as error:
        raise SpaceError(
            f"{name!r}: a fixed field cannot be hashed ({error}); use tuples for lists and name "
            "functions"
        ) from None
    return items


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, cast("tuple[object, ...]", value)))
    return isinstance(value, (bool, int, float, str))


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing
