"""MO-ASHA: the order of a rung by hand, promotions, and fronts of the highest fidelity."""

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.search import Objective, SearchError, WithFidelity, run_search
from jarch.search.multi_objective import (
    MoAshaConfig,
    MoAshaSearcher,
    evaluations_hypervolume,
    pareto_front,
)
from jarch.search.multi_objective.mo_asha import Spread, epsilon_net, order_by_fronts

pytestmark = pytest.mark.unverified

SPACE = ja.trace(lambda: nn.dense(ja.Integer(1, 10_000, name="width")))
ACCURACY, SIZE = Objective("accuracy"), Objective("size", maximize=False)


def test_an_epsilon_net_goes_to_what_is_farthest() -> None:
    """On a line of a front: the best in the first objective, the other end, then the gaps."""
    front = [[float(x), 10.0 - x] for x in (0, 1, 2, 6, 10)]
    assert epsilon_net(front) == [0, 4, 3, 2, 1]
    scaled = [[x, 1000 * y] for x, y in front]
    assert epsilon_net(scaled) == [0, 4, 3, 2, 1]
    assert epsilon_net([[1.0, 1.0]] * 3) == [0, 1, 2]
    assert epsilon_net(np.empty((0, 2))) == []


@pytest.mark.parametrize("spread", ["epsilon_net", "crowding"])
def test_fronts_come_one_after_another(spread: Spread) -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((30, 2))
    order = order_by_fronts(scores, (ACCURACY, SIZE), spread)
    assert sorted(order) == list(range(30))
    seen: list[int] = []
    for place in order:
        better = (scores[:, 0] >= scores[place, 0]) & (scores[:, 1] <= scores[place, 1])
        better[place] = False
        assert set(np.flatnonzero(better)) <= set(seen)
        seen.append(place)


def test_a_front_is_ordered_by_crowding_when_asked() -> None:
    scores = [[0.0, 0.0], [1.0, 1.0], [1.5, 1.5], [4.0, 4.0], [5.0, 5.0]]
    order = order_by_fronts(scores, (ACCURACY, SIZE), "crowding")
    assert order == [0, 4, 3, 2, 1]  # both ends, then those with 3.5, 3 and 1.5 around them


def asked(searcher: MoAshaSearcher, number: int) -> list[ja.Suggestion]:
    rng = np.random.default_rng(0)
    return [searcher.ask(rng) for _ in range(number)]


def test_promotions_of_a_rung_by_hand() -> None:
    """Of six, two go on: both of the ends of the first front; what has one score only failed."""
    searcher = MoAshaSearcher(SPACE, MoAshaConfig(9, eta=3), objectives=(ACCURACY, SIZE))
    begun = asked(searcher, 6)
    scores = [(0.9, 50.0), (0.5, 10.0), (0.7, 20.0), (0.4, 60.0), (0.6, 90.0)]
    for suggestion, (accuracy, size) in zip(begun[:5], scores, strict=True):
        searcher.tell(suggestion, {"accuracy": accuracy, "size": size})
    searcher.tell(begun[5], {"accuracy": 1.0})
    assert list(searcher.ongoing()) == [0, 1, 2, 4, 3]
    following = asked(searcher, 3)
    assert [(s.trial, s.fidelity) for s in following] == [(0, 3), (1, 3), (6, 1)]


def test_one_objective_is_asha() -> None:
    config = {"maximum": 9, "eta": 3}
    several = ja.make_searcher("mo_asha", SPACE, config, objectives=[ACCURACY])
    one = ja.make_searcher("asha", SPACE, config, objective=ACCURACY)
    for seed in range(60):
        first, second = (s.ask(np.random.default_rng(seed)) for s in (several, one))
        assert first == second
        value = first.architecture.values[0]
        assert isinstance(value, int)
        for searcher in (several, one):
            searcher.tell(first, {"accuracy": float(value % 100)})


def test_the_front_is_that_of_the_highest_fidelity() -> None:
    """Short trainings here look better than they are, and would be the front."""

    def evaluate(architecture: ja.Architecture, seed: int, fidelity: int) -> dict[str, float]:
        value = architecture.values[0]
        assert isinstance(value, int)
        return {"accuracy": 1 - 1 / value - fidelity / 100, "size": value}

    objectives = ACCURACY, SIZE
    searcher = MoAshaSearcher(SPACE, MoAshaConfig(9, eta=3), objectives=objectives)
    found = run_search(searcher, WithFidelity(evaluate, full=9), 60)
    front = pareto_front(found.evaluations, objectives)
    assert len(front) > 1
    assert {e.fidelity for e in front} == {9}
    curve = evaluations_hypervolume(found.evaluations, objectives, (0.0, 10_000.0))
    first = next(e.index for e in found.evaluations if e.fidelity == 9)
    assert curve[first - 1] == 0 < curve[first]


def test_wrong_options_say_what_is_right() -> None:
    with pytest.raises(SearchError, match="spread 'random' is none of epsilon_net, crowding"):
        MoAshaConfig(spread="random")  # type: ignore[arg-type]
    with pytest.raises(SearchError, match="eta is 1"):
        MoAshaConfig(eta=1)
    with pytest.raises(SearchError, match="named twice"):
        MoAshaSearcher(SPACE, objectives=(SIZE, SIZE))
