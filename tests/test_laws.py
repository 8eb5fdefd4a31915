"""The laws of the design, over generated spaces."""

import random

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

import jarch as ja
from jarch.testing import laws, strategies


@given(strategies.spaces(), st.data())
def test_purity(space: ja.Space, data: st.DataObject) -> None:
    values = data.draw(strategies.architectures(space)).values
    if not values:
        return
    last = data.draw(st.integers(0, len(values) - 1))
    for value in values[:last]:
        space = ja.assign(space, value)
    laws.check_purity(space, values[last])
    assert space.next is not None
    other = data.draw(strategies.values(space.next.domain))
    try:
        laws.check_purity(space, other)
    except ja.InvalidArchitecture:
        ja.verify(space)


@given(strategies.spaces(), st.randoms(use_true_random=False))
def test_confluence(space: ja.Space, chance: random.Random) -> None:
    """Any order of assignment by key, with the same values, leads to the same architecture."""
    values: dict[str, object] = {}

    def walk(space: ja.Space, order: random.Random | None) -> ja.Space:
        ja.verify(space)
        while space.next is not None:
            chosen = space.next if order is None else order.choice(space.open)
            key, domain = chosen.key, chosen.domain
            value = values.setdefault(key, domain[chance.randrange(len(domain))])
            space = ja.assign(space, value, key=key)
            ja.verify(space)
        return space

    try:
        first = ja.architecture(walk(space, None))
        second = ja.architecture(walk(space, chance))
    except ja.InvalidArchitecture:
        assume(False)
        raise
    assert first == second
    assert hash(first) == hash(second)
    assert ja.fingerprint(first) == ja.fingerprint(second)
    assert ja.replay(space, dict(second.decisions)) == first


@given(strategies.spaces(), st.integers(0, 2**32))
def test_replay(space: ja.Space, seed: int) -> None:
    try:
        architecture = ja.sample(space, np.random.default_rng(seed))
    except ja.InvalidArchitecture:
        return
    laws.check_replay(space, architecture)


@pytest.mark.unverified
@given(strategies.spaces(decide=True))
def test_progress(space: ja.Space) -> None:
    laws.check_progress(space)


@given(strategies.spaces(max_leaves=8), st.integers(0, 2**32))
def test_round_trip(space: ja.Space, seed: int) -> None:
    laws.check_round_trip(ja.sample_uniform(space, np.random.default_rng(seed)))
