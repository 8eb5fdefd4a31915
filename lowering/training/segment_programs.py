"""The programs of a training step in segments: short ones, which many architectures share.

All are pure functions of arrays. A segment's forward program also returns what its backward program
needs beside what that is given anyway: JAX's own linearisation, as a flat list.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX, Flax and optax are partial)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jarch.lowering.flax_module import ArchitectureModule
from jarch.lowering.normal_form import normal_form
from jarch.lowering.random_bits import RandomBits, draw_words
from jarch.lowering.rules.choices import situated

from .executables import Executable, executable
from .levels import (
    DEPTHWISE,
    EMITTERS,
    QUICK,
    can_do_without_emitters,
    compiler_options,
    default_level,
)
from .losses import mean_loss
from .metrics import Task
from .optimizers import Options, make_optimizer, place_options
from .program_key import describe_arguments, digest
from .statistics import warm_momenta
from .steps import Epoch, forward_key

_KEPT = 1024
_LARGE = 1 << 17  # numbers in an array
_SMALL = 1 << 11
_unflatten = cast(Callable[..., Any], jax.tree.unflatten)
_vjp = cast(Callable[..., Any], jax.vjp)
_shapes_of = cast(Callable[..., Any], jax.eval_shape)  # JAX does not say its types


class Batch(NamedTuple):
    """What a step begins with, on the device."""

    inputs: Any
    targets: Any
    rate: Any  # float32: the learning rate
    position: Any  # int32: of the step in its epoch
    key: Any  # uint32 (2,): of all dropout of the step
    after: Any  # int32: the number of the next step


class Given(NamedTuple):
    """What a segment is given beside its variables and its input."""

    values: Any  # float32 (K,): the numbers of its nodes
    step: Any  # int32, counted from 0
    words: Any  # uint32 (2, P): random; None without dropout


@dataclass(slots=True)
class Tape:
    """How to go back through a segment, known once its forward program was traced.

    Attributes:
        tree: Of JAX's linearisation.
        places: Of each of its arrays, the place among what the backward program is given anyway;
            None for those that the forward program returns.
    """

    tree: Any = None
    places: list[int | None] = field(default_factory=list["int | None"])


def head_program(arguments: tuple[Any, ...]) -> Executable:
    """Return what takes a batch: of all inputs and targets, an epoch, the step and the seed."""
    return _shared("head", arguments, lambda: _compiled(_head, arguments))


def words_program(pairs: int, arguments: tuple[Any, ...]) -> Executable:
    """Return what draws so many pairs of random words, of a key and the number of the first."""
    return _shared(
        f"words {pairs}", arguments, lambda: _compiled(partial(_words, pairs), arguments)
    )


def train_program(
    module: ArchitectureModule, inward: bool, arguments: tuple[Any, ...]
) -> Executable:
    """Return the forward program of a segment in training.

    Args:
        module: Of the segment, in normal form.
        inward: Whether the gradient of its input is wanted.
        arguments: Parameters, other variables, input, what is `Given`.
    """
    key, own = forward_key(module, arguments, f"segment/train {inward}")
    tape = tape_of(key)
    run = partial(_train, module, inward, tape)
    return executable(key, own, lambda: _compiled(run, arguments, module), small=True)


def back_program(
    module: ArchitectureModule, inward: bool, forward: tuple[Any, ...], arguments: tuple[Any, ...]
) -> Executable:
    """Return the backward program of a segment.

    Args:
        module: As in `train_program`.
        inward: As in `train_program`.
        forward: The arguments of the forward program.
        arguments: Parameters, other variables, input, output, what the forward program kept, and
            the gradient of the output.
    """
    traced, _ = forward_key(module, forward, f"segment/train {inward}")
    key, own = forward_key(module, arguments, f"segment/back {inward}")

    def compile_it() -> Executable:
        tape = tape_of(traced)
        if tape.tree is None:  # the forward program was read, not traced
            _shapes_of(partial(_train, module, inward, tape), *forward)
        return _compiled(partial(_back, tape), arguments, module)

    return executable(key, own, compile_it, small=True)


def tail_program(
    module: ArchitectureModule, task: Task, inward: bool, arguments: tuple[Any, ...]
) -> Executable:
    """Return the last segment with the loss, forward and backward.

    Args:
        module: As in `train_program`.
        task: Of the loss.
        inward: As in `train_program`.
        arguments: Parameters, other variables, input, what is `Given`, targets, smoothing, the loss
            of the epoch before this step, the step's place in the epoch.
    """
    key, own = forward_key(module, arguments, f"segment/tail {task} {inward}")
    run = partial(_tail, module, task, inward)
    return executable(key, own, lambda: _compiled(run, arguments, module), small=True)


def update_program(optimizer: str, options: Options, arguments: tuple[Any, ...]) -> Executable:
    """Return what takes a segment's parameters a step further; it reuses their memory.

    Args:
        optimizer: By name.
        options: With None in place of numbers.
        arguments: Parameters, gradients, the optimiser's state, learning rate, decay, the numbers
            among the options.
    """
    described = f"update {optimizer} {options}"
    run = partial(_update, optimizer, options)
    return _shared(described, arguments, lambda: _compiled(run, arguments, donate=(0, 2)))


@lru_cache(_KEPT)
def tape_of(key: str) -> Tape:
    """Return the tape of a forward program, by the program's key."""
    return Tape()


def _shared(
    name: str, arguments: tuple[Any, ...], compile_it: Callable[[], Executable]
) -> Executable:
    described = {
        "program": f"segment/{name}",
        "arguments": describe_arguments(arguments),
        "level": default_level(),
    }
    return executable(digest(described), None, compile_it, small=True)


def _compiled(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    module: ArchitectureModule | None = None,
    donate: tuple[int, ...] = (),
) -> Executable:
    lowered = jax.jit(function, donate_argnums=donate).lower(*arguments)
    options = _options(module, (arguments, lowered.out_info))
    return cast(Executable, lowered.compile(options or None))


def _options(module: ArchitectureModule | None, arrays: Any) -> dict[str, Any]:
    """Return the options to compile a short program with.

    On CPUs that is without XLA's newer code generator for fused operations. What it makes of
    elementwise operations and reductions takes twice the time to compile and runs no faster here,
    but for shifted arrays, as in depthwise convolutions, and for large ones: updates of a million
    weights by Adam took 1.2 ms instead of 3.3. Where all arrays are small, so is what the compiler
    can gain: at its lowest level most of these programs take a third to a half of the time to
    compile. With all that the first step of a MobileNet took 0.85 of the time, and the later ones
    were no slower; with arrays of 8,192 numbers 0.74, and they were up to 1.1 times as long.
    """
    depthwise = module is not None and any(
        node.op.name in DEPTHWISE for _, node in module.architecture.nodes
    )
    leaves: list[Any] = jax.tree.leaves(arrays)
    largest = max(leaf.size for leaf in leaves)
    level = default_level()
    quick = level is not None and largest <= _SMALL and not depthwise
    options = compiler_options(QUICK if quick else level) or {}
    without = largest < _LARGE and not depthwise and can_do_without_emitters()
    return {**options, **({EMITTERS: False} if without else {})}


def _wrap(key: Any) -> Any:
    wrapped = jax.random.wrap_key_data(key, impl="threefry2x32")  # pyright: ignore[reportUnknownVariableType]
    return cast(Any, wrapped)


class _Random(nn.Module):
    """Draws the key that a module of a whole architecture draws first."""

    @nn.compact
    def __call__(self) -> jax.Array:
        return self.make_rng("dropout")


def _head(x: Any, y: Any, epoch: Epoch, step: Any, seed: Any) -> Batch:
    position = step % epoch.rates.shape[0]
    batch = epoch.order[position]
    key = jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), step)
    drawn: Any = _Random().apply({}, rngs={"dropout": key})
    words = jax.random.key_data(drawn)
    return Batch(x[batch], y[batch], epoch.rates[position], position, words, step + 1)


def _words(pairs: int, key: Any, first: Any) -> Any:
    return draw_words(_wrap(key), pairs, first)


def _train(
    module: ArchitectureModule,
    inward: bool,
    tape: Tape,
    params: Any,
    rest: Any,
    x: Any,
    given: Given,
) -> Any:
    run = _runner(module, rest, given)

    def of_params(params: Any) -> Any:
        return run(params, x)

    y, pull, changed = (
        _vjp(run, params, x, has_aux=True) if inward else _vjp(of_params, params, has_aux=True)
    )
    leaves, tape.tree = cast(Any, jax.tree.flatten(pull))
    known: list[Any] = jax.tree.leaves((params, rest, x, y))
    tape.places = [_place(leaf, known) for leaf in leaves]
    kept = [leaf for leaf, at in zip(leaves, tape.places, strict=True) if at is None]
    return y, {**rest, **changed}, kept


def _back(tape: Tape, params: Any, rest: Any, x: Any, y: Any, kept: list[Any], dy: Any) -> Any:
    known: list[Any] = jax.tree.leaves((params, rest, x, y))
    more = iter(kept)
    leaves = [next(more) if at is None else known[at] for at in tape.places]
    return _unflatten(tape.tree, leaves)(dy)


def _tail(
    module: ArchitectureModule,
    task: Task,
    inward: bool,
    params: Any,
    rest: Any,
    x: Any,
    given: Given,
    targets: Any,
    smoothing: Any,
    before: Any,
    position: Any,
) -> Any:
    run = _runner(module, rest, given)

    def loss_of(params: Any, x: Any) -> tuple[Any, Any]:
        outputs, changed = run(params, x)
        return mean_loss(task, outputs, targets, smoothing), changed

    wanted = (0, 1) if inward else (0,)
    (loss, changed), gradients = jax.value_and_grad(loss_of, wanted, has_aux=True)(params, x)
    return jnp.where(position == 0, 0, before) + loss, {**rest, **changed}, gradients


def _update(
    optimizer: str,
    options: Options,
    params: Any,
    gradients: Any,
    state: Any,
    rate: Any,
    decay: Any,
    values: Any,
) -> tuple[Any, Any]:
    placed = place_options(optimizer, options, list(values))
    updates, state = make_optimizer(optimizer, placed, rate, decay).update(gradients, state, params)
    return optax.apply_updates(params, updates), state


def _runner(module: ArchitectureModule, rest: Any, given: Given) -> Callable[..., Any]:
    """Return what computes a segment, and what it changes, of its parameters and its input."""
    numbers: dict[str, dict[str, Any]] = {}
    for i, (node, name, _) in enumerate(normal_form(module.architecture).numbers):
        numbers.setdefault(node, {})[name] = given.values[i]
    placed = warm_momenta(module.architecture, numbers, given.step)

    def run(params: Any, x: Any) -> Any:
        bits = None if given.words is None else RandomBits.of(given.words)
        every = {"params": params, **rest}
        with situated("often"):  # wherever it is traced
            return module.apply(every, x, train=True, numbers=placed, bits=bits, mutable=list(rest))

    return run


def _place(leaf: Any, known: list[Any]) -> int | None:
    return next((i for i, each in enumerate(known) if each is leaf), None)
