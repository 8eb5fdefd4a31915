"""Local search: where a climb goes, ends and begins again."""

from collections.abc import Callable
from typing import cast

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.ir import FloatDomain, IntegerDomain
from jarch.search import LocalSearchConfig, LocalSearcher, Searcher, make_searcher
from jarch.search.scored import Scored
from jarch.search.units import to_unit

from .searched_spaces import chain, differences, matches

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere, on the same spaces


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


def rates() -> ja.Fragment:
    return ja.sequential(*[nn.dropout(ja.Float(0.0, 0.9, name="rate")) for _ in range(4)])


def widths() -> ja.Fragment:
    return ja.sequential(*[nn.dense(ja.Integer(1, 512, name="width")) for _ in range(4)])


LOSS = ja.Objective("loss", maximize=False)
RANGES = [(rates, FloatDomain(0.0, 0.9)), (widths, IntegerDomain(1, 512))]


@pytest.mark.parametrize(("fragment", "domain"), RANGES, ids=["rates", "widths"])
@pytest.mark.parametrize("name", ["local", "front_local"])
def test_climbs_over_ranges_are_better_than_chance(
    name: str, fragment: Callable[[], ja.Fragment], domain: FloatDomain | IntegerDomain
) -> None:
    """A third of the way into each of four ranges is best."""

    def away(architecture: ja.Architecture, seed: int) -> dict[str, float]:
        units = [to_unit(domain, value) for value in architecture.values]
        return {"loss": sum((unit - 1 / 3) ** 2 for unit in units)}

    def found(name: str) -> float:
        """Return the mean over some seeds of the best of a hundred."""
        losses: list[float] = []
        for seed in range(5):
            searcher = make_searcher(name, ja.trace(fragment), objective=LOSS)
            result = ja.run_search(searcher, away, 100, seed, objective="loss", maximize=False)
            assert result.best is not None
            losses.append(cast(float, result.best.metrics["loss"]))
        return float(np.mean(losses))

    assert found(name) < 0.6 * found("random")
