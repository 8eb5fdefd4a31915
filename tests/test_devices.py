"""A population over eight devices: CPUs that XLA makes of one, in a process of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
import json, os, re
from dataclasses import replace

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JARCH_CACHE"] = "off"

import jax
import numpy as np

import jarch as ja
from jarch import nn
from jarch.lowering.training.budgets import Budget
from jarch.lowering.training.populations import stacks
from jarch.lowering.training.populations.meshes import check_mesh
from jarch.lowering.training.populations.members import Member
from jarch.lowering.training.preparation import prepare

DATA = ja.load_data("digits", limit=150)
WORDS = ("all-reduce", "all-gather", "all-to-all", "collective-permute", "reduce-scatter")
CALLS = re.compile("(" + "|".join(WORDS) + r")(?:-start)?\\(")


def net():
    pieces = nn.conv(4, 3), nn.batch_norm, nn.relu, nn.flatten, nn.dropout(0.3), nn.dense(10)
    return ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])


NET = net()
CONFIGS = [
    ja.TrainConfig(
        epochs=2,
        batch_size=32,
        optimizer="sgd",
        optimizer_options={"momentum": 0.5},
        learning_rate=0.01 * (i + 1),
        weight_decay=0.01 * i,
        label_smoothing=0.02 * i,
        seed=i,
    )
    for i in range(11)  # not a multiple of the devices
]


def regular():
    path = ja.sequential(nn.conv(4, 3), nn.batch_norm, nn.drop_path(0.3))
    pieces = nn.conv(4, 3), nn.relu, ja.residual(path), nn.flatten, nn.dropout(0.2), nn.dense(10)
    return ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])


def regularised(augment, **arguments):
    how = [replace(each, augment=augment, ema_decay=0.9, clip_norm=1.0) for each in CONFIGS[:3]]
    return ja.fit_population(regular(), DATA, how, **arguments)


def outcomes(**arguments):
    return ja.fit_population(NET, DATA, CONFIGS, **arguments)


def distance(ours, theirs):
    assert len(ours) == len(theirs)
    return max(
        float(np.abs(x - y).max())
        for one, other in zip(ours, theirs)
        for x, y in zip(
            jax.tree.leaves(one.variables), jax.tree.leaves(other.variables), strict=True
        )
    )


def text_of(compiled):
    return compiled.as_text()


def groups_of(text):
    \"\"\"Return the devices that talk to each other, of all collectives of a program.\"\"\"
    found = set()
    for line in text.splitlines():
        if not CALLS.search(line):
            continue
        pairs = re.search(r"source_target_pairs=\\{(\\{[^=]*\\})\\}", line)
        iota = re.search(r"replica_groups=\\[([0-9,]+)\\]<=\\[([0-9,]+)\\](T\\([0-9,]+\\))?", line)
        listed = re.search(r"replica_groups=\\{(\\{[^=]*\\})\\}", line)
        if iota:
            assert not iota[3], line
            shape = [int(n) for n in iota[1].split(",")]
            found |= {tuple(row) for row in np.arange(8).reshape(shape).tolist()}
        else:
            written = (pairs or listed)[1]
            found |= {
                tuple(sorted(int(n) for n in each.split(",")))
                for each in re.findall(r"\\{([0-9,]+)\\}", written)
            }
    return sorted(found)


def programs_of(mesh):
    \"\"\"Return what the programs of a population over a mesh are, and what they do.\"\"\"
    made = {}

    def noted(name, make):
        def program(*arguments):
            made[name] = make(*arguments)
            return made[name]

        setattr(stacks, name, program)
        return lambda: setattr(stacks, name, make)

    undo = [noted(n, getattr(stacks, n)) for n in ("population_step", "population_forward")]
    members = [Member(i, prepare(NET, DATA, config)) for i, config in enumerate(CONFIGS)]
    stack = stacks.Stack(members, check_mesh(mesh, 32))
    take, _ = stack.begin()
    before = stack._state
    take()
    deleted = [leaf.is_deleted() for leaf in jax.tree.leaves((before.params, before.optimizer))]
    local = sum(leaf.addressable_shards[0].data.nbytes for leaf in jax.tree.leaves(stack._state))
    stack.train_epoch(None, Budget())
    for each in undo:
        each()
    texts = {name: program.as_text() for name, program in made.items()}
    plan = made["population_step"].memory_analysis()
    return {
        "collectives": {name: sorted(set(CALLS.findall(text))) for name, text in texts.items()},
        "groups": {name: groups_of(text) for name, text in texts.items()},
        "devices": len(jax.tree.leaves(stack._state.params)[0].sharding.device_set),
        "deleted": deleted,
        "state_bytes": local,
        "aliased_bytes": plan.alias_size_in_bytes,
    }


def refused(run):
    try:
        run()
    except ja.TrainConfigError as error:
        return str(error)


ROW, BOTH = ja.population_mesh(data=8), ja.population_mesh(data=4)
alone = outcomes(executor="vmap", devices=None)
turned = [ja.fit(NET, DATA, config) for config in CONFIGS]
halved = {"halving": [(1, 3)]}
print(json.dumps({
    "devices": len(jax.devices()),
    "alone": distance(alone, turned),
    "sharded": distance(outcomes(executor="sharded"), turned),
    "some": distance(outcomes(devices=jax.devices()[2:5]), turned),
    "data": distance(outcomes(mesh=ja.population_mesh(data=2)), turned),
    "mixed": distance(
        regularised(("flip", "mixup"), mesh=BOTH), regularised(("flip", "mixup"), executor="vmap")
    ),
    "augmented": distance(
        regularised(("flip", "crop=1", "cutout=2"), mesh=BOTH),
        regularised(("flip", "crop=1", "cutout=2"), executor="vmap"),
    ),
    "halved": distance(outcomes(executor="sharded", **halved), outcomes(executor="vmap", **halved)),
    "kept": sorted(len(each.history) for each in outcomes(executor="sharded", **halved)),
    "by_population": programs_of(ja.population_mesh()),
    "by_both": programs_of(ja.population_mesh(data=2)),
    "uneven": refused(
        lambda: ja.fit_population(NET, DATA, ja.TrainConfig(batch_size=12), mesh=ROW)
    ),
    "undivided": refused(lambda: ja.population_mesh(data=3)),
    "chosen": distance(outcomes(executor="auto"), turned),
}))
"""


@pytest.fixture(scope="module")
def found(run_python: Callable[..., str]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(run_python(PROGRAM).splitlines()[-1])
    assert result["devices"] == 8
    return result


@pytest.mark.parametrize(
    "how", ["alone", "sharded", "some", "data", "mixed", "augmented", "halved", "chosen"]
)
def test_over_devices_members_equal_those_trained_alone(found: dict[str, Any], how: str) -> None:
    assert found[how] < 1e-5


def test_members_that_are_dropped_leave_the_devices_to_the_others(found: dict[str, Any]) -> None:
    assert found["kept"] == [1] * 8 + [2] * 3


def test_a_population_over_eight_devices_needs_no_collective(found: dict[str, Any]) -> None:
    spread = found["by_population"]
    assert spread["devices"] == 8
    assert spread["collectives"] == {"population_step": [], "population_forward": []}


def test_examples_that_are_spread_are_summed_within_a_row_of_the_mesh(
    found: dict[str, Any],
) -> None:
    spread = found["by_both"]
    assert spread["collectives"] == {"population_step": ["all-reduce"], "population_forward": []}
    assert spread["groups"]["population_step"] == [[0, 1], [2, 3], [4, 5], [6, 7]]


@pytest.mark.parametrize("mesh", ["by_population", "by_both"])
def test_a_step_over_devices_reuses_the_memory_of_the_state(
    found: dict[str, Any], mesh: str
) -> None:
    spread = found[mesh]
    assert spread["deleted"]
    assert all(spread["deleted"])
    assert spread["aliased_bytes"] >= spread["state_bytes"] - 64  # but for some scalars


def test_what_cannot_be_spread_evenly_is_refused(found: dict[str, Any]) -> None:
    assert "batches of 12 examples cannot be spread over 8 devices" in found["uneven"]
    assert "8 devices cannot be divided into rows of 3" in found["undivided"]
