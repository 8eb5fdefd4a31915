"""The command that searches: a space and data in, a run folder out.

A searcher suggests candidates, which are trained briefly and compared on the validation split. The
best is trained once more, for longer and on the training and validation splits, and then judged on
the test split, which nothing else looks at.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import tyro

from jarch import evaluate, lowering
from jarch.data import Dataset
from jarch.ir import SpaceError
from jarch.runs import is_run
from jarch.search import Objective
from jarch.search.catalogue import option_names

from .costs import DEFAULT_PARAMETERS, larger_is_better, measured_costs, read_limits
from .fronts import read_objectives
from .naming import at_least, parse_arguments
from .proxies import (
    PROXY_NAMES,
    ProxyName,
    check_nothing_is_trained,
    check_objectives_of_proxies,
)
from .session import run_session

if TYPE_CHECKING:
    from jarch.evaluate import CurveStopping
    from jarch.lowering import TrainConfig

SearcherName: TypeAlias = Literal[
    "random",
    "exhaustive",
    "evolution",
    "local",
    "mcts",
    "mcts_bisection",
    "nsga2",
    "nsga3",
    "front_local",
    "hyperband",
    "asha",
    "async_hyperband",
    "successive_halving",
    "successive_narrowing",
    "bohb",
    "mo_asha",
    "optuna",
    "quasi_random",
    "smbo",
    "bananas",
    "npenas",
    "nasbowl",
    "reinforce",
    "ppo",
    "parego",
]

_LATER = (
    "augment",
    "clip_norm",
    "conv",
    "depthwise",
    "dtype",
    "ema_decay",
    "extrapolate",
    "limits",
    "objectives",
    "repetitions",
    "zero_cost",
)
_NOT_SETTINGS = frozenset({"folder", "resume", "optuna_storage", "optuna_study"})  # where, not what
_OF_THE_LOOP = frozenset(
    {"evaluations", "seconds", "seed", "objective", "searcher", "searcher_args", "uniform"}
)


@dataclass(frozen=True, slots=True)
class Search:
    """Search a space for the model that does best on data, train it, and keep it in a folder."""

    space: Annotated[str, tyro.conf.Positional]
    """A built-in name, module:function or path.py:function."""
    data: str
    """'digits', 'fashion-mnist', an .npz file, a folder of IDX files or of images by class."""
    seed: int = 0
    """Decides the split for validation, the candidates, and all training."""
    evaluations: int = 10
    """How many candidates to train and compare, failures included."""
    epochs: int = 8
    """How long each candidate trains; with several fidelities, those that come to the top."""
    final_epochs: int = 30
    """How long the best trains in the end, anew; 0 keeps the weights it has from the search."""
    seconds: float | None = 170.0
    """Seconds for all of it: fewer candidates and a shorter last training, if need be. None is
    without limit: give that, or many seconds, for a search over night."""
    folder: Path | None = None
    """The run folder; by default a new one, runs/SPACE-DATA-SEED."""
    resume: bool = False
    """Go on with the run in the folder, to the same result as if it had not been interrupted."""
    optuna_storage: str | None = None
    """Write the search into this storage of Optuna too, such as sqlite:///studies.db."""
    optuna_study: str | None = None
    """The study there; by default it has the name of the run folder."""
    space_args: tuple[str, ...] = ()
    """Arguments of the space function, each name=value; num_classes follows from the data."""
    searcher: SearcherName = "random"
    """What suggests the candidates; docs/searchers/README.md says which to choose."""
    searcher_args: tuple[str, ...] = ()
    """Options of the searcher, each name=value, such as population=10 or aging=false; by default
    its paper's."""
    uniform: bool = False
    """For the random searcher: give each architecture the same chance; by default each value of
    each decision has it."""
    max_parameters: int | None = DEFAULT_PARAMETERS
    """Consider no architecture with more parameters; None: of any size. Two cores train the
    default number within seconds on small images; --limits parameters=… takes its place."""
    max_flops: int | None = None
    """Consider no architecture with more FLOPs in the forward pass of one example."""
    objective: str | None = None
    """The validation metric to choose by; by default accuracy, for regression mse."""
    objectives: tuple[str, ...] = ()
    """Several in its place, as NAME, NAME:max or NAME:min: the first chooses the best, and the
    search ends with the Pareto front of all."""
    limits: tuple[str, ...] = ()
    """Bounds on costs, each name=value, such as latency_ms=5 or throughput=1000 (the least): what
    is counted is looked at before a candidate is suggested, what is measured before it trains."""
    zero_cost: tuple[ProxyName, ...] = ()
    """Judge candidates by these proxies, without training, and train the best alone: the first is
    what to choose by, unless an objective is given."""
    repetitions: int | None = None
    """Train each candidate so often, with other seeds, and compare by the means of the metrics."""
    extrapolate: bool = False
    """End trainings whose learning curve says that they will not beat the best."""
    depthwise: Literal["lax", "shifted"] | None = None
    """How depthwise convolutions are computed, as jarch tune found it; None: by jarch's table."""
    conv: Literal["dense", "lax", "product"] | None = None
    """How other convolutions are computed, likewise."""
    batch_size: int = 32
    """How many examples a training step takes."""
    optimizer: str = "adam"
    """The name of an optimiser of optax."""
    learning_rate: float = 3e-3
    """The highest learning rate; it falls to nearly nothing along a cosine."""
    weight_decay: float = 0.0
    """What a step takes off weights, as a part of them times the learning rate; decoupled."""
    label_smoothing: float = 0.0
    """The part of the target's probability that is spread over all classes."""
    augment: str = ""
    """What to do to training images: flip, crop, cutout, mixup, cutmix, randaugment, with commas
    between, each perhaps with a number: flip,crop=2,cutout=4."""
    ema_decay: float | None = None
    """Judge and keep moving averages of the weights, with this decay, such as 0.999."""
    clip_norm: float | None = None
    """Scale gradients down to this norm where it is larger."""
    dtype: str | None = None
    """What to compute in, such as bfloat16; by default float32."""
    validation: float = 0.2
    """The fraction of the examples not for test that candidates are compared on."""

    def run(self) -> int:
        """Search; exit with 1 where no candidate succeeded, with 130 after an interrupt."""
        return run_session(self)

    def settings(self) -> dict[str, Any]:
        """Return what the result depends on beside the loop's own settings, as plain data."""
        left_out = _NOT_SETTINGS | _OF_THE_LOOP
        kept = {name: value for name, value in asdict(self).items() if name not in left_out}
        path = Path(self.data).expanduser()
        data = str(path.absolute()) if path.exists() else self.data
        # Runs of earlier versions are without these.
        for name in _LATER:
            if not kept[name]:
                del kept[name]
        return kept | {"space_args": list(self.space_args), "data": data}

    def searcher_options(self) -> dict[str, Any]:
        """Return the options of the searcher by name.

        Raises:
            SpaceError: One is not written as name=value, or contradicts the epochs.
        """
        options = parse_arguments(self.searcher_args, "searcher")
        if self._has_fidelities(options):
            options.setdefault("maximum", self.epochs)
            if options["maximum"] != self.epochs:
                raise SpaceError(
                    f"maximum is {options['maximum']} but a candidate trains for {self.epochs} "
                    "epochs; say it by --epochs alone"
                )
        return options | ({"uniform": True} if self.uniform else {})

    def _has_fidelities(self, options: Mapping[str, Any]) -> bool:
        """Say whether the searcher evaluates for fewer epochs too, as Optuna's does by a pruner."""
        names = option_names(self.searcher)
        return "maximum" in names and ("pruner" not in names or options.get("pruner") is not None)

    def resuming(self, folder: Path) -> str:
        """Return the command line that goes on with this run."""
        words = ["jarch", "search", self.space, "--data", self.data]
        for field in fields(self):
            value: Any = getattr(self, field.name)
            if value == field.default or field.name in ("space", "data", "folder", "resume"):
                continue
            words.append(f"--{field.name.replace('_', '-')}")
            if field.name in ("space_args", "searcher_args", "objectives", "limits", "zero_cost"):
                words += value
            elif value is not True:
                words.append(str(value))
        return shlex.join([*words, "--folder", str(folder), "--resume"])

    def choose_objective(self, data: Dataset) -> tuple[str, bool]:
        """Return the metric to compare by, and whether more of it is better.

        Raises:
            SpaceError: One of several is no metric, or there are one and several.
        """
        several = read_objectives(self.objectives)
        if several and self.objective is not None:
            raise SpaceError("give either --objective or --objectives, where the first is that")
        if several:
            return several[0].name, several[0].maximize
        default = "mse" if data.num_classes is None else "accuracy"
        name = self.objective or (self.zero_cost[0] if self.zero_cost else default)
        return name, larger_is_better(name) is True

    def check_proxies(self) -> None:
        """Check that what candidates are judged by is computed, and needs no more than that.

        Raises:
            SpaceError: It is not, or does.
        """
        names = [objective.name for objective in read_objectives(self.objectives)]
        check_objectives_of_proxies(names or [self.objective or ""], self.zero_cost)
        if self.zero_cost:
            options = parse_arguments(self.searcher_args, "searcher")
            fidelities = self._has_fidelities(options)
            check_nothing_is_trained(read_limits(self.limits), fidelities, self.final_epochs)

    def check_repetitions(self) -> None:
        """Check that candidates can be trained several times, if they are to be.

        Raises:
            SpaceError: They cannot.
        """
        if self.repetitions is None:
            return
        at_least(1, "--repetitions", self.repetitions)
        fidelities = self._has_fidelities(parse_arguments(self.searcher_args, "searcher"))
        for given, what in (
            (fidelities, "a searcher of several fidelities trains each candidate once"),
            (self.extrapolate, "--extrapolate ends single trainings"),
            (self.zero_cost, "with --zero-cost no candidate is trained"),
        ):
            if given:
                raise SpaceError(f"--repetitions cannot be: {what}; leave out one of them")

    def stop_early(self, objective: str, maximize: bool) -> CurveStopping | None:
        """Return what ends trainings before their time; None without `--extrapolate`.

        Raises:
            SpaceError: The objective has no learning curve, or is one of several.
        """
        if not self.extrapolate:
            return None
        if self.objectives:
            raise SpaceError("--extrapolate goes by one objective; use --objective")
        if objective != "loss" and objective not in lowering.METRICS:
            raise SpaceError(f"--extrapolate needs an objective of training; {objective} is a cost")
        return evaluate.CurveStopping(Objective(objective, maximize))

    def train_config(self) -> TrainConfig:
        """Return how candidates are trained.

        Raises:
            TrainConfigError: A value is out of range, or the objective is unknown.
        """
        return lowering.TrainConfig(
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            label_smoothing=self.label_smoothing,
            augment=tuple(name for name in self.augment.split(",") if name),
            ema_decay=self.ema_decay,
            clip_norm=self.clip_norm,
            dtype=self.dtype,
            metrics=self._metrics(),
        )

    def _metrics(self) -> tuple[str, ...]:
        """Return the metrics to compute beside the loss; none leaves them to the task."""
        if self.objectives:
            names = [objective.name for objective in read_objectives(self.objectives)]
            return tuple(name for name in names if name in lowering.METRICS)
        name = self.objective
        return () if name is None or name in ("loss", *lowering.COSTS, *PROXY_NAMES) else (name,)

    def measured_costs(self) -> tuple[str, ...]:
        """Return the costs among the objectives for which programs have to run."""
        names = [objective.name for objective in read_objectives(self.objectives)]
        return measured_costs(names or [self.objective or ""])

    def choose_folder(self) -> Path:
        """Return the run folder: as named, or a new one, or to resume the last of its name."""
        if self.folder is not None:
            return self.folder
        parts = self.space.rpartition(":")[2], Path(self.data).stem, str(self.seed)
        first = Path("runs") / "-".join(parts)
        last, following, number = first, first, 1
        while is_run(following):
            last, number = following, number + 1
            following = first.with_name(f"{first.name}.{number}")
        return last if self.resume else following
