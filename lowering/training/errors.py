"""What can go wrong in training, in its configuration and in exporting."""

from collections.abc import Mapping, Sequence
from typing import Any


class TrainConfigError(ValueError):
    """A training configuration that makes no sense, alone or for the data at hand.

    Example:
        >>> import jarch as ja
        >>> try:
        ...     ja.TrainConfig(epochs=0)
        ... except ja.TrainConfigError as error:
        ...     print(error)
        epochs is 0; it must be an integer, 1 or more
    """


class TrainingFailed(RuntimeError):
    """Training could not go on; the message says why.

    Attributes:
        epoch: The epoch in which it happened, counted from 1; 0 before the first.
        costs: What the model is known to cost, by name; an evaluator fills it in.

    Example:
        >>> import jarch as ja
        >>> def evaluate(architecture, seed):
        ...     raise ja.TrainingFailed("the training loss is nan", epoch=3)
        >>> found = ja.random_search(ja.spaces.digits_dense, evaluate, 1)
        >>> found.evaluations[0].status, found.evaluations[0].reason
        ('failed', 'TrainingFailed: epoch 3: the training loss is nan')
    """

    def __init__(self, reason: str, epoch: int = 0) -> None:
        """Make the error from its reason and epoch."""
        super().__init__(f"epoch {epoch}: {reason}" if epoch else reason)
        self.epoch = epoch
        self.costs: Mapping[str, float] = {}


class TrainingInterrupted(KeyboardInterrupt):
    """A keyboard interrupt during training; nothing that was trained is lost.

    Attributes:
        parts: Where each candidate stands, in order: the `Partial` of `fit` and `fit_partly`, whose
            checkpoint `fit_partly` goes on from; of a population what its function would have
            returned, or None for those that it has nothing to tell of.

    Example:
        >>> import jarch as ja
        >>> def train(net, data, config):
        ...     try:
        ...         return ja.fit(net, data, config)
        ...     except ja.TrainingInterrupted as interrupted:
        ...         ja.save_checkpoint(interrupted.parts[0].checkpoint, "interrupted")
        ...         raise
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        """Make the error from what there is."""
        super().__init__("training was interrupted; `parts` says where it stands")
        self.parts = tuple(parts)


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or is not of this architecture, configuration and data.

    Example:
        >>> import jarch as ja
        >>> try:
        ...     ja.load_checkpoint("nowhere")
        ... except ja.CheckpointError as error:
        ...     print(str(error).partition("nowhere ")[2].partition(":")[0])
        holds no checkpoint that can be read
    """


class ExportError(RuntimeError):
    """A trained model that cannot be saved, or is not the same when it is loaded.

    Example:
        >>> import jarch as ja
        >>> try:
        ...     ja.load("nowhere")
        ... except ja.ExportError as error:
        ...     print(str(error).partition("nowhere ")[2])
        has no architecture.json; give a folder that save wrote
    """


class InputError(ValueError):
    """What a trained model was given does not have the shape or type it was trained on."""
