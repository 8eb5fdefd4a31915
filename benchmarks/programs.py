"""Figures of lowered models, against the same net written by hand in Flax.

The programs are the user's own. Those of `fit` compute depthwise convolutions in another way on
CPUs: see `depthwise.py`.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (the annotations of JAX and Flax are partial)

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from typing import Any

import jax
import numpy as np
import optax

import jarch as ja

from .handwritten import (
    Apply,
    MobileNet,
    Variables,
    architecture,
    batch,
    handwritten_apply,
    training_step,
)
from .measure import Pair, time_in_turn, warm

TRACED = "/jax/core/compile/jaxpr_trace_duration"
"""The event by which JAX says that it traced a function."""

_SGD = optax.sgd(0.1)

_forget_programs: Callable[[], None] = jax.clear_caches  # JAX does not say the types of these
_finish: Callable[[object], object] = jax.block_until_ready
_jit: Callable[..., Callable[..., object]] = jax.jit


def compare_compiles(rounds: int = 11) -> Pair:
    """Time trace + lower + compile of a training step, cold, against that of the Flax net."""
    net, first, second = architecture(), lowered_variables(), handwritten_variables()

    def lowered() -> Callable[[], object]:
        _forget_programs()
        return lambda: compiled_step(ja.lower(net).apply, first)

    def handwritten() -> Callable[[], object]:
        _forget_programs()
        return lambda: compiled_step(handwritten_apply(), second)

    with no_stored_programs():
        return time_in_turn(lowered, handwritten, rounds)


def compare_steps(rounds: int = 150) -> Pair:
    """Time a compiled training step against that of the Flax net."""
    first = training(ja.lower(architecture()).apply, lowered_variables())
    second = training(handwritten_apply(), handwritten_variables())
    for run in (first, second):
        for _ in range(10):
            run()
    return time_in_turn(warm(first), warm(second), rounds)


def compare_initialisations() -> Pair:
    """Time initialisation against jit of the Flax init, both in a fresh state, of random nets."""
    space = ja.trace(ja.spaces.mobilenet)
    nets = [ja.sample(space, np.random.default_rng(seed)) for seed in range(5)]
    x = batch()[0]

    def run_of(initialise: Callable[[ja.Model], object]) -> Callable[[], Callable[[], object]]:
        remaining = cycle(nets)

        def make() -> Callable[[], object]:
            _forget_programs()
            model = ja.lower(next(remaining))
            return lambda: _finish(initialise(model))

        return make

    key = jax.random.key(0)
    ours = run_of(lambda model: model.init(key, x))
    jitted = run_of(lambda model: _jit(model.module.init)(key, x))
    with no_stored_programs():
        return time_in_turn(ours, jitted, rounds=len(nets))


def count_retraces() -> int:
    """Count the traces when equal architectures, built anew, are lowered and run again."""
    images, labels = batch()

    def run() -> None:
        net = ja.from_json(ja.to_json(architecture()))
        model = ja.lower(net)
        variables = model.init(0, images)
        model.apply(variables, images)
        state = _SGD.init(variables["params"])
        _finish(_step(model.module, variables, state, images, labels))

    run()
    with counted_traces() as traces:
        run()
    return len(traces)


@partial(jax.jit, static_argnames="module")
def _step(module: Any, variables: Variables, state: Any, images: Any, labels: Any) -> Any:
    return training_step(module.apply, _SGD)(variables, state, images, labels)


def lowered_variables() -> Variables:
    """Return what the lowered net starts with."""
    return ja.lower(architecture()).init(0, batch()[0])


def handwritten_variables() -> Variables:
    """Return what the Flax net starts with."""
    variables: Variables = MobileNet().init(jax.random.key(0), batch()[0])
    return variables


def compiled_step(apply: Apply, variables: Variables) -> Any:
    """Trace, lower and compile a step of training, from nothing."""
    optimizer = optax.adam(1e-3)
    step = jax.jit(training_step(apply, optimizer))
    return step.trace(variables, optimizer.init(variables["params"]), *batch()).lower().compile()


def training(apply: Apply, variables: Variables) -> Callable[[], None]:
    """Return a run of one compiled step, each of which goes on from the one before."""
    step, data = compiled_step(apply, variables), batch()
    now: list[Any] = [variables, optax.adam(1e-3).init(variables["params"])]

    def run() -> None:
        *now[:], loss = step(*now, *data)
        _finish(loss)

    return run


@contextmanager
def counted_traces() -> Generator[list[str]]:
    """Give a list that grows by one with each function that JAX traces."""
    traces: list[str] = []

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        if event == TRACED:
            traces.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield traces
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


@contextmanager
def no_stored_programs() -> Generator[None]:
    """Turn JAX's persistent compilation cache off."""
    config: Any = jax.config  # whose annotations do not list the options
    before = config.jax_enable_compilation_cache
    config.update("jax_enable_compilation_cache", False)
    try:
        yield
    finally:
        config.update("jax_enable_compilation_cache", before)
