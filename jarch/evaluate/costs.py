"""What candidates cost: counted before anything compiles, measured before anything trains."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jarch import lowering
from jarch.data import Dataset
from jarch.ir import Analysis, Architecture, InvalidArchitecture
from jarch.lowering.costs import check_limits

if TYPE_CHECKING:
    from jarch.lowering import TrainConfig

_KEPT = 1024  # architectures of which the costs are remembered


class LimitExceeded(InvalidArchitecture):
    """A candidate whose cost is over its limit; it is not trained, and counts as invalid.

    Attributes:
        cost: The name of the cost.
        value: What the candidate costs.
        costs: All that it is known to cost, by name.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 128, "relu"])
        >>> meter = CostMeter(limits={"parameters": 5_000})
        >>> try:
        ...     meter.counted(ja.analyze(net, {"in": (8, 8, 1)}))
        ... except LimitExceeded as error:
        ...     print(error)
        parameters is 9610, more than 5000
    """

    def __init__(
        self, message: str, cost: str, value: float, costs: Mapping[str, float] | None = None
    ) -> None:
        """Make the error from its message, the cost's name, the value, and all that is known."""
        super().__init__(message)
        self.cost = cost
        self.value = value
        self.costs: Mapping[str, float] = {cost: value} if costs is None else costs


@contextmanager
def telling(costs: Mapping[str, float]) -> Generator[None]:
    """Let what refuses or fails a candidate meanwhile tell what it is known to cost.

    Example:
        >>> try:
        ...     with telling({"parameters": 650}):
        ...         raise LimitExceeded("flops is 1280, more than 1000", "flops", 1280)
        ... except LimitExceeded as error:
        ...     print(error.costs)
        {'parameters': 650, 'flops': 1280}
    """
    try:
        yield
    except (LimitExceeded, lowering.TrainingFailed) as error:
        error.costs = {**costs, **error.costs}
        raise


@dataclass(slots=True)
class CostMeter:
    """Says what candidates cost, and refuses those that cost too much.

    Attributes:
        costs: Names of measured costs to tell.
        limits: The most that a cost may be, or the least where more of it is better.

    Raises:
        LoweringError: A name is no cost, or one that the platform does not tell; or a limit is no
            number.

    Example:
        >>> import jarch as ja
        >>> net = ja.replay(ja.trace(ja.spaces.digits_dense), [1, 16, "relu"])
        >>> meter = CostMeter(limits={"parameters": 5_000})
        >>> meter.counted(ja.analyze(net, {"in": (8, 8, 1)}))
        {'parameters': 1210, 'flops': 2410, 'activation_bytes': 424}
    """

    costs: Iterable[str] = ()
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    _known: dict[Architecture, Mapping[str, float]] = field(
        default_factory=dict[Architecture, Mapping[str, float]], repr=False
    )

    def __post_init__(self) -> None:
        """Raise where a name is no cost, or one that the platform does not tell."""
        self.limits = check_limits(self.limits)
        self.costs = lowering.check_costs((*lowering.check_costs(self.costs), *self.limits))
        if any(lowering.COSTS[name].measured for name in self.costs):
            lowering.require_told(self.costs)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all that is told of a candidate: counts, what is measured, spreads."""
        asked = [lowering.COSTS[name] for name in self.costs]
        measured = [cost for cost in asked if cost.measured]
        spreads = [cost.spread for cost in measured if cost.spread]
        return (*lowering.COUNTS, *(cost.name for cost in measured), *spreads)

    def counted(self, analysis: Analysis) -> dict[str, float]:
        """Return the costs that follow from the architecture alone.

        Raises:
            LimitExceeded: One is over its limit.
        """
        found: dict[str, float] = {name: getattr(analysis, name) for name in lowering.COUNTS}
        self._require_within(found)
        return found

    def measured(
        self, architecture: Architecture, data: Dataset, config: TrainConfig
    ) -> Mapping[str, float]:
        """Return the measured costs that were asked for, with their spreads.

        An architecture is measured once; later evaluations of it are told the same.

        Args:
            architecture: What to measure.
            data: For the shape of an example.
            config: For the size of a batch, and the type in which the program computes.

        Raises:
            LimitExceeded: One is over its limit.
        """
        names = [name for name in self.costs if lowering.COSTS[name].measured]
        if not names:
            return {}
        found = self._known.get(architecture)
        if found is None:
            batch = min(config.batch_size, len(data.x_train))
            dtype = str(data.x_train.dtype)
            found = lowering.measure_costs(
                architecture, data.input_shape, names, batch, dtype=dtype, config=config
            )
            while len(self._known) >= _KEPT:
                del self._known[next(iter(self._known))]
            self._known[architecture] = found
        self._require_within(found)
        return found

    def _require_within(self, found: Mapping[str, float]) -> None:
        for name, limit in self.limits.items():
            message = lowering.over_limit(name, found[name], limit) if name in found else ""
            if message:
                raise LimitExceeded(message, name, found[name], found)
