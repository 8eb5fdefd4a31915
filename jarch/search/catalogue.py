"""All searchers by name, for whoever chooses one at run time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jarch.ir import Space

from .constraints import Constraint
from .evolution import EvolutionConfig, EvolutionSearcher
from .exhaustive import ExhaustiveConfig, ExhaustiveSearcher
from .local_search import LocalSearchConfig, LocalSearcher
from .mcts import MctsConfig, MctsSearcher
from .objective import Objective
from .random_searcher import RandomConfig, RandomSearcher
from .searcher import Searcher, SearchError

_SEARCHERS: Mapping[str, tuple[type, Callable[..., Searcher], bool]] = {
    "random": (RandomConfig, RandomSearcher, False),
    "exhaustive": (ExhaustiveConfig, ExhaustiveSearcher, False),
    "evolution": (EvolutionConfig, EvolutionSearcher, True),
    "local": (LocalSearchConfig, LocalSearcher, True),
    "mcts": (MctsConfig, MctsSearcher, True),
}
"""For each name the configuration, the searcher, and whether it learns from an objective."""

SEARCHERS = tuple(_SEARCHERS)
"""The names of all searchers."""


def make_searcher(
    name: str,
    space: Space,
    options: Mapping[str, Any] | None = None,
    *,
    objective: Objective | None = None,
    constraint: Constraint | None = None,
) -> Searcher:
    """Return a new searcher.

    Args:
        name: One of `SEARCHERS`.
        space: Where to search.
        options: Of its configuration, by name; what is not given is as in the paper.
        objective: What it learns from, where it learns; by default a high accuracy.
        constraint: Raises `InvalidArchitecture` for those not to suggest.

    Raises:
        SearchError: There is no such searcher, or its options are wrong.

    Example:
        >>> import jarch as ja
        >>> make_searcher("mcts", ja.trace(ja.spaces.digits_dense), {"exploration": 0.3}).options()
        {'name': 'mcts', 'objective': 'accuracy', 'maximize': True, 'exploration': 0.3, \
'scaled': True, 'repeats': False}
    """
    if name not in _SEARCHERS:
        raise SearchError(f"searcher {name!r} is none of {', '.join(SEARCHERS)}")
    config_type, searcher, learns = _SEARCHERS[name]
    fields: Mapping[str, Any] = getattr(config_type, "__dataclass_fields__")  # noqa: B009
    unknown = sorted(set(options or {}) - set(fields))
    if unknown:
        raise SearchError(
            f"searcher {name} has no option {', '.join(unknown)}; it has {', '.join(fields)}"
        )
    try:
        config = config_type(**(options or {}))
    except TypeError as error:
        raise SearchError(f"searcher {name}: {error}") from error
    learning = {"objective": objective or Objective()} if learns else {}
    return searcher(space, config, constraint=constraint, **learning)
