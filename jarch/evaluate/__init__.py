"""Evaluators: what a candidate is worth."""

from .costs import CostMeter as CostMeter, LimitExceeded as LimitExceeded
from .final import merge_validation as merge_validation, train_final as train_final
from .training import TrainingEvaluator as TrainingEvaluator, input_shapes as input_shapes
