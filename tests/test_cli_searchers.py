"""`jarch search` with searchers and options of all kinds."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jarch.cli.naming import parse_arguments
from jarch.runs import read_run
from jarch.search import SEARCHERS
from jarch.search.catalogue import option_names

from .command_line import (
    in_an_empty_folder as in_an_empty_folder,
    search,
    space_file as space_file,
    table as table,
)


def test_any_searcher_can_be_chosen_and_is_checked_on_resume(
    capsys: pytest.CaptureFixture[str], space_file: str
) -> None:
    evolving = ["--searcher", "evolution", "--searcher-args", "population=2", "sample=1"]
    assert search(f"{space_file}:space", *evolving) == 0
    stored = read_run(Path("run")).settings["searcher"]
    assert (stored["name"], stored["population"], stored["sample"]) == ("evolution", 2, 1)
    assert (stored["objective"], stored["maximize"]) == ("accuracy", True)
    assert search(f"{space_file}:space", *evolving, "--resume", evaluations=4) == 0
    assert len(read_run(Path("run")).evaluations) == 4
    capsys.readouterr()
    assert search(f"{space_file}:space", "--searcher", "mcts", "--resume") == 2
    assert "began with searcher = " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("searcher", "surrogate", "options", "more"),
    [
        ("smbo", "forest", {"trees": 5, "encoder": "path"}, ["optimizer=mcts"]),
        pytest.param(
            "npenas", "ridge", {"encoder": ["hashing", "ngram"]}, [], marks=pytest.mark.slow
        ),
        pytest.param(
            "bananas",
            "gp-wl",
            {"radii": (1,)},
            ["acquisition=probability_of_improvement"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_surrogates_are_exchanged_by_name(
    space_file: str, searcher: str, surrogate: str, options: dict[str, Any], more: list[str]
) -> None:
    given = [f"surrogate={surrogate}", f"surrogate_options={options}", "initial=2", *more]
    assert search(f"{space_file}:space", "--searcher", searcher, "--searcher-args", *given) == 0
    stored = read_run(Path("run")).settings["searcher"]
    assert stored["surrogate"] == surrogate
    assert stored["surrogate_options"] == json.loads(json.dumps(options))
    assert all(stored[text.partition("=")[0]] == text.partition("=")[2] for text in more)


def test_a_wrong_surrogate_is_told_before_anything_is_trained(
    capsys: pytest.CaptureFixture[str], space_file: str
) -> None:
    for text, message in (
        ("surrogate=best", "surrogate 'best' is none of ridge"),
        ("surrogate_options={'layers': 2}", "surrogate ridge has no option layers"),
        ("surrogate_options={'encoder': 'walk'}", "encoder 'walk' is none of adjacency"),
    ):
        options = ["--searcher", "smbo", "--searcher-args", text]
        assert search(f"{space_file}:space", *options) == 2
        assert message in capsys.readouterr().err
        assert not Path("run").exists()


@pytest.mark.parametrize("searcher", ["hyperband", pytest.param("asha", marks=pytest.mark.slow)])
def test_rungs_of_epochs_come_to_the_same_when_resumed(
    searcher: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--searcher", searcher, "--searcher-args", "eta=2", "--epochs", "2"]
    assert search("digits_dense", *options, folder="whole", evaluations=6) == 0
    assert "1 epochs" in capsys.readouterr().out
    assert search("digits_dense", *options, folder="part", evaluations=3) == 0
    assert search("digits_dense", *options, "--resume", folder="part", evaluations=6) == 0
    whole, part = read_run(Path("whole")), read_run(Path("part"))
    assert part.evaluations == whole.evaluations
    assert part.results == whole.results
    assert {e.fidelity for e in whole.evaluations} == {1, 2}
    trials = Counter(e.trial for e in whole.evaluations)
    assert 2 in trials.values()
    assert search("digits_dense", *options[:3], "maximum=3", "--epochs", "2") == 2
    assert "say it by --epochs alone" in capsys.readouterr().err


def test_candidates_are_compared_by_several_trainings(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--repetitions", "2"]
    assert search("digits_dense", *options, folder="whole", evaluations=2) == 0
    assert search("digits_dense", *options, folder="part", evaluations=1) == 0
    assert search("digits_dense", *options, "--resume", folder="part", evaluations=2) == 0
    whole = read_run(Path("whole"))
    assert read_run(Path("part")).evaluations == whole.evaluations
    for evaluation in whole.evaluations:
        assert (evaluation.metrics["loss_std"] or 0) > 0
    capsys.readouterr()
    assert search("digits_dense", *options, "--extrapolate") == 2
    assert "--repetitions cannot be: --extrapolate ends" in capsys.readouterr().err
    assert search("digits_dense", *options, "--searcher", "hyperband") == 2
    assert "--repetitions cannot be: a searcher of several fidel" in capsys.readouterr().err
    assert search("digits_dense", "--repetitions", "0") == 2
    assert "--repetitions is 0; it must be 1 or more" in capsys.readouterr().err


def test_trainings_end_by_their_curves(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--extrapolate", "--epochs", "5"]
    assert search("digits_dense", *options, folder="whole", evaluations=2) == 0
    assert read_run(Path("whole")).settings["extrapolate"] is True
    assert search("digits_dense", *options, folder="part", evaluations=1) == 0
    assert search("digits_dense", *options, "--resume", folder="part", evaluations=2) == 0
    assert read_run(Path("part")).evaluations == read_run(Path("whole")).evaluations
    capsys.readouterr()
    assert search("digits_dense", *options, "--objective", "parameters") == 2
    assert "needs an objective of training; parameters is a cost" in capsys.readouterr().err
    assert search("digits_dense", *options, "--objectives", "accuracy", "parameters") == 2
    assert "goes by one objective" in capsys.readouterr().err


def test_a_pruner_of_optuna_goes_by_the_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    options = ["--searcher", "optuna", "--searcher-args", "pruner=median", "eta=2"]
    assert search("digits_dense", *options, "--epochs", "2", evaluations=4) == 0
    assert {e.fidelity for e in read_run(Path("run")).evaluations} == {1, 2}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_optuna_reads_back_what_is_searched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the run folder's name; a search that is resumed goes on with its study."""
    optuna = pytest.importorskip("optuna")
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    options = ["--searcher", "hyperband", "--searcher-args", "eta=2", "--epochs", "2"]
    storage = ["--optuna-storage", url]
    for evaluations, more in ((3, []), (7, ["--resume"])):
        assert search("digits_dense", *options, *storage, *more, evaluations=evaluations) == 0
    run, study = read_run(Path("run")), optuna.load_study(study_name="run", storage=url)
    full = [e for e in run.evaluations if e.fidelity == 2]
    assert study.metric_names == ["accuracy"]
    assert study.best_value == max(e.metrics["accuracy"] or 0 for e in full)
    assert {t.user_attrs["search"] for t in study.trials} == {str(Path("run").absolute())}
    reported = {(t.user_attrs["trial"], f) for t in study.trials for f in t.intermediate_values}
    assert reported == {(e.trial, e.fidelity) for e in run.evaluations}
    before = len(study.trials)
    assert search("digits_dense", *storage, "--optuna-study", "run", folder="other") == 0
    assert len(study.trials) == before + 3
    capsys.readouterr()
    for wrong, told in (
        (["--optuna-study", "run"], "--optuna-study needs --optuna-storage"),
        (["--optuna-storage", "nowhere"], "cannot open the storage 'nowhere'"),
        ([*storage, "--optuna-study", "run", "--objective", "loss"], "is to maximize accuracy"),
    ):
        assert search("digits_dense", *wrong, folder="wrong") == 2
        assert told in capsys.readouterr().err
        assert not Path("wrong").exists()


def test_wrong_searcher_arguments_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, told in (
        (["--searcher", "local", "--searcher-args", "population=2"], "no option population"),
        (["--searcher", "local", "--searcher-args", "initial"], "write it as name=value"),
        (
            ["--searcher", "local", "--searcher-args", "first=maybe"],
            "searcher local: first is 'maybe'; use True or False",
        ),
        (["--searcher", "local", "--uniform"], "no option uniform"),
        (["--max-parameters", "3"], "no architecture is valid and allowed"),
    ):
        assert search("digits_dense", *arguments) == 2
        assert told in capsys.readouterr().err


def test_truth_and_absence_may_be_written_small(space_file: str) -> None:
    given = ["first=false", "initial=1e0", "repeats=true"]
    options = ["--searcher", "local", "--searcher-args", *given, "--final-epochs", "0"]
    assert search(f"{space_file}:space", *options, evaluations=1) == 0
    stored = read_run(Path("run")).settings["searcher"]
    assert (stored["first"], stored["initial"], stored["repeats"]) == (False, 1, True)
    assert parse_arguments(["a=none", "b='none'", "c=None"], "searcher") == {
        "a": None,
        "b": "none",
        "c": None,
    }


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["evolution"], "evolution draws its first 100 at random: all 2 here; give more --evalua"),
        (["smbo", "--searcher-args", "initial=1", "batch=4"], ""),
        (["random"], ""),
    ],
)
def test_a_search_that_is_all_random_says_so(
    options: list[str], told: str, capsys: pytest.CaptureFixture[str], space_file: str
) -> None:
    given = ["--searcher", *options, "--final-epochs", "0"]
    assert search(f"{space_file}:space", *given, evaluations=2) == 0
    out = capsys.readouterr().out
    assert told in out
    assert bool(told) == ("at random: all" in out)


SMALL = ["initial=4", "candidates=20"]
LEARNING: Mapping[str, list[str]] = {
    "evolution": ["population=4", "sample=2"],
    "nsga2": ["population=4"],
    "nsga3": ["population=4"],
    "smbo": SMALL,
    "bananas": [*SMALL, "batch=3"],
    "npenas": [*SMALL, "batch=3", "parents=2"],
    "nasbowl": [*SMALL, "batch=3"],
    "parego": [*SMALL, "fitted=10"],
    "reinforce": ["batch=4"],
    "ppo": ["batch=4", "epochs=2"],
    "optuna": ["arguments={'n_startup_trials': 4}"],
    "bohb": ["eta=2", "min_points=1", "random_fraction=0"],
    "hyperband": ["eta=2"],
    "asha": ["eta=2"],
    "async_hyperband": ["eta=2"],
    "mo_asha": ["eta=2"],
    "successive_halving": ["eta=2", "candidates=4"],
    "successive_narrowing": ["candidates=4"],
}
"""Options with which results matter within ten evaluations; the others need none."""
SEVERAL = ("nsga2", "nsga3", "front_local", "parego", "mo_asha", "optuna")


@pytest.mark.slow
@pytest.mark.parametrize("searcher", SEARCHERS)
def test_each_searcher_on_small_convolutional_networks(
    searcher: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--searcher", searcher, "--searcher-args", *LEARNING.get(searcher, [])]
    options += ["--objectives", "accuracy", "parameters:min"] if searcher in SEVERAL else []
    of_fidelities = "maximum" in option_names(searcher) and searcher != "optuna"
    options += ["--epochs", "2"] if of_fidelities else []
    assert search("digits_conv", *options, evaluations=10) == 0
    assert "at random: all" not in capsys.readouterr().out
    run = read_run(Path("run"))
    assert run.settings["searcher"]["name"] == searcher
    assert not of_fidelities or {e.fidelity for e in run.evaluations} == {1, 2}
    assert len({(e.fingerprint, e.fidelity) for e in run.evaluations}) == 10
    assert all(e.status == "ok" for e in run.evaluations)
