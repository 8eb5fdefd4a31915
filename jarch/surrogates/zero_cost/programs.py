"""The programs that measure proxies: one for all proxies of a kind, compiled once for a graph.

The compiler works at the level of training. At level 0 it would take less time, but convolutions of
a batch then run so much longer that on CPUs nothing is won, though most programs run once.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jarch.lowering.initialization import initial_variables
from jarch.lowering.training.executables import Executable, executable
from jarch.lowering.training.levels import default_level
from jarch.lowering.training.metrics import Task
from jarch.lowering.training.program_key import (
    describe_arguments,
    describe_module,
    digest,
    own_rules,
)

from .batches import Batch
from .network import Network
from .probe import Probe
from .proxy import Proxy

_enable_double = cast("Callable[[bool], Any]", jax.enable_x64)  # JAX does not say its types


def measured(
    network: Network, proxies: Sequence[Proxy], batch: Batch, seed: int
) -> dict[str, NDArray[Any]]:
    """Return what proxies measure on a network with weights drawn by a seed, by name."""
    shapes = {network.module.architecture.inputs[0]: batch.shape}
    variables = initial_variables(network.module.architecture, seed, shapes)
    return _run(network, proxies, batch.task, (variables, batch.x, batch.y))


def measured_linear(
    network: Network, proxies: Sequence[Proxy], batch: Batch, seed: int
) -> dict[str, NDArray[Any]]:
    """Return what proxies measure on a linear network with positive weights, by name.

    In double precision, on one example of ones; of zeros where inputs are integers, such as
    tokens.
    """
    shapes = {network.module.architecture.inputs[0]: batch.shape}
    drawn = initial_variables(network.module.architecture, seed, shapes)
    with _enable_double(True):
        variables: Any = jax.tree.map(_wide_and_positive, drawn)
        ones = np.ones((1, *batch.shape)) if batch.floating else np.zeros_like(batch.x[:1])
        return _run(network, proxies, batch.task, (variables, ones, batch.y[:1]))


def _wide_and_positive(value: Any) -> NDArray[Any]:
    value = np.asarray(value)
    wide = value.astype(np.float64) if jnp.issubdtype(value.dtype, jnp.floating) else value
    positive: NDArray[Any] = np.abs(wide)
    return positive


def _run(
    network: Network, proxies: Sequence[Proxy], task: Task, arguments: tuple[Any, ...]
) -> dict[str, NDArray[Any]]:
    described = {
        "program": "zero-cost",
        "proxies": [proxy.name for proxy in proxies],
        "task": task,
        "arguments": describe_arguments(arguments),
        "sources": _sources(),
        "level": default_level(),
        **describe_module(network.module),
    }

    def compile_it() -> Executable:
        return _compiled(network, proxies, task, arguments)

    run = executable(digest(described), own_rules(network.module), compile_it)
    return {name: np.asarray(value) for name, value in run(*arguments).items()}


def _compiled(
    network: Network, proxies: Sequence[Proxy], task: Task, arguments: tuple[Any, ...]
) -> Executable:
    def measure(variables: Mapping[str, Any], x: Any, y: Any) -> dict[str, Any]:
        probe = Probe(network, task, variables, x, y)
        return {proxy.name: proxy.measure(probe) for proxy in proxies}

    level = default_level()
    options: Any = None if level is None else {"xla_backend_optimization_level": level}
    lowered: Any = jax.jit(measure, compiler_options=options).lower(*arguments)
    return cast(Executable, lowered.compile())


@cache
def _sources() -> str:
    """Return the hash of the code of proxies, so that an edit of it makes other programs."""
    found = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()
