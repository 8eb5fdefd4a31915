"""A population that is trained in parts comes to the same as one that is trained at once."""

# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import jarch as ja
from jarch import lowering, nn
from jarch.lowering.training import budgets, feeding
from jarch.lowering.training.feeding import overruled_place
from jarch.lowering.training.populations import choosing, meshes
from jarch.lowering.training.preparation import prepare
from jarch.lowering.training.ways import overruled_way, way_of

from .training_nets import built, equal, linear, no_cache as no_cache, noisy

DATA = ja.load_data("digits", limit=150)
CONFIG = ja.TrainConfig(
    epochs=3, batch_size=32, optimizer="sgd", optimizer_options={"momentum": 0.9}
)
CONFIGS = [replace(CONFIG, learning_rate=rate, seed=i) for i, rate in enumerate((0.1, 0.03, 0.01))]


def parts(found: Any) -> list[lowering.Partial]:
    for each in found:
        assert isinstance(each, lowering.Partial), each
    return [*found]


@pytest.mark.parametrize(("first", "second"), [({"epochs": 1}, "vmap"), ({"steps": 5}, "serial")])
def test_a_rung_goes_on_to_what_training_at_once_comes_to(
    first: dict[str, int], second: Any, tmp_path: Path
) -> None:
    whole = [ja.fit(noisy(), DATA, config) for config in CONFIGS]
    begun = parts(
        ja.fit_population_partly(noisy(), DATA, CONFIGS, executor="vmap", **first)  # type: ignore[arg-type]
    )
    assert [each.ended for each in begun] == ["limit"] * 3
    kept = [ja.save_checkpoint(each.checkpoint, tmp_path / str(i)) for i, each in enumerate(begun)]
    best = [2, 0]  # a part of them, in another order, by another way
    ended = parts(
        ja.fit_population_partly(
            noisy(),
            DATA,
            [CONFIGS[i] for i in best],
            executor=second,
            checkpoints=[ja.load_checkpoint(kept[i]) for i in best],
        )
    )
    for i, each in zip(best, ended, strict=True):
        assert each.ended == "epochs"
        assert each.checkpoint.over
        assert each.trained.validation == pytest.approx(whole[i].validation, abs=1e-4)
        assert [r.epoch for r in each.trained.history] == [1, 2, 3]
        for ours, theirs in zip(each.trained.history, whole[i].history, strict=True):
            assert ours.train_loss == pytest.approx(theirs.train_loss, abs=1e-4)


@pytest.mark.parametrize("first", [{"epochs": 1}, {"steps": 5}])
def test_few_steps_are_those_of_fit_and_go_on_as_such(
    first: dict[str, int], tmp_path: Path
) -> None:
    net = built(nn.flatten, nn.dense(9), nn.relu, nn.dropout(0.2), nn.dense(8), nn.dense(10))
    alone = [ja.fit(net, DATA, config) for config in CONFIGS]
    assert way_of(prepare(net, DATA, CONFIG)) == "segments"
    before = lowering.program_counts()
    begun = parts(ja.fit_population_partly(net, DATA, CONFIGS[:2], **first))  # type: ignore[arg-type]
    kept = [ja.save_checkpoint(each.checkpoint, tmp_path / str(i)) for i, each in enumerate(begun)]
    given = [*map(ja.load_checkpoint, kept), None]
    ended = parts(ja.fit_population_partly(net, DATA, CONFIGS, checkpoints=given))
    assert lowering.program_counts() == before
    assert all(map(equal, [each.trained for each in ended], alone))
    spread = ja.fit_population_partly(net, DATA, CONFIGS, executor="vmap", checkpoints=given)
    first_two, anew = parts(spread)[:2], parts(spread)[2]
    assert all(map(equal, [each.trained for each in first_two], alone))
    assert anew.trained.validation == pytest.approx(alone[2].validation, abs=1e-4)
    with overruled_way("whole"), pytest.raises(ja.CheckpointError, match=r"overruled_way\('seg"):
        ja.fit_population_partly(net, DATA, CONFIGS, checkpoints=given)


def test_a_part_without_a_whole_epoch_is_judged_as_it_is() -> None:
    config = replace(CONFIG, seed=4)
    (found,) = parts(ja.fit_population_partly(linear(), DATA, config, steps=2))
    alone = lowering.fit_partly(linear(), DATA, config, steps=2).trained
    assert found.trained.validation == pytest.approx(alone.validation, abs=1e-4)
    assert found.checkpoint.steps == 2
    assert not found.trained.history


def test_members_of_other_lengths_and_early_stopping() -> None:
    how = [
        replace(CONFIG, epochs=1),
        replace(CONFIG, epochs=4, learning_rate=1e-7, early_stopping_patience=1),
        replace(CONFIG, epochs=4),
        replace(CONFIG, epochs=4, learning_rate=1e30),
    ]
    once = ja.fit_population(noisy(), DATA, how, executor="vmap")
    found = ja.fit_population_partly(noisy(), DATA, how, executor="vmap", epochs=2)
    assert isinstance(found[3], ja.TrainingFailed)
    begun = parts(found[:3])
    assert [each.ended for each in begun][0::2] == ["epochs", "limit"]
    given = [each.checkpoint for each in begun]
    again = parts(
        ja.fit_population_partly(noisy(), DATA, how[:3], executor="vmap", checkpoints=given)
    )
    assert [each.ended for each in again] == ["epochs", "plateau", "epochs"]
    for each, other in zip(again, once, strict=False):
        assert isinstance(other, ja.Trained)
        assert equal(each.trained, other)


def test_seconds_stop_all_and_lose_nothing() -> None:
    begun = parts(ja.fit_population_partly(noisy(), DATA, CONFIGS, executor="vmap", seconds=0.0))
    assert {each.ended for each in begun} == {"seconds"}
    assert begun[0].checkpoint.steps == 1
    ended = parts(
        ja.fit_population_partly(
            noisy(), DATA, CONFIGS, executor="vmap", checkpoints=[e.checkpoint for e in begun]
        )
    )
    once = ja.fit_population(noisy(), DATA, CONFIGS, executor="vmap")
    for each, other in zip(ended, once, strict=True):
        assert isinstance(other, ja.Trained)
        assert equal(each.trained, other)


def test_slow_steps_do_not_go_on_after_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    long = [replace(config, epochs=200) for config in CONFIGS]
    clock = itertools.count()  # each look at it takes a second
    monkeypatch.setattr(budgets, "monotonic", lambda: next(clock))
    begun = parts(ja.fit_population_partly(noisy(), DATA, long, executor="vmap", seconds=3.0))
    assert {(each.ended, each.checkpoint.steps) for each in begun} == {("seconds", 2)}


def test_limits_are_checked() -> None:
    both: list[Any] = [replace(CONFIG, epochs=epochs) for epochs in (1, 3)]
    wrong: Any
    for wrong in (0, 4, 1.5, "1"):
        with pytest.raises(
            ja.TrainConfigError, match=f"epochs is {wrong!r}; .* an integer in 1 to 3"
        ):
            ja.fit_population_partly(linear(), DATA, both, epochs=wrong)
    with pytest.raises(ja.TrainConfigError, match="steps is 99; it must be an integer in 1 to 9"):
        ja.fit_population_partly(linear(), DATA, both, steps=99)
    for wrong in (-1, float("nan"), "1"):
        with pytest.raises(ja.TrainConfigError, match=f"seconds is {wrong!r}; it must be a number"):
            ja.fit_population_partly(linear(), DATA, both, seconds=wrong)


def test_checkpoints_of_others_are_refused() -> None:
    (part,) = parts(ja.fit_population_partly(linear(), DATA, CONFIG, epochs=1))
    other = replace(CONFIG, seed=9)
    with pytest.raises(ja.CheckpointError, match="member 0 is of another configuration; train"):
        ja.fit_population_partly(linear(), DATA, other, checkpoints=[part.checkpoint])
    alone = lowering.fit_partly(linear(), DATA, CONFIG, epochs=1).checkpoint
    with pytest.raises(ja.CheckpointError, match="member 0 is of fit_partly, which alone"):
        ja.fit_population_partly(linear(), DATA, CONFIG, checkpoints=[alone])
    wrong: Any
    for wrong in (ja.TrainingFailed("the training loss is nan"), part):
        given = [part.checkpoint, wrong]
        with pytest.raises(ja.CheckpointError, match=r"member 1 is a \w+ and no Checkpoint; give"):
            ja.fit_population_partly(linear(), DATA, [CONFIG] * 2, checkpoints=given)
    with pytest.raises(ja.CheckpointError, match="1 checkpoints for 2 members"):
        ja.fit_population_partly(linear(), DATA, [CONFIG] * 2, checkpoints=[part.checkpoint])
    with pytest.raises(ja.CheckpointError, match="is of fit_population_partly, which alone"):
        lowering.fit_partly(linear(), DATA, CONFIG, checkpoint=part.checkpoint)


def test_data_that_do_not_fit_the_device_are_sent_to_each_member_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = ja.fit_population(noisy(), DATA, CONFIGS, executor="serial")

    def refuse(*_: Any) -> None:
        raise AssertionError("all data were put on the device")

    for module in (feeding, meshes):
        monkeypatch.setattr(module, "device_data", refuse)
    monkeypatch.setattr(choosing, "MOST_STEPS", 0)  # else each is trained as fit would
    with overruled_place("host"):
        once = ja.fit_population(noisy(), DATA, CONFIGS)
        begun = parts(ja.fit_population_partly(noisy(), DATA, CONFIGS, steps=5))  # in an epoch
        given = [each.checkpoint for each in begun]
        ended = parts(ja.fit_population_partly(noisy(), DATA, CONFIGS, checkpoints=given))
    for one, other, part in zip(expected, once, ended, strict=True):
        assert isinstance(one, ja.Trained)
        assert isinstance(other, ja.Trained)
        assert equal(one, other)
        assert equal(one, part.trained)
