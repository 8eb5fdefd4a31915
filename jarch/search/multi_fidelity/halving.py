"""Successive halving: one kind of bracket over and over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from jarch.search.searcher import SearchError

from .bracketed import BracketConfig, BracketSearcher, Plan
from .ladder import levels


@dataclass(frozen=True, slots=True)
class SuccessiveHalvingConfig(BracketConfig):
    """The rungs.

    Attributes:
        candidates: How many begin; at least `eta` to the power of the rungs above the lowest, which
            is the default, and of which one comes to the top.
        maximum: The fidelity of the highest rung, such as the epochs of a training in full.
        minimum: No rung is below this fidelity.
        eta: A rung has one in so many of the candidates of the rung below.
        overdue: See `BracketConfig`.
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> import jarch as ja
        >>> config = ja.SuccessiveHalvingConfig(candidates=20, maximum=27, minimum=3)
        >>> searcher = ja.SuccessiveHalvingSearcher(ja.trace(ja.spaces.digits_dense), config)
        >>> config.plan()  # how many candidates at which fidelity
        (((20, 3), (6, 9), (2, 27)),)
    """

    candidates: int | None = None
    maximum: int = 81
    minimum: int = 1
    eta: int = 3

    def plan(self) -> Plan:
        """Return the one bracket."""
        fidelities = levels(self.maximum, self.eta, self.minimum)
        least = self.eta ** (len(fidelities) - 1)
        number = least if self.candidates is None else self.candidates
        if number < least:
            raise SearchError(
                f"candidates is {number}; use at least {least}, so that one comes to the top of "
                f"{len(fidelities)} rungs, or raise minimum"
            )
        sizes = [number // self.eta**i for i in range(len(fidelities))]
        return (tuple(zip(sizes, fidelities, strict=True)),)


@dataclass(slots=True)
class SuccessiveHalvingSearcher(BracketSearcher[SuccessiveHalvingConfig]):
    """Evaluates candidates briefly, and again and again the best `1 / eta` of them for longer.

    All are drawn at random. When one has come to the top, it begins anew with others. See
    `BracketSearcher` for what late results do.

    Reference:
        Jamieson and Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter
        optimization", AISTATS; with `eta` as in Li et al. 2020, "A system for massively parallel
        hyperparameter tuning", MLSys, algorithm 1.

    Example:
        >>> SuccessiveHalvingConfig(maximum=9).plan()
        (((9, 1), (3, 3), (1, 9)),)
    """

    name: ClassVar[str] = "successive_halving"

    config: SuccessiveHalvingConfig = field(default_factory=SuccessiveHalvingConfig)
