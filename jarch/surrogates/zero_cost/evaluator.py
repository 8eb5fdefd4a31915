"""Judge candidates by proxies in place of training them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jarch.ir import Architecture, analyze
from jarch.lowering.costs import COUNTS

from .batches import Batch, Examples, draw_batch
from .catalogue import find_proxies
from .scoring import score_on


@dataclass(slots=True)
class ZeroCostEvaluator:
    """Returns the scores of proxies as metrics, with what is counted: what searches take.

    Of every proxy more is better. All candidates are measured on the same batch; their weights are
    drawn by the seed of each evaluation.

    Attributes:
        data: The data set of which training examples are taken, or a pair of inputs and targets.
        proxies: Their names; the first is what to search for unless you choose another.
        batch_size: Examples that are measured on.
        batch_seed: Of the draw of the examples.

    Raises:
        SurrogateError: A proxy is unknown or takes other inputs, or the batch is of no use.

    Example:
        >>> import jarch as ja
        >>> evaluate = ja.ZeroCostEvaluator(ja.load_data("digits"), ("naswot",), batch_size=16)
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> found = ja.random_search(space, evaluate, 4, objective="naswot")
        >>> sorted(found.best.metrics)
        ['activation_bytes', 'flops', 'naswot', 'parameters']
    """

    data: Examples
    proxies: tuple[str, ...] = ("naswot",)
    batch_size: int = 64
    batch_seed: int = 0
    _batch: Batch = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Draw the batch, and check the names."""
        self._batch = draw_batch(self.data, self.batch_size, self.batch_seed)
        find_proxies(self.proxies, self._batch.floating)

    def __call__(self, architecture: Architecture, seed: int) -> Mapping[str, float]:
        """Return the metrics of an architecture with weights drawn by the seed.

        Raises:
            LoweringError: An operation has no rule for Flax.
            ShapeError: The architecture does not fit the data.
        """
        analysis = analyze(architecture, {architecture.inputs[0]: self._batch.shape})
        counts = {name: float(getattr(analysis, name)) for name in COUNTS}
        return {**score_on(architecture, self._batch, self.proxies, seed), **counts}
