"""Surrogates: what they promise alike, and what each does by its formula."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

import jarch as ja
from jarch.surrogates import SURROGATES, SurrogateError, WeisfeilerLehmanProcess, make_surrogate
from jarch.surrogates.gaussian import WIDTHS
from jarch.surrogates.posterior import NOISES, fit_posterior, highest_evidence

ROOT = Path(ja.__file__).parent.parent
OPTIONS: dict[str, dict[str, Any]] = {
    "boosting": {"members": 3, "trees": 60},
    "forest": {"trees": 60},
    "graph-network": {"members": 3, "epochs": 60},
}
TREES = ("forest", "boosting")  # rounding may decide between splits that are equally good
NETWORKS = ("deep-ensemble", "graph-network")  # training amplifies rounding
EXACT = ("ridge", "gp-wl", "gp-rbf")


def cells(number: int, seed: int = 0) -> list[ja.Architecture]:
    space, rng = ja.trace(ja.spaces.nasbench201_cell), np.random.default_rng(seed)
    return [ja.sample(space, rng) for _ in range(number)]


def sizes(nets: list[ja.Architecture]) -> Any:
    shape = {"in": (8, 8, 16)}
    return np.array([ja.analyze(net, shape).parameters for net in nets], float) / 1e3 + 70


def made(name: str) -> Any:
    return make_surrogate(name, OPTIONS.get(name))


@pytest.mark.parametrize("name", SURROGATES)
def test_predicts_the_number_of_parameters(name: str) -> None:
    seen, unseen = cells(80), cells(60, seed=1)
    fitted = made(name).fit(seen, sizes(seen), np.random.default_rng(0))
    mean, std = fitted.predict(unseen)
    assert kendalltau(mean, sizes(unseen))[0] > 0.7
    assert mean.shape == std.shape == (60,)
    assert (std >= 0).all()
    assert std.max() > 0


@pytest.mark.parametrize("name", SURROGATES)
def test_scores_may_be_anywhere(name: str) -> None:
    seen, unseen = cells(30), cells(20, seed=1)
    at = [
        made(name).fit(seen, scale * sizes(seen) + shift, np.random.default_rng(3)).predict(unseen)
        for scale, shift in ((1.0, 0.0), (1024.0, 0.0 if name in (*TREES, *NETWORKS) else -1e5))
    ]
    np.testing.assert_allclose(
        at[1].mean, 1024 * at[0].mean - (0 if name in (*TREES, *NETWORKS) else 1e5), rtol=1e-6
    )
    np.testing.assert_allclose(at[1].std, 1024 * at[0].std, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", SURROGATES)
def test_an_equal_generator_fits_the_same(name: str) -> None:
    seen, unseen = cells(30), cells(20, seed=1)
    fitted = [made(name).fit(seen, sizes(seen), np.random.default_rng(5)) for _ in range(2)]
    for one, other in zip(*[f.predict(unseen) for f in fitted], strict=True):
        np.testing.assert_array_equal(one, other)
    drawn = [f.sample(unseen, np.random.default_rng(6)) for f in fitted]
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("name", SURROGATES)
def test_draws_have_about_the_mean_and_spread_predicted(name: str) -> None:
    seen, unseen = cells(25), cells(15, seed=1)
    fitted = made(name).fit(seen, sizes(seen), np.random.default_rng(0))
    rng = np.random.default_rng(1)
    drawn = np.array([fitted.sample(unseen, rng) for _ in range(400)])
    mean, std = fitted.predict(unseen)
    assert np.abs(drawn.mean(axis=0) - mean).max() < 0.3 * std.max()
    assert drawn.std(axis=0).mean() == pytest.approx(std.mean(), rel=0.15)


@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize("number", [1, 2])
def test_few_or_equal_scores(name: str, number: int) -> None:
    seen = cells(number)
    fitted = made(name).fit(seen, np.full(number, 3.5), np.random.default_rng(0))
    mean, std = fitted.predict(cells(4, seed=1))
    np.testing.assert_allclose(mean, 3.5)
    assert np.isfinite(std).all()
    assert fitted.predict([]).mean.shape == (0,)
    assert fitted.sample([], np.random.default_rng(0)).shape == (0,)


@pytest.mark.parametrize("name", SURROGATES)
def test_works_on_every_space(name: str) -> None:
    def free() -> ja.Fragment:
        rate = ja.Float(0.0, 0.9, name="rate")
        width = ja.Integer(1, 64, log=True, name="width")
        return ja.sequential(ja.nn.dropout(rate), ja.nn.dense(width))

    space, rng = ja.trace(free), np.random.default_rng(0)
    nets = [ja.sample(space, rng) for _ in range(12)]
    fitted = made(name).fit(nets[:8], rng.random(8), rng)
    assert np.isfinite(fitted.predict(nets)).all()


@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize("scores", [[], [1.0], [1.0, float("nan")]])
def test_wrong_scores_are_refused(name: str, scores: list[float]) -> None:
    nets = [] if not scores else cells(2)
    with pytest.raises(SurrogateError, match=r"score|observations"):
        made(name).fit(nets, np.array(scores), np.random.default_rng(0))


@pytest.mark.parametrize("name", EXACT)
def test_a_process_is_less_unsure_where_it_has_looked(name: str) -> None:
    seen, unseen = cells(40), cells(40, seed=1)
    fitted = made(name).fit(seen, sizes(seen), np.random.default_rng(0))
    assert fitted.predict(seen).std.mean() < 0.9 * fitted.predict(unseen).std.mean()


def test_many_observations_choose_the_radius_by_some() -> None:
    seen = cells(60)
    some = WeisfeilerLehmanProcess(selection=20)
    fitted = some.fit(seen, sizes(seen), np.random.default_rng(0))
    assert kendalltau(fitted.predict(seen).mean, sizes(seen))[0] > 0.7


def test_the_posterior_is_that_of_the_formula() -> None:
    rng = np.random.default_rng(0)
    rows, points = rng.standard_normal((12, 3)), rng.standard_normal((4, 3))
    scores = rows @ [1.0, -2.0, 0.5] + 5 + 0.1 * rng.standard_normal(12)
    posterior = fit_posterior(rows @ rows.T, scores)
    assert posterior.noise in NOISES
    inverse = np.linalg.inv(rows @ rows.T + posterior.noise * np.eye(12))
    cross = points @ rows.T
    mean, std = posterior.predict(cross, (points**2).sum(axis=1))
    expected = scores.mean() + cross @ inverse @ (scores - scores.mean())
    np.testing.assert_allclose(mean, expected)
    variance = np.diag(points @ points.T - cross @ inverse @ cross.T)
    np.testing.assert_allclose(std, scores.std() * np.sqrt(posterior.variance * variance))


@pytest.mark.parametrize("number", [1, 2, 3, 40])
@pytest.mark.parametrize("rank", [1, 3, 60])
def test_evidence_needs_no_eigenvectors(number: int, rank: int) -> None:
    rng = np.random.default_rng(number)
    rows, scores = rng.standard_normal((number, rank)), rng.standard_normal(number)
    expected = fit_posterior(rows @ rows.T, scores).evidence
    assert highest_evidence(rows @ rows.T, scores) == pytest.approx(expected, rel=1e-8, abs=1e-8)


def test_the_width_chosen_is_the_most_likely() -> None:
    """Of the widths that are tried, the one whose process fits the scores best."""
    seen = cells(50)
    chosen: Any = make_surrogate("gp-rbf").fit(seen, sizes(seen), np.random.default_rng(0))
    evidence: list[float] = []
    for width in WIDTHS:
        alone: Any = make_surrogate("gp-rbf", {"widths": (width,)})
        evidence.append(alone.fit(seen, sizes(seen), np.random.default_rng(0)).posterior.evidence)
    assert chosen.kernel.width == WIDTHS[int(np.argmax(evidence))]
    assert max(evidence) - min(evidence) > 1


def test_names_and_options_are_checked() -> None:
    with pytest.raises(SurrogateError, match="none of ridge"):
        make_surrogate("rigde")
    with pytest.raises(SurrogateError, match="no option tree"):
        make_surrogate("forest", {"tree": 3})
    for name, options in (
        ("forest", {"trees": 0}),
        ("forest", {"features": 0.0}),
        ("boosting", {"depth": 0}),
        ("boosting", {"learning_rate": 2.0}),
        ("gp-wl", {"radii": ()}),
        ("gp-rbf", {"widths": (0.0,)}),
        ("gp-wl", {"selection": 0}),
        ("forest", {"trees": "100"}),
        ("gp-wl", {"radii": 2}),
        ("gp-wl", {"radii": [1, 2.5]}),
        ("deep-ensemble", {"maximize": "false"}),
    ):
        with pytest.raises(SurrogateError, match=r"use|give"):
            make_surrogate(name, options)
    as_written = make_surrogate("gp-wl", {"radii": [1, 2.0], "selection": 1e2})
    assert as_written == make_surrogate("gp-wl", {"radii": (1, 2), "selection": 100})


def test_scikit_learn_is_loaded_by_the_first_use_of_trees() -> None:
    program = """
import sys, jarch.surrogates as surrogates
assert "sklearn" not in sys.modules
surrogates.ForestSurrogate
assert "sklearn" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
