"""Seeds of several trainings."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral

from .errors import TrainConfigError


def check_seeds(seeds: Iterable[int]) -> list[int]:
    """Return seeds as a list.

    Raises:
        TrainConfigError: They are no integers one after the other.

    Example:
        >>> check_seeds(range(3))
        [0, 1, 2]
    """
    try:
        found = [*seeds]
    except TypeError:  # a number alone
        found = None
    if found is None or not all(isinstance(seed, Integral) for seed in found):
        raise TrainConfigError(
            f"seeds is {seeds!r}; it must be a list of integers, such as range(3) or [3, 5]"
        )
    return found
