# pyright: reportUnknownMemberType=false
# (the annotations of JAX are partial)

"""Which way convolutions are fastest: measured when asked, remembered, and part of the key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np
import pytest

import jarch as ja
from jarch import lowering, nn
from jarch.cli import main
from jarch.lowering import tuning
from jarch.lowering.rules.choices import choices_made, way_of
from jarch.lowering.training import compilation_cache
from jarch.lowering.training.probes import forget_choices

DATA = ja.load_data("digits", limit=64)
CONFIG = ja.TrainConfig(epochs=1, batch_size=32)
NET = ja.replay(
    ja.trace(
        lambda: ja.sequential(
            nn.conv(4, 1),
            nn.depthwise_conv(3),
            nn.depthwise_conv(3),
            nn.separable_conv(6, 5, strides=2, multiplier=2, dilation=1),
            nn.flatten,
            nn.dense(10),
        )
    ),
    [],
)


@pytest.fixture(autouse=True)
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Measure nothing, but count; remember in a folder of its own; let the table decide after."""
    monkeypatch.setenv(compilation_cache.VARIABLE, str(tmp_path))
    config = cast(Any, jax.config)
    before = config.jax_compilation_cache_dir
    config.update("jax_compilation_cache_dir", str(tmp_path))
    forget_choices()
    asked: list[Any] = []

    def measure(operation: str, case: Any, *further: object) -> dict[str, float]:
        asked.append((tuple(case), *further))
        if operation == "conv":
            return {"dense": 0.9, "lax": 1.0, "product": 2.0 if further[1] == "often" else 0.5}
        return {"lax": 1.0, "shifted": 3.0 if len(case.kernel) == 2 else 0.5}

    monkeypatch.setattr(tuning, "measure_choice", measure)
    yield asked
    for operation in ("conv", "depthwise_conv"):
        for situation in ("often", "loop"):
            lowering.overrule(operation, None, situation)
    config.update("jax_compilation_cache_dir", before)
    forget_choices()


def test_each_convolution_is_measured_once_at_its_shape(measured: list[Any]) -> None:
    found = lowering.measure_ways(NET, (8, 8, 1), batch_size=16)
    assert found is not None
    assert sorted(measured) == [
        (((8, 8, 4), (3, 3), (1, 1), "SAME", (1, 1), 4, 4), 16, "often"),
        (((8, 8, 4), (5, 5), (2, 2), "SAME", (1, 1), 4, 8), 16, "often"),
    ]
    assert found.seconds == {"lax": 3.0, "shifted": 9.0}  # the first stands there twice
    assert (found.way, found.table, found.convolutions) == ("lax", "shifted", 2)
    assert choices_made() == []


def test_what_was_measured_is_remembered_whatever_overrules_the_table(
    measured: list[Any],
) -> None:
    first = lowering.probe_choices(NET, (8, 8, 1))
    assert first is not None
    assert first.measured
    assert choices_made() == [["depthwise_conv", "cpu", "often", "lax"]]
    for _ in range(2):
        again = lowering.probe_choices([NET], (8, 8, 1))
        assert again == first._replace(measured=False)
        forget_choices()  # as another process
    assert len(measured) == 2
    lowering.probe_choices(NET, (8, 8, 1), batch_size=8)
    assert len(measured) == 4


def test_what_agrees_with_the_table_overrules_nothing(measured: list[Any]) -> None:
    lowering.overrule("depthwise_conv", "lax", "often")
    net = ja.replay(ja.trace(lambda: nn.depthwise_conv(3)), [])
    found = lowering.probe_choices(net, (8, 2))  # along one axis
    assert found is not None
    assert found.way == found.table == way_of("depthwise_conv", "often") == "shifted"
    assert choices_made() == []


@pytest.mark.parametrize(("situation", "way"), [("often", "dense"), ("loop", "product")])
def test_all_choices_of_the_table_can_be_overruled(
    measured: list[Any], situation: Any, way: str
) -> None:
    """Those of other convolutions too, and those in loops; pointwise parts are among them."""
    lowering.overrule("conv", "lax" if way == "product" else "product", situation)
    found = lowering.probe_choices(NET, (8, 8, 1), 16, operation="conv", situation=situation)
    assert found is not None
    assert sorted(measured) == [
        (((4, 4, 8), (1, 1), (1, 1), "SAME", (1, 1), 1, 6), 16, situation),
        (((8, 8, 1), (1, 1), (1, 1), "SAME", (1, 1), 1, 4), 16, situation),
    ]
    assert found.way == found.table == way_of("conv", situation) == way
    lowering.probe_choices(NET, (8, 8, 1), 16, situation=situation)
    assert way_of("depthwise_conv", situation) == "lax"  # as measured, against the table
    assert choices_made() == [["depthwise_conv", "cpu", situation, "lax"]]
    count = len(measured)
    forget_choices()  # as another process
    assert lowering.measure_ways(NET, (8, 8, 1), 16, operation="conv", situation=situation) == (
        found._replace(measured=False)
    )
    assert len(measured) == count


def test_without_depthwise_convolutions_there_is_nothing_to_choose(measured: list[Any]) -> None:
    net = ja.replay(ja.trace(lambda: ja.sequential(nn.conv(2, 3), nn.flatten)), [])
    assert lowering.probe_choices(net, (8, 8, 1)) is None
    assert measured == []


def test_a_choice_belongs_to_the_key_of_a_program_at_once() -> None:
    """What was compiled, or keyed, under another choice does not serve."""
    pieces = nn.depthwise_conv(3), nn.flatten, nn.dense(10)
    net = ja.replay(ja.trace(lambda: ja.sequential(*pieces)), [])
    key = lowering.program_key(net, DATA, CONFIG)
    first = ja.fit(net, DATA, CONFIG)
    before = lowering.program_counts()
    with lowering.overruled("depthwise_conv", "lax", "often"):
        assert lowering.program_key(net, DATA, CONFIG) != key
        other = ja.fit(net, DATA, CONFIG)
        after = lowering.program_counts()
        assert after["compiled"] > before["compiled"]
    assert lowering.program_key(net, DATA, CONFIG) == key
    ja.fit(net, DATA, CONFIG)
    assert lowering.program_counts() == after
    np.testing.assert_allclose(first.history[0].train_loss, other.history[0].train_loss, rtol=1e-4)


def test_it_measures_truly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv(compilation_cache.VARIABLE, "off")
    found = lowering.measure_ways(NET, (8, 8, 1), batch_size=2)
    assert found is not None
    assert min(found.seconds.values()) == found.seconds[found.way] > 0


class TestCommands:
    @pytest.fixture
    def space(self, tmp_path: Path) -> str:
        path = tmp_path / "depthwise.py"
        path.write_text(
            "import jarch as ja\n"
            "from jarch import nn\n"
            "def space(num_classes=10):\n"
            "    kernel = ja.Discrete([3, 5], name='kernel')\n"
            "    return ja.sequential(\n"
            "        nn.depthwise_conv(kernel), nn.conv(2, 1), nn.flatten, nn.dense(num_classes)\n"
            "    )\n"
        )
        return f"{path}:space"

    def test_what_to_choose_is_said(
        self, space: str, capsys: pytest.CaptureFixture[str], measured: list[Any]
    ) -> None:
        assert main(["tune", space]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "depthwise convolutions: 2 with their gradients, measured now",
            "  lax        2000.000 ms",
            "  shifted    6000.000 ms",
            "  jarch takes shifted here; search with --depthwise lax",
            "other convolutions: 1 with their gradients, measured now",
            "  dense      1800.000 ms",
            "  lax        2000.000 ms",
            "  product    4000.000 ms",
            "  dense is what jarch takes here, and none is clearly faster",
        ]
        assert main(["tune", space]) == 0
        assert "as measured before" in capsys.readouterr().out
        assert main(["tune", "digits_dense"]) == 0
        assert "nothing to choose" in capsys.readouterr().out
        assert (len(measured), choices_made()) == (3, [])

    def test_a_search_takes_it_and_writes_it_down(
        self, space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found: list[Any] = []
        evaluate = ja.TrainingEvaluator.__call__

        def noted(self: Any, *given: Any) -> Any:
            found.append(choices_made())
            return evaluate(self, *given)

        monkeypatch.setattr(ja.TrainingEvaluator, "__call__", noted)
        folder = str(tmp_path / "run")
        brief = "--evaluations 1 --epochs 1 --final-epochs 0 --data digits".split()
        chosen = "--conv", "product", "--depthwise", "lax"
        command = ["search", space, *brief, "--folder", folder, *chosen]
        assert main(command) == 0
        both = ["conv", "cpu", "often", "product"], ["depthwise_conv", "cpu", "often", "lax"]
        assert found == [[*both]]
        assert choices_made() == []
        assert ja.read_run(tmp_path / "run").settings["depthwise"] == "lax"
        assert main([*command[:-2], "--resume"]) == 2  # it would come to other results
