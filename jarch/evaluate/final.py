"""Train what a search chose once more, on all that it may learn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from jarch import lowering
from jarch.data import Dataset
from jarch.ir import Architecture

if TYPE_CHECKING:
    from jarch.lowering import EpochReport, TrainConfig, Trained


def merge_validation(data: Dataset) -> Dataset:
    """Return the data with the validation split among the training examples.

    Example:
        >>> import jarch as ja
        >>> print(merge_validation(ja.load_data("digits")))
        digits: (8, 8, 1), 10 classes; 1,438 train, 0 validation, 359 test
    """
    return replace(
        data,
        x_train=np.concatenate([data.x_train, data.x_validation]),
        y_train=np.concatenate([data.y_train, data.y_validation]),
        x_validation=data.x_validation[:0],
        y_validation=data.y_validation[:0],
    )


def train_final(
    architecture: Architecture,
    data: Dataset,
    config: TrainConfig,
    on_epoch: Callable[[EpochReport], object] | None = None,
    *,
    memory_limit: float | None = None,
) -> Trained:
    """Train an architecture on the training and validation splits together.

    Args:
        architecture: The one chosen.
        data: What it was chosen on.
        config: How to train; early stopping is turned off, as nothing is left to watch.
        on_epoch: Called with a report after each epoch.
        memory_limit: As for `jarch.fit`.

    Raises:
        ShapeError: As for `jarch.fit`.
        TrainConfigError: As for `jarch.fit`.
        TrainingFailed: As for `jarch.fit`.

    Example:
        >>> import jarch as ja
        >>> rng = np.random.default_rng(0)
        >>> data = ja.from_arrays(rng.normal(size=(40, 3)), np.arange(40) % 2)
        >>> net = ja.replay(ja.trace(lambda: ja.nn.dense(features=2)), [])
        >>> trained = train_final(net, data, ja.TrainConfig(epochs=1, batch_size=8))
        >>> sorted(trained.evaluate(data.x_test, data.y_test))
        ['accuracy', 'loss']
    """
    config = replace(config, early_stopping_patience=None)
    return lowering.fit(
        architecture,
        merge_validation(data),
        config,
        on_epoch=on_epoch,
        memory_limit=memory_limit,
    )
