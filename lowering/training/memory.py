"""How much memory training takes, estimated before anything is traced, and how much there is.

What probably does not fit need not be tried in a search, where there are other candidates. Who asks
for one training is refused only what surely does not fit: on a CPU it would not end by an error but
with the process.
"""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX and optax are partial)

from __future__ import annotations

from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, cast

import jax

from jarch.ir import Analysis

from .config import Optimizer, TrainConfig
from .errors import TrainingFailed
from .optimizers import Options, make_optimizer

_ACTIVATIONS = 2  # each output is kept for the way back, and there is a gradient for it
_EXAMPLE = (128, 128)  # a matrix that optimisers keep their slots for
_UNITS = {"TB": 1e12, "GB": 1e9, "MB": 1e6, "kB": 1e3}
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
    batch = config.batch_size if batch_size is None else batch_size
    gradients = 4 * analysis.trainable_parameters
    outputs = _ACTIVATIONS * batch * analysis.activation_bytes
    return state_bytes(analysis, config) + gradients + outputs


def state_bytes(analysis: Analysis, config: TrainConfig) -> int:
    """Return how many bytes training takes at least: what lies there from one step to the next.

    That are the parameters, averages where they are kept, and what the optimiser keeps for each.

    Args:
        analysis: Of the architecture.
        config: With the optimiser.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.nn.dense(10)), [])
        >>> state_bytes(ja.analyze(net, {"in": (64,)}), ja.TrainConfig())  # 650, three times
        7800
    """
    options = tuple(sorted(config.optimizer_options.items()))
    slots = optimizer_slots(cast(Any, config.optimizer), options)
    copies = 1 if config.ema_decay is None else 2
    return round(4 * (copies * analysis.parameters + slots * analysis.trainable_parameters))


def require_memory(needed: int, limit: float | None, what: str, remedy: str) -> None:
    """Require memory before any is taken.

    Args:
        needed: So many bytes.
        limit: There are so many; None for what is available now.
        what: It is needed for, for the message.
        remedy: What to do if it does not suffice.

    Raises:
        TrainingFailed: It does not.

    Example:
        >>> from jarch import TrainingFailed
        >>> try:
        ...     require_memory(7_200_000_000, 16e6, "the weights", "take fewer")
        ... except TrainingFailed as error:
        ...     print(error)
        the weights would take some 7.2 GB of memory, more than 16 MB; take fewer
    """
    if limit is None:
        limit = available_bytes()
    if limit is not None and needed > limit:
        amount, most = in_words(needed), in_words(limit)
        raise TrainingFailed(
            f"{what} would take some {amount} of memory, more than {most}; {remedy}"
        )


def in_words(size: float) -> str:
    """Return a number of bytes with its unit.

    Example:
        >>> in_words(640), in_words(7_200_000_000)
        ('640 bytes', '7.2 GB')
    """
    for unit, bytes_each in _UNITS.items():
        if size >= bytes_each:
            return f"{size / bytes_each:.4g} {unit}"
    return f"{size:.4g} bytes"


@lru_cache(64)
def optimizer_slots(optimizer: Optimizer, options: Options = ()) -> float:
    """Return how much an optimiser keeps for each parameter of a matrix, in numbers of four bytes.

    A transformation that is made for parameters of certain names counts for nothing.

    Example:
        >>> [round(optimizer_slots(name), 1) for name in ("sgd", "adam", "adafactor")]
        [0.0, 2.0, 0.0]
    """
    made = make_optimizer(optimizer, options, 0.0, 0.0)
    struct: Any = jax.ShapeDtypeStruct  # not annotated
    try:
        shapes: Any = jax.eval_shape(made.init, {"kernel": struct(_EXAMPLE, "float32")})
    except Exception:  # what it raises for other names is its own affair; training will show
        return 0.0
    leaves: list[Any] = jax.tree.leaves(shapes)
    size: int = sum(prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves if leaf.shape)
    return size / 4 / prod(_EXAMPLE)


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
