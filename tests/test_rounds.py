"""The order of decisions: rounds, in backward breadth-first order."""

import random
from collections import deque
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

import jarch as ja
from jarch import nn
from jarch.ir import (
    OPS,
    Constant,
    DependentHyperparameter,
    Hyperparameter,
    IndependentHyperparameter,
    Node,
    Property,
    Source,
    Substitution,
    is_hyperparameter,
)
from jarch.ir.scopes import scope
from jarch.testing import strategies


def discrete(name: str, *values: object) -> IndependentHyperparameter:
    return ja.Discrete(values or (1, 2), name=name)


def dense(features: Property, name: str = "dense") -> ja.Fragment:
    return nn.dense(features=features, name=name)


def first_of(**values: Constant) -> Constant:
    return next(iter(values.values()))


def depends(name: str, **parents: Hyperparameter) -> Hyperparameter:
    return ja.Dependent(first_of, parents, name=name)


def asked(space: ja.Space, choose: Callable[[IndependentHyperparameter], object]) -> list[str]:
    """The keys in the order asked for; the space is verified after each transition."""
    ja.verify(space)
    while space.next is not None:
        space = ja.assign(space, choose(space.next))
        ja.verify(space)
    return [key for key, _ in space.decisions]


def last_value(h: IndependentHyperparameter) -> object:
    return h.domain[len(h.domain) - 1]


def test_nodes_near_the_output_come_first() -> None:
    def space() -> ja.Fragment:
        return ja.sequential(*[dense(discrete(name, 1, 2)) for name in "abc"])

    assert asked(ja.trace(space), last_value) == ["c", "b", "a"]


def test_outputs_come_sorted_by_name_and_breadth_first() -> None:
    def space() -> ja.Fragment:
        wiring = ja.Wiring()
        ends: dict[str, Source] = {}
        for output in ("z", "a"):
            tower = ja.sequential(dense(discrete(f"{output}1")), dense(discrete(f"{output}0")))
            ends[output] = wiring.add(tower, {"in": wiring.input()})["out"]
        return wiring.build(ends)

    assert asked(ja.trace(space), last_value) == ["a0", "z0", "a1", "z1"]


def test_properties_come_sorted_by_name() -> None:
    def space() -> ja.Fragment:
        return nn.conv(
            strides=discrete("first", 1),
            kernel_size=discrete("second", 1),
            features=discrete("third", 1),
            dilation=discrete("fourth", 1),
        )

    assert asked(ja.trace(space), last_value) == ["fourth", "third", "second", "first"]


def test_inputs_come_in_the_order_of_declaration() -> None:
    def space() -> ja.Fragment:
        wiring = ja.Wiring()
        names = ["in1", "in0", "in2"]
        feeds = {
            name: wiring.add(dense(discrete(name)), {"in": wiring.input()})["out"] for name in names
        }
        return wiring.build(wiring.add(ja.basic(OPS["add"], {}, inputs=names), feeds))

    assert asked(ja.trace(space), last_value) == ["in1", "in0", "in2"]


def test_each_hyperparameter_comes_once_where_it_is_met_first() -> None:
    def space() -> ja.Fragment:
        shared = discrete("shared", 1)
        return ja.sequential(dense(discrete("a", 1)), dense(shared), dense(shared), dense(shared))

    assert asked(ja.trace(space), last_value) == ["shared", "a"]


def test_ancestors_of_a_dependent_come_level_by_level_with_parents_sorted_by_name() -> None:
    def space() -> ja.Fragment:
        names = ["near", "far", "farther", "left", "right"]
        near, far, farther, left, right = (discrete(name, 1) for name in names)
        deep = depends("deep", y=depends("deeper", x=farther), x=far)
        wide = depends("wide", q=right, p=left)
        features = depends("features", c=near, b=wide, a=deep)
        return ja.sequential(dense(discrete("other", 1)), dense(features))

    order = asked(ja.trace(space), last_value)
    assert order == ["near", "far", "left", "right", "farther", "other"]


def test_what_substitutions_make_waits_for_the_next_round() -> None:
    def grow(depth: int) -> ja.Fragment:
        return ja.sequential(*[dense(discrete("inner", 1, 2)) for _ in range(depth)])

    def space() -> ja.Fragment:
        late = ja.substitution(grow, {"depth": discrete("depth", 1, 2)}, name="late")
        return ja.sequential(dense(discrete("a", 1)), late, dense(discrete("b", 1)))

    traced = ja.trace(space)
    early = ja.replay(
        traced, {"depth": 2, "late/inner": 1, "b": 1, "a": 1, "late/inner-1": 2}
    )  # the program remembers no order from this
    assert asked(traced, last_value) == ["b", "depth", "a", "late/inner-1", "late/inner"]
    assert ja.replay(traced, [1, 2, 1, 2, 1]) == early


def test_a_hyperparameter_that_is_no_longer_reachable_is_dropped() -> None:
    def pick(which: int) -> ja.Fragment:
        wiring = ja.Wiring([f"in{which}"])
        return wiring.build({"out": wiring.input(f"in{which}")})

    def space() -> ja.Fragment:
        wiring = ja.Wiring()
        sides = {
            f"in{i}": wiring.add(dense(discrete(f"side{i}", 1, 2)), {"in": wiring.input()})["out"]
            for i in range(2)
        }
        properties = {"which": discrete("which", 0, 1)}
        picked = ja.substitution(pick, properties, ["in0", "in1"], may_drop=True)
        return wiring.build(wiring.add(picked, sides))

    traced = ja.trace(space)
    assert asked(traced, last_value) == ["which", "side1"]
    assert asked(traced, lambda h: h.domain[0]) == ["which", "side0"]
    early = ja.assign(ja.assign(traced, 2, key="side0"), 1)
    assert asked(early, last_value) == ["side0", "which", "side1"]


def test_what_only_a_dropped_node_used_of_a_piece_with_two_outputs_is_dropped() -> None:
    """Also where the piece is expanded after the node was dropped."""

    def two(open: int) -> ja.Fragment:
        wiring = ja.Wiring()
        ends = {
            name: wiring.add(dense(discrete(name, 1, 2)), {"in": wiring.input()})["out"]
            for name in ("left", "right")
        }
        return wiring.build(ends)

    def pick(which: str) -> ja.Fragment:
        wiring = ja.Wiring([which])
        return wiring.build({"out": wiring.input(which)})

    def space() -> ja.Fragment:
        wiring = ja.Wiring()
        properties = {"open": discrete("open")}
        piece = ja.substitution(two, properties, outputs=["left", "right"], name="two")
        ends = wiring.add(piece, {"in": wiring.input()})
        ends["left"] = wiring.add(nn.relu(), {"in": ends["left"]})["out"]
        which = {"which": discrete("which", "left", "right")}
        picked = ja.substitution(pick, which, ["left", "right"], name="pick", may_drop=True)
        return wiring.build(wiring.add(picked, ends))

    traced = ja.trace(space)
    assert asked(traced, last_value) == ["which", "open", "two/right"]
    assert asked(ja.assign(traced, 1, key="open"), last_value) == ["open", "which", "two/right"]


def test_a_used_output_that_a_substitution_drops_is_an_error() -> None:
    def fewer(drop: bool) -> ja.Fragment:
        wiring = ja.Wiring()
        names = ["a"] if drop else ["a", "b"]
        return wiring.build({name: wiring.input() for name in names})

    def space() -> ja.Fragment:
        wiring = ja.Wiring()
        piece = ja.substitution(fewer, {"drop": ja.Bool()}, outputs=["a", "b"], may_drop=True)
        return wiring.build(wiring.add(piece, {"in": wiring.input()}))

    assert ja.replay(ja.trace(space), [False]).nodes == ()
    with pytest.raises(ja.SpaceError, match=r"^substitution: output 'b' is used, but the piece"):
        ja.replay(ja.trace(space), [True])


# The order of rounds, against a naive reading of the design.

End = tuple[str, str]


class Naive:
    """The transitions by the letter: one mutable graph, searched anew for every question."""

    def __init__(self, space_function: Callable[[], ja.Fragment]) -> None:
        with scope(""):
            fragment = space_function()
        self.nodes: dict[str, tuple[Node, dict[str, End]]] = {}
        self.replaced: dict[End, End] = {}
        self.values: dict[str, Constant] = {}
        self.outputs = self._place("", fragment, {name: ("", name) for name in fragment.inputs})
        self._expand()

    def decide(
        self, choose: Callable[[IndependentHyperparameter], Constant]
    ) -> list[tuple[str, Constant]]:
        decisions: list[tuple[str, Constant]] = []
        while order := self._order():
            for h in order:
                if h in self._order():
                    self.values[h.key] = choose(h)
                    decisions.append((h.key, self.values[h.key]))
                    self._expand()
        return decisions

    def architecture(self) -> object:
        nodes = {
            key: (
                self.nodes[key][0].label,
                {name: self._value(value) for name, value in self.nodes[key][0].properties},
                {name: self._resolve(end) for name, end in self.nodes[key][1].items()},
            )
            for key in self._reachable()
        }
        return nodes, {name: self._resolve(end) for name, end in self.outputs.items()}

    def _place(self, prefix: str, fragment: ja.Fragment, feeds: dict[str, End]) -> dict[str, End]:
        def end(source: Source) -> End:
            return (prefix + source.node, source.output) if source.node else feeds[source.output]

        for name, node in fragment.nodes:
            self.nodes[prefix + name] = node, {name: end(source) for name, source in node.inputs}
        return {name: end(source) for name, source in fragment.outputs}

    def _resolve(self, end: End) -> End:
        while end in self.replaced:
            end = self.replaced[end]
        return end

    def _reachable(self) -> list[str]:
        found: list[str] = []
        queue = deque(end for _, end in sorted(self.outputs.items()))
        while queue:
            key = self._resolve(queue.popleft())[0]
            if key and key not in found:
                found.append(key)
                queue.extend(self.nodes[key][1].values())
        return found

    def _value(self, value: Property) -> Constant:
        if not is_hyperparameter(value):
            return value  # type: ignore[return-value]
        if isinstance(value, IndependentHyperparameter):
            return self.values[value.key]
        arguments = {name: self._value(parent) for name, parent in value.parents}
        return value.function(**arguments)  # type: ignore[return-value]

    def _expand(self) -> None:
        for key in self._reachable():
            node, feeds = self.nodes[key]
            try:
                arguments = {name: self._value(value) for name, value in node.properties}
            except KeyError:
                continue
            if isinstance(node, Substitution):
                with scope(key):
                    fragment = node.function(**arguments)
                for output, end in self._place(f"{key}/", fragment, feeds).items():
                    self.replaced[key, output] = end
                return self._expand()

    def _order(self) -> list[IndependentHyperparameter]:
        found: list[IndependentHyperparameter] = []
        for key in self._reachable():
            levels = [value for _, value in self.nodes[key][0].properties]
            for value in levels:
                queue: deque[Property] = deque([value])
                while queue:
                    h = queue.popleft()
                    if isinstance(h, IndependentHyperparameter):
                        if h.key not in self.values and h not in found:
                            found.append(h)
                    elif isinstance(h, DependentHyperparameter):
                        queue.extend(parent for _, parent in h.parents)
        return found


def wander(
    space: ja.Space, choose: Callable[[IndependentHyperparameter], Constant], chance: random.Random
) -> None:
    """Assign in another order: what the program remembers of it must not show elsewhere."""
    while space.next is not None:
        h = chance.choice(space.open)
        space = ja.assign(space, choose(h), key=h.key)


@given(strategies.space_functions(), st.randoms(use_true_random=False))
def test_decisions_and_graph_are_those_of_a_naive_reading(
    space_function: strategies.SpaceFunction, chance: random.Random
) -> None:
    values: dict[str, Constant] = {}

    def choose(h: IndependentHyperparameter) -> Constant:
        return values.setdefault(h.key, h.domain[chance.randrange(len(h.domain))])

    try:
        naive = Naive(space_function)
        decisions = naive.decide(choose)
    except ja.InvalidArchitecture:
        with pytest.raises(ja.InvalidArchitecture):
            asked(ja.trace(space_function), choose)
        return
    try:
        space = ja.trace(space_function)
        wander(space, choose, chance)
        keys = asked(space, choose)
    except ja.InvalidArchitecture:
        # Of pieces that are ready at once, one may refuse before another one drops it.
        assert any(drops in repr(space_function) for drops in ("'pick'", "'fork'"))
        return
    assert keys == [key for key, _ in decisions]
    found = ja.replay(space, [value for _, value in decisions])
    assert list(found.decisions) == decisions
    nodes = {
        key: (
            node.label,
            dict(node.properties),
            {name: (source.node, source.output) for name, source in node.inputs},
        )
        for key, node in found.nodes
    }
    outputs = {name: (source.node, source.output) for name, source in found.outputs}
    assert (nodes, outputs) == naive.architecture()
