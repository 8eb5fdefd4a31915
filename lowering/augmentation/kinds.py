"""What augmentations there are, as values: typed, checked when they are made. Imports no JAX.

Fields that are numbers in a program do not shape it: candidates that differ in them share one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, TypeAlias, cast

from jarch.lowering.training.errors import TrainConfigError


@dataclass(frozen=True, slots=True)
class Flip:
    """Mirror images left to right.

    Attributes:
        probability: Of each image to be mirrored.

    Example:
        >>> Flip(0.25).probability
        0.25
    """

    kind: ClassVar[str] = "flip"
    numeric: ClassVar[tuple[str, ...]] = ("probability",)
    mixes: ClassVar[bool] = False

    probability: float = 0.5

    def __post_init__(self) -> None:
        """Check each value."""
        _require(self, "probability", 1)


@dataclass(frozen=True, slots=True)
class Crop:
    """Pad images on all sides and cut a window of their own size out of them, at random.

    Attributes:
        padding: Pixels on each side; less than the images have.
        mode: `"reflect"` pads with the mirrored image, its edge not repeated, `"zero"` with 0.

    Example:
        >>> Crop(padding=2, mode="zero").mode
        'zero'
    """

    kind: ClassVar[str] = "crop"
    numeric: ClassVar[tuple[str, ...]] = ("padding",)
    mixes: ClassVar[bool] = False

    padding: int = 4
    mode: Literal["reflect", "zero"] = "reflect"

    def __post_init__(self) -> None:
        """Check each value."""
        _require(self, "padding", whole=True)
        if self.mode not in ("reflect", "zero"):
            raise TrainConfigError(f"crop: mode is {self.mode!r}; it must be 'reflect' or 'zero'")


@dataclass(frozen=True, slots=True)
class Cutout:
    """Set a square of each image to 0; what of it lies outside of the image is left out.

    Attributes:
        size: Pixels along a side; no more than the images have.

    Reference: DeVries & Taylor, "Improved regularization of convolutional neural networks with
        cutout" (2017).

    Example:
        >>> Cutout(4).size
        4
    """

    kind: ClassVar[str] = "cutout"
    numeric: ClassVar[tuple[str, ...]] = ("size",)
    mixes: ClassVar[bool] = False

    size: int = 16

    def __post_init__(self) -> None:
        """Check each value."""
        _require(self, "size", whole=True)


@dataclass(frozen=True, slots=True)
class Mixup:
    """Add two images, weighted, and their targets likewise; for classification.

    Attributes:
        alpha: Of the Beta(alpha, alpha) distribution from which the weight of a batch is drawn; the
            larger, the nearer to one half. 0 mixes nothing.

    Reference: Zhang et al., "mixup: beyond empirical risk minimization" (2018).

    Example:
        >>> Mixup(0.4).alpha
        0.4
    """

    kind: ClassVar[str] = "mixup"
    numeric: ClassVar[tuple[str, ...]] = ("alpha",)
    mixes: ClassVar[bool] = True

    alpha: float = 0.2

    def __post_init__(self) -> None:
        """Check each value."""
        _require(self, "alpha")


@dataclass(frozen=True, slots=True)
class CutMix:
    """Put a rectangle of another image in each, and mix targets by area; for classification.

    Attributes:
        alpha: As of `Mixup`: of the part of the image that stays.
        probability: Of a batch to be mixed; the paper takes 0.5 for CIFAR and 1 for ImageNet.

    Reference: Yun et al., "CutMix: regularization strategy to train strong classifiers with
        localizable features" (2019).

    Example:
        >>> CutMix(probability=0.5).alpha
        1.0
    """

    kind: ClassVar[str] = "cutmix"
    numeric: ClassVar[tuple[str, ...]] = ("alpha", "probability")
    mixes: ClassVar[bool] = True

    alpha: float = 1.0
    probability: float = 1.0

    def __post_init__(self) -> None:
        """Check each value."""
        _require(self, "alpha")
        _require(self, "probability", 1)


@dataclass(frozen=True, slots=True)
class RandAugment:
    """Change each image by some of 14 operations, drawn at random, all of one magnitude.

    Attributes:
        magnitude: From 0 to 10, as in the authors' code. At 0 what has a strength does nothing;
            stretching of contrast and equalisation have none.
        layers: How many operations one after the other; shapes the program.
        probability: Of each operation to be applied; the paper applies all.
        low: The least value that a pixel has: black.
        high: The highest.

    Reference: Cubuk et al., "RandAugment: practical automated data augmentation with a reduced
        search space" (2020).

    Example:
        >>> RandAugment(5).layers
        2
    """

    kind: ClassVar[str] = "randaugment"
    numeric: ClassVar[tuple[str, ...]] = ("magnitude", "probability", "low", "high")
    mixes: ClassVar[bool] = False

    magnitude: float = 9.0
    layers: int = 2
    probability: float = 1.0
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        """Check each value."""
        _require(self, "magnitude", 10)
        _require(self, "layers", whole=True)
        _require(self, "probability", 1)
        _require(self, "low", least=-math.inf)
        _require(self, "high", least=-math.inf)
        if self.layers < 1 or self.low >= self.high:
            raise TrainConfigError(
                f"randaugment: layers is {self.layers} and pixels are of {self.low} to "
                f"{self.high}; layers must be 1 or more, and low less than high"
            )


Augmentation: TypeAlias = Flip | Crop | Cutout | Mixup | CutMix | RandAugment

KINDS: Mapping[str, type[Augmentation]] = {
    each.kind: each for each in (Flip, Crop, Cutout, Mixup, CutMix, RandAugment)
}
"""All augmentations by name."""


def as_augmentations(given: Iterable[str | Augmentation]) -> tuple[Augmentation, ...]:
    """Return augmentations, those that were named looked up.

    Args:
        given: Values, or texts: a name, or a name and the first of its numbers.

    Raises:
        TrainConfigError: A text is none of this kind, or it is not a sequence.

    Example:
        >>> as_augmentations(("flip", "cutout=4", Mixup(0.4)))
        (Flip(probability=0.5), Cutout(size=4), Mixup(alpha=0.4))
    """
    found = cast(object, given)
    if isinstance(found, str) or not isinstance(found, Iterable):
        one = found if isinstance(found, (str, *KINDS.values())) else "flip"
        raise TrainConfigError(f"augment is {found!r}; give a tuple, such as ({one!r},)")
    return tuple(_parsed(each) if isinstance(each, str) else _checked(each) for each in given)


def numbers_in(augmentation: Augmentation) -> tuple[float, ...]:
    """Return the numbers that a program is given of an augmentation, in order."""
    return tuple(float(getattr(augmentation, name)) for name in augmentation.numeric)


def without_numbers(augmentation: Augmentation) -> Augmentation:
    """Return what shapes a program: the augmentation with its default numbers.

    Example:
        >>> without_numbers(Crop(2, "zero"))
        Crop(padding=4, mode='zero')
    """
    shaping = [each.name for each in fields(augmentation) if each.name not in augmentation.numeric]
    return type(augmentation)(**{name: getattr(augmentation, name) for name in shaping})


def describe_augmentation(augmentation: Augmentation) -> dict[str, Any]:
    """Return an augmentation as plain data.

    Example:
        >>> describe_augmentation(Cutout(4))
        {'kind': 'cutout', 'size': 4}
    """
    return {"kind": augmentation.kind, **asdict(augmentation)}


def read_augmentation(described: Mapping[str, Any]) -> Augmentation:
    """Return the augmentation that was described.

    Raises:
        TrainConfigError: It is none.
    """
    values = dict(described)
    return _found(str(values.pop("kind", "")))(**values)


def _parsed(text: str) -> Augmentation:
    name, given, value = text.partition("=")
    kind = _found(name.strip())
    if not given:
        return kind()
    try:
        number = int(value) if value.strip().isdigit() else float(value)
    except ValueError:
        raise TrainConfigError(
            f"augment has {text!r}; write {name}=NUMBER, its {kind.numeric[0]}"
        ) from None
    return kind(**{kind.numeric[0]: number})  # type: ignore[arg-type]


def _found(name: str) -> type[Augmentation]:
    if name not in KINDS:
        raise TrainConfigError(f"there is no augmentation {name!r}; there are {[*KINDS]}")
    return KINDS[name]


def _checked(augmentation: object) -> Augmentation:
    if not isinstance(augmentation, (Flip, Crop, Cutout, Mixup, CutMix, RandAugment)):
        raise TrainConfigError(
            f"augment has {augmentation!r}; give a name in {[*KINDS]}, or one of jarch.augment"
        )
    return augmentation


def _require(
    augmentation: Any,
    name: str,
    most: float = math.inf,
    *,
    least: float = 0,
    whole: bool = False,
) -> None:
    value = getattr(augmentation, name)
    kinds = (int,) if whole else (int, float)
    fits = isinstance(value, kinds) and not isinstance(value, bool)
    if fits and math.isfinite(value) and least <= value <= most:
        return
    what = "a whole number" if whole else "a number"
    limits = f" of {least:g} to {most:g}" if math.isfinite(most) else f" of at least {least:g}"
    raise TrainConfigError(f"{augmentation.kind}: {name} is {value!r}; it must be {what}{limits}")
