"""`check` against the brute force of analysing every architecture."""

import re
from collections.abc import Iterable

import pytest
from hypothesis import assume, given, strategies as st

import jarch as ja
from jarch import nn
from jarch.ir import Constant, Counterexample, Inference, Op, Properties, Shapes
from jarch.ir.shape_elimination import RelaxedShapeElimination
from jarch.testing import strategies


def infer(properties: Properties, shapes: Shapes) -> Inference:
    """Take vectors of up to `limit` numbers."""
    width, limit = shapes["in"][-1], properties["limit"]
    assert isinstance(limit, int)
    if width > limit:
        raise ja.ShapeError(f"a vector of {width} is longer than {limit}")
    return Inference({"out": shapes["in"]})


LIMIT = Op("test_checking:LIMIT", infer)


def limited(space_function: strategies.SpaceFunction, limit: int) -> ja.Space:
    """A generated space of which each output may be only so wide."""

    def space() -> ja.Fragment:
        inner = space_function()
        wiring = ja.Wiring(inner.inputs)
        ends = wiring.add(inner, {name: wiring.input(name) for name in inner.inputs})
        limits = {
            name: wiring.add(ja.basic(LIMIT, {"limit": limit}), {"in": end})["out"]
            for name, end in ends.items()
        }
        return wiring.build(limits)

    return ja.trace(space)


def fails(architecture: ja.Architecture) -> bool:
    try:
        ja.analyze(architecture, dict.fromkeys(architecture.inputs, (strategies.WIDTH,)))
    except ja.ShapeError:
        return True
    return False


def breaks(space: ja.Space) -> bool:
    """Whether there are architectures, and none fits."""
    found = list(ja.enumerate_architectures(space))
    return bool(found) and all(map(fails, found))


def fewest(space: ja.Space) -> int:
    """How many decisions break a space, by trying all sets of them."""
    level = {frozenset[tuple[str, Constant]](): space}
    for size in range(100):
        if any(map(breaks, level.values())):
            return size
        level = {
            decided | {(h.key, value)}: after
            for decided, before in level.items()
            for h in before.state.assignable()
            for value in h.domain
            if (after := decide(before, [(h.key, value)])) is not None
        }
    raise AssertionError("nothing breaks it")


def decide(space: ja.Space, decisions: Iterable[tuple[str, Constant]]) -> ja.Space | None:
    """The space after decisions by key in this order; None where one is refused."""
    try:
        for key, value in decisions:
            space = ja.assign(space, value, key=key)
    except ja.InvalidArchitecture:
        return None
    return space


@given(strategies.space_functions(), st.integers(3, 9))
def test_check_agrees_with_brute_force(
    space_function: strategies.SpaceFunction, limit: int
) -> None:
    kinds = set(re.findall(r"kind='(\w+)'", repr(space_function)))
    # Whether a refusal is dropped in time depends on the order, which check knows nothing of.
    assume(not (kinds & {"refuse", "picky"} and kinds & {"pick", "fork", "tower"}))
    try:
        space = limited(space_function, limit)
    except ja.InvalidArchitecture:
        return
    if ja.count(space) > 64:
        return
    inputs = dict.fromkeys(space.program.fragment.inputs, (strategies.WIDTH,))
    found = ja.check(space, inputs)
    assert (found is None) == (not any(map(fails, ja.enumerate_architectures(space))))
    if RelaxedShapeElimination(space, inputs).results()[0] is None:
        assert found is None
    if found is not None:
        decided = decide(space, found.decisions)
        assert decided is not None
        assert breaks(decided), found
        assert found.shortest
        assert len(found.decisions) == fewest(space), found


def counterexample(space: ja.Space, **inputs: tuple[int, ...]) -> Counterexample:
    found = ja.check(space, inputs or {"in": (8, 8, 1)})
    assert found is not None
    return found


def test_names_only_the_decisions_that_matter() -> None:
    def space() -> ja.Fragment:
        halve = [ja.optional(lambda: nn.max_pool(window=2), ja.Bool(name)) for name in "ab"]
        norm = ja.optional(nn.batch_norm, ja.Bool("norm"))
        return ja.sequential(norm, *halve, norm, nn.max_pool(window=3))

    found = counterexample(ja.trace(space))
    assert set(found.decisions) == {("a", True), ("b", True)}
    assert found.node == "max_pool"
    assert "(2, 2)" in found.reason


def test_decisions_can_be_assigned_in_order() -> None:
    def space() -> ja.Fragment:
        def deeper() -> ja.Fragment:
            return nn.max_pool(window=ja.Discrete([2, 9], name="window"))

        return ja.optional(deeper, ja.Bool("pool"))

    space_ = ja.trace(space)
    found = counterexample(space_)
    assert found.decisions == (("pool", True), ("optional/window", 9))
    for key, value in found.decisions:
        space_ = ja.assign(space_, value, key=key)
    assert space_.next is None


def test_error_without_any_decision() -> None:
    found = counterexample(ja.trace(lambda: nn.max_pool(window=9)))
    assert found.decisions == ()


def test_many_independent_parts_are_not_enumerated() -> None:
    def space() -> ja.Fragment:
        parts = [ja.optional(nn.relu, ja.Bool()) for _ in range(100)]
        return ja.sequential(*parts, nn.dense(features=ja.Discrete([2, 3])))

    assert ja.check(ja.trace(space), {"in": (4,)}) is None


def test_a_hyperparameter_revealed_late_is_the_same_decision() -> None:
    """Both branches reveal the width from outside: they never differ, so they can be added."""

    def space() -> ja.Fragment:
        width = ja.Discrete([2, 3], name="width")
        branches = [
            ja.optional(lambda: nn.dense(features=width), ja.Discrete([True], name=name))
            for name in "ab"
        ]
        return ja.residual(branches[0], branches[1])

    assert ja.check(ja.trace(space), {"in": (4,)}) is None


def test_a_missing_input_is_named() -> None:
    with pytest.raises(ja.SpaceError, match="'in'"):
        ja.check(ja.trace(nn.relu), {})


def test_what_is_dropped_need_not_fit() -> None:
    def space() -> ja.Fragment:
        def function(which: int) -> ja.Fragment:
            wiring = ja.Wiring([f"in{which}"])
            return wiring.build({"out": wiring.input(f"in{which}")})

        wiring = ja.Wiring()
        narrow = nn.max_pool(window=ja.Discrete([2, 9], name="window"))
        ends = {
            "in0": wiring.add(narrow, {"in": wiring.input()})["out"],
            "in1": wiring.input(),
        }
        which = ja.OneOfK(2, name="which")
        pick = ja.substitution(function, {"which": which}, ["in0", "in1"], may_drop=True)
        return wiring.build(wiring.add(pick, ends))

    found = counterexample(ja.trace(space))
    assert dict(found.decisions) == {"which": 0, "window": 9}


def test_fewer_decisions_may_lead_to_different_errors() -> None:
    """`many` alone always breaks something, though each single error takes two decisions."""

    def space() -> ja.Fragment:
        def parts(many: bool) -> ja.Fragment:
            if not many:
                return ja.sequential(pool("a", "first"), pool("b", "first"))
            side = ja.Bool("side")
            return ja.sequential(
                pool(side, "left"), pool(ja.Dependent(inverse, {"side": side}), "r")
            )

        def inverse(side: bool) -> bool:
            return not side

        def pool(on: str | ja.ir.Hyperparameter, name: str) -> ja.Fragment:
            flag = ja.Bool(on) if isinstance(on, str) else on
            window = 2 if name == "first" else 9
            return ja.optional(lambda: nn.max_pool(window=window, name=name), flag)

        return ja.sequential(
            ja.substitution(parts, {"many": ja.Bool("many")}, name="parts"), nn.max_pool(window=3)
        )

    assert counterexample(ja.trace(space)).decisions == (("many", True),)


def test_whether_it_is_the_shortest_is_said() -> None:
    """Any four of forty pools are too many; there are more sets of three than are ruled out."""

    def space() -> ja.Fragment:
        halve = [ja.optional(lambda: nn.max_pool(window=2), ja.Bool()) for _ in range(40)]
        return ja.sequential(*halve)

    found = counterexample(ja.trace(space), **{"in": (8, 8, 1)})
    assert len(found.decisions) == 4
    assert not found.shortest


def test_what_waits_behind_other_decisions_comes_after_them() -> None:
    """The width is open once the order of the layers is decided, whichever way."""

    def space() -> ja.Fragment:
        layers = [nn.relu, lambda: nn.max_pool(window=ja.Discrete([1, 9], name="window"))]
        rate = ja.Discrete([0.1, 0.2], name="rate")
        return ja.sequential(ja.permutation(layers, ja.Permutation(2)), nn.dropout(rate))

    found = counterexample(ja.trace(space))
    assert len(found.decisions) == 2
    assert found.decisions[1][1] == 9


def test_decisions_shared_by_all_of_a_large_space() -> None:
    """Six decisions in each of fifteen cells, of which all values fit in any mixture."""
    assert ja.check(ja.trace(ja.spaces.nasbench201), {"in": (32, 32, 3)}) is None
