"""The figures: what each is, what it is to reach, and how it is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from . import analyses, imports, programs, transitions
from .measure import Pair

Show: TypeAlias = Callable[[str], None]


class Goal(NamedTuple):
    """What a figure is to reach; both ends included, None for no end."""

    least: float | None
    most: float | None

    def __str__(self) -> str:
        """Write it as in tables."""
        if self.most is None:
            return "—" if self.least is None else f"≥ {self.least:g}"
        if self.most == 0:
            return "0"
        return f"≤ {self.most:g}" if self.least is None else f"{self.least:g} to {self.most:g}"

    def reached(self, value: float) -> bool | None:
        """Say whether a value reaches it; None where there is no goal."""
        if self.least is None and self.most is None:
            return None
        least = self.least is None or value >= self.least
        return least and (self.most is None or value <= self.most)


NO_GOAL = Goal(None, None)


class Figure(NamedTuple):
    """One number.

    Attributes:
        what: In words.
        goal: What it is to reach.
    """

    what: str
    goal: Goal


def _most(value: float) -> Goal:
    return Goal(None, value)


FIGURES: Mapping[str, Figure] = {
    "sample_ms": Figure("one random architecture of `mobilenet_blog`, warm, ms", _most(0.3)),
    "sample_vs_optuna": Figure(
        "the same against Optuna's random sampler drawing the same decisions, without any graph",
        _most(0.5),
    ),
    "sample_vs_pyglove": Figure(
        "the same against PyGlove drawing those that have a choice, as nested dicts",
        NO_GOAL,
    ),
    "chain_1000_ms": Figure(
        "1,000 optional blocks in series, the first sample after tracing, ms", _most(15)
    ),
    "chain_1000_vs_100": Figure("the same against 100 blocks", _most(12)),
    "nest_1000_vs_100": Figure(
        "a sample of substitutions nested 1,000 deep against 100 deep", _most(12)
    ),
    "dependents_1000_vs_100": Figure(
        "a sample of a chain of 1,000 dependents against one of 100", _most(12)
    ),
    "count_ms": Figure("`count` of `mobilenet`, each time traced anew, ms", _most(10)),
    "analyze_vs_eval_shape": Figure(
        "`analyze` of random MobileNets against `jax.eval_shape` of their Flax init", _most(0.002)
    ),
    "flops_vs_xla": Figure(
        "forward FLOPs against XLA's `lowered.cost_analysis()`, the farthest from 1 of 7 nets",
        Goal(0.9, 1.1),
    ),
    "step_vs_flax": Figure(
        "a training step against the same net written by hand in Flax", _most(1.02)
    ),
    "compile_vs_flax": Figure(
        "trace + lower + compile of that step against the same net by hand", _most(1.05)
    ),
    "init_vs_jit": Figure("`init` against `jit` of the Flax init, both cold", _most(0.05)),
    "retraces": Figure("traces when an equal architecture is lowered and run again", _most(0)),
    "import_s_vs_jax": Figure("`import jarch` against `import jax`, whole process", _most(0.5)),
}


def measure(show: Show) -> dict[str, float | None]:
    """Measure all figures; None for those whose peer is not installed.

    Args:
        show: Is given a line on each measurement when it is done.
    """
    values: dict[str, float | None] = {}
    for values_of in (_of_spaces, _of_peers, _of_analyses, _of_programs, _of_imports):
        for name, value, note in values_of():
            values[name] = value
            show(f"{name}: {'not measured' if value is None else f'{value:.4g}'}  ({note})")
    return {name: values[name] for name in FIGURES}


_Measured: TypeAlias = Iterator[tuple[str, float | None, str]]


def _of_spaces() -> _Measured:
    sample = transitions.time_sample()
    yield "sample_ms", sample.median * 1e3, f"best {sample.best * 1e3:.3g} ms"
    chain = transitions.compare_chains()
    yield "chain_1000_ms", chain.first.median * 1e3, f"best {chain.first.best * 1e3:.3g} ms"
    yield "chain_1000_vs_100", chain.ratio, _pair(chain)
    nest = transitions.compare_nests()
    yield "nest_1000_vs_100", nest.ratio, _pair(nest)
    dependents = transitions.compare_dependents()
    yield "dependents_1000_vs_100", dependents.ratio, _pair(dependents)
    count = transitions.time_count()
    yield "count_ms", count.median * 1e3, f"best {count.best * 1e3:.3g} ms"


def _of_peers() -> _Measured:
    compared = {
        "sample_vs_optuna": transitions.compare_with_optuna,
        "sample_vs_pyglove": transitions.compare_with_pyglove,
    }
    for name, compare in compared.items():
        try:
            pair = compare()
        except ImportError as error:
            yield name, None, f"{error}; pip install '.[bench]'"
        else:
            yield name, pair.ratio, _pair(pair)


def _of_analyses() -> _Measured:
    pair = analyses.compare_analyses()
    yield "analyze_vs_eval_shape", pair.ratio, _pair(pair)
    yield "flops_vs_xla", analyses.farthest_flops(), "exact"


def _of_programs() -> _Measured:
    step = programs.compare_steps()
    yield "step_vs_flax", step.ratio, _pair(step)
    compiles = programs.compare_compiles()
    yield "compile_vs_flax", compiles.ratio, _pair(compiles)
    init = programs.compare_initialisations()
    yield "init_vs_jit", init.ratio, _pair(init)
    yield "retraces", programs.count_retraces(), "exact"


def _of_imports() -> _Measured:
    pair = imports.compare_imports()
    yield "import_s_vs_jax", pair.ratio, _pair(pair)


def _pair(pair: Pair) -> str:
    first, second = pair.first.median * 1e3, pair.second.median * 1e3
    return f"{first:.3g} ms against {second:.3g} ms"
