"""Monte Carlo tree search with UCT over the decisions of a space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from jarch.ir import InvalidArchitecture, Space

from .constraints import Constraint
from .fences import FencedScores
from .gate import Gate
from .objective import Objective
from .searcher import Metrics, SearchError, Suggestion
from .tree import Node, branches, close, complete_below, enter, from_rows, plant, to_rows, uct, way

ATTEMPTS = 200  # walks in a row that give nothing new, after which one is drawn at random


@dataclass(frozen=True, slots=True)
class MctsConfig:
    """How the tree is walked; the defaults are those of DeepArchitect.

    Attributes:
        exploration: The factor c of the bound mean + c * sqrt(2 * ln(N) / n).
        scaled: Stretch means so that the worst score told is 0 and the best is 1, in which case
            `exploration` does not depend on the objective and its direction. What lies beyond the
            outer fence counts like the worst within it; see `fenced`. Else scores stand as they
            are, as in the original, which maximises accuracies; only to maximise.
        repeats: Suggest equal models more than once.
        bisection: Choose among ordered values by halving them again and again, so that neighbours
            share statistics.

    Raises:
        SearchError: The exploration is negative.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Discrete([8, 16], name="width")))
        >>> searcher = ja.MctsSearcher(space, ja.MctsConfig(exploration=0.0, repeats=True))
        >>> rng = np.random.default_rng(0)
        >>> for _ in range(2):
        ...     suggestion = searcher.ask(rng)
        ...     searcher.tell(suggestion, {"accuracy": suggestion.architecture.values[0]})
        >>> [searcher.ask(rng).architecture.values for _ in range(3)]  # the best and nothing else
        [(16,), (16,), (16,)]
    """

    exploration: float = 1.0
    scaled: bool = True
    repeats: bool = False
    bisection: bool = False

    def __post_init__(self) -> None:
        """Check the exploration."""
        if not self.exploration >= 0:
            raise SearchError(f"exploration is {self.exploration}; use 0 or more")


@dataclass(frozen=True, slots=True)
class BisectionMctsConfig(MctsConfig):
    """The same with bisection.

    Attributes:
        bisection: See `MctsConfig`.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> space = ja.trace(lambda: ja.nn.dense(ja.Integer(1, 64, name="width")))
        >>> for name in ("mcts", "mcts_bisection"):
        ...     searcher = ja.make_searcher(name, space)
        ...     suggestion = searcher.ask(np.random.default_rng(0))
        ...     print(name, len(searcher.root.children))
        mcts 64
        mcts_bisection 2
    """

    bisection: bool = True


@dataclass(slots=True)
class MctsSearcher:
    """Grows a tree of decisions where results are good, and draws the rest of each way.

    Each suggestion is a walk from the root: as long as the tree has grown, to the child of the
    highest bound, those never visited first; at the first leaf it grows children, one of which is
    entered at random; from there on each decision is drawn uniformly. Results are added to all
    nodes of the walk. The tree holds the spaces that it has reached, so a step costs what one
    transition does.

    Suggestions that have not come back count as visits, not in the mean (Liu et al. 2020); of a
    node without a result, the mean is its parent's. A failure counts like the worst score told, and
    so does a score beyond the outer fence of all (see `jarch.search.fences`), such as a loss that
    diverged. Where the fence is shows as scores come in: they are added up anew each time that
    their number has doubled.
    What has been suggested in full is closed and not entered again. The tree does not branch at
    real numbers and domains of more than 1,000 values; they and all after them are drawn.

    With `bisection` numbers in order (`Integer`, `Float`, and `Discrete` of numbers that ascend or
    descend) are halved until one is left, integers with `log` by their logarithm; real numbers ten
    times, and within the 1,024th part of the range that is left they are drawn, and all after them.

    Attributes:
        space: Where to search.
        config: How the tree is walked.
        objective: What the means are of.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest.

    Raises:
        SearchError: Scores as they are, of an objective to minimise.

    Reference:
        Negrinho and Gordon 2017, "DeepArchitect: automatically designing and training deep
        architectures", section 5.2. Kocsis and Szepesvári 2006, "Bandit based Monte-Carlo
        planning". Liu et al. 2020, "Watch the unobserved", ICLR.

    Example:
        >>> import jarch as ja
        >>> import numpy as np
        >>> searcher = ja.MctsSearcher(ja.trace(ja.spaces.digits_dense))
        >>> rng = np.random.default_rng(0)
        >>> for _ in range(5):
        ...     suggestion = searcher.ask(rng)
        ...     searcher.tell(suggestion, {"accuracy": 0.5})
        >>> searcher.root.visits, searcher.root.total
        (5, 2.5)
    """

    space: Space
    config: MctsConfig = field(default_factory=MctsConfig)
    objective: Objective = field(default_factory=Objective, kw_only=True)
    constraint: Constraint | None = field(default=None, kw_only=True)
    root: Node = field(init=False, repr=False)
    _gate: Gate = field(init=False, repr=False)
    _scores: FencedScores = field(init=False, repr=False)
    _told: list[tuple[list[int], float]] = field(
        init=False, default_factory=list[tuple[list[int], float]], repr=False
    )
    _out: dict[str, list[list[int]]] = field(
        init=False, default_factory=dict[str, list[list[int]]], repr=False
    )

    def __post_init__(self) -> None:
        """Begin with the root."""
        if not self.config.scaled and not self.objective.maximize:
            raise SearchError(f"{self.objective.name} is to be minimised: use scaled=True")
        self._gate = Gate(self.space, self.constraint, self.config.repeats)
        self._scores = FencedScores(self.objective.maximize, self.config.scaled)
        self.root = plant(self.space, self.config.bisection)

    def ask(self, rng: np.random.Generator) -> Suggestion:
        """Return where a walk through the tree and beyond it leads.

        Raises:
            SpaceExhausted: Nothing new is left.
            SearchError: Nothing at all is valid and allowed.
        """
        for _ in range(ATTEMPTS):
            if self.root.closed:
                break
            indices: list[int] = []
            suggestion = self._walk(indices, rng)
            if suggestion is not None:
                return self._visit(suggestion, indices)
        suggestion = self._gate.draw(rng)
        return self._visit(
            suggestion, way(self.root, suggestion.architecture, self.config.bisection)
        )

    def tell(self, suggestion: Suggestion, metrics: Metrics | None) -> None:
        """Add the result to all nodes of the walk; what was not suggested has none."""
        self._gate.check(suggestion)
        walks = self._out.get(suggestion.fingerprint)
        if not walks:
            return
        walk = walks.pop(0)
        if not walks:
            del self._out[suggestion.fingerprint]
        score = self.objective.of(metrics)
        for node in self._path(walk):
            node.told += 1
            node.failed += score is None
        if score is not None:
            self._scores.add(score)
            self._told.append((walk, score))
            number = len(self._told)
            self._back_up(1 if number & (number - 1) else number)

    def _back_up(self, number: int) -> None:
        """Add the last so many scores to the nodes of their walks, those of all of them anew."""
        last = [(self._path(walk), score) for walk, score in self._told[-number:]]
        for node in (node for path, _ in last for node in path if number == len(self._told)):
            node.total = 0.0
        for path, score in last:
            for node in path:
                node.total += self._scores.clip(score)

    def options(self) -> Mapping[str, Any]:
        """Return the configuration and the objective."""
        name = "mcts_bisection" if self.config.bisection else "mcts"
        return {"name": name, **self.objective.options(), **asdict(self.config)}

    def state(self) -> Mapping[str, Any]:
        """Return what was suggested, the statistics of the tree, and the walks that are out."""
        return {
            "seen": list(self._gate.seen),
            "tree": to_rows(self.root),
            "told": [[list(walk), score] for walk, score in self._told],
            "out": {found: [list(w) for w in walks] for found, walks in self._out.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Grow the tree of a state."""
        self._gate.restore(state["seen"])
        self.root = from_rows(self.space, state["tree"], self.config.bisection)
        self._told = [(list(walk), score) for walk, score in state["told"]]
        self._scores.restore(score for _, score in self._told)
        self._out = {found: [list(w) for w in walks] for found, walks in state["out"].items()}

    def _walk(self, indices: list[int], rng: np.random.Generator) -> Suggestion | None:
        """Walk to an architecture; put down the way through the tree; None if it will not do."""
        path = [self.root]
        try:
            self._descend(path, indices, rng)
        except InvalidArchitecture as error:
            self._gate.refuse(error)
            close(path)
            return None
        space = path[-1].space
        assert space is not None
        suggestion = self._gate.admit(complete_below, path[-1], rng)
        if space.next is None and (suggestion is None or not self.config.repeats):
            close(path)
        return suggestion

    def _descend(self, path: list[Node], indices: list[int], rng: np.random.Generator) -> None:
        """Lengthen a path down to a node where the tree grew, or ends."""
        grew = False
        while not grew:
            node = path[-1]
            size = branches(node)
            if not size:
                return
            if node.children is None:
                node.children, grew = [Node() for _ in range(size)], True
            index = self._choose(node, rng)
            indices.append(index)
            path.append(node.children[index])
            enter(node, index, self.config.bisection)

    def _choose(self, node: Node, rng: np.random.Generator) -> int:
        """Return the index of a child never visited, else of the highest bound."""
        children = [(i, c) for i, c in enumerate(node.children or []) if not c.closed]
        chosen = [i for i, child in children if not child.visits]
        if not chosen:
            bounds = {i: self._bound(node, child) for i, child in children}
            highest = max(bounds.values())
            chosen = [i for i, bound in bounds.items() if bound == highest]
        return chosen[int(rng.integers(len(chosen)))]

    def _bound(self, node: Node, child: Node) -> float:
        worst, best = self._scores.worst, self._scores.best
        mean = child.mean(worst)
        if mean is None:
            mean = node.mean(worst)
        if mean is None:
            mean = worst
        if self.config.scaled:
            mean = (mean - worst) / (best - worst) if best != worst else 0.0
        return uct(mean, self.config.exploration, node.visits, child.visits)

    def _visit(self, suggestion: Suggestion, indices: list[int]) -> Suggestion:
        for node in self._path(indices):
            node.visits += 1
        self._out.setdefault(suggestion.fingerprint, []).append(indices)
        return suggestion

    def _path(self, indices: list[int]) -> list[Node]:
        path = [self.root]
        for index in indices:
            children = path[-1].children
            assert children is not None
            path.append(children[index])
        return path
