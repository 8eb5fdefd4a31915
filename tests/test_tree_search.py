"""Monte Carlo tree search: its statistics by hand, and what it does without."""

import json

import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.ir import Constant
from jarch.search import MctsConfig, MctsSearcher, tree

from .searched_spaces import WIDTHS, chain, matches, two_steps

pytestmark = pytest.mark.unverified  # the transitions are verified elsewhere, on the same spaces


def test_uct_by_hand() -> None:
    """Rewards of 0.9 and 0.1: after each was tried once, the bounds choose as follows.

    0.9 + sqrt(2 ln 2 / 1) > 0.1 + sqrt(2 ln 2 / 1): the first;
    0.9 + sqrt(2 ln 3 / 2) = 1.948 > 0.1 + sqrt(2 ln 3) = 1.582: the first;
    0.9 + sqrt(2 ln 4 / 3) = 1.861 > 0.1 + sqrt(2 ln 4) = 1.765: the first;
    0.9 + sqrt(2 ln 5 / 4) = 1.797 < 0.1 + sqrt(2 ln 5) = 1.894: the second.
    """
    space = ja.trace(lambda: nn.dense(ja.Discrete([8, 16], name="width")))
    searcher = MctsSearcher(space, MctsConfig(exploration=1.0, scaled=False, repeats=True))
    rng, chosen = np.random.default_rng(0), list[Constant]()
    for _ in range(6):
        suggestion = searcher.ask(rng)
        (width,) = suggestion.architecture.values
        searcher.tell(suggestion, {"accuracy": 0.9 if width == 8 else 0.1})
        chosen.append(width)
    assert set(chosen[:2]) == {8, 16}
    assert chosen[2:] == [8, 8, 8, 16]


def test_statistics_of_the_tree_by_hand() -> None:
    """The first walk grows the root's children and ends in one; the others grow one level more."""
    searcher, rng = MctsSearcher(ja.trace(two_steps)), np.random.default_rng(0)
    rewards: dict[Constant, list[float]] = {"left": [], "right": []}
    for i in range(5):
        suggestion = searcher.ask(rng)
        side = suggestion.architecture.values[0]
        rewards[side].append(i / 10)
        searcher.tell(suggestion, {"accuracy": i / 10})
    root = searcher.root
    assert (root.visits, root.told, root.failed) == (5, 5, 0)
    assert root.total == pytest.approx(1.0)
    assert root.children is not None
    below: list[int] = []
    for child, side in zip(root.children, ["left", "right"], strict=True):
        assert (child.visits, child.told) == (len(rewards[side]),) * 2
        assert child.total == pytest.approx(sum(rewards[side]))
        assert child.mean(0.0) == pytest.approx(np.mean(rewards[side]))
        assert child.children is not None
        below += [grandchild.visits for grandchild in child.children]
    assert sum(below) == root.visits - 1
    assert max(below) == 1


def test_what_is_out_counts_as_a_visit_and_failures_as_the_worst() -> None:
    searcher, rng = MctsSearcher(ja.trace(two_steps)), np.random.default_rng(0)
    out = [searcher.ask(rng) for _ in range(4)]
    assert (searcher.root.visits, searcher.root.told) == (4, 0)
    searcher.tell(out[1], None)
    searcher.tell(out[0], {"accuracy": 0.2})
    searcher.tell(out[3], {"accuracy": 0.8})
    assert (searcher.root.told, searcher.root.failed) == (3, 1)
    assert searcher.root.mean(0.2) == pytest.approx((0.2 + 0.2 + 0.8) / 3)
    searcher.tell(out[1], {"accuracy": 9.0})  # told twice: the second time is ignored
    assert searcher.root.told == 3


def test_failures_steer_away() -> None:
    searcher = MctsSearcher(ja.trace(chain), MctsConfig(exploration=0.2))
    rng, failed = np.random.default_rng(0), 0
    for _ in range(200):
        suggestion = searcher.ask(rng)
        bad = suggestion.architecture.values[0] != 8
        failed += bad
        searcher.tell(suggestion, None if bad else {"accuracy": 0.5 + rng.random() / 10})
    assert failed < 40


def test_nothing_is_replayed_from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(space: ja.Space, value: object) -> ja.Space:
        calls.append(len(space.decisions))
        return ja.assign(space, value)

    monkeypatch.setattr(tree, "assign", counted)
    searcher, rng = MctsSearcher(ja.trace(chain)), np.random.default_rng(0)
    for _ in range(200):
        suggestion = searcher.ask(rng)
        before = len(calls)
        searcher.tell(suggestion, matches(suggestion.architecture))
        assert len(calls) == before
    assert len(calls) <= 400  # at most two transitions for each walk: into a leaf, and below it
    assert calls.count(0) == len(WIDTHS)


def test_a_state_leaves_out_what_was_never_visited() -> None:
    """Of a thousand children of a node a walk visits one, and all of them come back."""

    def wide() -> ja.Fragment:
        return ja.sequential(*[nn.dense(ja.Integer(1, 1000, name="width")) for _ in range(3)])

    def refuse_seven(architecture: ja.Architecture) -> None:
        if architecture.values[0] == 7:
            raise ja.InvalidArchitecture("7 will not do")

    searchers = [MctsSearcher(ja.trace(wide), constraint=refuse_seven) for _ in range(2)]
    rng = np.random.default_rng(0)
    for _ in range(60):
        suggestion = searchers[0].ask(rng)
        searchers[0].tell(suggestion, {"accuracy": float(rng.random())})
    state = json.loads(json.dumps(searchers[0].state()))
    assert len(state["tree"]) < 130
    searchers[1].restore(state)
    assert searchers[1].state() == state
    for seed in range(40):
        first, second = (s.ask(np.random.default_rng(seed)) for s in searchers)
        assert first == second
        for searcher in searchers:
            searcher.tell(first, {"accuracy": seed % 3 / 3})
    assert searchers[0].state() == searchers[1].state()


def test_what_is_closed_or_grown_without_a_visit_stays_in_a_state() -> None:
    root = tree.plant(ja.trace(two_steps))
    left, right = (tree.Node() for _ in range(2))
    root.children, left.closed = [left, right, tree.Node()], True
    right.children = [tree.Node(), tree.Node(visits=1)]
    rows = json.loads(json.dumps(tree.to_rows(root)))
    assert [row[-2:] for row in rows] == [[3, [0, 1]], [-1, []], [2, [1]], [-1, []]]
    assert tree.to_rows(tree.from_rows(ja.trace(two_steps), rows)) == rows


def test_a_deep_tree_can_be_saved() -> None:
    def deep() -> ja.Fragment:
        layers = [nn.dense(ja.Discrete([8], name="width")) for _ in range(1500)]
        return ja.sequential(*layers, nn.dense(ja.Discrete(range(1, 5000), name="last")))

    space = ja.trace(deep)
    root = tree.Node(space=space)
    node = root
    for _ in range(1500):
        node.children = [tree.Node(visits=1)]
        node = node.children[0]
    rows = json.loads(json.dumps(tree.to_rows(root)))
    assert tree.to_rows(tree.from_rows(space, rows)) == rows
