"""All searchers: what they promise alike, and what each does by its paper."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import settings

import jarch as ja
from jarch import nn
from jarch.cli.searching import SearcherName
from jarch.ir import Constant
from jarch.search import (
    SEARCHERS,
    Constraint,
    EvolutionConfig,
    EvolutionSearcher,
    ExhaustiveSearcher,
    LocalSearchConfig,
    LocalSearcher,
    MctsConfig,
    MctsSearcher,
    Objective,
    RandomSearcher,
    Searcher,
    SearchError,
    SpaceExhausted,
    Suggestion,
    make_searcher,
    run_search,
    tree,
)
from jarch.search.scored import Scored
from jarch.testing import check_searcher

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere, on the same spaces

ROOT = Path(ja.__file__).parent.parent
BY_RIDGE = {"surrogate": "ridge", "surrogate_options": dict[str, Any]()}
CONFIGS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "random": ("random", {}),
    "uniform": ("random", {"uniform": True}),
    "quasi random": ("quasi_random", {}),
    "exhaustive": ("exhaustive", {}),
    "evolution": ("evolution", {"population": 4, "sample": 2}),
    "plain evolution": ("evolution", {"population": 3, "sample": 2, "aging": False, "rate": 0.3}),
    "crossover": ("evolution", {"population": 5, "sample": 3, "crossover": 0.7, "points": 1}),
    "local": ("local", {}),
    "local, first": ("local", {"first": True, "initial": 3, "most": 2}),
    "mcts": ("mcts", {"exploration": 0.3}),
    "mcts, bisection": ("mcts_bisection", {"exploration": 0.3}),
    "nsga2": ("nsga2", {"population": 4}),
    "nsga3": ("nsga3", {"population": 4, "divisions": 3}),
    "front local": ("front_local", {"most": 5}),
    "hyperband": ("hyperband", {"maximum": 4, "eta": 2}),
    "successive halving": ("successive_halving", {"maximum": 4, "eta": 2}),
    "successive narrowing": ("successive_narrowing", {"candidates": 6, "maximum": 4}),
    "hyperband, overdue": ("hyperband", {"maximum": 4, "eta": 2, "overdue": 3}),
    "asha": ("asha", {"maximum": 4, "eta": 2}),
    "asynchronous hyperband": ("async_hyperband", {"maximum": 4, "eta": 2}),
    "asynchronous hyperband, drawn": (
        "async_hyperband",
        {"maximum": 4, "eta": 2, "sampled": True},
    ),
    "bohb": ("bohb", {"maximum": 4, "eta": 2, "min_points": 2, "candidates": 8}),
    "mo_asha": ("mo_asha", {"maximum": 4, "eta": 2}),
    "mo_asha, crowding": ("mo_asha", {"maximum": 4, "eta": 2, "spread": "crowding"}),
    "optuna": ("optuna", {"attempts": 3}),
    "optuna, pruned": ("optuna", {"attempts": 3, "pruner": "median", "maximum": 4, "eta": 2}),
    "smbo": ("smbo", {"surrogate": "ridge", "initial": 3, "candidates": 20}),
    "smbo, tree": (
        "smbo",
        {
            "surrogate": "gp-wl",
            "optimizer": "mcts",
            "acquisition": "confidence_bound",
            "initial": 2,
            "candidates": 20,
            "pending": "worst",
        },
    ),
    "reinforce": ("reinforce", {"units": 4, "batch": 4, "learning_rate": 0.01}),
    "reinforce, no memory": ("reinforce", {"layers": 0, "batch": 2, "learning_rate": 0.1}),
    "ppo": ("ppo", {"units": 4, "batch": 4, "epochs": 2, "learning_rate": 0.01}),
    "parego": ("parego", {"surrogate": "ridge", "initial": 3, "candidates": 20}),
    "bananas": ("bananas", {**BY_RIDGE, "initial": 3, "batch": 3, "candidates": 20}),
    "npenas": ("npenas", {**BY_RIDGE, "initial": 2, "parents": 2, "candidates": 10, "batch": 2}),
    "nasbowl": ("nasbowl", {"surrogate": "gp-wl", "initial": 2, "candidates": 20, "batch": 2}),
}
SEVERAL = ("nsga2", "nsga3", "front_local", "parego", "mo_asha")
"""Those that go for several objectives; the state machine gives them two."""
WIDTHS = [8, 16, 32, 64]


def chain() -> ja.Fragment:
    """Eight decisions among four values: 65,536 architectures."""
    return ja.sequential(*[nn.dense(ja.Discrete(WIDTHS, name="width")) for _ in range(8)])


def matches(architecture: ja.Architecture, seed: int = 0) -> dict[str, float]:
    """Return how much of a hidden architecture was found; matches in a row count more."""
    hidden = [WIDTHS[(i * i + i // 2) % 4] for i in range(8)]
    same = [a == b for a, b in zip(architecture.values, hidden, strict=True)]
    rows = sum(a and b for a, b in pairwise(same))
    return {"accuracy": (sum(same) + rows) / 15, "loss": -(sum(same) + rows) / 15}


def two_steps() -> ja.Fragment:
    """A side of two, then a width of three: six architectures."""

    def pick(side: str) -> ja.Fragment:
        return nn.dense(ja.Discrete([1, 2, 3], name="width"), use_bias=side == "left")

    side = ja.Discrete(["left", "right"], name="side")
    return ja.substitution(pick, {"side": side}, name="pick")


def ask_all(searcher: Searcher, rng: np.random.Generator) -> list[Suggestion]:
    """Ask until the space is exhausted; tell nothing."""
    found: list[Suggestion] = []
    while True:
        try:
            found.append(searcher.ask(rng))
        except SpaceExhausted:
            return found


def copy(searcher: Searcher, make: Callable[[], Searcher]) -> Searcher:
    """Return a new searcher in the state of another, by way of JSON."""
    new = make()
    new.restore(json.loads(json.dumps(searcher.state(), allow_nan=False)))
    return new


class AtAnyFidelity:
    """An evaluator whose metrics are the same at every fidelity."""

    def __init__(self, evaluate: Callable[[ja.Architecture, int], Mapping[str, float]]) -> None:
        self._evaluate = evaluate

    def __call__(self, architecture: ja.Architecture, seed: int) -> Mapping[str, float]:
        return self._evaluate(architecture, seed)

    def at(
        self, architecture: ja.Architecture, seed: int, fidelity: int, trial: int | None
    ) -> Mapping[str, float]:
        return self._evaluate(architecture, seed)


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_searcher_goes_on_from_any_state(kind: str) -> None:
    name, options = CONFIGS[kind]

    def make(space: ja.Space, objective: Objective, constraint: Constraint) -> Searcher:
        second = (Objective("other"),) if name in SEVERAL else ()
        return make_searcher(
            name, space, options, objectives=(objective, *second), constraint=constraint
        )

    profile = settings.get_profile(settings.get_current_profile_name())
    check_searcher(make, examples=profile.max_examples // 5)


ELSEWHERE = """
import json, sys
import numpy as np
import jarch as ja
space = ja.trace(ja.spaces.digits_conv)
for name, options, state in json.load(sys.stdin):
    searcher = ja.make_searcher(name, space, options)
    searcher.restore(state)
    print(*[searcher.ask(np.random.default_rng(seed)).fingerprint for seed in range(5)])
"""


def test_a_searcher_goes_on_in_another_process() -> None:
    space = ja.trace(ja.spaces.digits_conv)
    states: list[str] = []
    expected: list[str] = []
    for name, options in CONFIGS.values():
        searcher = make_searcher(name, space, options)
        for seed in range(20):
            suggestion = searcher.ask(np.random.default_rng(seed))
            searcher.tell(suggestion, {"accuracy": len(suggestion.architecture.nodes) / 50})
        states.append(json.dumps([name, options, searcher.state()]))
        rngs = [np.random.default_rng(seed) for seed in range(5)]
        expected.append(" ".join(searcher.ask(rng).fingerprint for rng in rngs))
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=f"[{', '.join(states)}]",
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"},
    )
    assert done.stdout.splitlines() == expected


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_whole_space_is_found_once_and_in_full(kind: str) -> None:
    name, options = CONFIGS[kind]
    space = ja.trace(ja.spaces.digits_dense)
    expected = {ja.fingerprint(a) for a in ja.enumerate_architectures(space)}
    objective = Objective("parameters", maximize=False)
    searcher = make_searcher(name, space, options, objective=objective)

    def evaluate(architecture: ja.Architecture, seed: int) -> dict[str, int]:
        return {"parameters": ja.analyze(architecture, {"in": (8, 8, 1)}).parameters}

    result = run_search(
        searcher, AtAnyFidelity(evaluate), 10**6, objective="parameters", maximize=False
    )
    found = [(e.fingerprint, e.fidelity) for e in result.evaluations]
    assert len(found) == len(set(found))
    candidates = {e.index if e.trial is None else e.trial: e for e in result.evaluations}
    assert len(candidates) == len(expected)
    assert {e.fingerprint for e in candidates.values()} == expected
    assert result.stopped == "exhausted"


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_space_without_architectures_is_an_error(kind: str) -> None:
    def refuse(width: int) -> int:
        raise ja.InvalidArchitecture(f"{width} will not do")

    def space() -> ja.Fragment:
        width = ja.Discrete([1, 2], name="width")
        return nn.dense(features=ja.Dependent(refuse, {"width": width}, "features"))

    name, options = CONFIGS[kind]
    searcher = make_searcher(name, ja.trace(space), options)
    with pytest.raises(SearchError, match="no architecture is valid and allowed"):
        searcher.ask(np.random.default_rng(0))


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_constraint_that_nothing_satisfies_is_an_error(kind: str) -> None:
    name, options = CONFIGS[kind]
    small = ja.within({"in": (8, 8, 1)}, parameters=3)
    searcher = make_searcher(name, ja.trace(ja.spaces.digits_dense), options, constraint=small)
    with pytest.raises(SearchError, match=r"no architecture.*more than 3\); loosen the constraint"):
        searcher.ask(np.random.default_rng(0))


@pytest.mark.parametrize("kind", CONFIGS)
def test_repeats_where_they_are_wanted(kind: str) -> None:
    name, options = CONFIGS[kind]
    space = ja.trace(two_steps)
    searcher, rng = (
        make_searcher(name, space, {**options, "repeats": True}),
        np.random.default_rng(0),
    )
    for _ in range(6 if name == "exhaustive" else 40):
        searcher.tell(searcher.ask(rng), {"accuracy": float(rng.random())})


@pytest.mark.parametrize(
    "kind", [kind for kind in CONFIGS if kind not in ("exhaustive", "uniform")]
)
def test_real_numbers_can_be_searched(kind: str) -> None:
    def space() -> ja.Fragment:
        rate = ja.Float(0.0, 0.9, name="rate")
        return ja.sequential(nn.dense(ja.Discrete([4, 8], name="width")), nn.dropout(rate))

    name, options = CONFIGS[kind]
    searcher, rng = make_searcher(name, ja.trace(space), options), np.random.default_rng(0)
    for _ in range(30):
        suggestion = searcher.ask(rng)
        searcher.tell(suggestion, {"accuracy": dict(suggestion.architecture.decisions)["rate"]})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "kind",
    [
        "evolution",
        "plain evolution",
        "crossover",
        "local",
        "mcts",
        "mcts, bisection",
        "nsga2",
        "nsga3",
        "front local",
        "hyperband",
        "asha",
        "asynchronous hyperband",
        "successive halving",
        "successive narrowing",
        "bohb",
        "mo_asha",
        "reinforce",
        "ppo",
        "smbo",
        "smbo, tree",
        "bananas",
        "npenas",
        "nasbowl",
    ],
)
def test_less_of_the_opposite_is_more(kind: str) -> None:
    """The direction of an objective mirrors it exactly."""
    name, options = CONFIGS[kind]
    space = ja.trace(chain)
    more = make_searcher(name, space, options, objective=Objective("accuracy"))
    less = make_searcher(name, space, options, objective=Objective("loss", maximize=False))
    for seed in range(80):
        first, second = (s.ask(np.random.default_rng(seed)) for s in (more, less))
        assert first == second
        for searcher in (more, less):
            searcher.tell(first, matches(first.architecture))


@pytest.mark.parametrize(
    "kind",
    ["evolution", "crossover", "local", "mcts", "mcts, bisection", "nsga2", "nsga3", "front local"],
)
def test_searchers_that_learn_beat_chance(kind: str) -> None:
    def mean(name: str, options: Mapping[str, Any]) -> float:
        found: list[float] = []
        for seed in range(8):
            searcher = make_searcher(name, ja.trace(chain), options)
            result = run_search(searcher, AtAnyFidelity(matches), 120, seed)
            assert result.best is not None
            found.append(result.best.metrics["accuracy"] or 0.0)
        return float(np.mean(found))

    name, options = CONFIGS[kind]
    if name == "evolution":
        options = {**options, "population": 16, "sample": 8}
    chance = mean("random", {})
    assert mean(name, options) > chance + 0.1


def test_the_command_line_knows_all_searchers() -> None:
    assert get_args(SearcherName) == SEARCHERS


def test_wrong_names_and_options_say_what_is_right() -> None:
    space = ja.trace(two_steps)
    with pytest.raises(SearchError, match="'annealing' is none of random, exhaustive, evolution"):
        make_searcher("annealing", space)
    with pytest.raises(SearchError, match="local has no option population; it has initial, first"):
        make_searcher("local", space, {"population": 3})
    with pytest.raises(SearchError, match="population is 0; use at least 1"):
        make_searcher("evolution", space, {"population": 0})
    with pytest.raises(SearchError, match=r"crossover is 2; a probability is in 0\.\.1"):
        make_searcher("evolution", space, {"crossover": 2})
    with pytest.raises(SearchError, match="searcher evolution: "):
        make_searcher("evolution", space, {"population": "many"})
    with pytest.raises(SearchError, match="exploration is -1"):
        make_searcher("mcts", space, {"exploration": -1})
    with pytest.raises(SearchError, match="loss is to be minimised: use scaled=True"):
        make_searcher("mcts", space, {"scaled": False}, objective=Objective("loss", maximize=False))
    with pytest.raises(SearchError, match="initial is 0"):
        make_searcher("local", space, {"initial": 0})


def test_the_search_and_its_searcher_are_after_the_same() -> None:
    searcher = LocalSearcher(ja.trace(two_steps), objective=Objective("loss", maximize=False))
    with pytest.raises(SearchError, match=r"learns from 'loss' \(maximize=False\)"):
        run_search(searcher, matches)
    with pytest.raises(SearchError, match=r"compares by 'loss' \(maximize=True\)"):
        run_search(searcher, matches, objective="loss")


# Exhaustive


def test_exhaustive_search_goes_in_the_order_of_the_enumeration() -> None:
    space = ja.trace(two_steps)
    found = [s.architecture for s in ask_all(ExhaustiveSearcher(space), np.random.default_rng(0))]
    assert found == list(ja.enumerate_architectures(space))


def test_exhaustive_search_of_real_numbers_has_no_end() -> None:
    searcher = ExhaustiveSearcher(ja.trace(lambda: nn.dropout(ja.Float(0.0, 0.5))))
    with pytest.raises(ja.SpaceError, match="has no end"):
        searcher.ask(np.random.default_rng(0))


def test_exhaustive_search_of_a_vast_space_begins_at_once() -> None:
    def vast() -> ja.Fragment:
        return ja.sequential(*[nn.dense(ja.Integer(1, 10**9)) for _ in range(50)])

    searcher, rng = ExhaustiveSearcher(ja.trace(vast)), np.random.default_rng(0)
    assert [searcher.ask(rng).architecture.values[-1] for _ in range(3)] == [1, 2, 3]
    again = copy(searcher, lambda: ExhaustiveSearcher(ja.trace(vast)))
    assert again.ask(rng).architecture.values == (1,) * 49 + (4,)


# Evolution


def evolved(config: EvolutionConfig, scores: list[float | None]) -> EvolutionSearcher:
    """Return a searcher that was told these scores in turn."""
    searcher, rng = EvolutionSearcher(ja.trace(chain), config), np.random.default_rng(0)
    for score in scores:
        searcher.tell(searcher.ask(rng), None if score is None else {"accuracy": score})
    return searcher


def test_the_oldest_leaves_the_population_or_the_worst() -> None:
    scores = [0.9, 0.1, None, 0.5, 0.7, 0.2]
    aging = evolved(EvolutionConfig(population=3, sample=2), scores)
    assert [member.score for member in aging.population] == [0.5, 0.7, 0.2]
    plain = evolved(EvolutionConfig(population=3, sample=2, aging=False), scores)
    assert [member.score for member in plain.population] == [0.9, 0.5, 0.7]


def test_a_population_begins_at_random_even_if_nothing_comes_back() -> None:
    config = EvolutionConfig(population=5, sample=2)
    searcher, chance = EvolutionSearcher(ja.trace(chain), config), RandomSearcher(ja.trace(chain))
    for seed in range(12):
        rngs = np.random.default_rng(seed), np.random.default_rng(seed)
        assert searcher.ask(rngs[0]) == chance.ask(rngs[1])


def differences(first: ja.Architecture, second: ja.Architecture) -> int:
    return sum(a != b for a, b in zip(first.values, second.values, strict=True))


def test_children_are_mutations_of_the_best_of_a_large_sample() -> None:
    searcher = evolved(EvolutionConfig(population=6, sample=200), [0.1, 0.4, 0.9, 0.3, 0.2, 0.5])
    best = searcher.population[2].architecture
    rng = np.random.default_rng(1)
    assert {differences(searcher.ask(rng).architecture, best) for _ in range(15)} == {1}


def test_a_sample_of_one_chooses_any_parent() -> None:
    searcher = evolved(EvolutionConfig(population=4, sample=1), [0.1, 0.4, 0.9, 0.3])
    parents, rng = set[int](), np.random.default_rng(1)
    for _ in range(30):
        child = searcher.ask(rng).architecture
        apart = [differences(child, member.architecture) for member in searcher.population]
        parents |= {i for i, number in enumerate(apart) if number == 1}
    assert parents == {0, 1, 2, 3}


def test_only_some_decisions_may_mutate() -> None:
    config = EvolutionConfig(population=1, sample=1)
    space = ja.trace(chain)
    keys = sorted(h.key for h in space.open)[:3]
    searcher = EvolutionSearcher(space, config, where=lambda h: h.key in keys)
    rng = np.random.default_rng(0)
    first = searcher.ask(rng)
    searcher.tell(first, {"accuracy": 0.5})
    before = dict(first.architecture.decisions)
    for _ in range(9):
        now = searcher.ask(rng).architecture.decisions
        assert {key for key, value in now if value != before[key]} < set(keys)


# Local search


def test_a_climb_asks_for_all_neighbours_then_moves_to_the_best() -> None:
    searcher, rng = LocalSearcher(ja.trace(chain)), np.random.default_rng(0)
    start = searcher.ask(rng)
    searcher.tell(start, matches(start.architecture))
    around = [searcher.ask(rng) for _ in range(24)]  # 8 decisions with 3 other values each
    assert {differences(s.architecture, start.architecture) for s in around} == {1}
    for suggestion in around[::-1]:
        searcher.tell(suggestion, matches(suggestion.architecture))
    searcher.ask(rng)
    assert searcher.centre is not None
    assert searcher.centre.score == max(matches(s.architecture)["accuracy"] for s in around)
    assert searcher.centre.score > matches(start.architecture)["accuracy"]


def test_a_climb_ends_at_the_top_and_another_begins() -> None:
    searcher, rng = LocalSearcher(ja.trace(chain)), np.random.default_rng(0)
    centres: list[float] = []
    for _ in range(400):
        suggestion = searcher.ask(rng)
        searcher.tell(suggestion, matches(suggestion.architecture))
        if searcher.centre and (not centres or centres[-1] != searcher.centre.score):
            centres.append(searcher.centre.score)
    assert 1.0 in centres
    top = centres.index(1.0)
    assert centres[: top + 1] == sorted(centres[: top + 1])
    assert centres[top + 1] < 1.0


def test_a_climb_of_first_improvements_moves_at_once() -> None:
    searcher = LocalSearcher(ja.trace(chain), LocalSearchConfig(first=True))
    rng = np.random.default_rng(0)
    searcher.tell(searcher.ask(rng), {"accuracy": 0.5})
    searcher.tell(searcher.ask(rng), {"accuracy": 0.4})
    better = searcher.ask(rng)
    searcher.tell(better, {"accuracy": 0.6})
    assert differences(searcher.ask(rng).architecture, better.architecture) == 1
    assert searcher.centre is not None
    assert searcher.centre.architecture == better.architecture


def ask_and_tell(searcher: Searcher, score: float, times: int = 1) -> None:
    for seed in range(times):
        searcher.tell(searcher.ask(np.random.default_rng(seed)), {"accuracy": score})


def test_a_late_result_counts_where_it_beats_all() -> None:
    searcher, rng = LocalSearcher(ja.trace(chain)), np.random.default_rng(0)
    late = [searcher.ask(rng), searcher.ask(rng)]  # two climbs, since nothing came back
    ask_and_tell(searcher, 0.7)
    ask_and_tell(searcher, 0.1, times=24)
    assert searcher.centre is not None
    assert searcher.centre.score == 0.7
    ask_and_tell(searcher, 0.5)
    searcher.tell(late[0], {"accuracy": 0.6})
    ask_and_tell(searcher, 0.1, times=24)
    assert searcher.centre.score == 0.5
    searcher.ask(rng)
    assert searcher.centre is None  # the climb to 0.6 had ended, and 0.7 is known
    searcher.tell(late[1], {"accuracy": 0.9})
    searcher.ask(rng)
    assert searcher.centre == Scored(late[1].architecture, 0.9)


# Monte Carlo tree search


def test_uct_by_hand() -> None:
    """Rewards of 0.9 and 0.1: after each was tried once, the bounds choose as follows.

    0.9 + sqrt(2 ln 2 / 1) > 0.1 + sqrt(2 ln 2 / 1): the first;
    0.9 + sqrt(2 ln 3 / 2) = 1.948 > 0.1 + sqrt(2 ln 3) = 1.582: the first;
    0.9 + sqrt(2 ln 4 / 3) = 1.861 > 0.1 + sqrt(2 ln 4) = 1.765: the first;
    0.9 + sqrt(2 ln 5 / 4) = 1.797 < 0.1 + sqrt(2 ln 5) = 1.894: the second.
    """
    space = ja.trace(lambda: nn.dense(ja.Discrete([8, 16], name="width")))
    searcher = MctsSearcher(space, MctsConfig(exploration=1.0, scaled=False, repeats=True))
    rng, chosen = np.random.default_rng(0), list[Constant]()
    for _ in range(6):
        suggestion = searcher.ask(rng)
        (width,) = suggestion.architecture.values
        searcher.tell(suggestion, {"accuracy": 0.9 if width == 8 else 0.1})
        chosen.append(width)
    assert set(chosen[:2]) == {8, 16}
    assert chosen[2:] == [8, 8, 8, 16]


def test_statistics_of_the_tree_by_hand() -> None:
    """The first walk grows the root's children and ends in one; the others grow one level more."""
    searcher, rng = MctsSearcher(ja.trace(two_steps)), np.random.default_rng(0)
    rewards: dict[Constant, list[float]] = {"left": [], "right": []}
    for i in range(5):
        suggestion = searcher.ask(rng)
        side = suggestion.architecture.values[0]
        rewards[side].append(i / 10)
        searcher.tell(suggestion, {"accuracy": i / 10})
    root = searcher.root
    assert (root.visits, root.told, root.failed) == (5, 5, 0)
    assert root.total == pytest.approx(1.0)
    assert root.children is not None
    below: list[int] = []
    for child, side in zip(root.children, ["left", "right"], strict=True):
        assert (child.visits, child.told) == (len(rewards[side]),) * 2
        assert child.total == pytest.approx(sum(rewards[side]))
        assert child.mean(0.0) == pytest.approx(np.mean(rewards[side]))
        assert child.children is not None
        below += [grandchild.visits for grandchild in child.children]
    assert sum(below) == root.visits - 1
    assert max(below) == 1


def test_what_is_out_counts_as_a_visit_and_failures_as_the_worst() -> None:
    searcher, rng = MctsSearcher(ja.trace(two_steps)), np.random.default_rng(0)
    out = [searcher.ask(rng) for _ in range(4)]
    assert (searcher.root.visits, searcher.root.told) == (4, 0)
    searcher.tell(out[1], None)
    searcher.tell(out[0], {"accuracy": 0.2})
    searcher.tell(out[3], {"accuracy": 0.8})
    assert (searcher.root.told, searcher.root.failed) == (3, 1)
    assert searcher.root.mean(0.2) == pytest.approx((0.2 + 0.2 + 0.8) / 3)
    searcher.tell(out[1], {"accuracy": 9.0})  # told twice: the second time is ignored
    assert searcher.root.told == 3


def test_failures_steer_away() -> None:
    searcher = MctsSearcher(ja.trace(chain), MctsConfig(exploration=0.2))
    rng, failed = np.random.default_rng(0), 0
    for _ in range(200):
        suggestion = searcher.ask(rng)
        bad = suggestion.architecture.values[0] != 8
        failed += bad
        searcher.tell(suggestion, None if bad else {"accuracy": 0.5 + rng.random() / 10})
    assert failed < 40


def test_nothing_is_replayed_from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(space: ja.Space, value: object) -> ja.Space:
        calls.append(len(space.decisions))
        return ja.assign(space, value)

    monkeypatch.setattr(tree, "assign", counted)
    searcher, rng = MctsSearcher(ja.trace(chain)), np.random.default_rng(0)
    for _ in range(200):
        suggestion = searcher.ask(rng)
        before = len(calls)
        searcher.tell(suggestion, matches(suggestion.architecture))
        assert len(calls) == before
    assert len(calls) <= 400  # at most two transitions for each walk: into a leaf, and below it
    assert calls.count(0) == len(WIDTHS)


def test_a_deep_tree_can_be_saved() -> None:
    def deep() -> ja.Fragment:
        layers = [nn.dense(ja.Discrete([8], name="width")) for _ in range(1500)]
        return ja.sequential(*layers, nn.dense(ja.Discrete(range(1, 5000), name="last")))

    space = ja.trace(deep)
    root = tree.Node(space=space)
    node = root
    for _ in range(1500):
        node.children = [tree.Node(visits=1)]
        node = node.children[0]
    rows = json.loads(json.dumps(tree.to_rows(root)))
    assert tree.to_rows(tree.from_rows(space, rows)) == rows
