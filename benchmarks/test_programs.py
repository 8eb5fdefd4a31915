"""Timings of analysis and lowering, by pytest-benchmark; and that nets compared are the same."""

# pyright: reportUnknownMemberType=false
# (the annotations of Flax are partial)

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pytest

import jarch as ja
from jarch import nn

from .handwritten import SHAPE, architecture, batch, handwritten_apply
from .programs import counted_traces, handwritten_variables, lowered_variables, training

Benchmark: TypeAlias = Any  # the annotations of pytest-benchmark are partial


def test_analyze(benchmark: Benchmark) -> None:
    assert benchmark(ja.analyze, architecture(), {"in": SHAPE}).outputs == {"out": (10,)}


def test_fingerprint(benchmark: Benchmark) -> None:
    assert len(benchmark(ja.fingerprint, architecture())) == 64


def test_lower(benchmark: Benchmark) -> None:
    net = architecture()
    assert benchmark(ja.lower, net).architecture == net


def test_initialise(benchmark: Benchmark) -> None:
    model, images = ja.lower(architecture()), batch()[0]
    assert set(benchmark(model.init, 0, images)) == {"params", "batch_stats"}


@pytest.mark.parametrize("net", ["lowered", "by hand"])
def test_training_step(benchmark: Benchmark, net: str) -> None:
    if net == "lowered":
        run = training(ja.lower(architecture()).apply, lowered_variables())
    else:
        run = training(handwritten_apply(), handwritten_variables())
    benchmark.pedantic(run, rounds=30, warmup_rounds=5)


def test_the_net_by_hand_is_the_same() -> None:
    ours, images = lowered_variables(), batch()[0]
    renamed = {kind: _as_flax_names(tree) for kind, tree in ours.items()}
    expected = ja.lower(architecture()).apply(ours, images)
    found = handwritten_apply()(renamed, images)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_traces_are_counted() -> None:
    with counted_traces() as traces:
        ja.lower(ja.replay(ja.trace(nn.relu), [])).apply({}, batch()[0])
    assert traces


def _as_flax_names(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Name what nodes own as Flax does where it is left to it: `Conv_0`, `BatchNorm_0`, …."""
    kinds = {"depthwise_conv": "Conv", "conv": "Conv", "batch_norm": "BatchNorm", "dense": "Dense"}
    counts: Counter[str] = Counter()
    renamed: dict[str, Any] = {}
    for key, node in architecture().nodes:
        if kind := kinds.get(node.op.name):
            if key in tree:
                renamed[f"{kind}_{counts[kind]}"] = tree[key]
            counts[kind] += 1
    return renamed
