"""The evaluation loop: ask, evaluate, write down, tell."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from jarch.ir import Space, SpaceFunction, trace
from jarch.runs import Evaluation, Journal, RunError, locked_run

from .constraints import Constraint
from .pace import Pace
from .random_searcher import RandomConfig, RandomSearcher
from .result import SearchResult, Stopped
from .searcher import FidelitySearcher, Searcher, SearchError, SpaceExhausted, Suggestion
from .together import check_together, evaluate_suggestions
from .trial import Asked, Evaluate, KeepsTrials, KnowsMetrics, Observes


def random_search(
    space: Space | SpaceFunction,
    evaluate: Evaluate,
    evaluations: int = 20,
    seed: int = 0,
    *,
    uniform: bool = False,
    constraint: Constraint | None = None,
    objective: str = "accuracy",
    maximize: bool = True,
    together: int = 1,
    folder: str | Path | None = None,
    resume: bool = False,
) -> SearchResult:
    """Evaluate architectures drawn at random, none twice, and return what came out.

    Args:
        space: Where to search: a space, or a space function that needs no arguments.
        evaluate: Called with an architecture and a seed; returns metrics by name. What it raises
            is recorded as the reason of a failure, and the search goes on.
        evaluations: How many, failures included.
        seed: Two searches with the same seed suggest the same, and seed `evaluate` the same.
        uniform: Draw uniformly over architectures; else each decision is drawn uniformly.
        constraint: Returns False, or raises `InvalidArchitecture`, for those not to suggest; see
            `within`.
        objective: The metric to compare by.
        maximize: Whether more of it is better.
        together: Evaluate so many at a time; see `run_search`.
        folder: Keep a run folder there.
        resume: Go on with the run in the folder.

    Raises:
        RunError: The folder cannot be used.
        SearchError: No architecture is valid and satisfies the constraint, or the evaluator does
            not return the objective.

    Example:
        >>> import jarch as ja
        >>> def smallest(architecture, seed):
        ...     return {"size": ja.analyze(architecture, {"in": (8, 8, 1)}).parameters}
        >>> found = ja.random_search(
        ...     ja.spaces.digits_dense, smallest, 10, objective="size", maximize=False
        ... )
        >>> found.best.metrics["size"] == min(e.metrics["size"] for e in found.evaluations)
        True
    """
    traced = space if isinstance(space, Space) else trace(space)
    return run_search(
        RandomSearcher(traced, RandomConfig(uniform=uniform), constraint=constraint),
        evaluate,
        evaluations,
        seed,
        objective=objective,
        maximize=maximize,
        together=together,
        folder=folder,
        resume=resume,
    )


def run_search(
    searcher: Searcher,
    evaluate: Evaluate,
    evaluations: int = 20,
    seed: int = 0,
    *,
    objective: str = "accuracy",
    maximize: bool = True,
    together: int = 1,
    seconds: float | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    settings: Mapping[str, Any] | None = None,
    on_start: Callable[[int, Suggestion], None] | None = None,
    on_evaluation: Callable[[Evaluation, bool], None] | None = None,
) -> SearchResult:
    """Let a searcher suggest, evaluate, write down and tell, until the evaluations are done.

    All randomness of evaluation `i` follows from the seed and `i`, or the number of the trial where
    the searcher suggests candidates again at higher fidelities. So resuming runs the search
    again from its beginning, with the metrics in the folder in place of evaluations that are
    done, and comes to the same result as a search that was never interrupted (except where
    `seconds` cut it short). A keyboard interrupt ends the search and returns what is finished.

    Args:
        searcher: New, or in the state to begin with.
        evaluate: As for `random_search`; a `FidelityEvaluator` where the searcher asks for several
            fidelities.
        evaluations: How many in all, failures and those of an earlier part of the run included.
        seed: Of the search.
        objective: The metric to compare by.
        maximize: Whether more of it is better.
        together: Ask for so many suggestions at a time and have them evaluated at once, by an
            evaluator that `EvaluatesTogether`; the searcher is told of them when all are done. The
            last may be fewer.
        seconds: Begin no evaluation that would probably end later than so many seconds after the
            start of this call, by the mean of those before it, or where they have fidelities in
            proportion to what is more of it than the trial had; None for no limit.
        folder: Keep a run folder there.
        resume: Go on with the run in the folder.
        settings: Anything else that the result depends on, as plain data: kept in the folder, and
            the same when resuming.
        on_start: Called with index and suggestion before each evaluation.
        on_evaluation: Called with each evaluation once it is written down, and with whether it
            is the best so far; for those of an earlier part of the run too.

    Raises:
        RunError: The folder cannot be used, or another search is going on in it, or its evaluations
            are not those of this search.
        SearchError: The evaluator does not return the objective, or one of the searcher's; one that
            `KnowsMetrics` says so before anything is evaluated. Or the searcher learns from another
            objective, or asks for fidelities that the evaluator does not offer, or several cannot
            be evaluated at once, or nothing is valid and allowed.

    Example:
        >>> import jarch as ja
        >>> space = ja.trace(ja.spaces.digits_dense)
        >>> def size(architecture, seed):
        ...     return {"size": ja.analyze(architecture, {"in": (8, 8, 1)}).parameters}
        >>> searcher = ja.make_searcher("evolution", space, {"population": 5, "sample": 2},
        ...     objective=ja.Objective("size", maximize=False))
        >>> result = run_search(searcher, size, 20, objective="size", maximize=False)
        >>> len(result.evaluations), result.stopped
        (20, 'evaluations')
    """
    options = dict(searcher.options())
    _check_objective(options, objective, maximize)
    _check_returned(evaluate, [objective, *_objectives(options)])
    check_together(evaluate, together, isinstance(searcher, FidelitySearcher))
    asked = {
        **(settings or {}),
        **({"together": together} if together > 1 else {}),
        "evaluations": evaluations,
        "seconds": seconds,
        "seed": seed,
        "objective": objective,
        "maximize": maximize,
        "searcher": options,
    }
    place = None if folder is None else Path(folder)
    with locked_run(place, resume):
        journal = Journal.open(place, asked, resume)
        loop = _Loop(searcher, evaluate, seed, journal, SearchResult(objective, maximize))
        loop.on_start, loop.on_evaluation = on_start, on_evaluation
        stopped, note = loop.run(evaluations, seconds, together)
    return replace(loop.result, stopped=stopped, note=note)


@dataclass(slots=True)
class _Loop:
    """A search that is going on."""

    searcher: Searcher
    evaluate: Evaluate
    seed: int
    journal: Journal
    result: SearchResult
    on_start: Callable[[int, Suggestion], None] | None = None
    on_evaluation: Callable[[Evaluation, bool], None] | None = None
    _pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        """Begin without an idea of how long evaluations take."""
        self._pace = Pace(isinstance(self.evaluate, KeepsTrials))

    def run(
        self, evaluations: int, seconds: float | None, together: int = 1
    ) -> tuple[Stopped, str]:
        """Evaluate up to so many, some at a time; return what stopped it, and details."""
        end = None if seconds is None else monotonic() + seconds
        index = 0
        try:
            while index < evaluations:
                done = self._round(index, min(together, evaluations - index), end)
                if not done:
                    return "seconds", f"{index} evaluations fit into {seconds:g} seconds"
                index += done
        except SpaceExhausted as exhausted:
            return "exhausted", str(exhausted)
        except KeyboardInterrupt:
            return "interrupted", ""
        return "evaluations", ""

    def _round(self, first: int, number: int, end: float | None) -> int:
        """Do so many evaluations; return how many it did, none where they would end too late.

        What a searcher of several fidelities suggests may be short: it is asked to the last.
        """
        known = self.journal.known[first : first + number]
        new = number - len(known)
        limit = end if new and end is not None else math.inf
        several = isinstance(self.searcher, FidelitySearcher)
        if monotonic() + (0.0 if several else new * self._pace.usual()) > limit:
            return 0
        suggestions = self._ask(first, number)
        if monotonic() + sum(map(self._pace.expected, suggestions[len(known) :])) > limit:
            return 0
        told = [_checked(*pair) for pair in zip(known, suggestions, strict=False)]
        told += self._evaluate(first + len(known), suggestions[len(known) :])
        for i, (suggestion, evaluation) in enumerate(zip(suggestions, told, strict=True)):
            self._take(suggestion, evaluation, known=i < len(known))
        if new:
            self._tidy()
        return len(suggestions)

    def _ask(self, first: int, number: int) -> list[Suggestion]:
        """Return so many suggestions, fewer at the end of the space."""
        asked: list[Suggestion] = []
        for index in range(first, first + number):
            try:
                asked.append(self.searcher.ask(_generator(self.seed, index)))
            except SpaceExhausted:
                if not asked:
                    raise
                break
        return asked

    def _evaluate(self, first: int, suggestions: Sequence[Suggestion]) -> list[Evaluation]:
        asked: list[Asked] = []
        for index, suggestion in enumerate(suggestions, first):
            if self.on_start is not None:
                self.on_start(index, suggestion)
            trial = suggestion.trial
            seed = evaluation_seed(self.seed, index if trial is None else trial)
            asked.append(Asked(index, suggestion, seed))
        found = evaluate_suggestions(self.evaluate, asked, self.result.objective)
        for evaluation in found:
            if evaluation.status == "ok":
                _check_metrics(self.searcher.options(), evaluation)
        return found

    def _take(self, suggestion: Suggestion, evaluation: Evaluation, known: bool) -> None:
        """Write an evaluation down and tell of it."""
        before = self.result.best
        self.result = self.result.add(evaluation, suggestion.architecture)
        best = self.result.best is not before
        self.journal.record(evaluation, suggestion.architecture if best else None)
        self.searcher.tell(suggestion, evaluation.metrics if evaluation.status == "ok" else None)
        if isinstance(self.evaluate, Observes):
            self.evaluate.observe(evaluation)
        if self.on_evaluation is not None:
            self.on_evaluation(evaluation, best)
        self._pace.note(evaluation, known)

    def _tidy(self) -> None:
        """Let the evaluator forget the trials with which the searcher is done."""
        if isinstance(self.searcher, FidelitySearcher) and isinstance(self.evaluate, KeepsTrials):
            self.evaluate.retain(self.searcher.ongoing())


def evaluation_seed(seed: int, index: int) -> int:
    """Return what the evaluator of one evaluation, or of one trial, is seeded with: 31 bits."""
    words = np.random.SeedSequence(seed, spawn_key=(index, 1)).generate_state(1)
    return int(words[0]) >> 1


def _check_objective(options: Mapping[str, Any], objective: str, maximize: bool) -> None:
    """Raise where a searcher learns from something else than what the search is after."""
    known = options.get("objective", objective), options.get("maximize", maximize)
    if known != (objective, maximize):
        raise SearchError(
            f"the searcher learns from {known[0]!r} (maximize={known[1]}), but the search compares "
            f"by {objective!r} (maximize={maximize}); give both the same objective"
        )


def _check_returned(evaluate: object, objectives: Sequence[str]) -> None:
    """Raise where an evaluator knows that it does not return one of the objectives."""
    wrong = evaluate.lacks(objectives) if isinstance(evaluate, KnowsMetrics) else ""
    if wrong:
        raise SearchError(wrong)


def _check_metrics(options: Mapping[str, Any], evaluation: Evaluation) -> None:
    """Raise where a searcher with several objectives would never learn of one of them."""
    for name in _objectives(options):
        if name not in evaluation.metrics:
            raise SearchError(
                f"the evaluator returned {sorted(evaluation.metrics)} but no {name!r}, which is an "
                "objective of the searcher; return it too"
            )


def _objectives(options: Mapping[str, Any]) -> list[str]:
    """Return the names of the objectives of a searcher that has several."""
    return [each["objective"] for each in options.get("objectives", ())]


def _generator(seed: int, index: int) -> np.random.Generator:
    """Return the generator with which the searcher is asked for one evaluation."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index, 0)))


def _checked(known: Evaluation, suggestion: Suggestion) -> Evaluation:
    if known.fingerprint != suggestion.fingerprint:
        raise RunError(
            f"evaluation {known.index} of the run is another architecture than the space gives "
            "now: the space, its arguments or the version of jarch changed; begin another run"
        )
    if (known.fidelity, known.trial) != (suggestion.fidelity, suggestion.trial):
        raise RunError(
            f"evaluation {known.index} of the run has fidelity {known.fidelity}, not "
            f"{suggestion.fidelity}: the version of jarch changed; begin another run"
        )
    return known
