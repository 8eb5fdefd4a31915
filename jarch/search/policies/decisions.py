"""How a decision is made by choosing among a few answers at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from jarch.ir import (
    Constant,
    Domain,
    FloatDomain,
    IndependentHyperparameter,
    PermutationDomain,
)
from jarch.search.units import from_unit

Pick: TypeAlias = Callable[[str, Sequence[str]], int]
"""Given a question and its answers by name, returns the position of the answer to take."""

MOST = 64  # values of a domain that are all answers; a larger one is cut into parts
LONGEST = 64  # items of a permutation that is chosen item by item; a longer one is drawn


def decide(
    hyperparameter: IndependentHyperparameter, pick: Pick, bins: int, rng: np.random.Generator
) -> Constant:
    """Return a value of a hyperparameter, by as many choices as it takes.

    One choice among all values, where they are 64 at most. A larger domain and one of real numbers
    are cut into equal parts as `from_unit` has them; one is chosen and the value is drawn in it.
    Permutations are chosen item by item among those that are left; of more than 64 items they are
    drawn, and nothing is learned of them. A domain of one value takes no choice.

    Args:
        hyperparameter: To give a value.
        pick: Chooses.
        bins: Into how many parts a domain is cut.
        rng: Where values in a part come from.

    Example:
        >>> import numpy as np
        >>> from jarch.ir import DiscreteDomain, IndependentHyperparameter
        >>> width = IndependentHyperparameter("width", DiscreteDomain((8, 16)))
        >>> def pick_last(question, answers):
        ...     print(question, answers)
        ...     return len(answers) - 1
        >>> decide(width, pick_last, 16, np.random.default_rng(0))
        width ['width=8', 'width=16']
        16
    """
    key, domain = hyperparameter.key, hyperparameter.domain
    if isinstance(domain, PermutationDomain):
        return _order(key, domain, pick, rng)
    if _has_one_value(domain):
        return domain.low if isinstance(domain, FloatDomain) else domain[0]
    if domain.size is not None and domain.size <= MOST:
        values = list(domain)
        return values[pick(key, [f"{key}={value!r}" for value in values])]
    part = pick(key, [f"{key}~{i}" for i in range(bins)])
    return from_unit(domain, (part + rng.random()) / bins)


def _order(key: str, domain: PermutationDomain, pick: Pick, rng: np.random.Generator) -> Constant:
    if domain.n > LONGEST:
        return domain.sample(rng)
    rest, order = list(range(domain.n)), list[int]()
    while len(rest) > 1:
        order.append(rest.pop(pick(key, [f"{key}>{item}" for item in rest])))
    return (*order, *rest)


def _has_one_value(domain: Domain) -> bool:
    if isinstance(domain, FloatDomain):
        return domain.low == domain.high
    return domain.size == 1
