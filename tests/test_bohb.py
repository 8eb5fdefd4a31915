"""BOHB: its densities by hand, the model by its paper, and that it finds what is good."""

import json
import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pytest
from scipy import stats

import jarch as ja
from jarch import nn
from jarch.ir import DiscreteDomain, FloatDomain, IntegerDomain, PermutationDomain
from jarch.search import SearchError, WithFidelity, run_search
from jarch.search.multi_fidelity import BohbConfig, BohbSearcher
from jarch.search.multi_fidelity.densities import Column, KernelDensity, Point, point_of

pytestmark = pytest.mark.unverified

KIND: Column = "kind", DiscreteDomain(("a", "b", "c"))
RATE: Column = "rate", FloatDomain(0.0, 2.0)
UNITS: Column = "units", IntegerDomain(1, 4)
ORDER: Column = "order", PermutationDomain(3)


def branches() -> ja.Fragment:
    """A branch with a rate, and one with a width."""

    def branch(kind: str) -> ja.Fragment:
        if kind == "drop":
            return nn.dropout(ja.Float(0.0, 0.9, name="rate"))
        return nn.dense(ja.Integer(1, 100, name="width"))

    kind = ja.Discrete(["drop", "dense"], name="kind")
    return ja.sequential(ja.substitution(branch, {"kind": kind}, name="branch"), nn.relu())


def test_a_density_over_a_range_is_that_of_the_reference_rule() -> None:
    """Three points: 1.06 times their standard deviation times n ** (-1 / (4 + d))."""
    units = [0.1, 0.4, 0.5]
    density = KernelDensity([{RATE: 2 * u} for u in units], 1)
    width = 1.06 * float(np.std(units)) * 3 ** (-1 / 5)
    for at in (0.0, 0.3, 0.9):
        expected = np.mean([stats.norm.pdf(at, u, width) for u in units])
        assert math.exp(density.log_density({RATE: 2 * at})) == pytest.approx(expected)


def test_a_density_over_values_without_order_is_aitchison_and_aitkens() -> None:
    """Of a, a, a, b two differ with probability 3 / 8: h = 1.06 sqrt(3 / 16) 4 ** (-1 / 5)."""
    density = KernelDensity([{KIND: k} for k in "aaab"], 1)
    h = 1.06 * math.sqrt(3 / 16) * 4 ** (-1 / 5)
    expected = {
        "a": 0.75 * (1 - h) + 0.25 * h / 2,
        "b": 0.25 * (1 - h) + 0.75 * h / 2,
        "c": h / 2,
    }
    found = {k: math.exp(density.log_density({KIND: k})) for k in "abc"}
    assert found == pytest.approx(expected)
    assert sum(found.values()) == pytest.approx(1)


def test_a_density_is_the_sum_of_products() -> None:
    points: list[Point] = [{KIND: "a", RATE: 0.2}, {KIND: "b", RATE: 1.8}]
    density = KernelDensity(points, 2)
    width = 1.06 * 0.4 * 2 ** (-1 / 6)
    h = 1.06 * 0.5 * 2 ** (-1 / 6)
    expected = 0.5 * (1 - h) * stats.norm.pdf(0.2, 0.1, width)
    expected += 0.5 * h / 2 * stats.norm.pdf(0.2, 0.9, width)
    assert math.exp(density.log_density({KIND: "a", RATE: 0.4})) == pytest.approx(expected)


def test_what_is_absent_counts_as_drawn_at_random() -> None:
    density = KernelDensity([{KIND: "a"}, {UNITS: 2}], 1)
    h = 1e-3  # there is one value only
    near = stats.norm.pdf(0.0, 0.0, h)
    found = math.exp(density.log_density({KIND: "a", UNITS: 2}))
    assert found == pytest.approx(0.5 * (1 - h) * 1 + 0.5 * (1 / 3) * near)
    assert math.exp(density.log_density({ORDER: (0, 1, 2)})) == pytest.approx(1 / 6)
    assert density.log_density({}) == 0.0


def test_equal_values_leave_the_least_bandwidth_and_disorder_at_most_a_uniform_kernel() -> None:
    narrow = KernelDensity([{RATE: 1.0}] * 9, 1, least=0.01)
    assert math.exp(narrow.log_density({RATE: 1.0})) == pytest.approx(stats.norm.pdf(0) / 0.01)
    domain: Column = "pair", DiscreteDomain(("x", "y"))
    flat = KernelDensity([{domain: "x"}, {domain: "y"}], 10**6)
    assert math.exp(flat.log_density({domain: "x"})) == pytest.approx(0.5)


def test_a_density_is_drawn_from_around_its_points() -> None:
    space, rng = ja.trace(branches), np.random.default_rng(0)
    points = [point_of(space, ["drop", 0.3]), point_of(space, ["drop", 0.32])]
    density = KernelDensity(points, 2)
    drawn = [density.sample(space, rng, factor=3.0) for _ in range(200)]
    assert all(point == point_of(space, a.values) for a, point in drawn)
    kinds = [a.values[0] for a, _ in drawn]
    assert kinds.count("drop") > 190
    rates = [float(a.values[1]) for a, _ in drawn if a.values[0] == "drop"]  # type: ignore[arg-type]
    width = 3 * 1.06 * 0.01 * 2 ** (-1 / 6)
    assert np.mean(rates) == pytest.approx(0.31, abs=width / 4)
    assert np.std(rates) == pytest.approx(math.hypot(width, 0.01), rel=0.2)


def score(architecture: ja.Architecture, seed: int, fidelity: int) -> Mapping[str, Any]:
    """Best are 70 units and a rate of 0.2."""
    found = {key.rpartition("/")[2]: value for key, value in architecture.decisions}
    loss = abs(float(found["width"]) - 70) / 100 + abs(float(found["rate"]) - 0.2)  # type: ignore[arg-type]
    return {"loss": loss + 1 / fidelity}


def numbers() -> ja.Fragment:
    return ja.sequential(
        nn.dense(ja.Integer(1, 100, name="width")), nn.dropout(ja.Float(0.0, 0.9, name="rate"))
    )


LOSS = ja.Objective("loss", maximize=False)


@pytest.mark.parametrize("factor", [0.5, 2.0, 1e8])
def test_bumps_of_any_width_are_drawn_cut_off(factor: float) -> None:
    rate: Column = "rate", FloatDomain(0.0, 0.5)
    space = ja.trace(lambda: nn.dropout(ja.Float(0.0, 0.5, name="rate")))
    density, rng = KernelDensity([{rate: 0.1}, {rate: 0.1}], 1, least=0.9), np.random.default_rng(0)
    drawn = [cast(float, density.sample(space, rng, factor)[0].values[0]) for _ in range(1000)]
    width = 0.45 * factor
    expected = stats.truncnorm(-0.1 / width, 0.4 / width, 0.1, width)
    assert stats.kstest(drawn, expected.cdf).pvalue > 0.01


def test_until_there_are_enough_results_candidates_are_random() -> None:
    """With two decisions that is until five have come back at one fidelity."""
    space = ja.trace(numbers)
    chance = BohbSearcher(space, BohbConfig(9, random_fraction=1.0), objective=LOSS)
    searcher = BohbSearcher(space, BohbConfig(9, random_fraction=0.0), objective=LOSS)
    same: list[bool] = []
    for seed in range(9):
        first, second = (s.ask(np.random.default_rng(seed)) for s in (chance, searcher))
        same.append(first == second)
        chance.tell(first, score(first.architecture, 0, 1))
        searcher.tell(second, score(second.architecture, 0, 1))
    assert same == [True] * 5 + [False] * 4


def test_the_model_is_of_the_highest_fidelity_with_enough_results() -> None:
    """Of 9 results 3, one more than there are decisions, count as good, and the other 6 as bad."""
    space, rng = ja.trace(numbers), np.random.default_rng(0)
    searcher = BohbSearcher(space, BohbConfig(9), objective=LOSS)
    for _ in range(9):
        suggestion = searcher.ask(rng)
        searcher.tell(suggestion, score(suggestion.architecture, 0, 1))
    model = searcher.fitted()
    assert model is not None
    assert (len(model.good.points), len(model.bad.points), model.good.dimensions) == (3, 6, 2)
    ordered = sorted(searcher.state()["told"], key=lambda record: record[2])
    points = [point_of(space, record[1]) for record in ordered]
    assert [*model.good.points, *model.bad.points] == points
    for place in range(3):  # three at the next fidelity are too few
        suggestion = searcher.ask(rng)
        assert suggestion.fidelity == 3
        searcher.tell(suggestion, {"loss": 5.0 + place})
    same = searcher.fitted()
    assert same is not None
    assert same.good.points == model.good.points
    for place in range(5):  # the second bracket begins there
        suggestion = searcher.ask(rng)
        if suggestion.fidelity == 9:
            suggestion = searcher.ask(rng)
        searcher.tell(suggestion, {"loss": float(place)})
    later = searcher.fitted()
    assert later is not None
    assert (len(later.good.points), len(later.bad.points)) == (3, 5)
    best = min((r for r in searcher.state()["told"] if r[0] == 3), key=lambda r: r[2])
    assert later.good.points[0] == point_of(space, best[1])


def test_failures_are_the_worst() -> None:
    space, rng = ja.trace(numbers), np.random.default_rng(0)
    searcher = BohbSearcher(space, BohbConfig(9), objective=LOSS)
    failed: list[Point] = []
    for place in range(9):
        suggestion = searcher.ask(rng)
        if place < 4:
            failed.append(point_of(space, suggestion.architecture.values))
        searcher.tell(suggestion, None if place < 4 else {"loss": 1e6 - place})
    model = searcher.fitted()
    assert model is not None
    assert list(model.bad.points[-4:]) == failed


def test_bohb_proposes_what_is_near_the_good() -> None:
    """New candidates of a model are mostly far better than those at random."""
    space, rng = ja.trace(numbers), np.random.default_rng(0)
    searcher = BohbSearcher(space, BohbConfig(9), objective=LOSS)
    losses: list[float] = []
    while len(losses) < 90:
        suggestion = searcher.ask(rng)
        assert suggestion.fidelity is not None
        metrics = score(suggestion.architecture, 0, suggestion.fidelity)
        if suggestion.trial == len(losses):
            losses.append(metrics["loss"] - 1 / suggestion.fidelity)
        searcher.tell(suggestion, metrics)
    chance = [score(ja.sample(space, rng), 0, 1)["loss"] - 1 for _ in range(100)]
    assert np.median(losses[30:]) < np.median(chance) / 3


def six_widths() -> ja.Fragment:
    return ja.sequential(*[nn.dense(ja.Integer(1, 100, name="width")) for _ in range(6)])


def test_bohb_finds_better_than_hyperband() -> None:
    def apart(architecture: ja.Architecture, seed: int, fidelity: int) -> Mapping[str, Any]:
        hidden = [15, 35, 55, 75, 15, 35]
        values = np.array(architecture.values, float)
        return {"loss": float(np.abs(values - hidden).mean()) / 100 + 1 / fidelity}

    best: dict[str, list[float]] = {"bohb": [], "hyperband": []}
    for seed in range(3):
        for name in best:
            searcher = ja.make_searcher(name, ja.trace(six_widths), {"maximum": 9}, objective=LOSS)
            found = run_search(
                searcher, WithFidelity(apart, 9), 80, seed, objective="loss", maximize=False
            )
            assert found.best is not None
            best[name].append((found.best.metrics["loss"] or 0.0) - 1 / 9)
    assert np.mean(best["bohb"]) < 0.85 * np.mean(best["hyperband"])


def test_bohb_goes_on_exactly_with_branches() -> None:
    """State is all there is, also where decisions depend on others, fail, or come late."""
    space = ja.trace(branches)
    config = BohbConfig(4, eta=2, min_points=2)
    one, other = BohbSearcher(space, config), BohbSearcher(space, config)
    late: list[ja.Suggestion] = []
    for seed in range(60):
        first, second = (s.ask(np.random.default_rng(seed)) for s in (one, other))
        assert first == second
        late.append(first)
        if seed % 3 == 2:
            for suggestion in (late.pop(0), late.pop()):
                value = suggestion.architecture.values[1]
                metrics = None if seed % 5 == 0 else {"accuracy": float(value)}  # type: ignore[arg-type]
                one.tell(suggestion, metrics)
                other.tell(suggestion, metrics)
        state = json.loads(json.dumps(other.state(), allow_nan=False))
        other = BohbSearcher(space, config)
        other.restore(state)


def test_a_number_that_cannot_vary_is_no_axis() -> None:
    def space() -> ja.Fragment:
        rate = ja.Float(0.5, 0.5, name="rate")
        return ja.sequential(nn.dense(ja.Integer(1, 100, name="width")), nn.dropout(rate))

    config = BohbConfig(maximum=1, min_points=2, random_fraction=0.0)
    searcher = BohbSearcher(ja.trace(space), config)
    for seed in range(10):
        suggestion = searcher.ask(np.random.default_rng(seed))
        assert dict(suggestion.architecture.decisions)["rate"] == 0.5
        searcher.tell(suggestion, {"accuracy": seed})
    assert searcher.fitted() is not None


def test_wrong_options_say_what_is_right() -> None:
    every: list[tuple[dict[str, Any], str]] = [
        ({"eta": 1}, "eta is 1"),
        ({"top": 1.5}, r"top is 1\.5; a probability"),
        ({"candidates": 0}, "candidates is 0; use at least 1"),
        ({"bandwidth_factor": 0.0}, "use more than 0"),
        ({"min_bandwidth": 1.0}, "min_bandwidth is 1"),
        ({"acquisition": "luck"}, "acquisition 'luck' is none of expected_improvement"),
    ]
    for wrong, message in every:
        with pytest.raises(SearchError, match=message):
            BohbConfig(**wrong)


@pytest.mark.parametrize("surrogate", ["ridge", "gp-wl"])
def test_a_surrogate_proposes_what_is_near_the_good(surrogate: str) -> None:
    """It takes the place of the densities, and its state is what there is of theirs."""
    space = ja.trace(six_widths)
    config = BohbConfig(9, surrogate=surrogate, random_fraction=0.0)
    one, other = (BohbSearcher(space, config, objective=LOSS) for _ in range(2))
    losses: list[float] = []
    for seed in range(60):
        first, second = (s.ask(np.random.default_rng(seed)) for s in (one, other))
        assert first == second
        assert first.fidelity is not None
        loss = sum(cast("tuple[int, ...]", first.architecture.values)) / 600
        if first.trial == len(losses):
            losses.append(loss)
        for searcher in (one, other):
            searcher.tell(first, {"loss": loss + 1 / first.fidelity} if seed else None)
        state = json.loads(json.dumps(other.state(), allow_nan=False))
        other = BohbSearcher(space, config, objective=LOSS)
        other.restore(state)
    assert np.median(losses[20:]) < np.median(losses[:9]) - 0.1
