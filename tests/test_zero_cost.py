"""Zero-cost proxies: against what NumPy computes by the formulas of the papers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, isfinite, log
from pathlib import Path
from typing import Any

import flax.linen
import numpy as np
import pytest
from numpy.typing import NDArray

import jarch as ja
from jarch.cli import main
from jarch.cli.proxies import PROXY_NAMES
from jarch.lowering import COUNTS, forget_programs, initial_variables, program_counts
from jarch.lowering.numbers import NUMBERS, numbers_of
from jarch.runs import read_run
from jarch.surrogates import SurrogateError
from jarch.surrogates.zero_cost import PROXIES
from jarch.surrogates.zero_cost.batches import draw_batch
from jarch.surrogates.zero_cost.network import network_of
from jarch.surrogates.zero_cost.simplified import without_dropout

Floats = NDArray[np.floating[Any]]
Made = Callable[[], ja.Fragment]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5)).astype(np.float32)
Y = RNG.normal(size=(6, 3)).astype(np.float32)
LABELS = np.array([0, 1, 2, 0, 1, 2])
IMAGES = RNG.normal(size=(6, 4, 4, 3)).astype(np.float32)


def made(space: Made) -> ja.Architecture:
    return ja.replay(ja.trace(space), [])


def kernels(net: ja.Architecture, shape: tuple[int, ...], seed: int = 0) -> list[Floats]:
    """Return the kernels that a score is computed with, from input to output."""
    module = network_of(net, shape, linear=False).module
    drawn = initial_variables(module.architecture, seed, {"in": shape})["params"]
    owners = [key for key in sorted(drawn) if "kernel" in drawn[key]]
    return [np.asarray(drawn[key]["kernel"], np.float64) for key in owners]


def linear() -> ja.Fragment:
    return ja.nn.dense(features=3, use_bias=False)


def scores(net: ja.Architecture, data: Any, *names: str, seed: int = 0) -> Mapping[str, float]:
    return ja.zero_cost_scores(net, data, names or None, seed=seed)


# Formulas, by hand


def test_of_one_linear_layer_all_follow_from_the_least_squares_gradient() -> None:
    net = made(linear)
    (w,) = kernels(net, (5,))
    errors = X @ w - Y
    slope = 2 / errors.size * X.T @ errors
    curved = 2 / errors.size * X.T @ X @ slope
    by_output = 2 / errors.size * errors
    found = scores(net, (X, Y), "snip", "grasp", "grad_norm", "fisher")
    assert found["snip"] == pytest.approx(np.abs(w * slope).sum(), rel=1e-4)
    assert found["grasp"] == pytest.approx(-(w * curved).sum(), rel=1e-4)
    assert found["grad_norm"] == pytest.approx(np.sqrt((slope**2).sum()), rel=1e-4)
    fisher = ((X @ w * by_output) ** 2).mean(0).sum() / 2
    assert found["fisher"] == pytest.approx(fisher, rel=1e-4)


def softmax(logits: Floats) -> Floats:
    grown = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(grown / grown.sum(-1, keepdims=True))


def test_of_classes_the_loss_is_their_cross_entropy() -> None:
    net = made(linear)
    (w,) = kernels(net, (5,))
    slope = X.T @ (softmax(X @ w) - np.eye(3)[LABELS]) / len(X)
    found = scores(net, (X, LABELS), "snip", "grad_norm")
    assert found["snip"] == pytest.approx(np.abs(w * slope).sum(), rel=1e-4)
    assert found["grad_norm"] == pytest.approx(np.sqrt((slope**2).sum()), rel=1e-4)


def test_norms_of_layers_are_added() -> None:
    net = made(lambda: ja.sequential(ja.nn.dense(4), ja.nn.dense(3)))
    first, last = kernels(net, (5,))
    errors = 2 / Y.size * (X @ first @ last - Y)
    norms = [np.linalg.norm(X.T @ errors @ last.T), np.linalg.norm((X @ first).T @ errors)]
    assert scores(net, (X, Y), "grad_norm")["grad_norm"] == pytest.approx(sum(norms), rel=1e-4)


def test_fisher_sums_over_positions_before_it_squares() -> None:
    def space() -> ja.Fragment:
        return ja.sequential(ja.nn.conv(3, 1, use_bias=False), ja.nn.global_avg_pool)

    net = made(space)
    (w,) = kernels(net, (4, 4, 3))
    values = IMAGES @ w[0, 0]
    targets = np.zeros((6, 3), np.float32)
    slope = 2 / targets.size * values.mean((1, 2))[:, None, None] / 16
    fisher = ((values * slope).sum((1, 2)) ** 2).mean(0).sum() / 2
    assert scores(net, (IMAGES, targets), "fisher")["fisher"] == pytest.approx(fisher, rel=1e-4)


def test_grasp_agrees_with_differences_of_the_gradient() -> None:
    net = made(lambda: ja.sequential(ja.nn.dense(4, use_bias=False), ja.nn.tanh, linear))
    first, last = kernels(net, (5,))

    def slopes(a: Floats, b: Floats) -> tuple[Floats, Floats]:
        hidden = np.tanh(X @ a)
        errors = 2 / Y.size * (hidden @ b - Y)
        return X.T @ (errors @ b.T * (1 - hidden**2)), hidden.T @ errors

    along, step = slopes(first, last), 1e-5
    after = slopes(first + step * along[0], last + step * along[1])
    before = slopes(first - step * along[0], last - step * along[1])
    curved = [(a - b) / (2 * step) for a, b in zip(after, before, strict=True)]
    expected = -sum((w * c).sum() for w, c in zip((first, last), curved, strict=True))
    assert scores(net, (X, Y), "grasp")["grasp"] == pytest.approx(expected, rel=1e-3)


def test_jacov_scores_how_gradients_by_the_inputs_correlate() -> None:
    net = made(lambda: ja.sequential(ja.nn.dense(4, use_bias=False), ja.nn.tanh, linear))
    first, last = kernels(net, (5,))
    jacobian = ((1 - np.tanh(X @ first) ** 2) * last.sum(1)) @ first.T
    values = np.linalg.eigvalsh(np.corrcoef(jacobian)) + 1e-5
    expected = -np.sum(np.log(values) + 1 / values)
    found = scores(net, (X, Y), "jacov")["jacov"]
    # Five inputs give six examples at most four independent gradients: the eigenvalues that are
    # zero up to rounding weigh most.
    assert found == pytest.approx(expected, rel=1e-2)


def test_naswot_is_the_determinant_of_codes_that_agree() -> None:
    x = np.array([[1, -1, 2, -1], [1, 1, -1, -1], [-1, -1, -1, -1]], np.float32)
    # Codes 1010, 1100, 0000: of four bits 2, 2 and 2 agree.
    expected = log(np.linalg.det(np.array([[4, 2, 2], [2, 4, 2], [2, 2, 4]])))
    for activation in (ja.nn.relu, ja.nn.leaky_relu, ja.nn.gelu, ja.nn.tanh):
        found = scores(made(activation), (x, x), "naswot")["naswot"]
        assert found == pytest.approx(expected)


def test_naswot_counts_the_bits_of_all_activations() -> None:
    x = np.array([[1, -1, 2, -1], [1, 1, -1, -1], [-1, -1, -1, -1]], np.float32)
    net = made(lambda: ja.sequential(ja.nn.relu, ja.nn.softmax, ja.nn.relu))
    first, second = np.array([[4, 2, 2], [2, 4, 2], [2, 2, 4]]), np.full((3, 3), 4)
    expected = log(np.linalg.det(first + second))
    assert scores(net, (x, x), "naswot")["naswot"] == pytest.approx(expected)


def test_synflow_of_a_chain_is_the_sum_over_paths_for_each_layer() -> None:
    net = made(lambda: ja.sequential(ja.nn.dense(4), ja.nn.dense(2), ja.nn.dense(3)))
    first, second, third = map(np.abs, kernels(net, (5,)))
    paths = (np.ones(5) @ first @ second @ third).sum()
    assert scores(net, (X, Y), "synflow")["synflow"] == pytest.approx(3 * paths)


def test_synflow_looks_through_normalisation_and_activations() -> None:
    def space() -> ja.Fragment:
        hidden = ja.sequential(ja.nn.dense(4), ja.nn.batch_norm, ja.nn.sigmoid)
        return ja.sequential(hidden, ja.nn.layer_norm, ja.nn.dropout(rate=0.5), ja.nn.dense(3))

    first, second = map(np.abs, kernels(made(space), (5,)))
    paths = (np.ones(5) @ first @ second).sum()
    assert scores(made(space), (X, Y), "synflow")["synflow"] == pytest.approx(2 * paths)


def test_synflow_of_a_deep_net_is_beyond_single_precision() -> None:
    net = made(lambda: ja.sequential(*[ja.nn.dense(256) for _ in range(40)], ja.nn.dense(3)))
    found = scores(net, (X, Y), "synflow")["synflow"]
    assert float(np.finfo(np.float32).max) < found < inf


def test_counts_are_those_of_the_analysis() -> None:
    net = made(lambda: ja.sequential(ja.nn.dense(4), ja.nn.batch_norm, ja.nn.dense(3)))
    analysis = ja.analyze(net, {"in": (5,)})
    found = scores(net, (X, Y), "flops", "parameters")
    assert found == {"flops": analysis.flops, "parameters": analysis.parameters}
    assert list(found) == ["flops", "parameters"]


# What a score depends on


def block_named(first: str, drop: str, last: str, rate: float = 0.5) -> ja.Architecture:
    def space() -> ja.Fragment:
        return ja.sequential(
            ja.nn.dense(4, name=first),
            ja.nn.batch_norm,
            ja.nn.relu,
            ja.nn.dropout(rate=rate, name=drop),
            ja.nn.dense(3, name=last),
        )

    return made(space)


def test_names_and_rates_change_no_score_and_no_program() -> None:
    one = block_named("a", "b", "c", rate=0.2)
    other = block_named("z", "y", "x", rate=0.7)
    assert dict(one.nodes).keys() != dict(other.nodes).keys()
    first = scores(one, (X, LABELS))
    compiled = program_counts()
    assert scores(other, (X, LABELS)) == first
    assert program_counts() == compiled
    assert list(first) == list(PROXIES)
    assert first["grad_norm"] > 0


def test_no_number_of_a_program_is_left_but_those_of_running_averages() -> None:
    def space() -> ja.Fragment:
        wanted = [ja.nn.attention(1, dropout_rate=0.5), ja.nn.drop_path(0.5), ja.nn.dropout(0.5)]
        return ja.sequential(*wanted, ja.nn.batch_norm)

    net = made(space)
    before = {node.op.name for _, node in net.nodes if numbers_of(node)}
    assert before == NUMBERS.keys()
    after = {node.op.name for _, node in without_dropout(net).nodes if numbers_of(node)}
    assert after == {"batch_norm"}


def test_scores_follow_from_the_seed() -> None:
    net = block_named("a", "b", "c")
    names = ("snip", "naswot", "synflow")
    again = scores(net, (X, LABELS), *names, seed=3)
    forget_programs()
    assert scores(net, (X, LABELS), *names, seed=3) == again
    assert scores(net, (X, LABELS), *names, seed=4) != again


def test_the_seed_draws_the_batch() -> None:
    data = ja.load_data("digits")
    one, same, other = (draw_batch(data, 8, seed) for seed in (0, 0, 1))
    assert np.array_equal(one.x, same.x)
    assert not np.array_equal(one.x, other.x)
    assert len(draw_batch((X, Y), 64, 0).x) == len(X)


# Every operation


def images() -> ja.Fragment:
    """Use operations on images, in a chain."""
    half = ja.sequential(ja.nn.conv(8, 1), ja.nn.zero)
    return ja.sequential(
        ja.nn.conv(8, 3),
        ja.nn.batch_norm,
        ja.nn.hard_swish,
        ja.nn.depthwise_conv(3),
        ja.nn.group_norm(groups=4),
        ja.nn.silu,
        ja.residual(ja.sequential(ja.nn.separable_conv(8, 3), ja.nn.squeeze_excite(ratio=4))),
        ja.residual(half),
        ja.nn.max_pool(window=2),
        ja.nn.activation(function="elu"),
        ja.nn.flatten,
        ja.nn.dense(8),
        ja.nn.layer_norm,
        ja.nn.sigmoid,
        ja.nn.dense(3),
        ja.nn.softmax,
    )


def tokens() -> ja.Fragment:
    """Use operations on sequences of tokens."""
    return ja.sequential(
        ja.nn.embedding(num_embeddings=7, features=4),
        ja.residual(ja.nn.attention(num_heads=2, dropout_rate=0.3)),
        ja.nn.gelu,
        ja.nn.global_avg_pool,
        ja.nn.dense(3),
    )


def test_every_proxy_scores_images() -> None:
    found = scores(made(images), (IMAGES, LABELS))
    assert list(found) == list(PROXIES)
    assert all(isfinite(value) for value in found.values())
    assert min(found[name] for name in ("synflow", "snip", "fisher", "grad_norm")) > 0


def test_tokens_have_all_scores_but_jacov() -> None:
    data = (RNG.integers(0, 7, (6, 5)), LABELS)
    found = scores(made(tokens), data)
    assert list(found) == [name for name in PROXIES if name != "jacov"]
    assert all(isfinite(value) for value in found.values())
    with pytest.raises(SurrogateError, match="jacov differentiates"):
        scores(made(tokens), data, "jacov")


class Own(flax.linen.Module):
    """A user's module with weights, statistics and dropout."""

    @flax.linen.compact
    def __call__(self, value: Any, train: bool = False) -> Any:
        value = flax.linen.Dense(4, name="inner")(value)
        value = flax.linen.BatchNorm(use_running_average=not train)(value)
        drop: Any = flax.linen.Dropout(0.5, deterministic=not train)
        return drop(value)


own = ja.nn.from_linen(Own)


def test_modules_of_the_users_own_are_scored_as_they_are() -> None:
    net = made(lambda: ja.sequential(own, ja.nn.dense(16), ja.nn.relu, ja.nn.dense(3)))
    found = scores(net, (X, LABELS))
    assert found["snip"] > 0
    assert all(isfinite(value) for value in found.values())


def test_a_net_that_lets_nothing_through_is_the_worst() -> None:
    dead = made(lambda: ja.sequential(ja.nn.dense(16), ja.nn.zero, ja.nn.relu, ja.nn.dense(3)))
    live = made(lambda: ja.sequential(ja.nn.dense(16), ja.nn.relu, ja.nn.relu, ja.nn.dense(3)))
    names = ("synflow", "jacov", "naswot")
    worst, better = scores(dead, (X, LABELS), *names), scores(live, (X, LABELS), *names)
    assert worst["naswot"] == -inf
    assert all(worst[name] < better[name] for name in names)


# Mistakes


def test_what_is_wrong_is_said() -> None:
    net = made(linear)
    with pytest.raises(SurrogateError, match="'synflo' is none of synflow, snip"):
        scores(net, (X, Y), "synflo")
    with pytest.raises(SurrogateError, match="compares nothing"):
        ja.zero_cost_scores(net, (X, Y), ["snip"], batch_size=1)
    with pytest.raises(SurrogateError, match="6 inputs have 5 targets"):
        scores(net, (X, Y[:5]), "snip")
    with pytest.raises(ja.ShapeError, match="4 classes or more"):
        scores(net, (X, np.arange(6) % 4), "snip")
    with pytest.raises(ja.ShapeError, match="numbers of shape"):
        scores(net, (X, Y[:, :2]), "snip")


# In a search


def test_a_search_by_a_proxy_finds_the_best_score() -> None:
    data = ja.load_data("digits", limit=200)
    evaluate = ja.ZeroCostEvaluator(data, ("naswot", "snip"), batch_size=16)
    found = ja.random_search(ja.spaces.digits_dense, evaluate, 5, objective="naswot")
    assert found.best is not None
    assert sorted(found.best.metrics) == sorted([*COUNTS, "naswot", "snip"])
    reached = [e.metrics["naswot"] for e in found.evaluations if e.status == "ok"]
    assert found.best.metrics["naswot"] == max(value for value in reached if value is not None)


def test_a_candidate_without_a_score_is_a_failed_one() -> None:
    def space() -> ja.Fragment:
        pieces = {"zero": ja.nn.zero, "pass": ja.identity}
        piece = ja.choose(pieces, ja.Discrete(list(pieces), "piece"))
        return ja.sequential(ja.nn.dense(16), piece, ja.nn.relu, ja.nn.dense(3))

    evaluate = ja.ZeroCostEvaluator((X, LABELS), ("naswot",))
    found = ja.random_search(space, evaluate, 2, objective="naswot")
    assert sorted(e.status for e in found.evaluations) == ["failed", "ok"]


# On the command line


def test_the_command_line_has_all_proxies_that_are_no_costs() -> None:
    assert set(PROXY_NAMES) == set(PROXIES) - set(COUNTS)


def search(*more: str) -> int:
    given = ["--data", "digits", "--final-epochs", "1", "--folder", "run", *more]
    return main(["search", "digits_dense", *given])


def test_a_search_by_proxies_trains_the_best_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    given = ["--zero-cost", "naswot", "--objectives", "naswot", "parameters"]
    assert search(*given, "--evaluations", "1") == 0
    assert search(*given, "--evaluations", "3", "--resume") == 0
    run = read_run(Path("run"))
    scored = [e.metrics for e in run.evaluations if e.status == "ok"]
    assert len(run.evaluations) == 3
    assert [sorted(metrics) for metrics in scored] == [sorted([*COUNTS, "naswot"])] * len(scored)
    assert run.results is not None
    best = run.results["best"]["metrics"]["naswot"]
    assert best == max(metrics["naswot"] for metrics in scored if metrics["naswot"] is not None)
    assert run.results["test"]["accuracy"] > 0.2
    assert "naswot (max)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--objective", "naswot"], "is a zero-cost proxy; give --zero-cost naswot"),
        (["--zero-cost", "snip", "--objective", "accuracy"], "takes training"),
        (["--zero-cost", "snip", "--searcher", "asha"], "not even briefly"),
        (["--zero-cost", "snip", "--limits", "latency_ms=3"], "is measured"),
        (["--zero-cost", "snip", "--final-epochs", "0"], "give 1 or more"),
    ],
)
def test_what_proxies_cannot_do_is_said(
    given: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search(*given) == 2
    assert told in capsys.readouterr().err
