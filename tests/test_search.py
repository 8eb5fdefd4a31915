"""The searcher, the loop and what is recorded, with evaluators that cost nothing."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import jarch as ja
from jarch.ir import Inference, Op, Properties, Property, Shapes
from jarch.runs import EVALUATIONS, Evaluation, RunError, read_run
from jarch.search import (
    RandomConfig,
    RandomSearcher,
    SearchError,
    SearchResult,
    SpaceExhausted,
    Suggestion,
    random_search,
    run_search,
)
from jarch.search.pace import Pace


def _infer(properties: Properties, shapes: Shapes) -> Inference:
    raise NotImplementedError("the shapes of these nodes are never asked for")


UNIT = Op("unit", _infer)


def unit(**properties: Property) -> ja.Fragment:
    return ja.basic(UNIT, properties)


def wide() -> ja.Fragment:
    """3 widths, and one or two layers with 4 kernels each: 60 architectures."""
    width = ja.Discrete([8, 16, 32], name="width")
    layer = lambda: unit(kernel=ja.Discrete([1, 3, 5, 7], name="kernel"))  # noqa: E731
    return ja.sequential(unit(width=width), ja.repeat(layer, ja.Discrete([1, 2], name="depth")))


def skewed() -> ja.Fragment:
    """A switch: off, 1 architecture; on, 9 architectures."""
    layer = lambda: unit(kernel=ja.Discrete(range(9), name="kernel"))  # noqa: E731
    return ja.optional(layer, ja.Bool(name="on"))


def picky() -> ja.Fragment:
    """Four widths of which two are refused."""

    def layer(width: int) -> ja.Fragment:
        if width > 2:
            raise ja.InvalidArchitecture(f"width {width} is above 2")
        return unit(width=width)

    return ja.substitution(layer, {"width": ja.Discrete([1, 2, 3, 4], name="width")})


def score(architecture: ja.Architecture, seed: int) -> dict[str, float]:
    """A metric of the architecture and the seed, different for nearly all."""
    noise = np.random.default_rng(seed).random()
    return {"accuracy": len(architecture.nodes) + float(noise), "nodes": len(architecture.nodes)}


def moody(architecture: ja.Architecture, seed: int) -> Mapping[str, float]:
    """Fails for a third of the seeds, in three ways."""
    match seed % 9:
        case 0:
            raise MemoryError("no 4 TiB here")
        case 1:
            raise ja.ShapeError("3 channels do not\nfit 4")
        case 2:
            return {"accuracy": float("nan")}
        case _:
            return score(architecture, seed)


def accuracy(evaluation: Evaluation) -> float:
    found = evaluation.metrics["accuracy"]
    assert found is not None
    return found


def without_seconds(result: SearchResult) -> SearchResult:
    return replace(result, evaluations=tuple(replace(e, seconds=0) for e in result.evaluations))


class Interruption:
    """Interrupts an evaluator at given calls, as Ctrl-C does."""

    def __init__(self, evaluate: Callable[..., Mapping[str, float]], calls: set[int]) -> None:
        self._evaluate = evaluate
        self._calls = calls
        self._count = 0

    def __call__(self, architecture: ja.Architecture, seed: int) -> Mapping[str, float]:
        self._count += 1
        if self._count in self._calls:
            raise KeyboardInterrupt
        return self._evaluate(architecture, seed)


def test_random_search_finds_the_best_of_what_it_evaluates() -> None:
    result = random_search(wide, score, 20, seed=3)
    assert len(result.evaluations) == 20
    assert result.stopped == "evaluations"
    assert result.best is not None
    assert accuracy(result.best) == max(map(accuracy, result.evaluations))
    assert result.best_architecture is not None
    assert ja.fingerprint(result.best_architecture) == result.best.fingerprint
    assert ja.replay(ja.trace(wide), result.best.values) == result.best_architecture
    assert result.ranked()[0] == result.best


def test_less_is_better_when_asked() -> None:
    result = random_search(wide, score, 20, maximize=False)
    assert result.best is not None
    assert accuracy(result.best) == min(map(accuracy, result.evaluations))
    assert result.ranked()[0] == result.best


def test_the_first_of_equals_is_the_best() -> None:
    result = random_search(wide, lambda architecture, seed: {"accuracy": 1}, 5)
    assert result.best == result.evaluations[0] == result.ranked()[0]


def test_equal_seeds_give_equal_searches_and_others_do_not() -> None:
    first, again, other = (random_search(wide, moody, 15, seed=seed) for seed in (1, 1, 2))
    assert without_seconds(first) == without_seconds(again)
    assert [e.fingerprint for e in first.evaluations] != [e.fingerprint for e in other.evaluations]


def test_each_evaluation_has_its_own_seed() -> None:
    result = random_search(wide, score, 40)
    assert len({e.seed for e in result.evaluations}) == 40


def test_how_many_are_evaluated_does_not_change_those_that_are() -> None:
    few, many = random_search(wide, score, 7), random_search(wide, score, 30)
    assert few.evaluations == many.evaluations[:7]


def test_nothing_is_suggested_twice_and_an_exhausted_space_ends_the_search() -> None:
    result = random_search(wide, score, 1000)
    assert len(result.evaluations) == 60
    assert len({e.fingerprint for e in result.evaluations}) == 60
    assert result.stopped == "exhausted"
    assert "60 different models" in result.note


def test_repeats_where_they_are_wanted() -> None:
    searcher = RandomSearcher(ja.trace(picky), RandomConfig(repeats=True))
    assert len(run_search(searcher, score, 30).evaluations) == 30


def test_uniform_draws_each_architecture_equally_often() -> None:
    def share_off(uniform: bool) -> float:
        searcher = RandomSearcher(ja.trace(skewed), RandomConfig(uniform, repeats=True))
        rng = np.random.default_rng(0)
        off = sum(not searcher.ask(rng).architecture.nodes for _ in range(2000))
        return off / 2000

    assert 0.45 < share_off(uniform=False) < 0.55
    assert 0.07 < share_off(uniform=True) < 0.13


def test_invalid_architectures_are_drawn_again_and_counted() -> None:
    result = random_search(picky, score, 100, seed=5)
    assert Counter(e.values for e in result.evaluations) == {(1,): 1, (2,): 1}
    assert result.stopped == "exhausted"
    assert "width" in result.note
    rejected = [random_search(picky, score, 1, seed=seed).invalid_draws for seed in range(20)]
    assert max(rejected) > 0
    assert min(rejected) == 0


def test_a_constraint_is_never_broken() -> None:
    def small(architecture: ja.Architecture) -> None:
        if dict(architecture.decisions)["width"] != 8:
            raise ja.InvalidArchitecture("too wide")

    result = random_search(wide, score, 1000, constraint=small)
    assert len(result.evaluations) == 20
    assert {dict(e.decisions)["width"] for e in result.evaluations} == {8}


def test_no_valid_architecture_at_all() -> None:
    def never(architecture: ja.Architecture) -> None:
        raise ja.InvalidArchitecture("nothing will do")

    with pytest.raises(SearchError, match=r"no architecture is valid.*nothing will do"):
        random_search(wide, score, constraint=never)


def test_real_numbers_can_be_searched() -> None:
    result = random_search(lambda: unit(rate=ja.Float(0.0, 1.0)), score, 25)
    assert len({e.values for e in result.evaluations}) == 25


@given(st.integers(0, 2**32), st.integers(0, 30))
@settings(deadline=None, max_examples=20)
def test_a_searcher_goes_on_from_its_state(seed: int, asked: int) -> None:
    space = ja.trace(wide)
    first, second = RandomSearcher(space), RandomSearcher(space)
    rng = np.random.default_rng(seed)
    for _ in range(asked):
        first.ask(rng)
    second.restore(json.loads(json.dumps(first.state())))
    rngs = np.random.default_rng(seed + 1), np.random.default_rng(seed + 1)
    assert [first.ask(rngs[0]) for _ in range(5)] == [second.ask(rngs[1]) for _ in range(5)]


def test_suggestions_that_never_come_back_are_not_suggested_again() -> None:
    searcher, rng = RandomSearcher(ja.trace(picky)), np.random.default_rng(0)
    assert searcher.ask(rng).fingerprint != searcher.ask(rng).fingerprint
    with pytest.raises(SpaceExhausted):
        searcher.ask(rng)


def test_failures_are_recorded_with_their_reason_and_the_search_goes_on() -> None:
    result = random_search(wide, moody, 40)
    by_kind = {e.seed % 9: e for e in result.evaluations}
    assert len(result.evaluations) == 40
    assert by_kind[0].status == "failed"
    assert by_kind[0].reason == "out of memory: no 4 TiB here"
    assert by_kind[1].status == "invalid"
    assert by_kind[1].reason == "3 channels do not fit 4"
    assert by_kind[2].status == "failed"
    assert by_kind[2].reason == "accuracy is not a finite number"
    assert {e.metrics.get("accuracy") for e in result.failed} == {None}
    assert result.best is not None
    assert result.best.status == "ok"


def test_failures_keep_the_metrics_that_are_known() -> None:
    class TooSlow(Exception):
        def __init__(self, costs: object) -> None:
            super().__init__("too slow")
            self.costs = costs

    def evaluate(architecture: ja.Architecture, seed: int) -> dict[str, float]:
        if seed % 2:
            return {"accuracy": float("nan"), "size": 3}
        raise TooSlow({"size": 4.0} if seed % 4 else "unknown")

    result = random_search(wide, evaluate, 12)
    assert {e.status for e in result.evaluations} == {"failed"}
    for each in result.evaluations:
        some = {"size": 4.0} if each.seed % 4 else {}
        assert each.metrics == ({"accuracy": None, "size": 3} if each.seed % 2 else some)
        assert each.score("size") is None
    assert random_search(wide, evaluate, 12, objective="accuracy", maximize=False).best is None


def test_memory_that_xla_does_not_get_is_called_so() -> None:
    def evaluate(architecture: ja.Architecture, seed: int) -> dict[str, float]:
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes")

    result = random_search(wide, evaluate, 2)
    assert all(e.reason.startswith("out of memory: ") for e in result.evaluations)
    assert result.best is None


def test_an_error_in_the_evaluator_says_where() -> None:
    def evaluate(architecture: ja.Architecture, seed: int) -> dict[str, float]:
        return {"accuracy": 1 / 0}

    reason = random_search(wide, evaluate, 1).evaluations[0].reason
    assert reason.startswith("ZeroDivisionError in test_search.py, line ")


def test_metrics_without_the_objective_stop_the_search() -> None:
    with pytest.raises(SearchError, match="no 'loss'"):
        random_search(wide, score, objective="loss")


def test_metrics_that_are_no_numbers_are_a_failure() -> None:
    result = random_search(wide, lambda architecture, seed: {"accuracy": "good"}, 1)
    assert "metric 'accuracy' is 'good', not a number" in result.evaluations[0].reason
    result = random_search(wide, lambda architecture, seed: None, 1)  # type: ignore[arg-type,return-value]
    assert "the evaluator returned None, not metrics by name" in result.evaluations[0].reason


def test_numpy_metrics_and_infinite_ones_are_written_as_json(tmp_path: Path) -> None:
    metrics = {"accuracy": np.float32(0.5), "loss": float("inf"), "count": np.int64(3)}
    result = random_search(wide, lambda architecture, seed: metrics, 1, folder=tmp_path / "run")
    assert result.evaluations[0].metrics == {"accuracy": 0.5, "loss": None, "count": 3}
    assert read_run(tmp_path / "run").evaluations == result.evaluations


@given(
    seed=st.integers(0, 2**31),
    interruptions=st.sets(st.integers(1, 14), max_size=4),
    torn=st.booleans(),
    tear=st.integers(1, 200),
)
@settings(deadline=None, max_examples=25)
def test_a_resumed_search_is_an_uninterrupted_one(
    seed: int, interruptions: set[int], torn: bool, tear: int
) -> None:
    """Interrupted anywhere, any number of times, and with the last line torn off."""
    expected = random_search(wide, moody, 12, seed)
    evaluate = Interruption(moody, interruptions)
    with TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        result = random_search(wide, evaluate, 12, seed, folder=run)
        while result.stopped == "interrupted":
            assert result.evaluations == expected.evaluations[: len(result.evaluations)]
            if torn and (run / EVALUATIONS).exists():
                content = (run / EVALUATIONS).read_bytes()
                (run / EVALUATIONS).write_bytes(content[: max(0, len(content) - tear)])
            result = random_search(wide, evaluate, 12, seed, folder=run, resume=True)
        assert without_seconds(result) == without_seconds(expected)
        stored = read_run(run)
        assert stored.evaluations == expected.evaluations
        if expected.best_architecture is not None:
            assert (
                ja.from_json((run / "best.json").read_text(), {"unit": UNIT})
                == expected.best_architecture
            )


def test_an_interrupt_keeps_what_is_finished(tmp_path: Path) -> None:
    result = random_search(wide, Interruption(score, {4}), 10, folder=tmp_path / "run")
    assert result.stopped == "interrupted"
    assert len(result.evaluations) == 3
    assert read_run(tmp_path / "run").evaluations == result.evaluations


def test_a_finished_search_can_be_carried_further(tmp_path: Path) -> None:
    random_search(wide, score, 5, folder=tmp_path / "run")
    longer = random_search(wide, score, 9, folder=tmp_path / "run", resume=True)
    assert without_seconds(longer) == without_seconds(random_search(wide, score, 9))
    assert read_run(tmp_path / "run").settings["evaluations"] == 9


def test_known_evaluations_are_not_evaluated_again(tmp_path: Path) -> None:
    random_search(wide, score, 5, folder=tmp_path / "run")
    calls: list[int] = []

    def evaluate(architecture: ja.Architecture, seed: int) -> dict[str, float]:
        calls.append(seed)
        return score(architecture, seed)

    random_search(wide, evaluate, 7, folder=tmp_path / "run", resume=True)
    assert len(calls) == 2


def test_resuming_with_another_seed_or_space_is_refused(tmp_path: Path) -> None:
    random_search(wide, score, 3, folder=tmp_path / "run")
    with pytest.raises(RunError, match="began with seed = 0, not 1"):
        random_search(wide, score, 3, 1, folder=tmp_path / "run", resume=True)
    with pytest.raises(RunError, match="another architecture"):
        random_search(skewed, score, 3, folder=tmp_path / "run", resume=True)
    with pytest.raises(RunError, match="holds a run already"):
        random_search(wide, score, 3, folder=tmp_path / "run")
    with pytest.raises(RunError, match="holds no run"):
        random_search(wide, score, 3, folder=tmp_path / "other", resume=True)
    with pytest.raises(RunError, match="without a folder"):
        random_search(wide, score, 3, resume=True)


def test_a_limit_of_time_stops_the_search_and_says_so() -> None:
    result = run_search(RandomSearcher(ja.trace(wide)), score, 50, seconds=0)
    assert result.stopped == "seconds"
    assert result.evaluations == ()
    assert "0 seconds" in result.note


def test_time_is_expected_in_proportion_to_what_is_more_of_a_fidelity() -> None:
    """9 of the lowest rung in 0.9 seconds: what goes on from 1 to 3 takes 0.2, if it goes on."""

    def evaluation(trial: int, fidelity: int | None, seconds: float) -> Evaluation:
        return Evaluation(0, 0, (), "", "ok", seconds=seconds, fidelity=fidelity, trial=trial)

    def suggestion(trial: int | None, fidelity: int | None) -> Suggestion:
        return Suggestion(a_wide_one, "", fidelity=fidelity, trial=trial)

    a_wide_one = RandomSearcher(ja.trace(wide)).ask(np.random.default_rng(0)).architecture
    going_on, anew = Pace(True), Pace(False)
    for pace in (going_on, anew):
        assert (pace.usual(), pace.expected(suggestion(0, 3))) == (0.0, 0.0)
        for trial in range(9):
            pace.note(evaluation(trial, 1, 0.1), known=False)
        assert pace.expected(suggestion(9, 9)) == pytest.approx(0.9)
        assert pace.expected(suggestion(None, None)) == pytest.approx(0.1)
    assert going_on.expected(suggestion(0, 3)) == pytest.approx(0.2)
    assert anew.expected(suggestion(0, 3)) == pytest.approx(0.3)
    going_on.note(evaluation(0, 3, 99.0), known=True)  # in an earlier part, perhaps elsewhere
    assert going_on.expected(suggestion(0, 9)) == pytest.approx(0.6)


def test_a_long_rung_that_does_not_fit_into_the_time_is_not_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nine evaluations for 1 take 9 of 14.5 seconds, one for 3 takes 3, and 2.5 are not enough."""
    now = [0.0]
    for module in ("loop", "trial"):
        monkeypatch.setattr(f"jarch.search.{module}.monotonic", lambda: now[0])

    class Clock:
        def __call__(self, architecture: ja.Architecture, seed: int) -> dict[str, float]:
            return self.at(architecture, seed, 9, None)

        def at(
            self, architecture: ja.Architecture, seed: int, fidelity: int, trial: int | None
        ) -> dict[str, float]:
            now[0] += fidelity
            return {"accuracy": float(seed)}

    searcher = ja.HyperbandSearcher(ja.trace(wide), ja.HyperbandConfig(maximum=9))
    result = run_search(searcher, Clock(), 50, seconds=14.5)
    assert result.stopped == "seconds"
    assert [e.fidelity for e in result.evaluations] == [1] * 9 + [3]
    assert now[0] == 12


def test_observers_see_each_evaluation(tmp_path: Path) -> None:
    started: list[int] = []
    ended: list[tuple[Evaluation, bool]] = []
    result = run_search(
        RandomSearcher(ja.trace(wide)),
        score,
        10,
        on_start=lambda index, suggestion: started.append(index),
        on_evaluation=lambda evaluation, best: ended.append((evaluation, best)),
    )
    assert started == list(range(10))
    assert tuple(e for e, _ in ended) == result.evaluations
    assert [e for e, best in ended if best][-1] == result.best
