"""Stop candidates whose learning curve says that they will not be the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from jarch.runs import Evaluation
from jarch.search import Objective, SearchError

from .curves import extrapolate


@dataclass(slots=True)
class CurveStopping:
    """Ends trainings that will probably not beat the best that was trained in full.

    After each epoch from `minimum` on, the objective's values so far are extrapolated to the last
    epoch (see `extrapolate`); training ends where the probability to beat the best is below
    `probability`. Values are taken to be at most 1, as accuracies are; of an objective to minimise,
    which should not be below 0, `1 - value / first value` is extrapolated.

    It learns of the best through `observe`, which a search calls with all evaluations, those before
    a resumption among them. So a search that is resumed stops the same.

    Attributes:
        objective: A metric on the validation split.
        probability: Below which a training ends.
        minimum: No training ends before so many epochs.
        every: So many epochs are between looks; extrapolating takes up to a tenth of a second.
        noise: The least standard deviation that values are thought to have.
        best: The best value so far; None before the first.

    Raises:
        SearchError: A number is out of range.

    Reference:
        Domhan, Springenberg and Hutter 2015, "Speeding up automatic hyperparameter optimization of
        deep neural networks by extrapolation of learning curves", IJCAI; section 4, the predictive
        termination criterion, where the default of `probability` is from. They predict the value of
        a training that is ended; here it keeps what it has come to.

    Example:
        >>> import jarch as ja
        >>> from jarch.evaluate import CurveStopping
        >>> stopping = CurveStopping(best=0.9)
        >>> stopping.hopeless([0.1, 0.3, 0.38, 0.4, 0.41, 0.41], epochs=20)
        True
        >>> stopping.hopeless([0.1, 0.3, 0.5, 0.65, 0.74, 0.8], epochs=20)
        False
    """

    objective: Objective = field(default_factory=Objective)
    probability: float = 0.05
    minimum: int = 4
    every: int = 1
    noise: float = 0.005
    best: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0 < self.probability < 1:
            raise SearchError(f"probability is {self.probability}; use a number in 0..1")
        for name, value, least in (("minimum", self.minimum, 3), ("every", self.every, 1)):
            if value < least:
                raise SearchError(f"{name} is {value}; use at least {least}")
        if self.noise <= 0:
            raise SearchError(f"noise is {self.noise}; use more than 0")

    def observe(self, evaluation: Evaluation) -> None:
        """Take note of an evaluation in full."""
        score = evaluation.score(self.objective.name)
        if score is not None and (self.best is None or self.objective.better(score, self.best)):
            self.best = score

    def hopeless(self, values: Sequence[float], epochs: int) -> bool:
        """Say whether a training will probably not beat the best.

        Args:
            values: Of the objective, after each epoch so far.
            epochs: How many there will have been in the end.
        """
        done, best = len(values), self.best
        if best is None or not self.minimum <= done < epochs or (done - self.minimum) % self.every:
            return False
        if any(self.objective.better(value, best) for value in values):
            return False
        found = extrapolate([self._rising(v, values) for v in values], epochs, self.noise)
        return (
            found is not None
            and found.probability_above(self._rising(best, values)) < self.probability
        )

    def _rising(self, value: float, values: Sequence[float]) -> float:
        """Return a value so that more is better, and 1 the most."""
        if self.objective.maximize:
            return value
        return 1 - value / values[0] if values[0] > 0 else -value
