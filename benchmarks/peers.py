"""The decisions of the published MobileNet space, drawn by other libraries, without any graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def optuna_draws(count: int) -> Callable[[], object]:
    """Return a run of `count` draws by Optuna's random sampler, kept in memory.

    Raises:
        ImportError: Optuna is not installed.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def run() -> None:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        for _ in range(count):
            draw_with_optuna(study.ask())

    return run


def draw_with_optuna(trial: Any) -> dict[str, Any]:
    """Make the decisions of one architecture, and return them by name."""
    choose = trial.suggest_categorical
    choose("initial_filters", (16, 32, 64, 128))
    choose("initial_kernel_size", (3, 5, 7))
    choose("strides", (2,))
    choose("bn_opt", (0, 1))
    if choose("drop_opt", (0, 1)):
        choose("drop_rate", (0.5, 0.25, 0.125, 0.0625))
    choose("filter_multiplier", (1, 2, 4))
    choose("kernel_size", (3, 5))
    for reduction in range(choose("num_reductions", (2, 3))):
        _block(choose, f"reduction{reduction}", 2)
        for repeat in range(choose(f"repeats{reduction}", (1, 3))):
            _block(choose, f"reduction{reduction}/repeat{repeat}", 1)
    decided: dict[str, Any] = trial.params
    return decided


def _block(choose: Callable[..., Any], name: str, stride: int) -> None:
    """Make the decisions of a block that have one value each."""
    choose(f"{name}/depthwise_strides", (stride,))
    choose(f"{name}/kernel_size", (1,))
    choose(f"{name}/strides", (1,))


def pyglove_draws(count: int) -> Callable[[], object]:
    """Return a run of `count` draws of a like space by PyGlove, as nested dicts.

    PyGlove's choices hold what they lead to. A decision of one value is none there, so only
    those are left that have a choice.

    Raises:
        ImportError: PyGlove is not installed.
    """
    import pyglove as pg

    def reduction() -> Any:
        return pg.Dict(repeats=pg.oneof([1, 3]))

    space = pg.Dict(
        initial_filters=pg.oneof([16, 32, 64, 128]),
        initial_kernel_size=pg.oneof([3, 5, 7]),
        bn_opt=pg.oneof([0, 1]),
        drop_rate=pg.oneof([None, pg.oneof([0.5, 0.25, 0.125, 0.0625])]),
        filter_multiplier=pg.oneof([1, 2, 4]),
        kernel_size=pg.oneof([3, 5]),
        reductions=pg.oneof([[reduction() for _ in range(n)] for n in (2, 3)]),
    )

    def run() -> None:
        drawn = pg.random_sample(space, seed=0)
        for _ in range(count):
            next(drawn)

    return run
