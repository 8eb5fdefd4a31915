"""What can go wrong in training, in its configuration and in exporting."""


class TrainConfigError(ValueError):
    """A training configuration that makes no sense, alone or for the data at hand."""


class TrainingFailed(RuntimeError):
    """Training could not go on; the message says why.

    Attributes:
        epoch: The epoch in which it happened, counted from 1; 0 before the first.
    """

    def __init__(self, reason: str, epoch: int = 0) -> None:
        """Make the error from its reason and epoch."""
        super().__init__(f"epoch {epoch}: {reason}" if epoch else reason)
        self.epoch = epoch


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or is not of this architecture, configuration and data."""


class ExportError(RuntimeError):
    """A trained model that cannot be saved, or is not the same when it is loaded."""


class InputError(ValueError):
    """What a trained model was given does not have the shape or type it was trained on."""
