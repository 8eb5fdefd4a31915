"""What can be done to training images: values for `jarch.TrainConfig(augment=…)`.

Example:
    >>> import jarch as ja
    >>> ja.TrainConfig(augment=(ja.augment.Flip(0.5), ja.augment.Crop(padding=2), "mixup")).augment
    (Flip(probability=0.5), Crop(padding=2, mode='reflect'), Mixup(alpha=0.2))
"""

from .lowering.augmentation.kinds import (
    KINDS as KINDS,
    Augmentation as Augmentation,
    Crop as Crop,
    CutMix as CutMix,
    Cutout as Cutout,
    Flip as Flip,
    Mixup as Mixup,
    RandAugment as RandAugment,
)
