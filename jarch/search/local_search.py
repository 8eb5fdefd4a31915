"""Local search: evaluate all neighbours, move to the best, begin anew where none is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from jarch.ir import Space, as_constant

from .checks import check_where
from .constraints import Constraint
from .edits import MOST, Where, anywhere, moves, with_changes
from .gate import Gate
from .objective import Objective
from .scored import Scored
from .searcher import Metrics, SearchError, Suggestion


@dataclass(frozen=True, slots=True)
class LocalSearchConfig:
    """How a climb goes; the defaults are those of the paper.

    Attributes:
        initial: How many random architectures a climb begins with; it starts at the best of them.
        first: Move to the first neighbour that is better, not to the best of all.
        most: Look at so many values of one decision; of larger domains, at some that are near
            (see `jarch.search.edits.moves`).
        repeats: Suggest equal models more than once.

    Raises:
        SearchError: A number is out of range.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 9, name="width")))
        >>> searcher = ja.LocalSearcher(space, ja.LocalSearchConfig(first=True))
        >>> rng = np.random.default_rng(0)
        >>> for accuracy in (0.5, 0.6):
        ...     searcher.tell(searcher.ask(rng), {"accuracy": accuracy})
        >>> neighbour = searcher.ask(rng)
        >>> searcher.centre.score  # else still 0.5, with seven more neighbours to look at
        0.6
    """

    initial: int = 1
    first: bool = False
    most: int = MOST
    repeats: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("initial", "most"):
            if getattr(self, name) < 1:
                raise SearchError(f"{name} is {getattr(self, name)}; use at least 1")


@dataclass(slots=True)
class LocalSearcher:
    """Climbs from random architectures over those that differ by one decision.

    From a random architecture on, all its neighbours (see `jarch.search.edits`) are suggested in
    random order; then the climb moves to the best of them, if it is better, and goes on from
    there. Where none is better it ends, and another begins at random. Neighbours that were
    suggested before are left out, so a climb that runs into an earlier one ends there.

    It never waits: when all neighbours are out, it moves to the best that has come back so far. A
    result that comes back after its climb ended counts only where it beats all results before it.

    Attributes:
        space: Where to search.
        config: How a climb goes.
        objective: What is climbed.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.
        where: Which decisions may be changed; by default all.

    Reference:
        White, Nolen and Savani 2020, "Exploring the loss landscape in neural architecture search",
        algorithm 1.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 9, name="width")))
        >>> searcher, rng = ja.LocalSearcher(space), np.random.default_rng(0)
        >>> first = searcher.ask(rng)
        >>> searcher.tell(first, {"accuracy": 0.5})
        >>> neighbour = searcher.ask(rng)
        >>> searcher.centre.architecture == first.architecture
        True
    """

    space: Space
    config: LocalSearchConfig = field(default_factory=LocalSearchConfig)
    objective: Objective = field(default_factory=Objective, kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    where: Where = field(default=anywhere, kw_only=True)
    _gate: Gate = field(init=False, repr=False)
    _starts: int = field(init=False, repr=False)
    _climb: set[str] = field(init=False, default_factory=set[str], repr=False)
    _centre: Scored | None = field(init=False, default=None, repr=False)
    _next: Scored | None = field(init=False, default=None, repr=False)
    _queue: list[tuple[str, Any]] = field(init=False, repr=False)
    _best: float | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        """Begin before the first climb."""
        check_where(self.space, self.where)
        self._gate = Gate(self.space, self.constraint, self.config.repeats)
        self._restart()

    @property
    def centre(self) -> Scored | None:
        """Where the climb is; None until it has begun."""
        return self._centre

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return a neighbour of where the climb is, or where another climb begins.

        Raises:
            SpaceExhausted: Nothing new is left.
            SearchError: Nothing at all is valid and allowed.
        """
        while not self._starts:
            suggestion = self._neighbour(rng)
            if suggestion is not None:
                break
            if not self._move(rng):
                self._restart()
        else:
            self._starts -= 1
            suggestion = self._gate.draw(rng)
        self._climb.add(suggestion.fingerprint)
        return suggestion

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Remember the result where it is the best that the climb could move to."""
        score = self.objective.of(metrics)
        if not self._gate.takes(suggestion) or score is None:
            return
        record = self._best is None or self.objective.better(score, self._best)
        if record:
            self._best = score
        if (record or suggestion.fingerprint in self._climb) and self._improves(score):
            self._next = Scored(suggestion.architecture, score)
            if self.config.first and self._centre is not None:
                self._queue.clear()

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objective."""
        return {"name": "local", **self.objective.options(), **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, and where the climb is."""
        return {
            **self._gate.state(),
            "starts": self._starts,
            "climb": sorted(self._climb),
            "centre": None if self._centre is None else self._centre.to_data(self.space),
            "next": None if self._next is None else self._next.to_data(self.space),
            "queue": [[key, value] for key, value in self._queue],
            "best": self._best,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with the climb of a state."""
        self._gate.restore_state(state)
        self._starts = state["starts"]
        self._climb = set(state["climb"])
        centre, following = state["centre"], state["next"]
        self._centre = None if centre is None else Scored.from_data(self.space, centre)
        self._next = None if following is None else Scored.from_data(self.space, following)
        self._queue = [(key, as_constant(value, key)) for key, value in state["queue"]]
        self._best = state["best"]

    def _improves(self, score: float) -> bool:
        """Say whether a score is better than where the climb is, and where it would move to."""
        rivals = [scored.score for scored in (self._centre, self._next) if scored is not None]
        return all(self.objective.better(score, rival) for rival in rivals)

    def _neighbour(self, rng: np.random.Generator) -> Suggestion | None:
        """Return the next neighbour that is valid and new; None when all are suggested."""
        if self._centre is None:
            return None
        centre = self._centre.architecture
        while self._queue:
            key, value = self._queue.pop()
            suggestion = self._gate.admit(with_changes, self.space, centre, {key: value}, rng)
            if suggestion is not None:
                return suggestion
        return None

    def _move(self, rng: np.random.Generator) -> bool:
        """Move to the best known neighbour, if it is better than where the climb is."""
        if self._next is None:
            return False
        self._centre, self._next = self._next, None
        found = moves(
            self.space, self._centre.architecture, rng, where=self.where, most=self.config.most
        )
        self._queue = [found[int(i)] for i in rng.permutation(len(found))]
        return True

    def _restart(self) -> None:
        self._starts = self.config.initial
        self._climb.clear()
        self._centre = self._next = None
        self._queue = []
