"""Searchers with a policy: the network, its gradients by other means, and that it learns."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# (the annotations of JAX are partial)

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.ir import Constant, Domain, IndependentHyperparameter
from jarch.ir.domains import DiscreteDomain, FloatDomain, IntegerDomain, PermutationDomain
from jarch.search import Objective, Searcher, SearchError, make_searcher
from jarch.search.policies import (
    Network,
    PolicySearcher,
    PpoConfig,
    PpoSearcher,
    ReinforceConfig,
    ReinforceSearcher,
)
from jarch.search.policies.decisions import decide
from jarch.search.policies.trajectory import Batch, Trajectory, pad
from jarch.search.policies.updates import choices, improve, loss

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere


def pairs() -> ja.Fragment:
    """Three decisions among four values: 64 architectures."""
    return ja.sequential(*[nn.dense(ja.Discrete([8, 16, 32, 64], name="width")) for _ in range(3)])


def mixed() -> ja.Fragment:
    """Decisions of every kind, of which some depend on another."""

    def tail(depth: int) -> ja.Fragment:
        return ja.sequential(*[nn.dense(ja.Integer(1, 999, name="wide")) for _ in range(depth)])

    return ja.sequential(
        ja.permutation([nn.relu, nn.tanh, nn.gelu], ja.Permutation(3)),
        nn.dropout(ja.Float(0.0, 0.9, name="rate")),
        ja.substitution(tail, {"depth": ja.Discrete([1, 2, 3], name="depth")}, name="tail"),
    )


def walks(network: Network, number: int = 6) -> list[Trajectory]:
    """Return walks of different lengths, among 2 to 4 answers."""
    rng, made = np.random.default_rng(1), list[Trajectory]()
    for length in range(1, number + 1):
        walk = network.begin()
        for step in range(length):
            walk.pick(f"q{step}", [f"q{step}={i}" for i in range(2 + (step + length) % 3)], rng)
        made.append(walk.trajectory)
    return made


# Decisions


def decided(domain: Domain, answer: Callable[[int, int], int], seed: int = 0) -> tuple[Any, ...]:
    """Return the value, and how many answers each choice had."""
    asked: list[int] = []

    def pick(question: str, answers: Sequence[str]) -> int:
        assert question == "key"
        assert len(set(answers)) == len(answers)
        asked.append(len(answers))
        return answer(len(asked), len(answers))

    value = decide(IndependentHyperparameter("key", domain), pick, 8, np.random.default_rng(seed))
    assert value in domain
    return value, asked


def last(turn: int, number: int) -> int:
    return number - 1


def test_each_domain_is_decided_by_its_choices() -> None:
    assert decided(DiscreteDomain(("a", None, 3)), last) == (3, [3])
    assert decided(IntegerDomain(1, 64), last) == (64, [64])
    assert decided(DiscreteDomain((7,)), last) == (7, [])
    assert decided(FloatDomain(0.5, 0.5), last) == (0.5, [])
    assert decided(PermutationDomain(1), last) == ((0,), [])
    assert decided(PermutationDomain(4), last) == ((3, 2, 1, 0), [4, 3, 2])
    assert decided(PermutationDomain(3), lambda turn, number: 2 - turn) == ((1, 0, 2), [3, 2])
    assert decided(PermutationDomain(65), last)[1] == []


@pytest.mark.parametrize(
    ("domain", "least", "most"),
    [
        (IntegerDomain(0, 799), 300, 399),
        (FloatDomain(-1.0, 1.0), -0.25, 0.0),
        (FloatDomain(1e-8, 1.0, log=True), 1e-5, 1e-4),
        (DiscreteDomain(tuple(range(80))), 30, 39),
    ],
)
def test_the_fourth_of_eight_parts_of_a_large_domain(
    domain: Domain, least: float, most: float
) -> None:
    found = [decided(domain, lambda turn, number: 3, seed) for seed in range(60)]
    assert {tuple(asked) for _, asked in found} == {(8,)}
    values = [value for value, _ in found]
    assert least <= min(values) <= max(values) <= most
    assert len(set(values)) > 5


# The network


def test_choices_in_numpy_and_in_jax_have_the_same_probabilities() -> None:
    for layers, units in ((0, 1), (1, 7), (2, 5)):
        network = Network(3, layers, units, 0.5)
        found = walks(network)
        batch = pad(found, [0.0] * len(found))
        logs = np.asarray(choices(network.weights, batch)[0])
        for row, way in zip(logs, found, strict=True):
            np.testing.assert_allclose(row[: len(way.logs)], way.logs, rtol=1e-4, atol=1e-6)


def test_answers_are_drawn_by_their_probabilities() -> None:
    network = Network(0, 1, 4, 1.0)
    rng, counts = np.random.default_rng(0), np.zeros(3)
    logs = np.zeros(3)
    for _ in range(3000):
        walk = network.begin()
        chosen = walk.pick("q", ["a", "b", "c"], rng)
        counts[chosen] += 1
        logs[chosen] = walk.trajectory.logs[0]
    assert np.exp(logs).sum() == pytest.approx(1)
    np.testing.assert_allclose(counts / 3000, np.exp(logs), atol=0.03)


def test_rows_depend_on_the_seed_and_the_name_alone() -> None:
    first, second, other = (Network(seed, 1, 3, 0.1) for seed in (5, 5, 6))
    for network in (first, other):
        network.token("a")
    rows = [n.weights["table"][n.token("b")] for n in (first, second, other)]
    assert first.token("b") != second.token("b")
    np.testing.assert_array_equal(rows[0], rows[1])
    assert (rows[0] != rows[2]).all()
    assert np.abs(rows).max() < 0.1


def test_a_table_grows_and_is_restored() -> None:
    network = Network(0, 2, 3, 0.1)
    ways = walks(network, 4)
    first = pad(ways, [1.0, 0.5, -0.5, 0.0])
    improve(network, first, "reinforce", learning_rate=0.1, entropy=0.0)
    for i in range(700):
        network.token(f"t{i}")
    assert network.weights["table"].shape == network.mean["table"].shape == (1024, 7)
    again = Network(0, 2, 3, 0.1)
    again.token("something else")
    again.restore(json.loads(json.dumps(network.state())))
    assert again.state() == network.state()
    for name, array in network.weights.items():
        np.testing.assert_array_equal(array, again.weights[name])
    for both in (network, again):
        improve(both, pad(ways[::-1], [-0.3] * 4), "reinforce", learning_rate=0.1, entropy=0.1)
    assert again.state() == network.state()
    assert walks(again)[-1] == walks(network)[-1]


# Gradients


@cache
def compiled() -> Any:
    """Return a function of the arguments of `loss`: its value and gradient."""
    import jax

    jit: Any = jax.jit
    both: Any = jax.value_and_grad
    return jit(both(loss), static_argnums=2)


def value(network: Network, batch: Batch, surrogate: str) -> float:
    return float(compiled()(network.weights, batch, surrogate, 0.0, 0.2)[0])


def gradient(network: Network, batch: Batch, surrogate: str, entropy: float = 0.0) -> Any:
    return compiled()(network.weights, batch, surrogate, entropy, 0.2)[1]


def test_the_gradient_of_one_choice_by_hand() -> None:
    """Of the loss -A log p by the score of an answer: A (p - 1) for the one taken, else A p."""
    network = Network(0, 0, 1, 1.0)
    walk = network.begin()
    answers = ["a", "b", "c"]
    chosen = walk.pick("q", answers, np.random.default_rng(0))
    rows = [network.token(answer) for answer in answers]
    scores = network.weights["table"][rows, 0].astype(np.float64)
    p = np.exp(scores) / np.exp(scores).sum()
    found = np.asarray(gradient(network, pad([walk.trajectory], [0.7]), "reinforce")["table"])
    np.testing.assert_allclose(found[rows, 0], 0.7 * (p - np.eye(3)[chosen]), rtol=1e-4)
    assert np.abs(np.delete(found[:, 0], rows)).max() == 0
    entropy = -np.sum(p * np.log(p))
    found = np.asarray(gradient(network, pad([walk.trajectory], [0.0]), "reinforce", 0.3)["table"])
    np.testing.assert_allclose(found[rows, 0], 0.3 * p * (np.log(p) + entropy), rtol=1e-3)


def weighted(network: Network, found: Sequence[Trajectory], advantages: Sequence[float]) -> float:
    """Return minus the mean of A log p over trajectories, from NumPy's forward pass alone."""
    total = 0.0
    for way, advantage in zip(found, advantages, strict=True):
        state, previous = np.zeros((network.layers, 2, network.units)), 0
        for question, tokens, chosen in zip(way.questions, way.answers, way.chosen, strict=True):
            scores = network.scores(state, previous, question, tokens)
            total -= advantage * (scores[chosen] - np.log(np.exp(scores).sum()))
            previous = tokens[chosen]
    return total / len(found)


@pytest.mark.parametrize("surrogate", ["reinforce", "ppo"])
def test_gradients_agree_with_differences(surrogate: str) -> None:
    """At the policy that made the choices the gradients of both are the policy gradient."""
    network = Network(1, 2, 3, 0.8)
    found = walks(network, 4)
    advantages = [0.5, -1.0, 2.0, 0.3]
    slopes = gradient(network, pad(found, advantages), surrogate)
    rng = np.random.default_rng(0)
    for name in network.weights:
        used = np.abs(np.asarray(slopes[name])) > 0.02
        for place in rng.permutation(np.argwhere(used))[:6]:
            ends: list[tuple[float, float]] = []
            for shift in (0.01, -0.01):
                moved = {k: v.copy() for k, v in network.weights.items()}
                moved[name][tuple(place)] += shift
                at = float(moved[name][tuple(place)])
                before = network.weights
                network.update(moved, network.mean, network.square, 0)
                ends.append((at, weighted(network, found, advantages)))
                network.update(before, network.mean, network.square, 0)
            slope = (ends[0][1] - ends[1][1]) / (ends[0][0] - ends[1][0])
            assert slope == pytest.approx(float(slopes[name][tuple(place)]), rel=0.01)
        assert used.any()


@pytest.mark.parametrize("advantage", [1.5, -1.5])
@pytest.mark.parametrize("ratio", [0.5, 0.9, 1.1, 1.6])
def test_ppo_is_clipped_by_its_formula(ratio: float, advantage: float) -> None:
    network = Network(0, 2, 3, 1.0)
    walk = network.begin()
    walk.pick("q", ["a", "b"], np.random.default_rng(0))
    way = walk.trajectory
    way.logs[0] -= np.log(ratio)  # as if it had been less probable then
    batch = pad([way] * 4, [advantage] * 4)
    expected = min(ratio * advantage, min(max(ratio, 0.8), 1.2) * advantage)
    assert value(network, batch, "ppo") == pytest.approx(-expected, 1e-4)
    slope = np.abs(np.asarray(gradient(network, batch, "ppo")["table"])).max()
    pays = ratio < 1.2 if advantage > 0 else ratio > 0.8
    assert (slope > 0) == pays


def test_a_first_step_of_adam_is_the_learning_rate_against_the_gradient() -> None:
    network = Network(2, 2, 3, 0.8)
    batch = pad(walks(network, 4), [1.0, -0.5, 0.2, 2.0])
    slopes = {k: np.asarray(v) for k, v in gradient(network, batch, "reinforce").items()}
    before = {name: array.copy() for name, array in network.weights.items()}
    improve(network, batch, "reinforce", learning_rate=0.01, entropy=0.0)
    for name, slope in slopes.items():
        clear = np.abs(slope) > 1e-4
        step = network.weights[name] - before[name]
        np.testing.assert_allclose(step[clear], -0.01 * np.sign(slope[clear]), rtol=1e-2)
        assert clear.any()
    assert network.updates == 1


# Searchers


def run(searcher: Searcher, score: Callable[[ja.Architecture], float], times: int) -> list[float]:
    rng, found = np.random.default_rng(0), list[float]()
    for _ in range(times):
        suggestion = searcher.ask(rng)
        found.append(score(suggestion.architecture))
        searcher.tell(suggestion, {"accuracy": found[-1]})
    return found


def matches(architecture: ja.Architecture) -> float:
    return float(np.mean([a == b for a, b in zip(architecture.values, (32, 8, 16), strict=True)]))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("reinforce", {"learning_rate": 0.02, "units": 8}),
        ("reinforce", {"learning_rate": 0.05, "layers": 0, "exponent": 1.0}),
        ("ppo", {"learning_rate": 0.01, "units": 8, "batch": 10, "epochs": 4}),
    ],
)
def test_a_policy_learns(name: str, options: Mapping[str, Any]) -> None:
    searcher = make_searcher(name, ja.trace(pairs), {**options, "repeats": True})
    scores = run(searcher, matches, 400)
    assert np.mean(scores[:50]) < 0.5
    assert np.mean(scores[-50:]) > np.mean(scores[:50]) + 0.3


def test_a_policy_learns_decisions_of_every_kind() -> None:
    space = ja.trace(mixed)

    def score(architecture: ja.Architecture) -> float:
        values = dict(architecture.decisions)
        order, rate = values["permutation"], values["rate"]
        assert isinstance(rate, float)
        return (order == (2, 0, 1)) + (values["depth"] == 2) - abs(rate - 0.3)

    config = ReinforceConfig(learning_rate=0.03, units=8, bins=8, repeats=True)
    scores = run(ReinforceSearcher(space, config), score, 480)
    assert np.mean(scores[-50:]) > np.mean(scores[:50]) + 0.8


def test_a_policy_that_repeats_nothing_beats_chance() -> None:
    space = ja.trace(
        lambda: ja.sequential(*[nn.dense(ja.Discrete([8, 16, 32, 64])) for _ in range(8)])
    )

    def score(architecture: ja.Architecture) -> float:
        hidden = [(8, 16, 32, 64)[(i * i + i // 2) % 4] for i in range(8)]
        return float(np.mean([a == b for a, b in zip(architecture.values, hidden, strict=True)]))

    options = {"layers": 0, "batch": 4, "learning_rate": 0.2}
    learnt = run(make_searcher("reinforce", space, options), score, 120)
    assert max(learnt) > max(run(make_searcher("random", space), score, 120)) + 0.1
    assert np.mean(learnt[-30:]) > np.mean(learnt[:30]) + 0.2


def test_rewards_and_the_baseline_by_hand() -> None:
    """Scores 2, 4, none and 6 of a loss: 1, 0.5, 0 and 0, cubed; the range is that of all told."""
    seen: list[Batch] = []

    class Watched(ReinforceSearcher):
        def _improve(self, network: Network, batch: Batch) -> None:
            seen.append(batch)

    config = ReinforceConfig(batch=2, decay=0.5, units=3)
    searcher = Watched(ja.trace(pairs), config, objective=Objective("loss", maximize=False))
    rng = np.random.default_rng(0)
    out = [searcher.ask(rng) for _ in range(6)]
    for place, score in ((3, 2.0), (0, 6.0), (5, None), (2, 4.0)):
        searcher.tell(out[place], None if score is None else {"loss": score})
    assert len(seen) == 2
    np.testing.assert_allclose(seen[0].advantages, [0.5, -0.5])
    baseline = 0.5 * (0.5 * 0.5 + 0.5 * 1) + 0.5 * 0
    np.testing.assert_allclose(seen[1].advantages, [-baseline, 0.125 - baseline])
    searcher.tell(out[2], {"loss": 9.0})  # told twice: the second time is ignored
    searcher.tell(out[1], {"loss": 9.0})
    assert len(seen) == 2


def test_a_policy_is_not_changed_by_what_chance_has_drawn() -> None:
    """All but one architecture are known, and the policy hardly ever leads to the last."""
    space = ja.trace(lambda: nn.dense(ja.Discrete([1, 2], name="width")))
    searcher = ReinforceSearcher(space, ReinforceConfig(batch=1, layers=0, learning_rate=30.0))
    rng = np.random.default_rng(0)
    first = searcher.ask(rng)
    searcher.tell(first, {"accuracy": 0.5})
    network = searcher.network
    assert network is not None
    token = network.token(f"width={first.architecture.values[0]}")
    weights = {name: array.copy() for name, array in network.weights.items()}
    weights["table"][token] = 60.0
    network.update(weights, network.mean, network.square, 1)
    second = searcher.ask(rng)
    assert second.architecture != first.architecture
    searcher.tell(second, {"accuracy": 1.0})
    assert network.updates == 1
    with pytest.raises(ja.SpaceExhausted):
        searcher.ask(rng)


def test_late_results_and_copies_go_on_alike() -> None:
    def make() -> PolicySearcher[PpoConfig]:
        return PpoSearcher(ja.trace(mixed), PpoConfig(units=4, batch=4, epochs=2, bins=8))

    searcher, rng = make(), np.random.default_rng(0)
    out = [searcher.ask(rng) for _ in range(12)]
    for suggestion in out[:7][::-1]:
        searcher.tell(suggestion, {"accuracy": float(rng.random())})
    assert searcher.network is not None
    assert searcher.network.updates == 2
    again = make()
    again.restore(json.loads(json.dumps(searcher.state(), allow_nan=False)))
    for both in (searcher, again):
        both.tell(out[8], None)
        both.tell(out[11], {"accuracy": 0.3})
    assert again.state() == searcher.state()
    asked = [[both.ask(np.random.default_rng(s)) for s in range(5)] for both in (searcher, again)]
    assert asked[0] == asked[1]


ON = """
import hashlib, json, sys
import numpy as np
import jarch as ja
def go_on(searcher):
    for seed in range(8):
        suggestion = searcher.ask(np.random.default_rng(seed))
        searcher.tell(suggestion, {"accuracy": np.random.default_rng(seed).random()})
    return hashlib.sha256(json.dumps(searcher.state()).encode()).hexdigest()
"""
ELSEWHERE = """
for name, options, state in json.loads(sys.argv[1]):
    searcher = ja.make_searcher(name, ja.trace(ja.spaces.digits_dense), options)
    searcher.restore(state)
    print(go_on(searcher))
"""


def test_updates_in_another_process_are_the_same(run_python: Callable[..., str]) -> None:
    here: dict[str, Any] = {}
    exec(ON, here)
    states: list[Any] = []
    expected: list[str] = []
    for name, more in (("reinforce", {}), ("ppo", {"epochs": 2})):
        options = {"units": 4, "batch": 4, "learning_rate": 0.01, **more}
        searcher = make_searcher(name, ja.trace(ja.spaces.digits_dense), options)
        here["go_on"](searcher)
        states.append([name, options, json.loads(json.dumps(searcher.state()))])
        expected.append(here["go_on"](searcher))
    assert run_python(ON + ELSEWHERE, json.dumps(states)).split() == expected


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("reinforce", {"layers": -1}, "layers is -1; use at least 0"),
        ("reinforce", {"batch": 0}, "batch is 0; use at least 1"),
        ("reinforce", {"bins": 1}, "bins is 1; use at least 2"),
        ("reinforce", {"decay": 1.5}, r"decay is 1.5; a probability is in 0\.\.1"),
        ("reinforce", {"learning_rate": 0.0}, "learning_rate is 0.0; use a number above 0"),
        ("reinforce", {"exponent": -1.0}, "exponent is -1.0; use a number above 0"),
        ("ppo", {"clip": 0.0}, "clip is 0.0; use a number above 0"),
        ("ppo", {"epochs": 0}, "epochs is 0; use at least 1"),
        ("ppo", {"entropy": -0.1}, "entropy is -0.1; use at least 0"),
    ],
)
def test_wrong_options_say_what_is_right(
    name: str, options: Mapping[str, Constant], message: str
) -> None:
    with pytest.raises(SearchError, match=message):
        make_searcher(name, ja.trace(pairs), options)
