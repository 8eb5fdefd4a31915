"""How the members of a population are computed, and which of them are at all."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (the annotations of JAX and optax are partial)

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import jax
import pytest

import jarch as ja
from jarch import lowering, nn
from jarch.lowering.training import memory
from jarch.lowering.training.kinds import kind_of
from jarch.lowering.training.populations import choosing, stacks
from jarch.lowering.training.populations.grouping import bytes_of
from jarch.lowering.training.populations.members import Member
from jarch.lowering.training.preparation import prepare
from jarch.lowering.training.probes import forget_choices, overruled_choice

from .population_nets import DIGITS, SGD, conv, dense, made
from .training_nets import no_cache as no_cache


def test_what_surely_does_not_fit_fails_and_the_others_train(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wide = dense(width=4096)
    monkeypatch.setattr(memory, "available_bytes", lambda: 2e6)
    config = replace(SGD, optimizer="adam")
    failed, fine = ja.fit_population([wide, dense()], DIGITS, config, executor="serial")
    assert isinstance(failed, ja.TrainingFailed)
    assert "the optimiser's state would take some" in str(failed)
    assert isinstance(fine, ja.Trained)
    monkeypatch.setattr(memory, "available_bytes", lambda: 1e5)
    with pytest.raises(ja.TrainingFailed, match=r"of 9 models would take .* 'serial' or 'auto'"):
        ja.fit_population(dense(), DIGITS, config, seeds=range(9), executor="vmap")
    inf = math.inf
    whole = ja.fit_population([wide, dense()], DIGITS, config, executor="serial", memory_limit=inf)
    assert all(isinstance(each, ja.Trained) for each in whole)
    parts = ja.fit_population_partly(
        dense(), DIGITS, config, seeds=range(9), executor="vmap", steps=1, memory_limit=inf
    )
    assert not any(isinstance(each, ja.TrainingFailed) for each in parts)
    (refused,) = ja.fit_population(dense(), DIGITS, config, memory_limit=10)
    assert isinstance(refused, ja.TrainingFailed)


class TestChoosing:
    def test_what_is_measured_is_finite(self) -> None:
        found = choosing.measured(made(3), ["serial", "vmap"])
        assert set(found) == {"serial", "vmap"}
        assert all(0 < seconds < math.inf for seconds in found.values())

    def test_what_cannot_run_takes_for_ever(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise jax.errors.JaxRuntimeError("out of memory")

        monkeypatch.setattr(stacks, "population_step", fail)
        found = choosing.measured(made(3), ["serial", "vmap"])
        assert found["vmap"] == math.inf
        assert found["serial"] < math.inf

    @pytest.mark.parametrize("executor", ["serial", "vmap"])
    def test_a_choice_can_be_overruled(self, executor: str) -> None:
        with overruled_choice(choosing.CHOICE, executor):
            stacked = choosing.stacks_of(made(3), choosing.means_of("auto", None, None))
        assert len(stacked) == (3 if executor == "serial" else 1)

    def test_no_more_go_together_than_the_memory_holds(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one = bytes_of(made(1)[0].run)
        for free, lengths in ((None, [5]), (12 * one, [5]), (7 * one, [3, 2]), (0, [1] * 5)):
            monkeypatch.setattr(choosing, "available_bytes", lambda free=free: free)
            with overruled_choice(choosing.CHOICE, "vmap"):
                found = choosing.stacks_of(made(5), choosing.means_of("auto", None, None))
            assert [len(stack.members) for stack in found] == lengths

    def test_a_choice_is_made_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[int] = []

        def measured(members: Sequence[Member], names: Sequence[str]) -> dict[str, float]:
            asked.append(len(members))
            return dict.fromkeys(names, 1.0) | {"vmap": 0.5}

        monkeypatch.setattr(choosing, "measured", measured)
        monkeypatch.setattr(choosing, "MOST_STEPS", 0)
        forget_choices()
        for number in (2, 2, 3, 3, 1):
            found = choosing.stacks_of(made(number), choosing.means_of("auto", None, None))
            assert len(found) == 1
        assert asked == [2, 3]
        forget_choices()

    def test_for_few_steps_nothing_is_compiled_that_fit_has_not(self) -> None:
        layers = nn.flatten, nn.dense(9), nn.relu, nn.dense(8), nn.relu, nn.dense(10)
        net = ja.replay(ja.trace(lambda: ja.sequential(*layers)), [])
        ja.fit(net, DIGITS, SGD)
        before = lowering.program_counts()
        forget_choices()
        outcomes = ja.fit_population(net, DIGITS, SGD, seeds=range(3))
        assert lowering.program_counts() == before
        for seed, outcome in enumerate(outcomes):
            alone = ja.fit(net, DIGITS, replace(SGD, seed=seed))
            assert isinstance(outcome, ja.Trained)
            assert outcome.validation == alone.validation

    def test_programs_of_a_kind(self) -> None:
        runs = [prepare(net, DIGITS, SGD) for net in (dense(), dense(0.1), dense(width=17), conv())]
        kinds = [kind_of(run, members=4) for run in runs]
        assert kinds[0] == kinds[1] == kinds[2] != kinds[3]
        assert kind_of(runs[0], members=5) != kinds[0]
