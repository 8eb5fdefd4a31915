"""Pareto dominance, fronts, crowding, hypervolume and archives, against brute force."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from jarch.runs import Evaluation
from jarch.search import Objective, SearchError
from jarch.search.multi_objective import (
    ParetoArchive,
    check_objectives,
    crowding_distances,
    dominates,
    evaluations_hypervolume,
    front_ranks,
    hypervolume,
    hypervolume_curve,
    non_dominated,
    objectives_in,
    pareto_front,
    parse_objective,
    scores_of,
    worst_scores,
)
from jarch.search.multi_objective.objectives import describe_objectives

ACCURACY, SIZE = Objective("accuracy"), Objective("size", maximize=False)
BOTH = (ACCURACY, SIZE)


@st.composite
def clouds(
    draw: st.DrawFn, most: int = 8, objectives: int = 4
) -> tuple[tuple[Objective, ...], list[tuple[float, ...]]]:
    """Objectives in any direction, and points on a coarse grid, with many that are equal."""
    m = draw(st.integers(1, objectives))
    directions = draw(st.lists(st.booleans(), min_size=m, max_size=m))
    point = st.tuples(*[st.integers(0, 5).map(float) for _ in range(m)])
    chosen = tuple(Objective(f"o{i}", up) for i, up in enumerate(directions))
    return chosen, draw(st.lists(point, max_size=most))


def beats(a: tuple[float, ...], b: tuple[float, ...], objectives: tuple[Objective, ...]) -> bool:
    """The definition, in its own words."""
    ways = [(x, y) if o.maximize else (y, x) for x, y, o in zip(a, b, objectives, strict=True)]
    return all(x >= y for x, y in ways) and any(x > y for x, y in ways)


@given(clouds())
def test_dominance_is_as_defined(
    cloud: tuple[tuple[Objective, ...], list[tuple[float, ...]]],
) -> None:
    objectives, points = cloud
    for a in points:
        for b in points:
            assert dominates(a, b, objectives) == beats(a, b, objectives)


@given(clouds(most=14))
def test_fronts_are_peeled_off_one_by_one(
    cloud: tuple[tuple[Objective, ...], list[tuple[float, ...]]],
) -> None:
    objectives, points = cloud
    expected: dict[int, int] = {}
    left, rank = set(range(len(points))), 0
    while left:
        front = {i for i in left if not any(beats(points[j], points[i], objectives) for j in left)}
        expected |= dict.fromkeys(front, rank)
        left, rank = left - front, rank + 1
    assert front_ranks(points, objectives).tolist() == [expected[i] for i in range(len(points))]
    first = [expected[i] == 0 for i in range(len(points))]
    assert non_dominated(points, objectives).tolist() == first


def cells(points: list[tuple[float, ...]], objectives: tuple[Objective, ...]) -> int:
    """Count the unit cells of the grid 0..5 that a point dominates, up to the worst corner."""
    covered: set[tuple[int, ...]] = set()
    for point in points:
        spans = [
            range(int(x)) if o.maximize else range(int(x), 5)
            for x, o in zip(point, objectives, strict=True)
        ]
        cell: list[tuple[int, ...]] = [()]
        for span in spans:
            cell = [(*c, k) for c in cell for k in span]
        covered |= set(cell)
    return len(covered)


@given(clouds(most=9))
def test_hypervolume_counts_cells(
    cloud: tuple[tuple[Objective, ...], list[tuple[float, ...]]],
) -> None:
    objectives, points = cloud
    reference = [0.0 if o.maximize else 5.0 for o in objectives]
    assert hypervolume(points, reference, objectives) == cells(points, objectives)
    curve = hypervolume_curve(points, reference, objectives)
    assert curve.tolist() == [cells(points[: i + 1], objectives) for i in range(len(points))]


@pytest.mark.parametrize("m", [2, 3, 4, 5])
def test_hypervolume_by_inclusion_and_exclusion(m: int) -> None:
    rng = np.random.default_rng(m)
    points = rng.random((9, m))
    total = 0.0
    for size in range(1, len(points) + 1):
        for some in combinations(range(len(points)), size):
            total -= (-1) ** size * math.prod(points[list(some)].min(0).tolist())
    objectives = tuple(Objective(f"o{i}") for i in range(m))
    assert hypervolume(points, [0.0] * m, objectives) == pytest.approx(total)
    curve = hypervolume_curve(points, [0.0] * m, objectives)
    assert curve[-1] == pytest.approx(total)


def test_what_does_not_reach_the_reference_counts_for_nothing() -> None:
    reference = (0.5, 10.0)
    assert hypervolume([(0.5, 1.0), (0.9, 10.0), (0.1, 1.0)], reference, BOTH) == 0
    assert hypervolume([], reference, BOTH) == 0
    curve = hypervolume_curve([(0.1, 1.0), (math.nan, math.nan), (1.0, 8.0)], reference, BOTH)
    assert curve.tolist() == [0.0, 0.0, 1.0]


def test_crowding_by_hand() -> None:
    """Four points on a line of two objectives; their neighbours are 0.5 and 0.8 of it apart."""
    front = [(0.0, 10.0), (0.2, 8.0), (0.5, 5.0), (1.0, 0.0)]
    assert crowding_distances(front).tolist() == [np.inf, pytest.approx(1.0), 1.6, np.inf]
    assert crowding_distances([(1.0, 2.0)]).tolist() == [np.inf]
    assert crowding_distances(np.zeros((0, 2))).tolist() == []
    same = crowding_distances([(1.0, 1.0)] * 4)
    assert sorted(same.tolist()) == [0.0, 0.0, np.inf, np.inf]


@given(clouds(most=14))
def test_an_archive_holds_the_front_whatever_the_order(
    cloud: tuple[tuple[Objective, ...], list[tuple[float, ...]]],
) -> None:
    objectives, points = cloud
    archive: ParetoArchive[int] = ParetoArchive(objectives)
    for i, point in enumerate(points):
        before = archive
        archive = archive.add(i, point)
        assert (archive is before) == (not before.admits(point))
    mask = non_dominated(points, objectives)
    front = {point for point, kept in zip(points, mask, strict=True) if kept}
    assert {scores for scores, _ in archive.entries} == front
    assert len(archive) == len(front)  # the first of equals alone
    assert all(points.index(points[i]) == i for i in archive)


def evaluation(index: int, accuracy: float | None, size: float | None) -> Evaluation:
    if accuracy is None:
        return Evaluation(index, 0, (), str(index), "failed")
    return Evaluation(index, 0, (), str(index), "ok", {"accuracy": accuracy, "size": size})


def test_the_front_of_evaluations() -> None:
    found = [
        evaluation(0, 0.8, 5.0),
        evaluation(1, None, None),
        evaluation(2, 0.9, 9.0),
        evaluation(3, 0.7, 6.0),
        evaluation(4, 0.9, None),
        evaluation(5, 0.8, 5.0),
    ]
    assert [e.index for e in pareto_front(found, BOTH)] == [2, 0, 5]
    assert [e.index for e in pareto_front(found, BOTH[::-1])] == [0, 5, 2]
    assert pareto_front(found[1:2], BOTH) == ()
    assert worst_scores(found, BOTH) == (0.7, 9.0)
    curve = evaluations_hypervolume(found, BOTH, reference=(0.5, 10.0))
    assert curve.tolist() == pytest.approx([1.5, 1.5, 1.6, 1.6, 1.6, 1.6])
    assert evaluations_hypervolume(found, BOTH)[-1] == pytest.approx(0.1 * 4)
    assert evaluations_hypervolume([], BOTH).tolist() == []
    assert evaluations_hypervolume(found[1:2], BOTH).tolist() == [0.0]


def test_objectives_are_read_and_described() -> None:
    assert parse_objective("accuracy") == ACCURACY
    assert parse_objective("accuracy:max") == ACCURACY
    assert parse_objective("size:min") == SIZE
    for wrong in ("size:least", ":min", "", "size:min:max"):
        with pytest.raises(SearchError, match="is not NAME, NAME:max or NAME:min"):
            parse_objective(wrong)
    assert objectives_in(describe_objectives(BOTH)) == BOTH
    assert objectives_in(SIZE.options()) == (SIZE,)
    assert objectives_in({"name": "random"}) == ()
    assert check_objectives([ACCURACY, SIZE]) == BOTH
    with pytest.raises(SearchError, match="there is no objective"):
        check_objectives([])
    with pytest.raises(SearchError, match="'size' is named twice"):
        check_objectives([SIZE, Objective("size")])


def test_scores_are_all_there_or_none() -> None:
    assert scores_of(BOTH, {"accuracy": 0.5, "size": 3}) == (0.5, 3)
    assert scores_of(BOTH, {"accuracy": 0.5}) is None
    assert scores_of(BOTH, {"accuracy": math.inf, "size": 3}) is None
    assert scores_of(BOTH, None) is None
