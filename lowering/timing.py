"""What a model takes when it runs: measured on the compiled program, on the device."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, NamedTuple, cast

import jax
import numpy as np

from jarch.ir import Architecture, Shape, ShapeError

from .costs import check_costs
from .energy import energy_zones, joules_between, read_energy
from .errors import LoweringError
from .model import Model
from .normal_form import normal_form
from .training.checking import as_model
from .training.compilation_cache import enable_compilation_cache
from .training.config import TrainConfig
from .training.memory import planned_bytes
from .training.steps import forward_program

_WARM_UP = 3
_CALLS = 50
_LEAST_CALLS = 5
_SECONDS = 1.0
_ENERGY_SECONDS = 0.5  # the counters are brought up to date every millisecond or so

_finish = cast("Callable[[object], object]", jax.block_until_ready)  # JAX does not say its types


class Timing(NamedTuple):
    """How long calls of one program took, in seconds.

    Attributes:
        median: Half of the calls took no longer.
        low: A quarter of them took no longer: the first quartile.
        high: A quarter of them took at least as long: the third quartile.
        calls: How many there were, without those to warm up.
        batch_size: Examples a call.

    Example:
        >>> timing = Timing(0.5, 0.25, 1.0, calls=8, batch_size=2)
        >>> timing.spread, timing.throughput, timing.throughput_spread
        (0.75, 4.0, 6.0)
    """

    median: float
    low: float
    high: float
    calls: int
    batch_size: int

    @property
    def spread(self) -> float:
        """The range between the quartiles, in seconds."""
        return self.high - self.low

    @property
    def throughput(self) -> float:
        """Examples a second, of the median call."""
        return self.batch_size / self.median

    @property
    def throughput_spread(self) -> float:
        """The range between the quartiles of examples a second."""
        return self.batch_size / self.low - self.batch_size / self.high


def time_forward(
    architecture: Architecture | Model,
    input_shape: Shape,
    batch_size: int = 1,
    *,
    dtype: str = "float32",
    config: TrainConfig | None = None,
    calls: int = _CALLS,
    seconds: float = _SECONDS,
) -> Timing:
    """Time the forward pass of a model without dropout: repeated calls, after some to warm up.

    The program is the one that judges candidates on the validation split. Weights and inputs are on
    the device before; each call is waited for. Anything else that runs on the machine meanwhile
    makes it slower, so the median is what counts.

    Args:
        architecture: With one input; its weights are as initialised.
        input_shape: Of one example.
        batch_size: Examples a call.
        dtype: Of the inputs.
        config: Says in which type the program computes, as when it trains; None for the inputs'.
        calls: So many are timed,
        seconds: or as many as begin in this time, but no fewer than five.

    Raises:
        ShapeError: Shapes do not fit, or there are several inputs.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.sequential(ja.nn.flatten, ja.nn.dense(10))), [])
        >>> timing = time_forward(net, (8, 8, 1), batch_size=32, calls=10)
        >>> timing.low <= timing.median <= timing.high and timing.calls
        10
    """
    model = as_model(architecture, config or TrainConfig())
    run, arguments = _prepared(model, input_shape, batch_size, dtype)
    for _ in range(_WARM_UP):
        _finish(run(*arguments))
    took: list[float] = []
    end = perf_counter() + seconds
    while len(took) < calls and (len(took) < _LEAST_CALLS or perf_counter() < end):
        began = perf_counter()
        _finish(run(*arguments))
        took.append(perf_counter() - began)
    low, median, high = np.quantile(took, [0.25, 0.5, 0.75]).tolist()
    return Timing(median, low, high, len(took), batch_size)


def measure_costs(
    architecture: Architecture | Model,
    input_shape: Shape,
    names: Iterable[str],
    batch_size: int = 32,
    *,
    dtype: str = "float32",
    config: TrainConfig | None = None,
) -> dict[str, float]:
    """Return the measured costs among those named, with their spreads, by name.

    Args:
        architecture: With one input.
        input_shape: Of one example.
        names: Keys of `COSTS`; those that follow from the architecture alone are left out.
        batch_size: Examples a call, but for `latency_ms`, which is of one.
        dtype: Of the inputs.
        config: Says in which type the program computes, as when it trains; None for the inputs'.

    Raises:
        LoweringError: One is no cost, or the platform does not tell it.
        ShapeError: As for `time_forward`.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(lambda: ja.sequential(ja.nn.flatten, ja.nn.dense(10))), [])
        >>> sorted(measure_costs(net, (8, 8, 1), ["latency_ms", "parameters"]))
        ['latency_ms', 'latency_ms_iqr']
    """
    wanted = check_costs(names)
    require_told(wanted)
    model = as_model(architecture, config or TrainConfig())
    found: dict[str, float] = {}
    if "latency_ms" in wanted:
        alone = time_forward(model, input_shape, 1, dtype=dtype)
        found |= {"latency_ms": 1e3 * alone.median, "latency_ms_iqr": 1e3 * alone.spread}
    if "throughput" in wanted:
        timing = time_forward(model, input_shape, batch_size, dtype=dtype)
        found["throughput"] = timing.throughput
        found["throughput_iqr"] = timing.throughput_spread
    if "peak_bytes" in wanted:
        found["peak_bytes"] = _peak_bytes(model, input_shape, batch_size, dtype)
    if "energy_joules" in wanted:
        found["energy_joules"] = _energy(model, input_shape, batch_size, dtype)
    return found


def require_told(names: Iterable[str]) -> None:
    """Raise where the platform does not tell one of these costs.

    Raises:
        LoweringError: Energy is asked for, and its counters cannot be read or count other things
            than the device.

    Example:
        >>> require_told(["latency_ms", "throughput"])  # told on every platform: nothing is raised
    """
    if "energy_joules" not in names:
        return
    if jax.default_backend() != "cpu":
        raise LoweringError(
            f"energy_joules is told for processors only, not for {jax.default_backend()}; leave it "
            "out"
        )
    if not energy_zones():
        raise LoweringError(
            "energy_joules is not told here: /sys/class/powercap has no package counters that may "
            "be read; leave it out, or let the administrator make energy_uj readable"
        )


def _prepared(
    model: Model, input_shape: Shape, batch_size: int, dtype: str
) -> tuple[Callable[..., object], tuple[Any, ...]]:
    """Return the compiled program and what to call it with, on the device."""
    enable_compilation_cache()
    if len(model.architecture.inputs) != 1:
        raise ShapeError(f"the model has inputs {list(model.architecture.inputs)}; only one runs")
    x = np.zeros((batch_size, *input_shape), dtype)
    variables = normal_form(model.architecture).to_normal(model.init(0, x[:1]))
    arguments: tuple[Any, ...] = jax.device_put((variables, x))
    return forward_program(model.module, arguments), arguments


def _peak_bytes(model: Model, input_shape: Shape, batch_size: int, dtype: str) -> int:
    run, _ = _prepared(model, input_shape, batch_size, dtype)
    found = planned_bytes(run)
    if found is None:
        raise LoweringError("peak_bytes is not told by this backend's compiler; leave it out")
    return found


def _energy(model: Model, input_shape: Shape, batch_size: int, dtype: str) -> float:
    """Return the joules an example of all packages, whatever else runs on them included."""
    run, arguments = _prepared(model, input_shape, batch_size, dtype)
    zones = energy_zones()
    _finish(run(*arguments))
    before, end, calls = read_energy(zones), perf_counter() + _ENERGY_SECONDS, 0
    while not calls or perf_counter() < end:
        _finish(run(*arguments))
        calls += 1
    return joules_between(zones, before, read_energy(zones)) / (calls * batch_size)
