"""All searchers: what they promise alike."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import settings

import jarch as ja
from jarch import nn
from jarch.cli.searching import SearcherName
from jarch.search import (
    SEARCHERS,
    Constraint,
    LocalSearcher,
    Objective,
    Searcher,
    SearchError,
    Where,
    make_searcher,
    run_search,
)
from jarch.search.catalogue import option_names, random_at_first
from jarch.testing import check_searcher

from .searched_spaces import chain, matches, two_steps

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
for kept in json.load(sys.stdin):
    searcher = ja.search.from_state(space, **kept)
    print(*[searcher.ask(np.random.default_rng(seed)).fingerprint for seed in range(3)])
"""


def test_a_searcher_goes_on_in_another_process() -> None:
    space = ja.trace(ja.spaces.digits_conv)
    states: list[str] = []
    expected: list[str] = []
    for name, options in CONFIGS.values():
        several = Objective("accuracy"), Objective("loss", maximize=False)
        objectives = several if name in SEVERAL else several[:1]
        searcher = make_searcher(name, space, options, objectives=objectives)
        for seed in range(12):
            suggestion = searcher.ask(np.random.default_rng(seed))
            size = len(suggestion.architecture.nodes)
            searcher.tell(suggestion, {"accuracy": size / 50, "loss": (size - 12) ** 2})
        states.append(json.dumps({"options": searcher.options(), "state": searcher.state()}))
        rngs = [np.random.default_rng(seed) for seed in range(3)]
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
        "optuna",
        "optuna, pruned",
        "parego",
    ],
)
def test_less_of_the_opposite_is_more(kind: str) -> None:
    """The direction of an objective mirrors it exactly."""
    name, options = CONFIGS[kind]
    space = ja.trace(chain)
    more = make_searcher(name, space, options, objective=Objective("accuracy"))
    less = make_searcher(name, space, options, objective=Objective("loss", maximize=False))
    for seed in range(40):
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


@pytest.mark.parametrize("kind", ["evolution", "local", "mcts", "nsga2", "hyperband", "nasbowl"])
def test_numbers_of_numpy_leave_a_state_for_json(kind: str) -> None:
    name, options = CONFIGS[kind]
    searcher, rng = make_searcher(name, ja.trace(chain), options), np.random.default_rng(0)
    for score in (np.float32(0.5), np.int64(1), np.float64(np.nan)):
        searcher.tell(searcher.ask(rng), {"accuracy": score})  # type: ignore[dict-item]
    assert "0.5" in json.dumps(searcher.state(), allow_nan=False)


@pytest.mark.parametrize(
    "kind", ["evolution", "local", "nsga2", "nsga3", "front local", "bananas", "parego"]
)
def test_where_nothing_may_be_changed_is_an_error(kind: str) -> None:
    """It would be a random search."""

    def only(key: str) -> Where:
        return lambda hyperparameter: hyperparameter.key == key

    name, options = CONFIGS[kind]
    made: Any = make_searcher(name, ja.trace(two_steps), options)
    assert replace(made, where=only("side")).ask(np.random.default_rng(0))
    with pytest.raises(SearchError, match=r"where allows no decision to be changed.*side"):
        replace(made, where=only("sides"))


def test_where_there_is_nothing_to_decide_where_does_not_matter() -> None:
    searcher = ja.EvolutionSearcher(ja.trace(ja.identity), where=lambda h: False)
    assert searcher.ask(np.random.default_rng(0)).architecture.values == ()


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
    with pytest.raises(SearchError, match="exploration is -1"):
        make_searcher("mcts", space, {"exploration": -1})
    with pytest.raises(SearchError, match="loss is to be minimised: use scaled=True"):
        make_searcher("mcts", space, {"scaled": False}, objective=Objective("loss", maximize=False))
    with pytest.raises(SearchError, match="initial is 0"):
        make_searcher("local", space, {"initial": 0})


@pytest.mark.parametrize(
    ("name", "option", "value", "remedy"),
    [
        ("evolution", "population", "many", "a whole number"),
        ("evolution", "population", None, "a whole number"),
        ("evolution", "population", True, "a whole number"),
        ("nsga2", "population", 2.5, "a whole number"),
        ("nsga3", "population", "40", "a whole number or None"),
        ("hyperband", "overdue", math.inf, "a whole number or None"),
        ("random", "repeats", "false", "True or False"),
        ("evolution", "aging", 1, "True or False"),
        ("mcts", "exploration", math.nan, "a finite number"),
        ("evolution", "rate", "half", "a finite number or None"),
        ("smbo", "surrogate", 3, "a text"),
        ("bohb", "surrogate", ["gp-wl"], "a text or None"),
        ("smbo", "pending", "hope", "one of believe, worst, ignore"),
        ("mo_asha", "spread", None, "one of epsilon_net, crowding"),
        ("optuna", "pruner_arguments", 3, "a mapping from names to values"),
        ("parego", "surrogate_options", {1: 2}, "a mapping from names to values"),
    ],
)
def test_an_option_of_another_type_is_refused(
    name: str, option: str, value: object, remedy: str
) -> None:
    with pytest.raises(SearchError) as error:
        make_searcher(name, ja.trace(two_steps), {option: value})
    assert str(error.value) == f"searcher {name}: {option} is {value!r}; use {remedy}"


def test_numbers_take_the_type_of_their_option() -> None:
    given = {"population": 1e1, "sample": np.int64(3), "rate": 1, "crossover": np.float32(0.5)}
    found = make_searcher("evolution", ja.trace(two_steps), given).options()
    expected = {"population": 10, "sample": 3, "rate": 1, "crossover": 0.5}
    assert {name: found[name] for name in given} == expected
    assert isinstance(found["population"], int)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("name", SEARCHERS)
def test_the_options_of_a_searcher_make_it_again(name: str) -> None:
    """Each field is of a type that options are held against, and its default is of that type."""
    made = make_searcher(name, ja.trace(two_steps)).options()
    given = json.loads(json.dumps({option: made[option] for option in option_names(name)}))
    assert make_searcher(name, ja.trace(two_steps), given).options() == made


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("nsga2", {"population": 6}, ("population", 6)),
        ("nsga3", {}, ("population", 40)),
        ("bananas", {"batch": 3}, ("initial", 10)),
        ("ppo", {}, ("batch", 20)),
        ("front_local", {}, ("initial", 1)),
        ("parego", {}, None),  # it follows from the space
        ("random", {}, None),
        ("asha", {}, None),
    ],
)
def test_it_is_known_how_many_suggestions_are_random(
    name: str, options: Mapping[str, Any], expected: tuple[str, int] | None
) -> None:
    objectives = [Objective(text) for text in ("a", "b")][: 1 + (name in SEVERAL)]
    made = make_searcher(name, ja.trace(two_steps), options, objectives=objectives)
    assert random_at_first(made) == expected


def test_the_search_and_its_searcher_are_after_the_same() -> None:
    searcher = LocalSearcher(ja.trace(two_steps), objective=Objective("loss", maximize=False))
    with pytest.raises(SearchError, match=r"learns from 'loss' \(maximize=False\)"):
        run_search(searcher, matches)
    with pytest.raises(SearchError, match=r"compares by 'loss' \(maximize=True\)"):
        run_search(searcher, matches, objective="loss")
