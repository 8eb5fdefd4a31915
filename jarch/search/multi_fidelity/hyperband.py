"""Hyperband: successive halving over and over, from many candidates briefly to few in full."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from .bracketed import BracketConfig, BracketSearcher, Plan
from .ladder import brackets


@dataclass(frozen=True, slots=True)
class HyperbandConfig(BracketConfig):
    """The brackets; the defaults are those of the paper's example.

    Attributes:
        maximum: The fidelity of the highest rung, such as the epochs of a training in full.
        minimum: No rung is below this fidelity.
        eta: A rung has one in so many of the candidates of the rung below.
        overdue: See `BracketConfig`.
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> import jarch as ja
        >>> config = ja.HyperbandConfig(maximum=27, minimum=3)
        >>> searcher = ja.HyperbandSearcher(ja.trace(ja.spaces.digits_dense), config)
        >>> config.plan()  # how many candidates at which fidelity, bracket by bracket
        (((9, 3), (3, 9), (1, 27)), ((5, 9), (1, 27)), ((3, 27),))
    """

    maximum: int = 81
    minimum: int = 1
    eta: int = 3

    def plan(self) -> Plan:
        """Return the brackets, the one with the most candidates first."""
        return brackets(self.maximum, self.eta, self.minimum)


@dataclass(slots=True)
class HyperbandSearcher(BracketSearcher[HyperbandConfig]):
    """Runs brackets of successive halving that differ in how many begin and how briefly.

    A bracket draws its candidates at random and evaluates all at its lowest fidelity; when all
    results are back, the best `1 / eta` go on to `eta` times that, and so on to the maximum. The
    brackets follow each other from the one with the most candidates to the one that evaluates few
    at the maximum, and then all over again. See `BracketSearcher` for what late results do.

    Reference:
        Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar 2018, "Hyperband: a novel bandit-based
        approach to hyperparameter optimization", JMLR; algorithm 1.

    Example:
        >>> import jarch as ja
        >>> from jarch.search import WithFidelity
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 1000, name="width")))
        >>> def evaluate(architecture, seed, fidelity):
        ...     return {"accuracy": architecture.values[0] * fidelity}
        >>> searcher = HyperbandSearcher(space, HyperbandConfig(maximum=9))
        >>> found = ja.run_search(searcher, WithFidelity(evaluate, full=9), 22)
        >>> [sum(e.fidelity == fidelity for e in found.evaluations) for fidelity in (1, 3, 9)]
        [9, 8, 5]
    """

    name: ClassVar[str] = "hyperband"

    config: HyperbandConfig = field(default_factory=HyperbandConfig)
