"""Small nets, and trained ones compared: for the tests that train."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
# (the annotations of JAX are partial)

from typing import Any

import jax
import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.lowering.training import compilation_cache


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep programs in the process alone, in each test of a module that imports this."""
    monkeypatch.setenv(compilation_cache.VARIABLE, "off")


def built(*pieces: Any) -> ja.Architecture:
    return ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])


def linear(outputs: int = 10) -> ja.Architecture:
    return built(nn.flatten, nn.dense(outputs))


def noisy() -> ja.Architecture:
    return built(nn.flatten, nn.dense(16), nn.batch_norm, nn.relu, nn.dropout(0.5), nn.dense(10))


def leaves(trained: ja.Trained) -> list[Any]:
    return jax.tree.leaves(trained.variables)


def equal(a: ja.Trained, b: ja.Trained) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(leaves(a), leaves(b), strict=True))
