"""What `jarch search` does: introduce, search, finish, tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from jarch import lowering
from jarch.data import DataError, Dataset, load_data
from jarch.evaluate import RepeatedEvaluator, TrainingEvaluator, input_shapes
from jarch.ir import Shape, Space, SpaceError, check, count
from jarch.runs import WEIGHTS, Evaluation, locked_run
from jarch.search import (
    Evaluate,
    FidelitySearcher,
    Objective,
    Searcher,
    SearchResult,
    make_searcher,
    run_search,
    within,
)
from jarch.search.catalogue import random_at_first

from .budget import Budget
from .costs import bounds_in_words, bounds_of, read_limits
from .display import Display
from .fronts import front_table, read_objectives, write_front
from .interrupts import lasting_interrupts
from .naming import at_least, find_space
from .outcome import finish_run, print_results
from .proxies import proxy_evaluator
from .studies import study_recorder
from .tables import failures_table, make_console, results_table

if TYPE_CHECKING:
    from jarch.lowering import EpochReport, Trained
    from jarch.search.bridges import StudyRecorder

    from .searching import Search

CHECKPOINTS = "checkpoints"  # of candidates that may go on, in the run folder
INTERRUPTED = 130  # as shells count a program that SIGINT ended
_NOTHING_FOUND = 1


@dataclass(frozen=True, slots=True)
class _Task:
    """What is searched for."""

    command: Search
    console: Console
    data: Dataset
    space: Space
    inputs: dict[str, Shape]
    bounds: Mapping[str, int | None]  # of costs that are counted
    folder: Path
    searcher: Searcher
    objective: str
    maximize: bool
    evaluator: TrainingEvaluator
    judge: Evaluate  # the evaluator, once or several times, or proxies in its place
    recorder: StudyRecorder | None  # writes a study of Optuna besides


def run_session(command: Search) -> int:
    """Search as a command says; return the exit status.

    Raises:
        SpaceError, DataError, RunError, TrainConfigError: What the user gave does not do.
    """
    _check_numbers(command)
    command.check_proxies()
    command.check_repetitions()
    console = make_console()
    data = load_data(command.data, command.seed, command.validation)
    if not len(data.x_validation):
        raise DataError(f"{data.name}: nothing to compare candidates on; use --validation 0.2")
    space = find_space(command.space, command.space_args, {"num_classes": count_outputs(data)})
    inputs = dict(input_shapes(space.program.fragment.inputs, data))
    objective, maximize = command.choose_objective(data)
    limits = read_limits(command.limits)
    bounds = bounds_of(limits, command.max_parameters, command.max_flops)
    config = command.train_config()
    lowering.check_config(config, data)
    folder = command.choose_folder()
    searcher = make_searcher(
        command.searcher,
        space,
        command.searcher_options(),
        objective=Objective(objective, maximize),
        objectives=read_objectives(command.objectives),
        constraint=within(inputs, **bounds),
    )
    evaluator = TrainingEvaluator(
        data,
        config,
        folder=folder / CHECKPOINTS if isinstance(searcher, FidelitySearcher) else None,
        costs=command.measured_costs(),
        limits=limits,
        stop_early=command.stop_early(objective, maximize),
    )
    task = _Task(
        command,
        console,
        data,
        space,
        inputs,
        bounds,
        folder,
        searcher,
        objective,
        maximize,
        evaluator,
        _judge(command, evaluator),
        study_recorder(
            command.optuna_storage,
            command.optuna_study,
            folder,
            space,
            searcher,
            read_objectives(command.objectives) or (Objective(objective, maximize),),
        ),
    )
    _introduce(task)
    _tell_what_is_random(task)
    try:
        with (
            locked_run(folder, command.resume),
            _convolving("depthwise_conv", command.depthwise),
            _convolving("conv", command.conv),
            lasting_interrupts() as raise_again,
        ):
            return _search_and_finish(task, raise_again)
    except KeyboardInterrupt:
        return _tell_interrupted(task)


def _judge(command: Search, evaluator: TrainingEvaluator) -> Evaluate:
    """Return what candidates are judged by: proxies, or trainings, one or several."""
    if command.zero_cost:
        return proxy_evaluator(evaluator.data, command.zero_cost)
    if command.repetitions is not None:
        return RepeatedEvaluator(evaluator, command.repetitions)
    return evaluator


def _check_numbers(command: Search) -> None:
    """Check what would otherwise end in a search for nothing."""
    at_least(1, "--evaluations", command.evaluations)
    at_least(0, "--final-epochs", command.final_epochs)
    at_least(0, "--seed", command.seed)
    if command.seconds is not None:
        at_least(0, "--seconds", command.seconds)


def _convolving(operation: str, way: str | None) -> AbstractContextManager[None]:
    """Return what has an operation computed in this way; None: as the table says."""
    return nullcontext() if way is None else lowering.overruled(operation, way, "often")


def _search_and_finish(task: _Task, raise_again: Callable[[], None]) -> int:
    """Search, train the best, judge it, and tell."""
    command = task.command
    evaluator = task.evaluator
    budget = Budget(command.seconds, command.epochs, command.final_epochs)
    display = Display(task.console, task.objective, command.evaluations, budget)

    def on_epoch(_: EpochReport) -> None:
        display.epoch()
        raise_again()

    evaluator.on_epoch = on_epoch
    results: Mapping[str, Any] = {}
    with display:
        result = _search(task, display, budget)
        if result.stopped == "interrupted":
            raise KeyboardInterrupt
        if result.best is not None:
            epochs = budget.affordable_epochs()
            display.finish(epochs)
            results = finish_run(
                task.folder,
                result,
                task.data,
                command.settings()["data"],
                evaluator.config,
                epochs,
                on_epoch,
            )
    task.console.print()
    _tell_search(task, result)
    if result.best is None:
        return _NOTHING_FOUND
    print_results(task.console, task.folder, results)
    if results["final_epochs"] < command.final_epochs:
        asked = f"{command.final_epochs} epochs did not fit into the time; give more --seconds"
        task.console.print(Text(asked, "yellow"))
    task.console.print(Text(f"\n{budget.elapsed():.0f} seconds in all", style="dim"))
    return 0


def _search(task: _Task, display: Display, budget: Budget) -> SearchResult:
    command, evaluator = task.command, task.evaluator

    def on_evaluation(evaluation: Evaluation, best: bool) -> None:
        if best and not command.zero_cost:
            budget.best_took(evaluation.seconds / (command.repetitions or 1), evaluator.trained)
        if best and evaluator.trained is not None:
            _keep(task, evaluator.trained)
        display.evaluated(evaluation, best)
        if task.recorder is not None:
            task.recorder(evaluation)

    result = run_search(
        task.searcher,
        task.judge,
        command.evaluations,
        command.seed,
        objective=task.objective,
        maximize=task.maximize,
        seconds=budget.search_seconds,
        folder=task.folder,
        resume=command.resume,
        settings=command.settings(),
        on_start=display.start,
        on_evaluation=on_evaluation,
    )
    if task.recorder is not None and result.stopped in ("evaluations", "exhausted"):
        task.recorder.finish()  # else it may be resumed, and trials that run go on
    return result


def _keep(task: _Task, trained: Trained) -> None:
    """Keep the weights of the best so far; if they cannot be, the search goes on all the same."""
    try:
        lowering.save(trained, task.folder / WEIGHTS, new_process=False)
    except lowering.ExportError as error:
        task.console.print(Text(f"the weights of this candidate are not kept: {error}", "yellow"))


def _introduce(task: _Task) -> None:
    """Tell what is searched, and warn where the data does not fit all of the space.

    Raises:
        SpaceError: The data fits nothing of it.
    """
    told = Text("space ", style="dim").append(task.command.space, style="bold")
    bounds = bounds_in_words(task.bounds)
    told.append(f", {_size(task.space)}")
    told.append(f", of which those with {bounds}" if bounds else "")
    told.append("\ndata  ").append(str(task.data), style="bold")
    told.append("\nrun   ").append(str(task.folder), style="bold").append("\n")
    task.console.print(told)
    try:
        broken = check(task.space, task.inputs)
    except SpaceError:  # too large to try: the candidates will show
        return
    if broken is not None and not broken.decisions:
        raise SpaceError(
            f"no architecture of {task.command.space} takes {task.data.name}: {broken.node}: "
            f"{broken.reason}; choose another space, such as digits_dense, which takes any shape"
        )
    if broken is not None:
        task.console.print(Text("some architectures do not fit the data and are passed over:"))
        task.console.print(Text(f"{broken}\n", style="yellow"))


def _tell_what_is_random(task: _Task) -> None:
    """Say so where the searcher draws all candidates at random, for it learns only later."""
    first, evaluations = random_at_first(task.searcher), task.command.evaluations
    if first is None or first[1] < evaluations:
        return
    option, number = first
    told = f"{task.command.searcher} draws its first {number:,} at random: all {evaluations:,} here"
    remedy = f"give more --evaluations, or a smaller {option} by --searcher-args"
    task.console.print(Text(f"{told}; {remedy}\n", "yellow"))


def _size(space: Space) -> str:
    try:
        number = count(space)
    except SpaceError:  # a range of real numbers, or a very large choice of structures
        return "more architectures than can be counted"
    return f"{number:,} architectures" if number < 1e12 else f"{number:.2e} architectures"


def _tell_search(task: _Task, result: SearchResult) -> None:
    console = task.console
    if result.best is not None:
        console.print(results_table(result.evaluations, task.objective, task.maximize))
    objectives = read_objectives(task.command.objectives)
    front = front_table(result.evaluations, objectives) if objectives else None
    if front is not None:
        console.print(front)
        files = write_front(task.folder, result.evaluations, objectives)
        console.print(f"written to {', '.join(map(str, files))}\n")
    failures = failures_table(result.evaluations)
    if failures is not None:
        console.print(failures)
    if result.invalid_draws:
        console.print(f"drawn, but invalid or too large to be tried: {result.invalid_draws:,}")
    if result.stopped == "seconds":
        resume = f"--resume --seconds {2 * (task.command.seconds or 0):g}"
        console.print(Text(f"stopped by time: {result.note}; go on with {resume}", "yellow"))
    if result.stopped == "exhausted":
        console.print(Text(f"nothing is left to try: {result.note}", "yellow"))


def _tell_interrupted(task: _Task) -> int:
    """Say what is kept, and how to go on."""
    told = f"interrupted; all that is finished is in {task.folder}; go on with"
    task.console.print(Text(f"\n{told}", "yellow"))
    task.console.print(Text(f"  {task.command.resuming(task.folder)}"), soft_wrap=True)
    return INTERRUPTED


def count_outputs(data: Dataset) -> int:
    """Return how many numbers a model must give for an example."""
    return data.num_classes if data.num_classes is not None else prod(data.y_train.shape[1:])
