# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (the annotations of JAX are partial)

"""Where the host waits for the device: at the end of an epoch, and nowhere within one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jarch as ja
from jarch import nn
from jarch.lowering.training.feeding import Place, overruled_place
from jarch.lowering.training.piecewise import Piecewise
from jarch.lowering.training.probes import overruled_choice
from jarch.lowering.training.stepping import Looped, Take, Whole
from jarch.lowering.training.ways import LOOP, Way, overruled_way

from .training_nets import built

DIGITS = ja.load_data("digits", limit=160)
CONFIG = ja.TrainConfig(epochs=3, batch_size=32)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each call that takes steps, and each time that the host asks for what is in an array."""
    noted: list[str] = []
    array: Any = type(jnp.zeros(()))
    value: Any = array._value
    whole: dict[str, Callable[..., Any]] = {
        name: getattr(np, name) for name in ("array", "asarray", "ascontiguousarray")
    }

    def value_of(self: Any) -> Any:
        noted.append("read")
        return value.fget(self)

    def reading(convert: Callable[..., Any]) -> Callable[..., Any]:
        def read(given: Any, *arguments: Any, **named: Any) -> Any:
            if isinstance(given, jax.Array):  # whose memory NumPy takes without asking it
                noted.append("read")
            return convert(given, *arguments, **named)

        return read

    def wait(given: Any) -> Any:
        noted.append("read")
        return given

    monkeypatch.setattr(array, "_value", property(value_of))
    monkeypatch.setattr(array, "block_until_ready", wait)
    monkeypatch.setattr(jax, "block_until_ready", wait)
    for name, convert in whole.items():
        monkeypatch.setattr(np, name, reading(convert))
    for by in (Whole, Looped, Piecewise):
        monkeypatch.setattr(by, "make_step", noting(by.make_step, noted))
    return noted


def noting(make_step: Callable[..., Take], noted: list[str]) -> Callable[..., Take]:
    def make(*arguments: Any) -> Take:
        take = make_step(*arguments)

        def take_and_note(state: Any, count: int = 1) -> Any:
            noted.append("steps")
            return take(state, count)

        return take_and_note

    return make


def net() -> ja.Architecture:
    return built(nn.flatten, nn.dense(8), nn.dropout(0.3), nn.relu, nn.dense(8), nn.dense(10))


@pytest.mark.parametrize("place", ["device", "host"])
@pytest.mark.parametrize("way", ["whole", "segments"])
def test_it_waits_at_the_ends_of_epochs_alone(way: Way, place: Place, events: list[str]) -> None:
    ends: list[int] = []
    with overruled_way(way), overruled_place(place), overruled_choice(LOOP, "steps"):
        ja.fit(net(), DIGITS, CONFIG, on_epoch=lambda report: ends.append(len(events)))
    assert events.count("steps") == CONFIG.epochs * (len(DIGITS.x_train) // CONFIG.batch_size)
    for first, last in zip([0, *ends], ends, strict=False):
        within = events[first:last]
        steps = [i for i, event in enumerate(within) if event == "steps"]
        assert "read" not in within[steps[0] : steps[-1]]
        assert "read" in within[steps[-1] :]
