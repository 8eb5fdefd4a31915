"""How much memory training takes, estimated before anything is traced, and how much there is."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX and optax are partial)

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any, cast

import jax

from jarch.ir import Analysis

from .config import Optimizer, TrainConfig
from .optimizers import Options, make_optimizer

_ACTIVATIONS = 2  # each output is kept for the way back, and there is a gradient for it
_EXAMPLE = (128, 128)  # a matrix that optimisers keep their slots for
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def training_bytes(analysis: Analysis, config: TrainConfig, batch_size: int | None = None) -> int:
    """Return how many bytes training will take at most, roughly.

    That are the parameters, their gradients and what the optimiser keeps for each, averages where
    they are kept, and for each example of a batch all outputs and their gradients. The compiler
    shares memory between outputs that are not needed at the same time, so it is usually less; it
    may add work space of its own.

    Args:
        analysis: Of the architecture.
        config: With optimiser and batch size.
        batch_size: Instead of that of the configuration.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.nn.dense(10)), [])
        >>> analysis = ja.analyze(net, {"in": (64,)})
        >>> training_bytes(analysis, ja.TrainConfig(batch_size=32))  # 650 parameters, four times
        12960
    """
    options = tuple(sorted(config.optimizer_options.items()))
    slots = optimizer_slots(config.optimizer, options)
    copies = 1 if config.ema_decay is None else 2
    weights = 4 * (copies * analysis.parameters + analysis.trainable_parameters * (1 + slots))
    batch = config.batch_size if batch_size is None else batch_size
    return round(weights + _ACTIVATIONS * batch * analysis.activation_bytes)


def optimizer_slots(optimizer: Optimizer, options: Options = ()) -> float:
    """Return how many numbers an optimiser keeps for each parameter of a matrix.

    Example:
        >>> [round(optimizer_slots(name), 1) for name in ("sgd", "adam", "adafactor")]
        [0.0, 2.0, 0.0]
    """
    made = make_optimizer(optimizer, options, 0.0, 0.0)
    struct: Any = jax.ShapeDtypeStruct  # not annotated
    shapes: Any = jax.eval_shape(made.init, {"kernel": struct(_EXAMPLE, "float32")})
    leaves: list[Any] = jax.tree.leaves(shapes)
    numbers: int = sum(prod(leaf.shape) for leaf in leaves if leaf.shape)
    return numbers / prod(_EXAMPLE)


def planned_bytes(program: Any) -> int | None:
    """Return how many bytes a compiled program takes while it runs, by its compiler's plan.

    That are its arguments, such as weights, what it gives, and work space; what it writes into the
    place of an argument counts once. None where the backend does not tell.
    """
    plan = program.memory_analysis()
    if plan is None:
        return None
    names = ("argument", "output", "temp")
    sizes = [int(getattr(plan, f"{name}_size_in_bytes")) for name in names]
    return sum(sizes) - int(plan.alias_size_in_bytes)


def available_bytes() -> int | None:
    """Return how much memory is free for training; None where the system does not tell.

    On a CPU that is what the system can give without swapping, or what is left of the limit of the
    control group in which the process runs; else what is left on the device.

    Example:
        >>> free = available_bytes()
        >>> free is None or free > 0
        True
    """
    device = cast(Any, jax.local_devices()[0])
    if device.platform != "cpu":
        found = cast("dict[str, int]", device.memory_stats() or {})
        return found["bytes_limit"] - found["bytes_in_use"] if "bytes_limit" in found else None
    free = [each for each in (_free_of_system(), _free_of_group()) if each is not None]
    return min(free, default=None)


def _free_of_system() -> int | None:
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return kilobytes[0] * 1024 if kilobytes else None


def _free_of_group() -> int | None:
    try:
        limit = int((_CGROUP / "memory.max").read_text(encoding="ascii"))
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
        details = (_CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):  # there is no such group, or "max": no limit
        return None
    cached = sum(int(line.split()[1]) for line in details if line.startswith("inactive_file "))
    return max(limit - used + cached, 0)
