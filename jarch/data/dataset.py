"""What a model is trained, selected and judged on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .checks import check_inputs, check_labels, check_targets
from .errors import DataError

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Dataset:
    """Inputs and targets, split three ways; checked when it is made.

    N is the number of examples in a split. Data sets are compared by identity.

    Attributes:
        x_train: Inputs of shape (N, …), float32, or integers such as tokens; images are NHWC.
        y_train: Class indices of shape (N,), int32, or regression targets of shape (N,) or (N, K),
            float32.
        x_validation: Inputs that models are selected on; may be empty.
        y_validation: Their targets.
        x_test: Inputs that nothing is selected on; may be empty.
        y_test: Their targets.
        name: What tables call it.
        num_classes: How many classes there are, or None for regression.
        class_names: The classes by index, where they have names.

    Raises:
        DataError: Shapes do not fit, there are NaNs, a class is empty or a label out of range.

    Example:
        >>> import numpy as np
        >>> x, y = np.zeros((4, 8), np.float32), np.array([0, 1, 0, 1])
        >>> data = Dataset(x, y, x[:2], y[:2], x[:2], y[:2], num_classes=2)
        >>> data.input_shape
        (8,)
    """

    x_train: Array
    y_train: Array
    x_validation: Array
    y_validation: Array
    x_test: Array
    y_test: Array
    name: str = "data"
    num_classes: int | None = None
    class_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Check everything that can be checked without a model."""
        splits = self.splits
        for split, (x, y) in splits.items():
            check_inputs(x, f"{self.name}: x_{split}", self.x_train.shape[1:])
            if len(x) != len(y):
                raise DataError(
                    f"{self.name}: x_{split} has {len(x)} examples and y_{split} has {len(y)}; "
                    "give one target for each example"
                )
        if not len(self.x_train):
            raise DataError(f"{self.name}: the training split is empty; give it examples")
        for split, (_, y) in splits.items():
            if self.num_classes is None:
                check_targets(y, f"{self.name}: y_{split}", self.y_train.shape[1:])
            else:
                check_labels(y, f"{self.name}: y_{split}", self.num_classes)
        if self.num_classes is not None:
            self._check_classes(self.num_classes)

    @property
    def splits(self) -> dict[str, tuple[Array, Array]]:
        """Inputs and targets of `"train"`, `"validation"` and `"test"`."""
        return {
            "train": (self.x_train, self.y_train),
            "validation": (self.x_validation, self.y_validation),
            "test": (self.x_test, self.y_test),
        }

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self.x_train.shape[1:]

    def __str__(self) -> str:
        """Say in a line what it holds."""
        sizes = ", ".join(f"{len(x):,} {split}" for split, (x, _) in self.splits.items())
        kind = "regression" if self.num_classes is None else f"{self.num_classes} classes"
        return f"{self.name}: {self.input_shape}, {kind}; {sizes}"

    def _check_classes(self, num_classes: int) -> None:
        if self.class_names is not None and len(self.class_names) != num_classes:
            raise DataError(
                f"{self.name}: {len(self.class_names)} class names for {num_classes} classes; "
                "give each class one name"
            )
        counts = np.bincount(self.y_train, minlength=num_classes)
        empty = [int(i) for i in np.flatnonzero(counts == 0)]
        if empty:
            named = [self.class_names[i] if self.class_names else i for i in empty[:10]]
            raise DataError(
                f"{self.name}: {len(empty)} of {num_classes} classes have no training example: "
                f"{named}; add examples, or number the classes 0, 1, … without gaps (and make the "
                "targets floating point if this is regression)"
            )
