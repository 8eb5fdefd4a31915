"""Encodings: equal models have equal rows, in every process, and the columns mean what they say."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

import jarch as ja
from jarch import nn
from jarch.spaces.cells import CELL_DECISIONS
from jarch.surrogates import (
    AdjacencyEncoder,
    Encoder,
    HashingEncoder,
    JoinedEncoder,
    NgramEncoder,
    PathEncoder,
    SurrogateError,
    WeisfeilerLehmanEncoder,
)
from jarch.surrogates.graphs import as_batch, gathered
from jarch.testing import strategies

pytestmark = pytest.mark.unverified

ROOT = Path(ja.__file__).parent.parent
ENCODERS: dict[str, Encoder] = {
    "adjacency": AdjacencyEncoder(),
    "adjacency, cut": AdjacencyEncoder(False, nodes=5, most=20),
    "hashing": HashingEncoder(),
    "hashing, all columns": HashingEncoder(None),
    "ngrams": NgramEncoder(),
    "operations": NgramEncoder(2, properties=False, size=32),
    "paths": PathEncoder(),
    "short paths": PathEncoder(limit=3, size=64),
    "wl": WeisfeilerLehmanEncoder(),
    "wl, hashed": WeisfeilerLehmanEncoder(1, size=128),
    "joined": JoinedEncoder((PathEncoder(most=3), HashingEncoder(None, most=9))),
}


def single(piece: Any) -> ja.Architecture:
    return ja.replay(ja.trace(lambda: piece), [])


@given(name=st.sampled_from(list(ENCODERS)), data=st.data())
def test_equal_models_have_equal_rows(name: str, data: st.DataObject) -> None:
    space = data.draw(strategies.spaces(max_count=60))
    nets = list(ja.enumerate_architectures(space))
    rows = ENCODERS[name].fit(nets[:5]).encode(nets)
    assert rows.shape[0] == len(nets)
    of: dict[str, bytes] = {}
    for net, row in zip(nets, rows, strict=True):
        assert of.setdefault(ja.fingerprint(net), row.tobytes()) == row.tobytes()


@given(name=st.sampled_from(list(ENCODERS)), data=st.data())
def test_rows_do_not_depend_on_the_company(name: str, data: st.DataObject) -> None:
    space = data.draw(strategies.spaces(max_count=20))
    nets = list(ja.enumerate_architectures(space))
    assume(nets)
    fitted = ENCODERS[name].fit(nets)
    together, alone = fitted.encode(nets), [fitted.encode([net])[0] for net in nets]
    assert together.shape == (len(nets), fitted.size)
    np.testing.assert_array_equal(together, alone)
    assert fitted.encode([]).shape == (0, fitted.size)


def test_keys_play_no_part() -> None:
    first = single(ja.sequential(nn.relu(name="a"), nn.dense(3, name="b")))
    second = single(ja.sequential(nn.relu(name="z"), nn.dense(3, name="c")))
    for encoder in ENCODERS.values():
        np.testing.assert_array_equal(*encoder.fit([first]).encode([first, second]))


@pytest.mark.parametrize("name", ENCODERS)
def test_other_models_have_other_rows(name: str) -> None:
    first = single(ja.sequential(nn.relu(), nn.dense(3)))
    second = single(ja.sequential(nn.tanh(), nn.dense(3)))
    rows = ENCODERS[name].fit([first, second]).encode([first, second])
    assert (rows[0] != rows[1]).any()


def test_rows_are_the_same_in_another_process() -> None:
    program = """
import jarch as ja, numpy as np, hashlib
from tests.test_encodings import ENCODERS
space = ja.trace(ja.spaces.digits_conv)
nets = [ja.sample(space, np.random.default_rng(i)) for i in range(5)]
found = [encoder.fit(nets).encode(nets).tobytes() for encoder in ENCODERS.values()]
print(hashlib.sha256(b"".join(found)).hexdigest())
"""
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_what_carries_nothing_leaves_no_trace() -> None:
    space = ja.trace(ja.spaces.nasbench201_cell)
    skip, none, conv = "skip_connect", "none", "nor_conv_3x3"
    dead = ja.replay(space, dict(zip(names(), [none, skip, none, conv, none, conv], strict=True)))
    operations = operations_of(dead)
    assert "zero" not in operations
    assert operations.count("conv") == 2
    nothing = ja.replay(space, [none] * 6)
    assert operations_of(nothing) == ["@input", "@output"]
    assert PathEncoder().fit([dead]).encode([nothing]).sum() == 0


def operations_of(net: ja.Architecture) -> list[str]:
    batch = as_batch([net])
    places: list[int] = batch.kind.tolist()
    return [batch.kinds[i].op for i in places]


def names() -> tuple[str, ...]:
    return CELL_DECISIONS


def test_paths_are_those_from_input_to_output() -> None:
    net = single(ja.residual(ja.residual(nn.relu())))  # itself, or itself twice, or relu
    fitted = PathEncoder().fit([net])
    assert fitted.size == 2
    assert fitted.encode([net]).tolist() == [[1.0, 1.0]]
    assert PathEncoder(skipped=()).fit([net]).size == 3


def test_paths_are_cut_to_the_shortest() -> None:
    def ladder() -> ja.Fragment:
        return ja.sequential(*[ja.residual(nn.relu()) for _ in range(12)])

    net = ja.replay(ja.trace(ladder), [])
    assert PathEncoder().fit([net]).size == 13  # by how many of the relus it goes
    assert PathEncoder(limit=5).fit([net]).size == 5
    longer = single(ja.sequential(*[nn.relu() for _ in range(4)]))
    shorter = single(ja.sequential(*[nn.relu() for _ in range(2)]))
    assert PathEncoder(limit=4).fit([net]).encode([longer, shorter]).sum(axis=1).tolist() == [0, 1]


def test_ngrams_count_stretches_of_paths() -> None:
    net = single(ja.sequential(nn.relu(), nn.tanh(), nn.relu()))
    assert [NgramEncoder(n).fit([net]).size for n in (1, 2, 3)] == [4, 8, 11]
    assert NgramEncoder(3).fit([net]).encode([net]).sum() == 5 + 4 + 3


def test_larger_neighbourhoods_tell_order_apart() -> None:
    first = single(ja.sequential(nn.relu(), nn.tanh()))
    second = single(ja.sequential(nn.tanh(), nn.relu()))
    at = [WeisfeilerLehmanEncoder(r).fit([first]).encode([first, second]) for r in (0, 1)]
    np.testing.assert_array_equal(*at[0])
    assert (at[1][0] != at[1][1]).any()


def test_numbers_between_those_seen_lie_between() -> None:
    nets = [single(nn.dense(n)) for n in (2, 8, 32)]
    rows = HashingEncoder(None).fit(nets[::2]).encode(nets)
    sizes = rows[:, (rows[0] != rows[2]) & (rows[0] != 0) & (rows[2] != 0)]
    assert sizes.shape[1] >= 1
    assert (sizes[0] < sizes[1]).all()
    assert (sizes[1] < sizes[2]).all()


def test_an_adjacency_matrix_says_who_feeds_whom() -> None:
    net = single(ja.sequential(nn.relu(), ja.residual(nn.tanh())))
    rows = AdjacencyEncoder(properties=False).fit([net]).encode([net])
    assert sorted(rows[0].tolist()) == [1.0] * 5 + [1.0] * 5  # five nodes, five edges

    def doubled() -> ja.Fragment:
        wiring = ja.Wiring(["in"])
        taken = wiring.input("in")
        return wiring.build({"out": wiring.add(nn.add(2), {"in0": taken, "in1": taken})["out"]})

    twice = ja.replay(ja.trace(doubled), [])
    assert AdjacencyEncoder().fit([twice]).encode([twice]).max() == 2.0
    # the same operations, but the residual is around the other one
    other = single(ja.sequential(ja.residual(nn.relu()), nn.tanh()))
    both = AdjacencyEncoder(properties=False).fit([net, other]).encode([net, other])
    assert (both[0] != both[1]).any()


def test_adjacency_pads_what_is_smaller_and_cuts_what_is_larger() -> None:
    nets = [single(ja.sequential(*[nn.relu() for _ in range(depth)])) for depth in (1, 3, 6)]
    fitted = AdjacencyEncoder(properties=False).fit(nets[:2])
    # of three relus: places 1 to 3, and 2 for the output of the smaller; input; 4 edges, one shared
    rows = fitted.encode(nets)
    assert rows.shape == (3, fitted.size)
    assert rows.sum(axis=1).tolist() == [3 + 2, 5 + 4, 4 + 4]
    cut = AdjacencyEncoder(properties=False, nodes=3).fit(nets)
    np.testing.assert_array_equal(*cut.encode(nets[1:]))
    assert cut.encode(nets).sum(axis=1).tolist() == [5, 5, 5]


def test_adjacency_does_not_depend_on_the_order_of_making() -> None:
    def wired(first: bool) -> ja.Fragment:
        wiring = ja.Wiring(["in"])
        names = ["left", "right"] if first else ["right", "left"]
        made = {
            name: wiring.add(
                nn.dense(3) if name == "left" else nn.dense(5), {"in": wiring.input("in")}
            )["out"]
            for name in names
        }
        merged = wiring.add(nn.concatenate(2), {"in0": made["left"], "in1": made["right"]})
        return wiring.build({"out": merged["out"]})

    nets = [ja.replay(ja.trace(partial(wired, first)), []) for first in (True, False)]
    np.testing.assert_array_equal(*AdjacencyEncoder().fit(nets[:1]).encode(nets))


def test_the_columns_kept_are_those_that_vary_most() -> None:
    nets = [single(nn.relu())] * 4 + [single(nn.tanh())] * 4 + [single(nn.elu())]
    rows = PathEncoder(most=2).fit(nets).encode(nets)
    assert sorted(rows.sum(axis=0).tolist()) == [4.0, 4.0]
    with pytest.raises(SurrogateError, match="allow at least one"):
        PathEncoder(most=0).fit(nets)


def test_graphs_are_made_once_for_several_encodings(monkeypatch: pytest.MonkeyPatch) -> None:
    nets = [single(nn.relu()), single(nn.tanh())]
    rows = ENCODERS["joined"].fit(nets).encode(nets)
    known = gathered(nets)
    assert (gathered(known), known[1:]) == (known, nets[1:])
    monkeypatch.setattr("jarch.surrogates.graphs._Builder.add", None)  # no graph can be made
    assert (ENCODERS["joined"].fit(known).encode(known) == rows).all()


def test_true_is_not_one() -> None:
    nets = [single(nn.dense(3, use_bias=value)) for value in (True, False)]
    assert len(as_batch(nets).kinds) == 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: AdjacencyEncoder(nodes=0),
        lambda: HashingEncoder(0),
        lambda: NgramEncoder(0),
        lambda: PathEncoder(limit=0),
        lambda: WeisfeilerLehmanEncoder(-1),
        lambda: NgramEncoder(size=0).fit([]),
    ],
)
def test_options_that_make_no_sense(make: Any) -> None:
    with pytest.raises(SurrogateError, match=r"at least|or more"):
        make()
