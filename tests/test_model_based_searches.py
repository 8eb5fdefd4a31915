"""Searches with a surrogate: events in any order, any surrogate, any part exchanged."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, strategies as st

import jarch as ja
from jarch import nn
from jarch.ir import Architecture
from jarch.search import (
    Constraint,
    Objective,
    Searcher,
    SpaceExhausted,
    Suggestion,
)
from jarch.search.model_based import (
    ACQUISITIONS,
    BananasConfig,
    BananasSearcher,
    NasBowlConfig,
    NasBowlSearcher,
    NpenasConfig,
    NpenasSearcher,
    Optimizer,
    SmboConfig,
    SmboSearcher,
)
from jarch.surrogates import (
    ForestSurrogate,
    PathEncoder,
    SurrogateError,
    make_surrogate,
)
from jarch.testing import check_searcher

from .surrogate_spies import (
    Spy,
    rng,
    score,
    spy as spy,
    two_widths,
)

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere, on the same spaces

KINDS: Mapping[str, Callable[..., Searcher]] = {
    "smbo": partial(SmboSearcher, config=SmboConfig(initial=2, candidates=8)),
    "smbo, tree": partial(
        SmboSearcher,
        config=SmboConfig(
            initial=1,
            candidates=10,
            optimizer="mcts",
            acquisition="probability_of_improvement",
            pending="worst",
            overdue=2,
        ),
    ),
    "bananas": partial(BananasSearcher, config=BananasConfig(initial=2, candidates=9, batch=3)),
    "npenas": partial(
        NpenasSearcher, config=NpenasConfig(initial=1, candidates=6, batch=2, parents=2)
    ),
    "nasbowl": partial(
        NasBowlSearcher,
        config=NasBowlConfig(
            initial=1, candidates=6, batch=2, acquisition="thompson_sampling", pending="ignore"
        ),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**32), maximize=st.booleans())
def test_results_in_any_order_or_never_and_copies_on_the_way(
    kind: str, seed: int, maximize: bool
) -> None:
    """To the end of a space of 19 allowed architectures, each of which is found once."""

    def odd(architecture: Architecture) -> None:
        if sum(architecture.values) % 4 == 0:  # type: ignore[arg-type]
            raise ja.InvalidArchitecture("refused")

    def make() -> Searcher:
        surrogate = Spy(noise=9.0, std=3.0)
        objective = Objective("score", maximize)
        return KINDS[kind](space, objective=objective, constraint=odd, surrogate=surrogate)

    space = ja.trace(two_widths)
    searcher, events = make(), rng(seed)
    out: list[Suggestion] = []
    found: list[str] = []
    for step in range(400):
        if events.random() < 0.2:
            copied = make()
            copied.restore(json.loads(json.dumps(searcher.state(), allow_nan=False)))
            assert copied.state() == searcher.state()
        else:
            copied = searcher
        try:
            suggestion = searcher.ask(rng(step))
        except SpaceExhausted:
            break
        assert copied is searcher or copied.ask(rng(step)) == suggestion
        assert copied.state() == searcher.state()
        searcher = copied
        out.append(suggestion)
        found.append(suggestion.fingerprint)
        while out and events.random() < 0.5:
            back = out.pop(int(events.integers(len(out))))
            if events.random() < 0.9:  # else it is lost
                result = float(events.normal())
                searcher.tell(back, {"score": result} if events.random() < 0.8 else None)
    assert len(found) == len(set(found)) == 19


@pytest.mark.parametrize("kind", KINDS)
def test_the_promises_of_a_searcher(kind: str) -> None:
    def size(architecture: Architecture) -> float:
        return float(len(architecture.nodes))

    def make(space: ja.Space, objective: Objective, constraint: Constraint) -> Searcher:
        surrogate = Spy(size, noise=9.0, std=3.0)
        return KINDS[kind](space, objective=objective, constraint=constraint, surrogate=surrogate)

    check_searcher(make)


@pytest.mark.parametrize("kind", KINDS)
def test_real_numbers(kind: str) -> None:
    def dropped() -> ja.Fragment:
        rate = ja.Float(0.0, 0.9, name="rate")
        return ja.sequential(nn.dense(ja.Discrete([4, 8], name="width")), nn.dropout(rate))

    def rate(architecture: Architecture) -> float:
        (value,) = (v for key, v in architecture.decisions if key == "rate")
        assert isinstance(value, float)
        return value

    searcher, generator = KINDS[kind](ja.trace(dropped), surrogate=Spy(rate)), rng()
    rates: list[float] = []
    for _ in range(40):
        suggestion = searcher.ask(generator)
        rates.append(rate(suggestion.architecture))
        searcher.tell(suggestion, {"accuracy": rates[-1]})
    assert np.mean(rates[20:]) > 0.55


@pytest.mark.parametrize("name", ["smbo", "bananas", "npenas", "nasbowl"])
def test_searchers_run_with_their_own_surrogates(name: str) -> None:
    def nodes(architecture: ja.Architecture, seed: int) -> dict[str, float]:
        return {"accuracy": float(len(architecture.nodes))}

    searcher = ja.make_searcher(name, ja.trace(ja.spaces.digits_conv))
    assert len(ja.run_search(searcher, nodes, 13).evaluations) == 13


@pytest.mark.parametrize("optimizer", get_args(Optimizer))
@pytest.mark.parametrize("acquisition", ACQUISITIONS)
@pytest.mark.parametrize("surrogate", ["ridge", "gp-wl", "gp-rbf", "forest", "boosting"])
def test_every_part_of_smbo_can_be_exchanged(
    surrogate: str, acquisition: str, optimizer: str
) -> None:
    options: dict[str, Any] = {
        "surrogate": surrogate,
        "acquisition": acquisition,
        "optimizer": optimizer,
    }
    few = {"forest": {"trees": 5}, "boosting": {"members": 2, "trees": 5}}
    options |= {"initial": 3, "candidates": 8, "surrogate_options": few.get(surrogate, {})}
    searcher, generator = ja.make_searcher("smbo", ja.trace(two_widths), options), rng()
    assert len({ja.fingerprint(net) for net in score(searcher, generator, 6)}) == 6


@pytest.mark.slow
@pytest.mark.parametrize("surrogate", ["deep-ensemble", "graph-network"])
@pytest.mark.parametrize("name", ["smbo", "bananas", "npenas", "nasbowl"])
def test_networks_serve_every_searcher(name: str, surrogate: str) -> None:
    few = {"surrogate": surrogate, "surrogate_options": {"epochs": 2}}
    options = few | {"initial": 3, "candidates": 8}
    searcher, generator = ja.make_searcher(name, ja.trace(two_widths), options), rng()
    assert len({ja.fingerprint(net) for net in score(searcher, generator, 6)}) == 6


def test_an_encoder_can_be_named() -> None:
    assert make_surrogate("forest", {"encoder": "path"}) == ForestSurrogate(PathEncoder())
    with pytest.raises(
        SurrogateError, match="encoder 'paths' is none of adjacency, hashing, ngram, numbers, path"
    ):
        make_surrogate("forest", {"encoder": "paths"})
