"""Surrogates that are neural networks: how they are trained, and what is special about each."""

# pyright: reportUnknownMemberType=false

import hashlib
import math
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np
import pytest
from scipy.stats import kendalltau

import jarch as ja
from jarch import nn
from jarch.surrogates import DeepEnsemble, GraphNetwork, SurrogateError, make_surrogate
from jarch.surrogates.networks import training
from jarch.surrogates.networks.graph_network import among_all, sum_of_neighbours
from jarch.surrogates.networks.node_arrays import fit_nodes

pytestmark = pytest.mark.unverified

ROOT = Path(ja.__file__).parent.parent
SMALL = DeepEnsemble(members=2, layers=2, width=8, epochs=30)


def drawn(make: Any, number: int, seed: int = 0) -> list[ja.Architecture]:
    space, rng = ja.trace(make), np.random.default_rng(seed)
    return [ja.sample(space, rng) for _ in range(number)]


def chain() -> ja.Fragment:
    return ja.sequential(*[nn.dense(ja.Discrete([8, 16, 32, 64], name="width")) for _ in range(6)])


def numbers() -> ja.Fragment:
    width = ja.Integer(1, 256, log=True, name="width")
    return ja.sequential(nn.dense(width), nn.dropout(ja.Float(0.0, 0.9, name="rate")))


def size(architecture: ja.Architecture) -> float:
    return math.log(ja.analyze(architecture, {"in": (8,)}).parameters)


@pytest.mark.parametrize("make", [chain, numbers])
@pytest.mark.parametrize("surrogate", [DeepEnsemble(), GraphNetwork(epochs=60)])
def test_networks_learn_in_spaces_without_common_paths(make: Any, surrogate: Any) -> None:
    nets = drawn(make, 160)
    scores = np.array([size(net) for net in nets])
    fitted = surrogate.fit(nets[:100], scores[:100], np.random.default_rng(0))
    assert kendalltau(fitted.predict(nets[100:]).mean, scores[100:])[0] > 0.6


def test_one_program_serves_many_sizes() -> None:
    nets = drawn(ja.spaces.digits_dense, 66)
    rng = np.random.default_rng(0)

    def fit(number: int) -> None:
        SMALL.fit(nets[:number], np.arange(number, dtype=float), rng).predict(nets[:number])

    fit(20)
    before = training.train_program._cache_size(), training.predict_program._cache_size()
    for number in (1, 5, 33, 64):
        fit(number)
    assert (training.train_program._cache_size(), training.predict_program._cache_size()) == before
    fit(66)
    assert training.train_program._cache_size() == before[0] + 1


def test_what_is_padded_plays_no_part() -> None:
    """Training goes as it would by hand, an observation at a time in the order drawn."""

    def apply(parameters: Any, inputs: Any) -> Any:
        return inputs @ parameters

    rows = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]], np.float32)
    targets = np.array([1.0, 2.0, 3.0])
    recipe = training.Recipe(2, 2, 0.1, loss="squared", annealed=True)
    begun = np.array([[0.5, 0.25]], np.float32)
    # batches are not below an eighth of the 64 places: all three are in one
    found = training.train(
        apply, begun, rows, targets, np.array([1.0, 2.0, 1.0]), np.random.default_rng(0), recipe
    )
    weights, moments = begun[0].astype(float), np.zeros((2, 2))
    for i in range(2):
        error = rows @ weights - targets
        slope = 2 * rows.T @ (error * np.array([1.0, 2.0, 1.0])) / 3
        moments = np.stack([0.9 * moments[0] + 0.1 * slope, 0.999 * moments[1] + 0.001 * slope**2])
        first, second = moments[0] / (1 - 0.9 ** (i + 1)), moments[1] / (1 - 0.999 ** (i + 1))
        rate = 0.1 * (0.5 + 0.5 * math.cos(math.pi * i / 2))
        weights = weights - rate * first / (np.sqrt(second) + 1e-8)
    np.testing.assert_allclose(found[0], weights, rtol=1e-4)


def test_members_differ_and_each_is_a_draw() -> None:
    nets = drawn(ja.spaces.nasbench201_cell, 30)
    fitted = DeepEnsemble(epochs=20).fit(nets[:20], np.arange(20.0), np.random.default_rng(0))
    rng = np.random.default_rng(1)
    draws = {fitted.sample(nets, rng).tobytes() for _ in range(60)}
    assert len(draws) == 5
    found = np.array([np.frombuffer(draw) for draw in draws])
    np.testing.assert_allclose(found.mean(axis=0), fitted.predict(nets).mean)
    np.testing.assert_allclose(found.std(axis=0), fitted.predict(nets).std)


def test_a_direction_mirrors_exactly_and_good_scores_count_more() -> None:
    nets = drawn(ja.spaces.nasbench201_cell, 60)
    scores = np.random.default_rng(2).normal(size=40)

    def predicted(maximize: bool, scores: Any) -> Any:
        directed = DeepEnsemble(epochs=20).directed(maximize)
        return directed.fit(nets[:40], scores, np.random.default_rng(0)).predict(nets)

    more, less = predicted(True, scores), predicted(False, -scores)
    np.testing.assert_array_equal(more.mean, -less.mean)
    np.testing.assert_array_equal(more.std, less.std)
    errors = [np.abs(predicted(aim, scores).mean[:40] - scores) for aim in (True, False)]
    best = scores > np.median(scores)
    assert errors[0][best].mean() < errors[1][best].mean()
    assert errors[0][~best].mean() > errors[1][~best].mean()
    assert DeepEnsemble(maximize=False).directed(True).maximize is False


def test_columns_are_those_that_vary_most() -> None:
    nets = drawn(ja.spaces.nasbench201_cell, 40)
    few = DeepEnsemble(columns=3, epochs=1).fit(nets, np.arange(40.0), np.random.default_rng(0))
    rows: Any = few.describe
    assert rows(nets).shape == (40, 64)
    assert len(rows.kept) == 3
    spread = rows(nets)[:, :3].std(axis=0)
    every = rows.encoder.encode(nets)
    scale = np.abs(every).max(axis=0)
    others = np.delete(every, rows.kept, axis=1) / np.delete(scale, rows.kept)
    assert others.std(axis=0).max() <= spread.min() + 1e-6


@pytest.mark.parametrize("kind", ["SMALL", "TINY"])
def test_a_fit_is_equal_in_another_process(kind: str) -> None:
    program = f"""
import numpy as np, hashlib
from tests.test_networks import {kind} as surrogate, drawn
import jarch as ja
nets = drawn(ja.spaces.digits_conv, 30)
fitted = surrogate.fit(nets[:20], np.arange(20.0), np.random.default_rng(4))
print(hashlib.sha256(fitted.predict(nets).mean.tobytes()).hexdigest())
"""
    nets = drawn(ja.spaces.digits_conv, 30)
    fitted = globals()[kind].fit(nets[:20], np.arange(20.0), np.random.default_rng(4))
    path = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{program}"]
    there = subprocess.run(path, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    here = fitted.predict(nets).mean.tobytes()
    assert there.strip() == hashlib.sha256(here).hexdigest()


def test_networks_run_on_the_processor() -> None:
    with training.on_processor():
        put = cast(Any, jax.device_put)
        assert {device.platform for device in put(1.0).devices()} == {"cpu"}


def test_encoders_can_be_joined_by_name() -> None:
    made: Any = make_surrogate("deep-ensemble", {"encoder": ["path", "ngram"], "epochs": 2})
    nets = drawn(ja.spaces.digits_dense, 8)
    parts = [part.fit(nets).size for part in made.encoder.parts]
    assert made.encoder.fit(nets).size == sum(parts)
    np.testing.assert_array_equal(
        made.encoder.fit(nets).encode(nets)[:, parts[0] :],
        made.encoder.parts[1].fit(nets).encode(nets),
    )
    with pytest.raises(SurrogateError, match="'wl' is none of adjacency"):
        make_surrogate("deep-ensemble", {"encoder": ["path", "wl"]})
    with pytest.raises(SurrogateError, match="give at least one"):
        make_surrogate("deep-ensemble", {"encoder": []})


@pytest.mark.parametrize(
    "options",
    [{"members": 0}, {"layers": 0}, {"columns": 0}, {"margin": 0.0}, {"learning_rate": -1.0}],
)
def test_options_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(SurrogateError, match="use"):
        make_surrogate("deep-ensemble", options)


# Graph networks


TINY = GraphNetwork(members=2, width=8, epochs=20)


def test_the_sum_of_neighbours_and_its_derivative_are_those_of_the_matrix() -> None:
    nets = drawn(ja.spaces.nasbench201_cell, 3)
    given = fit_nodes(nets, 8)(nets)
    graphs, places = given.there.shape
    nodes = np.random.default_rng(0).normal(size=(5, graphs * places)).astype(np.float32)
    matrix = np.zeros((graphs * places, graphs * places))
    for graph, node, slot in np.ndindex(*given.before.shape):
        if given.before[graph, node, slot] < places:
            first = graph * places
            matrix[first + node, first + given.before[graph, node, slot]] += 1
    assert matrix.sum() > 30
    before, after = among_all(given.before), among_all(given.after)

    def total(nodes: Any) -> Any:
        found: Any = sum_of_neighbours(nodes, before, after)
        return (found**2).sum()

    found: Any = sum_of_neighbours(nodes, before, after)
    np.testing.assert_allclose(found, nodes @ matrix.T, rtol=1e-4, atol=1e-5)
    slope = cast(Any, jax.grad(total))(nodes)
    expected = 2 * nodes @ matrix.T @ matrix
    np.testing.assert_allclose(slope, expected, rtol=1e-4, atol=1e-4)


def test_what_is_before_and_what_is_after_agree() -> None:
    nets = drawn(ja.spaces.mobilenet, 4)
    given = fit_nodes(nets, 8)(nets)

    def edges(lists: Any) -> set[tuple[int, ...]]:
        return {
            (graph, node, int(lists[graph, node, slot]))
            for graph, node, slot in np.ndindex(*lists.shape)
            if lists[graph, node, slot] < lists.shape[1]
        }

    assert {(g, b, a) for g, a, b in edges(given.before)} == edges(given.after)
    assert all(given.there[graph, node] == 1.0 for graph, node, _ in edges(given.before))
    assert (given.features[given.there == 0] == 0).all()


def test_graphs_may_be_larger_than_those_seen() -> None:
    def deep() -> ja.Fragment:
        piece = ja.sequential(nn.dense(8), nn.relu())
        return ja.repeat(piece, ja.Discrete([1, 40], name="times"))

    space = ja.trace(deep)
    small, large = (ja.replay(space, [times]) for times in (1, 40))
    fitted = TINY.fit([small, small], np.array([1.0, 2.0]), np.random.default_rng(0))
    mean, std = fitted.predict([large, small])
    assert np.isfinite([*mean, *std]).all()
    alone = fitted.predict([small]).mean
    np.testing.assert_allclose(mean[1], alone[0], rtol=1e-4)  # in whatever company


def test_keys_play_no_part_but_properties_do() -> None:
    def net(name: str, width: int) -> ja.Architecture:
        return ja.replay(ja.trace(lambda: nn.dense(width, name=name)), [])

    nets = [net("a", 3), net("b", 3), net("a", 4)]
    given = fit_nodes(nets, 32)(nets)
    np.testing.assert_array_equal(given.features[0], given.features[1])
    assert (given.features[0] != given.features[2]).any()


def test_wide_merges_have_places_for_all_their_inputs() -> None:
    def wide() -> ja.Fragment:
        return ja.split_combine(nn.relu(), nn.concatenate, 7)

    net = ja.replay(ja.trace(wide), [])
    given = fit_nodes([net], 8)([net])
    assert given.before.shape[2] == 8
    assert (given.before < given.before.shape[1]).sum() == 7 + 7 + 1


def test_many_observations_take_fewer_epochs_and_larger_batches() -> None:
    recipe = training.Recipe(100, 16, 0.1, largest=32, visits=51_200)
    assert [recipe.epochs_of(n) for n in (1, 512, 1024, 2**20)] == [100, 100, 50, 1]
    assert [recipe.batch_of(size) for size in (64, 256, 1024)] == [16, 32, 32]
    assert [training.Recipe(1, 32, 0.1).batch_of(size) for size in (64, 256, 1024)] == [32, 32, 128]


def test_epochs_of_few_visits_are_all_that_count() -> None:
    """The program of 70 observations has room for the epochs of 65, and uses its own."""

    def apply(parameters: Any, inputs: Any) -> Any:
        return inputs @ parameters

    rows = np.random.default_rng(0).normal(size=(70, 2)).astype(np.float32)
    begun, ones = np.zeros((1, 2), np.float32), np.ones(70)

    def trained(recipe: training.Recipe) -> Any:
        targets = rows.astype(np.float64) @ np.array([1.0, -1.0])
        return training.train(apply, begun, rows, targets, ones, np.random.default_rng(1), recipe)

    limited = trained(training.Recipe(9, 32, 0.1, visits=3 * 70))
    np.testing.assert_array_equal(limited, trained(training.Recipe(3, 32, 0.1)))
    assert (limited != trained(training.Recipe(4, 32, 0.1))).any()


@pytest.mark.parametrize("options", [{"width": 0}, {"features": 0}, {"decay": -1.0}])
def test_graph_networks_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(SurrogateError, match="use"):
        make_surrogate("graph-network", options)
