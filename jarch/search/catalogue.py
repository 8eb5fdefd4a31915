"""All searchers by name, for whoever chooses one at run time."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from jarch.ir import Space
from jarch.option_types import check_options

from .constraints import Constraint
from .multi_objective.generational import GenerationalSearcher
from .multi_objective.objectives import objectives_in
from .objective import Objective
from .searcher import Searcher, SearchError


class _Entry(NamedTuple):
    """Where a searcher is found, which is imported once one is made.

    Attributes:
        module: Relative to this package.
        config: The name of its configuration there.
        searcher: The name of its class there.
        learns: Whether it learns from an objective, or from several where its class has
            `objectives`.
    """

    module: str
    config: str
    searcher: str
    learns: bool


_SEARCHERS: Mapping[str, _Entry] = {
    "random": _Entry("random_searcher", "RandomConfig", "RandomSearcher", False),
    "exhaustive": _Entry("exhaustive", "ExhaustiveConfig", "ExhaustiveSearcher", False),
    "evolution": _Entry("evolution", "EvolutionConfig", "EvolutionSearcher", True),
    "local": _Entry("local_search", "LocalSearchConfig", "LocalSearcher", True),
    "mcts": _Entry("mcts", "MctsConfig", "MctsSearcher", True),
    "mcts_bisection": _Entry("mcts", "BisectionMctsConfig", "MctsSearcher", True),
    "nsga2": _Entry("multi_objective.nsga2", "Nsga2Config", "Nsga2Searcher", True),
    "nsga3": _Entry("multi_objective.nsga3", "Nsga3Config", "Nsga3Searcher", True),
    "front_local": _Entry(
        "multi_objective.front_local_search", "FrontLocalConfig", "FrontLocalSearcher", True
    ),
    "hyperband": _Entry("multi_fidelity", "HyperbandConfig", "HyperbandSearcher", True),
    "asha": _Entry("multi_fidelity", "AshaConfig", "AshaSearcher", True),
    "async_hyperband": _Entry(
        "multi_fidelity", "AsyncHyperbandConfig", "AsyncHyperbandSearcher", True
    ),
    "successive_halving": _Entry(
        "multi_fidelity", "SuccessiveHalvingConfig", "SuccessiveHalvingSearcher", True
    ),
    "successive_narrowing": _Entry(
        "multi_fidelity", "SuccessiveNarrowingConfig", "SuccessiveNarrowingSearcher", True
    ),
    "bohb": _Entry("multi_fidelity", "BohbConfig", "BohbSearcher", True),
    "mo_asha": _Entry("multi_objective.mo_asha", "MoAshaConfig", "MoAshaSearcher", True),
    "optuna": _Entry("bridges.sampler", "OptunaConfig", "OptunaSearcher", True),
    "quasi_random": _Entry("quasi_random", "QuasiRandomConfig", "QuasiRandomSearcher", False),
    "smbo": _Entry("model_based.smbo", "SmboConfig", "SmboSearcher", True),
    "bananas": _Entry("model_based.bananas", "BananasConfig", "BananasSearcher", True),
    "npenas": _Entry("model_based.npenas", "NpenasConfig", "NpenasSearcher", True),
    "nasbowl": _Entry("model_based.nasbowl", "NasBowlConfig", "NasBowlSearcher", True),
    "reinforce": _Entry("policies", "ReinforceConfig", "ReinforceSearcher", True),
    "ppo": _Entry("policies", "PpoConfig", "PpoSearcher", True),
    "parego": _Entry("multi_objective.parego", "ParegoConfig", "ParegoSearcher", True),
}

_FIRST = ("initial", "population", "batch")

SEARCHERS = tuple(_SEARCHERS)
"""The names of all searchers."""


def make_searcher(
    name: str,
    space: Space,
    options: Mapping[str, Any] | None = None,
    *,
    objective: Objective | None = None,
    objectives: Sequence[Objective] = (),
    constraint: Constraint | None = None,
) -> Searcher:
    """Return a new searcher.

    Args:
        name: One of `SEARCHERS`.
        space: Where to search.
        options: Of its configuration, by name; what is not given is as in the paper. Each is of
            the type of its field, but a whole number may be written as a float.
        objective: What it learns from, where it learns; by default a high accuracy.
        objectives: In its place several at once, for a searcher that goes for all of them; one
            that learns from nothing takes any.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.

    Raises:
        SearchError: There is no such searcher, its options are wrong, or it learns from one
            objective and got several.

    Example:
        >>> import jarch as ja
        >>> make_searcher("mcts", ja.trace(ja.spaces.digits_dense), {"exploration": 0.3}).options()
        {'name': 'mcts', 'objective': 'accuracy', 'maximize': True, 'exploration': 0.3, \
'scaled': True, 'repeats': False, 'bisection': False}
    """
    entry = _entry(name)
    module = importlib.import_module(f".{entry.module}", __package__)
    config_type, searcher = getattr(module, entry.config), getattr(module, entry.searcher)
    read = check_options(f"searcher {name}", config_type, options or {}, SearchError)
    config = config_type(**read)
    chosen = list(objectives) or [objective or Objective()]
    learning = _learning(name, searcher, chosen) if entry.learns else {}
    made: Searcher = searcher(space, config, constraint=constraint, **learning)
    return made


def from_state(
    space: Space,
    options: Mapping[str, Any],
    state: Mapping[str, Any],
    *,
    constraint: Constraint | None = None,
) -> Searcher:
    """Return a searcher that goes on where another one stood, in this process or in another.

    Both mappings are plain data, so the two of them as JSON, and the space, are all that has to be
    kept of a search. What a searcher was given beside its configuration, such as a surrogate of
    one's own or `where`, is not in them: make such a searcher as before, and call its `restore`.

    Args:
        space: That of the searcher.
        options: What its `options()` returned.
        state: What its `state()` returned.
        constraint: That of the searcher.

    Raises:
        SearchError: The options are not those of a searcher of `SEARCHERS`.

    Example:
        >>> import json
        >>> import jarch as ja
        >>> import numpy as np
        >>> space, rng = ja.trace(ja.spaces.digits_dense), np.random.default_rng(0)
        >>> searcher = make_searcher("evolution", space, {"population": 4, "sample": 2})
        >>> for score in range(9):
        ...     searcher.tell(searcher.ask(rng), {"accuracy": score / 10})
        >>> kept = json.dumps({"options": searcher.options(), "state": searcher.state()})
        >>> again = from_state(space, **json.loads(kept))
        >>> first, second = (each.ask(np.random.default_rng(1)) for each in (searcher, again))
        >>> first == second
        True
    """
    beside = ("name", "objective", "maximize", "objectives")
    config = {name: value for name, value in options.items() if name not in beside}
    searcher = make_searcher(
        options.get("name", ""),
        space,
        config,
        objectives=objectives_in(options),
        constraint=constraint,
    )
    searcher.restore(state)
    return searcher


def option_names(name: str) -> tuple[str, ...]:
    """Return the names of a searcher's options, in their order.

    Those of searchers with several fidelities have `maximum` among them.

    Raises:
        SearchError: There is no such searcher.

    Example:
        >>> option_names("asha")
        ('maximum', 'minimum', 'eta', 'repeats')
    """
    entry = _entry(name)
    module = importlib.import_module(f".{entry.module}", __package__)
    return tuple(field.name for field in fields(getattr(module, entry.config)))


def _entry(name: str) -> _Entry:
    """Return where a searcher is found.

    Raises:
        SearchError: There is no such searcher.
    """
    if name not in _SEARCHERS:
        raise SearchError(f"searcher {name!r} is none of {', '.join(SEARCHERS)}")
    return _SEARCHERS[name]


def random_at_first(searcher: Searcher) -> tuple[str, int] | None:
    """Return how many suggestions are drawn before results can matter, and the option that says so.

    That option has one of three names in all searchers: `initial`, or else the `population` that
    has to be full, or else the `batch` that a policy learns from.

    Args:
        searcher: Any; None is returned where it has no such option, or leaves it to the space.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> random_at_first(make_searcher("evolution", space))
        ('population', 100)
        >>> random_at_first(make_searcher("mcts", space))
    """
    options = searcher.options()
    option = next((name for name in _FIRST if name in options), None)
    if option is None:
        return None
    found = options[option]
    if found is None and isinstance(searcher, GenerationalSearcher):
        found = searcher.size
    return None if found is None else (option, found)


def _learning(name: str, searcher: Any, objectives: Sequence[Objective]) -> dict[str, Any]:
    """Return the argument that says what a searcher learns from.

    Raises:
        SearchError: It learns from one objective only.
    """
    if "objectives" in searcher.__dataclass_fields__:
        return {"objectives": tuple(objectives)}
    if len(objectives) > 1:
        names = ", ".join(objective.name for objective in objectives)
        raise SearchError(
            f"searcher {name} learns from one objective, not from {names}; use nsga2 or another "
            "that goes for several"
        )
    return {"objective": objectives[0]}
