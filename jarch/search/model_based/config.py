"""What all searchers with a surrogate can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from jarch.search.checks import check_at_least, check_name
from jarch.search.searcher import SearchError

from .acquisitions import ACQUISITIONS, AcquisitionName

Pending: TypeAlias = Literal["believe", "worst", "ignore"]
"""What to think of suggestions that have not come back."""


@dataclass(frozen=True, slots=True)
class ModelBasedConfig:
    """What all searchers with a surrogate can be told.

    Attributes:
        surrogate: The name of what predicts scores; see `jarch.surrogates.SURROGATES`.
        surrogate_options: Its options, by name.
        acquisition: How candidates are compared; see `jarch.search.model_based.ACQUISITIONS`.
        exploration: How many standard deviations the confidence bound adds.
        initial: So many results of random architectures come first.
        candidates: Among how many a round chooses.
        batch: How many a round chooses; then the surrogate is fitted again.
        pending: What the surrogate is told of suggestions that have not come back: that they score
            as it believes itself, or as the worst result, or nothing.
        overdue: A suggestion is taken for lost when so many results have come in since: nothing is
            thought of it any more, though it is not suggested again, and its result still counts
            if it comes. None to wait for ever.
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range, or a name unknown.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> options = {"surrogate": "gp-rbf", "initial": 2}
        >>> searcher = ja.make_searcher("smbo", ja.trace(ja.spaces.digits_dense), options)
        >>> rng = np.random.default_rng(0)
        >>> for accuracy in (0.5, 0.7, 0.6):  # the third is chosen by a surrogate
        ...     searcher.tell(searcher.ask(rng), {"accuracy": accuracy})
        ...     print(searcher.fitted() is not None)
        False
        False
        True
    """

    surrogate: str = "ridge"
    surrogate_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    acquisition: AcquisitionName = "expected_improvement"
    exploration: float = 2.0
    initial: int = 10
    candidates: int = 100
    batch: int = 1
    pending: Pending = "ignore"
    overdue: int | None = 100
    repeats: bool = False

    def __post_init__(self) -> None:
        """Check numbers and names."""
        check_at_least(self, 1, "initial", "candidates", "batch", "overdue")
        check_name("acquisition", self.acquisition, ACQUISITIONS)
        check_name("pending", self.pending, get_args(Pending))
        if not self.exploration >= 0:
            raise SearchError(f"exploration is {self.exploration}; use 0 or more")


def check_edits(edits: float) -> None:
    """Raise where mutations would change nothing."""
    if not edits > 0:
        raise SearchError(f"edits is {edits}; use a number above 0")
