"""Optax's optimisers by name, with numbers that may be traced: one program serves all of them."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax, optax and orbax are partial)

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Real
from typing import Any, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .config import Optimizer, OptionValue, TrainConfig
from .errors import TrainConfigError

Factory: TypeAlias = Callable[..., optax.GradientTransformation]
Options: TypeAlias = tuple[tuple[str, OptionValue], ...]

_MOMENTS = frozenset({"b1", "b2", "eps"})
_ADAM = _MOMENTS | {"eps_root"}
_DECAY = frozenset({"weight_decay"})
NUMERIC_OPTIONS: Mapping[str, frozenset[str]] = {
    "adabelief": _ADAM,
    "adadelta": _DECAY | {"eps", "rho"},
    "adafactor": frozenset({"decay_rate", "eps", "momentum", "weight_decay_rate"}),
    "adagrad": frozenset({"eps"}),
    "adam": _ADAM,
    "adamax": _MOMENTS,
    "adamaxw": _MOMENTS | _DECAY,
    "adamw": _ADAM | _DECAY,
    "adan": _ADAM | _DECAY | {"b3"},
    "amsgrad": _ADAM,
    "lamb": _ADAM | _DECAY,
    "lars": _DECAY | {"eps", "momentum", "trust_coefficient"},
    "lion": _DECAY | {"b1", "b2"},
    "nadam": _ADAM,
    "nadamw": _ADAM | _DECAY,
    "novograd": _ADAM | _DECAY,
    "radam": _ADAM,
    "rmsprop": frozenset({"decay", "eps", "momentum"}),
    "sgd": frozenset({"momentum"}),
    "sm3": frozenset({"momentum"}),
    "yogi": _MOMENTS,
}
"""Options that are numbers in a program; others, and those of other optimisers, shape it.

None of them says with what an optimiser begins, nor what it does beside when it is left out.
"""


def make_optimizer(
    optimizer: Optimizer, options: Options, learning_rate: Any, weight_decay: Any
) -> optax.GradientTransformationExtraArgs:
    """Return the optimiser; the learning rate and the decay may be traced numbers.

    Weight decay is decoupled. A function that takes `weight_decay` itself, such as `optax.adamw`,
    is given it; after any other, `learning_rate * weight_decay` times the parameter is taken off,
    which for `optax.adam` is the same. Parameters of rank 0 and 1 do not decay.

    Args:
        optimizer: Name, function or transformation; the last gets neither rate nor decay.
        options: Further arguments of the function.
        learning_rate: A scalar.
        weight_decay: A scalar.

    Reference: Loshchilov & Hutter, "Decoupled weight decay regularization" (2019).
    """
    if is_transformation(optimizer):
        return optax.with_extra_args_support(cast(optax.GradientTransformation, optimizer))
    factory, arguments = _factory(optimizer), dict[str, Any](options)
    parameters = inspect.signature(factory).parameters
    decays_itself = "weight_decay" in parameters
    if decays_itself:
        arguments.setdefault("weight_decay", weight_decay)
        if "mask" in parameters:
            arguments.setdefault("mask", _is_kernel)
    made = factory(learning_rate=learning_rate, **arguments)
    if not decays_itself:
        decay = optax.add_decayed_weights(-learning_rate * weight_decay, mask=_is_kernel)
        made = optax.chain(made, decay)
    return optax.with_extra_args_support(made)


def clipped(gradients: Any, norm: Any) -> Any:
    """Return gradients scaled so that their norm, of all together, is at most this one.

    Args:
        gradients: A tree.
        norm: A scalar above 0, which may be traced; None leaves them as they are.

    Reference: Pascanu et al., "On the difficulty of training recurrent neural networks" (2013).
    """
    if norm is None:
        return gradients
    found = optax.tree.norm(gradients)
    scale = jnp.where(found < norm, 1, norm / found)

    def scaled(gradient: Any) -> Any:
        return gradient * scale.astype(gradient.dtype)

    return jax.tree.map(scaled, gradients)


def split_options(optimizer: Optimizer, options: Options) -> tuple[Options, tuple[float, ...]]:
    """Return the options with `None` in place of numbers, and the numbers in order.

    A number that is given as `None`, such as no momentum, is as if it were not given.

    Example:
        >>> split_options("sgd", (("momentum", 0.9), ("nesterov", True)))
        ((('momentum', None), ('nesterov', True)), (0.9,))
    """
    numeric = numeric_options(optimizer, options)
    shaping = tuple(
        (name, None if name in numeric else value)
        for name, value in options
        if value is not None or not numeric_options(optimizer, ((name, 0.0),))
    )
    return shaping, tuple(numeric.values())


def numeric_options(optimizer: Optimizer, options: Options) -> dict[str, float]:
    """Return the options that are numbers in a program.

    Example:
        >>> numeric_options("sgd", (("momentum", 0), ("nesterov", True)))
        {'momentum': 0.0}
    """
    named = NUMERIC_OPTIONS.get(optimizer, frozenset()) if isinstance(optimizer, str) else ()
    found = {name: _number(value) for name, value in options if name in named}
    return {name: number for name, number in found.items() if number is not None}


def describe_options(options: Options) -> list[Any]:
    """Return options as plain data: equal ones, such as `True` and 1, are described alike.

    Example:
        >>> describe_options((("nesterov", True), ("mu_dtype", "bfloat16")))
        [['nesterov', 1.0], ['mu_dtype', 'bfloat16']]
    """
    return [
        [name, float(value) if isinstance(value, (Real, np.bool_)) else value]
        for name, value in options
    ]


def are_plain(options: Options) -> bool:
    """Say whether options are numbers and texts alone, of which other processes have the same."""
    return all(value is None or isinstance(value, (str, Real, np.bool_)) for _, value in options)


def place_options(optimizer: Optimizer, options: Options, values: Sequence[Any]) -> Options:
    """Return the options of `split_options` with numbers in place of `None`, which may be traced.

    Example:
        >>> place_options("sgd", (("momentum", None), ("nesterov", True)), [0.9])
        (('momentum', 0.9), ('nesterov', True))
    """
    placed: list[tuple[str, Any]] = []
    remaining = iter(values)
    for name, value in options:
        numeric = value is None and name in numeric_options(optimizer, ((name, 0.0),))
        placed.append((name, next(remaining) if numeric else value))
    return tuple(placed)


def check_optimizer(config: TrainConfig) -> None:
    """Check that optax has the optimiser and that it takes the options, before anything compiles.

    Raises:
        TrainConfigError: There is no such optimiser, or an option is not one of its arguments.
    """
    if is_transformation(config.optimizer):
        if config.weight_decay or config.optimizer_options:
            raise TrainConfigError(
                "optimizer is a gradient transformation, which takes no weight_decay and no "
                "optimizer_options; build them into it, or give its name or the function"
            )
        return
    factory = _factory(config.optimizer)
    parameters = inspect.signature(factory).parameters
    anything = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    unknown = [name for name in config.optimizer_options if name not in parameters]
    if "learning_rate" in config.optimizer_options:
        raise TrainConfigError("optimizer_options holds learning_rate; give it as learning_rate")
    if unknown and not anything:
        raise TrainConfigError(
            f"optimizer_options holds {unknown[0]!r}, which {config.optimizer!r} does not take; it "
            f"takes {[name for name in parameters if name != 'learning_rate']}"
        )


def is_transformation(optimizer: Optimizer) -> bool:
    """Return whether it is a gradient transformation and not what makes one."""
    return hasattr(optimizer, "init") and hasattr(optimizer, "update")


def optimizer_names() -> list[str]:
    """Return the functions of optax that make an optimiser from a learning rate.

    Example:
        >>> {"adam", "adamw", "lion", "sgd"} <= set(optimizer_names())
        True
    """
    public = [name for name in dir(optax) if not name.startswith(("_", "scale_by_"))]
    return [name for name in public if _is_factory(getattr(optax, name))]


def _factory(optimizer: Optimizer) -> Factory:
    if not isinstance(optimizer, str):
        return cast(Factory, optimizer)
    found = getattr(optax, optimizer, None)
    if not _is_factory(found):
        raise TrainConfigError(
            f"optimizer {optimizer!r} is none of optax's {optimizer_names()}; give one of them, or "
            "a function or gradient transformation"
        )
    return cast(Factory, found)


def _number(value: object) -> float | None:
    return float(value) if not isinstance(value, bool) and isinstance(value, Real) else None


def _is_factory(value: object) -> bool:
    if not (inspect.isfunction(value) or isinstance(value, partial)):  # `nadam` is part of `adam`
        return False
    parameters = inspect.signature(cast(Factory, value)).parameters
    return next(iter(parameters), "") == "learning_rate"


def _is_kernel(params: Any) -> Any:
    """Return the mask of the parameters that decay."""

    def decays(parameter: Any) -> bool:
        return bool(parameter.ndim >= 2)

    return jax.tree.map(decays, params)
