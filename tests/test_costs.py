"""What models cost: counted, measured, as objectives and as limits that come before training."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jarch as ja
from jarch import lowering, nn
from jarch.cli import main
from jarch.cli.costs import DEFAULT_PARAMETERS, bounds_of
from jarch.evaluate import LimitExceeded
from jarch.lowering import LoweringError, energy, timing
from jarch.lowering.costs import check_costs, over_limit
from jarch.search import SearchError, SearchResult, pareto_front

SHAPE = (8, 8, 1)


def raised(found: object) -> None:
    """Raise what came in the place of a result."""
    if isinstance(found, Exception):
        raise found


def dense(*widths: int) -> ja.Architecture:
    layers = [nn.dense(width) for width in widths]
    return ja.replay(ja.trace(lambda: ja.sequential(nn.flatten, *layers, nn.dense(10))), [])


def test_calls_are_timed_until_there_are_enough() -> None:
    found = lowering.time_forward(dense(), SHAPE, 4, calls=7, seconds=1000)
    assert (found.calls, found.batch_size) == (7, 4)
    assert 0 < found.low <= found.median <= found.high
    assert found.throughput == pytest.approx(4 / found.median)
    assert lowering.time_forward(dense(), SHAPE, calls=100, seconds=0).calls == 5


def test_one_slow_call_does_not_change_the_median(monkeypatch: pytest.MonkeyPatch) -> None:
    now, times = 0.0, [0.0]
    for took in (3.0, 1.0, 1000.0, 2.0, 2.0):
        times += [now, now + took]
        now += took
    clock = iter(times)
    monkeypatch.setattr(timing, "perf_counter", lambda: next(clock))
    found = lowering.time_forward(dense(), SHAPE, calls=5, seconds=1e9)
    assert found == (2.0, 2.0, 3.0, 5, 1)
    assert found.spread == 1.0


def test_the_program_is_the_one_that_judges_candidates() -> None:
    data = ja.load_data("digits", limit=100)
    net = dense(12)
    ja.fit(net, data, ja.TrainConfig(epochs=1, batch_size=16))
    before = lowering.program_counts()
    lowering.time_forward(net, data.input_shape, 16)
    lowering.measure_costs(net, data.input_shape, ["throughput", "peak_bytes"], 16)
    assert lowering.program_counts() == before


def test_peak_bytes_hold_weights_and_batch() -> None:
    small, large = (
        lowering.measure_costs(net, SHAPE, ["peak_bytes"], 16)["peak_bytes"]
        for net in (dense(), dense(1000))
    )
    weights = 4 * ja.analyze(dense(), {"in": SHAPE}).parameters
    assert small >= weights + 4 * 16 * (64 + 10)
    assert large - small >= 4 * 64 * 1000


def test_only_what_is_asked_for_is_measured() -> None:
    assert lowering.measure_costs(dense(), SHAPE, ["flops", "parameters"]) == {}
    found = lowering.measure_costs(dense(), SHAPE, ["latency_ms", "throughput"], 8)
    assert set(found) == {"latency_ms", "latency_ms_iqr", "throughput", "throughput_iqr"}
    assert all(value >= 0 for value in found.values())


def test_what_is_no_cost_is_an_error() -> None:
    with pytest.raises(LoweringError, match=r"'latency' is no cost; name one of .*latency_ms"):
        check_costs(["latency"])
    with pytest.raises(LoweringError, match=r"give a list of names, \['latency_ms'\]"):
        lowering.measure_costs(dense(), SHAPE, "latency_ms")
    two = ja.Wiring(["left", "right"])
    ends = {"in0": two.input("left"), "in1": two.input("right")}
    both = two.build({"out": two.add(nn.add(2), ends)["out"]})
    with pytest.raises(ja.ShapeError, match="only one runs"):
        lowering.time_forward(ja.replay(ja.trace(lambda: both), []), SHAPE)


def test_limits_go_by_the_direction_of_the_cost() -> None:
    assert over_limit("latency_ms", 5.0, 5) == ""
    assert over_limit("latency_ms", 5.1, 5) == "latency_ms is 5.1, more than 5"
    assert over_limit("throughput", 499.9, 500) == "throughput is 499.9, less than 500"
    assert over_limit("throughput", 500.0, 500) == ""


def test_half_precision_runs() -> None:
    model = ja.lower(dense(), dtype=np.dtype("float16"))
    assert lowering.time_forward(model, SHAPE, calls=5).median > 0


class TestEnergy:
    @pytest.fixture
    def powercap(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Return a folder with counters of two packages, of a part of one, and of a broken one."""
        for name, kind in (
            ("intel-rapl:0", "package-0"),
            ("intel-rapl:0:0", "core"),
            ("intel-rapl:1", "package-1"),
            ("intel-rapl:2", "psys"),
        ):
            folder = tmp_path / name
            folder.mkdir()
            (folder / "name").write_text(f"{kind}\n")
            (folder / "max_energy_range_uj").write_text("9999999\n")
            (folder / "energy_uj").write_text("9000000\n")
        (tmp_path / "intel-rapl:3").mkdir()
        monkeypatch.setattr(energy, "_POWERCAP", tmp_path)
        return tmp_path

    def test_packages_are_counted_and_counters_go_round(self, powercap: Path) -> None:
        zones = energy.energy_zones()
        assert [zone.counter.parent.name for zone in zones] == ["intel-rapl:0", "intel-rapl:1"]
        before = energy.read_energy(zones)
        (powercap / "intel-rapl:0" / "energy_uj").write_text("9500000\n")
        (powercap / "intel-rapl:1" / "energy_uj").write_text("500000\n")
        assert energy.joules_between(zones, before, energy.read_energy(zones)) == 2.0

    def test_joules_are_of_an_example(
        self, powercap: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(timing, "_ENERGY_SECONDS", 0.0)  # one call
        readings: Iterator[tuple[int, int]] = iter([(0, 0), (3_000_000, 1_000_000)])

        def read(zones: tuple[energy.Zone, ...]) -> tuple[int, int]:
            assert len(zones) == 2
            return next(readings)

        monkeypatch.setattr(timing, "read_energy", read)
        assert lowering.measure_costs(dense(), SHAPE, ["energy_joules"], 8) == {
            "energy_joules": 0.5
        }

    def test_where_it_is_not_told_that_is_said_at_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(energy, "_POWERCAP", tmp_path / "nothing")
        before = lowering.program_counts()
        with pytest.raises(LoweringError, match="energy_joules is not told here"):
            lowering.measure_costs(dense(77), SHAPE, ["energy_joules"])
        assert lowering.program_counts() == before

    def test_counters_that_may_not_be_read_are_none(
        self, powercap: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> str:
            raise PermissionError

        monkeypatch.setattr(Path, "read_text", refuse)
        assert energy.energy_zones() == ()


@pytest.fixture(scope="module")
def data() -> ja.Dataset:
    return ja.load_data("digits", limit=200)


class TestEvaluator:
    CONFIG = ja.TrainConfig(epochs=1, batch_size=16)

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[ja.Architecture]:
        """Measure nothing: the latency is the width of the first layer, in milliseconds."""
        asked: list[ja.Architecture] = []

        def measure(net: ja.Architecture, *_: object, **__: object) -> dict[str, float]:
            asked.append(net)
            width = ja.analyze(net, {"in": SHAPE}).shapes["dense"][0]
            return {"latency_ms": float(width), "latency_ms_iqr": 0.5, "throughput": 1e3 / width}

        monkeypatch.setattr("jarch.evaluate.costs.lowering.measure_costs", measure)
        return asked

    def test_costs_are_among_the_metrics(self, data: ja.Dataset) -> None:
        costs = ["latency_ms", "throughput", "peak_bytes"]
        metrics = ja.TrainingEvaluator(data, self.CONFIG, costs=costs)(dense(8), 0)
        assert set(metrics) == {
            *("accuracy", "loss", "parameters", "flops", "activation_bytes"),
            *("latency_ms", "latency_ms_iqr", "throughput", "throughput_iqr", "peak_bytes"),
        }
        assert metrics["throughput"] > 0

    def test_what_costs_too_much_to_run_is_not_trained(
        self, data: ja.Dataset, asked: list[ja.Architecture]
    ) -> None:
        epochs: list[object] = []
        limits = {"latency_ms": 20.0, "throughput": 80.0}
        evaluate = ja.TrainingEvaluator(data, self.CONFIG, epochs.append, limits=limits)
        for net, message in (
            (dense(21), "latency_ms is 21, more than 20"),
            (dense(13), "throughput is 76.9231, less than 80"),
        ):
            with pytest.raises(LimitExceeded, match=message):
                evaluate(net, 0)
            assert (epochs, evaluate.trained) == ([], None)
        assert evaluate(dense(12), 0)["latency_ms"] == 12.0
        assert len(epochs) == 1

    def test_what_is_counted_is_looked_at_before_anything_compiles(
        self, data: ja.Dataset, asked: list[ja.Architecture]
    ) -> None:
        limits = {"parameters": 700, "latency_ms": 1}
        evaluate = ja.TrainingEvaluator(data, self.CONFIG, limits=limits)
        before = lowering.program_counts()
        with pytest.raises(LimitExceeded, match="parameters is 1210, more than 700") as caught:
            evaluate(dense(16), 0)
        assert (caught.value.cost, caught.value.value) == ("parameters", 1210)
        assert (asked, lowering.program_counts()) == ([], before)

    def test_a_search_goes_on_and_writes_both_down(
        self, data: ja.Dataset, asked: list[ja.Architecture], tmp_path: Path
    ) -> None:
        space = ja.trace(
            lambda: ja.sequential(
                nn.flatten, nn.dense(ja.Discrete([4, 32], name="w")), nn.dense(10)
            )
        )
        evaluate = ja.TrainingEvaluator(data, self.CONFIG, limits={"latency_ms": 10})
        ja.random_search(space, evaluate, 2, folder=tmp_path / "run")
        found = {e.values: e for e in ja.read_run(tmp_path / "run").evaluations}
        assert found[(4,)].metrics["latency_ms"] == 4.0
        assert found[(4,)].metrics["activation_bytes"] == 4 * (64 + 4 + 10)
        assert found[(32,)].status == "invalid"
        assert found[(32,)].reason == "latency_ms is 32, more than 10"
        assert found[(32,)].metrics["latency_ms"] == 32.0
        assert found[(32,)].metrics["activation_bytes"] == 4 * (64 + 32 + 10)

    def test_costs_are_told_of_candidates_that_fail(
        self, data: ja.Dataset, asked: list[ja.Architecture]
    ) -> None:
        config = replace(self.CONFIG, learning_rate=1e30, epochs=2)
        evaluate, net = ja.TrainingEvaluator(data, config, costs=["latency_ms"]), dense(8, 8)
        ways: list[Callable[[], object]] = [
            lambda: evaluate(net, 0),
            lambda: evaluate.at(net, 0, 1, None),
            lambda: evaluate.repeats(net, [0]),
            lambda: raised(evaluate.together([net], [0])[0]),
        ]
        for way in ways:
            with pytest.raises(ja.TrainingFailed) as caught:
                way()
            assert caught.value.costs["latency_ms"] == 8.0
            assert caught.value.costs["parameters"] == ja.analyze(net, {"in": SHAPE}).parameters
        evaluate.memory_limit = 1
        with pytest.raises(ja.TrainingFailed, match="of memory") as caught:
            evaluate(net, 0)
        assert set(caught.value.costs) == {"parameters", "flops", "activation_bytes"}

    def test_what_costs_little_and_fails_is_not_the_best(
        self, data: ja.Dataset, asked: list[ja.Architecture]
    ) -> None:
        def space() -> ja.Fragment:
            return ja.sequential(nn.flatten, nn.dense(ja.Discrete([4, 32], name="w")), nn.dense(10))

        limits = {"latency_ms": 10.0}
        evaluate = ja.TrainingEvaluator(data, self.CONFIG, limits=limits)
        found = ja.random_search(space, evaluate, 2, objective="flops", maximize=True)
        assert found.best is not None
        assert found.best.values == (4,)
        assert [e.values for e in found.ranked()] == [(4,)]
        costs = [ja.Objective("flops"), ja.Objective("parameters")]
        assert [e.values for e in pareto_front(found.evaluations, costs)] == [(4,)]

    def test_rungs_of_a_trial_are_measured_once(
        self, data: ja.Dataset, asked: list[ja.Architecture]
    ) -> None:
        config = ja.TrainConfig(epochs=2, batch_size=16)
        evaluate = ja.TrainingEvaluator(data, config, costs=["latency_ms"])
        first, second = (evaluate.at(dense(8), 0, epochs, trial=3) for epochs in (1, 2))
        assert first["latency_ms"] == second["latency_ms"] == 8.0
        assert len(asked) == 1

    def test_objectives_that_are_not_told_stop_a_search_before_it_begins(
        self, data: ja.Dataset, asked: list[ja.Architecture], tmp_path: Path
    ) -> None:
        def search(objective: str, evaluate: ja.TrainingEvaluator) -> SearchResult:
            space = lambda: ja.sequential(nn.flatten, nn.dense(4), nn.dense(10))  # noqa: E731
            return ja.random_search(space, evaluate, 1, objective=objective, folder=run)

        run, epochs = tmp_path / "run", list[object]()
        evaluate = ja.TrainingEvaluator(data, self.CONFIG, epochs.append)
        blind = replace(data, x_validation=data.x_train[:0], y_validation=data.y_train[:0])
        for name, remedy, judge in (
            ("latency_ms", r"have it measured by costs=\['latency_ms'\]", evaluate),
            ("throughput_iqr", r"measured by costs=\['throughput'\]", evaluate),
            ("top5", "let metrics of the configuration name it", evaluate),
            ("acuracy", "returns, loss, accuracy, parameters, flops, .*; take one", evaluate),
            ("accuracy", "have a validation split", ja.TrainingEvaluator(blind, self.CONFIG)),
        ):
            with pytest.raises(SearchError, match=f"objective '{name}' is none of .*{remedy}"):
                search(name, judge)
        assert not run.exists()
        assert not epochs
        timed = ja.TrainingEvaluator(data, self.CONFIG, costs=["latency_ms"])
        for name in ("latency_ms_iqr", "loss", "flops"):
            assert search(name, timed).best is not None
            shutil.rmtree(run)

    def test_all_objectives_of_a_searcher_are_looked_at(self, data: ja.Dataset) -> None:
        space = ja.trace(ja.spaces.digits_dense)
        objectives = ja.Objective("accuracy"), ja.Objective("latency_ms", maximize=False)
        searcher = ja.make_searcher("nsga2", space, {"population": 4}, objectives=objectives)
        with pytest.raises(SearchError, match=r"'latency_ms' .* by costs=\['latency_ms'\]"):
            ja.run_search(searcher, ja.TrainingEvaluator(data, self.CONFIG), 1)

    def test_unknown_costs_are_refused_at_once(
        self, data: ja.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(energy, "_POWERCAP", tmp_path)
        for name, message in (("speed", "is no cost"), ("energy_joules", "not told here")):
            with pytest.raises(LoweringError, match=message):
                ja.TrainingEvaluator(data, self.CONFIG, costs=[name])
            with pytest.raises(LoweringError, match=message):
                ja.TrainingEvaluator(data, self.CONFIG, limits={name: 1})
        with pytest.raises(LoweringError, match=r"give a list of names, \['flops'\]"):
            ja.TrainingEvaluator(data, self.CONFIG, costs="flops")

    def test_limits_that_are_no_numbers_are_refused_at_once(self, data: ja.Dataset) -> None:
        wrong: Any
        for wrong in (float("nan"), "5", None, True):
            message = f"the limit of flops is {wrong!r}; it must be a number"
            with pytest.raises(LoweringError, match=message):
                ja.TrainingEvaluator(data, self.CONFIG, limits={"flops": wrong})
        right: Any
        for right in (np.float32(5), 5, float("inf")):
            ja.TrainingEvaluator(data, self.CONFIG, limits={"flops": right})


def test_constraints_on_the_architecture_are_met_before_anything_compiles(
    data: ja.Dataset,
) -> None:
    """They are looked at where candidates are suggested: others never come to the evaluator."""
    space = ja.trace(ja.spaces.digits_dense)
    before = lowering.program_counts()
    bound = ja.within({"in": SHAPE}, parameters=5000, flops=9000, activation_bytes=4000)
    searcher = ja.RandomSearcher(space, constraint=bound)
    rng = np.random.default_rng(0)
    drawn = [searcher.ask(rng) for _ in range(10)]
    found = [ja.analyze(each.architecture, {"in": SHAPE}) for each in drawn]
    assert max(each.parameters for each in found) <= 5000
    assert max(each.activation_bytes for each in found) <= 4000
    assert sum(each.invalid_draws for each in drawn) > 0
    assert lowering.program_counts() == before


class TestCommand:
    BRIEF = "--evaluations 2 --epochs 1 --final-epochs 0 --batch-size 64".split()

    def search(self, folder: Path, *options: str) -> int:
        fixed = ["--data", "digits", "--folder", str(folder), *self.BRIEF]
        return main(["search", "digits_dense", *fixed, *options])

    def test_objectives_that_are_costs_are_measured(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = tmp_path / "run"
        objectives = ["--objectives", "accuracy", "latency_ms", "throughput"]
        assert self.search(folder, *objectives, "--searcher", "nsga2") == 0
        printed = capsys.readouterr().out
        assert "latency_ms (min)" in printed
        assert "throughput (max)" in printed
        assert "measured latency_ms" in printed
        for evaluation in ja.read_run(folder).evaluations:
            assert {"latency_ms", "latency_ms_iqr", "throughput"} <= set(evaluation.metrics)
        assert main(["show", str(folder)]) == 0
        assert "latency_ms (min)" in capsys.readouterr().out

    def test_limits_refuse_before_training_and_before_suggesting(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = tmp_path / "run"
        limits = ["--limits", "throughput=1e15", "activation_bytes=2000"]
        assert self.search(folder, *limits) == 1  # no candidate succeeded
        assert "less than 1e+15" in capsys.readouterr().out
        run = ja.read_run(folder)
        assert run.settings["limits"] == ["throughput=1e15", "activation_bytes=2000"]
        space = ja.trace(ja.spaces.digits_dense)
        for evaluation in run.evaluations:
            assert evaluation.status == "invalid"
            assert "throughput is" in evaluation.reason
            net = ja.replay(space, evaluation.values)
            assert ja.analyze(net, {"in": SHAPE}).activation_bytes <= 2000

    def test_one_objective_may_be_a_cost(self, tmp_path: Path) -> None:
        assert self.search(tmp_path / "run", "--objective", "activation_bytes") == 0
        run = ja.read_run(tmp_path / "run")
        assert run.settings["maximize"] is False
        least = min(e.metrics["activation_bytes"] or 0 for e in run.evaluations)
        assert run.results is not None
        assert run.results["best"]["metrics"]["activation_bytes"] == least

    def test_limits_that_make_no_sense_are_told(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for limit, message in (
            ("speed=5", "'speed' is no cost"),
            ("latency_ms", "write it as name=value"),
            ("latency_ms=fast", "must be a number"),
        ):
            assert self.search(tmp_path / "run", "--limits", limit) == 2
            assert message in capsys.readouterr().err
        assert not (tmp_path / "run").exists()

    def test_the_lower_of_two_bounds_counts(self) -> None:
        assert bounds_of({"parameters": 10, "latency_ms": 1}, 20, 5) == {
            "parameters": 10,
            "flops": 5,
            "activation_bytes": None,
        }
        assert bounds_of({"parameters": 30, "flops": 1e400}, 20, None) == {
            "parameters": 20,
            "flops": None,
            "activation_bytes": None,
        }

    def test_a_limit_takes_the_place_of_the_default_bound_and_is_told(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert bounds_of({}, DEFAULT_PARAMETERS, None)["parameters"] == 500_000
        assert bounds_of({"parameters": 1e6}, DEFAULT_PARAMETERS, None)["parameters"] == 1_000_000
        nothing = ["--seconds", "0"]
        self.search(tmp_path / "run", *nothing, "--limits", "parameters=3000")
        told = "of which those with at most 3,000 parameters\n"
        assert told in capsys.readouterr().out
        self.search(tmp_path / "other", *nothing, "--max-flops", "9000")
        told = "of which those with at most 500,000 parameters and 9,000 FLOPs\n"
        assert told in capsys.readouterr().out
