"""What is done to batches, gradients and weights in a step, beside the optimiser: as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jarch.lowering.augmentation.kinds import (
    Augmentation,
    as_augmentations,
    describe_augmentation,
    numbers_in,
    without_numbers,
)

from .config import TrainConfig

_PLACEHOLDER = 0.5


@dataclass(frozen=True, slots=True)
class Regularizers:
    """What is done, and how strongly; which of them there are shapes a program.

    Attributes:
        augment: To each batch, in order.
        ema_decay: Of the averages of weights, or a traced number; None without them.
        clip_norm: The largest norm that gradients have, or a traced number; None for no limit.
    """

    augment: tuple[Augmentation, ...] = ()
    ema_decay: Any = None
    clip_norm: Any = None

    @property
    def numbers(self) -> tuple[float, ...]:
        """What a program is given of them, in order."""
        found = [number for each in self.augment for number in numbers_in(each)]
        return (*found, *(n for n in (self.ema_decay, self.clip_norm) if n is not None))

    @property
    def shaping(self) -> Regularizers:
        """The same without numbers: equal for all that share a program."""
        return Regularizers(
            tuple(without_numbers(each) for each in self.augment),
            None if self.ema_decay is None else _PLACEHOLDER,
            None if self.clip_norm is None else _PLACEHOLDER,
        )

    def placed(self, values: Any) -> tuple[Regularizers, Any]:
        """Return them with numbers that may be traced, and those of the augmentations.

        Args:
            values: As `numbers` has them, or an array of them, perhaps after others.
        """
        count = len(self.numbers)
        own = values[len(values) - count :]
        rest = iter([own[i] for i in range(_augmenting(self), count)])
        decay = None if self.ema_decay is None else next(rest)
        clip = None if self.clip_norm is None else next(rest)
        return Regularizers(self.augment, decay, clip), own[: _augmenting(self)]

    def describe(self) -> Mapping[str, Any]:
        """Return what shapes a program, as plain data."""
        shaping = self.shaping
        return {
            "augment": [describe_augmentation(each) for each in shaping.augment],
            "averages": shaping.ema_decay is not None,
            "clips": shaping.clip_norm is not None,
        }


NO_REGULARIZERS = Regularizers()


def regularizers_of(config: TrainConfig) -> Regularizers:
    """Return what a configuration asks for."""
    return Regularizers(as_augmentations(config.augment), config.ema_decay, config.clip_norm)


def _augmenting(regularizers: Regularizers) -> int:
    return sum(len(each.numeric) for each in regularizers.augment)
