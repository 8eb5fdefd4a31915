"""What runs seldom is compiled quickly, by a table, and comes to the same."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# (the annotations of JAX are partial)

from typing import Any

import jax
import numpy as np
import pytest

import jarch as ja
from jarch import lowering, nn
from jarch.lowering.flax_module import architecture_module
from jarch.lowering.training import levels
from jarch.lowering.training.levels import EMITTERS, LEVEL, compiler_options, level_of
from jarch.lowering.training.preparation import prepare
from jarch.lowering.training.segment_programs import _options
from jarch.lowering.training.stepping import Whole
from jarch.lowering.training.ways import steps_of

DATA = ja.load_data("digits", limit=200)
SGD = ja.TrainConfig(epochs=2, batch_size=32, optimizer="sgd", learning_rate=0.1, ema_decay=0.9)


def built(*pieces: Any) -> ja.Architecture:
    return ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])


DENSE = built(nn.flatten, nn.dense(16), nn.batch_norm, nn.relu, nn.dense(10))
DEPTHWISE = built(nn.depthwise_conv(3), nn.flatten, nn.dense(10))


@pytest.mark.parametrize(("net", "holds"), [(DENSE, "other"), (DEPTHWISE, "depthwise")])
def test_few_steps_are_compiled_quickly(net: ja.Architecture, holds: str) -> None:
    analysis = ja.analyze(net, {"in": (8, 8, 1)})
    a_step = 32 * analysis.activation_bytes + 8 * analysis.parameters
    last = levels.MOST_BYTES[holds] * len(net.nodes) // a_step
    assert [level_of(net, (8, 8, 1), 32, steps) for steps in (1, last, last + 1)] == [0, 0, 1]


def test_other_backends_go_by_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert level_of(DENSE, (8, 8, 1), 32, 1) is None
    assert compiler_options(None) is None


def test_the_lowest_level_goes_without_the_newer_code_generator() -> None:
    assert compiler_options(0) == {LEVEL: 0, EMITTERS: False}
    assert compiler_options(1) == {LEVEL: 1}


def test_both_come_to_the_same_and_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = steps_of(prepare(DENSE, DATA, SGD))
    assert isinstance(steps, Whole)
    quick, key = ja.fit(DENSE, DATA, SGD), lowering.program_key(DENSE, DATA, SGD)
    monkeypatch.setattr(levels, "MOST_BYTES", {"depthwise": 0, "other": 0})
    before = lowering.program_counts()["compiled"] + lowering.program_counts()["read"]
    usual = ja.fit(DENSE, DATA, SGD)
    after = lowering.program_counts()["compiled"] + lowering.program_counts()["read"]
    assert after == before + 1  # the step; outputs are computed by the same program
    assert lowering.program_key(DENSE, DATA, SGD) != key
    first: list[Any] = jax.tree.leaves(quick.variables)
    second: list[Any] = jax.tree.leaves(usual.variables)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("net", "numbers", "options"),
    [
        (DENSE, 100, {LEVEL: 0, EMITTERS: False}),
        (DENSE, 10_000, {LEVEL: 1, EMITTERS: False}),
        (DENSE, 1 << 17, {LEVEL: 1}),
        (DEPTHWISE, 100, {LEVEL: 1}),
    ],
)
def test_segments_go_by_the_size_of_their_arrays(
    net: ja.Architecture, numbers: int, options: dict[str, Any]
) -> None:
    arguments = np.zeros(1, np.float32), np.zeros(numbers, np.float32)
    assert _options(architecture_module(net), arguments) == options
