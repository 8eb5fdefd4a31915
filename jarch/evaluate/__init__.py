"""Evaluators: what a candidate is worth."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jarch.ir.lazy_names import lazy_names

from .costs import CostMeter as CostMeter, LimitExceeded as LimitExceeded
from .final import merge_validation as merge_validation, train_final as train_final
from .repeats import RepeatedEvaluator as RepeatedEvaluator
from .training import TrainingEvaluator as TrainingEvaluator, input_shapes as input_shapes

if TYPE_CHECKING:
    from .curves import Extrapolation as Extrapolation, extrapolate as extrapolate
    from .stopping import CurveStopping as CurveStopping

_LAZY: Mapping[str, str] = {
    "CurveStopping": "stopping",
    "Extrapolation": "curves",
    "extrapolate": "curves",
}
"""Names that are loaded on first use, for scipy takes long to import."""

if not TYPE_CHECKING:  # checkers see the names above, and so find misspelt ones
    __getattr__, __dir__ = lazy_names(__name__, globals(), _LAZY)
