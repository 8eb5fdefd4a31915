"""Decisions of a space as parameters of Optuna, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

import numpy as np

from jarch.ir import (
    Architecture,
    Constant,
    Domain,
    FloatDomain,
    IndependentHyperparameter,
    IntegerDomain,
    PermutationDomain,
    Space,
    complete,
)

from .optional import import_optuna

Suggest: TypeAlias = Callable[[str, Any], Any]
"""Returns a value for a parameter, given its name and its distribution."""


def decide(hyperparameter: IndependentHyperparameter, suggest: Suggest) -> Constant:
    """Return the value of a decision that parameters of the same name lead to.

    Integers and real numbers are what they are in Optuna. Values that are evenly spaced integers in
    increasing order are integers with a step, all others are categories. A permutation of n is the
    order of n real numbers, `KEY/0` and so on. What has one value is no parameter.
    """
    key, domain = hyperparameter.key, hyperparameter.domain
    if domain.size == 1:
        return domain[0]
    if isinstance(domain, PermutationDomain):
        keys = [suggest(name, distribution) for name, distribution in _positions(key, domain)]
        order = np.argsort(keys, kind="stable")
        return domain.canonical(order)
    found = suggest(key, distribution_of(domain))
    if isinstance(domain, IntegerDomain | FloatDomain) or _step(domain):
        return domain.canonical(found)
    return domain[_labels(domain).index(found)]


def express(hyperparameter: IndependentHyperparameter, value: Constant) -> dict[str, Any]:
    """Return the parameters, each with its distribution and value, that lead to a decision."""
    key, domain = hyperparameter.key, hyperparameter.domain
    if domain.size == 1:
        return {}
    if isinstance(domain, PermutationDomain):
        order = cast("tuple[int, ...]", value)
        given = [(order.index(i) + 0.5) / domain.n for i in range(domain.n)]
        positions = _positions(key, domain)
        return {name: (unit, x) for (name, unit), x in zip(positions, given, strict=True)}
    plain = isinstance(domain, IntegerDomain | FloatDomain) or _step(domain)
    given_value = value if plain else _labels(domain)[domain.index(value)]
    return {key: (distribution_of(domain), given_value)}


def express_architecture(
    space: Space, decisions: Mapping[str, Constant]
) -> tuple[Architecture, list[tuple[str, Any, Any]]]:
    """Return an architecture by its decisions, and name, distribution and value of parameters."""
    found: list[tuple[str, Any, Any]] = []

    def choose(hyperparameter: IndependentHyperparameter) -> Constant:
        value = decisions[hyperparameter.key]
        found.extend((name, d, x) for name, (d, x) in express(hyperparameter, value).items())
        return value

    return complete(space, choose), found


def distribution_of(domain: Domain) -> Any:
    """Return Optuna's distribution for a domain that is no permutation."""
    distributions = import_optuna().distributions
    if isinstance(domain, IntegerDomain):
        return distributions.IntDistribution(domain.low, domain.high, log=domain.log)
    if isinstance(domain, FloatDomain):
        return distributions.FloatDistribution(domain.low, domain.high, log=domain.log)
    step = _step(domain)
    if step:
        low, high = cast(int, domain[0]), cast(int, domain[len(domain) - 1])
        return distributions.IntDistribution(low, high, step=step)
    return distributions.CategoricalDistribution(_labels(domain))


def _positions(key: str, domain: PermutationDomain) -> list[tuple[str, Any]]:
    unit = import_optuna().distributions.FloatDistribution(0.0, 1.0)
    return [(f"{key}/{i}", unit) for i in range(domain.n)]


def _step(domain: Domain) -> int:
    """Return the step between values that are evenly spaced integers; 0 if they are not."""
    values = list(domain)
    if len(values) < 2 or not all(type(value) is int for value in values):
        return 0
    numbers = cast("list[int]", values)
    step = numbers[1] - numbers[0]
    even = all(numbers[i] == numbers[0] + i * step for i in range(len(numbers)))
    return step if even and step > 0 else 0


def _labels(domain: Domain) -> list[Any]:
    """Return what stands for each value of a discrete domain: itself if plain, else text."""
    values = list(domain)
    plain = all(isinstance(value, str | int | float | None) for value in values)
    return values if plain else [repr(value) for value in values]
